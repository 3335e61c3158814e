"""Drift between two profiles: what is told, and what comes and goes from day to day and is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from etl.report_drift import drift


def column(name: str = "amount", kind: str = "double", **more: Any) -> dict[str, Any]:
    return {
        "column": name,
        "type": kind,
        "rows": 1000,
        "nulls": 0,
        "distinct": 100,
        "mean": 50.0,
        "stddev": 10.0,
        **more,
    }


def top(**shares: float) -> list[dict[str, Any]]:
    return [{"value": value, "rows": int(1000 * share), "share": share} for value, share in shares.items()]


def told(now: dict[str, Any], before: dict[str, Any]) -> list[tuple[Any, str]]:
    return [(change["column"], change["what"]) for change in drift([now], [before])]


def test_columns_that_came_went_or_changed_their_type_are_told_before_all() -> None:
    before = [column("id", "int"), column("gone"), column("amount", "string", mean=None)]
    now = [column("id", "int", nulls=500), column("amount"), column("new", "date")]
    changes = drift(now, before)
    assert [(change["column"], change["what"]) for change in changes] == [
        ("new", "added"),
        ("gone", "removed"),
        ("amount", "type"),
        ("id", "nulls"),
    ]
    assert [change["words"] for change in changes] == [
        "new: new, date",
        "gone: gone; it was double",
        "amount: was string, is double",
        "id: 50% of the rows are null, 0% before",
    ]
    assert (changes[0]["before"], changes[0]["now"]) == (None, "date")
    assert (changes[1]["before"], changes[1]["now"]) == ("double", None)
    assert json.loads(json.dumps(changes)) == changes


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        ({"nulls": 100}, {"nulls": 151}, "nulls"),
        ({"nulls": 0}, {"nulls": 1}, "nulls"),
        ({"nulls": 3}, {"nulls": 0}, "nulls"),
        ({"distinct": 100}, {"distinct": 151}, "distinct"),
        ({"distinct": 400}, {"distinct": 200}, "distinct"),
        ({}, {"mean": 55.5}, "mean"),
        ({"stddev": None}, {"mean": 65.0}, "mean"),
        ({"rows": 1000}, {"rows": 1500, "distinct": 150}, "rows"),
        ({"top": top(EUR=0.8, USD=0.2)}, {"top": top(EUR=0.55, USD=0.45)}, "values"),
    ],
)  # fmt: skip
def test_a_number_that_moved_far_is_told(before: dict[str, Any], now: dict[str, Any], what: str) -> None:
    assert what in [kind for _, kind in told(column(**now), column(**before))]


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {}),
        ({"nulls": 100}, {"nulls": 149}),
        ({"distinct": 100}, {"distinct": 149}),
        ({"distinct": 2}, {"distinct": 5}),
        # Ids grow with the rows.
        ({"rows": 1000, "distinct": 1000}, {"rows": 1400, "distinct": 1400}),
        ({}, {"mean": 54.5}),
        ({"stddev": None}, {"mean": 60.0}),
        ({"mean": None}, {"mean": 60.0}),
        ({"mean": "NaN"}, {"mean": 60.0}),
        ({"rows": 1000}, {"rows": 1400}),
        ({"top": top(EUR=0.8)}, {"top": top(EUR=0.7)}),
        ({"top": top(EUR=0.8)}, {"top": top(CHF=0.8)}),
        ({"distinct": None, "stddev": None, "mean": None}, {"distinct": None}),
    ],
)  # fmt: skip
def test_what_comes_and_goes_is_not_told(before: dict[str, Any], now: dict[str, Any]) -> None:
    assert told(column(**now), column(**before)) == []


def test_without_an_earlier_profile_there_is_nothing_to_tell() -> None:
    assert drift([column()], []) == []
    assert drift([], [column()]) == []


def test_a_dataset_that_lost_or_got_all_its_rows_is_told_without_shares_of_nothing() -> None:
    empty = column(rows=0, nulls=0, distinct=0, mean=None, stddev=None)
    assert told(empty, column()) == [(None, "rows")]
    assert told(column(), empty) == [(None, "rows")]
    [rows] = drift([empty], [column()])
    assert rows["words"] == "0 rows instead of 1,000"


def test_profiles_of_earlier_versions_are_compared_as_far_as_they_go() -> None:
    old = {name: value for name, value in column().items() if name not in ("stddev", "top")}
    assert told(column(mean=80.0), old) == [("amount", "mean")]


def test_a_mean_is_told_with_its_distance_and_a_value_with_its_name() -> None:
    [change] = drift([column(mean=80.0)], [column()])
    assert change["words"] == "amount: the mean is 80, 50 before, 3.0 standard deviations away"
    [change] = drift([column(top=top(EUR=0.5))], [column(top=top(EUR=0.9))])
    assert change["words"] == "amount: 50% of the values are 'EUR', 90% before"
