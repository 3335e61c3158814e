"""scripts/convert_csv_to_excel.py: what is in a CSV file is in the workbook, and nothing else."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))
from convert_csv_to_excel import convert, one_character, target_of  # noqa: E402
from csv_to_excel.errors import ConversionError  # noqa: E402
from csv_to_excel.source import open_source  # noqa: E402
from csv_to_excel.workbook import LONGEST_CELL, MOST_ROWS  # noqa: E402

PRINTABLE = st.characters(min_codepoint=32, max_codepoint=0x2FFF, blacklist_categories=("Cs", "Cc", "Cn"))


def converted(folder: Path, content: str | bytes, **options: Any) -> openpyxl.Workbook:
    """The workbook of a file with this content."""
    path = folder / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    shape = {name: options.pop(name) for name in ("encoding", "delimiter", "quote", "has_header") if name in options}
    given_options = {"as_text": [], "charts": False, "summary": False, "rows_per_sheet": MOST_ROWS, **options}
    convert(open_source(path, **shape), folder / "data.xlsx", **given_options)
    return openpyxl.load_workbook(folder / "data.xlsx")


def cells(book: openpyxl.Workbook, sheet: str = "data") -> list[tuple[Any, ...]]:
    return list(book[sheet].iter_rows(values_only=True))


def test_values_become_what_they_are_and_what_is_no_number_stays_text(tmp_path: Path) -> None:
    book = converted(
        tmp_path,
        "id,zip,card,price,day,at,ok,mixed\n"
        "1,01234,1234567890123456,1.50,2024-01-02,2024-01-02T10:00:01.500,true,1\n"
        "-2,99999,2,3,2024-12-31,2024-01-03 11:00,FALSE,x\n",
    )
    assert cells(book)[1:] == [
        (1, "01234", "1234567890123456", 1.5, datetime(2024, 1, 2), datetime(2024, 1, 2, 10, 0, 1, 500000), True, "1"),
        (-2, "99999", "2", 3, datetime(2024, 12, 31), datetime(2024, 1, 3, 11, 0), False, "x"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        ["1.5", "2,5"],  # a point and a comma
        ["2024-01-01", "2024-01-01T10:00"],
        ["31.01.2024", "1.5"],
        ["1", "true"],
        ["2024-02-30", "2024-03-01"],  # no day of the calendar
        ["1899-12-31", "2024-01-01"],  # before Excel's first day
        ["2024-01-01T10:00:00.123456"],  # finer than Excel's milliseconds
        ["+1", "1e5"],
        ["0.1234567890123456"],  # more digits than a double keeps
        ["-0"],
    ],
    ids=lambda values: " ".join(values),
)
def test_a_column_whose_values_are_not_all_of_one_exact_kind_stays_text(tmp_path: Path, values: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["name", "n"], *([f"row{place}", value] for place, value in enumerate(values))])
    assert [row[1] for row in cells(converted(tmp_path, text.getvalue()))[1:]] == values


def test_a_comma_in_numbers_is_a_decimal_point_where_semicolons_part_values(tmp_path: Path) -> None:
    book = converted(tmp_path, "a;b\n1;2,5\n2;3\n")
    assert cells(book)[1:] == [(1, 2.5), (2, 3)]


def test_a_column_can_be_kept_as_text(tmp_path: Path) -> None:
    assert cells(converted(tmp_path, "a,b\n1,2\n", as_text=["a"]))[1:] == [("1", 2)]


def test_text_that_looks_like_a_formula_is_text_and_stays_so_when_it_is_edited(tmp_path: Path) -> None:
    evil = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "\t=1"]
    text = io.StringIO()
    csv.writer(text).writerows([["=header()", "b"], *([value, "x"] for value in evil)])
    sheet = converted(tmp_path, text.getvalue())["data"]
    assert [sheet.cell(row, 1).value for row in range(1, 7)] == ["=header()", *evil]
    assert {sheet.cell(row, 1).data_type for row in range(1, 7)} == {"s"}
    assert all(sheet.cell(row, 1).quotePrefix for row in range(1, 7))


def test_rows_go_on_to_the_next_sheet_where_one_is_full_each_with_its_header(tmp_path: Path) -> None:
    book = converted(tmp_path, "n\n" + "".join(f"{n}\n" for n in range(25)), rows_per_sheet=10)
    assert book.sheetnames == ["data 1", "data 2", "data 3"]
    rows = [row for name in book.sheetnames for row in cells(book, name)]
    assert [row for row in rows if row != ("n",)] == [(n,) for n in range(25)]
    assert all(cells(book, name)[0] == ("n",) for name in book.sheetnames)
    assert [book[name].auto_filter.ref for name in book.sheetnames] == ["A1:A11", "A1:A11", "A1:A6"]


def test_the_header_is_styled_frozen_and_as_wide_as_what_it_heads(tmp_path: Path) -> None:
    sheet = converted(tmp_path, f"short,long\n1,{'x' * 40}\n")["data"]
    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold
    assert sheet.column_dimensions["B"].width > 40 > 12 > sheet.column_dimensions["A"].width


def test_a_text_that_is_too_long_for_a_cell_is_whole_on_a_sheet_of_its_own(tmp_path: Path) -> None:
    long = "".join(chr(97 + n % 26) for n in range(2 * LONGEST_CELL + 5))
    book = converted(tmp_path, f"a,b\n1,{long}\n")
    shown = book["data"]["B2"].value
    assert len(shown) == LONGEST_CELL
    assert "Long values" in shown[-60:]
    parts = cells(book, "Long values")[1:]
    assert [part[:4] for part in parts] == [("data", 2, 2, 1), ("data", 2, 2, 2), ("data", 2, 2, 3)]
    assert "".join(part[4] for part in parts) == long


def test_rows_of_other_widths_lose_no_value(tmp_path: Path) -> None:
    book = converted(tmp_path, "a,b,c\n1,2,3\n4,5\n6,7,8,9\n", summary=True)
    assert cells(book) == [("a", "b", "c", "Column 4"), (1, 2, 3, None), (4, 5, None, None), (6, 7, 8, 9)]
    facts = {row[0]: row[1] for row in cells(book, "Summary")}
    assert facts["rows with fewer values than the header"] == facts["rows with more values than the header"] == 1


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("é,ß\nÄ,ö\n".encode("utf-8-sig"), "utf-8-sig"),
        ("é,ß\nÄ,ö\n".encode("utf-16"), "utf-16"),
        ("é,ß\nÄ,ö\n".encode("cp1252"), "cp1252"),
        ("é,ß\nÄ,ö\n".encode(), "utf-8"),
    ],
    ids=["utf-8 with a mark", "utf-16", "windows", "utf-8"],
)
def test_encodings_are_found_out(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert cells(converted(tmp_path, content)) == [("é", "ß"), ("Ä", "ö")]
    assert open_source(tmp_path / "data.csv").encoding == encoding


def test_packed_files_line_breaks_in_values_and_excels_first_line_are_read(tmp_path: Path) -> None:
    assert cells(converted(tmp_path, gzip.compress(b'a;b\n"x\ny";1\n'))) == [("a", "b"), ("x\ny", 1)]
    assert cells(converted(tmp_path, "sep=;\na;b\n1,5;2\n")) == [("a", "b"), (1.5, 2)]


def test_the_summary_tells_of_each_column_and_charts_draw_groups_and_numbers(tmp_path: Path) -> None:
    rows = "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40))
    book = converted(tmp_path, f"n,group\n{rows}", charts=True, summary=True)
    assert ("n", "integer", 40, 0, "40", 0, 39, 19.5, 2) in cells(book, "Summary")
    charts = cells(book, "Charts")
    assert charts[1:3] == [("group", "a", 20), ("group", "b", 20)]
    assert sum(row[2] for row in charts[3:]) == 40
    assert len(book["Charts"]._charts) == 2  # openpyxl has no public name for them


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "the file is empty"),
        (b"a,b\n1,2\n", {"as_text": ["c"]}, "no column has this name; there are: a, b"),
        ("a\né\n".encode("cp1252"), {"encoding": "utf-8"}, "bytes that are not utf-8"),
        (b"a,b\n1,2\n", {"encoding": "klingon"}, "no such encoding"),
        (gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 9999)[:-20], {}, "cut off"),
        (b",".join([b"1"] * 16_385) + b"\n", {}, "16,384 columns at most"),
    ],
    ids=["empty", "unknown column", "wrong encoding", "unknown encoding", "cut gzip", "too wide"],
)
def test_what_cannot_be_converted_is_said_and_leaves_no_workbook(
    tmp_path: Path, content: bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConversionError, match=message):
        converted(tmp_path, content, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_a_workbook_is_not_written_over_and_a_target_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(ConversionError, match="--force writes over it"):
        target_of(tmp_path / "a.csv", None, several=False, force=False)
    assert target_of(tmp_path / "a.csv.gz", None, several=False, force=True) == tmp_path / "a.xlsx"
    with pytest.raises(ConversionError, match="has to be a folder"):
        target_of(tmp_path / "a.csv", tmp_path / "b.xlsx", several=True, force=False)
    with pytest.raises(ConversionError, match=r"ends with \.xlsx"):
        target_of(tmp_path / "a.csv", tmp_path / "b.xls", several=False, force=False)
    with pytest.raises(ConversionError, match="takes one character"):
        one_character("--delimiter", "||")


def test_the_command_converts_what_it_can_says_what_it_cannot_and_fails_for_it(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a\n1\n")
    (tmp_path / "bad.csv").write_text("")
    command = [sys.executable, str(REPOSITORY / "scripts" / "convert_csv_to_excel.py"), "bad.csv", "good.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "bad.csv was not converted" in done.stderr
    assert "good.xlsx: 1 rows, 1 columns" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "good.xlsx").exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.text(PRINTABLE, min_size=1, max_size=12), st.text(PRINTABLE, max_size=12)), min_size=1, max_size=8
    )
)
def test_every_text_arrives_as_it_was(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("first", "second"), *rows])
    shape = {"encoding": "utf-8", "delimiter": ",", "quote": '"'}
    found = cells(converted(tmp_path, text.getvalue(), as_text=["first", "second"], **shape))
    assert [(first, second or "") for first, second in found[1:]] == rows
