"""MERGE: rows with a key into a curated table, the later one wins."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame


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
