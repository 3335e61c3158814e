"""The sample data generator, run as its users run it, and the sample that is committed."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.orc
import pyarrow.parquet
import pytest
from tests.generated_samples import (
    ALL_FORMATS,
    ROOT,
    SAMPLE_OPTIONS,
    SINGLE_FILE_OPTIONS,
    TYPED,
    csv_rows,
    files_with_rows,
    format_of,
    generated,
    read,
    run,
    values,
)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Both datasets in every format, with many defects."""
    out = tmp_path_factory.mktemp("everything")
    shares = [f"--defect={name}=0.08" for name in ("missing_required", "bad_type", "duplicate", "ragged", "orphan")]
    return out, generated(out, "--customers", 300, "--transactions", 1500, "--formats", ALL_FORMATS, *shares)


def test_the_committed_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    generated(tmp_path, *SAMPLE_OPTIONS)
    committed = {path.relative_to(ROOT / "sample-data") for path in (ROOT / "sample-data").rglob("*.*")}
    again = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    assert committed == again
    broken = Path("transactions/2024/01/16/transactions-007.parquet")
    for path in committed - {broken}:
        if format_of(path) in TYPED:
            assert read(ROOT / "sample-data" / path) == read(tmp_path / path), path
        else:
            assert (ROOT / "sample-data" / path).read_bytes() == (tmp_path / path).read_bytes(), path


def test_the_committed_sample_is_small() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "sample-data").rglob("*.*")]
    assert sum(sizes) < 500_000


def test_the_single_sample_file_is_what_the_generator_writes(tmp_path: Path) -> None:
    manifest = generated(tmp_path, *SINGLE_FILE_OPTIONS)
    assert manifest["totals"]["transactions"]["defects"] == {"bad_type": 1, "ragged": 1}
    assert (tmp_path / manifest["files"][0]["path"]).read_bytes() == (ROOT / "sample-data.csv").read_bytes()


def test_the_single_sample_file_fits_to_the_committed_sample() -> None:
    customers, transactions = set(), set()
    for path in (ROOT / "sample-data").rglob("*-00[1-6].*"):
        ids = {row[0] for row in values(path)}
        (customers if path.name.startswith("customers") else transactions).update(ids)
    _header, *rows = csv_rows(ROOT / "sample-data.csv")
    assert {row[1] for row in rows} <= customers
    assert not {row[0] for row in rows} & transactions


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    options = ("--transactions", 40, "--customers", 10, "--formats", "csv,csv.gz,jsonl")
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        generated(tmp_path / name, *options, "--seed", seed)
    path = "transactions/2024/01/16/transactions-002.csv.gz"
    one, two, three = ((tmp_path / name / path).read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_files_lie_in_day_folders_below_their_dataset(everything: tuple[Path, dict[str, Any]]) -> None:
    _, manifest = everything
    paths = [file["path"] for file in manifest["files"]]
    assert "customers/2024/01/15/customers-001.csv" in paths
    assert "transactions/2024/01/16/transactions-002.csv.gz" in paths
    assert len(paths) == 14


def test_the_manifest_counts_the_rows_that_the_files_hold(everything: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = everything
    for file, rows in files_with_rows(out, manifest):
        assert len(rows) == file["rows"], file["path"]
    assert manifest["totals"]["customers"]["rows"] == 300
    assert manifest["totals"]["transactions"]["rows"] == 1500


def test_the_manifest_counts_the_distinct_keys(everything: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = everything
    keys: dict[str, set[str]] = {"customers": set(), "transactions": set()}
    for file, rows in files_with_rows(out, manifest):
        keys[file["dataset"]].update(row[0] for row in rows if row[0])
    for dataset, found in keys.items():
        assert len(found) == manifest["totals"][dataset]["distinct_keys"]


def test_the_manifest_names_every_defect_and_where_it_is(everything: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = everything
    seen: Counter[str] = Counter()
    for file, rows in files_with_rows(out, manifest):
        names = list(read(out / file["path"])[0])
        for note in file["defective_rows"]:
            row = rows[note["row"] - 1]
            assert row[0] == note["key"] or not note["key"]
            if "value" in note:
                plain = [name.lower().replace(" ", "").replace("_", "") for name in names]
                assert row[plain.index(note["column"].replace("_", ""))] == note["value"]
            seen[note["defect"]] += 1
    expected = Counter[str]()
    for total in manifest["totals"].values():
        expected.update(total["defects"])
    assert seen == expected
    assert set(seen) == set(manifest["options"]["shares"])


def test_ragged_rows_have_the_recorded_number_of_fields(everything: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = everything
    for file in manifest["files"]:
        if not file["format"].startswith("csv"):
            assert "ragged" not in file["defects"]
            continue
        header, *rows = csv_rows(out / file["path"])
        ragged = {n: len(row) for n, row in enumerate(rows, start=1) if len(row) != len(header)}
        notes = [note for note in file["defective_rows"] if note["defect"] == "ragged"]
        assert ragged == {note["row"]: note["fields"] for note in notes}


def test_sound_transactions_refer_to_sound_customers(everything: tuple[Path, dict[str, Any]]) -> None:
    out, manifest = everything
    customers = set()
    for file, rows in files_with_rows(out, manifest):
        defective = {note["row"] for note in file["defective_rows"]}
        sound = [row for number, row in enumerate(rows, start=1) if number not in defective]
        if file["dataset"] == "customers":
            customers.update(row[0] for row in sound)
        else:
            assert {row[1] for row in sound} <= customers
            orphans = [n["value"] for n in file["defective_rows"] if n["defect"] == "orphan"]
            assert not set(orphans) & customers


def test_a_duplicate_repeats_an_earlier_row_or_is_a_later_version_of_it(
    everything: tuple[Path, dict[str, Any]],
) -> None:
    out, manifest = everything
    parquet = [file for file in manifest["files"] if file["format"] == "parquet"]
    times: dict[str, datetime] = {}
    for file, rows in files_with_rows(out, manifest):
        if file["dataset"] == "transactions" and file["format"] in TYPED:
            defective = {note["row"] for note in file["defective_rows"]}
            times.update((row[0], row[2]) for n, row in enumerate(rows, start=1) if n not in defective)
    for file in parquet:
        for note in file["defective_rows"]:
            if note["defect"] == "duplicate" and note["key"] in times:
                again = values(out / file["path"])[note["row"] - 1][2]
                assert (again == times[note["key"]]) == (note["kind"] == "exact")
                assert again >= times[note["key"]]


@pytest.mark.parametrize("fmt", TYPED)
def test_binary_formats_carry_types(everything: tuple[Path, dict[str, Any]], fmt: str) -> None:
    out, _ = everything
    transaction = read(next(out.glob(f"transactions/*/*/*/*.{fmt}")))[0]
    customer = read(next(out.glob(f"customers/*/*/*/*.{fmt}")))[0]
    assert isinstance(transaction["amount"], Decimal)
    assert isinstance(transaction["transaction_time"], datetime)
    assert isinstance(transaction["quantity"], int)
    assert isinstance(customer["date_of_birth"], date)
    assert isinstance(customer["marketing_opt_in"], bool)
    assert transaction["product_code"].startswith("00")


def test_text_formats_name_their_columns_as_sources_do(everything: tuple[Path, dict[str, Any]]) -> None:
    out, _ = everything
    assert "Transaction ID" in read(next(out.glob("transactions/*/*/*/*.csv")))[0]
    assert "transactionId" in read(next(out.glob("transactions/*/*/*/*.json")))[0]
    assert "marketingOptIn" in read(next(out.glob("customers/*/*/*/*.jsonl")))[0]


def test_text_holds_what_breaks_naive_readers(everything: tuple[Path, dict[str, Any]]) -> None:
    out, _ = everything
    text = "".join(row[-1] for row in values(next(out.glob("transactions/*/*/*/*.json"))))
    assert all(mark in text for mark in (",", '"', "\n", "ö", "注"))
    postal_codes = [row["postalCode"] for row in read(next(out.glob("customers/*/*/*/*.jsonl")))]
    assert any(code.startswith("0") for code in postal_codes)


def test_clean_data_has_no_defect(tmp_path: Path) -> None:
    manifest = generated(tmp_path, "--clean", "--customers", 20, "--transactions", 100)
    assert manifest["totals"]["transactions"]["sound_rows"] == 100
    assert manifest["totals"]["transactions"]["defects"] == {}


def test_a_share_of_one_spoils_every_row(tmp_path: Path) -> None:
    options = ("--clean", "--defect", "negative_amount=1", "--transactions", 30, "--formats", "jsonl")
    generated(tmp_path, *options)
    assert all(row["amount"] < 0 for row in read(next(tmp_path.glob("transactions/*/*/*/*.jsonl"))))


@pytest.mark.parametrize("kind", ["parquet", "csv.gz"])
def test_a_broken_file_cannot_be_read(tmp_path: Path, kind: str) -> None:
    manifest = generated(tmp_path, "--transactions", 20, "--broken-file", kind)
    broken = manifest["broken_files"][0]
    with pytest.raises((pyarrow.ArrowInvalid, EOFError)):
        read(tmp_path / broken["path"])
    assert manifest["totals"]["transactions"]["rows"] == 20
    assert broken["path"] not in [file["path"] for file in manifest["files"]]


def test_more_files_of_one_format_share_the_rows(tmp_path: Path) -> None:
    options = ("--formats", "parquet", "--files-per-format", 4, "--days", 3, "--transactions", 10)
    manifest = generated(tmp_path, *options, "--manifest", tmp_path / "_expected.json")
    rows = [file["rows"] for file in manifest["files"] if file["dataset"] == "transactions"]
    assert rows == [2, 3, 2, 3]


def test_no_rows_are_asked_for_and_none_are_written(tmp_path: Path) -> None:
    manifest = generated(tmp_path, "--customers", 0, "--transactions", 0)
    assert manifest["files"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--transactions", "-1"), "--transactions must be at least 0"),
        (("--files-per-format", "0"), "--files-per-format must be at least 1"),
        (("--days", "0"), "--days must be at least 1"),
        (("--defect", "typo=0.1"), "unknown defect 'typo'"),
        (("--defect", "orphan=1.5"), "a share lies between 0 and 1"),
        (("--defect", "orphan=nan"), "a share lies between 0 and 1"),
        (("--defect", "orphan"), "write orphan=SHARE"),
        (("--defect", "orphan=0.6", "--defect", "duplicate=0.6"), "add up to"),
        (("--formats", "xml"), "--formats xml: use a comma-separated list of"),
        (("--start-date", "15.01.2024"), "write a date as YYYY-MM-DD"),
        (("--broken-file", "zip"), "--broken-file zip: use one of parquet, csv.gz"),
        (("--customers", "0"), "transactions belong to customers"),
    ],
)
def test_bad_input_gets_one_clear_line_and_status_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(tmp_path / "out", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_gets_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(tmp_path / "file")
    assert done.returncode == 2
    assert done.stderr == f"error: cannot write {tmp_path / 'file'}: File exists\n"


def test_files_that_are_there_are_never_overwritten(tmp_path: Path) -> None:
    generated(tmp_path, "--transactions", 10)
    done = run(tmp_path, "--transactions", 10)
    assert done.returncode == 2
    assert "already holds files" in done.stderr
