"""DQDL rules, read and evaluated."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from glue_health_check.models import Severity
from glue_health_check.output.dqdl import Rule, parse_rule, parse_rules
from glue_health_check.output.rules import evaluate, failed_rules


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(
            "create table output as select * from (values (1, 'a', 10.0, date '2024-01-01'), (2, 'b', 20.0, null),"
            " (3, 'b', null, date '2024-01-02'), (4, null, 5.0, date '2024-01-03')) t(id, kind, amount, \"the day\")"
        )
        yield connection


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("RowCount = 4", True),
        ("RowCount > 4", False),
        ("RowCount between 3 and 5", True),
        ("RowCount between 4 and 9", False),
        ("ColumnCount = 4", True),
        ('ColumnExists "the day"', True),
        ('ColumnExists "other"', False),
        ('IsComplete "id"', True),
        ('IsComplete "kind"', False),
        ('IsComplete "kind" where "id < 4"', True),
        ('Completeness "kind" >= 0.75', True),
        ('Completeness "kind" > 0.75', False),
        ('IsUnique "id"', True),
        ('IsUnique "kind"', False),
        ('IsPrimaryKey "id"', True),
        ('IsPrimaryKey "id" "kind"', False),
        ('Uniqueness "kind" = 0.25', True),
        ('DistinctValuesCount "kind" = 2', True),
        ('ColumnValues "id" between 0 and 5', True),
        ('ColumnValues "kind" in ["a", "b"]', False),
        ('ColumnValues "kind" in ["a", "b"] with threshold > 0.7', True),
        ('ColumnValues "kind" not in ["z"]', True),
        ('ColumnValues "kind" matches "[ab]" where "kind is not null"', True),
        ('ColumnValues "the day" <= now() with threshold >= 0.75', True),
        ('ColumnValues "amount" >= 5', False),
        ('ColumnLength "kind" = 1', False),
        ('ColumnDataType "id" = "INTEGER"', True),
        ('Sum "amount" = 35', True),
        ('Mean "amount" between 11 and 12', True),
        ('CustomSql "select count(*) from primary where amount > 15" = 1', True),
        ('IsComplete "absent"', False),
    ],
)
def test_rules_hold_or_fail(database: duckdb.DuckDBPyConnection, text: str, holds: bool) -> None:
    rule = parse_rule(text)
    assert isinstance(rule, Rule), rule
    assert evaluate(database, "output", rule).holds is holds


def test_a_ruleset_is_read_with_comments_and_commas_in_quotes() -> None:
    ruleset = parse_rules('Rules = [\n  # of orders\n  ColumnValues "a" in ["x, y", "z"],\n  RowCount > 0\n]')
    assert [rule.kind for rule in ruleset.rules] == ["ColumnValues", "RowCount"]
    assert ruleset.rules[0].choices == ("x, y", "z")


@pytest.mark.parametrize(
    "text", ['DataFreshness "a" < 3 days', "RowCount", 'IsComplete "a" "b"', "nonsense", "RowCount >"]
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    assert isinstance(parse_rule(text), str)


def test_a_rule_that_was_not_evaluated_is_a_warning_and_not_passed_over(database: duckdb.DuckDBPyConnection) -> None:
    ruleset = parse_rules('ReferentialIntegrity "id" "other.id" > 0.9, IsComplete "id" where "no_such(id)"')
    findings = failed_rules(database, "output", ruleset, "s3://b/out/")
    assert [finding.severity for finding in findings] == [Severity.WARNING] * 2
    assert "ReferentialIntegrity is not supported" in findings[0].message


def test_a_failed_rule_says_how_many_rows(database: duckdb.DuckDBPyConnection) -> None:
    (finding,) = failed_rules(database, "output", parse_rules('ColumnValues "amount" > 9'), "s3://b/out/")
    assert finding.message == 'the rule ColumnValues "amount" > 9 fails: 2 of 4 rows don\'t meet it'
