"""Key, event time and order: by what the values show first, and by what columns are called second."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from dataset_proposal.model import Facts, Identity
from dataset_proposal.moments import MOST

_ID = re.compile(r"(^|_)(id|key|uuid|guid|no|nr|number|code|ref)$")
_PART = re.compile(r"(^|_)(line|position|pos|seq|sequence|item|version|row)(_no|_nr|_number|_id)?$")
_NEVER_EVENT = re.compile(r"birth|dob|expir|valid|due|until|deadline|planned|expected|start|end")
_EVENT = (
    r"event_|^timestamp$|^ts$|^time$|_time$|^date$",
    r"creat|order|purchas|sold|measur|record|occur|observ|log|book|paid|sent|receiv|visit|_at$|_on$",
    r"_date$|_day$|date",
)
_CHANGED = re.compile(r"updat|modif|chang|version|last_")
_LONGEST_KEY = 64
_MOST_PARTS = 5
# The estimate of different values is right within some percent.
_NEARLY = 0.85
Pair = Callable[[Sequence[str]], tuple[str, str] | None]


def identify(dataset: str, facts: Sequence[Facts], pair: Pair, hidden: Sequence[str]) -> Identity:
    """What tells rows apart, when they happened, and which of two is the later one.

    Args:
        dataset: its name.
        facts: of all columns.
        pair: finds two of the columns that together tell all rows apart.
        hidden: columns of persons that are masked or dropped, and can be none of it.
    """
    usable = [each for each in facts if each.name not in hidden]
    key, why, notes = _key(dataset, usable, pair)
    times = [each for each in usable if each.type in ("timestamp", "date") and each.filled >= MOST * each.rows > 0]
    events = [each for each in times if not _NEVER_EVENT.search(each.name) and not _CHANGED.search(each.name)]
    changes = [each for each in times if _CHANGED.search(each.name)]
    event = min(events, key=_event_rank, default=None)
    evidence = {"key": why} if key else {}
    if event:
        where = "every row" if not event.has_nulls else f"{event.filled / event.rows:.1%} of the rows"
        evidence["event_time"] = f"a {event.type} in {where}, {event.end('min')} to {event.end('max')}"
        others = [each.name for each in events if each is not event]
        if others:
            notes.append(f"event_time may be {', '.join(others)} as well")
    order = (changes or [event] if event else changes)[:1] if key else []
    order_by = tuple(each.name for each in order if each)
    if order_by:
        evidence["order_by"] = "of two rows with one key the later one counts"
    elif key:
        notes.append("no column tells which of two rows with one key is the later one: the file that came later wins")
    if not key:
        notes.append("rows have no key, so a row that comes again stands twice")
    return Identity(tuple(key), event.name if event else "", order_by, evidence, tuple(notes))


def _key(dataset: str, facts: Sequence[Facts], pair: Pair) -> tuple[list[str], str, list[str]]:
    unique = [each for each in facts if each.unique and (not each.lengths or each.lengths[1] <= _LONGEST_KEY)]
    first = facts[0].name if facts else ""
    ranked = sorted(
        (rank, place, each) for place, each in enumerate(unique) if (rank := _rank(dataset, each, first)) < 9
    )
    if ranked:
        chosen = ranked[0][2]
        others = [each.name for each in unique if each is not chosen]
        few = "; few rows prove little" if chosen.rows < 20 else ""
        notes = [f"unique as well: {', '.join(others)}"] if others else []
        return [chosen.name], f"every one of {chosen.rows:,} rows has a value of its own{few}", notes
    parts = [each for each in facts if each.complete and each.rows > 1 and _may_be_part(each)]
    parts = sorted(parts, key=lambda each: not _ID.search(each.name))[:_MOST_PARTS]
    if found := pair([each.name for each in parts]):
        return list(found), f"together different in every one of {parts[0].rows:,} rows", []
    notes = [f"unique, and not named like a key: {', '.join(each.name for each in unique)}"] if unique else []
    return [], "", [*notes, *_nearly(dataset, facts, first)]


def _nearly(dataset: str, facts: Sequence[Facts], first: str) -> list[str]:
    """A column that is named like the key and misses it by some rows."""
    for each in sorted(facts, key=lambda each: _rank(dataset, each, first)):
        different = each.profile.get("distinct") or 0
        if _rank(dataset, each, first) < 3 and each.type in ("string", "long") and different >= _NEARLY * each.rows > 1:
            rows = f"about {different:,} different values in {each.rows:,} rows"
            return [
                f"{each.name} is nearly a key ({rows}): with key: [{each.name}] and required: true, rows without it "
                "and earlier rows of one key would be refused"
            ]
    return []


def _rank(dataset: str, each: Facts, first: str) -> int:
    """How much a unique column's name speaks for being the key; 9 for not at all."""
    singular = dataset.removesuffix("s")
    own = rf"id|key|uuid|guid|({re.escape(dataset)}|{re.escape(singular)})_(id|key|no|nr|number|code|uuid)"
    if re.fullmatch(own, each.name):
        return 0
    if _ID.search(each.name):
        return 1 if each.name == first else 2
    return 3 if each.name == first else 9


def _may_be_part(each: Facts) -> bool:
    if each.type in ("date", "timestamp"):
        return not _NEVER_EVENT.search(each.name)
    return each.type in ("string", "long") and bool(_ID.search(each.name) or _PART.search(each.name))


def _event_rank(each: Facts) -> tuple[int, bool]:
    named = next((place for place, pattern in enumerate(_EVENT) if re.search(pattern, each.name)), len(_EVENT))
    return named, each.type != "timestamp"
