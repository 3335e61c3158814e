"""new_dataset.py as its users meet it: what it proposes for which files, what it tells, and what it writes."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
import typer
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

# The one session of a run; a second kind of session in the same process would lack Iceberg.
from conftest import spark  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import new_dataset  # noqa: E402
from dataset_proposal.sample import MOST_FILES, wanted  # noqa: E402
from quality_check.places import Place  # noqa: E402

pytestmark = pytest.mark.usefixtures("spark")
TODAY = datetime.now(timezone.utc).date()
CUSTOMERS = """name: customers
columns:
  - {name: customer_no, type: string, required: true}
key: [customer_no]
source:
  patterns: ["customers*"]
"""


def orders(rows: int = 60) -> list[dict[str, str]]:
    """A table that has a bit of everything, as an export from a shop would have it."""
    return [
        {
            "Order No": f"A-{1000 + n}",
            "Customer No": f"C{n % 7:03d}",
            "Ordered At": f"{TODAY - timedelta(days=1 + n % 5)} 10:{n % 60:02d}:00",
            "Zip": f"0{n:04d}",
            "Paid on": f"{1 + n % 28:02d}.{1 + n % 3:02d}.2024",
            "Status": ("open", "paid", "sent")[n % 3],
            "Amount": "n/a" if n == 17 else f"{n}.50",
            "E-Mail": f"someone.{n}@example.com" if n % 10 else "",
            "Mobile": f"+49 30 {100000 + n}",
            "Gift": ("yes", "no")[n % 2],
        }
        for n in range(rows)
    ]


def put_csv(path: Path, rows: Sequence[dict[str, str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*arguments: object) -> Result:
    """The command in this process, with the session that is there."""
    app = typer.Typer()
    app.command()(new_dataset.main)
    new_dataset.console.width = 250
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result, code: int = 0) -> str:
    """What the command said; it ended with the code, and not by accident."""
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of contracts with one of customers."""
    (folder := tmp_path / "contracts").mkdir()
    (folder / "customers.yml").write_text(CUSTOMERS)
    return folder


def written(folder: Path, name: str) -> dict[str, Any]:
    document = yaml.safe_load((folder / f"{name}.yml").read_text())
    assert isinstance(document, dict)
    return document


def columns(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in document["columns"]}


def test_a_contract_is_proposed_with_types_key_times_personal_data_and_rules(tmp_path: Path, folder: Path) -> None:
    data = put_csv(tmp_path / "orders-2024-01-15.csv", orders(), ";", "windows-1252")
    output = told(run(data, "--contracts", folder, "--write"))
    assert "orders: all 60 row(s) of 1 file(s)" in output
    assert "Tried on the sample: 60 row(s) read, 0 refused, score 100 of 100" in output
    assert "does not hold" not in output
    assert "someone." not in output, "no value of a person is shown"
    document = written(folder, "orders")
    found = columns(document)
    assert document["source"] == {"patterns": ["orders*"], "format": "csv", "options": {"delimiter": ";"}}
    assert (document["key"], document["event_time"], document["order_by"]) == (
        ["order_no"],
        "ordered_at",
        ["ordered_at"],
    )
    assert found["order_no"] == {"name": "order_no", "type": "string", "required": True}
    assert found["ordered_at"]["required"]
    assert found["zip"]["type"] == "string", "leading zeros count"
    assert (found["paid_on"]["type"], found["paid_on"]["formats"]) == ("date", ["dd.MM.yyyy"])
    assert found["amount"]["type"] == "decimal(18,4)", "one n/a is no reason to keep amounts as text"
    assert found["gift"]["type"] == "boolean"
    assert (found["e_mail"]["pii"], found["mobile"]["pii"]) == ("hash", "mask")
    rules = document["quality"]["rules"]
    for rule in (
        'IsPrimaryKey "order_no",  # every one of 60 rows has a value of its own',
        'ColumnValues "status" in ["open", "paid", "sent"],  # 3 different value(s) in 60 rows',
        'IsComplete "customer_no"',
        'Completeness "e_mail" > 0.85',
        'ColumnValues "amount" >= 0 where "`amount` is not null"',
        'ColumnValues "zip" matches "\\p{N}{5}"',
        'from primary" <= 2',
        '# ReferentialIntegrity "customer_no" "customers.customer_no" > 0.98',
    ):
        assert rule in rules
    before = (folder / "orders.yml").read_text()
    again = told(run(data, "--contracts", folder, "--write"), 2)
    assert "orders.yml is there already; choose another --name, or replace it with --force" in again
    assert (folder / "orders.yml").read_text() == before


def test_two_columns_that_are_a_key_together_are_found_and_nothing_is_written_unasked(
    tmp_path: Path, folder: Path
) -> None:
    rows = [
        {"sensor_id": n % 4, "measured_at": f"2024-01-{1 + n // 4:02d}T00:00:00Z", "value": n / 8} for n in range(40)
    ]
    (tmp_path / "readings.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    output = told(run(tmp_path / "readings.jsonl", "--contracts", folder))
    assert "key: [sensor_id, measured_at]  # together different in every one of 40 rows" in output
    assert "# CustomSql" in output, "the sample is too old for a rule about its age"
    assert "0 refused" in output
    assert "Nothing was written" in output
    assert [file.name for file in folder.iterdir()] == ["customers.yml"]


def test_dates_that_no_value_tells_apart_stay_text_and_a_near_key_is_only_told(tmp_path: Path, folder: Path) -> None:
    rows = [{"id": f"{n // 2 if n < 4 else n}x", "visited": f"0{1 + n % 9}/0{1 + n % 9}/2024"} for n in range(60)]
    data = put_csv(tmp_path / "visits.csv", rows)
    output = told(run(data, "--name", "customers", "--contracts", folder, "--write", "--force"))
    document = written(folder, "customers")
    assert columns(document)["visited"]["type"] == "string"
    assert "may be dd/MM/yyyy or MM/dd/yyyy, and no value tells" in output
    assert "key" not in document
    assert "id is nearly a key" in output


def test_excel_sheets_and_files_without_a_header_are_read_as_asked(tmp_path: Path, folder: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["cover"])
    sheet = book.create_sheet("Stock")
    for row in [["item", "pieces"], *([f"i{n}", n] for n in range(12))]:
        sheet.append(row)
    book.save(tmp_path / "stock.xlsx")
    told(run(tmp_path / "stock.xlsx", "--contracts", folder, "--sheet", "Stock", "--write"))
    assert written(folder, "stock")["source"]["options"] == {"sheet": "Stock"}
    (tmp_path / "rates.csv").write_text("".join(f"{n},EUR\n" for n in range(20)))
    assert "looks like data" in told(run(tmp_path / "rates.csv", "--contracts", folder), 2)
    told(run(tmp_path / "rates.csv", "--contracts", folder, "--no-header", "--write"))
    document = written(folder, "rates")
    assert document["source"]["options"] == {"header": False}
    assert [column["type"] for column in document["columns"]] == ["long", "string"]


def test_a_folder_with_a_broken_file_is_proposed_from_the_others(tmp_path: Path, folder: Path) -> None:
    (data := tmp_path / "items").mkdir()
    table = pa.table({"id": list(range(20)), "price": [Decimal(n) / 4 for n in range(20)]})
    pa.parquet.write_table(table, data / "items-1.parquet")
    (data / "items-2.parquet").write_bytes((data / "items-1.parquet").read_bytes()[:-8])
    output = told(run(data, "--contracts", folder, "--write"))
    assert "items-2.parquet: not read: a Parquet file without its footer" in output
    assert written(folder, "items")["key"] == ["id"]


def test_of_many_or_large_files_a_part_is_looked_at_and_that_is_told(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {tmp_path / f"{n:04d}.csv": "" for n in range(MOST_FILES * 2 + 1)}
    for file in files:
        file.touch()
    assert len(wanted(Place("", tmp_path, files), everything=False).place.files) == MOST_FILES
    assert len(wanted(Place("", tmp_path, files), everything=True).place.files) == len(files)
    # One id comes twice: once far from what a sample of a few rows is likely to see.
    rows = [{"id": f"k{n if n < 1999 else 0}"} for n in range(2000)]
    data = put_csv(tmp_path / "events.csv", rows)
    monkeypatch.setattr("dataset_proposal.sample.MOST_BYTES", data.stat().st_size // 20)
    output = told(run(data, "--contracts", folder, "--write"))
    assert "a sample of" in output
    assert "about 1 in 20" in output
    assert "id: different in the sample, not in all rows" in output
    assert "key" not in written(folder, "events")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.csv",), "missing.csv is not there"),
        (("{data}", "--name", "My Orders"), "--name My Orders is no dataset's name; write it as my_orders"),
        (("{data}", "--contracts", "nowhere"), "nowhere is no folder"),
        (("{header}",), "has columns and no rows"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    data, header = tmp_path / "a.csv", tmp_path / "b.csv"
    data.write_text("a,b\n1,2\n")
    header.write_text("a,b\n")
    asked = [each.format(data=data, header=header) for each in arguments]
    assert message in told(run(*asked), 2)


# Each takes some seconds, so each has many columns. Raise it to search for longer.
EXAMPLES = int(os.environ.get("NEW_DATASET_EXAMPLES", "2"))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
CELLS: tuple[st.SearchStrategy[Any], ...] = (
    TEXTS,
    st.sampled_from(["open", "paid", 'say "hi"', "a\\b", "", " "]),
    st.integers(-(10**9), 10**9),
    st.decimals(-(10**6), 10**6, places=2),
    st.booleans(),
    st.sampled_from(["yes", "no", "Y", "1", "0"]),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)).map(str),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)).map(lambda day: f"{day:%d/%m/%Y}"),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)).map(lambda day: f"{day:%Y%m%d}"),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda moment: moment.replace(microsecond=0)).map(str),
    st.integers(1, 50).map(lambda n: f"K-{n:05d}"),
    st.integers(1, 9999).map(lambda n: f"{n}@example.com"),
    st.floats(),
)
NAMES = (
    *(
        "id",
        "order_no",
        "created_at",
        "updated_at",
        "birth_date",
        "from",
        "is_new",
        "e-mail",
        "Größe",
        "line_no",
        "Date",
    ),
    *("amount", "name", "phone", "note", "valid_until", "customer id", "year", "IP", "_hidden", "order_no ", "9th"),
)


@st.composite
def frames(draw: st.DrawFn) -> list[dict[str, str | None]]:
    """A wide table of text: columns of several kinds, gaps in some, one of them perhaps counting up."""
    rows = draw(st.integers(1, 40))
    table: dict[str, list[str | None]] = {}
    for name in draw(st.permutations(NAMES))[:12]:
        cells = draw(st.sampled_from(CELLS))
        gaps = draw(st.booleans())
        values = draw(st.lists(st.none() | cells if gaps else cells, min_size=rows, max_size=rows))
        table[name] = [None if value is None else str(value) for value in values]
    if draw(st.booleans()):
        table[next(iter(table))] = [str(number) for number in range(rows)]
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(rows=frames(), form=st.sampled_from(["jsonl", "parquet", "orc"]))
def test_whatever_the_sample_its_proposal_is_valid_and_refuses_none_of_its_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str | None]], form: str
) -> None:
    place = tmp_path_factory.mktemp("any")
    data = place / f"things.{form}"
    if form == "jsonl":
        data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    else:
        table = pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]})
        (pa.parquet.write_table if form == "parquet" else pa.orc.write_table)(table, str(data))
    output = told(run(data, "--contracts", place, "--write"))
    assert f"Tried on the sample: {len(rows):,} row(s) read, 0 refused, score 100 of 100" in output
    assert "does not hold" not in output
