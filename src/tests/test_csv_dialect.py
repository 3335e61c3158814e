"""CSV dialects: delimiter, quote, escape, header and line breaks, told by the first rows."""

from __future__ import annotations

import csv
import io
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etl.contracts import Column
from etl.errors import UnreadableFileError
from etl.reading.formats import HEAD_BYTES, TAIL_BYTES, FileFormat, Look, look

CSV = "id,name\n1,Ann\n"
ID_NAME = FileFormat("csv", header=("id", "name"))


def seen(content: bytes | str, columns: tuple[Column, ...] = (), **options: object) -> Look:
    data = content.encode() if isinstance(content, str) else content
    return look("x.csv", data[:HEAD_BYTES], data[-TAIL_BYTES:], options=options, columns=columns)


def detected(name: str, content: bytes | str, **options: object) -> FileFormat:
    return seen(content, **options).format


# CSV -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_of_the_header(delimiter: str) -> None:
    found = detected("x.csv", delimiter.join(["id", "name", "x"]) + "\n1,2,3,4\n")
    assert found == FileFormat("csv", header=("id", "name", "x"), delimiter=delimiter)


def test_delimiters_and_line_breaks_inside_quotes_do_not_count() -> None:
    found = detected("x.csv", '"a,b,c,\nd";e\n1;2\n')
    assert found == FileFormat("csv", True, ("a,b,c,\nd", "e"), ";")


def test_a_header_of_one_column_has_a_comma_for_delimiter() -> None:
    assert detected("x.csv", "id\n1\n") == FileFormat("csv", header=("id",))


def test_the_contract_s_delimiter_and_quote_go_first() -> None:
    assert detected("x.csv", "a,b,c|d\n", delimiter="|") == FileFormat("csv", header=("a,b,c", "d"), delimiter="|")
    assert detected("x.csv", "'a,b';c\n", quote="'") == FileFormat(
        "csv", header=("a,b", "c"), delimiter=";", quote="'", escape="'"
    )


def test_a_contract_that_says_there_is_no_header_gets_none() -> None:
    assert detected("x.csv", "1;2\n", header=False) == FileFormat("csv", delimiter=";")


@pytest.mark.parametrize("start", ["\n", "\r\n\r\n", "\n\n\n"])
def test_blank_lines_before_the_header_are_passed_over(start: str) -> None:
    assert detected("x.csv", start + CSV) == ID_NAME


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_every_kind_of_line_end_closes_the_header(end: str) -> None:
    assert detected("x.csv", f"id,name{end}") == ID_NAME


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\x0b", "\x0c", "\x1c"])
def test_only_line_ends_break_the_header(character: str) -> None:
    assert detected("x.csv", f"id,a{character}b,c\n1,2,3\n").header == ("id", f"a{character}b", "c")


def test_a_head_that_cuts_a_line_in_the_middle_has_its_header() -> None:
    assert detected("x.csv", CSV + "2,Bob, the builder\n" * HEAD_BYTES) == ID_NAME


def test_text_in_brackets_is_csv_when_the_contract_says_so() -> None:
    assert detected("x.csv", "[id],name\n", declared="csv").header == ("[id]", "name")


# Consistency over the rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiter", "header"),
    [
        ("id;amount, EUR;note, text\n1;2,50;x\n2;3,50;y\n", ";", ("id", "amount, EUR", "note, text")),
        ("id^name\n1^Ann\n2^Bob\n", "^", ("id", "name")),
        ("id~name~x\n1~Ann~1\n2~Bob~2\n", "~", ("id", "name", "x")),
        ("id:name\n1:Ann\n2:Bob\n", ":", ("id", "name")),
        ("id\x01name\n1\x01Ann\n2\x01Bob\n", "\x01", ("id", "name")),
        # A colon in one row only, or in a time, is no delimiter.
        ("time\n12:00\n13:00\n", ",", ("time",)),
        ("note:\nabc\n", ",", ("note:",)),
    ],
)
def test_the_delimiter_is_the_one_that_reads_the_rows_alike(text: str, delimiter: str, header: tuple[str, ...]) -> None:
    assert detected("x.csv", text) == FileFormat("csv", header=header, delimiter=delimiter)


def test_names_of_the_contract_count_more_than_anything() -> None:
    columns = (Column("id"), Column("full_name"))
    assert seen("id^Full Name\n1^a,b\n", columns).format.delimiter == "^"


def test_one_column_of_free_text_is_not_parted_by_its_commas() -> None:
    found = detected("x.csv", "comment\nHi, there\nfine\na, b, c\n")
    assert found.header == ("comment",)
    assert found.delimiter not in "Hi, there\nfine\na, b, c\n"


def test_single_quotes_are_quotes_where_they_hold_delimiters_together() -> None:
    found = detected("x.csv", "id,name\n1,'O, Hara'\n2,'it''s'\n")
    assert (found.quote, found.escape) == ("'", "'")
    assert detected("x.csv", "'id','name'\n'1','Ann'\n").header == ("id", "name")


@pytest.mark.parametrize("text", ["id,name\n1,'90s\n2,O'Hara\n", "id,name\n1,'x'\n2,y\n", "id,name\n1,rock 'n' roll\n"])
def test_apostrophes_alone_are_text(text: str) -> None:
    assert detected("x.csv", text) == ID_NAME


def test_a_backslash_before_a_quote_inside_a_value_is_an_escape() -> None:
    assert detected("x.csv", 'id,note\n1,"say \\"hi\\" to, all"\n').escape == "\\"
    assert detected("x.csv", 'id,note\n1,"say \\"hi\\" you"\n').escape == "\\"
    assert detected("x.csv", 'id,note\n1,"c:\\dir\\"\n2,"say ""hi"""\n').escape == '"'


def test_every_option_of_the_contract_wins_by_itself() -> None:
    text = "id;note\n1;'a;b'\n2;'c;d'\n"
    found = detected("x.csv", text, delimiter=";")
    assert (found.delimiter, found.quote) == (";", "'")
    assert detected("x.csv", text, quote='"').quote == '"'
    assert detected("x.csv", text, escape="\\").escape == "\\"
    assert detected("x.csv", text, multiline=True).multiline


@pytest.mark.parametrize("options", [{"delimiter": "\n"}, {"delimiter": '"'}, {"quote": "\n"}])
def test_options_that_no_csv_can_have_are_a_reason_and_no_stack_trace(options: dict[str, str]) -> None:
    try:
        seen(CSV, **options)
    except UnreadableFileError as error:
        assert "can't be read" in str(error)


def test_excel_s_sep_line_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableFileError, match="remove that line"):
        seen("sep=;\r\nid;name\r\n1;Ann\r\n")


# Header or data --------------------------------------------------------------------------------------------

TYPED = (Column("id", "int"), Column("name"), Column("on_day", "date"))


def test_a_first_row_that_fits_the_contract_s_types_is_data() -> None:
    assert seen("1,Ann,2024-01-15\n2,Bob,2024-01-16\n", TYPED).format.header == ()
    assert seen("1,Ann,\n", TYPED).format.header == ()


@pytest.mark.parametrize(
    "first", ["id,name,on_day", "ID,who,when", "number,who,when", "1,Ann", "1,Ann,soon", "a,b,c", ",,"]
)
def test_anything_else_is_a_header(first: str) -> None:
    assert seen(f"{first}\n1,Ann,2024-01-15\n", TYPED).format.header == tuple(first.split(","))


def test_columns_of_text_only_tell_nothing_so_there_is_a_header() -> None:
    assert seen("1,2\n3,4\n", (Column("id"), Column("name"))).format.header == ("1", "2")


def test_the_contract_may_say_that_the_first_row_is_a_header_or_is_none() -> None:
    assert seen("1,Ann,2024-01-15\n", TYPED, header=True).format.header == ("1", "Ann", "2024-01-15")
    assert seen("id,name,on_day\n", TYPED, header=False).format.header == ()


@pytest.mark.parametrize("text", ["1,Ann\n2,Bob\n", "Ann,2024-01-15\nBob,2024-01-16\n", "a,1.5\nb,2\n"])
def test_without_a_contract_a_first_row_of_data_is_refused_and_not_made_a_header(text: str) -> None:
    with pytest.raises(UnreadableFileError, match="looks like data"):
        seen(text)


@pytest.mark.parametrize("text", ["country,2019,2020\nDE,100,1\n", "1,2\n", "id,name\n1,2\n", "a,2024-01-15\nx,5\n"])
def test_years_and_dates_above_other_numbers_are_a_header(text: str) -> None:
    assert seen(text).format.header == tuple(text.split("\n")[0].split(","))


# Shapes of files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["id,name", "id,name\n", "id,name\r\n"])
def test_a_file_of_a_header_only_is_csv(text: str) -> None:
    assert seen(text) == Look(ID_NAME)


def test_two_thousand_columns_are_read() -> None:
    header = tuple(f"column_{number}" for number in range(2000))
    text = "\n".join([";".join(header), *(";".join(map(str, range(2000))) for _ in range(20))])
    found = seen(text)
    assert (found.format.header, found.format.delimiter, found.whole) == (header, ";", False)


def test_duplicate_and_blank_cells_stay_in_the_header_as_they_are() -> None:
    assert detected("x.csv", "id,,id,\n1,2,3,4\n").header == ("id", "", "id", "")


# Line breaks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "multiline"),
    [
        ('id,note\n1,"two\nlines"\n2,x\n', True),
        ('id,note\n1,"two\r\nlines"\n2,x\n', True),
        ('id,note\r\n1,"two\nlines"\r\n2,x\r\n', True),
        ('id,note\n1,"two\rlines"\n2,x\n', True),
        # A return inside a line, without quotes: part of the value, since the lines are whole with it.
        ("id,note,x\n1,two\rlines,x\n2,y,z\n", True),
        # An inch is no open quote, and mixed line ends are line ends.
        ('id,note\n1,5" pipe\n2,6"\n3,7"\n', False),
        ("id,note\r\n1,x\r2,y\n3,z\r\n", False),
        ("id,note\r1,x\r2,y\r", False),
        ('id,note\n1,"x"\n2,"y"\n', False),
    ],
)
def test_only_line_breaks_inside_values_make_a_file_multi_line(text: str, multiline: bool) -> None:
    found = seen(text)
    assert (found.format.multiline, found.notes) == (multiline, ())


def test_a_quote_that_is_never_closed_costs_its_own_line_and_is_told() -> None:
    found = seen('id,note\n1,"open\n2,x\n3,y\n4,z\n')
    assert not found.format.multiline
    assert found.notes == ("a quote is never closed; read line by line",)


# Any dialect -----------------------------------------------------------------------------------------------

WORD = st.text(st.sampled_from("abcxyzäß€ \"'\\.-"), max_size=8)


def written(rows: list[list[str]], delimiter: str, quote: str, quoting: int, end: str) -> str:
    sink = io.StringIO(newline="")
    csv.writer(sink, delimiter=delimiter, quotechar=quote, quoting=quoting, lineterminator=end).writerows(rows)
    return sink.getvalue()


@given(
    data=st.data(),
    width=st.integers(2, 5),
    delimiter=st.sampled_from(",;\t|^~"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
)
def test_what_python_writes_in_any_dialect_is_read_back(data, width, delimiter, quoting, end, encoding) -> None:
    # Apostrophes as quotes are told by every cell having them; by one cell alone they might be text.
    quote = data.draw(st.sampled_from("\"'")) if quoting == csv.QUOTE_ALL else '"'
    cell = st.one_of(WORD, WORD.map(lambda text: f"{text}{delimiter}x"), st.sampled_from([f"a{end}b", "1", ""]))
    rows = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=2, max_size=8))
    rows = [[f"name {place}" for place in range(width)], *(["k", *row[1:]] for row in rows)]
    text = written(rows, delimiter, quote, quoting, end)
    found = seen(text.encode(encoding)).format
    assert (found.delimiter, found.header) == (delimiter, tuple(rows[0]))
    if any(quote in value or delimiter in value or end in value for row in rows for value in row):
        assert found.quote == quote
    decoded = text.encode(encoding).decode("utf-8" if found.encoding == "UTF-8" else encoding).lstrip("\ufeff")
    doubled = found.escape == found.quote
    reader = csv.reader(
        io.StringIO(decoded, newline=""),
        delimiter=found.delimiter,
        quotechar=found.quote,
        doublequote=doubled,
        escapechar=None if doubled else found.escape,
    )
    assert [row for row in reader if row] == rows


# Half a surrogate pair is no UTF-8; Python 3.10 writes no NUL.
SIGNS = st.characters(codec="utf-8", exclude_characters="" if sys.version_info >= (3, 11) else "\x00")


@given(st.lists(st.text(SIGNS, min_size=1), min_size=1).filter(lambda cells: cells[0][0] not in "[{<\ufeff"))
@example(["0"])
@example([" "])
def test_a_header_written_by_python_s_csv_is_read_back(cells: list[str]) -> None:
    text = written([cells], ",", '"', csv.QUOTE_ALL, "\r\n")
    try:
        found = seen(text.encode(), delimiter=",", quote='"', escape='"')
        assert found.format.header == tuple(cells)
    except UnreadableFileError:
        assert "\x00" in text or (len(cells) == 1 and all(sign <= " " for sign in cells[0]))


def test_a_large_file_s_head_is_enough_for_its_dialect() -> None:
    rows = [[str(number), f"a;{number % 7}", 'say "hi"', "x\ny"] for number in range(20_000)]
    text = written([["id", "pair", "quoted", "broken"], *rows], ";", '"', csv.QUOTE_MINIMAL, "\r\n")
    found = seen(text)
    assert found == Look(FileFormat("csv", True, ("id", "pair", "quoted", "broken"), ";"), whole=False)
