"""CSV by lines: what one row has wrong costs that row only, and no value changes."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from etl.contracts import Contract
from etl.names import CORRUPT
from etl.reading.formats import FileFormat
from etl.reading.readers import read_files
from reading import Read, corrupt, reader, values


@pytest.fixture
def read(spark: SparkSession, lake: Any) -> Read:
    """Files by name -> one frame (see :func:`reading.reader`)."""
    return reader(spark, lake)


def test_a_quote_that_is_never_closed_swallows_no_other_row(read: Read) -> None:
    frame = read({"a.csv": 'id,name,note\n1,"open,x\n2,b,"open\n3,c,y\n4,d"d,"e"f\n'})
    rows = {row["id"]: (row["name"], row["note"]) for row in frame.where(f"{CORRUPT} is null").collect()}
    assert frame.count() == 4
    assert (rows["3"], corrupt(frame)) == (("c", "y"), ['1,"open,x'])
    assert rows["2"] == ("b", "open")
    assert rows["4"] == ('d"d', '"e"f')


def test_lines_end_with_any_of_the_three_line_ends_and_blank_lines_are_no_rows(read: Read) -> None:
    frame = read({"a.csv": b"id,name\r\n1,a\r\r2,b\n\n3,c"})
    assert values(frame) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}, {"id": "3", "name": "c"}]


def test_a_file_of_lone_carriage_returns_is_read_line_by_line(read: Read) -> None:
    assert values(read({"a.csv": b"id,name\r1,a\r2,b\r"}, header=("id", "name"))) == [
        {"id": "1", "name": "a"},
        {"id": "2", "name": "b"},
    ]


def test_a_backslash_may_stand_before_quotes(read: Read) -> None:
    frame = read({"a.csv": 'id,note\n1,"say \\"hi\\", all"\n2,"c:\\\\dir"\n'}, escape="\\")
    assert [row["note"] for row in values(frame)] == ['say "hi", all', "c:\\dir"]


def test_another_quote_may_be_used(read: Read) -> None:
    frame = read({"a.csv": "id,note\n1,'a, ''b'' \"c\"'\n"}, quote="'", escape="'")
    assert values(frame) == [{"id": "1", "note": "a, 'b' \"c\""}]


def test_a_header_longer_than_a_split_is_no_row_of_any_split(spark: SparkSession, read: Read) -> None:
    before = spark.conf.get("spark.sql.files.maxPartitionBytes")
    spark.conf.set("spark.sql.files.maxPartitionBytes", "1000")
    try:
        names = [f"column_{n}" for n in range(500)]
        rows = [[f"{row}.{n}" for n in range(500)] for row in range(5)]
        found = values(read({"a.csv": "\n".join(",".join(cells) for cells in [names, *rows])}))
        assert found == [dict(zip(names, cells, strict=True)) for cells in rows]
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)


def test_a_query_of_one_column_finds_the_same_rows_broken(read: Read) -> None:
    frame = read({"a.csv": "id,a\n1,x\n2,x,y\n3\n"})
    assert frame.where(f"{CORRUPT} is not null").count() == 2


def test_a_value_of_a_megabyte_is_read_whole(read: Read) -> None:
    [row] = values(read({"a.csv": f"id,note\n1,{'x' * 1_000_000}\n"}))
    assert len(row["note"] or "") == 1_000_000


CELLS = st.text(st.sampled_from("ab0,;\"' \t\\é#"), min_size=1, max_size=6)


@settings(max_examples=1, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1000, max_size=1000))
def test_whatever_a_csv_writer_writes_is_read_back(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "a", "b", "c"])
    writer.writerows([n, *cells] for n, cells in enumerate(rows))
    path.write_text(text.getvalue(), encoding="utf-8")
    found = FileFormat("csv", header=("id", "a", "b", "c"))
    frame = read_files(spark, [path.as_uri()], found, Contract("orders"))
    read_back = {int(row["id"]): (row["a"], row["b"], row["c"]) for row in frame.collect()}
    assert [read_back[n] for n in range(len(rows))] == rows
