"""How often the values of keys occur: one scan, one shuffle and one Spark action for any number of keys."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf

from etl.dqdl.frames import quoted
from etl.dqdl.plans import Counts, Frequency, within

COLUMNS_AT_ONCE = 32  # grouping_id() has one bit per column, and each key copies the rows once more


def count_keys(data: DataFrame, frequencies: Sequence[Frequency]) -> dict[Frequency, Counts]:
    """Count the values of every key.

    Args:
        data: the data.
        frequencies: the keys; equal ones are counted once.
    """
    wanted = list(dict.fromkeys(frequencies))
    counted: dict[Frequency, Counts] = {}
    for group in in_groups(wanted):
        counted.update(_count(data, group))
    return counted


def in_groups(frequencies: Sequence[Frequency]) -> list[list[Frequency]]:
    """The keys, so many together as one scan can take."""
    groups: list[list[Frequency]] = []
    for frequency in frequencies:
        if groups and len(_columns([*groups[-1], frequency])) <= COLUMNS_AT_ONCE:
            groups[-1].append(frequency)
        else:
            groups.append([frequency])
    return groups


def plan_keys(data: DataFrame, frequencies: Sequence[Frequency]) -> DataFrame:
    """One row per key with its counts, as a data frame that has not run yet.

    GROUPING SETS groups by each key in turn: Spark copies each row once per key inside one scan. Keys with
    a filter become one struct column, null for rows that the filter leaves out.
    """
    columns = _columns(frequencies)
    names = {column: f"k{position}" for position, column in enumerate(columns)}
    keys = data.select(*[expression.alias(names[column]) for column, expression in columns.items()])
    sets = [[names[column] for column in _columns([frequency])] for frequency in frequencies]
    listed = ", ".join(names.values())
    # The same columns in another order are the same set: given twice, Spark would count it twice.
    distinct_sets = {frozenset(used): used for used in sets}.values()
    grouping_sets = ", ".join(f"({', '.join(used)})" for used in distinct_sets)
    with temporary_view(keys) as view:
        grouped = data.sparkSession.sql(
            f"select {listed}, grouping_id() as id, count(1) as n from {view} "  # noqa: S608 - our own names
            f"group by {listed} grouping sets ({grouping_sets})"
        )
    speaking = [
        (sf.col("id") == _id(list(names.values()), used), *_about(frequency, used))
        for frequency, used in zip(frequencies, sets, strict=True)
    ]
    judged, valued, complete = (
        sf.coalesce(*[sf.when(about[0], about[position]) for about in speaking]) for position in (1, 2, 3)
    )
    n, unique = sf.col("n"), sf.col("n") == 1
    flags = judged.alias("judged"), valued.alias("valued"), complete.alias("complete")
    return (
        grouped.select("id", "n", *flags)
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
    columns = _columns(frequencies)
    counted = {}
    for frequency in frequencies:
        row = rows.get(_id(list(columns), list(_columns([frequency]))))
        counted[frequency] = Counts(0, 0, 0, 0, 0, 0.0) if row is None else _counts(row)
    return counted


def _counts(row: Row) -> Counts:
    valued = row["valued"] or 0
    # H = -sum(n/N * ln(n/N)) = ln(N) - sum(n * ln(n)) / N
    entropy = max(0.0, math.log(valued) - row["weight"] / valued) if valued else 0.0
    return Counts(row["rows"] or 0, valued, row["complete"], row["distinct"], row["unique"], entropy)


def _columns(frequencies: Sequence[Frequency]) -> dict[object, Column]:
    """The columns to group by, each once: plain ones, and one struct for each key with a filter."""
    columns: dict[object, Column] = {}
    for frequency in frequencies:
        if frequency.where:
            parts = [sf.col(quoted(name)).alias(f"c{i}") for i, name in enumerate(frequency.columns)]
            columns[frequency] = sf.when(within(frequency.where), sf.struct(*parts))
        else:
            columns.update({name: sf.col(quoted(name)) for name in frequency.columns})
    return columns


def _id(columns: Sequence[object], used: Sequence[object]) -> int:
    """grouping_id(): one bit per column, the first the highest, 0 for columns that are grouped by."""
    return sum(1 << (len(columns) - 1 - i) for i, column in enumerate(columns) if column not in used)


def _about(frequency: Frequency, names: Sequence[str]) -> tuple[Column, Column, Column]:
    """Whether a group's rows are judged, have a value at all, and have every value."""
    fields = [sf.col(name) for name in names]
    judged = sf.lit(True)
    if frequency.where:
        fields = [sf.col(f"{names[0]}.c{i}") for i in range(len(frequency.columns))]
        judged = sf.col(names[0]).isNotNull()
    values = [field.isNotNull() for field in fields]
    return judged, judged & reduce(lambda a, b: a | b, values), judged & reduce(lambda a, b: a & b, values)


@contextmanager
def temporary_view(data: DataFrame, name: str | None = None) -> Iterator[str]:
    """The data as a temporary view; the view goes away, frames made from it stay."""
    view = name or f"dqdl_{uuid.uuid4().hex}"
    data.createOrReplaceTempView(quoted(view))  # quoted: the name of a reference may have dots in it
    try:
        yield view
    finally:
        data.sparkSession.catalog.dropTempView(view)
