"""Checks of a contract's processing by itself: rules, enrichment, derived columns, SQL steps, aggregates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from etl.contracts.columns import Document, columns_after, is_open, outputs, section
from etl.contracts.problems import quoted, suggestion, twice, type_problem
from etl.names import EVENT_DATE, VALID_FROM, VALID_TO

# The name of the rows in SQL steps.
BATCH_VIEW = "batch"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_processing(document: Document) -> Iterator[str]:
    """Problems of the ``processing`` section of one contract (already valid by the schema)."""
    yield from _check_rules(document)
    yield from _check_enrichments(document)
    yield from _check_derived(document)
    yield from _check_steps(document)
    yield from _check_aggregates(document)


def _check_rules(document: Document) -> Iterator[str]:
    rules = section(document, "rules")
    yield from twice("processing.rules", [rule["name"] for rule in rules])
    for position, rule in enumerate(rules):
        where = f"processing.rules.{position}"
        sets = rule.get("on_failure") == "set"
        if sets and "set" not in rule:
            yield f"{where}: field 'set' is missing; on_failure: set repairs values, e.g. set: {{amount: \"0\"}}"
        if not sets and "set" in rule:
            found = rule.get("on_failure", "reject")
            yield f"{where}.set: is for rules with on_failure: set, and this one's is {found}"
        place = rule.get("after", "read")
        if place == "steps" and is_open(document):
            continue
        known = columns_after(document, place) - {EVENT_DATE}
        for name in rule.get("set", {}):
            if name not in known:
                later = columns_after(document, "derive") - known - {EVENT_DATE}
                hint = f"; {name!r} is there later: say after: derive" if name in later else suggestion(name, known)
                yield f"{where}.set: no column {name!r} after {place}{hint}"


def _check_enrichments(document: Document) -> Iterator[str]:
    types = {column["name"]: column["type"] for column in document["columns"]}
    known = columns_after(document, "read")
    for position, enrichment in enumerate(section(document, "enrich")):
        where = f"processing.enrich.{position}"
        if ("dataset" in enrichment) == ("file" in enrichment):
            yield f"{where}: needs exactly one of dataset and file, which say where the columns come from"
        for name in enrichment["keys"]:
            if name not in known:
                yield f"{where}.keys: no column {name!r}{suggestion(name, known)}"
        if enrichment.get("how") == "inner" and enrichment.get("on_unmatched") == "keep":
            yield (
                f"{where}.on_unmatched: keep contradicts how: inner, which refuses rows without a match; leave "
                "on_unmatched out, or take how: left"
            )
        yield from _check_as_of(where, enrichment, types, known)
        yield from _check_types(where, enrichment)
        added = set(outputs(enrichment))
        if clash := sorted(added & known):
            yield f"{where}: {quoted(clash)} would stand twice; give the enrichment a prefix"
        known |= added


def as_of_fields(enrichment: Document) -> dict[str, str]:
    """``time``, ``valid_from`` and ``valid_to`` of an enrichment; empty when it isn't as of a time."""
    as_of = enrichment.get("as_of")
    if as_of is None:
        return {}
    given = {"time": as_of} if isinstance(as_of, str) else dict(as_of)
    return {"valid_from": VALID_FROM, "valid_to": VALID_TO, **given}


def _check_as_of(where: str, enrichment: Document, types: Mapping[str, str], known: Iterable[str]) -> Iterator[str]:
    fields = as_of_fields(enrichment)
    if not fields:
        return
    time = fields["time"]
    if time not in types and time in known:
        # The event date, or a column of an earlier enrichment, whose type is the reference's.
        return
    if types.get(time) not in ("date", "timestamp"):
        found = f"is {types[time]}" if time in types else f"is not a column{suggestion(time, types)}"
        yield f"{where}.as_of: {time!r} {found}; name a column of type date or timestamp"


def _check_types(where: str, enrichment: Document) -> Iterator[str]:
    types: Mapping[str, Any] = enrichment.get("types", {})
    if types and "dataset" in enrichment:
        yield f"{where}.types: is for files; the types of {enrichment['dataset']!r} stand in its own contract"
        return
    fields = as_of_fields(enrichment)
    known = {*enrichment["keys"].values(), *enrichment["columns"], *(fields[f] for f in fields if f != "time")}
    for name, kind in types.items():
        if name not in known:
            read = ", ".join(sorted(known))
            yield f"{where}.types: {name!r} is not read from the file{suggestion(name, known)}; columns are {read}"
        if problem := type_problem(kind):
            yield f"{where}.types.{name}: {problem}"
    if "file" in enrichment:
        for name in (fields[field] for field in fields if field != "time"):
            if types.get(name) not in ("date", "timestamp"):
                yield f"{where}.types: {name!r} must be date or timestamp for as_of; say {{{name}: date}}"


def _check_derived(document: Document) -> Iterator[str]:
    for position, derived in enumerate(section(document, "derive")):
        if derived["name"] == EVENT_DATE:
            yield f"processing.derive.{position}.name: {EVENT_DATE!r} is a column that the pipeline adds itself"


def _check_steps(document: Document) -> Iterator[str]:
    steps, uses = section(document, "steps"), section(document, "uses")
    yield from twice("processing.steps", [step["name"] for step in steps])
    for position, step in enumerate(steps):
        where = f"processing.steps.{position}.name"
        if step["name"] == BATCH_VIEW:
            yield f"{where}: {BATCH_VIEW!r} is the name of the rows that the first step reads; choose another name"
        if step["name"] in uses:
            yield f"{where}: {step['name']!r} is already the name of a table of processing.uses; choose another name"
    if BATCH_VIEW in uses:
        yield f"processing.uses: {BATCH_VIEW!r} is the name of the rows in SQL steps, so no dataset of it can be read"


def _check_aggregates(document: Document) -> Iterator[str]:
    known = columns_after(document, "derive") - {EVENT_DATE}
    for position, aggregate in enumerate(section(document, "aggregates")):
        where = f"processing.aggregates.{position}"
        group = aggregate.get("group_by", ())
        if EVENT_DATE in group:
            by_date = aggregate.get("over", EVENT_DATE) == EVENT_DATE
            hint = "it is there by itself; leave it out" if by_date else "for rows per date say over: event_date"
            yield f"{where}.group_by: no {EVENT_DATE!r}: {hint}"
        for name in group:
            if name not in known and name != EVENT_DATE and not is_open(document):
                yield f"{where}.group_by: no column {name!r}{suggestion(name, known)}"
        for name in aggregate["measures"]:
            if name in group or name == EVENT_DATE:
                yield f"{where}.measures: {name!r} is a column of the aggregate already; choose another name"
            if not _NAME.fullmatch(name):
                yield f"{where}.measures: {name!r} must be lower case letters, digits and _, starting with a letter"
