"""The geometry of the quality report's charts, and metrics as people call them; no colours, no markup."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from etl.page import shown_number, shown_percent

# Sides of the charts' own coordinates; they are stretched to the room that there is.
TREND_WIDTH, TREND_HEIGHT = 1000, 200
_METRICS = {
    "RowCount": "row count",
    "Completeness": "share of filled values",
    "Mean": "mean",
    "ApproximateDistinctValuesCount": "different values (about)",
    "DistinctValuesCount": "different values",
    "Freshness": "age of the newest value",
}
_NUMERIC = re.compile(r"tinyint|smallint|int|bigint|float|double|decimal")
# Longer numbers stay as they are written, such as 1.5E-20.
_PLAIN_DIGITS = 16
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def gauge_mark(threshold: float) -> dict[str, float]:
    """The threshold's mark on a half circle of radius 80 around (100, 100).

    Args:
        threshold: 0 to 100.
    """
    angle = math.pi * (1 - min(max(threshold, 0), 100) / 100)
    x, y = math.cos(angle), math.sin(angle)
    return {"x1": 100 + 68 * x, "y1": 100 - 68 * y, "x2": 100 + 92 * x, "y2": 100 - 92 * y}


def trend_line(points: Sequence[Mapping[str, Any]], threshold: float, floor: float = 5) -> dict[str, Any] | None:
    """Places of a line in a box of 1000 x 200; the axis starts at a ten below the lowest value.

    Args:
        points: with ``score``, oldest first; with less than two there is no line.
        threshold: 0 to 100.
        floor: how far below the lowest value the axis starts at least.

    Returns:
        ``points`` with ``x``, ``y`` and ``left`` (where the room begins that belongs to a point), ``step`` (the width
        of this room), ``low`` (the axis's start), ``threshold`` (its height) and ``change`` since the last run.
    """
    if len(points) < 2:
        return None
    low: float = max(0.0, 10 * math.floor((min(threshold, *(point["score"] for point in points)) - floor) / 10))

    def height(value: float) -> float:
        return round(TREND_HEIGHT * (100 - value) / (100 - low), 1)

    step = TREND_WIDTH / (len(points) - 1)
    dots = [
        {**point, "x": round(i * step, 1), "y": height(point["score"]), "left": round((i - 0.5) * step, 1)}
        for i, point in enumerate(points)
    ]
    change = round(points[-1]["score"] - points[-2]["score"], 2)
    return {"points": dots, "step": round(step, 1), "low": low, "threshold": height(threshold), "change": change}


def range_chart(observation: Mapping[str, Any]) -> dict[str, Any] | None:
    """A value beside the range in which it is usual, in percent of the chart's width.

    Args:
        observation: see etl.dqdl.anomalies.Observation.

    Returns:
        ``from`` and ``width`` of the band and the place of the ``value``; None for a metric without a range yet.
    """
    low, high, value = (_finite(observation.get(name)) for name in ("low", "high", "value"))
    if low is None or high is None or value is None:
        return None
    least, most = min(low, value), max(high, value)
    room = (most - least) * 0.12 or max(abs(most), 1) * 0.12
    least, most = least - room, most + room

    def place(number: float) -> float:
        return round(100 * (number - least) / (most - least), 2)

    return {"from": place(low), "width": max(round(place(high) - place(low), 2), 0.6), "value": place(value)}


def histogram(entry: Mapping[str, Any], height: int = 40) -> list[dict[str, Any]]:
    """The bars of a column's histogram in a box 100 wide; a bin with rows is never without a bar.

    Args:
        entry: of the profile.
        height: of the box.
    """
    bins = entry.get("histogram") or []
    most = max((each["rows"] for each in bins), default=0)
    if not most:
        return []
    width = 100 / len(bins)
    bars = []
    for position, each in enumerate(bins):
        tall = max(height * each["rows"] / most, 1.5) if each["rows"] else 0.0
        place = {"x": round(position * width, 3), "width": round(width * 0.9, 3)}
        bars.append({**each, **place, "y": round(height - tall, 2), "height": round(tall, 2)})
    return bars


def metric_words(metric: str) -> str:
    """``Column.amount.Completeness`` -> ``amount: share of filled values``.

    Args:
        metric: a name of the metric history; a column's name may have dots.
    """
    kind, _, rest = metric.partition(".")
    instance, _, name = rest.rpartition(".")
    if kind not in ("Column", "Dataset") or not instance:
        return metric
    words = _METRICS.get(name, _CAPITAL.sub(" ", name).lower())
    return words.capitalize() if instance == "*" else f"{instance}: {words}"


def metric_value(value: Any, metric: str) -> str:
    """A metric's value with its unit: shares as percent, ages in hours.

    Args:
        value: a number, or a text for what is none (``nan``).
        metric: its name.
    """
    if _finite(value) is None:
        return shown_number(value)
    if metric.endswith(".Completeness") and 0 <= value <= 1:
        return shown_percent(value)
    return f"{shown_number(value)} h" if metric.endswith(".Freshness") else shown_number(value)


def column_value(value: Any, kind: str) -> str:
    """A value of a profile as people read it: ``1226.7700`` of a decimal column -> ``1,226.77``.

    Args:
        value: as the profile has it, mostly text.
        kind: the column's Spark SQL type.
    """
    if value is None or isinstance(value, bool) or not _NUMERIC.match(kind):
        return shown_number(value)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    if not number.is_finite() or (number and not -_PLAIN_DIGITS < number.adjusted() < _PLAIN_DIGITS):
        return str(value)
    whole, point, rest = f"{number:,f}".partition(".")
    return f"{whole}.{digits}" if point and (digits := rest.rstrip("0")) else whole


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
