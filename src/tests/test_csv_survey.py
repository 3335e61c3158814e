"""The survey: what only the whole of a large CSV file can tell."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pyspark.sql import SparkSession

from etl.contracts import Column, Contract, Source
from etl.reading.csv_survey import survey
from etl.reading.formats import HEAD_BYTES, TAIL_BYTES, FileFormat, Look, look

NUMBERS = range(8_000)
PLAIN = "id,note,x\n" + "".join(f"{number},plain note,x\n" for number in NUMBERS)
ID_NOTE = FileFormat("csv", header=("id", "note", "x"))
UNCLOSED = "a quote is never closed; read line by line"
Survey = Callable[..., dict[str, Look]]


@pytest.fixture
def surveyed(spark: SparkSession, lake: Any) -> Survey:
    """A factory: files by name -> name and what the survey finds."""

    def make(contents: dict[str, bytes | str], columns: tuple[Column, ...] = (), **options: Any) -> dict[str, Look]:
        contract = Contract("orders", columns, source=Source(options=options))
        looks, names = {}, {}
        for name, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            lake.put("raw", f"data/{name}", data)
            uri = f"s3://{lake.bucket('raw')}/data/{name}"
            names[uri] = name
            looks[uri] = look(name, data[:HEAD_BYTES], data[-TAIL_BYTES:], options=options, columns=columns)
        return {names[uri]: found for uri, found in survey(spark, looks, contract).items()}

    return make


def jobs_of(spark: SparkSession, act: Callable[[], object]) -> int:
    """How many Spark jobs something starts."""
    context = spark.sparkContext
    context.setJobGroup("survey", "survey")
    try:
        act()
        return len(context.statusTracker().getJobIdsForGroup("survey"))
    finally:
        context.setLocalProperty("spark.jobGroup.id", "")


def test_clean_files_are_read_line_by_line(surveyed: Survey) -> None:
    quoted = "".join(f'"{number}","say ""hi""",""\n' for number in NUMBERS)
    found = surveyed(
        {
            "plain.csv": PLAIN,
            "quoted.csv": '"id","note","x"\n' + quoted,
            "crlf.csv": PLAIN.replace("\n", "\r\n"),
            "mac.csv": PLAIN.replace("\n", "\r"),
            "semicolon.csv": PLAIN.replace(",", ";"),
            "zipped.csv.gz": gzip.compress(PLAIN.encode()),
        }
    )
    assert {name: (item.format.multiline, item.notes, item.whole) for name, item in found.items()} == dict.fromkeys(
        found, (False, (), True)
    )


def test_small_files_are_told_by_their_head_without_any_job(spark: SparkSession, surveyed: Survey) -> None:
    found: list[dict[str, Look]] = []
    files = {"a.csv": 'id,note\n1,"two\nlines"\n', "b.json": '{"a": 1}\n'}
    assert jobs_of(spark, lambda: found.append(surveyed(files))) == 0
    assert found[0]["a.csv"].format.multiline


def test_clean_files_of_any_number_and_dialect_take_one_job(spark: SparkSession, surveyed: Survey) -> None:
    files = {"a.csv": PLAIN, "b.csv": PLAIN, "c.csv": PLAIN.replace(",", ";")}
    assert jobs_of(spark, lambda: surveyed(files)) <= 2  # the second is a stage that adaptive execution runs apart


@pytest.mark.parametrize("value", ['"two\nlines"', '"two\r\nlines"', '"two\rlines"', '"two\n"', '"\n"', '"a ""b""\nc"'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_line_break_in_a_value_far_from_the_head_is_found(surveyed: Survey, value: str, end: str) -> None:
    text = PLAIN.replace("\n", end) + f"9,{value},x{end}"
    assert surveyed({"a.csv": text, "b.csv": PLAIN})["a.csv"] == Look(replace(ID_NOTE, multiline=True))


@pytest.mark.parametrize("first", ['"a\nb",c,"d"', '"a","b","c\nd"', '"a","b,\nc","d"', '"a","b""\nc","d"'])
def test_line_breaks_in_files_that_quote_everything_are_found(surveyed: Survey, first: str) -> None:
    text = '"id","note","x"\n' + "".join(f'"{number}","note","x"\n' for number in NUMBERS) + first + "\n"
    assert surveyed({"a.csv": text})["a.csv"].format.multiline


def test_a_quote_that_is_never_closed_is_told_and_its_file_read_line_by_line(surveyed: Survey) -> None:
    found = surveyed({"a.csv": PLAIN + '9,"open,x\n' + PLAIN.split("\n", 1)[1]})["a.csv"]
    assert (found.format.multiline, found.notes) == (False, (UNCLOSED,))


def test_a_stray_quote_does_not_break_the_values_that_hold_line_breaks(surveyed: Survey) -> None:
    text = PLAIN + '7,5" pipe,x\n' + '8,"two\nlines",x\n' * 50
    assert surveyed({"a.csv": text})["a.csv"] == Look(replace(ID_NOTE, multiline=True))


def test_inches_alone_leave_a_file_to_be_read_line_by_line(surveyed: Survey) -> None:
    text = PLAIN + '7,5" pipe,x\n8,6" pipe,x\n9,7" pipe,x\n'
    assert surveyed({"a.csv": text})["a.csv"] == Look(ID_NOTE)


def test_a_return_inside_a_line_of_the_head_keeps_the_file_in_one_piece(surveyed: Survey) -> None:
    text = PLAIN.replace("1,plain note", "1,two\rparts", 1)
    assert surveyed({"a.csv": text})["a.csv"] == Look(replace(ID_NOTE, multiline=True))


def test_mixed_line_ends_are_line_ends(surveyed: Survey) -> None:
    rows = PLAIN.split("\n", 1)[1]
    mixed = PLAIN + rows.replace("\n", "\r\n") + rows.replace("\n", "\r")
    assert surveyed({"a.csv": mixed})["a.csv"] == Look(ID_NOTE)


def test_escaped_quotes_do_not_open_values(surveyed: Survey) -> None:
    rows = "".join(f'{number},"an inch \\" here, yes",x\n' for number in NUMBERS)
    found = surveyed({"a.csv": "id,note,x\n" + rows, "b.csv": "id,note,x\n" + rows + '9,"two\n\\" lines",x\n'})
    assert {name: item.format.multiline for name, item in found.items()} == {"a.csv": False, "b.csv": True}
    assert found["a.csv"].format.escape == "\\"


# Encodings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "encoding"),
    [
        ("9,caf\u00e9,x\n".encode("latin-1"), "ISO-8859-1"),
        ("9,5 \u20ac,x\n".encode("windows-1252"), "windows-1252"),
        (b"9,\x80 and \x81,x\n", "ISO-8859-1"),
    ],
)
def test_late_bytes_that_are_not_utf_8_change_the_encoding(surveyed: Survey, late: bytes, encoding: str) -> None:
    found = surveyed({"a.csv": PLAIN.encode() + late})["a.csv"]
    assert found == Look(
        replace(ID_NOTE, encoding=encoding), notes=(f"1 line(s) are not valid UTF-8; read as {encoding}",)
    )


def test_utf_8_with_one_broken_line_stays_utf_8_and_is_told(surveyed: Survey) -> None:
    found = surveyed({"a.csv": PLAIN.encode() + "9,größe,x\n".encode() * 5 + b"9,\xe9,x\n"})["a.csv"]
    assert found.format.encoding == "UTF-8"
    assert found.notes[0].startswith("1 line(s) are not valid UTF-8; the file is UTF-8 otherwise")


def test_an_encoding_that_the_file_or_the_contract_states_stays(surveyed: Survey) -> None:
    data = PLAIN.encode() + b"9,\xe9,x\n"
    assert surveyed({"a.csv": data}, encoding="UTF-8")["a.csv"].format.encoding == "UTF-8"
    assert surveyed({"a.csv": b"\xef\xbb\xbf" + data})["a.csv"].format.encoding == "UTF-8"
    assert surveyed({"a.csv": data}, encoding="ISO-8859-1")["a.csv"] == Look(replace(ID_NOTE, encoding="ISO-8859-1"))


def test_a_late_euro_sign_makes_latin_1_windows_1252(surveyed: Survey) -> None:
    start = PLAIN.replace("0,plain", "0,caf\u00e9").encode("latin-1")
    found = surveyed({"a.csv": start, "b.csv": start + b"9,\x80,x\n"})
    assert {name: item.format.encoding for name, item in found.items()} == {
        "a.csv": "ISO-8859-1",
        "b.csv": "windows-1252",
    }


# Edges -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["with space.csv", "ünï.csv", "100%25 sure.csv", "a+b.csv", "[x]{y}.csv", "k=v,*?#.csv"]
)
def test_a_file_is_found_again_by_its_key_however_odd(surveyed: Survey, name: str) -> None:
    text = PLAIN + '9,"two\nlines",x\n'
    found = surveyed({name: text, "plain.csv": PLAIN})
    assert {key: item.format.multiline for key, item in found.items()} == {name: True, "plain.csv": False}


def test_a_file_without_a_header_is_tried_with_the_contract_s_columns(surveyed: Survey) -> None:
    columns = (Column("id", "int"), Column("text"), Column("flag"))
    text = PLAIN.split("\n", 1)[1] + '9,"open,x\n' + "1,a,x\n" * 9
    found = surveyed({"a.csv": text}, columns)["a.csv"]
    assert (found.format.header, found.format.multiline, found.notes) == ((), False, (UNCLOSED,))


def test_the_contract_s_multiline_wins(surveyed: Survey) -> None:
    assert surveyed({"a.csv": PLAIN}, multiline=True)["a.csv"].format.multiline
    assert not surveyed({"a.csv": PLAIN + '9,"two\nlines",x\n'}, multiline=False)["a.csv"].format.multiline


def test_files_that_must_be_staged_first_are_named(spark: SparkSession) -> None:
    for found in (replace(ID_NOTE, packing="zstd"), replace(ID_NOTE, encoding="UTF-16LE")):
        with pytest.raises(ValueError, match="staged before"):
            survey(spark, {"s3://raw/a.csv": Look(found, whole=False)}, Contract("orders"))
