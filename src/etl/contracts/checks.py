"""What JSON Schema can't say of one contract: its names, columns, key and times, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from etl.contracts.columns import Document
from etl.contracts.problems import suggestion, type_problem
from etl.contracts.steps_checks import check_processing
from etl.contracts.table_checks import check_table
from etl.dqdl import DqdlSyntaxError, parse_ruleset
from etl.names import standard_name

# Columns that the pipeline adds itself.
RESERVED = frozenset({"batch_id", "event_date", "year", "month", "day"})


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
                yield f"{field}: no column {name!r}{suggestion(name, columns)}; columns are {', '.join(columns)}"
    event_time = document.get("event_time")
    if event_time is not None and columns.get(event_time) not in ("date", "timestamp"):
        found = f"is {columns[event_time]}" if event_time in columns else "is not a column"
        yield f"event_time: {event_time!r} {found}; name a column of type date or timestamp"
    yield from _check_encoding(document)
    yield from check_processing(document)
    yield from check_table(document)
    yield from _check_quality(document)


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
        if problem := type_problem(column["type"]):
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


def _check_quality(document: Document) -> Iterator[str]:
    quality = document.get("quality", {})
    rules = quality.get("rules")
    if rules is None:
        if quality.get("publish") == "after_quality":
            yield "quality.publish: after_quality needs quality.rules; without them there is nothing that rows wait for"
        return
    try:
        parse_ruleset(rules)
    except DqdlSyntaxError as error:
        yield f"quality.rules: {error}"
