"""How curated tables lie in storage: partition fields, sort order and file size from the contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import TableLayout
from etl.contracts.layout import LayoutTextError
from etl.curated.layout import partition_sql, present_fields, sort_sql
from etl.curated.merge import merge_by_key
from etl.curated.tables import MadeColumns, TableChanges, check_table, iceberg_table, table_exists

SCHEMA = "id string, n long, at timestamp, event_date date"
ROWS = [(f"k{n % 3}{n}", n, datetime(2024, 1 + n % 2, 15, n), date(2024, 1 + n % 2, 15)) for n in range(6)]
PLAIN = TableLayout()
EVERYTHING = TableLayout(
    partition_by=("years(event_date)", "hours(at)", "bucket(4, id)", "truncate(2, id)", "n"),
    sort_by=("id desc", "at"),
    target_file_size_mb=64,
)


@pytest.fixture
def table(lake: Any) -> str:
    return f"glue_catalog.db.{lake.bucket('l').replace('-', '_')}"


@pytest.fixture
def changes(frame: Callable[..., DataFrame], table: str) -> Callable[[TableLayout], TableChanges]:
    """A function: what a layout asks of the table."""
    return lambda layout: check_table(frame(SCHEMA), table, layout, MadeColumns())


def laid_out(spark: SparkSession, table: str) -> dict[str, Any]:
    """What Iceberg says of a table's layout."""
    there = iceberg_table(spark, table)
    schema, properties = there.schema(), dict(there.properties())
    order = [(schema.findColumnName(f.sourceId()), f.direction().toString()) for f in there.sortOrder().fields()]
    wanted = ("write.target-file-size-bytes", "write.distribution-mode", "write.parquet.compression-codec")
    return {"fields": present_fields(there), "order": order, **{name: properties.get(name) for name in wanted}}


def expected(fields: list[str], order: list[tuple[str, str]], mib: int) -> dict[str, Any]:
    return {
        "fields": fields,
        "order": order,
        "write.target-file-size-bytes": str(mib * 1024 * 1024),
        "write.distribution-mode": "hash",
        "write.parquet.compression-codec": "snappy",
    }


OF_PLAIN = expected(["`event_date`"], [], 128)
OF_EVERYTHING = expected(
    ["years(`event_date`)", "hours(`at`)", "bucket(4, `id`)", "truncate(2, `id`)", "`n`"],
    [("id", "DESC"), ("at", "ASC")],
    64,
)


@pytest.mark.parametrize(
    ("field", "sql"),
    [
        ("event_date", "`event_date`"),
        ("years(at)", "years(`at`)"),
        ("months( at )", "months(`at`)"),
        (" DAYS(at)", "days(`at`)"),
        ("bucket(16,id)", "bucket(16, `id`)"),
        ("truncate( 4 , id )", "truncate(4, `id`)"),
    ],
)
def test_partition_fields_are_spelled_in_one_way(field: str, sql: str) -> None:
    assert partition_sql(field) == sql


@pytest.mark.parametrize("field", ["weeks(at)", "bucket(id)", "id; drop table t", "days(at", ""])
def test_what_is_no_partition_field_is_refused(field: str) -> None:
    with pytest.raises(LayoutTextError, match="is no partition; write a column, or years"):
        partition_sql(field)


def test_a_sort_order_is_ascending_if_nothing_is_said() -> None:
    assert [sort_sql(order) for order in ("id", "at DESC", "n asc")] == ["`id` asc", "`at` desc", "`n` asc"]
    with pytest.raises(LayoutTextError, match="'id sideways'"):
        sort_sql("id sideways")


@pytest.mark.parametrize(
    ("layout", "found"),
    [(PLAIN, OF_PLAIN), (EVERYTHING, OF_EVERYTHING), (TableLayout(()), {**OF_PLAIN, "fields": []})],
    ids=["plain", "everything", "without partitions"],
)
def test_a_new_table_lies_as_its_contract_says(
    changes: Any, spark: SparkSession, table: str, layout: TableLayout, found: dict[str, Any]
) -> None:
    changes(layout).apply()
    assert laid_out(spark, table) == found
    assert changes(layout).statements == ()


def test_a_layout_that_changes_is_followed_and_old_rows_stay(
    changes: Any, frame: Any, spark: SparkSession, table: str
) -> None:
    for layout, found in ((PLAIN, OF_PLAIN), (EVERYTHING, OF_EVERYTHING), (PLAIN, OF_PLAIN)):
        changes(layout).apply()
        assert laid_out(spark, table) == found
        merge_by_key(frame(SCHEMA, *ROWS), table, ["id"], ["n"])
        assert Counter(map(tuple, spark.table(table).collect())) == Counter(ROWS)
    # An order of partition fields that is not the contract's is no reason to alter anything.
    assert changes(PLAIN).statements == ()


@pytest.mark.parametrize("begin", [None, PLAIN], ids=["new", "changed"])
def test_a_layout_of_which_a_killed_run_has_set_a_part_is_finished(
    changes: Any, spark: SparkSession, table: str, begin: TableLayout | None
) -> None:
    number = 0
    while True:
        if begin:
            changes(begin).apply()
        wanted = changes(EVERYTHING)
        for statement in wanted.statements[:number]:
            spark.sql(statement)
        changes(EVERYTHING).apply()
        assert laid_out(spark, table) == OF_EVERYTHING
        if number == len(wanted.statements):
            break
        spark.sql(f"drop table {table}")
        number += 1


def test_finding_out_what_is_to_be_done_does_nothing(changes: Any, spark: SparkSession, table: str) -> None:
    assert changes(EVERYTHING).statements
    assert not table_exists(spark, table)
    changes(PLAIN).apply()
    changes(EVERYTHING)
    assert laid_out(spark, table) == OF_PLAIN


def test_rows_of_a_file_are_sorted_and_files_are_snappy(changes: Any, frame: Any, spark: Any, table: str) -> None:
    changes(TableLayout(sort_by=("id desc",))).apply()
    merge_by_key(frame(SCHEMA, *ROWS), table, ["id"], ["n"])
    files = [row["file_path"] for row in spark.table(f"{table}.files").collect()]
    assert len(files) == 2
    for file in files:
        ids = [row["id"] for row in spark.read.parquet(file).collect()]
        assert ids == sorted(ids, reverse=True)
    codecs = {row["key"]: row["value"] for row in spark.sql(f"show tblproperties {table}").collect()}
    assert codecs["write.parquet.compression-codec"] == "snappy"
