"""A batch's files: told apart by content, read together, and each broken one set apart with its reason."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
import zstandard
from pyspark.sql import SparkSession

from etl.contracts import Column, Contract, Source
from etl.discovery import SourceFile, source_file
from etl.reading.batch_files import GONE, BatchFiles, BatchReader
from utils.glue_utils import Storage
from utils.spark_versions import RUN_ERRORS

ORDERS = Contract("orders", (Column("id"), Column("v")))
FOLDER = "data/incoming/orders/2024/01/15"
Put = Callable[..., SourceFile]
Outcome = tuple[Counter[str], dict[str, str]]


@pytest.fixture
def put(lake: Any, storage: Storage) -> Put:
    """A factory of files in raw, as discovery lists them."""

    def make(name: str, content: bytes | str) -> SourceFile:
        lake.put("raw", f"{FOLDER}/{name}", content)
        raw = f"s3://{lake.bucket('raw')}/"
        [stored] = [file for file in storage.list_folder(f"{raw}{FOLDER}/") if file.uri == f"{raw}{FOLDER}/{name}"]
        return source_file(stored, raw, {})

    return make


@pytest.fixture
def reader_of(spark: SparkSession, storage: Storage, lake: Any) -> Callable[..., BatchReader]:
    """A factory of readers of one batch."""
    raw, staging = f"s3://{lake.bucket('raw')}/", f"s3://{lake.bucket('processed')}/_staging/orders/batch_id=b1/"
    lake.folder("processed")
    return lambda contract=ORDERS: BatchReader(spark, storage, contract, raw, staging)


@pytest.fixture
def outcome(reader_of: Callable[..., BatchReader]) -> Callable[..., Outcome]:
    """A function: the ids that a batch gives and the refused files by name, found as ingestion finds them."""

    def read(files: list[SourceFile], contract: Contract = ORDERS) -> Outcome:
        reader = reader_of(contract)
        batch = reader.look_at(files)
        while True:
            opened = reader.open(batch)
            batch = opened.files
            try:
                ids = Counter(row["id"] for row in opened.frame.select("id").collect()) if opened.frame else Counter()
                break
            except RUN_ERRORS:
                culprits = reader.unreadable(batch)
                assert culprits
                batch = batch.without(culprits)
        names = [item.file.name for item in batch.refused]
        assert len(set(names)) == len(names)
        return ids, {item.file.name: item.reason for item in batch.refused}

    return read


def csv_text(*ids: int) -> str:
    return "id,v\n" + "".join(f"{number},x\n" for number in ids)


def parquet_bytes(*ids: int) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"id": [str(n) for n in ids], "v": ["x" * 200] * len(ids)}), sink)
    return sink.getvalue()


def orc_bytes(*ids: int) -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(
        pa.table({"id": [str(n) for n in ids], "v": [f"{n:0200d}" for n in ids]}), sink, compression="zlib"
    )
    return sink.getvalue()


def overwritten(content: bytes, start: int, length: int) -> bytes:
    """The content with noise where its data lies; magic bytes and footer stay."""
    return content[:start] + bytes((7 * n + 3) % 256 for n in range(length)) + content[start + length :]


def truncated_gzip() -> bytes:
    noise = "".join(f"{n},{(n * 2654435761) % 2**32:x}\n" for n in range(50_000))
    return gzip.compress(f"id,v\n{noise}".encode())[:-2000]


BROKEN: dict[str, tuple[bytes, str]] = {
    "truncated.csv.gz": (truncated_gzip(), ".csv"),
    "damaged.parquet": (overwritten(parquet_bytes(*range(100)), 4, 300), ".parquet"),
    "cut.parquet": (parquet_bytes(*range(100))[:-20], ".parquet"),
    "lying.parquet": (b"PAR1" + b"\x00" * 40 + b"\x05\x00\x00\x00PAR1", ".parquet"),
    "damaged.orc": (overwritten(orc_bytes(*range(2000)), 3, 2000), ".orc"),
    "cut.orc": (orc_bytes(*range(100))[:-30], ".orc"),
    "cut.json": (json.dumps([{"id": str(n), "v": "x"} for n in range(9)], indent=1)[:-30].encode(), ".json"),
    "damaged.avro": (b"Obj\x01" + bytes(range(200)), ".avro"),
    "empty.csv": (b"", ".csv"),
    "blank.csv": (b" \n\n", ".csv"),
}
GOOD: dict[str, Callable[..., bytes]] = {
    ".csv": lambda n: csv_text(n).encode(),
    ".parquet": parquet_bytes,
    ".orc": orc_bytes,
    ".json": lambda n: json.dumps([{"id": str(n), "v": "x"}]).encode(),
    ".avro": lambda n: csv_text(n).encode(),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_among_many_costs_only_itself(put: Put, outcome: Any, broken: str) -> None:
    content, extension = BROKEN[broken]
    good = [put(f"good-{n}{extension.replace('.avro', '.csv')}", GOOD[extension](n)) for n in range(4)]
    ids, refused = outcome([*good[:2], put(broken, content), *good[2:]])
    assert ids == Counter("0123")
    assert list(refused) == [broken]
    assert refused[broken]
    assert "\n" not in refused[broken]


def test_several_broken_files_of_several_formats_are_all_found_at_once(put: Put, outcome: Any) -> None:
    good = [put(f"good{extension}.x", GOOD[extension](n)) for n, extension in enumerate((".csv", ".parquet", ".orc"))]
    ids, refused = outcome([*good, *(put(name, content) for name, (content, _) in BROKEN.items())])
    assert ids == Counter("012")
    assert set(refused) == set(BROKEN)


def test_when_all_files_are_broken_no_frame_is_left(put: Put, outcome: Any) -> None:
    names = ("damaged.parquet", "empty.csv", "truncated.csv.gz")
    ids, refused = outcome([put(name, BROKEN[name][0]) for name in names])
    assert (ids, set(refused)) == (Counter(), set(names))


def test_a_file_that_is_gone_before_it_is_opened_is_refused_as_gone(put: Put, outcome: Any, lake: Any) -> None:
    files = [put("a.csv", csv_text(1)), put("b.csv", csv_text(2))]
    (lake.folder("raw") / FOLDER / "a.csv").unlink()
    assert outcome(files) == (Counter("2"), {"a.csv": GONE})


def test_a_file_that_goes_while_it_is_read_is_refused_as_gone(put: Put, reader_of: Any, lake: Any) -> None:
    reader = reader_of()
    batch = reader.look_at([put("a.csv", csv_text(1)), put("b.csv", csv_text(2))])
    reader.open(batch)
    (lake.folder("raw") / FOLDER / "a.csv").unlink()
    assert [(item.file.name, item.reason) for item in reader.unreadable(batch)] == [("a.csv", GONE)]


def test_files_that_can_all_be_read_have_no_culprit(put: Put, reader_of: Any) -> None:
    reader = reader_of()
    batch = reader.look_at([put("a.csv", csv_text(1)), put("b.parquet", parquet_bytes(2))])
    assert reader.unreadable(batch) == []


def test_files_whose_column_types_differ_are_read_all_the_same(put: Put, outcome: Any) -> None:
    def typed(value: Any) -> bytes:
        sink = io.BytesIO()
        pyarrow.parquet.write_table(pa.table({"id": [value]}), sink)
        return sink.getvalue()

    ids, refused = outcome([put(f"{n}.parquet", typed(value)) for n, value in enumerate((1, "two", 3.5, True))])
    assert (ids, refused) == (Counter(["1", "two", "3.5", "true"]), {})


def test_headers_that_differ_by_case_order_and_columns_meet_in_one_frame(put: Put, outcome: Any) -> None:
    ids, refused = outcome([put("a.csv", "id,v\n1,x\n"), put("b.csv", "V;ID\nx;2\n"), put("c.csv", "Id,more\n3,y\n")])
    assert (ids, refused) == (Counter("123"), {})


@pytest.mark.parametrize("extension", [".parquet", ".orc"])
def test_columnar_files_whose_columns_differ_by_case_meet_in_one_frame(put: Put, outcome: Any, extension: str) -> None:
    def spelled(name: str, value: str) -> bytes:
        sink, table = io.BytesIO(), pa.table({name: [value]})
        writer = pyarrow.parquet.write_table if extension == ".parquet" else pyarrow.orc.write_table
        writer(table, sink)
        return sink.getvalue()

    files = [put(f"{n}{extension}", spelled(name, str(n))) for n, name in enumerate(("id", "ID", "Id"))]
    assert outcome(files) == (Counter("012"), {})


def test_json_files_whose_keys_differ_by_case_meet_in_one_frame(put: Put, outcome: Any) -> None:
    lines = ('{"id": 1}\n', '{"ID": 2}\n{"ID": 3}\n', '{"Id": 4}\n')
    assert outcome([put(f"{n}.json", text) for n, text in enumerate(lines)]) == (Counter("1234"), {})


def test_a_json_file_that_spells_a_key_in_two_ways_has_one_column_of_it(put: Put, outcome: Any) -> None:
    ids, refused = outcome(
        [put("a.json", '{"id": 1}\n'), put("b.json", '{"id": 2}\n{"ID": 3}\n'), put("c.csv", csv_text(4))]
    )
    assert (ids, refused) == (Counter("1234"), {})


def test_a_damaged_file_is_found_among_files_that_can_only_be_read_one_by_one(put: Put, outcome: Any) -> None:
    damaged = gzip.compress(b'{"Id": 1}\n' * 9)[:-12]
    ids, refused = outcome([put("a.json", '{"id": 1}\n'), put("b.json", '{"ID": 2}\n'), put("c.json.gz", damaged)])
    assert (ids, set(refused)) == (Counter("12"), {"c.json.gz"})


# Headers and schema modes ------------------------------------------------------------------------------------


def test_a_csv_whose_header_has_no_column_of_the_contract_is_refused(put: Put, outcome: Any) -> None:
    ids, refused = outcome([put("a.csv", csv_text(1)), put("b.csv", "product,price\n1,2\n")])
    assert ids == Counter("1")
    assert refused == {"b.csv": "no column of the header product, price … is in the contract (id, v …)"}


def test_a_csv_without_a_header_is_refused_when_no_contract_names_its_columns(put: Put, outcome: Any) -> None:
    contract = Contract("orders", source=Source(options={"header": False}))
    _, refused = outcome([put("a.csv", "1,x\n")], contract)
    assert refused == {"a.csv": "a CSV file without a header needs a contract that lists its columns"}


@pytest.mark.parametrize("content", [b"id,v,more\n2,x,y\n", b'{"id": 2, "v": "x", "more": "y"}\n'], ids=["csv", "json"])
def test_in_mode_freeze_a_file_with_an_unknown_column_is_refused(put: Put, outcome: Any, content: bytes) -> None:
    frozen = Contract("orders", ORDERS.columns, schema_mode="freeze")
    ids, refused = outcome([put("a.csv", csv_text(1)), put("b.txt", content), put("c.json", '{"id": 3}\n')], frozen)
    assert ids == Counter("13")
    assert refused == {"b.txt": "columns that the contract doesn't know: more (schema_mode: freeze)"}


# What the report says ----------------------------------------------------------------------------------------


def test_a_file_whose_content_contradicts_its_name_is_read_as_what_it_is_and_noted(put: Put, reader_of: Any) -> None:
    files = [put("a.csv", parquet_bytes(1)), put("b.parquet", csv_text(2)), put("c.csv", "id\n1\n")]
    batch = reader_of().look_at(files)
    assert batch.refused == []
    assert sorted(batch.notes()) == ["a.csv: named .csv, holds Parquet", "b.parquet: named .parquet, holds CSV"]


def test_columns_beyond_the_contract_are_told_with_the_first_file_that_has_them(put: Put, reader_of: Any) -> None:
    reader = reader_of()
    files = [put("a.csv", csv_text(1)), put("b.csv", "id,v,more\n2,x,y\n"), put("c.json", '{"id": 3, "more": 1}\n')]
    opened = reader.open(reader.look_at(files))
    assert opened.unknown == {"more": files[1].uri}
    assert set(opened.present) == {"id", "v", "more"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.zst", zstandard.compress(csv_text(1).encode())),
        ("a.csv", gzip.compress(csv_text(1).encode())),
        ("a.csv.gz", csv_text(1).encode()),
        ("a b=1+%20ü.csv", csv_text(1).encode("utf-16")),
    ],
    ids=["zstd", "gzip by another name", "a name that promises gzip", "UTF-16 under an odd key"],
)
def test_a_file_that_spark_cannot_read_as_it_lies_is_read_from_a_copy_and_shows_its_own_uri(
    put: Put, reader_of: Any, name: str, content: bytes
) -> None:
    reader, file = reader_of(), put(name, content)
    opened = reader.open(reader.look_at([file]))
    assert opened.frame is not None
    assert [(row["id"], row["_source_file"]) for row in opened.frame.collect()] == [("1", file.uri)]


# What is not a file's fault ----------------------------------------------------------------------------------


def test_an_error_of_the_storage_fails_the_reading_and_refuses_no_file(
    put: Put, spark: SparkSession, reader_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> Any:
        return spark.sql("select raise_error('AccessDenied: not yours')")

    monkeypatch.setattr("etl.reading.batch_files.read_files", denied)
    reader = reader_of()
    batch = reader.look_at([put("a.csv", csv_text(1)), put("b.csv", csv_text(2))])
    with pytest.raises(RUN_ERRORS, match="AccessDenied"):
        reader.unreadable(batch)


def test_a_batch_without_some_files_keeps_what_was_refused_before() -> None:
    assert BatchFiles().without([]) == BatchFiles()
