"""DetectAnomalies and AllStatistics, evaluated on data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import pytest
from pyspark.sql import DataFrame

from etl.dqdl import History, Point, RulesetResult, evaluate
from etl.scoring import score

NOW = datetime(2024, 1, 15, tzinfo=timezone.utc)
# What each rule type measures on the five orders of the fixture.
WATCHED = {
    "RowCount": {"Dataset.*.RowCount": 5.0},
    "ColumnCount": {"Dataset.*.ColumnCount": 9.0},
    "Completeness name": {"Column.name.Completeness": 0.8},
    "Uniqueness id": {"Column.id.Uniqueness": 0.6},
    "UniqueValueRatio id": {"Column.id.UniqueValueRatio": 0.75},
    "DistinctValuesCount country": {"Column.country.DistinctValuesCount": 3.0},
    "Entropy country": {"Column.country.Entropy": 1.0397},
    "Mean id": {"Column.id.Mean": 2.8},
    "Sum amount": {"Column.amount.Sum": 12.1},
    "StandardDeviation id": {"Column.id.StandardDeviation": 1.4697},
    "ColumnLength name": {"Column.name.MinimumLength": 0.0, "Column.name.MaximumLength": 3.0},
    "ColumnValues id": {"Column.id.Minimum": 1.0, "Column.id.Maximum": 5.0},
    "ColumnCorrelation id rank": {"Multicolumn.id,rank.ColumnCorrelation": 1.0},
    "CustomSQL": {"Dataset.*.CustomSQL select count(*) from primary where paid": 3.0},
}
SQL = "select count(*) from primary where paid"


def rules() -> str:
    """A DetectAnomalies rule for each."""
    texts = [" ".join(f'"{part}"' for part in watched.split()) for watched in WATCHED]
    return (
        "Rules = [ "
        + ", ".join(f"DetectAnomalies {text}" for text in texts).replace('"CustomSQL"', f'"CustomSQL" "{SQL}"')
        + " ]"
    )


def history(values: Mapping[str, float], points: int = 12) -> History:
    """The same value every day before."""
    days = [NOW - timedelta(days=day) for day in range(points, 0, -1)]
    return History({name: [Point(value, day) for day in days] for name, value in values.items()})


@pytest.fixture(scope="module")
def ranked(orders: DataFrame) -> DataFrame:
    """The orders, with a column that follows another instead of one with times."""
    return orders.drop("made").selectExpr("*", "2 * id as rank")


@pytest.fixture(scope="module")
def first_run(ranked: DataFrame) -> RulesetResult:
    """All rule types that can be watched, without history."""
    return evaluate(ranked, rules(), now=NOW)


def test_every_documented_rule_type_is_watched_and_its_metric_is_kept(first_run: RulesetResult) -> None:
    expected = {name: value for metrics in WATCHED.values() for name, value in metrics.items()}
    assert first_run.metrics == pytest.approx(expected, abs=1e-4)
    assert [rule.outcome for rule in first_run.rules] == ["Passed"] * len(WATCHED)
    assert {rule.dimension for rule in first_run.rules} == {"anomaly"}
    message = "0 earlier run(s); what is usual can be said from 10 on; now 5"
    assert first_run.rules[0].message == message
    assert {rule.row_level for rule in first_run.rules} == {False}


def test_what_is_unusual_fails_and_says_what_was_usual(ranked: DataFrame, first_run: RulesetResult) -> None:
    unusual = {"Dataset.*.RowCount": 50.0, "Column.name.MaximumLength": 30.0, "Column.name.Completeness": 1.0}
    result = evaluate(ranked, rules(), history=history({**first_run.metrics, **unusual}), now=NOW)
    outcomes = {rule.text.split()[1].strip('"'): rule for rule in result.rules}
    failed = [name for name, rule in outcomes.items() if rule.outcome == "Failed"]
    assert failed == ["RowCount", "Completeness", "ColumnLength"]
    assert outcomes["RowCount"].message == "usual is 49 to 51 rows, from 12 earlier runs; now 5"
    assert outcomes["ColumnLength"].message == (
        "MaximumLength: usual is 29 to 31 characters, from 12 earlier runs; now 3"
    )
    assert outcomes["ColumnCount"].message == "usual is 8 to 10 columns, from 12 earlier runs; now 9"
    assert (outcomes["RowCount"].ratio, outcomes["ColumnCount"].ratio) == (0.0, 1.0)
    assert score(result).dimensions["anomaly"].passed == len(WATCHED) - 3
    assert result.metrics == first_run.metrics


def test_anomalies_of_nothing_and_of_missing_columns_are_told(ranked: DataFrame) -> None:
    text = 'Rules = [ DetectAnomalies "Mean" "price", DetectAnomalies "Mean" "gone", DetectAnomalies "RowCount" ]'
    mean, gone, rows = evaluate(ranked.limit(0), text, now=NOW).rules
    assert (mean.outcome, mean.message) == ("Failed", "Mean has no value: there is nothing to compute it from")
    assert gone.outcome == "Error"
    assert "no column 'gone'" in gone.message
    assert (rows.outcome, rows.metrics) == ("Passed", {"Dataset.*.RowCount": 0})


def test_all_statistics_are_those_of_the_column_s_type(ranked: DataFrame) -> None:
    data = ranked.select("id", "name").selectExpr("*", "map('a', id) as pairs")
    one = evaluate(data, 'Analyzers = [ AllStatistics "id", AllStatistics "gone", Distribution "id" ]')
    assert one.metrics == {
        "Dataset.*.RowCount": 5,
        "Column.id.Completeness": 1.0,
        "Column.id.Uniqueness": 0.6,
        "Column.id.Minimum": 1.0,
        "Column.id.Maximum": 5.0,
    }
    assert "no column 'gone'" in one.problems[0]
    assert "the profile has the histogram" in one.problems[1]
    everything = evaluate(data, "Analyzers = [ AllStatistics of AllColumns ]")
    assert everything.problems == []
    assert everything.metrics == {
        **one.metrics,
        "Column.name.Completeness": 0.8,
        "Column.name.Uniqueness": 0.8,
        "Column.name.MinimumLength": 0,
        "Column.name.MaximumLength": 3,
        "Column.pairs.Completeness": 1.0,
    }
