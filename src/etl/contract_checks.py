"""What JSON Schema can't say of contracts: columns that refer to each other, datasets that need each other."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from etl.column_types import TYPES, TypeTextError, parse_type
from etl.dqdl import DqdlSyntaxError, parse_ruleset
from etl.names import EVENT_DATE, standard_name

# Columns that the pipeline adds itself.
RESERVED = frozenset({"batch_id", "event_date", "year", "month", "day"})
Document = Mapping[str, Any]


def schema_problem(error: Any) -> str:
    """A JSON Schema error as one line: the field, what it holds, and what would be right.

    Args:
        error: fastjsonschema's ``JsonSchemaValueException``.
    """
    field = ".".join(error.path[1:]) or "the contract"
    if error.rule == "additionalProperties":
        known = sorted(error.definition.get("properties", {}))
        # YAML has keys that are no text, such as the unquoted on (true).
        unknown = sorted(str(name) for name in error.value if name not in known)
        return f"{field}: unknown field {_quoted(unknown)}{_suggestion(unknown[0], known)}; known: {', '.join(known)}"
    if error.rule == "required":
        missing = [name for name in error.rule_definition if name not in error.value]
        return f"{field}: field {_quoted(missing)} is missing"
    if error.rule == "enum":
        choices = ", ".join(str(each).lower() if isinstance(each, bool) else each for each in error.rule_definition)
        return f"{field}: {error.value!r} is not one of {choices}"
    if error.rule == "pattern" and error.path[-1] == "type":
        return f"{field}: {_type_problem(error.value) or f'{error.value!r} is not a type; use {TYPES}'}"
    if error.rule == "pattern":
        return f"{field}: {error.value!r} must be lower case letters, digits and _, starting with a letter"
    return f"{field}: {error.message.split(' ', 1)[1]}, found {error.value!r}{_quoting_hint(error)}"


def _quoting_hint(error: Any) -> str:
    """YAML makes other things than text of what looks like a switch, a number or a date."""
    if error.rule != "type" or error.rule_definition != "string" or isinstance(error.value, Mapping | list):
        return ""
    if isinstance(error.value, bool):
        return ' (YAML reads an unquoted yes, no, on and off as true or false; for text put it in quotes, as "no")'
    return "; for text put it in quotes" if error.value is not None else ""


def _type_problem(text: str) -> str:
    """Why a text is no type, or ''."""
    try:
        parse_type(text)
    except TypeTextError as error:
        return str(error)
    return ""


def check_one(file: str, document: Document) -> Iterator[str]:
    """Problems inside one contract (already valid by the schema)."""
    yield from _check_name(file, document)
    yield from _check_columns(document)
    columns = {column["name"]: column["type"] for column in document["columns"]}
    yield from _check_complex(document, columns)
    required = {column["name"] for column in document["columns"] if column.get("required")}
    for name in document.get("key", ()):
        if name in columns and name not in required:
            yield f"key: column {name!r} must be required; rows without it can't be told apart"
    for field in ("key", "order_by"):
        for name in document.get(field, ()):
            if name not in columns:
                yield f"{field}: no column {name!r}{_suggestion(name, columns)}; columns are {', '.join(columns)}"
    event_time = document.get("event_time")
    if event_time is not None and columns.get(event_time) not in ("date", "timestamp"):
        found = f"is {columns[event_time]}" if event_time in columns else "is not a column"
        yield f"event_time: {event_time!r} {found}; name a column of type date or timestamp"
    yield from _check_encoding(document)
    yield from _check_processing(document, set(columns))
    yield from _check_quality(document)


def check_together(documents: Mapping[str, Document], broken: Iterable[str] = ()) -> Iterator[str]:
    """Problems between contracts: a dataset or table twice, an enrichment from nowhere, a cycle.

    Args:
        documents: file name -> contract document.
        broken: names of files that have problems of their own, which are not blamed on those that refer to them.
    """
    incomplete = {standard_name(PurePosixPath(file).stem) for file in broken}
    files: dict[str, str] = {}
    for file, document in documents.items():
        if document["name"] in files:
            yield f"{file}: name: dataset {document['name']!r} is also defined in {files[document['name']]}"
        files[document["name"]] = file
    for file, document in documents.items():
        for position, enrichment in enumerate(_processing(document, "enrich")):
            if "dataset" not in enrichment or enrichment["dataset"] in incomplete:
                continue
            if enrichment["dataset"] not in files:
                yield (
                    f"{file}: processing.enrich.{position}.dataset: no contract for {enrichment['dataset']!r}"
                    f"{_suggestion(enrichment['dataset'], files)}; datasets are {', '.join(sorted(files))}"
                )
                continue
            other = documents[files[enrichment["dataset"]]]
            if sorted(enrichment["keys"].values()) != sorted(other.get("key", ())):
                # Joining on less than the key would multiply rows.
                yield (
                    f"{file}: processing.enrich.{position}.keys: must name the whole key of {other['name']}, which is "
                    f"{', '.join(other.get('key', ())) or 'not set'}"
                )
    yield from _check_patterns(documents)
    yield from _check_tables(documents)
    yield from _check_cycles(documents)


def _check_patterns(documents: Mapping[str, Document]) -> Iterator[str]:
    """The longest pattern that fits takes a file, so two datasets with one pattern would both want it."""
    taken: dict[str, str] = {}
    for file, document in documents.items():
        for position, pattern in enumerate(document.get("source", {}).get("patterns", ())):
            other = taken.setdefault(pattern, document["name"])
            if other != document["name"]:
                yield f"{file}: source.patterns.{position}: {pattern!r} is also a pattern of {other!r}; make one longer"


def _check_tables(documents: Mapping[str, Document]) -> Iterator[str]:
    """Datasets and aggregates are tables of one database, and two writers of one table would undo each other."""
    taken = {document["name"]: f"dataset {document['name']!r}" for document in documents.values()}
    for file, document in documents.items():
        for position, aggregate in enumerate(_processing(document, "aggregates")):
            name = aggregate["name"]
            if name in taken:
                yield f"{file}: processing.aggregates.{position}.name: {name!r} is already the table of {taken[name]}"
            taken[name] = f"an aggregate of {document['name']!r}"


def _check_name(file: str, document: Document) -> Iterator[str]:
    stem = PurePosixPath(file).stem
    if standard_name(stem) != document["name"]:
        yield f"name: {document['name']!r} must be the file's name, {standard_name(stem)!r}"


def _check_columns(document: Document) -> Iterator[str]:
    taken: dict[str, str] = {}
    for position, column in enumerate(document["columns"]):
        where = f"columns.{position}"
        if column["name"] in RESERVED:
            yield f"{where}.name: {column['name']!r} is a column that the pipeline adds itself; choose another name"
        own = column["name"]
        # A set: an alias that spells the column's own name, or another alias, otherwise does no harm.
        names = {own, *(standard_name(alias) for alias in column.get("aliases", ()))}
        for name in sorted(names & taken.keys()):
            yield f"{where}: the name {name!r} already belongs to column {taken[name]!r}"
        taken |= dict.fromkeys(names, own)
        if problem := _type_problem(column["type"]):
            yield f"{where}.type: {problem}"


def _check_encoding(document: Document) -> Iterator[str]:
    encoding = document.get("source", {}).get("options", {}).get("encoding", "UTF-8")
    try:
        " ".encode(encoding)
    except (LookupError, ValueError):
        yield f"source.options.encoding: {encoding!r} is no known encoding; e.g. UTF-8, ISO-8859-1, windows-1252"


def _check_complex(document: Document, columns: Mapping[str, str]) -> Iterator[str]:
    """Rows are told apart and put in order by scalars only."""
    for field in ("key", "order_by"):
        for name in document.get(field, ()):
            if "<" in columns.get(name, ""):
                yield f"{field}: column {name!r} is {columns[name]}; name a column of a scalar type"


def _check_processing(document: Document, columns: set[str]) -> Iterator[str]:
    known = set(columns)
    for position, enrichment in enumerate(_processing(document, "enrich")):
        for name in enrichment["keys"]:
            if name not in known:
                yield f"processing.enrich.{position}.keys: no column {name!r}{_suggestion(name, known)}"
        added = {f"{enrichment.get('prefix', '')}{name}" for name in enrichment["columns"]}
        if clash := sorted(added & known):
            yield (f"processing.enrich.{position}: {_quoted(clash)} would stand twice; give the enrichment a prefix")
        known |= added
    for position, derived in enumerate(_processing(document, "derive")):
        if derived["name"] == EVENT_DATE:
            yield f"processing.derive.{position}.name: {EVENT_DATE!r} is a column that the pipeline adds itself"
        known.add(derived["name"])
    yield from _duplicates("processing.rules", [rule["name"] for rule in _processing(document, "rules")])
    aggregates = list(_processing(document, "aggregates"))
    for position, aggregate in enumerate(aggregates):
        where = f"processing.aggregates.{position}"
        group = aggregate.get("group_by", ())
        for name in group:
            if name not in known:
                yield f"{where}.group_by: no column {name!r}{_suggestion(name, known)}"
        for name in aggregate["measures"]:
            if name in group or name == EVENT_DATE:
                yield f"{where}.measures: {name!r} is a column of the aggregate already; choose another name"


def _check_quality(document: Document) -> Iterator[str]:
    rules = document.get("quality", {}).get("rules")
    if rules is None:
        return
    try:
        parse_ruleset(rules)
    except DqdlSyntaxError as error:
        yield f"quality.rules: {error}"


def _check_cycles(documents: Mapping[str, Document]) -> Iterator[str]:
    needs = {
        d["name"]: {e["dataset"] for e in _processing(d, "enrich") if "dataset" in e} | set(_processing(d, "uses"))
        for d in documents.values()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        yield f"enrichment goes round in a circle: {circle}; one of them must come without the other"


def _processing(document: Document, section: str) -> list[Any]:
    return list(document.get("processing", {}).get(section, ()))


def _duplicates(where: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{where}: the name {name!r} is given twice"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
