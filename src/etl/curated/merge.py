"""MERGE: rows with a key into a curated table, the later one wins, whichever is merged first.

Which of two rows with one key is later is told by the columns of ``order_by``; where these are equal, or where there
are none, by ``_ingested_at`` (when the row's batch was planned), then by ``_batch_id``. Nulls are oldest. So the result
does not depend on the order in which batches are processed, and a batch that is merged again takes its own place.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.curated.replace import put_first
from etl.curated.schema import aligned
from etl.curated.tables import is_untouched
from etl.names import BATCH, DELETE, INGESTED_AT


def merge_by_key(rows: DataFrame, table: str, key: Sequence[str], order_by: Sequence[str]) -> None:
    """MERGE rows into a curated table: for each key the later row stays.

    Columns of the table that the rows lack become null: they belong to the row that is replaced.

    Args:
        rows: one row per key; those with a true ``_delete``, if they have this column, remove their key's older row.
        table: full name; it has all the rows' other columns.
        key: columns that identify a row; null equals null.
        order_by: columns that tell which row is later.
    """
    merge(rows, table, key, later=_is_not_older(age_columns(rows, order_by)))


def merge(rows: DataFrame, table: str, key: Sequence[str], later: str = "true") -> None:
    """MERGE rows into a curated table; a table that nothing was ever put in is filled without a join.

    Args:
        rows: one row per key; ``_delete`` as of :func:`merge_by_key`.
        table: full name, of the table or its audit branch; it has all the rows' other columns.
        key: columns that identify a row; null equals null.
        later: SQL of source ``s`` and target ``t``: whether the source's row takes the place of the target's.
    """
    spark = rows.sparkSession
    deletes = DELETE in rows.columns
    if is_untouched(spark, table):
        put_first(aligned(without_deletes(rows), spark.table(table).schema), table)
        return
    with_marks(rows, table).createOrReplaceTempView("merge_source")
    columns = spark.table(table).columns
    same = " and ".join(f"t.`{name}` <=> s.`{name}`" for name in key)
    assignments = ", ".join(f"t.`{name}` = s.`{name}`" for name in columns)
    names = ", ".join(f"`{name}`" for name in columns)
    values = ", ".join(f"s.`{name}`" for name in columns)
    # Names come from contracts, whose schema admits letters, digits and _ only.
    spark.sql(
        f"merge into {table} t using merge_source s on {same} "  # the contract's names # nosec B608
        f"{f'when matched and s.`{DELETE}` and {later} then delete ' if deletes else ''}"
        f"when matched and {later} then update set {assignments} "
        f"when not matched {f'and not s.`{DELETE}` ' if deletes else ''}then insert ({names}) values ({values})"
    )


def with_marks(rows: DataFrame, table: str) -> DataFrame:
    """The rows in the table's columns and types, with ``_delete`` where they have it."""
    schema = rows.sparkSession.table(table).schema
    return aligned(rows, schema.add(DELETE, "boolean") if DELETE in rows.columns else schema)


def without_deletes(rows: DataFrame) -> DataFrame:
    """The rows that don't delete their key, without the column ``_delete``."""
    return rows.where(~F.col(DELETE)).drop(DELETE) if DELETE in rows.columns else rows


def age_columns(rows: DataFrame, order_by: Sequence[str]) -> list[str]:
    """The columns that tell which of two rows is later, from the first to the last that is asked."""
    return [*order_by, *(name for name in (INGESTED_AT, BATCH) if name in rows.columns and name not in order_by)]


def quoted(names: Sequence[str]) -> list[SparkColumn]:
    """Columns of these names."""
    return [F.col(f"`{name}`") for name in names]


def _is_not_older(columns: Sequence[str]) -> str:
    """SQL: the source row is not older than the target's; nulls are oldest."""
    older = "false"
    for name in reversed(columns):
        source, target = f"s.`{name}`", f"t.`{name}`"
        less = f"(coalesce({source} < {target}, false) or ({source} is null and {target} is not null))"
        older = f"({less} or ({source} <=> {target} and {older}))"
    return f"not {older}"
