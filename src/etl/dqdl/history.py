"""The metric history: what earlier runs measured, as ``last()`` and DetectAnomalies see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Point:
    """What one earlier run measured.

    Args:
        value: the metric's value.
        at: when it was measured; None when not known, and then nothing that looks at weekdays uses it.
    """

    value: float
    at: datetime | None = None


@dataclass(frozen=True)
class History:
    """Earlier values of metrics.

    Args:
        metrics: metric name -> points, oldest first.
    """

    metrics: Mapping[str, Sequence[Point]] = field(default_factory=dict)

    def points(self, metric: str) -> Sequence[Point]:
        """All points of a metric, oldest first."""
        return self.metrics.get(metric, ())

    def values(self, metric: str) -> list[float]:
        """All values of a metric, oldest first."""
        return [point.value for point in self.points(metric)]


Earlier = History | Mapping[str, Sequence[float]]


def history_of(earlier: Earlier | None) -> History:
    """A history from what callers give: a :class:`History`, or metric name -> values, oldest first."""
    if isinstance(earlier, History):
        return earlier
    return History({name: [Point(float(value)) for value in values] for name, values in (earlier or {}).items()})
