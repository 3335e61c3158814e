"""Names: columns and datasets in one spelling, whatever the source calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Columns that the pipeline adds (see etl.standardise for their meaning).
SOURCE_FILE, BATCH, INGESTED_AT, RESCUED = "_source_file", "_batch_id", "_ingested_at", "_rescued_data"
METADATA = (RESCUED, SOURCE_FILE, BATCH, INGESTED_AT)
PARTITIONS = ("year", "month", "day")
EVENT_DATE = "event_date"
FLAGS = "_flags"
# Tables beside a curated table: the tombstones of its deletes, and the partial results of an aggregate over a table.
DELETED, BY_DATE = "__deleted", "__by_date"
# The branch of a curated table in which rows wait for their quality check (quality.publish: after_quality).
AUDIT_BRANCH = "audit"
# Columns of a curated table with history: the time from which (inclusive) and until which (exclusive) a version holds.
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
HISTORY_TYPES = {VALID_FROM: "timestamp", VALID_TO: "timestamp", IS_CURRENT: "boolean"}
# Columns that steps pass on to each other and that no table has.
CORRUPT, REASON, RECORD = "_corrupt_record", "_reject_reason", "_record"
POSITION, DATE, LATE, REFUSAL = "_position", "_date", "_late", "_refusal"
# Whether a row deletes its key; which rules a row has met (array of names).
DELETE, HITS = "_delete", "_hits"
# Columns of a reader's frame that are no columns of the source.
OF_READERS = (CORRUPT, SOURCE_FILE, POSITION)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# data/incoming/… files are often numbered or dated: orders-2024-01-15T093000Z.csv and orders_003.csv are "orders".
# No group is repeated inside a repeated group: a long row of digits would take for ever.
_NUMBERED = re.compile(r"[-_. ]*\d(?:[-_. \d]|(?<=\d)[Tt](?=\d))*(?:(?<=\d)[Zz])?$")


def is_replay(file_name: str) -> bool:
    """Whether a file holds rows that were sent again from quarantine: JSON lines, whatever the source sends else.

    Args:
        file_name: without its folder; ``scripts/replay_quarantine.py`` makes the names.
    """
    return file_name.startswith("replay-") and file_name.endswith(".jsonl")


def standard_name(text: str) -> str:
    """A source's name in snake_case ASCII: ``"Código Postal"`` -> ``codigo_postal``, ``orderId`` -> ``order_id``.

    Args:
        text: the name as it stands in the source; may be empty.

    Returns:
        A name of ``[a-z0-9_]`` that starts with a letter (``column`` for a name without any letter or digit).
    """
    ascii_text = unicodedata.normalize("NFKD", text.strip()).encode("ascii", "ignore").decode()
    words = _NOT_WORD.sub("_", _CAMEL.sub("_", ascii_text).lower()).strip("_")
    if not words:
        return "column"
    return words if words[0].isalpha() else f"c_{words}"


def unique_names(names: Iterable[str]) -> list[str]:
    """Standard names, with ``_2``, ``_3`` … behind names that come again."""
    taken: set[str] = set()
    unique = []
    for name in names:
        base = candidate = standard_name(name)
        number = 2
        while candidate in taken:
            candidate = f"{base}_{number}"
            number += 1
        taken.add(candidate)
        unique.append(candidate)
    return unique


def dataset_from_file_name(file_name: str) -> str:
    """The dataset that a file without folder and contract belongs to: its stem without numbers and extensions."""
    stem = file_name.lstrip(".").split(".", 1)[0]
    return standard_name(_NUMBERED.sub("", stem) or stem)
