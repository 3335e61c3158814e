"""The number of Spark jobs does not grow with the number of rules."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import evaluate, explain, profile_columns
from etl.dqdl.engine import prepare
from etl.dqdl.schedule import together
from utils.spark_versions import SPARK_VERSION

AGGREGATES = [
    "RowCount > 1",
    'IsComplete "id"',
    'Completeness "name" > 0.5',
    'ColumnValues "id" > 0',
    'ColumnValues "name" in ["ann", "bob"]',
    'ColumnValues "made" > (now() - 3 days)',
    'ColumnLength "name" < 9',
    'ColumnDataType "code" = "INTEGER"',
    'DataFreshness "made" < 3 days',
    'Mean "id" > 1',
    'Sum "amount" > 1',
    'StandardDeviation "price" > 0',
    'ColumnCorrelation "id" "amount" > 0',
    'IsComplete "id" where "country = \'DE\'"',
    '(IsComplete "id") and (RowCount > 1)',
    "ColumnCount > 1",
    'ColumnExists "id"',
    'ColumnNamesMatchPattern "[a-z]+"',
]
KEYS = [
    'IsUnique "id"',
    'Uniqueness "id" > 0.1',
    'IsPrimaryKey "id" "made"',
    'UniqueValueRatio "name" > 0.1',
    'DistinctValuesCount "country" > 1',
    'Entropy "code" > 0',
    'IsUnique "day" where "country = \'DE\'"',
]


@pytest.fixture
def jobs(spark: SparkSession) -> Callable[[Callable[[], object]], int]:
    """Counts the Spark jobs of a piece of work."""

    def count(work: Callable[[], object]) -> int:
        group = uuid.uuid4().hex
        spark.sparkContext.setJobGroup(group, "counted by a test")
        work()
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
        return len(spark.sparkContext.statusTracker().getJobIdsForGroup(group))

    return count


@pytest.fixture
def started(spark: SparkSession) -> Callable[[Callable[[], object]], list[str]]:
    """The descriptions of the Spark jobs of a piece of work."""
    store = spark.sparkContext._jsc.sc().statusStore()

    def look(work: Callable[[], object]) -> list[str]:
        before = {job.jobId() for job in _all(store)}
        work()
        described = [job.description() for job in _all(store) if job.jobId() not in before]
        return [words.get() if words.isDefined() else "" for words in described]

    return look


def _all(store: Any) -> list[Any]:
    jobs = store.jobsList(None)
    return [jobs.apply(position) for position in range(jobs.size())]


@pytest.fixture(scope="module")
def stored(orders: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """The orders in a Parquet file."""
    path = f"file://{tmp_path_factory.mktemp('orders')}/orders"
    orders.write.parquet(path)
    return orders.sparkSession.read.parquet(path)


def ruleset(rules: list[str]) -> str:
    return f"Rules = [ {', '.join(rules)} ]"


def many(count: int) -> list[str]:
    """So many rules of all kinds that share the action, with keys among the first."""
    sql = [f'CustomSql "select count(*) from primary where id > {n}" >= 0' for n in range(5)]  # noqa: S608
    values = [f'ColumnValues "id" > {n}' for n in range(60)]
    return [*KEYS[:1], *AGGREGATES, *KEYS[1:], *sql, *values][:count]


def test_the_number_of_jobs_stays_the_same_as_rules_are_added(
    orders: DataFrame, jobs: Callable[[Callable[[], object]], int]
) -> None:
    few, twenty, sixty = (jobs(lambda n=n: evaluate(orders, ruleset(many(n)))) for n in (5, 20, 60))
    assert few == twenty == sixty
    assert 1 <= sixty <= 6
    assert jobs(lambda: evaluate(orders, ruleset(AGGREGATES))) <= few


def test_what_is_explained_is_what_runs(
    stored: DataFrame, references: dict[str, DataFrame], started: Callable[[Callable[[], object]], list[str]]
) -> None:
    query = 'CustomSql "select count(*) from (select 1 from primary group by country)" = 4'
    rules = ruleset([*KEYS, *AGGREGATES, query, 'RowCountMatch "countries" > 0', 'IsComplete "gone"'])
    told = explain(stored, rules, references)
    assert set(started(lambda: evaluate(stored, rules, references))) == set(told.actions)
    assert started(lambda: explain(stored, rules, references)) == []
    plan = together(prepare(stored, rules, references).schedule.branches)._jdf.queryExecution().executedPlan()
    assert plan.toString().count("FileScan parquet") == told.readings
    named = [rule for part in told.parts for rule in part.rules] + [*told.without_rows, *told.problems]
    assert {*KEYS, query, 'ColumnExists "id"', 'IsComplete "gone"'} <= set(named)
    assert told.to_dict()["problems"] == {'IsComplete "gone"': told.problems['IsComplete "gone"']}
    text = str(told)
    assert text.startswith("1 Spark action answers")
    assert all(rule in text for rule in named)


def test_data_that_is_not_stored_in_columns_is_read_once_for_all_keys(orders: DataFrame, stored: DataFrame) -> None:
    readings = [{part.kind: part.readings for part in explain(data, ruleset(KEYS)).parts} for data in (orders, stored)]
    assert readings == [{"values": 1, "keys": 1}, {"values": 1, "keys": 6}]
    ours, theirs = (evaluate(data, ruleset(KEYS)).to_dict() for data in (orders, stored))
    assert ours == theirs


def test_a_rule_that_breaks_while_running_costs_only_itself(
    orders: DataFrame, references: dict[str, DataFrame], jobs: Callable[[Callable[[], object]], int]
) -> None:
    broken = [
        'IsComplete "name" where "cast(raise_error(\'boom\') as boolean)"',
        'IsUnique "id" where "cast(raise_error(\'bang\') as boolean)"',
        "CustomSql \"select count(*) from primary where raise_error('crash') is null\" = 5",
        'CustomSql "select max(name) from primary" = 5',
        'CustomSql "select id from primary" = 5',
    ]
    rules = [*AGGREGATES[:4], *broken, *KEYS, 'RowCountMatch "countries" > 0']
    results = {rule.text: rule for rule in evaluate(orders, ruleset(rules), references, profile=True).rules}
    alone = {
        rule.text: rule for rule in evaluate(orders, ruleset([r for r in rules if r not in broken]), references).rules
    }
    assert {text: rule.message for text, rule in results.items() if text in alone} == {
        text: rule.message for text, rule in alone.items()
    }
    assert [results[text].outcome for text in broken] == ["Error"] * 5
    reasons = ("boom", "bang", "crash", "not a number", "more than one row")
    assert all(reason in results[text].message for text, reason in zip(broken, reasons, strict=True))


@pytest.mark.skipif(SPARK_VERSION < (3, 4), reason="Spark 3.3.0 waits for ever for the broken rule's stage")
def test_a_profile_comes_from_the_same_action_and_survives_a_broken_rule(
    orders: DataFrame, stored: DataFrame, started: Callable[[Callable[[], object]], list[str]]
) -> None:
    found = []
    for data in (orders, stored):
        actions = started(lambda data=data: found.append(evaluate(data, ruleset(KEYS[:2]), profile=True)))
        assert len({action for action in actions if action.startswith("data quality:")}) == 1
    broken = ['IsComplete "name" where "cast(raise_error(\'boom\') as boolean)"']
    found.append(evaluate(orders, ruleset(broken), profile=True))
    for result in found:
        assert [entry["column"] for entry in result.profile] == orders.columns
        assert {entry["column"]: entry["nulls"] for entry in result.profile}["name"] == 1
    assert evaluate(orders, ruleset(KEYS[:2])).profile == []


def test_rules_with_one_reference_read_it_once_more_only(
    orders: DataFrame, references: dict[str, DataFrame], jobs: Callable[[Callable[[], object]], int]
) -> None:
    rules = ['RowCountMatch "countries" > 0', 'AggregateMatch "sum(id)" "sum(countries.rank)" > 0']
    one = jobs(lambda: evaluate(orders, ruleset(rules[:1]), references))
    assert jobs(lambda: evaluate(orders, ruleset(rules), references)) == one
    looked_up = [f'ReferentialIntegrity "country" "countries.code" > 0.{n}' for n in range(9)]
    once = jobs(lambda: evaluate(orders, ruleset(looked_up[:1]), references))
    assert jobs(lambda: evaluate(orders, ruleset(looked_up), references)) <= once


def test_a_wrong_rule_costs_no_job(orders: DataFrame, jobs: Callable[[Callable[[], object]], int]) -> None:
    one = jobs(lambda: evaluate(orders, ruleset(AGGREGATES[:1])))
    wrong = ['IsComplete "gone"', 'Mean "name" > 1', 'IsComplete "id" where "x >"', 'ColumnValues "name" matches "("']
    assert jobs(lambda: evaluate(orders, ruleset([*AGGREGATES, *wrong]))) == one


def test_a_profile_of_all_columns_is_one_aggregation(
    orders: DataFrame, jobs: Callable[[Callable[[], object]], int]
) -> None:
    one = jobs(lambda: profile_columns(orders.select("id")))
    assert jobs(lambda: profile_columns(orders)) == one
