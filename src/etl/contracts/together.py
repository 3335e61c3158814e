"""Checks between contracts: a dataset or table twice, a reference to nowhere, a cycle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath

from etl.contracts.columns import (
    OF_HISTORY,
    PROCESSED,
    Document,
    is_open,
    section,
    table_columns,
    treatments,
)
from etl.contracts.problems import suggestion
from etl.contracts.steps_checks import as_of_fields
from etl.names import BY_DATE, DELETED, standard_name


def check_together(documents: Mapping[str, Document], broken: Iterable[str] = ()) -> Iterator[str]:
    """Problems between contracts.

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
        for where, name in _references(document):
            if name not in files and name not in incomplete:
                yield (
                    f"{file}: {where}: no contract for {name!r}{suggestion(name, files)}; "
                    f"datasets are {', '.join(sorted(files))}"
                )
        for position, enrichment in enumerate(section(document, "enrich")):
            if enrichment.get("dataset") in files:
                other = documents[files[enrichment["dataset"]]]
                for problem in _check_reference(enrichment, other):
                    yield f"{file}: processing.enrich.{position}.{problem}"
    yield from _check_patterns(documents)
    yield from _check_tables(documents)
    yield from _check_cycles(documents)


def _references(document: Document) -> Iterator[tuple[str, str]]:
    """The places where a contract names other datasets, and the names."""
    for position, enrichment in enumerate(section(document, "enrich")):
        if "dataset" in enrichment:
            yield f"processing.enrich.{position}.dataset", enrichment["dataset"]
    for position, name in enumerate(section(document, "uses")):
        yield f"processing.uses.{position}", name


def _check_reference(enrichment: Document, other: Document) -> Iterator[str]:
    """Problems of an enrichment with the contract of the dataset it takes columns from."""
    if sorted(enrichment["keys"].values()) != sorted(other.get("key", ())):
        # Joining on less than the key would multiply rows.
        yield (
            f"keys: must name the whole key of {other['name']}, which is {', '.join(other.get('key', ())) or 'not set'}"
        )
    as_of = as_of_fields(enrichment)
    # Without a time a reference shows its current rows, and they have no columns of history.
    known = table_columns(other) - set(() if as_of else OF_HISTORY)
    wanted = {"columns": enrichment["columns"]}
    if as_of and not other.get("history"):
        yield f"as_of: {other['name']} keeps one version of a key; say history: true there, or leave as_of out"
    elif as_of:
        wanted["as_of"] = [as_of["valid_from"], as_of["valid_to"]]
    dropped = {name for name, treatment in treatments(other).items() if treatment == "drop"}
    for field, names in wanted.items():
        for name in names:
            if name in dropped:
                yield f"{field}: {name!r} is dropped (pii: drop) by {other['name']} before its table is written"
            elif name in OF_HISTORY and other.get("history") and not as_of:
                yield f"{field}: {name!r} is there for versions only: say as_of, or leave it out"
            elif name not in known and not is_open(other):
                yield f"{field}: {other['name']} has no column {name!r}{suggestion(name, known)}"


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
    names = {document["name"] for document in documents.values()}
    processed = {PROCESSED + name: f"the processed layer of {name!r}" for name in names}
    for file, document in documents.items():
        if document["name"] in processed:
            yield f"{file}: name: {document['name']!r} is already the table of {processed[document['name']]}"
    taken = processed | {name: f"dataset {name!r}" for name in names}
    places: list[tuple[str, str, str]] = []
    for file, document in documents.items():
        name = document["name"]
        if "delete_when" in document:
            places.append((f"{file}: delete_when", name + DELETED, f"the deleted keys of {name!r}"))
        for position, aggregate in enumerate(section(document, "aggregates")):
            where = f"{file}: processing.aggregates.{position}.name"
            places.append((where, aggregate["name"], f"an aggregate of {document['name']!r}"))
            if aggregate.get("over") == "table":
                places.append((where, aggregate["name"] + BY_DATE, f"the parts of aggregate {aggregate['name']!r}"))
    for where, name, use in places:
        if name in taken:
            yield f"{where}: {name!r} is already the table of {taken[name]}"
        taken.setdefault(name, use)


def _check_cycles(documents: Mapping[str, Document]) -> Iterator[str]:
    needs = {document["name"]: {name for _, name in _references(document)} for document in documents.values()}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        yield f"datasets need each other in a circle: {circle}; one of them must come without the other"
