"""Folding: whatever sequence of runs comes, nobody is told twice of the same, and nothing new is silent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .watched import module

folding: Any = module("folding")
BEGIN = datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc)


def told(*steps: tuple[int, str]) -> list[str]:
    """Why people were told at each step: minutes since the step before, and the kind of problem or "" for well."""
    standing, whys = None, []
    for minutes, kind in _at(steps):
        at = BEGIN + timedelta(minutes=minutes)
        standing, why = folding.problem(standing, at, kind) if kind else folding.well(standing, at)
        whys.append(why)
    return whys


def _at(steps: Any) -> list[tuple[int, str]]:
    return list(zip(accumulate(minutes for minutes, _ in steps), (kind for _, kind in steps), strict=True))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, "a"), (5, "a"), (5, "a")], ["first", "silent", "silent"]),
        ([(0, "a"), (30, "a"), (30, "a"), (30, "a")], ["first", "again", "silent", "again"]),
        ([(0, "a"), (5, "b"), (5, "a"), (5, "b")], ["first", "changed", "silent", "silent"]),
        ([(0, "a"), (5, ""), (5, "")], ["first", "recovered", "silent"]),
        ([(0, ""), (5, ""), (5, "a")], ["silent", "silent", "first"]),
        ([(0, "a"), (5, ""), (5, "a"), (5, "a")], ["first", "recovered", "back", "silent"]),
        ([(0, "a"), (5, ""), (61, "a")], ["first", "recovered", "first"]),
        ([(0, "a"), (5, ""), (5, "a"), (5, ""), (25, "")], ["first", "recovered", "back", "silent", "recovered"]),
        ([(0, "a"), (5, ""), (5, "a"), (5, ""), (5, "a")], ["first", "recovered", "back", "silent", "silent"]),
        ([(9, ""), (-5, "a"), (1, "a"), (1, "b")], ["silent", "past", "silent", "past"]),
        ([(9, "a"), (-5, ""), (6, "")], ["first", "silent", "recovered"]),
    ],
    ids=[
        "repeats are counted", "after growing intervals they are told", "each kind is told", "recovery is told once",
        "what was well has not recovered", "what comes back is told", "after an hour it is a new one",
        "what comes and goes is not called well at once", "nor is it told each time", "what is heard of late is told",
        "good news that is older than bad news is none",
    ],
)  # fmt: skip
def test_what_is_told(steps: list[tuple[int, str]], expected: list[str]) -> None:
    assert told(*steps) == expected


def test_a_day_of_the_same_failure_every_five_minutes_is_told_a_few_times() -> None:
    whys = told((0, "a"), *[(5, "a")] * 287)
    assert len([why for why in whys if why != "silent"]) == 6


def test_a_failure_once_a_day_is_told_every_day() -> None:
    assert "silent" not in told((0, "a"), *[(24 * 60, "a")] * 30)


def test_a_day_of_coming_and_going_is_no_storm() -> None:
    whys = told(*[(2, "a"), (3, "")] * 288)
    assert len([why for why in whys if why != "silent"]) <= 16


steps = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["", "a", "b", "c"])), max_size=60)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_nothing_new_is_silent_and_nothing_known_is_told_twice(steps: list[tuple[int, str]]) -> None:
    believed_well, heard, relapsed, last_told = True, set[str](), False, -(10**9)
    for (minutes, kind), why in zip(_at(steps), told(*steps), strict=True):
        if kind:
            if believed_well or why == "first" or kind not in heard:
                assert why != "silent"
            elif minutes - last_told < 30:
                assert why == "silent"
            heard = {kind} if why == "first" else heard | {kind}
            relapsed = why != "first" and (relapsed or why == "back")
            believed_well = False
        else:
            assert why == ("silent" if believed_well else "recovered") or (relapsed and why == "silent")
            believed_well = believed_well or why == "recovered"
        if why != "silent":
            last_told = minutes


@settings(max_examples=100, deadline=None)
@given(steps.filter(bool))
def test_in_the_end_people_believe_what_is_true(steps: list[tuple[int, str]]) -> None:
    standing = None
    for minutes, kind in _at(steps):
        at = BEGIN + timedelta(minutes=minutes)
        standing, _ = folding.problem(standing, at, kind) if kind else folding.well(standing, at)
    assert standing is not None
    is_failing = bool(steps[-1][1])
    assert standing.is_open == is_failing
    assert standing.said_open or not is_failing
    later = at + folding.RELAPSE
    assert folding.is_overdue(standing, later) == (standing.said_open and not is_failing)
