"""Parquet and ORC: every type becomes text without loss, and files whose schemas differ meet by name."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from etl.errors import UnreadableFileError
from etl.reading.columnar import read_columnar
from etl.reading.text_frames import union_all
from reading import Read, orc_bytes, parquet_bytes, reader, values
from spark_lacks import times_without_zone

NANOSECOND = 1705314600123456789
WRITERS = {"parquet": parquet_bytes, "orc": orc_bytes}


@pytest.fixture
def read(spark: SparkSession, lake: Any) -> Read:
    """Files by name -> one frame (see :func:`reading.reader`)."""
    return reader(spark, lake)


def test_nanoseconds_are_kept_and_whole_microseconds_look_like_any_timestamp(read: Read) -> None:
    moments = [NANOSECOND, NANOSECOND - 789, NANOSECOND - 123456789, -1, None]
    table = pa.table({"id": range(5), "At Time": pa.array(moments, pa.timestamp("ns"))})
    assert [row["at_time"] for row in values(read({"a.parquet": parquet_bytes(table)}))] == [
        "2024-01-15 10:30:00.123456789",
        "2024-01-15 10:30:00.123456",
        "2024-01-15 10:30:00",
        "1969-12-31 23:59:59.999999999",
        None,
    ]


def test_times_of_the_day_are_read(read: Read) -> None:
    table = pa.table(
        {
            "ms": pa.array([37_800_005], pa.time32("ms")),
            "us": pa.array([37_800_000_000], pa.time64("us")),
            "ns": pa.array([86_399_999_999_999], pa.time64("ns")),
        }
    )
    table = table.append_column("Who, where", [[{"a b": ["x"]}]])
    expected = {"ms": "10:30:00.005", "us": "10:30:00", "ns": "23:59:59.999999999", "who_where": '{"a b":["x"]}'}
    assert values(read({"a.parquet": parquet_bytes(table)})) == [expected]


def test_unsigned_integers_and_old_timestamps_are_what_they_say(read: Read) -> None:
    sink = io.BytesIO()
    table = pa.table(
        {
            "b": pa.array([2**8 - 1], pa.uint8()),
            "i": pa.array([2**32 - 1], pa.uint32()),
            "l": pa.array([2**64 - 1], pa.uint64()),
            "at": pa.array([NANOSECOND - 789], pa.timestamp("ns")),
        }
    )
    pyarrow.parquet.write_table(table, sink, use_deprecated_int96_timestamps=True)
    expected = {"b": "255", "i": "4294967295", "l": "18446744073709551615", "at": "2024-01-15 10:30:00.123456"}
    assert values(read({"a.parquet": sink.getvalue()})) == [expected]


def test_bytes_that_are_text_are_text_and_others_base64(read: Read) -> None:
    table = pa.table({"v": pa.array(["é".encode(), b"\xff\x00"], pa.binary())})
    assert sorted(str(row["v"]) for row in values(read({"a.parquet": parquet_bytes(table)}))) == ["/wA=", "é"]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_column_of_another_type_in_each_file_is_text_of_each(read: Read, kind: str) -> None:
    tables = [pa.table({"id": ids, "n": [n]}) for n, ids in enumerate((["a"], [1], [1.5], [True]))]
    found = values(read({f"{n}.{kind}": WRITERS[kind](table) for n, table in enumerate(tables)}))
    assert sorted((row["n"], row["id"]) for row in found) == [("0", "a"), ("1", "1"), ("2", "1.5"), ("3", "true")]


@pytest.mark.parametrize("kind", WRITERS)
def test_columns_spelled_in_other_cases_meet(read: Read, kind: str) -> None:
    first, second = pa.table({"Id": [1], "NAME": ["a"]}), pa.table({"name": ["b"], "ID": [2]})
    found = values(read({f"a.{kind}": WRITERS[kind](first), f"b.{kind}": WRITERS[kind](second)}))
    assert found == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def test_nanoseconds_here_and_microseconds_there_meet(read: Read) -> None:
    first = pa.table({"at": pa.array([NANOSECOND], pa.timestamp("ns"))})
    second = pa.table({"at": pa.array([datetime(2024, 1, 15)], pa.timestamp("us"))})
    found = values(read({"a.parquet": parquet_bytes(first), "b.parquet": parquet_bytes(second)}))
    assert sorted(str(row["at"]) for row in found) == ["2024-01-15 00:00:00", "2024-01-15 10:30:00.123456789"]


@pytest.mark.parametrize("kind", WRITERS)
def test_structs_become_columns_where_the_contract_flattens(read: Read, kind: str) -> None:
    table = pa.table({"id": [1, 2], "who": [{"name": "Ann", "home": {"zip": "007"}, "tags": ["a"]}, None]})
    assert values(read({f"a.{kind}": WRITERS[kind](table)}, nested="flatten")) == [
        {"id": "1", "who_name": "Ann", "who_home_zip": "007", "who_tags": '["a"]'},
        {"id": "2", "who_name": None, "who_home_zip": None, "who_tags": None},
    ]


@times_without_zone
def test_nested_text_keeps_nulls_and_microseconds(read: Read) -> None:
    at = datetime(2024, 1, 15, 10, 30, 0, 123456)
    who = pa.struct([("a", pa.int32()), ("at", pa.timestamp("us"))])
    [row] = values(read({"a.parquet": parquet_bytes(pa.table({"who": pa.array([{"a": None, "at": at}], who)}))}))
    assert row["who"] == '{"a":null,"at":"2024-01-15T10:30:00.123456"}'


def test_orc_timestamps_with_a_time_zone_are_refused_with_the_reason(read: Read) -> None:
    table = pa.table({"at": pa.array([datetime(2024, 1, 15)], pa.timestamp("us", "UTC"))})
    with pytest.raises(UnreadableFileError, match="local time zone"):
        read({"a.orc": orc_bytes(table)})


TYPES = st.sampled_from([pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.bool_()])


@settings(max_examples=1, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), TYPES, min_size=1), min_size=40, max_size=40))
def test_files_of_any_schemas_lose_no_row_and_no_value(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, schemas: list[dict[str, pa.DataType]]
) -> None:
    folder = tmp_path_factory.mktemp("parquet")
    uris = []
    for number, schema in enumerate(schemas):
        columns = {"file": pa.array([number]), **{n: pa.array([1]).cast(pa.int8()).cast(t) for n, t in schema.items()}}
        pyarrow.parquet.write_table(pa.table(columns), folder / f"{number}.parquet")
        uris.append((folder / f"{number}.parquet").as_uri())
    rows = {
        int(row["file"]): row.asDict()
        for row in union_all([read_columnar(spark, uris, "parquet", "text", None)]).collect()
    }
    shown = {pa.float64(): "1.0", pa.bool_(): "true"}
    for number, schema in enumerate(schemas):
        found = {name: rows[number].get(name) for name in "abcd"}
        assert found == {name: shown.get(schema[name], "1") if name in schema else None for name in "abcd"}
    assert len(rows) == len(schemas)
