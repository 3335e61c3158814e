"""A profile of every column: what stands in it, from the same Spark action as the rules.

:func:`profile_plan` names the aggregates, whoever runs them gives the values to :meth:`ProfilePlan.entries`, which
needs one more, bounded job for top values and patterns. :func:`profile_columns` does both in one call.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.frames import Field
from etl.dqdl.profile_values import (
    TEXT_LENGTH,
    Bins,
    ValueCounts,
    as_text,
    bins_between,
    count_values,
    finite,
    has_texts,
)

ORDERED = (st.NumericType, st.StringType, st.DateType, st.TimestampType, st.BooleanType)
MOST_COLUMNS = 200
PREFIX = "profile "
ROWS = f"{PREFIX}rows"


@dataclass(frozen=True)
class ProfilePlan:
    """What a profile needs from the shared action.

    Args:
        fields: the columns that are profiled.
        aggregates: aggregate expressions over the data, by names that start with ``profile``.
        problems: what is not profiled, in words.
    """

    fields: Sequence[Field]
    aggregates: Mapping[str, Column]
    problems: Sequence[str] = field(default_factory=tuple)

    def entries(self, values: Mapping[str, Any], data: DataFrame) -> list[dict[str, Any]]:
        """The profile, one entry per column, ready for JSON.

        Args:
            values: the aggregates' values by name; others may be among them.
            data: the data, for at most one more job over a bounded sample.
        """
        bins = {position: _bins(each, position, values) for position, each in enumerate(self.fields)}
        texts = {position: each for position, each in enumerate(self.fields) if has_texts(each)}
        found, sampled = count_values(data, texts, {k: b for k, b in bins.items() if b}, values.get(ROWS, 0))
        return [
            _entry(each, position, values, found.get(position, ValueCounts()), sampled)
            for position, each in enumerate(self.fields)
        ]


def profile_plan(data: DataFrame, most: int = MOST_COLUMNS) -> ProfilePlan:
    """What a profile of the data needs.

    Args:
        data: the data.
        most: the first so many columns are profiled.
    """
    twice = _repeated_names(data)
    fields = [Field(each.name, each.dataType) for each in data.schema.fields if each.name not in twice]
    chosen, problems = fields[:most], []
    if len(fields) > most:
        problems.append(f"the profile has the first {most} of {len(fields)} columns")
    if twice:
        problems.append(f"columns whose name occurs twice are not profiled: {', '.join(twice)}")
    aggregates: dict[str, Column] = {ROWS: sf.count(sf.lit(1))} if chosen else {}
    for position, each in enumerate(chosen):
        aggregates.update({_key(name, position): column for name, column in _measures(each).items()})
    return ProfilePlan(chosen, aggregates, problems)


def profile_columns(data: DataFrame, most: int = MOST_COLUMNS) -> list[dict[str, Any]]:
    """The profile of a data frame by itself.

    Args:
        data: the data.
        most: the first so many columns are profiled.
    """
    plan = profile_plan(data, most)
    if not plan.fields:
        return []
    columns = [column.alias(f"a{position}") for position, column in enumerate(plan.aggregates.values())]
    values = dict(zip(plan.aggregates, data.agg(*columns).collect()[0], strict=True))
    return plan.entries(values, data)


def profile_metrics(profile: Sequence[Mapping[str, Any]], now: datetime | None = None) -> dict[str, float]:
    """The metrics of a profile that are kept for the history: finite numbers only.

    Args:
        profile: see :meth:`ProfilePlan.entries`.
        now: the time that ages of dates and timestamps are counted to; without it there are no ages.

    Returns:
        Dataset.*.RowCount, and for columns Completeness, Mean, ApproximateDistinctValuesCount and Freshness (hours).
    """
    metrics: dict[str, float | None] = {}
    for entry in profile:
        name, rows = f"Column.{entry['column']}", entry["rows"]
        metrics["Dataset.*.RowCount"] = rows
        metrics[f"{name}.Completeness"] = (rows - entry["nulls"]) / rows if rows else None
        metrics[f"{name}.Mean"] = entry["mean"]
        metrics[f"{name}.ApproximateDistinctValuesCount"] = entry["distinct"]
        metrics[f"{name}.Freshness"] = _age(entry, now) if now else None
    return {name: float(value) for name, value in metrics.items() if value is not None and math.isfinite(value)}


def _age(entry: Mapping[str, Any], now: datetime) -> float | None:
    """Hours since the newest value; None for other types, and for years that Python does not know."""
    if entry["type"] not in ("date", "timestamp", "timestamp_ntz") or not entry["max"]:
        return None
    try:
        newest = datetime.fromisoformat(entry["max"])
    except ValueError:
        return None
    moment = now if now.tzinfo else now.replace(tzinfo=timezone.utc)
    return (moment - newest.replace(tzinfo=timezone.utc)).total_seconds() / 3600


def _repeated_names(data: DataFrame) -> list[str]:
    """Names that Spark cannot tell from those of other columns."""
    exact = data.sparkSession.conf.get("spark.sql.caseSensitive") == "true"
    names = {name: name if exact else name.lower() for name in data.columns}
    counts = Counter(name if exact else name.lower() for name in data.columns)
    return [name for name, folded in names.items() if counts[folded] > 1]


def _key(name: str, position: int) -> str:
    return f"{PREFIX}{name} {position}"


def _measures(field: Field) -> dict[str, Column]:
    column = field.column
    measures = {"valued": sf.count(column)}
    if _can_be_hashed(field.type):
        measures["distinct"] = sf.approx_count_distinct(column)
    if isinstance(field.type, ORDERED) or field.is_timestamp:
        shown = sf.substring(column, 1, TEXT_LENGTH) if isinstance(field.type, st.StringType) else column
        if field.is_floating:
            shown = sf.when(~sf.isnan(column), column)
        measures["min"], measures["max"] = (as_text(field, extreme(shown)) for extreme in (sf.min, sf.max))
    if field.is_numeric:
        number = finite(field)
        measures["mean"], measures["stddev"] = sf.avg(number), sf.stddev_pop(number)
    if field.is_floating:
        measures["low"], measures["high"] = sf.min(number), sf.max(number)
    return measures


def _can_be_hashed(kind: st.DataType) -> bool:
    """Whether Spark can count different values: of everything but maps and what has maps inside."""
    if isinstance(kind, st.ArrayType):
        return _can_be_hashed(kind.elementType)
    if isinstance(kind, st.StructType):
        return all(_can_be_hashed(each.dataType) for each in kind.fields)
    return not isinstance(kind, (st.MapType, st.NullType)) and kind.typeName() != "variant"


def _bins(field: Field, position: int, values: Mapping[str, Any]) -> Bins | None:
    """The bins of finite numbers; the extremes of whole and decimal ones are told as texts already."""
    names = ("low", "high") if field.is_floating else ("min", "max")
    low, high = (values.get(_key(name, position)) for name in names)
    if low is None or high is None or not field.is_numeric:
        return None
    return bins_between(float(low), float(high), isinstance(field.type, st.IntegralType))


def _entry(
    field: Field, position: int, values: Mapping[str, Any], found: ValueCounts, sampled: int | None
) -> dict[str, Any]:
    def value(name: str) -> Any:
        return values.get(_key(name, position))

    return {
        "column": field.name,
        "type": field.type.simpleString()[:TEXT_LENGTH],
        "rows": values[ROWS],
        "nulls": values[ROWS] - value("valued"),
        "distinct": _at_most(value("distinct"), value("valued")),
        "min": value("min"),
        "max": value("max"),
        "mean": _finite(value("mean")),
        "stddev": _finite(value("stddev")),
        "quantiles": found.quantiles,
        "histogram": found.histogram,
        "top": found.top,
        "patterns": found.patterns,
        "sampled": sampled,
    }


def _at_most(estimate: int | None, valued: int) -> int | None:
    """An estimate of different values, which may come out above the number of values."""
    return None if estimate is None else min(estimate, valued)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
