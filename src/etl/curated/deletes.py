"""Deletes: what a contract's ``delete_when`` takes out of a curated table stays out, however late older rows come.

Every delete is kept as a tombstone in a table of its own, ``<table>__deleted``: key, ``order_by``, ``_ingested_at`` and
``_batch_id`` of the row that deleted. It is written before the table is, so that a run that is killed in between finds
it. A row that is older than its key's tombstone does not come in any more; a later one does.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Contract, TableLayout
from etl.curated.merge import age_columns, merge_by_key, quoted
from etl.curated.schema import aligned
from etl.curated.tables import MadeColumns, check_table, table_exists, table_of
from etl.names import BATCH, DELETE, DELETED, INGESTED_AT

_TOMBSTONE = "_tombstone"


def tombstone_table(table: str) -> str:
    """The full name of the table that holds a curated table's deletes.

    It has no branch of its own: a delete that waits in the audit branch is among the tombstones at once. Nobody but the
    batches that are put into the same branch goes by them, and rows that are published stay until the branch is.
    """
    return f"{table_of(table)}{DELETED}"


def keep_tombstones(rows: DataFrame, contract: Contract, table: str) -> None:
    """Merge a batch's deletes into the tombstones; the table of tombstones is made when it is not there.

    Args:
        rows: of a batch, with ``_delete``; one per key and order.
        contract: gives key and order.
        table: full name of the curated table.
    """
    identity = contract.version
    columns = [*identity, *(name for name in (INGESTED_AT, BATCH) if name not in identity)]
    deleted = rows.where(F.col(DELETE)).select(*quoted(columns))
    name = tombstone_table(table)
    check_table(deleted, name, TableLayout(partition_by=(), sort_by=contract.key), MadeColumns()).apply()
    merge_by_key(deleted, name, identity, [])


def tombstones(spark: SparkSession, contract: Contract, table: str) -> DataFrame | None:
    """Every tombstone of a curated table, with the contract's key and order; None where nothing was ever deleted."""
    name = tombstone_table(table)
    return spark.table(name) if table_exists(spark, name) else None


def without_older_than_tombstones(rows: DataFrame, contract: Contract, table: str) -> DataFrame:
    """The rows of a batch, without those that their key's latest tombstone keeps out; its deletes all stay.

    Args:
        rows: of a batch, perhaps with ``_delete``.
        contract: gives key and order.
        table: full name of the curated table, whose tombstones include the batch's own.
    """
    found = tombstones(rows.sparkSession, contract, table)
    if found is None:
        return rows
    age = age_columns(rows, contract.order_by)
    columns = [*dict.fromkeys((*contract.key, *age))]
    # The types of the batch and of older tombstones may differ; they are compared as the table has them.
    schema = rows.sparkSession.table(table).select(*quoted(columns)).schema
    latest = (
        aligned(found, schema)
        .groupBy(*quoted(contract.key))
        .agg(F.max(F.struct(*quoted(age))).alias(_TOMBSTONE))
        .alias("d")
    )
    kinds = {column.name: column.dataType for column in schema.fields}
    own_age = F.struct(*(F.col(f"s.`{name}`").cast(kinds[name]).alias(name) for name in age))
    kept = rows.alias("s").join(latest, same_key("s", "d", contract.key), "left")
    # Structs are compared field by field, and null is less than any value.
    is_newer = F.col(f"d.{_TOMBSTONE}").isNull() | (own_age > F.col(f"d.{_TOMBSTONE}"))
    deletes = F.col(f"s.{DELETE}") if DELETE in rows.columns else F.lit(False)
    return kept.where(is_newer | deletes).select("s.*")


def same_key(one: str, other: str, key: Sequence[str]) -> SparkColumn:
    """Whether the rows of two aliased frames have one key; null equals null."""
    same = F.lit(True)
    for name in key:
        same = same & F.col(f"{one}.`{name}`").eqNullSafe(F.col(f"{other}.`{name}`"))
    return same
