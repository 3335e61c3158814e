"""Formats: what a file is by its bytes, and why a file can't be read."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import json
import tracemalloc

import fastavro
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etl.errors import UnreadableFileError
from etl.formats import HEAD_BYTES, TAIL_BYTES, FileFormat, detect, head_length

CSV = "id,name\n1,Ann\n"
ID_NAME = FileFormat("csv", header=("id", "name"))
JSON_LINES, ONE_JSON = FileFormat("json"), FileFormat("json", multiline=True)


def detected(name: str, content: bytes | str, declared: str = "auto", **options: object) -> FileFormat:
    """The format of a whole file, told by its head and tail as the pipeline reads them."""
    data = content.encode() if isinstance(content, str) else content
    return detect(name, data[: head_length(name)], data[-TAIL_BYTES:], declared, options)


def refusal(name: str, content: bytes | str, declared: str = "auto", **options: object) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        detected(name, content, declared, **options)
    return str(caught.value)


def parquet_file() -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"id": [1, 2]}), sink)
    return sink.getvalue()


def orc_file() -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(pa.table({"id": [1, 2]}), sink)
    return sink.getvalue()


def avro_file() -> bytes:
    sink = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "id", "type": "long"}]}
    fastavro.writer(sink, fastavro.parse_schema(schema), [{"id": 1}])
    return sink.getvalue()


# Binary formats ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x", "x.snappy.parquet"])
def test_parquet_is_told_by_its_magic_whatever_the_name(name: str) -> None:
    assert detected(name, parquet_file()) == FileFormat("parquet")


def test_orc_and_avro_are_told_by_their_magic() -> None:
    assert detected("x.dat", orc_file()) == FileFormat("orc")
    assert detected("x.dat", avro_file()) == FileFormat("avro")


def test_a_binary_file_is_what_it_is_though_the_contract_says_csv() -> None:
    assert detected("x.csv", parquet_file(), declared="csv") == FileFormat("parquet")


def test_a_parquet_file_that_was_cut_off_is_refused() -> None:
    assert "Parquet file without its footer" in refusal("x.dat", parquet_file()[:-10])
    assert "Parquet file without its footer" in refusal("x.parquet", b"PAR1")


def test_an_orc_file_that_was_cut_off_is_refused() -> None:
    assert "ORC file without its postscript" in refusal("x.dat", orc_file()[:-10])
    assert "ORC file without its postscript" in refusal("x.orc", b"ORC")


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("ORCID,name\n0000-1,Ann\n", ("ORCID", "name")),
        ("ORC,b\n1,ORC\n", ("ORC", "b")),
        ("PAR1,PAR2\n1,2\n", ("PAR1", "PAR2")),
        ("PAR1,b\n1,PAR1", ("PAR1", "b")),
    ],
)
def test_a_csv_header_that_begins_like_a_magic_is_still_csv(text: str, header: tuple[str, ...]) -> None:
    assert detected("x.csv", text) == FileFormat("csv", header=header)


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"]
)
def test_a_file_that_is_no_data_is_refused_instead_of_being_read_as_csv(content: bytes) -> None:
    assert "neither text nor Parquet, ORC or Avro" in refusal("x.csv", content)


# Compression ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extension", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_text_is_what_is_inside(extension, compress) -> None:
    assert detected(f"x.csv{extension}", compress(CSV.encode())) == ID_NAME
    assert detected(f"x.json{extension}", compress(b'{"a": 1}\n{"a": 2}\n')) == JSON_LINES


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.csv", gzip.compress(CSV.encode()), "the content is gzip but the name ends in no codec extension"),
        (
            "x.csv.bz2",
            gzip.compress(CSV.encode()),
            "the content is gzip but the name ends in .bz2; rename it to end in .gz",
        ),
        (
            "x.csv.gz",
            bz2.compress(CSV.encode()),
            "the content is bzip2 but the name ends in .gz; rename it to end in .bz2",
        ),
        ("x.csv.gz", CSV.encode(), "the content is not compressed but the name ends in .gz"),
        # Hadoop knows codecs by extension in small letters, and would read the packed bytes as text.
        ("x.csv.GZ", gzip.compress(CSV.encode()), "rename it to end in .gz"),
    ],
)
def test_an_extension_that_belies_the_content_is_refused_with_the_right_one(name, content, reason) -> None:
    assert reason in refusal(name, content)


def test_zstandard_is_refused() -> None:
    assert "Zstandard" in refusal("x.csv.zst", b"\x28\xb5\x2f\xfd\x04\x00")
    assert "Zstandard" in refusal("x.csv", b"\x28\xb5\x2f\xfd\x04\x00")
    assert "Zstandard" in refusal("x.csv.zst", CSV)


@pytest.mark.parametrize("extension", [".gz", ".bz2"])
def test_damaged_compressed_data_is_refused(extension: str) -> None:
    magic = {".gz": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", ".bz2": b"BZh9"}[extension]
    assert "data is damaged" in refusal(f"x.csv{extension}", magic + b"\xff" * 40)


def test_compressed_data_with_nothing_inside_is_refused() -> None:
    assert "nothing but white space" in refusal("x.csv.gz", gzip.compress(b""))
    assert "nothing but white space" in refusal("x.csv.gz", b"\x1f\x8b")


@pytest.mark.parametrize(("extension", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_compressed_head_is_enough_of_a_large_file(extension, compress) -> None:
    lines = "".join(f'{{"id": {number}, "text": "{number * 7919 % 104729:x}"}}\n' for number in range(50_000))
    assert detected(f"x.json{extension}", compress(lines.encode())) == JSON_LINES


def test_a_bzip2_file_whose_first_block_is_full_of_noise_is_read() -> None:
    noise = hashlib.shake_256(b"noise").hexdigest(1_000_000)
    assert detected("x.csv.bz2", bz2.compress(f"id,name\n1,{noise}".encode())) == ID_NAME


def test_no_more_than_a_head_is_unpacked_of_a_bomb() -> None:
    packed = bz2.compress(b"id,name\n" + b"a" * 50_000_000)
    assert len(packed) < HEAD_BYTES
    tracemalloc.start()
    try:
        assert detected("x.csv.bz2", packed) == ID_NAME
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_gzip_file_of_several_parts_may_have_a_character_in_two_of_them() -> None:
    data = "id,name\n1,é\n".encode()
    parts = gzip.compress(data[:-2]) + gzip.compress(data[-2:])
    assert gzip.decompress(parts) == data
    assert detected("x.csv.gz", parts) == ID_NAME


# Encodings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [(codecs.BOM_UTF8, "UTF-8"), (codecs.BOM_UTF16_LE, "UTF-16LE"), (codecs.BOM_UTF16_BE, "UTF-16BE")],
)
def test_a_byte_order_mark_tells_the_encoding_and_is_no_part_of_the_header(bom: bytes, encoding: str) -> None:
    data = bom + "id,Straße\n1,ö\n".encode(encoding)
    expected = FileFormat("csv", header=("id", "Straße"), encoding=encoding)
    assert detected("x.csv", data) == expected
    assert detected("x.csv", data, encoding="ISO-8859-1") == expected


def test_utf_16_without_a_byte_order_mark_is_refused_unless_the_contract_says_so() -> None:
    data = CSV.encode("UTF-16LE")
    assert "set source.options.encoding" in refusal("x.csv", data)
    assert detected("x.csv", data, encoding="UTF-16LE") == FileFormat("csv", header=("id", "name"), encoding="UTF-16LE")


def test_text_that_is_not_utf_8_is_latin_1() -> None:
    found = detected("x.csv", "id,größe\n1,ä\n".encode("latin-1"))
    assert found == FileFormat("csv", header=("id", "größe"), encoding="ISO-8859-1")


@pytest.mark.parametrize("ending", ["é", "éa", "éab"])
def test_a_latin_1_file_with_its_only_accent_at_the_end_is_latin_1(ending: str) -> None:
    assert detected("x.csv", f"id,name\n1,caf{ending}".encode("latin-1")).encoding == "ISO-8859-1"
    assert detected("x.csv.gz", gzip.compress(f"id,name\n1,caf{ending}".encode("latin-1"))).encoding == "ISO-8859-1"


@pytest.mark.parametrize("character", ["é", "€", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_character_that_the_head_cuts_leaves_utf_8_what_it_is(character: str, shift: int) -> None:
    text = "id,name\n" + "a" * shift + character * HEAD_BYTES
    assert detected("x.csv", text) == ID_NAME


def test_the_contract_s_encoding_is_taken_where_no_mark_contradicts() -> None:
    found = detected("x.csv", "id,preis €\n".encode("windows-1252"), encoding="windows-1252")
    assert found == FileFormat("csv", header=("id", "preis €"), encoding="windows-1252")


# CSV -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_of_the_header(delimiter: str) -> None:
    found = detected("x.csv", delimiter.join(["id", "name", "x"]) + "\n1,2,3,4\n")
    assert found == FileFormat("csv", header=("id", "name", "x"), delimiter=delimiter)


def test_delimiters_and_line_breaks_inside_quotes_do_not_count() -> None:
    found = detected("x.csv", '"a,b,c,\nd";e\n1;2\n')
    assert found == FileFormat("csv", header=("a,b,c,\nd", "e"), delimiter=";")


def test_a_header_of_one_column_has_a_comma_for_delimiter() -> None:
    assert detected("x.csv", "id\n1\n") == FileFormat("csv", header=("id",))


def test_the_contract_s_delimiter_and_quote_go_first() -> None:
    assert detected("x.csv", "a,b,c|d\n", delimiter="|") == FileFormat("csv", header=("a,b,c", "d"), delimiter="|")
    assert detected("x.csv", "'a,b';c\n", quote="'") == FileFormat("csv", header=("a,b", "c"), delimiter=";")


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


# JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n', JSON_LINES),
        ('{"a": 1}', JSON_LINES),
        ('\n \t{"a": 1}\r\n{"a": 2}\r\n', JSON_LINES),
        ('{"a": 1}\nbroken\n', JSON_LINES),
        ('[{"a": 1}, {"a": 2}]', ONE_JSON),
        ('[\n  {"a": 1},\n  {"a": 2}\n]\n', ONE_JSON),
        ('{\n  "a": 1\n}\n', ONE_JSON),
        ("[]", ONE_JSON),
    ],
)
def test_json_is_lines_or_one_document(text: str, expected: FileFormat) -> None:
    assert detected("x.json", text) == expected
    assert detected("x.csv", text) == expected


def test_json_is_found_behind_a_byte_order_mark() -> None:
    data = codecs.BOM_UTF8 + b'{"a": 1}\n'
    assert detected("x.json", data) == JSON_LINES
    utf_16 = codecs.BOM_UTF16_LE + '[{"a": 1}]'.encode("UTF-16LE")
    assert detected("x.json", utf_16) == FileFormat("json", multiline=True, encoding="UTF-16LE")


def test_large_json_documents_are_told_by_their_head() -> None:
    rows = [{"id": number, "text": "ä" * 20} for number in range(5000)]
    assert detected("x.json", json.dumps(rows)) == ONE_JSON
    assert detected("x.json", json.dumps(rows, indent=1)) == ONE_JSON
    assert detected("x.json", json.dumps({"rows": rows}, indent=1)) == ONE_JSON
    assert detected("x.json", "\n".join(json.dumps(row) for row in rows)) == JSON_LINES


def test_a_json_line_longer_than_the_head_is_a_line() -> None:
    line = json.dumps({"text": "a" * HEAD_BYTES})
    assert detected("x.json", f"{line}\n{line}\n") == JSON_LINES


@pytest.mark.parametrize(
    "text",
    ['{\n"a": 1\n}\n{\n"a": 2\n}\n', '{"a": 1},\n{"a": 2}\n', "[1]\n[2]\n", '[{"a": 1}] and more'],
)
def test_json_documents_that_are_not_one_a_line_are_refused_for_spark_reads_only_the_first(text: str) -> None:
    assert "write one object a line" in refusal("x.json", text)


def test_text_is_json_when_the_contract_says_so_and_is_left_to_the_reader_to_refuse() -> None:
    assert detected("x.csv", CSV, declared="json") == ONE_JSON


# Files with nothing to read ------------------------------------------------------------------------------


def test_an_empty_file_is_refused() -> None:
    assert refusal("x.csv", b"") == "the file is empty"


@pytest.mark.parametrize(
    "content", [b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n", b"\xff\xfe \x00", b"\x00\x00\n"]
)
def test_a_blank_file_is_refused(content: bytes) -> None:
    assert "nothing but white space" in refusal("x.csv", content)


@pytest.mark.parametrize("name", ["_x.csv", ".x.csv"])
def test_a_name_that_spark_hides_is_refused(name: str) -> None:
    assert "rename the file" in refusal(name, CSV)


# Anything at all -----------------------------------------------------------------------------------------

MAGICS = [
    b"",
    b"PAR1",
    b"ORC",
    b"Obj\x01",
    b"\x1f\x8b",
    b"\x1f\x8b\x08\x00",
    b"BZh9",
    b"\x28\xb5\x2f\xfd",
    b"[",
    b"{",
    b'"',
]
BOMS = [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE]


@given(
    magic=st.sampled_from(MAGICS + BOMS),
    rest=st.one_of(st.binary(), st.text().map(str.encode)),
    name=st.sampled_from(["x.csv", "x.csv.gz", "x.csv.bz2", "x.zst", "x.parquet", "x.orc", "x", "_x"]),
    declared=st.sampled_from(["auto", "csv", "json", "parquet"]),
)
@example(b"[" * 60_000, b"", "x.json", "auto")
@example(b'{"a":' * 10_000, b"", "x.json", "auto")
@example(b'{"a":' + b"1" * 5000 + b"}", b"", "x.json", "auto")
@example(b"a\r\x00b", b"", "x.csv", "csv")
def test_any_bytes_have_a_format_or_a_reason(magic: bytes, rest: bytes, name: str, declared: str) -> None:
    try:
        found = detected(name, magic + rest, declared)
    except UnreadableFileError as error:
        assert str(error)
    else:
        assert found.kind in ("csv", "json", "parquet", "orc", "avro")


@given(st.lists(st.text(min_size=1), min_size=1).filter(lambda cells: cells[0][0] not in "[{\ufeff"))
def test_a_header_written_by_python_s_csv_is_read_back(cells: list[str]) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, quoting=csv.QUOTE_ALL).writerow(cells)
    text = sink.getvalue()
    try:
        assert detected("x.csv", text.encode(errors="surrogatepass"), delimiter=",").header == tuple(cells)
    except UnreadableFileError:
        assert "\x00" in text
