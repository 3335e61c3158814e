"""The processed layer: a batch written as immutable Parquet, in one pass, with its refused rows set aside.

Accepted rows go to ``year=YYYY/month=MM/day=DD/`` of the batch's folder. Refused rows go in the same pass to a
partition of their own, where ``_rescued_data`` holds what quarantine needs to know of them; they are moved to
quarantine from there (:mod:`etl.quarantine`), so that no row is read and judged twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from etl.errors import RowBalanceError
from etl.names import BATCH, DATE, INGESTED_AT, LATE, PARTITIONS, REFUSAL, RESCUED, SOURCE_FILE

# The partition of refused rows, which is gone before the batch is committed.
REFUSED = "refused"
REFUSED_FOLDER = f"{PARTITIONS[0]}={REFUSED}/"
_REFUSED_SCHEMA = "reason string, position string, record string"
_WRITE_SETTINGS = {
    # Days before 1582 (0001-01-01 is a common placeholder) are written as they are; Spark's default is to stop.
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # This rule drops the counting from the plan of a batch without rows, and reading the counts would wait for ever.
    "spark.sql.adaptive.optimizer.excludedRules": "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation",
}


@dataclass(frozen=True)
class RowCounts:
    """Rows of one batch at one stage; ``read == written + refused`` holds or the run fails.

    Attributes:
        read: rows of the batch's files.
        written: rows that were accepted.
        refused: rows that go to quarantine.
        late: accepted rows whose event is older than the contract expects.
    """

    read: int
    written: int
    refused: int
    late: int = 0


def write_batch(standardised: DataFrame, folder: str, batch_id: str, ingested_at: datetime) -> RowCounts:
    """Write all rows of a batch, replacing whatever an earlier try left in its folder.

    Rows are counted in the pass that writes them, once as they are read and once as they are written. The rebalance
    keeps the files per day few and near Spark's advisory partition size.

    Args:
        standardised: accepted and refused rows (see :mod:`etl.standardise`).
        folder: the batch's own folder.
        batch_id: goes into ``_batch_id`` of every row.
        ingested_at: goes into ``_ingested_at``; the time of planning, so that writing again gives the same rows.

    Raises:
        RowBalanceError: rows were lost between reading and writing.
    """
    read, written = Observation("read"), Observation("written")
    rows, late = F.count(F.lit(1)).alias("rows"), F.count(F.when(F.col(LATE), 1)).alias("late")
    refused = F.count(F.when(F.col(DATE).isNull(), 1)).alias("refused")
    counted = _with_refusals(standardised).observe(read, rows, refused, late).drop(LATE)
    shuffled = rebalanced(counted, [DATE]).observe(written, rows, refused)
    placed = _in_partitions(shuffled, batch_id, ingested_at)
    save(placed, folder, "overwrite")
    before, after = read.get, written.get
    counts = RowCounts(before["rows"], after["rows"] - after["refused"], after["refused"], before["late"])
    if before["rows"] != after["rows"] or before["refused"] != after["refused"]:
        raise RowBalanceError(
            f"{folder}: {before['rows']} rows read, {before['refused']} of them refused; {after['rows']} rows written, "
            f"{after['refused']} of them refused"
        )
    return counts


def save(rows: DataFrame, folder: str, mode: str) -> None:
    """Write rows with their partition columns as Parquet below a batch's folder.

    Args:
        rows: all columns of the processed layer, ``year``, ``month`` and ``day`` among them.
        folder: the batch's own folder.
        mode: ``overwrite`` or ``append``.
    """
    for name, value in _WRITE_SETTINGS.items():
        rows.sparkSession.conf.set(name, value)
    rows.write.partitionBy(*PARTITIONS).mode(mode).parquet(folder)


def read_batch(spark: SparkSession, folder: str, files: Sequence[str] = ()) -> DataFrame:
    """The rows of a batch as they stand in its folder; in one that is committed all of them are accepted.

    Args:
        spark: the session.
        folder: the batch's own folder.
        files: only these of its files, as URIs.
    """
    # Folder values such as month=01 are text; inferring them would make them numbers.
    spark.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
    return spark.read.option("basePath", folder).parquet(*(files or [folder]))


def refusal(reason: SparkColumn, record: SparkColumn, position: SparkColumn | None = None) -> SparkColumn:
    """What quarantine needs to know of a refused row, as the JSON that its ``_rescued_data`` holds."""
    parts = [reason.alias("reason"), record.alias("record")]
    return F.to_json(F.struct(*parts, *([] if position is None else [position.alias("position")])))


def refused_rows(spark: SparkSession, folder: str) -> DataFrame:
    """The rows that were set aside: ``reason``, ``source_file``, ``position`` (or null), ``record``, ``batch_id``."""
    rows = spark.read.schema(f"{RESCUED} string, {SOURCE_FILE} string, {BATCH} string").parquet(folder + REFUSED_FOLDER)
    told = F.from_json(RESCUED, _REFUSED_SCHEMA)
    return rows.select(
        told["reason"].alias("reason"),
        F.col(SOURCE_FILE).alias("source_file"),
        told["position"].alias("position"),
        told["record"].alias("record"),
        F.col(BATCH).alias("batch_id"),
    )


def _with_refusals(standardised: DataFrame) -> DataFrame:
    """Refused rows have no date, and the refusal instead of rescued data."""
    refused = F.col(REFUSAL).isNotNull()
    values = [name for name in standardised.columns if name not in (RESCUED, SOURCE_FILE, DATE, LATE, REFUSAL)]
    return standardised.select(
        *values,
        F.when(refused, F.to_json(REFUSAL)).otherwise(F.col(RESCUED)).alias(RESCUED),
        SOURCE_FILE,
        F.when(~refused, F.col(DATE)).alias(DATE),
        (~refused & F.col(LATE)).alias(LATE),
    )


def rebalanced(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The rows, shuffled so that those of equal columns are written by few tasks.

    The hint is SQL because DataFrame.hint takes no columns in Python before Spark 4.
    """
    rows.createOrReplaceTempView("rows_to_write")
    hint = f"/*+ rebalance({', '.join(columns)}) */"
    return rows.sparkSession.sql(f"select {hint} * from rows_to_write")  # the contract's names # nosec B608


def _in_partitions(rows: DataFrame, batch_id: str, ingested_at: datetime) -> DataFrame:
    """The rows with what is the same for all of them, and their folder: not before the shuffle, which it would fill."""
    # Not by date_format, which takes ten times as long as cutting the date's text.
    text = F.col(DATE).cast("string")
    parts = (F.substring_index(text, "-", 1), F.substring(text, -5, 2), F.substring(text, -2, 2))
    return rows.select(
        *(name for name in rows.columns if name != DATE),
        F.lit(batch_id).alias(BATCH),
        F.lit(ingested_at.strftime("%Y-%m-%d %H:%M:%S.%f")).cast("timestamp").alias(INGESTED_AT),
        *(F.coalesce(part, F.lit(REFUSED)).alias(name) for name, part in zip(PARTITIONS, parts, strict=True)),
    )
