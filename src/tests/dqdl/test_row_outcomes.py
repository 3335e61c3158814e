"""Which rows are good: AWS's four columns, and samples of failing rows."""

from __future__ import annotations

import json

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import RulesetResult, evaluate
from etl.dqdl.result import OUTCOME_COLUMNS

RULES = """Rules = [
    RowCount > 1,
    IsComplete "name",
    IsUnique "id",
    ColumnValues "amount" > 2 where "country = 'DE'",
    ReferentialIntegrity "country" "countries.code" > 0.1,
    CustomSql "select id, made from primary where paid",
    IsComplete "gone"
]"""
COMPLETE, UNIQUE = 'IsComplete "name"', 'IsUnique "id"'
AMOUNT = 'ColumnValues "amount" > 2 where "country = \'DE\'"'
COUNTRY = 'ReferentialIntegrity "country" "countries.code" > 0.1'
SQL = 'CustomSql "select id, made from primary where paid"'
NEVER = ["RowCount > 1", 'IsComplete "gone"']


@pytest.fixture(scope="module")
def result(orders: DataFrame, references: dict[str, DataFrame]) -> RulesetResult:
    return evaluate(orders, RULES, references)


def by_key(data: DataFrame) -> dict[tuple[int, str | None], dict[str, object]]:
    return {(row["id"], row["name"]): row.asDict() for row in data.collect()}


def test_every_row_tells_which_rules_it_passes_and_fails(orders: DataFrame, result: RulesetResult) -> None:
    data = result.row_outcomes(orders)
    assert data.columns == [*orders.columns, *OUTCOME_COLUMNS]
    rows = by_key(data)
    assert len(rows) == orders.count()
    first = rows[1, "ann"]
    assert first["DataQualityRulesPass"] == [COMPLETE, UNIQUE, COUNTRY, SQL]
    assert first["DataQualityRulesFail"] == [AMOUNT]
    assert first["DataQualityRulesSkip"] == NEVER
    assert rows[2, None]["DataQualityRulesFail"] == [COMPLETE, UNIQUE, SQL]
    assert rows[4, ""]["DataQualityRulesFail"] == [COUNTRY]
    assert {row["DataQualityEvaluationResult"] for row in rows.values()} == {"Failed"}


def test_rows_outside_a_filter_pass_it_or_are_skipped_on_wish(orders: DataFrame, result: RulesetResult) -> None:
    passed = by_key(result.row_outcomes(orders))[5, "  "]
    skipped = by_key(result.row_outcomes(orders, filtered="SKIPPED"))[5, "  "]
    assert AMOUNT in passed["DataQualityRulesPass"]  # type: ignore[operator]
    assert AMOUNT not in skipped["DataQualityRulesPass"]  # type: ignore[operator]
    assert AMOUNT in skipped["DataQualityRulesSkip"]  # type: ignore[operator]


def test_rows_that_meet_all_rules_have_passed(orders: DataFrame) -> None:
    result = evaluate(orders, 'Rules = [ ColumnValues "id" < 3, RowCount > 99 ]')
    found = {row["id"]: row["DataQualityEvaluationResult"] for row in result.row_outcomes(orders).collect()}
    assert found == {1: "Passed", 2: "Passed", 4: "Failed", 5: "Failed"}


def test_counts_of_failed_rows_agree_with_the_rows_themselves(orders: DataFrame, result: RulesetResult) -> None:
    rows = result.row_outcomes(orders).collect()
    for rule in result.rules:
        if rule.row_level:
            assert rule.failed_rows == sum(rule.text in row["DataQualityRulesFail"] for row in rows), rule.text
            assert rule.failed_rows == result.failing_rows(orders, rule, 100).count()


def test_samples_of_failing_rows_are_limited_and_keep_their_columns(orders: DataFrame) -> None:
    result = evaluate(orders, 'Rules = [ ColumnValues "id" > 3, RowCount > 99 ]')
    sample = result.failing_rows(orders, result.rules[0], limit=2)
    assert sample.columns == orders.columns
    assert [row["id"] < 4 for row in sample.collect()] == [True, True]
    assert result.failing_rows(orders, 1).count() == 0


def test_a_ruleset_without_row_level_rules_passes_every_row(orders: DataFrame) -> None:
    rows = evaluate(orders, "Rules = [ RowCount > 99 ]").row_outcomes(orders).collect()
    assert {row["DataQualityEvaluationResult"] for row in rows} == {"Passed"}
    assert rows[0]["DataQualityRulesPass"] == []


def test_rows_without_values_nan_and_odd_names_have_outcomes(spark: SparkSession) -> None:
    columns = ("id", "cast(null as string) as `no ne`", "cast('NaN' as double) as `a.b`", "map('a', id) as `ma``p`")
    data = spark.range(2).selectExpr(*columns)
    good = ['IsComplete "a.b"', 'IsUnique "id"', 'IsComplete "ma`p"', 'ColumnValues "no ne" != "x"']
    bad = [
        'IsComplete "no ne"',
        'ColumnValues "a.b" > 0',
        'IsUnique "no ne"',
        'ColumnLength "no ne" > 0',
        'IsUnique "a.b"',
    ]
    result = evaluate(data, f"Rules = [ {', '.join(good + bad)} ]")
    rows = result.row_outcomes(data).collect()
    assert {(*row["DataQualityRulesPass"], "|", *row["DataQualityRulesFail"]) for row in rows} == {(*good, "|", *bad)}
    assert [rule.failed_rows for rule in result.rules] == [0] * len(good) + [2] * len(bad)
    assert result.failing_rows(data, len(good)).columns == data.columns
    none = data.where("id > 5")
    empty = evaluate(none, f"Rules = [ {', '.join(good + bad)} ]")
    assert (empty.passed, empty.row_outcomes(none).count()) == (True, 0)


def test_results_are_json(orders: DataFrame, references: dict[str, DataFrame]) -> None:
    result = evaluate(orders, RULES[:-1] + ', Sum "amount" = 12.10 ]', references)
    told = json.loads(json.dumps(result.to_dict()))
    assert told["row_count"] == 5
    assert told["rules"][-1]["metrics"] == {"Column.amount.Sum": 12.1}
