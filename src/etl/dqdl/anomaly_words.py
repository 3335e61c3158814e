"""What kind of number a metric is: where it ends, how wide its usual range is at least, and how people write it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

SHARES = ("Completeness", "Uniqueness", "UniqueValueRatio", "Compliance", "ReferentialIntegrity")
COUNTS = {
    "RowCount": "rows",
    "ColumnCount": "columns",
    "DistinctValuesCount": "different values",
    "ApproximateDistinctValuesCount": "different values",
    "MinimumLength": "characters",
    "MaximumLength": "characters",
}
NOT_NEGATIVE = ("StandardDeviation", "Entropy")
LARGEST = 1.7976931348623157e308
# Smaller changes are not worth a word, however constant a metric was.
LEAST_RELATIVE, LEAST_SHARE, LEAST_COUNT, LEAST_HOURS, LEAST_CORRELATION = 0.02, 0.005, 1.0, 1.0, 0.02


@dataclass(frozen=True)
class Scale:
    """A kind of number.

    Args:
        least: the least possible value.
        most: the largest possible value.
        width: the least width of the usual range to each side, in the metric's unit.
        relative: the same, as part of the expected value.
        unit: what is counted.
        percent: written in percent.
    """

    least: float = -LARGEST
    most: float = LARGEST
    width: float = 0.0
    relative: float = LEAST_RELATIVE
    unit: str = ""
    percent: bool = False

    def least_width(self, expected: float) -> float:
        """How far a value may be off what was expected in any case."""
        return max(self.width, self.relative * abs(expected))

    def clipped(self, low: float, high: float) -> tuple[float, float]:
        """A range without values that cannot be."""
        return min(max(low, self.least), self.most), max(min(high, self.most), self.least)

    def spelled(self, value: float) -> str:
        """A value for people."""
        if not math.isfinite(value):
            return str(value)
        if self.percent:
            return f"{100 * value:.4g} %"
        if self.unit and self.unit != "hours" and abs(value) < 1e15:
            return f"{value:,.0f}"
        return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:,.4g}"


def scale_of(metric: str) -> Scale:
    """The scale of a metric by its name, such as ``Column.email.Completeness``."""
    name = re.sub(r' where ".*"$', "", metric, flags=re.DOTALL)
    statistic = "Compliance" if re.search(r"\.(\w+\.)?Compliance\b", name) else name.rpartition(".")[2]
    if statistic in SHARES:
        return Scale(0.0, 1.0, LEAST_SHARE, 0.0, percent=True)
    if statistic in COUNTS:
        return Scale(0.0, width=LEAST_COUNT, unit=COUNTS[statistic])
    if statistic == "Freshness":
        return Scale(width=LEAST_HOURS, unit="hours")
    if statistic == "ColumnCorrelation":
        return Scale(-1.0, 1.0, LEAST_CORRELATION, 0.0)
    return Scale(0.0) if statistic in NOT_NEGATIVE else Scale()


def told(scale: Scale, low: float, high: float, runs: int, value: float, weekday: str) -> str:
    """The range in words: ``usual for a Monday is 9,800 to 10,400 rows, from 14 earlier runs; now 4,100``."""
    if scale.unit and scale.unit != "hours":
        # Inwards: a value that is written like the bound is usual.
        low, high = math.ceil(low), math.floor(high)
    unit = f" {scale.unit}" if scale.unit else ""
    usual = f"usual for a {weekday}" if weekday else "usual"
    between = f"{scale.spelled(low)} to {scale.spelled(high)}"
    if scale.spelled(low) == scale.spelled(high):
        between = scale.spelled(low)
    return f"{usual} is {between}{unit}, from {runs} earlier runs; now {scale.spelled(value)}"
