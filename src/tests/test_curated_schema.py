"""Schemas of curated tables through the years: what is added, widened or refused, and who reads old snapshots."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Column, Contract, Derived, Enrichment, Processing, TableLayout
from etl.curated.merge import merge_by_key
from etl.curated.replace import put_first, replace_batch
from etl.curated.tables import MadeColumns, check_table, snapshot_id
from etl.curated.writer import check_put, made_columns
from etl.errors import TableSchemaError

DAY = date(2024, 1, 15)
OLD = "id string, n int, s struct<a: int>, l array<struct<a: int>>, m map<string, struct<a: int>>, t array<int>, \
event_date date"
NEW = "id string, n long, s struct<a: long, b: string>, l array<struct<a: long, b: string>>, \
m map<string, struct<a: long, b: string>>, t array<long>, event_date date, extra decimal(10,2)"
OLD_ROW = ("old", 1, (1,), [(1,)], {"k": (1,)}, [1], DAY)
NEW_ROW = ("new", 2, (2, "b"), [(2, "b")], {"k": (2, "b")}, [2], DAY, Decimal("1.50"))
LAYOUT = TableLayout()
Frame = Callable[..., DataFrame]


@pytest.fixture
def table(lake: Any) -> str:
    return f"glue_catalog.db.{lake.bucket('s').replace('-', '_')}"


def made(*names: str, typed: tuple[str, ...] = ()) -> MadeColumns:
    return MadeColumns(frozenset(names), frozenset(typed))


def bring_up(frame: DataFrame, table: str, made: MadeColumns | None = None) -> None:
    check_table(frame, table, LAYOUT, made or MadeColumns()).apply()


# Growing -----------------------------------------------------------------------------------------------------


def test_fields_inside_structs_arrays_and_maps_are_added_and_widened_and_old_snapshots_are_read_as_they_were(
    frame: Frame, table: str, spark: SparkSession
) -> None:
    old, new = frame(OLD, OLD_ROW), frame(NEW, NEW_ROW)
    bring_up(old, table)
    merge_by_key(old, table, ["id"], ["n"])
    before = snapshot_id(spark, table)
    bring_up(new, table)
    assert check_table(new, table, LAYOUT, MadeColumns()).statements == ()
    merge_by_key(new, table, ["id"], ["n"])
    rows = {row["id"]: row.asDict(recursive=True) for row in spark.table(table).collect()}
    nothing_more = {"a": 1, "b": None}
    assert rows["old"] == {
        "id": "old", "n": 1, "s": nothing_more, "l": [nothing_more], "m": {"k": nothing_more}, "t": [1],
        "event_date": DAY, "extra": None,
    }  # fmt: skip
    assert rows["new"]["m"] == {"k": {"a": 2, "b": "b"}}
    then = spark.sql(f"select * from {table} version as of {before}")  # noqa: S608
    assert then.schema.simpleString() == old.schema.simpleString()
    assert then.collect() == old.collect()


def test_rows_of_an_older_contract_fit_into_the_grown_table(frame: Frame, table: str, spark: SparkSession) -> None:
    bring_up(frame(NEW), table)
    old = frame(OLD, OLD_ROW, ("nothing", None, None, None, None, None, DAY))
    assert check_table(old, table, LAYOUT, MadeColumns()).statements == ()
    merge_by_key(frame(NEW, NEW_ROW), table, ["id"], ["n"])
    merge_by_key(old, table, ["id"], ["n"])
    rows = {row["id"]: row for row in spark.table(table).collect()}
    assert rows["old"]["l"][0].asDict() == {"a": 1, "b": None}
    assert rows["nothing"]["s"] is None
    assert len(rows) == 3


def test_a_keyless_batch_of_an_older_contract_is_replaced_in_the_grown_table(
    frame: Frame, table: str, spark: SparkSession
) -> None:
    bring_up(frame("n long, note string, _batch_id string, event_date date"), table)
    for _ in range(2):
        replace_batch(frame("n int, _batch_id string, event_date date", (1, "b1", DAY)), table, "b1")
    assert [tuple(row) for row in spark.table(table).collect()] == [(1, None, "b1", DAY)]


def test_a_change_that_a_killed_run_has_half_done_is_finished(frame: Frame, table: str, spark: SparkSession) -> None:
    bring_up(frame(OLD), table)
    for statement in check_table(frame(NEW), table, LAYOUT, made("n")).statements[::2]:
        spark.sql(statement)
    bring_up(frame(NEW), table, made("n"))
    assert dict(spark.table(table).dtypes) == dict(frame(NEW).dtypes)
    assert check_table(frame(NEW), table, LAYOUT, made("n")).statements == ()


# Refused -----------------------------------------------------------------------------------------------------


def test_a_type_of_the_contract_that_is_narrower_than_the_tables_is_refused_with_both_types_and_ways_out(
    frame: Frame, table: str
) -> None:
    bring_up(frame("n long, d decimal(12,2), event_date date"), table)
    narrower = frame("n int, d decimal(10,2), extra string, event_date date")
    with pytest.raises(TableSchemaError) as caught:
        check_table(narrower, table, LAYOUT, made("n", "d", typed=("n", "d")))
    text = str(caught.value)
    assert "n is bigint and would become the narrower int; put bigint back into the contract, or drop" in text
    assert "d is decimal(12,2) and would become the narrower decimal(10,2)" in text
    assert f"ALTER TABLE {table} DROP COLUMN n" in text
    assert text.endswith("Nothing was written.")


def test_a_type_that_an_expression_makes_narrower_is_taken(frame: Frame, table: str) -> None:
    bring_up(frame("n long, event_date date"), table, made("n"))
    assert check_table(frame("n int, event_date date"), table, LAYOUT, made("n")).statements == ()


def test_a_field_that_is_missing_in_the_contracts_struct_is_refused(frame: Frame, table: str) -> None:
    bring_up(frame("s struct<a: int, b: string>, event_date date"), table)
    less = frame("s struct<a: int>, event_date date")
    assert check_table(less, table, LAYOUT, made("s")).statements
    with pytest.raises(TableSchemaError, match=r"s\.b, string, is missing in the contract's type of s; put it back"):
        check_table(less, table, LAYOUT, made("s", typed=("s",)))


def test_a_column_that_the_contract_makes_no_more_is_refused_until_it_is_back_or_dropped_on_purpose(
    frame: Frame, table: str, spark: SparkSession
) -> None:
    both, one = frame("a string, b int, event_date date"), frame("a string, event_date date")
    bring_up(both, table, made("a", "b"))
    for less in (one, both):  # a batch of before the contract's change may still bring it
        with pytest.raises(TableSchemaError, match=r"b, int, was made by an earlier contract.*DROP COLUMN b"):
            check_table(less, table, LAYOUT, made("a"))
    assert check_table(one, table, LAYOUT, made("a", "b")).statements == ()
    spark.sql(f"alter table {table} drop column b")
    bring_up(one, table, made("a"))
    assert spark.table(table).columns == ["a", "event_date"]


def test_a_column_that_only_files_have_brought_may_stay_away(frame: Frame, table: str, spark: SparkSession) -> None:
    bring_up(frame("a string, brought string, event_date date"), table, made("a"))
    bring_up(frame("a string, event_date date"), table, made("a"))
    assert "brought" in spark.table(table).columns


@pytest.mark.parametrize("kind", ["void", "interval day to second", "array<void>"])
def test_a_column_of_a_type_that_no_table_has_is_refused(spark: SparkSession, table: str, kind: str) -> None:
    rows = {
        "void": "null",
        "interval day to second": "timestamp '2024-01-02' - timestamp '2024-01-01'",
        "array<void>": "array(null)",
    }
    with pytest.raises(TableSchemaError, match=r"x is .*, which no table can store; cast it"):
        check_table(spark.sql(f"select {rows[kind]} as x, date '2024-01-15' as event_date"), table, LAYOUT, made())


def test_a_table_with_history_is_refused_to_a_contract_without(frame: Frame, table: str) -> None:
    columns = (Column("id"), Column("at", "timestamp"))
    contract = Contract("orders", columns, key=("id",), order_by=("at",), history=True)
    rows = frame("id string, at timestamp, event_date date", ("a", datetime(2024, 1, 1), DAY))
    plain = Contract("orders", columns, key=("id",), order_by=("at",))
    # Killed before it was said that the table keeps history, and done again.
    for statement in check_put(rows, contract, table, made("id", "at")).statements[:-1]:
        rows.sparkSession.sql(statement)
    check_put(rows, contract, table, made("id", "at")).apply()
    assert check_put(rows, contract, table, made("id", "at")).statements == ()
    with pytest.raises(TableSchemaError, match="keeps every version of a key, and the contract says history: true no"):
        check_put(rows, plain, table, made("id", "at"))


# Who makes what ----------------------------------------------------------------------------------------------


def test_the_columns_that_a_contract_makes_are_all_but_those_that_only_the_files_brought() -> None:
    steps = Processing(
        derive=(Derived("doubled", "n * 2"), Derived("colour", "upper(colour)"), Derived("n", "abs(n)")),
        enrich=(Enrichment("products", {"id": "id"}, ("name",), prefix="product_"),),
    )
    contract = Contract("orders", (Column("id"), Column("n", "int"), Column("secret", pii="drop")), processing=steps)
    brought = ["id", "n", "secret", "colour", "stranger"]
    columns = ["id", "n", "colour", "stranger", "product_name", "doubled", "of_a_step", "event_date", "_batch_id"]
    found = made_columns(contract, columns, brought)
    assert found == made("id", "n", "colour", "product_name", "doubled", "of_a_step", typed=("id",))
    assert made_columns(Contract("anything"), columns, brought) == MadeColumns()


# The first rows of a table -----------------------------------------------------------------------------------


def test_a_paused_run_can_not_fill_a_table_that_another_has_filled_meanwhile(
    frame: Frame, table: str, spark: SparkSession
) -> None:
    rows = frame("id string, event_date date", ("a", DAY))
    bring_up(rows, table)
    merge_by_key(rows, table, ["id"], [])
    with pytest.raises(Py4JJavaError, match="conflicting files"):
        put_first(rows, table)
    assert spark.table(table).count() == 1
