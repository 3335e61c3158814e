"""The number of Spark jobs does not grow with the number of rules."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import evaluate, profile_columns

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


def ruleset(rules: list[str]) -> str:
    return f"Rules = [ {', '.join(rules)} ]"


def test_many_aggregate_rules_take_as_many_jobs_as_one(
    orders: DataFrame, jobs: Callable[[Callable[[], object]], int]
) -> None:
    one = jobs(lambda: evaluate(orders, ruleset(AGGREGATES[:1])))
    all_of_them = jobs(lambda: evaluate(orders, ruleset(AGGREGATES)))
    twice = jobs(lambda: evaluate(orders, ruleset([*AGGREGATES, *[f'ColumnValues "id" > {n}' for n in range(30)]])))
    assert one >= 1
    assert all_of_them == one
    assert twice == one


def test_many_keys_take_as_many_jobs_as_one(orders: DataFrame, jobs: Callable[[Callable[[], object]], int]) -> None:
    one = jobs(lambda: evaluate(orders, ruleset(KEYS[:1])))
    assert jobs(lambda: evaluate(orders, ruleset(KEYS))) == one
    assert jobs(lambda: evaluate(orders, ruleset(KEYS + AGGREGATES))) == one
    assert one <= 8


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
