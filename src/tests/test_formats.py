"""Formats: what a file is by its bytes, and why a file can't be read."""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import io
import tracemalloc
import zipfile
from dataclasses import replace

import fastavro
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

import reading
from etl.errors import UnreadableFileError
from etl.reading.formats import HEAD_BYTES, FileFormat, contradiction, head_length
from etl.reading.packing import zstd_by_jvm

CSV = "id,name\n1,Ann\n"
ID_NAME = FileFormat("csv", header=("id", "name"))
JSON_LINES, ONE_JSON = FileFormat("json"), FileFormat("json", multiline=True)


ZSTD = zstandard.compress(CSV.encode())


def unpack(codec: str, head: bytes) -> bytes:
    """Zstandard by Python, for tests without Spark."""
    try:
        return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(head)
    except zstandard.ZstdError as error:
        raise UnreadableFileError(f"the {codec} data is damaged: {error}") from error


def detected(name: str, content: bytes | str, declared: str = "auto", **options: object) -> FileFormat:
    """As reading.detected, with Zstandard unpacked."""
    return reading.detected(name, content, declared, unpack, **options)


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


def zip_of(*names: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")
    return sink.getvalue()


def test_an_excel_workbook_is_told_by_what_the_zip_holds() -> None:
    assert detected("x.csv", zip_of("[Content_Types].xml", "xl/workbook.xml")) == FileFormat("xlsx")
    assert detected("x", zip_of("xl/workbook.xml")) == FileFormat("xlsx")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither text nor Parquet, ORC or Avro"),
        (zip_of("orders.csv"), "a zip archive: unpack it before"),
        (zip_of("[Content_Types].xml", "word/document.xml"), "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 40, "save it as .xlsx or CSV"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"<!DOCTYPE html>\n<p>404</p>", "HTML or XML"),
        (b"<?xml version='1.0'?>\n<Error/>", "HTML or XML"),
        (b"\xfd7zXZ\x00\x00\x04\xe6\xd6", "packed with xz"),
        (gzip.compress(gzip.compress(b"id\n1\n")), "packed twice (gzip inside gzip)"),
    ],
)
def test_a_file_that_is_no_data_is_refused_instead_of_being_read_as_csv(content: bytes, reason: str) -> None:
    assert reason in refusal("x.csv", content)


def test_a_few_nuls_in_text_are_text() -> None:
    assert detected("x.csv", "id,name\n1,A\x00nn\n2,Bob\n") == ID_NAME


# Compression ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("extension", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_compressed_text_is_what_is_inside(extension, compress) -> None:
    assert detected(f"x.csv{extension}", compress(CSV.encode())) == ID_NAME
    assert detected(f"x.json{extension}", compress(b'{"a": 1}\n{"a": 2}\n')) == JSON_LINES


@pytest.mark.parametrize(
    ("name", "content", "packing"),
    [
        ("x.csv", gzip.compress(CSV.encode()), "gzip"),
        ("x.csv.bz2", gzip.compress(CSV.encode()), "gzip"),
        ("x.csv.gz", bz2.compress(CSV.encode()), "bzip2"),
        ("x.csv.gz", CSV.encode(), "none"),
        ("x.csv.zst", CSV.encode(), "none"),
        # Hadoop would take the text for packed by these names, too.
        ("x.csv.snappy", CSV.encode(), "none"),
        # Hadoop knows codecs by extension in small letters, and would read the packed bytes as text.
        ("x.csv.GZ", gzip.compress(CSV.encode()), "gzip"),
        ("x.csv.zst", ZSTD, "zstd"),
        ("x.csv", ZSTD, "zstd"),
        ("x.csv", b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd" + ZSTD, "zstd"),
    ],
)
def test_packing_that_the_name_does_not_tell_is_told(name: str, content: bytes, packing: str) -> None:
    assert detected(name, content) == replace(ID_NAME, packing=packing)


@pytest.mark.parametrize("name", ["x.parquet.gz", "x.csv"])
def test_binary_kinds_inside_a_packed_file_are_told_with_their_packing(name: str) -> None:
    assert detected(name, gzip.compress(parquet_file())) == FileFormat("parquet", packing="gzip")
    assert detected(name, zstandard.compress(avro_file())) == FileFormat("avro", packing="zstd")
    assert detected(name, bz2.compress(orc_file())) == FileFormat("orc", packing="bzip2")
    assert detected(name, gzip.compress(zip_of("xl/workbook.xml"))) == FileFormat("xlsx", packing="gzip")


def test_zstandard_is_refused_where_nothing_unpacks_it() -> None:
    with pytest.raises(UnreadableFileError, match="Zstandard"):
        reading.detected("x.csv.zst", ZSTD)


def test_spark_s_own_library_unpacks_the_head_of_a_zstandard_file(spark: SparkSession) -> None:
    unpack = zstd_by_jvm(spark)
    text = b"id,name\n" + b"".join(b"%d,Ann\n" % number for number in range(200_000))
    packed = zstandard.compress(text)
    assert unpack("zstd", packed[: len(packed) // 2]) == text[:HEAD_BYTES]
    assert unpack("zstd", zstandard.compress(b"id\n1\n")) == b"id\n1\n"
    assert unpack("zstd", zstandard.compress(b"id\n") + zstandard.compress(b"1\n")) == b"id\n1\n"
    with pytest.raises(UnreadableFileError, match="damaged"):
        unpack("zstd", ZSTD[:6] + b"\xff" * 40)


def test_more_of_the_head_is_asked_for_where_its_codec_gives_out_text_late() -> None:
    assert head_length("x.csv") == HEAD_BYTES
    assert head_length("x.csv", b"BZh91AY") == head_length("x.bz2") > HEAD_BYTES
    assert head_length("x.csv", ZSTD) == head_length("x.zst") > 128 * 1024


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
    [
        (codecs.BOM_UTF8, "UTF-8"),
        (codecs.BOM_UTF16_LE, "UTF-16LE"),
        (codecs.BOM_UTF16_BE, "UTF-16BE"),
        (codecs.BOM_UTF32_LE, "UTF-32LE"),
        (codecs.BOM_UTF32_BE, "UTF-32BE"),
    ],
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


def test_text_with_characters_that_only_windows_has_is_windows_1252() -> None:
    found = detected("x.csv", "id,größe €\n1,ä\n".encode("windows-1252"))
    assert found == FileFormat("csv", header=("id", "größe €"), encoding="windows-1252")
    # A byte that windows-1252 has no character for would be lost.
    assert detected("x.csv", b"id,a\n1,\x80\x81\n").encoding == "ISO-8859-1"


def test_an_encoding_that_nobody_knows_is_named() -> None:
    assert "'klingon' is no known encoding" in refusal("x.csv", CSV, encoding="klingon")


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


# Names that say something else ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("x.csv", FileFormat("parquet"), "named .csv, holds Parquet"),
        ("X.CSV", FileFormat("json"), "named .csv, holds JSON"),
        ("x.json.gz", FileFormat("csv"), "named .json, holds CSV"),
        ("x.xls", FileFormat("csv"), "named .xls, holds CSV"),
        ("x.parquet", FileFormat("xlsx"), "named .parquet, holds an Excel workbook"),
        ("x.csv.gz", FileFormat("csv", packing="none"), "named .gz, is not packed"),
        ("x.csv", FileFormat("csv", packing="zstd"), "packed with zstd, which its name doesn't say"),
        (
            "x.csv",
            FileFormat("avro", packing="gzip"),
            "named .csv, holds Avro; packed with gzip, which its name doesn't say",
        ),
        ("x.csv.zst", FileFormat("csv", packing="zstd"), ""),
        ("x.csv.GZ", FileFormat("csv", packing="gzip"), ""),
        ("x.parquet.gz", FileFormat("parquet", packing="gzip"), ""),
        ("x.jsonl", FileFormat("json", multiline=True), ""),
        ("x.ndjson", FileFormat("json"), ""),
        ("x.tsv", FileFormat("csv", delimiter="\t"), ""),
        ("x.snappy.parquet", FileFormat("parquet"), ""),
        ("x.txt", FileFormat("json"), ""),
        ("x.2024.log", FileFormat("csv"), ""),
        ("csv", FileFormat("json"), ""),
    ],
)
def test_a_name_that_promises_something_else_is_told(name: str, found: FileFormat, expected: str) -> None:
    assert contradiction(name, found) == expected


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
        assert found.kind in ("csv", "json", "parquet", "orc", "avro", "xlsx")
