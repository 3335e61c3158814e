"""Refused rows as a file that a person edits, and back: one row a line, with the id by which it is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from quarantine.batches import QuarantinedBatch, QuarantinedRow
from quarantine.errors import ReplayError
from quarantine.plan import Correction

_SHOWN_PROBLEMS = 20


@dataclass(frozen=True)
class Import:
    """A file of corrected rows.

    Attributes:
        path: of the file.
        hash: SHA-256 of its bytes: who imports it again after a crash gets the rest sent.
        rows: batch id -> row id -> what became of the row.
        lines: (batch id, row id) -> its line in the file, for messages.
    """

    path: Path
    hash: str
    rows: Mapping[str, Mapping[str, Correction]]
    lines: Mapping[tuple[str, str], int]

    @property
    def drops(self) -> int:
        """How many rows are given up."""
        return sum(row.line is None for rows in self.rows.values() for row in rows.values())


def export_row(file: TextIO, batch: QuarantinedBatch, row: QuarantinedRow) -> None:
    """Write one row for a person to edit; the record is an object where it is one, else the raw line as text."""
    about = {"id": f"{batch.id}/{row.id}", "reason": row.reason, "source_file": row.source_file}
    if row.position:
        about["position"] = row.position
    # As it stands: reading it and writing it again would change numbers.
    as_object = row.line() is not None
    record = row.record.strip().replace("\r", " ").replace("\n", " ") if as_object else json.dumps(row.record)
    file.write(f'{json.dumps(about, ensure_ascii=False)[:-1]}, "record": {record}}}\n')


def read_import(path: Path) -> Import:
    """Read a file that was exported and edited.

    Raises:
        ReplayError: lines are wrong; every one is named with what would be right.
    """
    content = path.read_bytes()
    rows: dict[str, dict[str, Correction]] = {}
    lines: dict[tuple[str, str], int] = {}
    problems = []
    for number, text in enumerate(content.decode("utf-8-sig").split("\n"), start=1):
        if not text.strip():
            continue
        try:
            batch_id, row_id, correction = _parsed(text)
            if (batch_id, row_id) in lines:
                raise ValueError(f"its id stands in line {lines[(batch_id, row_id)]}, too; each row may come once")
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        rows.setdefault(batch_id, {})[row_id] = correction
        lines[(batch_id, row_id)] = number
    raise_problems(path, problems)
    return Import(path, hashlib.sha256(content).hexdigest(), rows, lines)


def raise_problems(path: Path, problems: list[str]) -> None:
    """Refuse an import as a whole when anything in it is wrong."""
    if problems:
        more = [f"and {len(problems) - _SHOWN_PROBLEMS} more"] if len(problems) > _SHOWN_PROBLEMS else []
        raise ReplayError("\n".join([f"{path}: nothing was sent", *problems[:_SHOWN_PROBLEMS], *more]))


def _parsed(text: str) -> tuple[str, str, Correction]:
    try:
        # Numbers stay the text that they are: 0.10 must not become 0.1.
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a line of JSON: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("id"), str) or "/" not in found["id"]:
        raise ValueError('it must be an object with the "id" that --export wrote')
    batch_id, _, row_id = found["id"].partition("/")
    drop = found.get("drop", False)
    if drop is True:
        return batch_id, row_id, Correction(None)
    if drop is not False:
        raise ValueError('"drop" must be true (the row is given up) or left out')
    return batch_id, row_id, Correction(_line(found.get("record")))


def _line(record: Any) -> str:
    if not isinstance(record, dict):
        raise ValueError(
            'its "record" must be an object of column and value, such as {"id": "7"}: a row that could not be parsed '
            'has to be written anew, or given up with "drop": true'
        )
    return json.dumps({name: _text(value) for name, value in record.items()})


def _text(value: Any) -> Any:
    """A value as text; nested ones stay nested."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def check_ids(
    rows: Import, known: Mapping[str, Mapping[str, str]], replayed_by: Callable[[str, str], str | None]
) -> None:
    """Refuse an import that names rows that don't exist or were taken by another replay.

    Args:
        rows: the import.
        known: batch id -> row id -> anything, for every row of the batches that the import names.
        replayed_by: what took a row of a batch, or None.

    Raises:
        ReplayError: naming each line.
    """
    problems = []
    for (batch_id, row_id), number in rows.lines.items():
        taker = replayed_by(batch_id, row_id)
        if row_id not in known.get(batch_id, {}):
            problems.append(f"line {number}: there is no quarantined row {batch_id}/{row_id}")
        elif taker:
            problems.append(f"line {number}: row {batch_id}/{row_id} was sent or given up before: {taker}")
    raise_problems(rows.path, problems)
