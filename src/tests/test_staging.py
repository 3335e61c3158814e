"""Staging: files that Spark can't read as they lie are rewritten as they are; damaged ones leave a reason, no copy."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Contract
from etl.discovery import SourceFile
from etl.errors import UnreadableFileError
from etl.names import CORRUPT, SOURCE_FILE
from etl.reading.formats import FileFormat
from etl.reading.readers import read_files
from etl.reading.staging import needs_staging, stage
from utils.glue_utils import Storage
from utils.spark_versions import SPARK_VERSION

FOLDER = "data/incoming/orders/2024/01/15"
ROWS = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n * 7919 % 10007) for n in range(20_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
CSV = {"kind": "csv", "header": ("id", "name")}
Staged = Callable[..., tuple[str, FileFormat]]


@pytest.fixture
def staged(spark: SparkSession, storage: Storage, lake: Any) -> Staged:
    """A factory: a raw object of this name, content and format -> its copy's URI and format."""

    def make(name: str, content: bytes, options: dict[str, Any] | None = None, **found: Any) -> tuple[str, FileFormat]:
        key = f"{FOLDER}/{name}"
        lake.put("raw", key, content)
        raw = f"s3://{lake.bucket('raw')}/"
        file = SourceFile(raw + key, f"{raw}{FOLDER}/", key, "orders", len(content), 0)
        shape = FileFormat(**found)
        assert needs_staging(shape)
        folder = f"s3://{lake.bucket('processed')}/_staging/orders/batch_id=1/"
        uri, after = stage(spark, storage, file, shape, folder, options)
        assert not needs_staging(after)
        return uri, after

    return make


@pytest.fixture
def rows(spark: SparkSession, staged: Staged, lake: Any) -> Callable[..., DataFrame]:
    """A factory: like ``staged``, and then the copy read as a frame."""

    def make(name: str, content: bytes, options: dict[str, Any] | None = None, **found: Any) -> DataFrame:
        uri, after = staged(name, content, options, **found)
        folder = f"s3://{lake.bucket('processed')}/_staging/orders/batch_id=1/"
        roots = (folder, f"s3://{lake.bucket('raw')}/")
        return read_files(spark, [uri], after, Contract("orders"), staged=roots)

    return make


def text_of(lake: Any, name: str) -> bytes:
    path: Path = lake.folder("processed") / "_staging/orders/batch_id=1" / FOLDER / name / "rows.staged"
    return path.read_bytes()


def copies(lake: Any) -> list[Path]:
    return [path for path in lake.folder("processed").rglob("*") if path.is_file()]


# Packed files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", PACKERS)
def test_a_packed_file_is_unpacked_byte_for_byte_with_all_its_members(staged: Staged, lake: Any, packing: str) -> None:
    middle = len(ROWS) // 2
    pack = PACKERS[packing]
    _, after = staged("a.csv", pack(ROWS[:middle]) + pack(ROWS[middle:]), packing=packing, **CSV)
    assert text_of(lake, "a.csv") == ROWS
    assert after == FileFormat(**CSV)


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("missing", [3, 9_000])
def test_a_packed_file_that_is_cut_off_is_refused_and_leaves_no_copy(
    staged: Staged, lake: Any, packing: str, missing: int
) -> None:
    packed = PACKERS[packing](ROWS)
    with pytest.raises(UnreadableFileError, match=f"{packing} data ends too early"):
        staged("a.csv", packed[:-missing], packing=packing, **CSV)
    assert copies(lake) == []


@pytest.mark.parametrize("packing", PACKERS)
def test_a_packed_file_that_is_damaged_in_the_middle_is_refused(staged: Staged, lake: Any, packing: str) -> None:
    packed = PACKERS[packing](ROWS)
    middle = len(packed) // 2
    with pytest.raises(UnreadableFileError, match=f"{packing} data (is damaged|ends too early)"):
        staged("a.csv", packed[:middle] + b"XXXXXXXX" + packed[middle + 8 :], packing=packing, **CSV)
    assert copies(lake) == []


@pytest.mark.parametrize("packing", PACKERS)
def test_garbage_behind_packed_data_is_told_and_not_dropped(staged: Staged, packing: str) -> None:
    with pytest.raises(UnreadableFileError, match="is damaged"):
        staged("a.csv", PACKERS[packing](ROWS) + b"id,name\n1,more\n" * 5, packing=packing, **CSV)


def test_a_plain_file_under_a_packed_name_is_read_as_it_is(rows: Callable[..., DataFrame]) -> None:
    assert rows("a.csv.gz", ROWS, packing="none", **CSV).count() == 20_000


def test_packed_parquet_is_read(rows: Callable[..., DataFrame]) -> None:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"id": [7]}), sink)
    frame = rows("a.parquet.gz", gzip.compress(sink.getvalue()), kind="parquet", packing="gzip")
    assert [row["id"] for row in frame.collect()] == ["7"]


def test_a_file_that_goes_before_it_is_staged_is_not_called_damaged(
    spark: SparkSession, storage: Storage, lake: Any
) -> None:
    uri = f"s3://{lake.bucket('raw')}/{FOLDER}/gone.csv"
    file = SourceFile(uri, "", f"{FOLDER}/gone.csv", "orders", 1, 0)
    found = FileFormat("csv", packing="zstd")
    with pytest.raises(Exception, match="FileNotFound"):
        stage(spark, storage, file, found, f"s3://{lake.bucket('processed')}/_staging/")


@pytest.mark.parametrize(
    "name",
    ["a b.csv.gz", "ünï-日本.csv", "100%25.csv", "a+b.csv", "k=v.csv", "_hidden.csv", ".dot.csv", "[x]{y}*.csv"],
)
def test_rows_of_a_copy_tell_the_raw_object_however_odd_its_key(
    rows: Callable[..., DataFrame], lake: Any, name: str
) -> None:
    frame = rows(name, PACKERS["zstd"](b"id,name\n1,x\n"), packing="zstd", **CSV)
    assert [row[SOURCE_FILE] for row in frame.collect()] == [f"s3://{lake.bucket('raw')}/{FOLDER}/{name}"]


def test_a_key_that_leaves_no_room_for_a_copy_is_refused(staged: Staged) -> None:
    with pytest.raises(UnreadableFileError, match="too long"):
        staged("/".join(["x" * 200] * 5), b"x", packing="gzip", **CSV)


# Encodings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32", "UTF-32LE", "cp037"])
def test_text_in_wide_encodings_becomes_utf_8(staged: Staged, lake: Any, encoding: str) -> None:
    if encoding == "cp037" and SPARK_VERSION < (3, 4):
        pytest.skip("Glue 4.0 runs Java 8; on Java 17, py4j of Spark 3.3 can't call this encoding's decoder")
    text = "id,name\n1,Zoë\n" if encoding == "cp037" else "id,name\n1,Zoë 日本 🎉\r\n"
    staged("a.csv", text.encode(encoding), encoding=encoding, **CSV)
    assert text_of(lake, "a.csv").decode() == text


def test_a_byte_order_mark_is_no_part_of_the_copy(staged: Staged, lake: Any) -> None:
    staged("a.csv", "\ufeffid,name\n".encode("utf-16-le"), encoding="UTF-16LE", **CSV)
    assert text_of(lake, "a.csv") == b"id,name\n"


def test_packed_text_in_a_wide_encoding_is_unpacked_and_decoded(staged: Staged, lake: Any) -> None:
    staged("a.csv.gz", gzip.compress("id,name\n1,Zoë\n".encode("utf-16")), encoding="UTF-16", **CSV)
    assert text_of(lake, "a.csv.gz").decode() == "id,name\n1,Zoë\n"


@pytest.mark.parametrize("broken", [b"x", b"\x00\xd8a\x00"])
def test_bytes_that_are_no_text_in_the_encoding_are_refused_and_not_replaced(
    staged: Staged, lake: Any, broken: bytes
) -> None:
    with pytest.raises(UnreadableFileError, match="not text in UTF-16LE"):
        staged("a.csv", "id,name\n".encode("utf-16-le") * 9000 + broken, encoding="UTF-16LE", **CSV)
    assert copies(lake) == []


# JSON documents ----------------------------------------------------------------------------------------------


def test_a_json_array_becomes_lines_with_every_digit(staged: Staged, lake: Any) -> None:
    text = '[\n {"id": 1, "v": 12345678901234567890.1230, "w": {"n": [0.1234567890123456789, null]}},\n {"id": "2"}]\n'
    _, after = staged("a.json", text.encode(), kind="json", multiline=True)
    first, second = text_of(lake, "a.json").decode().splitlines()
    assert first == '{"id":1,"v":12345678901234567890.1230,"w":{"n":[0.1234567890123456789,null]}}'
    assert (json.loads(second), after) == ({"id": "2"}, FileFormat("json"))


def test_one_pretty_printed_object_is_one_row(rows: Callable[..., DataFrame]) -> None:
    content = json.dumps({"id": 1, "tags": ["a", "b"]}, indent=2).encode("utf-16")
    frame = rows("a.json", content, kind="json", multiline=True, encoding="UTF-16")
    assert [(row["id"], row["tags"], row[CORRUPT]) for row in frame.collect()] == [("1", '["a","b"]', None)]


@pytest.mark.parametrize("content", ["[]", " [ ] \n"])
def test_an_empty_array_has_no_rows(rows: Callable[..., DataFrame], content: str) -> None:
    assert rows("a.json", content.encode(), kind="json", multiline=True).count() == 0


def test_objects_behind_each_other_are_all_rows(rows: Callable[..., DataFrame]) -> None:
    frame = rows("a.json", b'{\n"id": 1}{"id":\n2} {"id": 3}', kind="json", multiline=True)
    assert sorted(row["id"] for row in frame.collect()) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[{"id": 1},\n {"id": 2', "not valid JSON: Unexpected end-of-input.* at line 2"),
        ('[{"id": 1},\n nonsense]', "not valid JSON: Unrecognized token 'nonsense'.* at line 2"),
        ('[{"id": 1}]\n[{"id": 2}]', "more than one JSON document"),
    ],
)
def test_a_broken_json_document_is_refused_with_the_place(staged: Staged, lake: Any, content: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        staged("a.json", content.encode(), kind="json", multiline=True)
    assert copies(lake) == []


# Excel -------------------------------------------------------------------------------------------------------


def workbook(*rows: list[Any], title: str = "Orders") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.create_sheet("Other").append(["other"])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def cells(frame: DataFrame) -> list[tuple[Any, ...]]:
    names = [name for name in frame.columns if name not in (CORRUPT, SOURCE_FILE, "_position")]
    return [tuple(row[name] for name in names) for row in frame.collect()]


def test_a_sheet_holds_the_text_that_it_shows(rows: Callable[..., DataFrame]) -> None:
    values = [
        5.0, 0.1 + 0.2, 12345678901, True, date(2024, 1, 15), datetime(2024, 1, 15, 10, 30), time(9, 5),
        timedelta(hours=30), "#N/A", "007", 'say "hi", two\nlines', None,
    ]  # fmt: skip
    frame = rows("a.xlsx", workbook([f"C{n}" for n in range(len(values))], values), kind="xlsx")
    assert cells(frame) == [
        (
            "5", "0.3", "12345678901", "true", "2024-01-15", "2024-01-15 10:30:00", "09:05:00",
            "30:00:00", "#N/A", "007", 'say "hi", two\nlines', None,
        )
    ]  # fmt: skip


def test_blank_rows_are_no_rows_and_places_are_those_of_the_sheet(rows: Callable[..., DataFrame]) -> None:
    frame = rows("a.xlsx", workbook([None], ["id", "name"], [1, "a"], [None, None], [2, "b"]), kind="xlsx")
    assert [(row["id"], row["_position"]) for row in frame.collect()] == [("1", "row 3"), ("2", "row 5")]


def test_a_cell_without_a_heading_sets_its_row_apart(rows: Callable[..., DataFrame]) -> None:
    frame = rows("a.xlsx", workbook(["id"], [1], [2, "stray"]), kind="xlsx")
    assert [row["id"] for row in frame.collect() if row[CORRUPT] is None] == ["1"]
    assert frame.where(f"{CORRUPT} like '%stray%'").count() == 1


def test_another_sheet_may_be_named(rows: Callable[..., DataFrame]) -> None:
    frame = rows("a.xlsx", workbook(["id"]), {"sheet": "Other"}, kind="xlsx")
    assert (frame.columns[0], frame.count()) == ("other", 0)


@pytest.mark.parametrize(
    ("content", "sheet", "reason"),
    [
        (workbook(["id"]), "None such", "no sheet None such; it has Orders, Other"),
        (workbook(), None, "holds no row"),
        (workbook(["id"])[:-100], None, "can't be opened"),
    ],
)
def test_a_workbook_that_can_not_be_used_is_refused_with_the_reason(
    staged: Staged, lake: Any, content: bytes, sheet: str | None, reason: str
) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        staged("a.xlsx", content, {"sheet": sheet} if sheet else {}, kind="xlsx")
    assert copies(lake) == []
