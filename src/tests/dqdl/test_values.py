"""Numbers, history and conditions."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from etl.dqdl.errors import RuleError
from etl.dqdl.model import Rule
from etl.dqdl.parser import parse_ruleset
from etl.dqdl.values import holds, instant, size, spelled

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


NOW = datetime(2024, 7, 10, 1, 30, tzinfo=timezone.utc)  # the 9th in New York


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("now()", "UTC", "2024-07-10 01:30"),
        ("(now() - 90 minutes)", "UTC", "2024-07-10 00:00"),
        ("(now() + 1 day)", "UTC", "2024-07-11 01:30"),
        ('"2024-01-31"', "UTC", "2024-01-31 00:00"),
        ('"2024-01-31"', "Asia/Shanghai", "2024-01-30 16:00"),
        ('"2024-01-31 10:00"', "UTC", "2024-01-31 10:00"),
        ('"21:45"', "UTC", "2024-07-10 21:45"),
        ('"21:45"', "America/New_York", "2024-07-10 01:45"),  # 21:45 of the 9th
        ('"9:30 AM"', "UTC", "2024-07-10 09:30"),
        ('"9:30 PM"', "UTC", "2024-07-10 21:30"),
        ('"12:05 AM"', "UTC", "2024-07-10 00:05"),
        ('"12:05 PM"', "UTC", "2024-07-10 12:05"),
    ],
)
def test_moments_are_read_in_their_time_zone(text: str, zone: str, expected: str) -> None:
    (operand,) = condition(f"= {text}").operands
    found = instant(operand, NOW, ZoneInfo(zone)).astimezone(timezone.utc)
    assert found.strftime("%Y-%m-%d %H:%M") == expected


@pytest.mark.parametrize("text", ['"25:00"', '"13:00 PM"', '"9:60"', '"2024-13-01"', '"soon"', "3", "3 MB"])
def test_what_is_no_moment_is_told(text: str) -> None:
    (operand,) = condition(f"= {text}").operands
    with pytest.raises(RuleError, match=r"is not a (moment|date)"):
        instant(operand, NOW)


@pytest.mark.parametrize(
    ("text", "expected"), [("2 B", 2), ("2 KB", 2048), ("1.5 MB", 1572864), ("1 GB", 2**30), ("1 TB", 2**40), ("7", 7)]
)
def test_sizes_are_counted_in_powers_of_1024(text: str, expected: int) -> None:
    assert size(condition(f"= {text}").operands[0]) == expected


def test_what_is_no_size_is_told() -> None:
    with pytest.raises(RuleError, match="is not a size such as 2 MB"):
        size(condition("= 3 days").operands[0])
