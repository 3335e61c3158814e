"""Tables that hold nothing of their own: what they hold is computed, and can be put in their place as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import TableLayout
from etl.curated.layout import TABLE_PROPERTIES, layout_properties
from etl.curated.replace import fitting


def create_or_replace(
    rows: DataFrame, table: str, partition_by: tuple[str, ...], properties: Mapping[str, str]
) -> None:
    """Make a table of rows, in place of any that has the name, in one commit; its earlier snapshots stay readable.

    Args:
        rows: all rows; their columns are the table's.
        table: full name.
        partition_by: columns.
        properties: further properties of the table.
    """
    rows.sparkSession.sql(f"create namespace if not exists {table.rpartition('.')[0]}")
    writer = rows.writeTo(table).using("iceberg")
    for name, value in {**TABLE_PROPERTIES, **layout_properties(TableLayout(partition_by)), **properties}.items():
        writer = writer.tableProperty(name, value)
    if partition_by:
        writer = writer.partitionedBy(*(F.col(name) for name in partition_by))
    writer.createOrReplace()


def replace_all(rows: DataFrame, table: str) -> None:
    """Put rows in place of all that a table holds, in one commit.

    Args:
        rows: with the table's columns.
        table: full name.
    """
    fitting(rows, table).writeTo(table).overwrite(F.lit(True))
