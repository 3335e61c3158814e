"""Which columns a contract's text promises at each place of the processing, before Spark has seen any of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from etl.names import EVENT_DATE, HISTORY_TYPES

Document = Mapping[str, Any]
# Columns that a table with history gets besides the contract's.
OF_HISTORY = tuple(HISTORY_TYPES)
# How the name of a dataset's table of the processed layer begins.
PROCESSED = "processed_"


def section(document: Document, name: str) -> list[Any]:
    """A list of the contract's processing; empty when it has none."""
    return list(document.get("processing", {}).get(name, ()))


def outputs(enrichment: Document) -> list[str]:
    """The names under which an enrichment's columns join the dataset."""
    return [f"{enrichment.get('prefix', '')}{name}" for name in enrichment["columns"]]


def columns_after(document: Document, place: str) -> set[str]:
    """The columns of the rows after a step.

    Args:
        document: valid by the schema.
        place: ``read``, ``enrich`` or ``derive``; after ``steps`` the columns of before are given, and
            :func:`is_open` tells whether there may be others.
    """
    known = {column["name"] for column in document["columns"]} | {EVENT_DATE}
    if place != "read":
        known |= {name for enrichment in section(document, "enrich") for name in outputs(enrichment)}
    if place in ("derive", "steps"):
        known |= {derived["name"] for derived in section(document, "derive")}
    return known


def is_open(document: Document) -> bool:
    """Whether SQL steps or a Python step make other columns than the contract names."""
    return bool(section(document, "steps")) or find_spec(f"etl.custom.{document['name']}") is not None


def treatments(document: Document) -> dict[str, str]:
    """Column -> what is done to its personal data; those without any are left out."""
    columns = [*document["columns"], *section(document, "derive")]
    return {column["name"]: column["pii"] for column in columns if "pii" in column}


def table_columns(document: Document) -> set[str]:
    """The columns of the curated table, as far as the contract names them."""
    dropped = {name for name, treatment in treatments(document).items() if treatment == "drop"}
    return columns_after(document, "derive") - dropped | set(OF_HISTORY if document.get("history") else ())
