"""Drift: what has changed in a dataset's profile since the last run, in words.

Columns that came, went or changed their type are always told. Numbers are told when they moved by more than what comes
and goes from day to day; docs/quality_report.md says how much that is. Whether a value is unusual against the whole
history of runs is another question: :mod:`etl.dqdl.anomalies` answers it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etl.page import shown_number, shown_percent, shown_value

Entry = Mapping[str, Any]

# A share of nulls moves by so much of all rows, or nulls come to a column that had none (or leave it).
NULL_SHARE = 0.05
# The number of different values moves by this factor, and so does its share of the values: ids only grow with the rows.
DISTINCT_FACTOR = 1.5
FEWEST_DISTINCT = 10
# A mean moves by so many of the earlier standard deviations; without one, by so much of itself.
MEAN_DEVIATIONS = 0.5
MEAN_SHARE = 0.25
# A frequent value's share of the rows moves by so much.
VALUE_SHARE = 0.2
ROWS_FACTOR = 1.5
_CHARACTERS = 40


def drift(profile_now: Sequence[Entry], profile_before: Sequence[Entry]) -> list[dict[str, Any]]:
    """The changes between two profiles of a dataset, those of its columns first.

    Args:
        profile_now: entries as etl.dqdl.profile_columns makes them; also after a round trip through JSON.
        profile_before: those of the run before; without any there is nothing to compare.

    Returns:
        Mappings ready for JSON: ``column`` (None for the dataset), ``what`` (``added``, ``removed``, ``type``,
        ``rows``, ``nulls``, ``distinct``, ``mean`` or ``values``), ``before``, ``now`` (as texts; None where there is
        none) and ``words``, a sentence.
    """
    if not profile_before or not profile_now:
        return []
    before = {entry["column"]: entry for entry in profile_before}
    now = {entry["column"]: entry for entry in profile_now}
    changes = [
        _change(name, "added", None, now[name]["type"], f"new, {now[name]['type']}") for name in _new(now, before)
    ]
    changes += [
        _change(name, "removed", before[name]["type"], None, f"gone; it was {before[name]['type']}")
        for name in _new(before, now)
    ]
    common = [(before[name], entry) for name, entry in now.items() if name in before]
    changes += [change for pair in common for change in _retyped(*pair)]
    changes += _rows(profile_before[0], profile_now[0])
    # Of a column with another type, or without rows, numbers can't be compared.
    same = [(old, new) for old, new in common if old["type"] == new["type"] and old["rows"] and new["rows"]]
    for measure in (_nulls, _distinct, _mean, _values):
        changes += [change for pair in same for change in measure(*pair)]
    return changes


def _new(these: Mapping[str, Entry], those: Mapping[str, Entry]) -> list[str]:
    return [name for name in these if name not in those]


def _change(column: str | None, what: str, before: str | None, now: str | None, words: str) -> dict[str, Any]:
    said = words if column is None else f"{column}: {words}"
    return {"column": column, "what": what, "before": before, "now": now, "words": said}


def _retyped(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    if old["type"] != new["type"]:
        yield _change(new["column"], "type", old["type"], new["type"], f"was {old['type']}, is {new['type']}")


def _rows(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    before, now = old["rows"], new["rows"]
    if max(before, now) and _factor(before, now) >= ROWS_FACTOR:
        words = f"{shown_number(now)} rows instead of {shown_number(before)}"
        yield _change(None, "rows", shown_number(before), shown_number(now), words)


def _nulls(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    before, now = old["nulls"] / old["rows"], new["nulls"] / new["rows"]
    if abs(now - before) >= NULL_SHARE or (before == 0) != (now == 0):
        first, second = shown_percent(before), shown_percent(now)
        yield _change(new["column"], "nulls", first, second, f"{second} of the rows are null, {first} before")


def _distinct(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    before, now = old.get("distinct"), new.get("distinct")
    if before is None or now is None or max(before, now) < FEWEST_DISTINCT:
        return
    share_before, share_now = (count / max(_valued(entry), 1) for count, entry in ((before, old), (now, new)))
    if min(_factor(before, now), _factor(share_before, share_now)) >= DISTINCT_FACTOR:
        first, second = f"~{shown_number(before)}", f"~{shown_number(now)}"
        yield _change(new["column"], "distinct", first, second, f"{second} different values, {first} before")


def _mean(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    before, now = _finite(old.get("mean")), _finite(new.get("mean"))
    if before is None or now is None or before == now:
        return
    spread = _finite(old.get("stddev"))
    width = MEAN_DEVIATIONS * spread if spread else MEAN_SHARE * abs(before)
    if abs(now - before) < width:
        return
    first, second = shown_number(before), shown_number(now)
    far = f", {abs(now - before) / spread:.1f} standard deviations away" if spread else ""
    yield _change(new["column"], "mean", first, second, f"the mean is {second}, {first} before{far}")


def _values(old: Entry, new: Entry) -> Iterator[dict[str, Any]]:
    """The frequent value whose share has moved most, of those known in both runs."""
    before, now = ({each["value"]: each["share"] for each in entry.get("top") or ()} for entry in (old, new))
    moved = [(abs(now[value] - before[value]), value) for value in now if value in before]
    if not moved or max(moved)[0] < VALUE_SHARE:
        return
    value = max(moved)[1]
    first, second = shown_percent(before[value]), shown_percent(now[value])
    words = f"{second} of the values are {shown_value(value, _CHARACTERS)!r}, {first} before"
    yield _change(new["column"], "values", first, second, words)


def _valued(entry: Entry) -> int:
    return int(entry["rows"] - entry["nulls"])


def _factor(before: float, now: float) -> float:
    """How many times the larger of two numbers is the smaller."""
    low, high = sorted((before, now))
    return high / low if low else (math.inf if high else 1.0)


def _finite(value: Any) -> float | None:
    """A number; None for what is none (NaN comes as a text from JSON)."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
