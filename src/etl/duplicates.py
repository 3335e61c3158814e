"""Duplicates inside a batch: of the rows with one key the latest stays, the others go to quarantine.

The batch is looked at after it was written: reading back its key columns from Parquet takes a fraction of what sorting
all its rows by key would. Only files that hold a row of a key that comes more than once are written again. All of it
happens in the folder of an attempt that nobody else reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.errors import RowBalanceError
from etl.names import BATCH, INGESTED_AT, METADATA, PARTITIONS, RESCUED, SOURCE_FILE
from etl.processed import REFUSED, read_batch, rebalanced, refusal, save
from etl.record_text import content_hash, record_text
from utils.glue_utils import Storage
from utils.spark_versions import file_path

DUPLICATE_REASON = "a later row of the batch has the same key"
_HASH, _RANK, _FILE = "_key_hash", "_rank", "_file"


def set_duplicates_apart(spark: SparkSession, storage: Storage, folder: str, contract: Contract) -> int:
    """Refuse the rows of a written batch whose key comes again later in it; the latest by ``order_by`` stays.

    In a dataset with history, every ``order_by`` of a key is a version of its own.

    Args:
        spark: the session.
        storage: the processed bucket.
        folder: the batch's own folder, not yet committed.
        contract: gives key and order.

    Returns:
        How many rows were refused; they are among :func:`etl.processed.refused_rows` now.

    Raises:
        RowBalanceError: rows were lost or doubled while files were written again.
    """
    rows = _accepted(spark, folder, contract)
    # Two keys with one hash are looked at like duplicates, and found to be none.
    repeated = rows.groupBy(_HASH).count().where("count > 1").select(_HASH)
    found = repeated.agg(F.count(F.lit(1))).first()
    if found is None or not found[0]:
        return 0
    repeated = repeated.persist()
    try:
        affected = rows.join(repeated, _HASH, "left_semi").select(_FILE).distinct()
        files = [row[_FILE] for row in affected.collect()]
        return _write_again(spark, storage, folder, files, repeated, contract)
    finally:
        repeated.unpersist()


def _accepted(spark: SparkSession, folder: str, contract: Contract, files: Sequence[str] = ()) -> DataFrame:
    rows = read_batch(spark, folder, files).where(F.col(PARTITIONS[0]) != REFUSED)
    return rows.select("*", F.xxhash64(*contract.identity).alias(_HASH), file_path().alias(_FILE))


def _write_again(
    spark: SparkSession, storage: Storage, folder: str, files: Sequence[str], repeated: DataFrame, contract: Contract
) -> int:
    rows = _accepted(spark, folder, contract, files).drop(_FILE)
    before = rows.count()  # from the files' footers
    others = rows.join(repeated, _HASH, "left_anti").drop(_HASH)
    judged = _without_earlier(rows.join(repeated, _HASH, "left_semi"), contract)
    written = Observation("written again")
    is_refused = F.col(PARTITIONS[0]) == REFUSED
    again = rebalanced(others.unionByName(judged), PARTITIONS).observe(
        written, F.count(F.lit(1)).alias("rows"), F.count(F.when(is_refused, 1)).alias("refused")
    )
    save(again, folder, "append")
    after = written.get
    if after["rows"] != before:
        raise RowBalanceError(f"{folder}: {before} rows looked at for duplicates, {after['rows']} written again")
    for file in files:
        storage.delete(file)
    return int(after["refused"])


def _without_earlier(rows: DataFrame, contract: Contract) -> DataFrame:
    """The rows, with all but the latest of each key made refused ones."""
    values = [name for name in rows.columns if name not in (_HASH, *METADATA, *PARTITIONS)]
    latest = [F.col(name).desc_nulls_last() for name in contract.order_by]
    # Ties are broken by what does not change between two readings of the same files.
    content = content_hash([name for name in rows.columns if name not in (_HASH, BATCH, INGESTED_AT)])
    window = Window.partitionBy(*contract.identity).orderBy(*latest, F.col(SOURCE_FILE).desc(), content.desc())
    earlier = F.col(_RANK) > 1
    texts = {name: (F.col(f"`{name}`"), rows.schema[name].dataType) for name in values}
    told = refusal(F.lit(DUPLICATE_REASON), record_text(texts))
    return rows.withColumn(_RANK, F.row_number().over(window)).select(
        *values,
        F.when(earlier, told).otherwise(F.col(RESCUED)).alias(RESCUED),
        *(name for name in METADATA if name != RESCUED),
        *(F.when(earlier, REFUSED).otherwise(F.col(name)).alias(name) for name in PARTITIONS),
    )
