"""Writing: the processed batch as immutable Parquet, refused rows to quarantine, curated Iceberg tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    ShortType,
    StructType,
)

from etl.errors import RowBalanceError, TableSchemaError
from etl.names import BATCH, EVENT_DATE, PARTITIONS, REASON, RECORD, SOURCE_FILE

_WRITE_SETTINGS = {
    # Days before 1582 (0001-01-01 is a common placeholder) are written as they are; Spark's default is to stop.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # This rule drops the counting from the plan of a batch without rows, and reading the counts would wait for ever.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
}
_WIDER: dict[type[DataType], tuple[type[DataType], ...]] = {
    ByteType: (ShortType, IntegerType, LongType),
    ShortType: (IntegerType, LongType),
    IntegerType: (LongType,),
    FloatType: (DoubleType,),
}


@dataclass(frozen=True)
class RowCounts:
    """Rows of one batch at one stage; ``read == written + refused`` holds or the run fails."""

    read: int
    written: int
    refused: int


def batch_prefix(layer: str, dataset: str, batch_id: str) -> str:
    """The folder that belongs to one batch alone: ``<layer><dataset>/batch_id=<id>/``."""
    return f"{layer}{dataset}/batch_id={batch_id}/"


def write_batch(standardised: DataFrame, prefix: str) -> RowCounts:
    """Write the accepted rows of a batch, replacing whatever a killed run left under its prefix.

    Rows are counted in the pass that writes them. The rebalance keeps the files per day few and near Spark's
    advisory partition size.

    Args:
        standardised: accepted and refused rows (see :mod:`etl.standardise`).
        prefix: the batch's own folder.

    Raises:
        RowBalanceError: rows were lost between reading and writing.
    """
    before, after = Observation("read"), Observation("written")
    one = F.count(F.lit(1)).alias("rows")
    counted = standardised.observe(before, one, F.count(REASON).alias("refused"))
    accepted = counted.where(F.col(REASON).isNull()).drop(REASON, RECORD).observe(after, one)
    for name, value in _WRITE_SETTINGS.items():
        standardised.sparkSession.conf.set(name, value)
    _rebalanced(accepted).write.partitionBy(*PARTITIONS).mode("overwrite").parquet(prefix)
    counts = RowCounts(int(before.get["rows"]), int(after.get["rows"]), int(before.get["refused"]))
    if counts.read != counts.written + counts.refused:
        raise RowBalanceError(f"{prefix}: {counts.read} rows read, {counts.written} written, {counts.refused} refused")
    return counts


def _rebalanced(rows: DataFrame) -> DataFrame:
    """The hint as SQL: DataFrame.hint takes no columns in Python before Spark 4."""
    rows.createOrReplaceTempView("rows_to_write")
    return rows.sparkSession.sql(f"select /*+ rebalance({', '.join(PARTITIONS)}) */ * from rows_to_write")


def write_quarantine(refused: DataFrame, folder: str, expected: int) -> dict[str, int]:
    """Write refused rows as JSON lines with their reason, replacing what a killed run left.

    Args:
        refused: ``_reject_reason``, ``_source_file``, ``_record``, ``_batch_id``.
        folder: where; it belongs to one batch and stage.
        expected: how many rows the main pass counted as refused.

    Returns:
        reason -> rows.

    Raises:
        RowBalanceError: another number of rows than expected was found.
    """
    columns = [F.col(REASON).alias("reason"), F.col(SOURCE_FILE).alias("source_file")]
    columns += [F.col(RECORD).alias("record"), F.col(BATCH).alias("batch_id")]
    refused.select(*columns).coalesce(1).write.mode("overwrite").json(folder)
    written = refused.sparkSession.read.schema("reason string").json(folder)
    reasons = {row["reason"]: int(row["count"]) for row in written.groupBy("reason").count().collect()}
    if sum(reasons.values()) != expected:
        raise RowBalanceError(f"{folder}: {expected} rows were refused, {sum(reasons.values())} are in quarantine")
    return dict(sorted(reasons.items()))


# Curated ------------------------------------------------------------------------------------------------


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
        elif known[field.name] == field.dataType or _widens(field.dataType, known[field.name]):
            continue
        elif _widens(known[field.name], field.dataType):
            changes.append(f"alter table {table} alter column `{field.name}` type {target}")
        else:
            refused.append(f"{field.name} is {known[field.name].simpleString()} and would become {target}")
    if refused:
        raise TableSchemaError(
            f"{table} can't take the batch: {'; '.join(refused)}. Only int to long, float to double and a larger "
            "decimal precision keep what is there; give a changed column a new name."
        )
    return changes


def _widens(from_type: DataType, to_type: DataType) -> bool:
    if isinstance(from_type, DecimalType) and isinstance(to_type, DecimalType):
        return from_type.scale == to_type.scale and from_type.precision <= to_type.precision
    return isinstance(to_type, _WIDER.get(type(from_type), ()))


def merge_by_key(rows: DataFrame, table: str, key: Sequence[str], order_by: Sequence[str]) -> None:
    """MERGE rows into a curated table: the later by ``order_by`` wins, whichever came first.

    Doing it twice with the same rows changes nothing. Columns of the table that the rows lack become null: they belong
    to the row that is replaced.

    Args:
        rows: one row per key.
        table: full name; it has all the rows' columns.
        key: columns that identify a row.
        order_by: columns that tell which row is later; empty: the one that is merged last.
    """
    rows.createOrReplaceTempView("merge_source")
    same = " and ".join(f"t.`{name}` <=> s.`{name}`" for name in key)
    columns = rows.columns
    absent = [name for name in rows.sparkSession.table(table).columns if name not in columns]
    assignments = ", ".join([*(f"t.`{name}` = s.`{name}`" for name in columns), *(f"t.`{n}` = null" for n in absent)])
    names = ", ".join(f"`{name}`" for name in columns)
    values = ", ".join(f"s.`{name}`" for name in columns)
    # Names come from contracts, whose schema admits letters, digits and _ only.
    statement = (
        f"merge into {table} t using merge_source s on {same} "
        f"when matched and {_is_later(order_by)} then update set {assignments} "
        f"when not matched then insert ({names}) values ({values})"
    )
    rows.sparkSession.sql(statement)


def _is_later(order_by: Sequence[str]) -> str:
    """SQL: the source row is not older than the table's; nulls are oldest."""
    older = "false"
    for name in reversed(order_by):
        source, target = f"s.`{name}`", f"t.`{name}`"
        less = f"(coalesce({source} < {target}, false) or ({source} is null and {target} is not null))"
        older = f"({less} or ({source} <=> {target} and {older}))"
    return f"not {older}"


def replace_batch(rows: DataFrame, table: str, batch_id: str) -> None:
    """Put a keyless batch into a table in one commit, in place of what the same batch put there before."""
    rows.writeTo(table).overwrite(F.col(BATCH) == batch_id)


def replace_dates(rows: DataFrame, table: str, dates: Sequence[str]) -> None:
    """Replace whole event dates of an aggregate table in one commit.

    Args:
        rows: all rows of these dates; a date without rows is emptied.
        table: full name; partitioned by ``event_date``.
        dates: ISO dates.
    """
    rows.writeTo(table).overwrite(F.col(EVENT_DATE).isin([F.lit(d).cast(DateType()) for d in dates]))
