"""The profile of columns."""

from __future__ import annotations

import json
import random
import statistics
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from etl.dqdl import profile_columns, profile_values
from etl.dqdl.profile import profile_metrics, profile_plan
from etl.dqdl.profile_values import bins_between
from etl.hiding import shape
from spark_lacks import times_without_zone

KEYS = (
    *("column", "type", "rows", "nulls", "distinct", "min", "max", "mean", "stddev"),
    *("quantiles", "histogram", "top", "patterns", "sampled"),
)


@pytest.fixture(scope="session")
def profile(orders: DataFrame) -> dict[str, dict[str, Any]]:
    """The profile of the orders by column."""
    return {entry["column"]: entry for entry in profile_columns(orders)}


def test_each_column_has_nulls_distinct_extremes_mean_and_deviation(
    orders: DataFrame, profile: dict[str, dict[str, Any]]
) -> None:
    assert list(profile) == orders.columns
    assert all(tuple(entry) == KEYS for entry in profile.values())
    identity = {"column": "id", "type": "bigint", "rows": 5, "nulls": 0}
    told = {key: profile["id"][key] for key in (*identity, "distinct", "min", "max", "mean")}
    assert told == {**identity, "distinct": 4, "min": "1", "max": "5", "mean": 2.8}
    assert profile["id"]["stddev"] == pytest.approx(statistics.pstdev([1, 2, 2, 4, 5]))
    assert (profile["name"]["nulls"], profile["name"]["min"], profile["name"]["max"]) == (1, "", "bob")
    assert (profile["price"]["min"], profile["price"]["max"], profile["price"]["mean"]) == ("10.0", "50.0", 30.0)
    assert (profile["amount"]["min"], profile["amount"]["max"]) == ("1.10", "5.50")
    assert profile["made"]["max"] == "2024-01-10 10:00:00"
    assert profile["paid"]["min"] == "false"
    json.dumps(list(profile.values()), allow_nan=False)


def test_values_patterns_quantiles_and_histograms_are_exact_for_few_rows(profile: dict[str, dict[str, Any]]) -> None:
    assert profile["country"]["top"] == [
        {"value": "DE", "rows": 2, "share": 0.5},
        {"value": "FR", "rows": 1, "share": 0.25},
        {"value": "IT", "rows": 1, "share": 0.25},
    ]
    assert profile["country"]["patterns"] == [{"pattern": "aa", "rows": 4, "share": 1.0}]
    assert {each["pattern"] for each in profile["day"]["patterns"]} == {"9999-99-99", "aaaaaaaaa"}
    told = {"p5": 1.2, "p25": 2.0, "p50": 2.0, "p75": 4.0, "p95": 4.8}
    assert profile["id"]["quantiles"] == pytest.approx(told)
    assert [(each["from"], each["rows"]) for each in profile["id"]["histogram"]] == [
        (1.0, 1),
        (2.0, 2),
        (3.0, 0),
        (4.0, 1),
        (5.0, 1),
    ]
    assert profile["price"]["top"][-1] == {"value": "NaN", "rows": 1, "share": 0.25}
    assert sum(each["rows"] for each in profile["price"]["histogram"]) == 3
    assert profile["id"]["patterns"] == []
    assert profile["name"]["quantiles"] is None
    assert profile["name"]["histogram"] is None
    assert {entry["sampled"] for entry in profile.values()} == {None}


def test_frames_without_rows_or_columns_have_a_profile(spark: SparkSession, frame: Callable[..., DataFrame]) -> None:
    (entry,) = profile_columns(frame("n int"))
    assert (entry["rows"], entry["nulls"], entry["distinct"], entry["min"], entry["top"]) == (0, 0, 0, None, [])
    assert profile_columns(spark.range(1).select()) == []
    assert profile_metrics([entry]) == {
        "Dataset.*.RowCount": 0.0,
        "Column.n.ApproximateDistinctValuesCount": 0.0,
    }


@times_without_zone
def test_every_type_has_a_profile(spark: SparkSession) -> None:
    data = spark.sql(
        """
        select * from values
          (map('a', 1), array(1, 2), named_struct('m', map(1, 2)), named_struct('x', 1), X'00FF', date'0001-01-01',
           timestamp'1500-01-01 00:00:00', timestamp_ntz'9999-12-31 23:59:59', cast('9e35' as decimal(38, 2)),
           double('Infinity'), float('NaN'), 9223372036854775807L, 1.7976931348623157e308D, null, interval 1 day),
          (null, array(), null, named_struct('x', 2), X'', date'+12000-01-01',
           timestamp'2024-01-01 00:00:00', null, cast('-1.10' as decimal(38, 2)),
           double('-Infinity'), float('NaN'), -9223372036854775808L, -1.7976931348623157e308D, null, interval 2 day)
        as t(pairs, items, deep, flat, bytes, old, moment, ntz, wide, infinite, nan, big, huge, nothing, span)
        """
    )
    found = {entry["column"]: entry for entry in profile_columns(data)}
    json.dumps(list(found.values()), allow_nan=False)
    told = {name: (each["nulls"], each["distinct"], each["min"], each["max"]) for name, each in found.items()}
    assert told == {
        "pairs": (1, None, None, None),
        "items": (0, 2, None, None),
        "deep": (1, None, None, None),
        "flat": (0, 2, None, None),
        "bytes": (0, 2, None, None),
        "old": (0, 2, "0001-01-01", "+12000-01-01"),
        "moment": (0, 2, "1500-01-01 00:00:00", "2024-01-01 00:00:00"),
        "ntz": (1, 1, "9999-12-31 23:59:59", "9999-12-31 23:59:59"),
        "wide": (0, 2, "-1.10", "9" + "0" * 35 + ".00"),
        "infinite": (0, 2, "-Infinity", "Infinity"),
        "nan": (0, 1, None, None),
        "big": (0, 2, "-9223372036854775808", "9223372036854775807"),
        "huge": (0, 2, "-1.7976931348623157E308", "1.7976931348623157E308"),
        "nothing": (2, None, None, None),
        "span": (0, 2, None, None),
    }
    assert (found["infinite"]["mean"], found["infinite"]["quantiles"], found["nan"]["stddev"]) == (None, None, None)
    assert [each["rows"] for each in found["huge"]["histogram"]] == [1, *[0] * 18, 1]
    assert sum(each["rows"] for each in found["big"]["histogram"]) == 2
    assert found["nan"]["top"] == [{"value": "NaN", "rows": 2, "share": 1.0}]


def test_long_texts_are_cut_but_not_mixed_up_and_patterns_are_those_of_hidden_data(
    frame: Callable[..., DataFrame],
) -> None:
    texts = ["12,50 EUR", "Żółć-٣½", "a\u0301 ☃😀\U0001d4b3", "", " "]
    long = ["x" * 500, "x" * 499, "x" * 500, None, None]
    shapes, lengths = profile_columns(frame("t string, u string", *zip(texts, long, strict=True)))
    assert Counter(each["pattern"] for each in shapes["patterns"]) == Counter(map(shape, texts))
    assert len(lengths["max"]) == 60
    assert [(each["value"], each["rows"]) for each in lengths["top"]] == [("x" * 60, 2), ("x" * 60, 1)]


def test_a_sample_is_named_and_always_the_same(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_values, "MOST_ROWS", 2000)
    draw = random.Random(7)  # noqa: S311 - no secret
    rows = [(number, draw.choice("aaab"), draw.gauss(100, 10)) for number in range(20_000)]
    data = spark.createDataFrame(rows, "id int, letter string, size double")
    first, second = profile_columns(data), profile_columns(data)
    assert first == second
    by_name = {entry["column"]: entry for entry in first}
    sampled = by_name["letter"]["sampled"]
    assert 1800 < sampled < 2200
    assert sum(each["rows"] for each in by_name["letter"]["top"]) == sampled
    assert by_name["letter"]["top"][0]["share"] == pytest.approx(0.75, abs=0.05)
    # A quantile of n rows is off by sqrt(p(1-p)/n) of the rows: 1.1 percent here; five times that is 3 of size.
    assert by_name["size"]["quantiles"]["p50"] == pytest.approx(100, abs=3)
    assert by_name["size"]["mean"] == pytest.approx(statistics.fmean(row[2] for row in rows))
    assert by_name["id"]["max"] == "19999"


def test_a_profile_is_two_jobs_at_most_however_many_columns(spark: SparkSession) -> None:
    wide = spark.range(3).select(*[(sf.col("id") * n).alias(f"c{n}") for n in range(230)])
    plan = profile_plan(wide)
    assert len(plan.fields) == 200
    assert plan.problems == ["the profile has the first 200 of 230 columns"]
    assert all(name.startswith("profile ") for name in plan.aggregates)
    spark.sparkContext.setJobGroup("profile", "of many columns")
    entries = profile_columns(wide.select(*wide.columns[:12]))
    tracker = spark.sparkContext.statusTracker()
    # Adaptive execution runs each shuffle of an action as a job of its own.
    assert 0 < len(tracker.getJobIdsForGroup("profile")) <= 5
    spark.sparkContext.setLocalProperty("spark.jobGroup.id", "")
    assert [entry["max"] for entry in entries[:3]] == ["0", "2", "4"]


def test_there_are_never_more_different_values_than_values(spark: SparkSession) -> None:
    (entry,) = profile_columns(spark.range(48).select(sf.format_string("B%04d", "id").alias("id")))
    assert spark.range(48).select(sf.approx_count_distinct(sf.format_string("B%04d", "id"))).first()[0] == 50
    assert entry["distinct"] == 48


def test_columns_whose_name_occurs_twice_are_named(spark: SparkSession) -> None:
    data = spark.range(1).select(sf.lit(1).alias("a"), sf.lit(2).alias("A"), sf.lit(3).alias("odd `name`.x"))
    plan = profile_plan(data)
    assert [field.name for field in plan.fields] == ["odd `name`.x"]
    assert plan.problems == ["columns whose name occurs twice are not profiled: a, A"]
    assert profile_columns(data)[0]["max"] == "3"


def test_the_history_gets_finite_metrics_and_ages(profile: dict[str, dict[str, Any]]) -> None:
    metrics = profile_metrics(list(profile.values()), datetime(2024, 1, 11, 10, tzinfo=timezone.utc))
    assert metrics["Dataset.*.RowCount"] == 5
    assert metrics["Column.name.Completeness"] == 0.8
    assert metrics["Column.price.Mean"] == 30.0
    assert metrics["Column.country.ApproximateDistinctValuesCount"] == 3
    assert metrics["Column.made.Freshness"] == 24.0
    assert [name for name in metrics if name.endswith("Freshness")] == ["Column.made.Freshness"]
    assert "Column.name.Mean" not in metrics
    assert all("Freshness" not in name for name in profile_metrics(list(profile.values())))


@pytest.mark.parametrize(
    ("low", "high", "whole", "count", "first", "last"),
    [
        (0, 6, True, 7, (0, 1), (6, 7)),
        (0, 99, True, 20, (0, 5), (95, 100)),
        (3, 3, True, 1, (3, 4), (3, 4)),
        (0.0, 1.0, False, 20, (0, 0.05), (0.95, 1)),
        (2.5, 2.5, False, 1, (2.5, 2.5), (2.5, 2.5)),
        (-1.7e308, 1.7e308, False, 20, (-1.7e308, -1.53e308), (1.53e308, 1.7e308)),
    ],
)
def test_bins_cover_the_numbers(
    low: float, high: float, whole: bool, count: int, first: tuple[float, float], last: tuple[float, float]
) -> None:
    bins = bins_between(low, high, whole)
    assert bins.count == count
    assert bins.edges(0) == pytest.approx(first)
    assert bins.edges(count - 1) == pytest.approx(last)
