"""Whether a metric is as it usually is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from etl.dqdl.anomalies import LEAST_POINTS, SILENT, UNUSUAL, USUAL, judge_point, observations
from etl.dqdl.history import History, Point

ROWS, COMPLETE, MEAN = "Dataset.*.RowCount", "Column.email.Completeness", "Column.price.Mean"
MONDAY = datetime(2024, 1, 1, 6, tzinfo=timezone.utc)
Series = Callable[[int, datetime, random.Random], float]


def daily(values: Sequence[float]) -> list[Point]:
    """One point a day; the day after the last one is :func:`after`."""
    return [Point(value, MONDAY + timedelta(days=day)) for day, value in enumerate(values)]


def after(points: Sequence[Point]) -> datetime:
    """The day after the last point."""
    return MONDAY + timedelta(days=len(points))


def kind(value: float, values: Sequence[float], metric: str = ROWS) -> str:
    """The verdict on the day after."""
    points = daily(values)
    return judge_point(metric, value, after(points), points).kind


def noise(number: int, mean: float, deviation: float, seed: int = 1) -> list[float]:
    draw = random.Random(seed)  # noqa: S311 - no secret
    return [draw.gauss(mean, deviation) for _ in range(number)]


# Each is what a dataset really does: its days, and the noise on them.
STEADY: Series = lambda day, at, draw: draw.gauss(10_000, 500)  # noqa: E731
GROWING: Series = lambda day, at, draw: 10_000 + 300 * day + draw.gauss(0, 100)  # noqa: E731
WEEKLY: Series = lambda day, at, draw: draw.gauss(10_000, 400) * (0.3 if at.weekday() > 4 else 1)  # noqa: E731
RISING_WEEK: Series = lambda day, at, draw: draw.gauss(10_000, 300) * (1 + 0.1 * at.weekday())  # noqa: E731
SPOILED: Series = lambda day, at, draw: draw.gauss(10_000, 500) * (5 if day in (3, 17, 20) else 1)  # noqa: E731
SHIFTED: Series = lambda day, at, draw: draw.gauss(10_000, 500) * (2 if day >= 10 else 1)  # noqa: E731
CONSTANT: Series = lambda day, at, draw: 5_000  # noqa: E731
UNIFORM: Series = lambda day, at, draw: draw.uniform(9_000, 11_000)  # noqa: E731


@pytest.mark.parametrize(
    ("series", "days"),
    [
        *[pytest.param(STEADY, days, id=f"steady after {days}") for days in (10, 21, 60)],
        *[pytest.param(GROWING, days, id=f"growing after {days}") for days in (10, 60)],
        *[pytest.param(WEEKLY, days, id=f"calm weekends after {days}") for days in (10, 14, 28)],
        pytest.param(RISING_WEEK, 28, id="rising through the week"),
        pytest.param(SPOILED, 30, id="with known outliers"),
        pytest.param(SHIFTED, 30, id="twenty days after a shift"),
        pytest.param(CONSTANT, 10, id="constant"),
        pytest.param(UNIFORM, 30, id="evenly spread"),
    ],
)
def test_false_alarms_are_rare_and_a_half_or_a_double_is_found(series: Series, days: int) -> None:
    runs, alarms, halves, doubles = 150, 0, 0, 0
    for seed in range(runs):
        draw = random.Random(seed)  # noqa: S311 - no secret
        start = MONDAY + timedelta(days=seed % 7)
        moments = [start + timedelta(days=day) for day in range(days + 1)]
        values = [series(day, at, draw) for day, at in enumerate(moments)]
        points = [Point(value, at) for value, at in zip(values[:-1], moments[:-1], strict=True)]
        verdicts = [judge_point(ROWS, values[-1] * factor, moments[-1], points).kind for factor in (1, 0.5, 2)]
        alarms += verdicts[0] == UNUSUAL
        halves += verdicts[1] == UNUSUAL
        doubles += verdicts[2] == UNUSUAL
    assert alarms <= 0.02 * runs
    first_weeks = series is WEEKLY and days < 21
    assert first_weeks or (halves > 0.75 * runs and doubles > 0.75 * runs)


def test_a_sudden_share_of_nulls_is_found() -> None:
    complete = [min(1.0, value) for value in noise(20, 0.98, 0.004)]
    assert kind(0.98, complete, COMPLETE) == USUAL
    assert kind(0.9, complete, COMPLETE) == UNUSUAL
    assert kind(0.995, complete, COMPLETE) == USUAL
    # A column that is suddenly full may be full of defaults.
    assert kind(1.0, [value - 0.6 for value in complete], COMPLETE) == UNUSUAL


def test_a_constant_history_bears_small_changes_only() -> None:
    assert kind(5_005, [5_000] * 10) == USUAL
    assert kind(5_200, [5_000] * 10) == UNUSUAL
    assert kind(1, [0] * 10) == USUAL
    assert kind(4, [0] * 10) == UNUSUAL
    assert kind(0.999, [1.0] * 10, COMPLETE) == USUAL
    assert kind(0.99, [1.0] * 10, COMPLETE) == UNUSUAL
    assert kind(1e-12, [0.0] * 10, MEAN) == UNUSUAL


def test_it_is_silent_before_ten_points_and_says_how_many_there_are() -> None:
    verdict = judge_point(ROWS, 1, MONDAY, daily([10_000] * 9))
    assert (verdict.kind, verdict.low, verdict.high, verdict.points) == (SILENT, None, None, 9)
    assert verdict.words == "9 earlier run(s); what is usual can be said from 10 on; now 1"
    assert kind(1, [10_000] * 10) == UNUSUAL
    assert kind(1, [*[10_000] * 9, math.nan, math.inf]) == SILENT


def test_the_words_say_the_range_where_it_comes_from_and_the_value() -> None:
    weekly = [10_100 + (run * 37 % 11 - 5) * 30 - (5_000 if run % 7 > 4 else 0) for run in range(28)]
    points = daily(weekly)
    assert judge_point(ROWS, 4_100, after(points), points).words == (
        "usual for a Monday is 9,149 to 10,829 rows, from 28 earlier runs; now 4,100"
    )
    saturday = [*points, *[Point(weekly[run], after(points) + timedelta(days=run)) for run in range(5)]]
    words = judge_point(ROWS, 9_900, after(saturday), saturday).words
    assert words.startswith("usual for a Saturday is 4,")
    assert words.endswith(" rows, from 33 earlier runs; now 9,900")
    share = judge_point(COMPLETE, 0.5, after(points), daily([0.97, 0.98] * 10)).words
    assert share == "usual is 93.93 % to 100 %, from 20 earlier runs; now 50 %"
    age = judge_point("Column.made.Freshness", 80.0, MONDAY, [Point(24.0)] * 12).words
    assert age == "usual is 23 to 25 hours, from 12 earlier runs; now 80"


def test_the_example_of_the_documentation() -> None:
    runs = [1000.0, 1010, 990, 1000, 1020, 980, 1000, 1010, 990, 1000]
    verdict = judge_point(ROWS, 600, MONDAY, [Point(value) for value in runs])
    assert (verdict.low, verdict.high) == pytest.approx((915.8, 1084.2), abs=0.05)
    assert verdict.words == "usual is 916 to 1,084 rows, from 10 earlier runs; now 600"


def test_bounds_stay_where_values_can_be() -> None:
    points = daily([0.5, 1.0] * 10)
    share = judge_point(COMPLETE, 0.7, after(points), points)
    assert (share.low, share.high) == (0.0, 1.0)
    count = judge_point(ROWS, 3, MONDAY, daily([0, 9, 2, 7, 4] * 4))
    assert count.low == 0.0
    correlation = judge_point("Multicolumn.a,b.ColumnCorrelation", 0.1, MONDAY, daily([-0.9, 0.9] * 8))
    assert (correlation.low, correlation.high) == (-1.0, 1.0)


def test_one_wild_point_hardly_widens_the_range() -> None:
    calm = noise(20, 10_000, 300)
    wild = [*calm[:12], 1e9, *calm[13:]]
    ranges = [judge_point(ROWS, 1, MONDAY + timedelta(days=20), daily(values)) for values in (calm, wild)]
    widths = [each.high - each.low for each in ranges if each.high is not None and each.low is not None]
    assert widths[1] < 1.5 * widths[0]


def test_growth_is_expected_to_go_on() -> None:
    growing = [10_000 + 300 * run for run in range(20)]
    assert kind(16_000, growing) == USUAL
    assert kind(growing[0], growing) == UNUSUAL


def test_a_new_level_is_usual_once_it_has_been_there_for_ten_runs() -> None:
    old, new = noise(20, 10_000, 300), noise(10, 20_000, 300, seed=2)
    assert kind(20_000, old) == UNUSUAL
    assert kind(20_000, [*old, *new]) == USUAL
    assert kind(10_000, [*old, *new]) == UNUSUAL


def test_points_without_a_time_have_no_weekday() -> None:
    weekly = [3_000.0 if run % 7 > 4 else 10_000.0 for run in range(28)]
    monday = MONDAY + timedelta(days=28)
    assert judge_point(ROWS, 3_000, monday, daily(weekly)).kind == UNUSUAL
    assert judge_point(ROWS, 3_000, monday, [Point(value) for value in weekly]).kind == USUAL


def test_observations_are_made_of_every_metric_the_unusual_first() -> None:
    history = History({ROWS: daily([1_000] * 12), MEAN: daily([5.0] * 12)})
    found = observations({MEAN: 5.0, "Column.new.Mean": 1.0, ROWS: 10.0}, history, MONDAY + timedelta(days=12))
    assert [(each.metric, each.unusual, each.points) for each in found] == [
        (ROWS, True, 12),
        ("Column.new.Mean", False, 0),
        (MEAN, False, 12),
    ]
    assert found[0].to_dict() == {
        "metric": ROWS,
        "value": 10.0,
        "low": 980.0,
        "high": 1020.0,
        "points": 12,
        "unusual": True,
        "words": "usual is 980 to 1,020 rows, from 12 earlier runs; now 10",
    }
    assert found[1].low is None


WILD = hs.floats(allow_nan=True, allow_infinity=True, width=64)
METRICS = hs.sampled_from([ROWS, COMPLETE, MEAN, "Column.x.Freshness", 'Column.x.Completeness where "a = 1"', "odd"])


@settings(max_examples=150, deadline=None)
@given(METRICS, WILD, hs.lists(WILD, max_size=25), hs.booleans())
def test_whatever_the_history_there_is_a_verdict(metric: str, value: float, values: list[float], timed: bool) -> None:
    points = daily(values) if timed else [Point(each) for each in values]
    verdict = judge_point(metric, value, MONDAY + timedelta(days=len(points)), points)
    finite = sum(map(math.isfinite, values))
    assert verdict.points == finite
    assert (verdict.kind == SILENT) == (finite < LEAST_POINTS)
    if verdict.low is not None and verdict.high is not None:
        assert math.isfinite(verdict.low)
        assert verdict.low <= verdict.high < math.inf
        assert (verdict.kind == USUAL) == (verdict.low <= value <= verdict.high)
    assert "e+" not in verdict.words or "inf" not in verdict.words


@settings(max_examples=50, deadline=None)
@given(hs.lists(hs.integers(0, 10**9), min_size=10, max_size=20), hs.integers(1, 1000))
def test_the_verdict_does_not_depend_on_the_unit(values: list[int], factor: int) -> None:
    points, scaled = daily(values), daily([value * factor for value in values])
    one = judge_point(MEAN, float(values[0]), after(points), points)
    other = judge_point(MEAN, float(values[0] * factor), after(points), scaled)
    assert (other.low, other.high) == pytest.approx((one.low * factor, one.high * factor), rel=1e-6, abs=1e-3)
