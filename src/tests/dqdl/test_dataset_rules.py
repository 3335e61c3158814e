"""Rules that look at other data frames, and rules written in SQL."""

from __future__ import annotations

from collections.abc import Callable

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
    ('DatasetMatch "lands" "id" > 0.9', "there is no reference 'lands'"),
    ('DatasetMatch "db.orders" "id" > 0.9', "only one of the data and the reference 'db.orders' has price, amount"),
    ('DatasetMatch "db.orders" "id->gone" "name" > 0.9', "the reference 'db.orders' has no column 'gone'"),
    ('DatasetMatch "db.orders" "," "name" > 0.9', "names no columns"),
    ('DatasetMatch "db.orders" "id" "name" > 0.1', "id is no key of the data"),
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


def test_datasets_match_by_key_and_values(frame: Callable[..., DataFrame]) -> None:
    rows = [
        (1, "x", 1.0, "a"),
        (2, "x", float("nan"), None),
        (3, None, 3.0, "c"),
        (4, "y", 4.0, "d"),
        (5, "y", 5.0, "e"),
    ]
    data = frame("id int, code string, amount double, name string", *rows)
    same = frame("id int, name string, amount double, code string", *[(i, n, a, c) for i, c, a, n in rows])
    # a null where there was a value, a value where there was a null, another value; and a row too many
    others = [
        (1, "x", 1.0, None),
        (2, "x", float("nan"), "b"),
        (3, None, 3.0, "c"),
        (4, "y", 4.5, "d"),
        (9, "z", 9.0, "z"),
    ]
    other = frame("key long, code string, total double, name string", *others)
    twice = frame("id int, name string", (1, "a"), (1, "a"), (None, "b"))
    rules = {
        'DatasetMatch "same" "id" = 1.0': ("Passed", 0),
        'DatasetMatch "other" "id->key" "amount->total" = 0.6': ("Passed", 2),
        'DatasetMatch "other" "id->key" "amount->total,code,name" between 0.1 and 0.3': ("Passed", 4),
        'DatasetMatch "other" "id->key" "code, name" > 0.4': ("Failed", 3),
        'DatasetMatch "twice" "id" "name" > 0.1': ("Error", None),
    }
    result = evaluate(data, "Rules = [\n" + ",\n".join(rules) + "\n]", {"same": same, "other": other, "twice": twice})
    found = {rule.text: (rule.outcome, rule.failed_rows) for rule in result.rules}
    assert found == rules, [rule.message for rule in result.rules]
    assert "id is no key of the reference 'twice'" in result.rules[4].message
    assert result.rules[1].metrics == {"Dataset.other.DatasetMatch": 0.6}
    assert sorted(row["id"] for row in result.failing_rows(data, 1).collect()) == [4, 5]
    assert result.row_outcomes(data).count() == len(rows)


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
