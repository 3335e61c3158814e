"""How often the values of keys occur: two shuffles for any number of keys, exact, in bounded memory.

Every key becomes rows of one shape: the key's number and typed slots that keys share. Spark counts them by one hash
aggregation. GROUPING SETS would do the same with a column for each column of each key; its wide rows cost about twice
the CPU.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.frames import Field, Frame, quoted
from etl.dqdl.plans import Counts, Frequency, within

KEY, GROUP_SIZE = "key", "n"
NOTHING = Counts(0, 0, 0, 0, 0, 0.0)

# A slot: its type, and its number among the slots of that type.
Slot = tuple[str, int]


def counted(frame: Frame, frequencies: Sequence[Frequency], one_reading: bool) -> DataFrame:
    """One row per key with its counts, as a data frame that has not run yet.

    Args:
        frame: the data.
        frequencies: the keys, all different.
        one_reading: read the data once and copy each row for each key, instead of once for each key with only the
            key's columns.
    """
    slots = _slots(frame, frequencies)
    parts = [_values(frame, number, frequency, slots) for number, frequency in enumerate(frequencies)]
    if one_reading and len(frequencies) > 1:
        rows = _copied(frame.data, frequencies, parts)
    else:
        pairs = zip(frequencies, parts, strict=True)
        rows = reduce(DataFrame.union, [_within(frame.data, one).select(*part) for one, part in pairs])
    names = _names(slots)
    groups = rows.groupBy(KEY, *names).agg(sf.count(sf.lit(1)).alias(GROUP_SIZE))
    return _summed(groups, names, [len(set(frequency.columns)) for frequency in frequencies])


def counts_of(rows: Sequence[Row], frequencies: Sequence[Frequency]) -> dict[Frequency, Counts]:
    """The counts of each key from the rows of :func:`counted`; a key without rows has none."""
    found = {row[KEY]: _counts(row) for row in rows}
    return {frequency: found.get(number, NOTHING) for number, frequency in enumerate(frequencies)}


def _counts(row: Row) -> Counts:
    valued = row["valued"] or 0
    # H = -sum(n/N * ln(n/N)) = ln(N) - sum(n * ln(n)) / N
    entropy = max(0.0, math.log(valued) - (row["weight"] or 0.0) / valued) if valued else 0.0
    return Counts(row["rows"] or 0, valued, row["complete"], row["distinct"], row["unique"], entropy)


def _summed(groups: DataFrame, names: Sequence[str], widths: Sequence[int]) -> DataFrame:
    present = [sf.col(name).isNotNull() for name in names]
    valued = reduce(lambda a, b: a | b, present)
    complete = reduce(lambda a, b: a & b, present)
    if set(widths) != {len(names)}:  # keys of different types or widths leave slots empty
        width = sf.element_at(sf.array(*[sf.lit(each) for each in widths]), sf.col(KEY) + 1)
        complete = reduce(lambda a, b: a + b, [each.cast("int") for each in present]) == width
    n = sf.col(GROUP_SIZE)
    return groups.groupBy(KEY).agg(
        sf.sum(n).alias("rows"),
        sf.sum(sf.when(valued, n)).alias("valued"),
        sf.count(sf.when(complete & (n == 1), 1)).alias("complete"),
        sf.count(sf.when(valued, 1)).alias("distinct"),
        sf.count(sf.when(valued & (n == 1), 1)).alias("unique"),
        sf.sum(sf.when(valued & (n > 1), n * sf.log(n.cast("double")))).alias("weight"),
    )


def _within(data: DataFrame, frequency: Frequency) -> DataFrame:
    return data.where(within(frequency.where)) if frequency.where else data


def _copied(data: DataFrame, frequencies: Sequence[Frequency], parts: Sequence[Sequence[Column]]) -> DataFrame:
    """Every row once for each key that it belongs to."""
    copies = [
        sf.when(within(frequency.where), sf.struct(*part)) if frequency.where else sf.struct(*part)
        for frequency, part in zip(frequencies, parts, strict=True)
    ]
    exploded = data.select(sf.explode(sf.array(*copies)).alias("copy"))
    return exploded.where(sf.col("copy").isNotNull()).select("copy.*")


def _slots(frame: Frame, frequencies: Sequence[Frequency]) -> dict[Slot, st.DataType]:
    """The slots that the widest key of each type needs."""
    slots: dict[Slot, st.DataType] = {}
    for frequency in frequencies:
        for slot, (_, kind) in _placed(frame, frequency).items():
            slots[slot] = kind
    return slots


def _placed(frame: Frame, frequency: Frequency) -> dict[Slot, tuple[Field, st.DataType]]:
    """The key's columns in their slots; a column that is named twice counts once."""
    placed: dict[Slot, tuple[Field, st.DataType]] = {}
    for field in frame.fields(list(dict.fromkeys(frequency.columns))):
        kind = _widened(field.type)
        taken = sum(name == kind.simpleString() for name, _ in placed)
        placed[kind.simpleString(), taken] = (field, kind)
    return placed


def _widened(kind: st.DataType) -> st.DataType:
    """Types that share slots: every value stays what it is, and different ones stay different."""
    if isinstance(kind, st.IntegralType):
        return st.LongType()
    return st.DoubleType() if isinstance(kind, st.FloatType) else kind


def _values(frame: Frame, number: int, frequency: Frequency, slots: dict[Slot, st.DataType]) -> list[Column]:
    placed = _placed(frame, frequency)
    columns = [sf.lit(number).alias(KEY)]
    for (slot, kind), name in zip(slots.items(), _names(slots), strict=True):
        if slot not in placed:
            column = sf.lit(None).cast(kind)
        else:
            field = placed[slot][0]
            column = field.column if field.type == kind else field.column.cast(kind)
        columns.append(column.alias(name))
    return columns


def _names(slots: dict[Slot, st.DataType]) -> list[str]:
    return [f"s{position}" for position in range(len(slots))]


@contextmanager
def temporary_view(data: DataFrame, name: str | None = None) -> Iterator[str]:
    """The data as a temporary view; the view goes away, frames made from it stay."""
    view = name or f"dqdl_{uuid.uuid4().hex}"
    data.createOrReplaceTempView(quoted(view))  # quoted: the name of a reference may have dots in it
    try:
        yield view
    finally:
        data.sparkSession.catalog.dropTempView(view)
