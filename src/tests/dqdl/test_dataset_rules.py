"""Rules that look at other data frames, and rules written in SQL."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import RuleResult, evaluate

CASES: list[tuple[str, str, float, int | None]] = [
    # null is in no reference, also not when the reference has a null
    ('ReferentialIntegrity "country" "countries.code" >= 0.6', "Passed", 1, 2),
    ('ReferentialIntegrity "country" "countries.code" = 1.0', "Failed", 0.6, 2),
    ('ReferentialIntegrity "country" "countries.code" = 1.0 where "country != \'IT\'"', "Passed", 1, 0),
    ('ReferentialIntegrity "id,name" "db.orders.{id,name}" = 0.4', "Passed", 1, 3),
    ('ReferentialIntegrity "id" "nothing.id" = 0', "Passed", 1, 5),
    ('RowCountMatch "countries" = 1.25', "Passed", 1, None),
    ('RowCountMatch "countries" = 1.0', "Failed", 0, None),
    ('RowCountMatch "nothing" > 0', "Failed", 0, None),  # no ratio to zero
    ('SchemaMatch "db.orders" > 0.2', "Passed", 1, None),
    ('SchemaMatch "db.orders" = 1.0', "Failed", 2 / 9, None),
    ('AggregateMatch "sum(id)" "sum(countries.rank)" = 1.4', "Passed", 1, None),
    ('AggregateMatch "avg(id)" "avg(countries.rank)" between 1.1 and 1.2', "Passed", 1, None),
    ('AggregateMatch "sum(id)" "sum(id)" = 1.0', "Passed", 1, None),
    ('AggregateMatch "sum(id)" "sum(db.orders.id)" = 1.0', "Failed", 0, None),
    ('AggregateMatch "sum(id)" "sum(nothing.total)" > 0', "Failed", 0, None),
    ('CustomSql "select count(*) from primary" = 5', "Passed", 1, None),
    ('CustomSql "select count(*) from primary join countries on country = countries.code" = 5', "Passed", 1, None),
    ('CustomSql "select count(*) from `db.orders`" = 2', "Passed", 1, None),
    ('CustomSql "select sum(amount) from primary" = 12.10', "Passed", 1, None),
    ('CustomSql "select max(price) from primary" > 10', "Failed", 0, None),  # NaN is the largest
    ('CustomSql "select id from primary where id > 99" > 1', "Failed", 0, None),  # nothing comes back
    ('CustomSql "select count(*) > 3 from primary;" = 1', "Passed", 1, None),
    ('CustomSql "select id, made from primary where id < 5"', "Failed", 0.8, 1),
    ('CustomSql "select id, made from primary -- all\n" with threshold = 1', "Passed", 1, 0),
    ('CustomSql "select name from primary where name is null" with threshold > 0.1', "Passed", 1, 4),
]

ERRORS = [
    ('ReferentialIntegrity "gone" "countries.code" = 1', "the data has no column 'gone'"),
    ('ReferentialIntegrity "country" "countries.gone" = 1', "the reference 'countries' has no column 'gone'"),
    ('ReferentialIntegrity "country" "lands.code" = 1', "there is no reference 'lands'; known: countries"),
    ('ReferentialIntegrity "country" "countries" = 1', 'is not "reference.column"'),
    ('ReferentialIntegrity "country,id" "countries.code" = 1', "2 column(s)"),
    ('RowCountMatch "lands" = 1', "there is no reference 'lands'"),
    ('SchemaMatch "lands" = 1', "there is no reference 'lands'"),
    ('AggregateMatch "max(id)" "sum(id)" = 1', "is not an aggregation"),
    ('AggregateMatch "sum(name)" "sum(id)" = 1', "needs a numeric column"),
    ('CustomSql "select * from gone" = 1', "gone"),
    ('CustomSql "select count(*) fro primary" = 1', "the SQL is not valid"),
    ('CustomSql "drop view primary" = 1', "the SQL is not valid"),
    ('CustomSql "select id, name from primary" = 1', "one column, not 2"),
    ('CustomSql "select id from primary" > 1', "more than one row"),
    ('CustomSql "select name from primary where id = 1" > 1', "'ann', which is not a number"),
    ('CustomSql "select 1 as one" with threshold > 0.5', "one, which the data does not have"),
    ('DatasetMatch "countries" "id" > 0.9', "not evaluated by this engine"),
]


@pytest.fixture(scope="module")
def results(orders: DataFrame, references: dict[str, DataFrame]) -> dict[str, RuleResult]:
    rules = [rule for rule, *_ in CASES] + [rule for rule, _ in ERRORS]
    found = evaluate(orders, "Rules = [\n" + ",\n".join(rules) + "\n]", references).rules
    return dict(zip(rules, found, strict=True))


@pytest.mark.parametrize(("rule", "outcome", "ratio", "failed"), CASES)
def test_a_rule_passes_or_fails_with_its_share_of_rows(
    results: dict[str, RuleResult], rule: str, outcome: str, ratio: float, failed: int | None
) -> None:
    result = results[rule]
    assert (result.outcome, result.failed_rows) == (outcome, failed), result.message
    assert result.ratio == pytest.approx(ratio)


@pytest.mark.parametrize(("rule", "said"), ERRORS)
def test_a_rule_that_cannot_be_evaluated_is_an_error_and_stops_no_other(
    results: dict[str, RuleResult], rule: str, said: str
) -> None:
    assert results[rule].outcome == "Error"
    assert said in results[rule].message


def test_the_schemas_differences_are_named(results: dict[str, RuleResult]) -> None:
    message = results['SchemaMatch "db.orders" = 1.0'].message
    assert "price (double here, missing there)" in message
    assert "; id (" not in message


def test_views_made_for_sql_are_gone_afterwards(
    spark: SparkSession, orders: DataFrame, references: dict[str, DataFrame]
) -> None:
    plain = {"countries": references["countries"]}
    evaluate(orders, 'Rules = [ CustomSql "select count(*) from primary" = 5, IsUnique "id" ]', plain)
    assert [table.name for table in spark.catalog.listTables() if table.isTemporary] == []


def test_a_query_that_fails_while_running_is_the_only_error(orders: DataFrame) -> None:
    found = evaluate(
        orders,
        'Rules = [ CustomSql "select count(*) from primary" = 5,'
        " CustomSql \"select raise_error('broken inside')\" = 1,"
        ' IsComplete "id" where "raise_error(concat(\'bad row \', id)) is null", IsComplete "id" ]',
    ).rules
    assert [rule.outcome for rule in found] == ["Passed", "Error", "Error", "Passed"]
    assert "broken inside" in found[1].message
    assert "bad row" in found[2].message
