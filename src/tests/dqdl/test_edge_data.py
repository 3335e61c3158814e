"""Frames at the edges: no rows, no values, one row, odd names, many columns."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import evaluate
from utils.spark_versions import SPARK_VERSION


def test_sums_are_exact_and_do_not_overflow(frame: Callable[..., DataFrame]) -> None:
    top = 2**63 - 1
    data = frame("big bigint, money decimal(20,2)", (top, Decimal("0.10")), (top, Decimal("0.20")))
    found = evaluate(data, f'Rules = [ Sum "big" = {2 * top}, Sum "money" = 0.30 ]').rules
    assert [rule.outcome for rule in found] == ["Passed", "Passed"]


def test_columns_with_dots_spaces_quotes_and_sql_words(frame: Callable[..., DataFrame]) -> None:
    data = frame("`a.b` int, `order by` int, `ba``ck` int, `ünï` int", (1, 2, 3, 4))
    rules = ", ".join(
        f'IsComplete "{name}", IsUnique "{name}", ColumnValues "{name}" > 0, Sum "{name}" > 0'
        for name in ("a.b", "order by", "ba`ck", "ünï")
    )
    result = evaluate(data, f"Rules = [ {rules} ]")
    assert result.passed, [rule.message for rule in result.rules]
    assert result.row_outcomes(data).count() == 1


def test_nested_columns_can_be_complete_and_unique_but_not_compared(spark: SparkSession) -> None:
    data = spark.sql("select array(1) as list, map('a', 1) as pairs, named_struct('x', 1) as nested")
    rules = 'IsComplete "list", IsComplete "pairs", ColumnValues "nested" > 1, IsUnique "list"'
    found = [rule.outcome for rule in evaluate(data, f"Rules = [ {rules} ]").rules]
    assert found == ["Passed", "Passed", "Error", "Passed"]


def test_float_columns_are_compared_as_floats(spark: SparkSession) -> None:
    data = spark.sql("select cast(0.1 as float) as f")
    assert evaluate(data, 'Rules = [ ColumnValues "f" = 0.1, ColumnValues "f" in [0.1] ]').passed


def test_a_wide_frame_with_a_rule_on_every_column(spark: SparkSession) -> None:
    data = spark.range(3).selectExpr(*[f"id as c{i}" for i in range(300)])
    rules = (
        ", ".join(f'IsComplete "c{i}"' for i in range(300)) + ", " + ", ".join(f'IsUnique "c{i}"' for i in range(40))
    )
    assert evaluate(data, f"Rules = [ {rules} ]").passed


def test_data_that_cannot_be_read_is_an_error_of_the_run_not_of_the_rules(spark: SparkSession) -> None:
    data = spark.range(3).selectExpr("id", "cast(raise_error('disk gone') as string) as text").where("text is null")
    with pytest.raises(Exception, match="disk gone"):
        evaluate(data, 'Rules = [ IsComplete "id" ]')


@pytest.mark.skipif(SPARK_VERSION < (3, 4), reason="jobs switch it off, and in it Spark 3.3 stops at such a date")
def test_ansi_mode_makes_no_difference(spark: SparkSession, orders: DataFrame) -> None:
    rules = """Rules = [
        ColumnDataType "code" = "INTEGER" with threshold = 0.4, ColumnValues "code" > 5 with threshold = 0.4,
        ColumnValues "day" >= "2024-01-08" with threshold = 0.6, IsUnique "id" "made",
        DataFreshness "made" < 99999 days with threshold > 0.7, ColumnCorrelation "id" "amount" > 0.9,
        StandardDeviation "id" > 1, Sum "amount" = 12.10,
        ReferentialIntegrity "code" "numbers.five" = 0.2, ReferentialIntegrity "amount" "numbers.text" = 0.2,
        ColumnDataType "day" = "DATE" with format = "dd/MM/yyyy" with threshold = 0 ]"""
    numbers = spark.sql("select 5 as five, 'no number' as text union all select 5, '1.10'")
    texts = spark.sql("select 1.10 as number, '5' as value union all select 2, 'five'")
    match = 'Rules = [ DatasetMatch "numbers" "text->number" "five->value" = 0.5 ]'
    before = spark.conf.get("spark.sql.ansi.enabled")
    try:
        for mode in ("true", "false"):
            spark.conf.set("spark.sql.ansi.enabled", mode)
            found = evaluate(orders, rules, {"numbers": numbers}).rules
            assert [rule.message for rule in found if rule.outcome != "Passed"] == []
            (matched,) = evaluate(numbers.selectExpr("text", "five"), match, {"numbers": texts}).rules
            assert matched.outcome == "Passed", matched.message
    finally:
        spark.conf.set("spark.sql.ansi.enabled", before)
