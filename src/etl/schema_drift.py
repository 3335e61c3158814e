"""Schema drift: columns that come and go are recorded per batch, and people are told once.

The state table has an item per batch that brought a change: entity ``schema#<dataset>``, id the batch's. Whether a
change is new is told by the items of all *other* batches, so recording a batch again, after a kill at any point, gives
the same item and the same alert.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl.alerts import Alerts
from etl.contracts import Contract
from etl.contracts.text import column_line
from etl.ledger import Batch, Ledger

ADDED, RESCUED, MISSING = "added", "rescued", "missing"
# A DynamoDB item holds 400 KB; files whose keys are data can bring any number of columns.
MOST_COLUMNS = 1000
MOST_FILES = 20
MOST_TOLD = 50
_NAME_LENGTH = 200


@dataclass(frozen=True)
class SchemaChange:
    """One column that a dataset has for the first time, or no longer.

    Attributes:
        kind: ``added`` (to the table, as text), ``rescued`` (into ``_rescued_data``) or ``missing``.
        column: standard name.
        file: the first source file that has it; empty for a column that no file has.
    """

    kind: str
    column: str
    file: str = ""

    def to_dict(self) -> dict[str, str]:
        """The change as JSON."""
        return {"kind": self.kind, "column": self.column, "file": self.file}

    def __str__(self) -> str:
        where = f", first in {self.file}" if self.file else ""
        return (
            f"column {self.column} is missing"
            if self.kind == MISSING
            else f"new column {self.column} ({self.kind}){where}"
        )


def missing_columns(present: Iterable[str], contract: Contract) -> list[str]:
    """The contract's columns that a batch's files have neither by name nor by alias.

    Args:
        present: standard names of the batch's columns.
        contract: the dataset's contract.
    """
    names = set(present)
    return [column.name for column in contract.columns if not names & {column.name, *column.aliases}]


def new_changes(
    contract: Contract,
    others: Iterable[Mapping[str, Any]],
    unknown: Mapping[str, str],
    missing: Sequence[str],
) -> list[SchemaChange]:
    """What a batch shows that no other batch of the dataset has shown.

    Args:
        contract: its ``schema_mode`` says what becomes of unknown columns; with ``freeze`` no file has any.
        others: the schema items of the dataset's other batches.
        unknown: columns beyond the contract -> the first file that has them.
        missing: columns of the contract that no file has.
    """
    known = {(kind, name) for item in others for kind in (ADDED, RESCUED, MISSING) for name in item.get(kind, ())}
    kind = {"evolve": ADDED, "rescue": RESCUED}.get(contract.schema_mode)
    found = [SchemaChange(kind, name[:_NAME_LENGTH], file) for name, file in unknown.items()] if kind else []
    found += [SchemaChange(MISSING, name) for name in missing]
    return [change for change in found[:MOST_COLUMNS] if (change.kind, change.column) not in known]


def record_schema_changes(
    ledger: Ledger,
    alerts: Alerts,
    contract: Contract,
    batch: Batch,
    unknown: Mapping[str, str],
    missing: Sequence[str],
    environment: str,
) -> list[SchemaChange]:
    """Record what a batch changes in its dataset's schema, and put the alert in the outbox; to be called before the
    batch's commit. Doing it again changes nothing.

    Args:
        ledger: the state table.
        alerts: the outbox.
        contract: the dataset's contract, with inferred columns where there is no contract file.
        batch: the batch, with ``planned_at`` among its facts.
        unknown: columns beyond the contract -> URI of the first file that has them.
        missing: columns of the contract that none of the batch's files has (see :func:`missing_columns`); empty when
            no file could be read.
        environment: for the alert's subject.

    Returns:
        What is new with this batch.
    """
    entity = f"schema#{contract.name}"
    items = ledger.items(entity)
    changes = new_changes(contract, (item for item in items if item["id"] != batch.id), unknown, missing)
    if changes or any(item["id"] == batch.id for item in items):
        # The second case: a run that was killed recorded a version of a file that has been replaced since.
        files = list(dict.fromkeys(change.file for change in changes if change.file))[:MOST_FILES]
        names = {kind: [c.column for c in changes if c.kind == kind] for kind in (ADDED, RESCUED, MISSING)}
        ledger.put(entity, batch.id, files=files, at=str(batch.facts.get("planned_at", "")), **names)
    if changes:
        subject, message = describe(contract, batch, changes)
        alerts.queue(f"{entity}#{_fingerprint(changes)}", f"[{environment}] {subject}", message)
    return changes


def _fingerprint(changes: Sequence[SchemaChange]) -> str:
    texts = sorted(f"{change.kind}:{change.column}" for change in changes)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def describe(contract: Contract, batch: Batch, changes: Sequence[SchemaChange]) -> tuple[str, str]:
    """Subject and text of the alert: what changed, since when, and what to do.

    Args:
        contract: the dataset's contract.
        batch: the batch that showed it first.
        changes: as recorded; not empty.
    """
    new = [change for change in changes if change.kind != MISSING]
    missing = [change.column for change in changes if change.kind == MISSING]
    counts = [f"{len(new)} new column(s)"] if new else []
    counts += [f"{len(missing)} missing column(s)"] if missing else []
    lines = [f"Seen first in batch {batch.id}, planned at {batch.facts.get('planned_at', 'an unknown time')}.", ""]
    if new:
        lines += _about_new(contract, new)
    if missing:
        lines += _about_missing(contract, missing)
    lines += _renamed(new, missing)
    return f"{contract.name}: {' and '.join(counts)}", "\n".join(lines).rstrip()


def _about_new(contract: Contract, new: Sequence[SchemaChange]) -> list[str]:
    fate = {
        ADDED: "They are added to the tables as text (schema_mode: evolve).",
        RESCUED: "Their values are kept in _rescued_data (schema_mode: rescue).",
    }[new[0].kind]
    return [
        f"Columns that the contract of {contract.name} doesn't know:",
        *_listed([f"{change.column}, first in {change.file}" for change in new]),
        fate,
        "",
        f"To settle them, paste under columns of {contract.name}.yml, with better types where you know them:",
        *(f"  - {column_line(change.column)}" for change in new[:MOST_TOLD]),
        "",
    ]


def _about_missing(contract: Contract, missing: Sequence[str]) -> list[str]:
    required = {column.name for column in contract.columns if column.required}
    return [
        "Columns of the contract that no file of the batch has:",
        *_listed([f"{name}{' (required: all rows are refused)' if name in required else ''}" for name in missing]),
        "They are null in the tables. If the source has them under another name, list that under aliases.",
        "",
    ]


def _renamed(new: Sequence[SchemaChange], missing: Sequence[str]) -> list[str]:
    """Pairs of a missing and a new column that look like one column with another name."""
    names = [change.column for change in new]
    pairs = [(old, difflib.get_close_matches(old, names, n=1)) for old in missing]
    return [f"Perhaps renamed: {old} is now {near[0]} (aliases: [{near[0]}])." for old, near in pairs if near]


def _listed(entries: Sequence[str]) -> list[str]:
    more = [f"  - and {len(entries) - MOST_TOLD} more"] if len(entries) > MOST_TOLD else []
    return [*(f"  - {entry}" for entry in entries[:MOST_TOLD]), *more]
