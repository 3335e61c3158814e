"""Checks of what a contract says of its curated table: personal data, history, deletes, layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from etl.contracts.columns import OF_HISTORY, Document, columns_after, is_open, outputs, section, treatments
from etl.contracts.layout import TIMES, LayoutTextError, parse_partition, parse_sort
from etl.contracts.problems import suggestion
from etl.names import EVENT_DATE

# What leaves rows that were equal equal, and others different.
_FOR_KEYS = ("hash", "tokenise")


def check_table(document: Document) -> Iterator[str]:
    """Problems of one contract's table (the contract is valid by the schema)."""
    yield from _check_history(document)
    if "delete_when" in document and "key" not in document:
        yield "delete_when: deletes rows by their key, and the contract has no key; name one"
    yield from _check_personal_data(document)
    yield from _check_layout(document)


def _check_history(document: Document) -> Iterator[str]:
    if not document.get("history"):
        return
    for field, use in (("key", "whose versions are kept"), ("order_by", "from when a version holds")):
        if field not in document:
            yield f"history: needs {field}, which says {use}"
    types = {column["name"]: column["type"] for column in document["columns"]}
    first = next(iter(document.get("order_by", ())), "")
    if first in types and types[first] not in ("date", "timestamp"):
        yield (
            f"history: a version holds from its first order_by column on, and {first!r} is {types[first]}; "
            "put a column of type date or timestamp first"
        )
    places = {f"columns.{position}.name": [column["name"]] for position, column in enumerate(document["columns"])}
    places |= {f"processing.enrich.{n}": outputs(e) for n, e in enumerate(section(document, "enrich"))}
    places |= {f"processing.derive.{n}.name": [d["name"]] for n, d in enumerate(section(document, "derive"))}
    for where, names in places.items():
        for name in names:
            if name in OF_HISTORY:
                yield f"{where}: {name!r} is a column that history adds itself; choose another name"


def _check_personal_data(document: Document) -> Iterator[str]:
    told: dict[str, str] = {}
    for where, column in _with_treatment(document):
        name, treatment = column["name"], column["pii"]
        if told.setdefault(name, treatment) != treatment:
            yield f"{where}: {name!r} is {told[name]} already; say the same in both places"
        if name in document.get("key", ()) and treatment not in _FOR_KEYS:
            yield f"{where}: {name!r} is a key, whose values must stay different: hash or tokenise, not {treatment}"
        if name == document.get("event_time"):
            yield f"{where}: {name!r} is the event_time, which dates rows and has to stay as it is"
        if name in document.get("order_by", ()):
            yield f"{where}: {name!r} is in order_by, which puts rows in order and has to stay as it is"
    dropped = {name for name, treatment in treatments(document).items() if treatment == "drop"}
    for where, name in _uses_of_columns(document):
        if name in dropped:
            yield f"{where}: {name!r} is dropped (pii: drop) before the table is written; take another column"


def _with_treatment(document: Document) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The place of each ``pii`` and its column."""
    for position, column in enumerate(document["columns"]):
        if "pii" in column:
            yield f"columns.{position}.pii", column
    for position, derived in enumerate(section(document, "derive")):
        if "pii" in derived:
            yield f"processing.derive.{position}.pii", derived


def _uses_of_columns(document: Document) -> Iterator[tuple[str, str]]:
    """Places where the curated table's columns are named, and the names."""
    for position, aggregate in enumerate(section(document, "aggregates")):
        for name in aggregate.get("group_by", ()):
            yield f"processing.aggregates.{position}.group_by", name
    for field, parse in (("partition_by", parse_partition), ("sort_by", parse_sort)):
        for position, text in enumerate(document.get("table", {}).get(field, ())):
            try:
                yield f"table.{field}.{position}", parse(text).column
            except LayoutTextError:
                continue  # told by _check_layout


def _check_layout(document: Document) -> Iterator[str]:
    layout = document.get("table", {})
    for field, parse in (("partition_by", parse_partition), ("sort_by", parse_sort)):
        for position, text in enumerate(layout.get(field, ())):
            try:
                parse(text)
            except LayoutTextError as error:
                yield f"table.{field}.{position}: {error}"
    known = columns_after(document, "derive") | set(OF_HISTORY if document.get("history") else ())
    for where, name in _uses_of_columns(document):
        if where.startswith("table.") and name not in known and not is_open(document):
            yield f"{where}: no column {name!r}{suggestion(name, known)}"
    yield from _check_partitions(document)


def _check_partitions(document: Document) -> Iterator[str]:
    types = _types(document)
    taken: dict[tuple[str, str], str] = {}
    for position, text in enumerate(document.get("table", {}).get("partition_by", ())):
        where = f"table.partition_by.{position}"
        try:
            field = parse_partition(text)
        except LayoutTextError:
            continue  # told by _check_layout
        kind = "time" if field.transform in TIMES else field.transform
        other = taken.setdefault((field.column, kind), text)
        if other != text:
            yield f"{where}: {text!r} and {other!r} divide one column in the same way; keep one of them"
        if problem := partition_type_problem(field.transform, types.get(field.column, "")):
            yield f"{where}: {text!r}: {field.column!r} is {problem}"


def _types(document: Document) -> dict[str, str]:
    """The types of the table's columns, as far as the contract says them."""
    types = {column["name"]: column["type"] for column in document["columns"]} | {EVENT_DATE: "date"}
    types = {name: kind for name, kind in types.items() if name not in {d["name"] for d in section(document, "derive")}}
    # What is hashed, masked or tokenised is text.
    return types | dict.fromkeys(treatments(document), "string")


def partition_type_problem(transform: str, kind: str) -> str:
    """Why a column can't be partitioned so, or ''.

    Args:
        transform: as of :class:`etl.contracts.layout.PartitionField`.
        kind: the column's type, as contracts or Spark spell it; "" when it isn't known.
    """
    base = kind.partition("(")[0].partition("<")[0]
    if not base:
        return ""
    allowed = {
        "years": ("date", "timestamp"),
        "months": ("date", "timestamp"),
        "days": ("date", "timestamp"),
        "hours": ("timestamp",),
        "bucket": ("string", "int", "long", "bigint", "decimal", "date", "timestamp"),
        "truncate": ("string", "int", "long", "bigint", "decimal"),
        "": ("string", "int", "long", "bigint", "float", "double", "boolean", "decimal", "date", "timestamp"),
    }[transform]
    if base in allowed:
        return ""
    names = ", ".join(name for name in allowed if name != "bigint")
    return f"{kind}, and {transform or 'a partition'} takes {names}"
