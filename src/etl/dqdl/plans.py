"""What a rule needs from Spark, and what it makes of the numbers. Plans are put together in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from etl.dqdl.frames import quoted
from etl.dqdl.model import Rule
from etl.dqdl.values import Numeric


@dataclass(frozen=True)
class Frequency:
    """A key whose values are counted: columns, and the rows it is about."""

    columns: tuple[str, ...]
    where: str | None = None


@dataclass(frozen=True)
class Counts:
    """What the counted values of a key come to.

    Args:
        rows: rows, also those without any value.
        valued: rows with at least one value in the key.
        complete: rows of values that occur once, with a value in every column of the key.
        distinct: different values.
        unique: values that occur exactly once.
        entropy: in nats.
    """

    rows: int
    valued: int
    complete: int
    distinct: int
    unique: int
    entropy: float


@dataclass(frozen=True)
class Mark:
    """A boolean column joined to the data: whether the row's key is among the rows of another frame.

    Args:
        name: the new column; equal marks have equal names.
        keys: the data's columns.
        frame: the other frame, whose columns stand in the order of keys.
        null_safe: whether null equals null.
    """

    name: str
    keys: tuple[str, ...]
    frame: DataFrame = field(compare=False)
    null_safe: bool = False

    def join(self, data: DataFrame) -> DataFrame:
        """The data with the mark; no row is added or dropped."""
        renamed = [f"{self.name}_{position}" for position in range(len(self.keys))]
        other = self.frame.toDF(*renamed).distinct().withColumn(self.name, sf.lit(True))
        condition = sf.lit(True)
        for key, name in zip(self.keys, renamed, strict=True):
            left, right = sf.col(quoted(key)), sf.col(name)
            condition = condition & (left.eqNullSafe(right) if self.null_safe else left == right)
        joined = data.join(other, on=condition, how="left").drop(*renamed)
        return joined.withColumn(self.name, sf.coalesce(sf.col(self.name), sf.lit(False)))


def marked(data: DataFrame, marks: Iterable[Mark]) -> DataFrame:
    """The data with each mark once."""
    for mark in {mark.name: mark for mark in marks}.values():
        data = mark.join(data)
    return data


@dataclass(frozen=True)
class RowTest:
    """Whether a row is good, over the data with its marks; ``where`` names the rows that are judged."""

    good: Column
    where: str | None = None
    windowed: bool = False


@dataclass(frozen=True)
class Measurement:
    """What a rule found.

    Args:
        value: the number that is compared; None when there is none (the mean of no rows).
        metrics: metric name -> value, for the report and the history.
        name: what messages call the value.
        passed: rows that meet the rule, for row-level rules.
        rows: rows that were judged, for row-level rules.
        share: True when the value is a share of rows, columns or values, from 0 to 1.
        detail: more words for the message of a failure.
        verdict: whether the rule holds, for rules that judge for themselves (DetectAnomalies); None for those whose
            condition is held against the value.
    """

    value: Numeric | None
    metrics: Mapping[str, Numeric]
    name: str = ""
    passed: int | None = None
    rows: int | None = None
    share: bool = False
    detail: str = ""
    verdict: bool | None = None


class Facts:
    """The numbers that came back from Spark, by the names under which plans asked for them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.references: dict[str, dict[str, Any]] = {}
        self.counts: dict[Frequency, Counts] = {}
        self.queries: dict[str, Numeric | None] = {}
        self.problems: list[str] = []


@dataclass(frozen=True)
class Plan:
    """What one rule needs.

    Args:
        measure: facts -> measurement.
        aggregates: aggregate expressions over the data with its marks.
        frequencies: keys to count.
        references: reference name -> aggregate expressions over it.
        queries: SQL texts that give one number.
        marks: columns to join first.
        test: the row-level test, if the rule has one.
    """

    measure: Callable[[Facts], Measurement]
    aggregates: Mapping[str, Column] = field(default_factory=dict)
    frequencies: tuple[Frequency, ...] = ()
    references: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    queries: Mapping[str, DataFrame] = field(default_factory=dict)
    marks: tuple[Mark, ...] = ()
    test: RowTest | None = None


def metric_name(kind: str, target: str, name: str, rule: Rule) -> str:
    """AWS's name of a metric, such as ``Column.id.Completeness``; a filter makes another metric of it."""
    suffix = f' where "{rule.where}"' if rule.where else ""
    return f"{kind}.{target}.{name}{suffix}"


def within(where: str | None) -> Column:
    """True for the rows a rule is about."""
    return sf.coalesce(sf.expr(where).cast("boolean"), sf.lit(False)) if where else sf.lit(True)


def row_count(where: str | None) -> tuple[str, Column]:
    """The name and expression of the number of rows."""
    return f"rows where {where or ''}", sf.count(sf.when(within(where), 1))
