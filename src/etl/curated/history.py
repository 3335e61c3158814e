"""History: a curated table that keeps every version of a key (slowly changing dimension, type 2).

Every key and ``order_by`` is a version. It holds from ``valid_from``, the first column of ``order_by``, until
``valid_to`` (exclusive), which is where the key's next version or delete begins, and null for ever; ``is_current`` is
true for the version that nothing follows. Of two rows with one key and ``order_by`` the one that was ingested later is
the version (a correction). A delete is no version: it closes the one before.

The versions of the keys that a batch touches are made again from what is there, the batch, and the tombstones, and put
into the table by one MERGE; so it does not matter in which order batches come.
"""

from __future__ import annotations

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.curated.deletes import same_key, tombstones
from etl.curated.merge import age_columns, merge, quoted, without_deletes
from etl.curated.schema import aligned
from etl.names import DELETE, HISTORY_TYPES, IS_CURRENT, VALID_FROM, VALID_TO

# Which of several rows of one version stands, where all else is equal: the batch's own before the one that is there.
_PRESENT, _OF_BATCH, _TOMBSTONE = 0, 1, 2
_SOURCE, _NEXT = "_source", "_next"


def with_history_columns(rows: DataFrame) -> DataFrame:
    """The rows with the three columns of history behind the others, all null; for a table's schema."""
    return rows.select("*", *(F.lit(None).cast(kind).alias(name) for name, kind in HISTORY_TYPES.items()))


def begin_history(contract: Contract, table: str) -> str:
    """SQL for a table that had no history so far: each of its rows is the one version of its key."""
    begins = f"cast(`{contract.order_by[0]}` as timestamp)"
    values = f"`{VALID_FROM}` = {begins}, `{IS_CURRENT}` = true"
    return f"update {table} set {values} where `{IS_CURRENT}` is null"  # the contract's names # nosec B608


def merge_history(rows: DataFrame, contract: Contract, table: str) -> None:
    """Put a batch into a table that keeps history, in one MERGE.

    Args:
        rows: of a batch, one per key and order, perhaps with ``_delete``; deletes are among the table's tombstones
            already.
        contract: gives key and order.
        table: full name.
    """
    events = _events(rows, contract, table)
    versions = _with_validity(events, contract)
    merge(versions, table, contract.version)


def _events(rows: DataFrame, contract: Contract, table: str) -> DataFrame:
    """All that ever happened to the batch's keys: versions that are there, the batch's rows, and tombstones."""
    spark = rows.sparkSession
    present = spark.table(table)
    keys = aligned(rows, present.select(*quoted(contract.key)).schema).alias("k")

    def of_these_keys(frame: DataFrame) -> DataFrame:
        return frame.alias("t").join(keys, same_key("t", "k", contract.key), "left_semi")

    def event(frame: DataFrame, source: int) -> DataFrame:
        marks = F.lit(source == _TOMBSTONE).alias(DELETE), F.lit(source).alias(_SOURCE)
        return aligned(frame, present.schema).select("*", *marks)

    events = event(without_deletes(rows), _OF_BATCH).union(event(of_these_keys(present), _PRESENT))
    deleted = tombstones(spark, contract, table)
    if deleted is None:
        return events
    typed = aligned(deleted, present.select(*(n for n in present.columns if n in deleted.columns)).schema)
    return events.union(event(of_these_keys(typed), _TOMBSTONE))


def _with_validity(events: DataFrame, contract: Contract) -> DataFrame:
    """The events that stand, with the time for which they hold; without versions that are in the table just so."""
    order = contract.order_by
    ages = [column.asc_nulls_first() for column in quoted(age_columns(events, order))]
    timeline = Window.partitionBy(*quoted(contract.key)).orderBy(*ages, F.col(_SOURCE).asc())
    follower = F.lead(F.struct(*quoted(order))).over(timeline)
    following = F.col(_NEXT)
    # Rows of one version stand side by side, the one that counts last.
    stands = following.isNull() | ~following.eqNullSafe(F.struct(*quoted(order)))
    validity = {
        VALID_FROM: F.col(f"`{order[0]}`").cast("timestamp"),
        VALID_TO: following.getField(order[0]).cast("timestamp"),
        IS_CURRENT: following.isNull(),
    }
    stands_in_table = (F.col(_SOURCE) == _PRESENT) & _all_equal(validity)
    values = [F.col(f"`{name}`") for name in events.columns if name not in (*validity, _SOURCE)]
    changed = events.withColumn(_NEXT, follower).where(stands & ~stands_in_table)
    return changed.select(*values, *(value.alias(name) for name, value in validity.items()))


def _all_equal(values: dict[str, SparkColumn]) -> SparkColumn:
    equal = F.lit(True)
    for name, value in values.items():
        equal = equal & F.col(name).eqNullSafe(value)
    return equal


def current_rows(frame: DataFrame, contract: Contract) -> DataFrame:
    """The rows that hold now; of a table with history the current versions, without the columns of history.

    Args:
        frame: a curated table, perhaps as of a snapshot.
        contract: of the table's dataset.
    """
    # A table whose contract has just come to say history has no such columns before its next batch.
    if not contract.history or IS_CURRENT not in frame.columns:
        return frame
    # Null: the table has just begun to keep history, and its rows are not marked yet.
    return frame.where(F.col(IS_CURRENT).isNull() | F.col(IS_CURRENT)).drop(*HISTORY_TYPES)
