"""Numbers, history and conditions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from etl.dqdl.errors import RuleError
from etl.dqdl.model import Rule
from etl.dqdl.parser import parse_ruleset
from etl.dqdl.values import holds, spelled

PAST = [1.0, 2.0, 6.0, 3.0]  # oldest first


def condition(text: str):  # type: ignore[no-untyped-def]
    (rule,) = parse_ruleset(f"Rules = [ RowCount {text} ]").rules
    assert isinstance(rule, Rule)
    return rule.condition


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("= 3", 3, True),
        ("!= 3", 3, False),
        ("> 3", 3, False),
        (">= 3", 3, True),
        ("< 3.5", 3, True),
        ("<= 2.9", 3, False),
        ("between 3 and 5", 3, False),  # AWS leaves the bounds out
        ("between 3 and 5", 4, True),
        ("not between 3 and 5", 3, True),
        ("not between 3 and 5", 4, False),
        ("in [1, 3]", 3, True),
        ("not in [1, 3]", 3, False),
        ('= "3.0"', 3, True),  # the documentation quotes numbers too
        ("= 0.9", 9 / 10, True),
        ("= 6.60", Decimal("6.60"), True),
        ("> 5", float("nan"), False),
        ("!= 5", float("nan"), False),
        ("= 2 * 3 - 1", 5, True),
        ("= -(2 + 1)", -3, True),
        ("= abs(-4)", 4, True),
    ],
)
def test_a_number_is_held_against_a_condition(text: str, value: float, expected: bool) -> None:
    assert holds(condition(text), value) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("last()", 3),
        ("last(1)", 3),
        ("avg(last(2))", 4.5),
        ("avg(last(99))", 3),
        ("min(last(3))", 2),
        ("max(last(10))", 6),
        ("sum(last(4))", 12),
        ("median(last(4))", 2.5),
        ("std(last(2))", 1.5),
        ("index(last(3), 0)", 3),
        ("index(last(3), 2)", 2),
        ("percentile(last(4), 50)", 2.5),
        ("0.5 * avg(last(4)) + 1", 2.5),
    ],
)
def test_earlier_runs_are_looked_up_newest_first(text: str, expected: float) -> None:
    assert holds(condition(f"= {text}"), float(expected), PAST)


def test_without_history_last_is_zero() -> None:
    assert holds(condition("> avg(last(5))"), 1)
    assert not holds(condition("> last()"), 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("> last(5)", "reduce it"),
        ("> index(last(2), 2)", "counted from 0"),
        ("> last(0)", "whole number from 1"),
        ("> avg(3)", "last(k) is needed"),
        ("> 1 / 0", "divides by zero"),
        ("> now()", "not a number"),
        ("> 3 days", "not a number"),
        ('> "many"', "not a number"),
        ("> NULL", "not a number"),
        ('matches "3"', "about texts"),
        ("> percentile(last(3), 101)", "0 to 100"),
    ],
)
def test_conditions_without_meaning_for_numbers_are_told(text: str, problem: str) -> None:
    with pytest.raises(RuleError, match=problem.replace("(", r"\(").replace(")", r"\)")):
        holds(condition(text), 3, PAST)


def test_a_dynamic_condition_is_spelled_out_for_people() -> None:
    assert spelled(condition("> 0.5 * avg(last(4))"), PAST) == "> 0.5 * avg(last(4)), which is 1.5 now"
    assert spelled(condition("> 3")) == "> 3"
