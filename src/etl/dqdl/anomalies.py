"""Whether a metric is as it usually is: robust statistics of earlier runs, in pure Python.

What was to be expected is a robust trend through the earlier points (Theil and Sen's), plus the weekday's usual
distance from it where there is one. How far values usually stray is a robust standard deviation of the points around
that; a value that is further off than :data:`SIGMAS` of them is unusual. docs/anomalies.md works an example by hand.

Sources: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, JASA 63 (1968), for the trend;
P. J. Rousseeuw and C. Croux, Alternatives to the median absolute deviation, JASA 88 (1993), for the deviation.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import combinations
from typing import Any

from etl.dqdl.anomaly_words import Scale, scale_of, told
from etl.dqdl.history import History, Point

LEAST_POINTS = 10
MOST_POINTS = 60  # what was usual long ago is no measure; and n points have n(n-1)/2 slopes
LEAST_OF_WEEKDAY = 3
SIGMAS = 4.0
# The median absolute deviation of normal noise is 0.6745 standard deviations, its 10th and 90th percentile are 2.563
# apart: so much to come to a standard deviation from either.
FROM_MAD, FROM_DECILES = 1 / 0.6745, 1 / 2.563
# The weekday counts when it is so many deviations off the trend, or when it makes the points so much closer to it.
WEEKDAY_OFF, WEEKDAY_CLOSER = 1.5, 0.7
# Earlier points are of another time when the latest stray less than this part of what all do.
ANOTHER_TIME = 0.5
HUGE = 1e100
USUAL, UNUSUAL, SILENT = "usual", "unusual", "silent"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of a value.

    Args:
        kind: usual, unusual, or silent while there are too few earlier runs.
        low: the least usual value; None when silent.
        high: the largest usual value; None when silent.
        words: for people: the range, where it comes from, and the value.
        points: earlier runs that were looked at.
    """

    kind: str
    low: float | None
    high: float | None
    words: str
    points: int


@dataclass(frozen=True)
class Observation:
    """A metric held against its history, for the report; it does not touch the score."""

    metric: str
    value: float
    low: float | None
    high: float | None
    points: int
    unusual: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """The observation as JSON knows it."""
        return vars(self).copy()


@dataclass(frozen=True)
class _Expected:
    """What was to be expected, and how far values stray from it."""

    center: float
    spread: float
    weekday: bool = False


def judge_point(metric: str, value: float, now: datetime, points: Sequence[Point]) -> Verdict:
    """Hold a value against those of earlier runs.

    Args:
        metric: its name, such as ``Dataset.*.RowCount``: it says whether it is a count, a share or an age.
        value: what was measured now.
        now: when; its weekday is compared with those of the points.
        points: earlier values, oldest first; numbers that are not finite are left out, and only the last
            :data:`MOST_POINTS` are looked at.
    """
    scale = scale_of(metric)
    known = [point for point in points if math.isfinite(point.value)][-MOST_POINTS:]
    if len(known) < LEAST_POINTS:
        words = f"{len(known)} earlier run(s); what is usual can be said from {LEAST_POINTS} on"
        return Verdict(SILENT, None, None, f"{words}; now {scale.spelled(value)}", len(known))
    low, high, weekday = _usual_range(scale, known, now)
    usual = math.isfinite(value) and low <= value <= high
    words = told(scale, low, high, len(known), value, _utc(now).strftime("%A") if weekday else "")
    return Verdict(USUAL if usual else UNUSUAL, low, high, words, len(known))


def observations(metrics: Mapping[str, float], history: History, now: datetime) -> list[Observation]:
    """Hold all metrics of a run against their history.

    Args:
        metrics: name -> value.
        history: what earlier runs measured.
        now: when the metrics were measured.

    Returns:
        One for each metric, the unusual ones first, else by name.
    """
    found = []
    for metric, value in metrics.items():
        verdict = judge_point(metric, value, now, history.points(metric))
        unusual = verdict.kind == UNUSUAL
        found.append(Observation(metric, value, verdict.low, verdict.high, verdict.points, unusual, verdict.words))
    return sorted(found, key=lambda each: (not each.unusual, each.metric))


def _usual_range(scale: Scale, points: Sequence[Point], now: datetime) -> tuple[float, float, bool]:
    """The least and the largest usual value, and whether they are those of the weekday."""
    largest = max(abs(point.value) for point in points)
    unit = largest if largest > HUGE else 1.0  # differences of huge numbers would overflow
    values = [point.value / unit for point in points]
    days = [_weekday(point.at) for point in points]
    today = _weekday(now)
    expected = _expected(values, days, today)
    recent = _expected(values[-LEAST_POINTS:], days[-LEAST_POINTS:], today)
    used = len(values)
    if recent.spread < ANOTHER_TIME * expected.spread and not expected.weekday:
        expected, used = recent, LEAST_POINTS
    # (sqrt) the error of a line's next point: 1 + 1/n + (x - mean(x))^2 / sum((x - mean(x))^2), about 1 + 4/n;
    # (1 + 2/n) what a deviation from few points falls short of.
    reach = SIGMAS * expected.spread * math.sqrt(1 + 4 / used) * (1 + 2 / used)
    width = max(reach, scale.least_width(expected.center * unit) / unit)
    low, high = expected.center - width, expected.center + width
    low, high = _with_few_of_the_weekday(low, high, width, values, days, today)
    return *scale.clipped(low * unit, high * unit), expected.weekday


def _expected(values: Sequence[float], days: Sequence[int | None], today: int | None) -> _Expected:
    """The trend's next point, moved by what is usual for the weekday if that tells something."""
    trend, residuals = _trend(values)
    spread = _spread(residuals)
    alike = [residual for residual, day in zip(residuals, days, strict=True) if day is not None and day == today]
    if len(alike) < LEAST_OF_WEEKDAY:
        return _Expected(trend, spread)
    offset = statistics.median(alike)
    by_weekday = _spread(_without_weekdays(residuals, days))
    if abs(offset) > WEEKDAY_OFF * spread or by_weekday < WEEKDAY_CLOSER * spread:
        return _Expected(trend + offset, by_weekday, weekday=True)
    return _Expected(trend, spread)


def _trend(values: Sequence[float]) -> tuple[float, list[float]]:
    """Theil and Sen's line by the number of the run: its next point, and what the values are off it.

    The slope is the median of the slopes of all pairs, the height the median of what the slope leaves: up to 29 % of
    the points may be wild without moving it much.
    """
    slope = statistics.median((values[j] - values[i]) / (j - i) for i, j in combinations(range(len(values)), 2))
    height = statistics.median(value - slope * run for run, value in enumerate(values))
    return height + slope * len(values), [value - height - slope * run for run, value in enumerate(values)]


def _spread(residuals: Sequence[float]) -> float:
    """A robust standard deviation: of the median absolute deviation, or of the distance of the deciles if it is more.

    More than half of the values may be the same (a share that mostly is 1): then only the deciles say something.
    """
    middle = statistics.median(residuals)
    deviation = statistics.median(abs(residual - middle) for residual in residuals)
    ordered = sorted(residuals)
    outside = len(ordered) // 10
    deciles = ordered[-1 - outside] - ordered[outside]
    return max(FROM_MAD * deviation, FROM_DECILES * deciles)


def _without_weekdays(residuals: Sequence[float], days: Sequence[int | None]) -> list[float]:
    """The residuals without what is usual for their weekday, said by the others of the weekday: a point does not
    vouch for itself."""
    left = []
    for place, (residual, day) in enumerate(zip(residuals, days, strict=True)):
        others = [r for i, (r, d) in enumerate(zip(residuals, days, strict=True)) if d == day and i != place]
        enough = day is not None and len(others) >= LEAST_OF_WEEKDAY - 1
        left.append(residual - statistics.median(others) if enough else residual)
    return left


def _with_few_of_the_weekday(
    low: float, high: float, width: float, values: Sequence[float], days: Sequence[int | None], today: int | None
) -> tuple[float, float]:
    """In the first weeks, what was there on the same weekday counts as usual: it may be how Sundays are."""
    alike = [value for value, day in zip(values, days, strict=True) if day is not None and day == today]
    if not 0 < len(alike) < LEAST_OF_WEEKDAY:
        return low, high
    return min(low, min(alike) - width), max(high, max(alike) + width)


def _weekday(moment: datetime | None) -> int | None:
    return None if moment is None else _utc(moment).weekday()


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment
