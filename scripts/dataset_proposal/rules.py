"""DQDL rules that the sample keeps, each with its evidence. None is about the values of personal columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from os.path import commonprefix

from dataset_proposal.model import Facts, Happened, Identity, RuleProposal
from etl.contracts import Contract

_MOST_VALUES = 10
_ROWS_PER_VALUE = 5
_LEAST_ROWS = 10
_LONGEST_VALUE = 60
# A value that so few rows have may be a mistake.
_RARE = 0.01
# How much more may be missing next time than in the sample.
_MARGIN = 0.05
_HEADROOM = 10
# With more different values than this a column is rather a key of its own than one of another table.
_OWN = 0.85
_FUTURE = re.compile(r"due|expir|valid|until|end|deadline|planned|expected|deliver|arriv|forecast")
# Two digits or more: less says nothing.
_SHAPED = re.compile("[9a].*9")
_SPECIAL = re.compile(r"([.^$*+?()\[\]{}|])")


def propose(
    facts: Sequence[Facts],
    identity: Identity,
    personal: Mapping[str, str],
    happened: Happened | None,
    others: Mapping[str, Contract],
    now: datetime,
) -> tuple[RuleProposal, ...]:
    """The rules of a dataset.

    Args:
        facts: of all columns.
        identity: key and times.
        personal: column -> treatment.
        happened: when, by event_time; None where there is none.
        others: the contracts that are there, which columns may refer to.
        now: with a zone.
    """
    rows = facts[0].rows if facts else 0
    found = [RuleProposal("RowCount > 0", f"the sample has {rows:,} rows; an empty table is a mistake")]
    if identity.key:
        names = " ".join(f'"{name}"' for name in identity.key)
        found.append(RuleProposal(f"IsPrimaryKey {names}", identity.why["key"]))
    for each in facts:
        treatment = personal.get(each.name, "")
        if treatment == "drop" or not each.profile or not each.filled:
            continue
        found += _completeness(each, identity)
        if not treatment:
            found += [*_of_text(each, identity), *_of_number(each), *_of_time(each, now)]
    found += _references(facts, identity, others)
    return (*found, *_freshness(facts, identity, happened, now))


def _completeness(each: Facts, identity: Identity) -> Iterator[RuleProposal]:
    if each.name in identity.key:
        return
    share = each.filled / each.rows
    if not each.has_nulls:
        yield RuleProposal(f'IsComplete "{each.name}"', f"every one of {each.rows:,} rows has a value")
    elif share >= 0.5 and (least := math.floor((share - _MARGIN) * 100) / 100) > 0:
        yield RuleProposal(f'Completeness "{each.name}" > {least:g}', f"{share:.1%} of the rows have a value")


def _of_text(each: Facts, identity: Identity) -> Iterator[RuleProposal]:
    if each.type != "string":
        return
    if each.unique and each.name not in identity.key and re.search(r"_(id|uuid|guid|no|number|code)$", each.name):
        yield RuleProposal(f'IsUnique "{each.name}"', f"every one of {each.rows:,} rows has a value of its own")
    if listed := _listed(each):
        yield listed
        return
    if each.filled < _LEAST_ROWS or not each.lengths or each.lengths[1] > _LONGEST_VALUE:
        return
    start = commonprefix(_ends(each))  # character by character, as is meant # noqa: RUF071
    if len(each.shapes) == 1 and (pattern := _pattern(each.shapes[0], start)):
        why = f"every value is written like {each.shapes[0]} (9 a digit, a letter a)"
        yield _where_filled(each, f'ColumnValues "{each.name}" matches "{pattern}"', why)
    elif each.lengths[0] == each.lengths[1] > 1:
        why = f"every value has {each.lengths[0]} characters"
        yield _where_filled(each, f'ColumnLength "{each.name}" = {each.lengths[0]}', why)


def _listed(each: Facts) -> RuleProposal | None:
    """The values that a column may have, where they are few; rare ones may be mistakes, and are not among them."""
    values = each.values
    common = {value for value, rows in values.items() if rows >= _RARE * each.filled}
    rare = sum(rows for value, rows in values.items() if value not in common)
    if not common or not all(map(_can_be_listed, common)) or rare > _MARGIN * each.filled:
        return None
    if len(values) > _MOST_VALUES or each.filled < max(_LEAST_ROWS, _ROWS_PER_VALUE * len(common)):
        return None
    texts = ", ".join('"' + value.replace('"', '\\"') + '"' for value in sorted(common))
    rule = _where_filled(each, f'ColumnValues "{each.name}" in [{texts}]', f"{len(common)} different value(s)")
    if not rare:
        return RuleProposal(rule.text, f"{rule.why} in {each.filled:,} rows")
    least = math.floor((1 - rare / each.filled - _MARGIN) * 100) / 100
    why = f"{rule.why}, and {len(values) - len(common)} rare one(s) in {rare:,} row(s), which may be mistakes"
    return RuleProposal(f"{rule.text} with threshold > {least:g}", why)


def _can_be_listed(value: str) -> bool:
    return bool(value.strip()) and len(value) < _LONGEST_VALUE and "\\" not in value and value.isprintable()


def _ends(each: Facts) -> list[str]:
    """The first and the last text in order: what both begin with, all begin with."""
    return [each.end(which) or "" for which in ("min", "max")]


def _pattern(shape: str, prefix: str) -> str:
    """The regular expression of a shape that has digits, and letters or signs; '' for one that says too little."""
    if not _SHAPED.search(shape) or '"' in prefix + shape or "\\" in prefix + shape or not shape.isprintable():
        return ""
    letters = re.match("a*", shape)
    # Of letters in front that are the same everywhere, the pattern says which.
    fixed = min(letters.end() if letters else 0, len(prefix))
    runs = re.findall(r"9+|a+|[^9a]", shape[fixed:])
    kinds = {"9": r"\p{N}", "a": r"[\p{L}\p{M}]"}
    counted = ((kinds.get(run[0], _SPECIAL.sub(r"\\\1", run)), len(run)) for run in runs)
    return prefix[:fixed] + "".join(f"{kind}{{{length}}}" if length > 1 else kind for kind, length in counted)


def _of_number(each: Facts) -> Iterator[RuleProposal]:
    # NaN meets no comparison, and the extremes of doubles leave it out, so doubles get no rule.
    is_number = each.type == "long" or each.type.startswith("decimal")
    if not is_number or re.search(r"(^|_)(id|key|no|nr|number|code|year)$", each.name):
        return
    low, high = (float(each.end(which) or "nan") for which in ("min", "max"))
    if math.isnan(low) or low < 0:
        return
    yield _where_filled(each, f'ColumnValues "{each.name}" >= 0', f"from {each.end('min')} to {each.end('max')}")
    if each.filled >= _LEAST_ROWS and high > 0:
        most = 10 ** math.ceil(math.log10(high * _HEADROOM))
        why = f"the largest is {each.end('max')}; so much more looks like another unit"
        yield _where_filled(each, f'ColumnValues "{each.name}" <= {most}', why)


def _of_time(each: Facts, now: datetime) -> Iterator[RuleProposal]:
    if each.type not in ("date", "timestamp") or _FUTURE.search(each.name):
        return
    newest = _moment(each.end("max"))
    if newest and newest <= now:
        yield _where_filled(each, f'ColumnValues "{each.name}" <= now()', f"the newest is {each.end('max')}")


def _where_filled(each: Facts, rule: str, why: str) -> RuleProposal:
    """The rule, about rows that have a value: those that have none are Completeness's affair."""
    return RuleProposal(f'{rule} where "`{each.name}` is not null"' if each.has_nulls else rule, why)


def _references(facts: Sequence[Facts], identity: Identity, others: Mapping[str, Contract]) -> Iterator[RuleProposal]:
    for name, contract in sorted(others.items()):
        for each in facts:
            is_own = identity.key == contract.key or (each.profile.get("distinct") or 0) > _OWN * each.rows
            if contract.key == (each.name,) and not is_own:
                why = f"{name} has the key {each.name}; not tried here, its table is needed"
                yield RuleProposal(f'ReferentialIntegrity "{each.name}" "{name}.{each.name}" > 0.98', why, True)


def _freshness(
    facts: Sequence[Facts], identity: Identity, happened: Happened | None, now: datetime
) -> Iterator[RuleProposal]:
    """The newest row's age; twice the usual distance between days with rows is too old."""
    event = next((each for each in facts if each.name == identity.event_time), None)
    if not event or not happened:
        return
    share = happened.later / event.filled
    if 0 < share <= _MARGIN:
        rule = _where_filled(event, f'ColumnValues "{event.name}" <= now()', "")
        why = f"{happened.later:,} row(s) lie in the future, which may be mistakes"
        yield RuleProposal(f"{rule.text} with threshold > {math.floor((1 - share - _MARGIN) * 100) / 100:g}", why)
    usual = max(1.0, (happened.newest - happened.oldest).days / max(happened.days - 1, 1))
    most, age = max(2, math.ceil(2 * usual)), (now.date() - happened.newest).days
    why = f"rows of {happened.days:,} day(s), the newest {age:,} day(s) old"
    if age > most or share:
        why += "; the sample is older than that" if age > most else "; rows of the future would hide the age"
        why += ": take the rule in when files come regularly"
    # DataFreshness is about every row of the table, also the oldest; this is about the newest one.
    sql = f"select datediff(current_date(), max(`{event.name}`)) from primary"  # noqa: S608 - a column of the sample, quoted # nosec B608
    yield RuleProposal(f'CustomSql "{sql}" <= {most}', why, commented=age > most or share > 0)


def _moment(text: str | None) -> datetime | None:
    """A date or timestamp of a profile; None for years that Python does not know."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=timezone.utc) if found else None
