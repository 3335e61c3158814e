"""Curated tables: made when they are first needed, and brought up to what a batch has."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from etl.errors import TableSchemaError
from etl.names import BATCH
from etl.widening import widens


def table_exists(spark: SparkSession, table: str) -> bool:
    """Whether a curated table is there."""
    return bool(spark.catalog.tableExists(table))


def empty_frame(spark: SparkSession, columns: Mapping[str, str]) -> DataFrame:
    """A frame without rows.

    Args:
        spark: the session.
        columns: name -> Spark SQL type.
    """
    return spark.createDataFrame([], ", ".join(f"`{name}` {kind}" for name, kind in columns.items()))


def row_count(spark: SparkSession, table: str) -> int:
    """Rows of a curated table, from its newest snapshot's own summary: nothing is read."""
    newest = spark.table(f"{table}.snapshots").orderBy(F.col("committed_at").desc()).first()
    return int(newest["summary"]["total-records"]) if newest else 0


def ensure_table(frame: DataFrame, table: str, partition_by: str) -> None:
    """Create a curated table of the frame's columns, or bring the one that exists up to them.

    Columns are added and types widened; nothing is ever narrowed or dropped.

    Args:
        frame: what will be merged.
        table: full name.
        partition_by: a column of the frame.

    Raises:
        TableSchemaError: the table has a column in a type that can't hold the frame's values; nothing was changed.
    """
    spark = frame.sparkSession
    if not table_exists(spark, table):
        namespace = table.rpartition(".")[0]
        spark.sql(f"create namespace if not exists {namespace}")
        writer = frame.limit(0).writeTo(table).using("iceberg").tableProperty("format-version", "2")
        writer = writer.tableProperty("write.parquet.compression-codec", "snappy")
        if BATCH in frame.columns:
            # Iceberg cuts texts in its file statistics to 16 characters; replace_batch needs whole batch ids there to
            # see that a file holds rows of one batch only.
            writer = writer.tableProperty(f"write.metadata.metrics.column.{BATCH}", "full")
        writer.partitionedBy(F.col(partition_by)).create()
        return
    for change in schema_changes(spark.table(table).schema, frame.schema, table):
        spark.sql(change)


def schema_changes(present: StructType, wanted: StructType, table: str) -> list[str]:
    """The ALTER TABLE statements that let a table take a frame.

    Raises:
        TableSchemaError: naming every column whose type can't be widened to the frame's.
    """
    known = {field.name: field.dataType for field in present.fields}
    changes, refused = [], []
    for field in wanted.fields:
        target = field.dataType.simpleString()
        if field.name not in known:
            changes.append(f"alter table {table} add column `{field.name}` {target}")
        elif known[field.name] == field.dataType or widens(field.dataType, known[field.name]):
            continue
        elif widens(known[field.name], field.dataType):
            changes.append(f"alter table {table} alter column `{field.name}` type {target}")
        else:
            refused.append(f"{field.name} is {known[field.name].simpleString()} and would become {target}")
    if refused:
        raise TableSchemaError(
            f"{table} can't take the batch: {'; '.join(refused)}. Only int to long, float to double and a larger "
            "decimal precision keep what is there; give a changed column a new name."
        )
    return changes
