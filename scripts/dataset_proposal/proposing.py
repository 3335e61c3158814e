"""From a sample to a proposal: each step looks a little closer than the one before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from glob import escape
from os.path import commonprefix
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataset_proposal import facts as looking
from dataset_proposal import rules
from dataset_proposal.identity import identify
from dataset_proposal.model import ColumnProposal, Facts, Happened, Identity, Proposal
from dataset_proposal.moments import closer_types
from dataset_proposal.personal import secrets_in, suggested
from dataset_proposal.sample import Sample, Wanted, described
from etl.contracts import Column, Contract
from etl.inference import UNIQUE, infer_columns
from quality_check.errors import CheckError
from quality_check.frames import Table, table_of

_NUMBERED = re.compile(r"([-_. ]+\d.*|[-_. \d]+)$")
_SHORTEST_PATTERN = 3
Say = Callable[[str], None]


@dataclass(frozen=True)
class Seen:
    """What is known before the proposal is made.

    Attributes:
        name: of the dataset.
        reading: the contract that the sample was read by; it has columns only where the files have no header.
        options: reader options that were given.
        contracts: those that are there.
        now: with a zone.
    """

    name: str
    reading: Contract
    options: Mapping[str, Any]
    contracts: Mapping[str, Contract]
    now: datetime


def propose(sample: Sample, chosen: Wanted, seen: Seen, say: Say) -> tuple[Proposal, tuple[Facts, ...]]:
    """The proposal, and the facts that it was made of.

    Args:
        sample: the rows.
        chosen: what was looked at.
        seen: what is known besides.
        say: tells what is being done.

    Raises:
        CheckError: there are no columns or no rows to judge by.
    """
    say("types of the columns")
    columns = infer_columns(sample.frame)
    table = _typed(sample, columns, seen.name)
    if not table.read:
        raise CheckError(f"{chosen.place.given} has columns and no rows; nothing can be proposed from that")
    say("values of the columns")
    facts = looking.gather(table.rows, columns)
    types, about_types = closer_types(facts, table.rows)
    if types:
        say("dates and switches")
        changed = _typed(sample, [types.get(column.name, column) for column in columns], seen.name)
        facts = looking.with_types(facts, changed.rows, types)
        table.rows.unpersist()
        table = changed
    personal = suggested(facts)
    say("key and times")
    identity, unsure = _identity(sample, table.rows, facts, personal, seen.name)
    treated = _treated(personal, identity)
    happened = _happened(table.rows, identity.event_time, seen.now)
    others = {name: each for name, each in seen.contracts.items() if name != seen.name}
    found = rules.propose(
        facts, identity, {name: how for name, (how, _) in treated.items()}, happened, others, seen.now
    )
    table.rows.unpersist()
    source, source_why = _source(sample, chosen, seen, others)
    proposal = Proposal(
        name=seen.name,
        columns=tuple(_column(each, identity, treated, about_types) for each in facts),
        identity=identity,
        source=source,
        source_why=source_why,
        rules=found,
        seen=described(chosen, table.read),
        notes=(*sample.notes, *unsure, *identity.notes, *_secrets(facts)),
    )
    return proposal, facts


def _typed(sample: Sample, columns: Iterable[Column], name: str) -> Table:
    return table_of(sample.frame, sample.files, Contract(name, columns=tuple(columns)))


def _identity(
    sample: Sample, rows: DataFrame, facts: Sequence[Facts], personal: Mapping[str, tuple[str, str]], name: str
) -> tuple[Identity, list[str]]:
    """Key and times; a key of the sample that the rest of the files breaks is none.

    For the key of a sample Spark reads all files once more, and of them nothing else.
    """
    hidden = [column for column, (how, _) in personal.items() if how != "hash"]
    broken: list[str] = []
    while True:
        found = identify(name, facts, lambda names: looking.unique_pair(rows, names), hidden)
        if sample.fraction == 1 or not found.key or not sample.repeats(_sources(found.key, facts)):
            return found, [f"{each}: different in the sample, not in all rows" for each in broken]
        broken.append(", ".join(found.key))
        facts = [replace(each, unique=False, complete=False) if each.name in found.key else each for each in facts]


def _sources(names: Iterable[str], facts: Iterable[Facts]) -> list[str]:
    own = {each.name: (*each.column.aliases, each.name)[0] for each in facts}
    return [own[name] for name in names]


def _treated(personal: Mapping[str, tuple[str, str]], identity: Identity) -> dict[str, tuple[str, str]]:
    """Personal columns with their treatment; times that date and order rows have to stay as they are."""
    stays = {identity.event_time, *identity.order_by}
    return {name: found for name, found in personal.items() if name not in stays}


def _happened(rows: DataFrame, event_time: str, now: datetime) -> Happened | None:
    """When the rows happened; None where no column tells, or all of them lie in the future."""
    if not event_time:
        return None
    day = F.to_date(F.col(f"`{event_time}`"))
    past = F.when(day <= F.lit(now.date()), day)
    later = F.count(F.when(F.col(f"`{event_time}`") > F.lit(now), 1))
    found = rows.agg(F.countDistinct(past), F.min(past), F.max(past), later).collect()[0]
    return Happened(*found) if found[0] else None


def _column(
    facts: Facts, identity: Identity, treated: Mapping[str, tuple[str, str]], about_types: Mapping[str, str]
) -> ColumnProposal:
    # Rows without it would be refused; those of a sample must not be.
    required = facts.name in identity.key or (facts.name == identity.event_time and facts.complete)
    pii, why_personal = treated.get(facts.name, ("", ""))
    hints = [hint for hint in facts.hints if hint != UNIQUE] if facts.name not in about_types else []
    why = [about_types.get(facts.name, ""), *hints, f"personal? {why_personal}" if pii else ""]
    column = facts.column
    plain = Column(column.name, column.type, required, column.aliases, "", column.formats, pii=pii)
    return ColumnProposal(plain, tuple(part for part in why if part))


def _secrets(facts: Sequence[Facts]) -> list[str]:
    return [f"{each.name} holds what looks like a secret ({what})" for each in facts for what in secrets_in(each)]


def _source(
    sample: Sample, chosen: Wanted, seen: Seen, others: Mapping[str, Contract]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The contract's source, and why; options only where all files agree on something that is out of the ordinary."""
    source: dict[str, Any] = {}
    why: dict[str, str] = {}
    pattern = _pattern(list(chosen.place.files.values()), seen.name)
    taken = next((name for name, each in others.items() if pattern in each.source.patterns), "")
    if taken:
        why["patterns"] = f"{pattern} is the pattern of {taken}: put the files under data/incoming/{seen.name}/"
    else:
        source["patterns"] = [pattern]
        why["patterns"] = "file names that belong here when they lie in no folder of a dataset"
    formats = [group.format for group in sample.files.groups]
    kinds = Counter(each.look.format.kind for each in sample.files.readable())
    why["format"] = "found by content in every file: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    options = dict(seen.options)
    if kinds.keys() == {"csv"}:
        for name, usual in (("delimiter", ","), ("quote", '"'), ("encoding", "UTF-8")):
            values = {getattr(each, name) for each in formats}
            if len(values) == 1 and values != {usual} and not str(next(iter(values))).startswith("UTF-"):
                options.setdefault(name, values.pop())
        source["format"] = "csv"
    if seen.reading.columns:
        options["header"] = False
    if options:
        source["options"] = options
        why["options"] = "as the sample is written; without it each file is looked at anew"
    return source, why


def _pattern(names: Sequence[str], dataset: str) -> str:
    """A shell pattern that all the files' names fit."""
    files = [Path(name).name for name in names]
    common = commonprefix([name.split(".", 1)[0] for name in files])  # of characters # noqa: RUF071
    stem = _NUMBERED.sub("", common)
    return f"{escape(stem) if len(stem) >= _SHORTEST_PATTERN else dataset}*"
