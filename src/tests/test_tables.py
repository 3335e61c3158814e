"""Tables: curated Iceberg tables by MERGE and replacement."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import TableLayout
from etl.curated.merge import merge_by_key
from etl.curated.replace import replace_batch, replace_dates
from etl.curated.tables import MadeColumns, check_table, empty_frame, row_count, snapshot_id, table_exists
from etl.errors import TableSchemaError

DAY = date(2024, 1, 15)
COLUMNS = "id string, v string, at int, event_date date"
Frame = Callable[..., DataFrame]


@pytest.fixture
def table(lake: Any) -> str:
    """The name of a curated table that is not there yet."""
    return f"glue_catalog.db.{lake.bucket('t').replace('-', '_')}"


@pytest.fixture
def content(spark: SparkSession) -> Callable[[str], Counter[tuple[Any, ...]]]:
    """A function: the rows of a table as a multiset."""
    return lambda name: Counter(tuple(row) for row in spark.table(name).collect())


def bring_up(frame: DataFrame, table: str) -> None:
    check_table(frame, table, TableLayout(), MadeColumns()).apply()


# MERGE -------------------------------------------------------------------------------------------------------

BATCHES = (
    (("a", "first", 1, DAY), ("b", "only", 1, DAY)),
    (("a", "third", 3, date(2024, 1, 17)), ("c", "null is oldest", None, DAY)),
    (("a", "second", 2, date(2024, 1, 16)), ("c", "later", 0, DAY)),
)
MERGED = Counter([("a", "third", 3, date(2024, 1, 17)), ("b", "only", 1, DAY), ("c", "later", 0, DAY)])


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))], ids=str)
def test_batches_merged_in_any_order_give_the_same_table(
    frame: Frame, table: str, content: Any, order: tuple[int, ...]
) -> None:
    for position in order:
        rows = frame(COLUMNS, *BATCHES[position])
        bring_up(rows, table)
        merge_by_key(rows, table, ["id"], ["at"])
    assert content(table) == MERGED


def test_merging_the_same_rows_again_changes_nothing(frame: Frame, table: str, content: Any) -> None:
    rows = frame(COLUMNS, *BATCHES[0])
    bring_up(rows, table)
    for _ in range(2):
        merge_by_key(rows, table, ["id"], ["at"])
    assert content(table) == Counter(BATCHES[0])


def test_without_order_by_what_is_merged_last_wins(frame: Frame, table: str, content: Any) -> None:
    for value in ("first", "second"):
        rows = frame(COLUMNS, ("a", value, 1, DAY))
        bring_up(rows, table)
        merge_by_key(rows, table, ["id"], [])
    assert content(table) == Counter([("a", "second", 1, DAY)])


def test_two_order_columns_are_compared_one_after_the_other(frame: Frame, table: str, content: Any) -> None:
    schema = "id string, day int, hour int, event_date date"
    for moment in ((2, 1), (1, 9), (2, 3), (2, 2), (None, 10)):
        rows = frame(schema, ("a", *moment, DAY))
        bring_up(rows, table)
        merge_by_key(rows, table, ["id"], ["day", "hour"])
    assert content(table) == Counter([("a", 2, 3, DAY)])


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_a_column_that_a_later_row_lacks_does_not_stay_from_the_earlier_one(
    frame: Frame, table: str, content: Any, order: tuple[int, ...]
) -> None:
    batches = [frame(f"{COLUMNS}, note string", ("a", "x", 1, DAY, "old")), frame(COLUMNS, ("a", "y", 2, DAY))]
    for position in order:
        bring_up(batches[position], table)
        merge_by_key(batches[position], table, ["id"], ["at"])
    assert content(table) == Counter([("a", "y", 2, DAY, None)])


# Replacing ---------------------------------------------------------------------------------------------------


def test_replacing_a_batch_twice_is_the_same_as_once_with_copies_kept(frame: Frame, table: str, content: Any) -> None:
    schema = "id string, _batch_id string, event_date date"
    # Ids of batches of the same moment, as long as real ones.
    one, two = "20240115T093000123-4f1c2a9b", "20240115T093000123-5a5a5a5a"
    first = frame(schema, ("a", one, DAY), ("a", one, DAY))
    second = frame(schema, ("a", two, DAY))
    bring_up(first, table)
    for batch, name in ((first, one), (second, two), (second, two), (first, one)):
        replace_batch(batch, table, name)
    assert content(table) == Counter({("a", one, DAY): 2, ("a", two, DAY): 1})


def test_replaced_dates_lose_their_rows_and_other_dates_do_not(frame: Frame, table: str, content: Any) -> None:
    schema, days = "event_date date, n int", [date(2024, 1, day) for day in (1, 2, 3)]
    bring_up(empty := frame(schema), table)
    replace_dates(frame(schema, *((day, 1) for day in days)), table, [str(day) for day in days])
    replace_dates(frame(schema, (days[0], 2)), table, [str(days[0]), str(days[1])])
    assert content(table) == Counter([(days[0], 2), (days[2], 1)])
    replace_dates(empty, table, [str(days[0])])
    assert content(table) == Counter([(days[2], 1)])


# Schema ------------------------------------------------------------------------------------------------------


def test_a_new_table_has_the_frames_columns_and_no_rows(frame: Frame, table: str, spark: SparkSession) -> None:
    assert not table_exists(spark, table)
    bring_up(frame(COLUMNS, *BATCHES[0]), table)
    assert table_exists(spark, table)
    assert spark.table(table).dtypes == frame(COLUMNS).dtypes
    assert spark.table(table).count() == 0


def test_columns_are_added_and_types_widened_and_values_stay(
    frame: Frame, table: str, content: Any, spark: Any
) -> None:
    old = frame("n int, d decimal(10,2), f float, event_date date", (1, Decimal("1.50"), 0.5, DAY))
    bring_up(old, table)
    old.writeTo(table).append()
    bring_up(frame("n long, d decimal(12,2), f double, event_date date, extra string"), table)
    assert dict(spark.table(table).dtypes) == {
        "n": "bigint",
        "d": "decimal(12,2)",
        "f": "double",
        "event_date": "date",
        "extra": "string",
    }
    assert content(table) == Counter([(1, Decimal("1.50"), 0.5, DAY, None)])


def test_a_narrower_frame_fits_as_it_is(frame: Frame, table: str, spark: SparkSession) -> None:
    bring_up(frame("n long, event_date date"), table)
    bring_up(frame("n int, event_date date"), table)
    assert dict(spark.table(table).dtypes)["n"] == "bigint"


@pytest.mark.parametrize(
    ("present", "wanted"),
    [("int", "string"), ("string", "int"), ("decimal(12,2)", "decimal(12,3)"), ("date", "timestamp")],
)
def test_a_type_that_loses_values_is_refused_with_nothing_changed(
    frame: Frame, table: str, spark: SparkSession, present: str, wanted: str
) -> None:
    bring_up(frame(f"n {present}, event_date date"), table)
    with pytest.raises(TableSchemaError, match=r"n is .* and would become "):
        bring_up(frame(f"extra string, n {wanted}, event_date date"), table)
    assert spark.table(table).dtypes == [("n", present), ("event_date", "date")]


def test_row_count_and_snapshot_are_those_of_the_table_as_it_is(frame: Frame, table: str, spark: SparkSession) -> None:
    bring_up(frame(COLUMNS), table)
    assert (row_count(spark, table), snapshot_id(spark, table)) == (0, None)
    for batch in BATCHES:
        merge_by_key(frame(COLUMNS, *batch), table, ["id"], ["at"])
    assert row_count(spark, table) == 3
    newest = spark.table(f"{table}.snapshots").orderBy("committed_at", ascending=False).first()
    assert newest is not None
    assert snapshot_id(spark, table) == newest["snapshot_id"]


def test_an_empty_frame_has_the_columns_asked_for(spark: SparkSession) -> None:
    assert empty_frame(spark, {"a": "bigint", "b": "decimal(5,2)"}).dtypes == [("a", "bigint"), ("b", "decimal(5,2)")]
