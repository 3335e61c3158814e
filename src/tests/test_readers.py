"""Readers: files of every format become text columns under standard names, each row with the file it came from."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from etl.names import CORRUPT, SOURCE_FILE
from etl.reading.readers import union_all
from reading import FOLDER, Read, avro_bytes, corrupt, orc_bytes, parquet_bytes, reader, values

ODD_NAMES = (
    "with space.csv",
    "ünï-日本.csv",
    "100%25 sure.csv",
    "a+b.csv",
    "key=value.csv",
    "[brackets].csv",
    "star*.csv",
    "{a,b}.csv",
    "what?.csv",
    "hash#1.csv",
)


@pytest.fixture
def read(spark: SparkSession, lake: Any) -> Read:
    """Files by name -> one frame (see :func:`reading.reader`)."""
    return reader(spark, lake)


# CSV ---------------------------------------------------------------------------------------------------------


def test_every_row_tells_its_file_by_the_key_as_it_is_however_odd(read: Read, lake: Any) -> None:
    frame = read({name: f"id\n{position}\n" for position, name in enumerate(ODD_NAMES)})
    expected = {str(n): f"s3://{lake.bucket('raw')}/{FOLDER}/{name}" for n, name in enumerate(ODD_NAMES)}
    assert {row["id"]: row[SOURCE_FILE] for row in frame.collect()} == expected
    assert frame.count() == len(ODD_NAMES)


def test_a_key_of_glob_characters_reads_that_file_and_no_other(read: Read, lake: Any) -> None:
    lake.put("raw", f"{FOLDER}/a.csv", "id\nwrong\n")
    lake.put("raw", f"{FOLDER}/b.csv", "id\nwrong\n")
    assert values(read({"[ab].csv": "id\n1\n", "*.csv": "id\n2\n"})) == [{"id": "1"}, {"id": "2"}]


def test_a_newline_inside_quotes_belongs_to_the_value(read: Read) -> None:
    frame = read({"a.csv": 'id,note\n1,"two\nlines"\n2,"and\r\nthree"\n'}, multiline=True)
    assert values(frame) == [{"id": "1", "note": "two\nlines"}, {"id": "2", "note": "and\r\nthree"}]


def test_doubled_quotes_stand_for_one_and_a_backslash_for_itself(read: Read) -> None:
    frame = read({"a.csv": 'id,note\n1,"say ""hi"""\n2,"c:\\dir\\"\n'})
    assert values(frame) == [
        {"id": "1", "note": 'say "hi"'},
        {"id": "2", "note": "c:\\dir\\"},
    ]


def test_rows_with_too_few_or_too_many_cells_are_kept_whole_as_corrupt(read: Read) -> None:
    frame = read({"a.csv": "id,a,b\n1,x,y\n2,x\n3,x,y,z\n4,x,y\n"})
    assert corrupt(frame) == ["2,x", "3,x,y,z"]
    assert frame.where(f"{CORRUPT} is null").count() == 2


def test_leading_zeros_blanks_around_and_empty_cells_stay(read: Read) -> None:
    frame = read({"a.csv": "code,name,note\n00123, Ann ,\n"})
    assert values(frame) == [{"code": "00123", "name": " Ann ", "note": None}]


def test_a_byte_order_mark_is_no_part_of_the_first_name(read: Read) -> None:
    assert values(read({"a.csv": b"\xef\xbb\xbfid,name\n1,Ann\n"})) == [{"id": "1", "name": "Ann"}]


def test_a_byte_order_mark_before_data_without_header_is_no_part_of_the_first_value(read: Read) -> None:
    frame = read({"a.csv": b"\xef\xbb\xbf1,Ann\n"}, columns=("id", "name"))
    assert values(frame) == [{"id": "1", "name": "Ann"}]


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "windows-1252"])
def test_text_in_another_encoding_is_read_as_it_was_written(read: Read, encoding: str) -> None:
    frame = read({"a.csv": "id,name\n1,Zoë Müller\n2,ñandú\n".encode(encoding)}, encoding=encoding)
    assert values(frame) == [{"id": "1", "name": "Zoë Müller"}, {"id": "2", "name": "ñandú"}]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_cells_are_parted_by_the_delimiter_outside_of_quotes_only(read: Read, delimiter: str) -> None:
    text = f'id{delimiter}"a, b"\n1{delimiter}"x{delimiter}y, z"\n'
    assert values(read({"a.csv": text}, delimiter=delimiter)) == [{"id": "1", "a_b": f"x{delimiter}y, z"}]


def test_names_are_standard_names_and_double_ones_are_numbered(read: Read) -> None:
    frame = read({"a.csv": "Order ID,customerName,Código Postal,Note,note,,2nd\n1,2,3,4,5,6,7\n"})
    names = ["order_id", "customer_name", "codigo_postal", "note", "note_2", "column", "c_2nd"]
    assert values(frame) == [dict(zip(names, "1234567", strict=True))]


def test_files_whose_headers_differ_in_order_and_case_meet_by_name(read: Read) -> None:
    frame = union_all([read({"a.csv": "id,name\n1,Ann\n"}), read({"b.csv": "NAME,Id,extra\nBob,2,x\n"})])
    assert values(frame) == [{"id": "1", "name": "Ann", "extra": None}, {"id": "2", "name": "Bob", "extra": "x"}]


def test_without_a_header_the_contract_names_the_columns(read: Read) -> None:
    frame = read({"a.csv": "1,Ann\n2,Bob\n"}, columns=("id", "name"))
    assert values(frame) == [{"id": "1", "name": "Ann"}, {"id": "2", "name": "Bob"}]


def test_nul_bytes_behind_the_first_64_kb_lose_no_row(read: Read) -> None:
    text = [b"id,name", *[b"%d,%s" % (n, b"x" * 100) for n in range(1000)], b"1000,a\x00b", b"\x002000,c", b""]
    frame = read({"a.csv": b"\n".join(text)})
    assert frame.count() == 1002
    assert {row["name"] for row in frame.where("length(name) < 100").collect()} == {"a\x00b", "c"}


def test_lines_that_look_like_comments_are_rows(read: Read) -> None:
    assert values(read({"a.csv": "id,name\n#1,x\n//2,y\n"})) == [{"id": "#1", "name": "x"}, {"id": "//2", "name": "y"}]


def test_a_csv_of_2000_columns_is_read_whole(read: Read) -> None:
    header, row = ",".join(f"c{n}" for n in range(2000)), ",".join(str(n) for n in range(2000))
    [found] = values(read({"wide.csv": f"{header}\n{row}\n"}))
    assert found == {f"c{n}": str(n) for n in range(2000)}


def test_a_header_without_rows_is_an_empty_frame_with_its_columns(read: Read) -> None:
    frame = read({"a.csv": "id,name\n"})
    assert frame.columns == ["id", "name", CORRUPT, SOURCE_FILE]
    assert frame.count() == 0


def test_a_gzipped_csv_is_read_like_a_plain_one(read: Read) -> None:
    frame = read({"a.csv.gz": gzip.compress(b'id,note\n1,"two\nlines"\n')}, multiline=True)
    assert values(frame) == [{"id": "1", "note": "two\nlines"}]


def test_the_header_of_every_file_is_skipped_and_equal_data_rows_are_not(read: Read) -> None:
    frame = read({"a.csv": "id\n1\nid\n", "b.csv": "id\n1\n"})
    assert values(frame) == [{"id": "1"}, {"id": "1"}, {"id": "id"}]


# JSON --------------------------------------------------------------------------------------------------------


def test_json_lines_keep_numbers_as_they_are_written(read: Read) -> None:
    frame = read({"a.json": '{"id": "007", "n": 5, "big": 12345678901234567890, "ok": true, "none": null}\n'})
    assert values(frame) == [{"id": "007", "n": "5", "big": "12345678901234567890", "ok": "true", "none": None}]


def test_a_json_array_is_read_like_its_lines(read: Read) -> None:
    records = [{"id": "1", "name": "Ann"}, {"id": "2", "name": "two\nlines"}]
    expected = values(read({"b.json": "\n".join(map(json.dumps, records))}))
    assert values(read({"a.json": json.dumps(records, indent=2)}, multiline=True)) == expected == records


def test_nested_json_becomes_json_text(read: Read) -> None:
    record = {"id": "1", "who": {"name": "Ann", "tags": ["a", "b"], "n": "1"}, "list": [{"x": "1"}]}
    [row] = values(read({"a.json": json.dumps(record)}))
    assert row["id"] == "1"
    assert json.loads(row["who"] or "") == record["who"]
    assert json.loads(row["list"] or "") == record["list"]


def test_a_field_of_mixed_types_is_text_in_every_row(read: Read) -> None:
    lines = ['{"v": 1}', '{"v": "one"}', '{"v": {"a": 1}}', '{"v": [1, 2]}', '{"v": true}', '{"v": null}']
    found = sorted(str(row["v"]) for row in values(read({"a.json": "\n".join(lines)})))
    assert found == sorted(["1", "one", '{"a":1}', "[1,2]", "true", "None"])


def test_a_missing_key_is_null(read: Read) -> None:
    frame = read({"a.json": '{"id": 1, "a": "x"}\n{"id": 2, "b": "y"}\n'})
    assert values(frame) == [{"id": "1", "a": "x", "b": None}, {"id": "2", "a": None, "b": "y"}]


def test_a_broken_line_is_kept_whole_and_costs_only_itself(read: Read) -> None:
    frame = read({"a.json": '{"id": 1}\n{"id": 2, "na\nnot json\n{"id": 3}\n'})
    assert corrupt(frame) == sorted(["not json", '{"id": 2, "na'])
    assert [row["id"] for row in frame.where(f"{CORRUPT} is null").orderBy("id").collect()] == ["1", "3"]


def test_keys_inside_of_objects_that_differ_by_case_are_all_kept(read: Read) -> None:
    frame = read({"a.json": '{"id": 1, "who": {"n": 1}}\n{"id": 2, "who": {"N": 2}}\n'})
    assert values(frame) == [{"id": "1", "who": '{"n":1}'}, {"id": "2", "who": '{"N":2}'}]


def test_the_lines_of_a_json_file_in_latin_1_are_read_as_written(read: Read) -> None:
    frame = read(
        {"a.json": '{"id": 1, "name": "Zoë"}\n{"id": 2, "name": "é"}\n'.encode("latin-1")}, encoding="ISO-8859-1"
    )
    assert values(frame) == [{"id": "1", "name": "Zoë"}, {"id": "2", "name": "é"}]


def test_an_empty_json_array_has_no_rows(read: Read) -> None:
    assert read({"a.json": "[]"}, multiline=True).count() == 0


def test_a_gzipped_json_file_is_read_like_a_plain_one(read: Read) -> None:
    assert values(read({"a.json.gz": gzip.compress(b'{"id": 1}\n{"id": 2}\n')})) == [{"id": "1"}, {"id": "2"}]


# Parquet and ORC ---------------------------------------------------------------------------------------------

COLUMNAR = pa.table(
    {
        "Id": pa.array([7], pa.int64()),
        "amount": pa.array([Decimal("1234567890123456.78")], pa.decimal128(20, 2)),
        "day": pa.array([date(2024, 1, 15)]),
        "at": pa.array([datetime(2024, 1, 15, 10, 30, 0, 123456)], pa.timestamp("us", "UTC")),
        "ok": pa.array([True]),
        "who": pa.array([{"name": "Ann", "n": 1}]),
        "tags": pa.array([["a", "b"]]),
        "none": pa.array([None], pa.string()),
    }
)
AS_TEXT = {
    "id": "7",
    "amount": "1234567890123456.78",
    "day": "2024-01-15",
    "at": "2024-01-15 10:30:00.123456",
    "ok": "true",
    "who": '{"name":"Ann","n":1}',
    "tags": '["a","b"]',
    "none": None,
}
WRITERS = {"parquet": parquet_bytes, "orc": orc_bytes}


@pytest.mark.parametrize("kind", WRITERS)
def test_columnar_values_are_text_as_a_csv_would_hold_them(read: Read, kind: str) -> None:
    # Spark 3.5 knows no ORC timestamp with a time zone.
    without_zone = COLUMNAR.set_column(3, "at", COLUMNAR["at"].cast(pa.timestamp("us")))
    table = without_zone if kind == "orc" else COLUMNAR
    assert values(read({f"a.{kind}": WRITERS[kind](table)})) == [AS_TEXT]


@pytest.mark.parametrize("kind", WRITERS)
def test_columnar_files_with_other_column_orders_and_more_columns_meet_by_name(read: Read, kind: str) -> None:
    first, second = pa.table({"id": ["1"], "name": ["Ann"]}), pa.table({"extra": ["x"], "name": ["Bob"], "id": ["2"]})
    frame = read({f"a.{kind}": WRITERS[kind](first), f"b.{kind}": WRITERS[kind](second)})
    assert values(frame) == [{"id": "1", "name": "Ann", "extra": None}, {"id": "2", "name": "Bob", "extra": "x"}]


def test_days_before_the_gregorian_calendar_are_read_as_they_are(read: Read) -> None:
    table = pa.table({"day": [date(1, 1, 1)], "at": pa.array([datetime(1200, 5, 1, 8)], pa.timestamp("us"))})
    assert values(read({"a.parquet": parquet_bytes(table)})) == [{"day": "0001-01-01", "at": "1200-05-01 08:00:00"}]


def test_a_columnar_file_without_rows_is_an_empty_frame(read: Read) -> None:
    assert read({"a.parquet": parquet_bytes(COLUMNAR.slice(0, 0))}).count() == 0


# Avro --------------------------------------------------------------------------------------------------------

LOGICAL = [
    {"name": "Id", "type": "long"},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "ok", "type": "boolean"},
    {"name": "tags", "type": {"type": "array", "items": "string"}},
    {"name": "none", "type": ["null", "string"]},
]


def test_avro_values_with_logical_types_are_text_as_a_csv_would_hold_them(read: Read) -> None:
    at = datetime(2024, 1, 15, 10, 30, 0, 123456, tzinfo=timezone.utc)
    record = {"Id": 7, "amount": Decimal("1234567890123456.78"), "day": date(2024, 1, 15), "at": at, "ok": True}
    [row] = values(read({"a.avro": avro_bytes(LOGICAL, [{**record, "tags": ["a", "b"], "none": None}])}))
    assert row == {name: text for name, text in AS_TEXT.items() if name != "who"}


def test_avro_files_of_different_schemas_meet_by_name(read: Read, lake: Any) -> None:
    first = avro_bytes([{"name": "id", "type": "int"}], [{"id": 1}])
    second = avro_bytes([{"name": "v", "type": "string"}, {"name": "id", "type": "string"}], [{"v": "x", "id": "b"}])
    frame = read({"a b.avro": first, "%20.avro": second})
    assert values(frame) == [{"id": "1", "v": None}, {"id": "b", "v": "x"}]
    names = {Path(row[SOURCE_FILE]).name for row in frame.collect()}
    assert names == {"a b.avro", "%20.avro"}


def test_a_small_avro_decimal_is_not_written_with_an_exponent(read: Read) -> None:
    fields = [{"name": "v", "type": {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 10}}]
    assert values(read({"a.avro": avro_bytes(fields, [{"v": Decimal("0E-10")}])})) == [{"v": "0.0000000000"}]


def test_an_avro_file_without_records_has_no_rows(read: Read) -> None:
    assert read({"a.avro": avro_bytes(LOGICAL, [])}).count() == 0
