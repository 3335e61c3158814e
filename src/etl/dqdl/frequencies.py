"""How often the values of keys occur: one scan, one shuffle and one Spark action for any number of keys."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf

from etl.dqdl.frames import quoted
from etl.dqdl.plans import Counts, Frequency, within

KEYS_AT_ONCE = 32  # Spark numbers grouping sets in an integer's bits


def count_keys(data: DataFrame, frequencies: Sequence[Frequency]) -> dict[Frequency, Counts]:
    """Count the values of every key.

    Args:
        data: the data.
        frequencies: the keys; equal ones are counted once.
    """
    wanted = list(dict.fromkeys(frequencies))
    counted: dict[Frequency, Counts] = {}
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        counted.update(_count(data, wanted[start : start + KEYS_AT_ONCE]))
    return counted


def plan_keys(data: DataFrame, frequencies: Sequence[Frequency]) -> DataFrame:
    """One row per key with its counts, as a data frame that has not run yet.

    Each key becomes one struct column, null for rows its filter leaves out, and GROUPING SETS groups by
    each of them in turn: Spark copies each row once per key inside one scan.
    """
    keys = data.select(*[_key(frequency).alias(f"k{i}") for i, frequency in enumerate(frequencies)])
    names = [f"k{i}" for i in range(len(frequencies))]
    sets = ", ".join(f"({name})" for name in names)
    with temporary_view(keys) as view:
        grouped = data.sparkSession.sql(
            f"select {', '.join(names)}, grouping_id() as id, count(1) as n "  # noqa: S608
            f"from {view} group by {', '.join(names)} grouping sets ({sets})"
        )
    facts = [_about(frequency, name) for frequency, name in zip(frequencies, names, strict=True)]
    filtered, valued, complete = (sf.coalesce(*parts) for parts in zip(*facts, strict=True))
    n, unique = sf.col("n"), sf.col("n") == 1
    return (
        grouped.select("id", "n", filtered.alias("judged"), valued.alias("valued"), complete.alias("complete"))
        .groupBy("id")
        .agg(
            sf.sum(sf.when(sf.col("judged"), n)).alias("rows"),
            sf.sum(sf.when(sf.col("valued"), n)).alias("valued"),
            sf.count(sf.when(sf.col("complete") & unique, 1)).alias("complete"),
            sf.count(sf.when(sf.col("valued"), 1)).alias("distinct"),
            sf.count(sf.when(sf.col("valued") & unique, 1)).alias("unique"),
            sf.sum(sf.when(sf.col("valued"), n * sf.log(n.cast("double")))).alias("weight"),
        )
    )


def _count(data: DataFrame, frequencies: Sequence[Frequency]) -> dict[Frequency, Counts]:
    rows = {row["id"]: row for row in plan_keys(data, frequencies).collect()}
    nothing = Counts(0, 0, 0, 0, 0, 0.0)
    counted = {}
    for position, frequency in enumerate(frequencies):
        # A bit of grouping_id is 0 for the key that was grouped by; the first key has the highest bit.
        group = (1 << len(frequencies)) - 1 - (1 << (len(frequencies) - 1 - position))
        row = rows.get(group)
        counted[frequency] = nothing if row is None else _counts(row)
    return counted


def _counts(row: Row) -> Counts:
    valued = row["valued"] or 0
    # H = -sum(n/N * ln(n/N)) = ln(N) - sum(n * ln(n)) / N
    entropy = max(0.0, math.log(valued) - row["weight"] / valued) if valued else 0.0
    return Counts(row["rows"] or 0, valued, row["complete"], row["distinct"], row["unique"], entropy)


def _key(frequency: Frequency) -> Column:
    columns = [sf.col(quoted(name)).alias(f"c{i}") for i, name in enumerate(frequency.columns)]
    return sf.when(within(frequency.where), sf.struct(*columns))


def _about(frequency: Frequency, name: str) -> tuple[Column, Column, Column]:
    """Whether a group's rows are judged, have a value at all, and have every value; null for other keys.

    The struct is null both for rows the filter left out and for groups of other keys; coalesce over all
    keys takes the one that speaks.
    """
    values = [sf.col(f"{name}.c{i}").isNotNull() for i in range(len(frequency.columns))]
    some, every = values[0], values[0]
    for value in values[1:]:
        some, every = some | value, every & value
    present = sf.col(name).isNotNull()
    return sf.when(present, sf.lit(True)), sf.when(present, some), sf.when(present, every)


@contextmanager
def temporary_view(data: DataFrame, name: str | None = None) -> Iterator[str]:
    """The data as a temporary view; the view goes away, frames made from it stay."""
    view = name or f"dqdl_{uuid.uuid4().hex}"
    data.createOrReplaceTempView(quoted(view))  # quoted: the name of a reference may have dots in it
    try:
        yield view
    finally:
        data.sparkSession.catalog.dropTempView(view)
