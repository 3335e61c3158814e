"""Choosing: which refused rows and files of a batch a replay takes, and laying ready what it sends."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from quarantine import objects
from quarantine.batches import (
    INGESTION,
    STAGES,
    QuarantinedBatch,
    QuarantinedRow,
    RefusedFile,
    read_files,
    read_rows,
)
from quarantine.errors import ReplayError
from quarantine.ledger import Replay
from quarantine.target import Target

# As etl.standardise reads the date in a key, which decides the partition of rows without an event time.
_KEY_DATE = re.compile(r"/(\d{4}/\d{2}/\d{2})/[^/]*$")
_INCOMING = "data/incoming/"
# Lines that are held before they are appended to their files, of which there may be more than can be open at once.
_BUFFERED_LINES = 20_000
_PROGRESS_EVERY = 5_000

SEND, DROP, FIX, SUPERSEDED, WAITING = "sent", "dropped", "needs a fix", "superseded", "waits for processing"


@dataclass(frozen=True)
class Selection:
    """What the user wants of the quarantine.

    Attributes:
        reason: part of a reason, in any case; '' for every reason.
        stage: ingestion or processing; '' for both.
    """

    reason: str = ""
    stage: str = ""

    def has_reason(self, reason: str) -> bool:
        """Whether a row or file of this reason is wanted."""
        return self.reason.lower() in reason.lower()

    @property
    def stages(self) -> tuple[str, ...]:
        """The wanted stages."""
        return (self.stage,) if self.stage else STAGES


@dataclass(frozen=True)
class Correction:
    """What a person made of a row: a new record as a line of JSON, or None for a row that is given up."""

    line: str | None


@dataclass
class Survey:
    """What was found: (stage or file, reason, what is done) -> how many; and the files that are taken."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    files: list[RefusedFile] = field(default_factory=list)
    taken_before: int = 0

    def total(self, what: str) -> int:
        """How many rows something is done with."""
        return sum(count for (kind, _, done), count in self.counts.items() if done == what and kind != "file")


def chosen_rows(
    target: Target, batch: QuarantinedBatch, selection: Selection, taken: Set[str], survey: Survey
) -> Iterator[QuarantinedRow]:
    """The rows of a batch that are wanted and not taken by an earlier replay, of stages that have committed.

    Args:
        target: the environment.
        batch: whose quarantine.
        selection: what is wanted.
        taken: ids that earlier replays have taken.
        survey: counts the rows that were left because they were taken.

    Raises:
        ReplayError: rows are missing from the quarantine.
    """
    for stage in selection.stages:
        if not batch.counts[stage] or stage not in batch.open_stages:
            continue
        found = 0
        for row in read_rows(target, batch, stage):
            found += 1
            if row.id in taken:
                survey.taken_before += 1
            elif selection.has_reason(row.reason):
                yield row
        if found < batch.counts[stage]:
            raise ReplayError(
                f"batch {batch.id}: {batch.counts[stage]} rows were refused by {stage}, but {found} are in "
                f"{batch.folders[stage]}. Quarantine is removed when its retention has passed "
                "(retention_days.reports in Terraform); an older version of the objects may still be in the bucket. "
                "Replay the other batches with --batch"
            )


def chosen_files(
    target: Target, batch: QuarantinedBatch, selection: Selection, taken: Set[str], survey: Survey
) -> Iterator[RefusedFile]:
    """The refused files of a batch that are wanted and not taken by an earlier replay."""
    if INGESTION not in selection.stages:
        return
    for file in read_files(target, batch):
        if file.id in taken:
            survey.taken_before += 1
        elif selection.has_reason(file.reason):
            yield file


def what_to_do(row: QuarantinedRow, selection: Selection) -> str:
    """SEND, FIX, or SUPERSEDED for a duplicate that nobody asked for by its reason."""
    if row.superseded and not selection.reason:
        return SUPERSEDED
    return SEND if row.line() is not None else FIX


class Parcel:
    """What one replay sends, collected in a local folder and then laid into the replay's folder in raw.

    Args:
        replay: it has a folder of its own.
        batch: whose rows.
        folder: local, empty.
    """

    def __init__(self, replay: Replay, batch: QuarantinedBatch, folder: Path) -> None:
        self._replay, self._batch, self._folder = replay, batch, folder
        self._lines: dict[str, list[str]] = {}
        self._held = 0
        self._rows: Counter[str] = Counter()

    def add(self, row: QuarantinedRow, line: str | None, **more: Any) -> None:
        """Take a row: with the line that is sent, or None when it is given up."""
        entry = {"id": row.id, "reason": row.reason, "source_file": row.source_file, "position": row.position, **more}
        if line is not None:
            key = self._key(row)
            self._rows[key] += 1
            entry |= {"sent_to": key, "line": self._rows[key]}
            self._hold(self._payload(key), line)
        self._hold("rows.jsonl", json.dumps(entry))

    def lay_ready(self, s3: Any, files: list[RefusedFile], about: Mapping[str, Any]) -> None:
        """Write everything into the replay's folder; the manifest, which names the rest, comes last."""
        self._flush()
        (self._folder / "rows.jsonl").touch()
        for path in sorted(self._folder.iterdir()):
            objects.upload(s3, str(path), self._replay.folder + path.name)
        manifest = {
            **about,
            "batch_id": self._batch.id,
            "targets": [{"key": key, "payload": self._payload(key), "rows": rows} for key, rows in self._rows.items()],
            "files": [vars(file) for file in files],
        }
        content = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
        objects.write(s3, f"{self._replay.folder}manifest.json", content)

    def _key(self, row: QuarantinedRow) -> str:
        found = _KEY_DATE.search(row.source_file)
        day = found.group(1) if found else _arrival(self._batch.id)
        return f"{_INCOMING}{self._batch.dataset}/{day}/{self._replay.name}.jsonl"

    @staticmethod
    def _payload(key: str) -> str:
        year, month, day = key.split("/")[-4:-1]
        return f"payload-{year}-{month}-{day}.jsonl"

    def _hold(self, name: str, line: str) -> None:
        self._lines.setdefault(name, []).append(line)
        self._held += 1
        if self._held >= _BUFFERED_LINES:
            self._flush()

    def _flush(self) -> None:
        for name, lines in self._lines.items():
            with (self._folder / name).open("a", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{line}\n" for line in lines)
        self._lines, self._held = {}, 0


def _arrival(batch_id: str) -> str:
    """The day of planning, with which batch ids begin: the date that a row without any other was given."""
    try:
        return f"{datetime.strptime(batch_id[:8], '%Y%m%d'):%Y/%m/%d}"
    except ValueError as error:
        raise ReplayError(f"batch id {batch_id} doesn't begin with a date") from error


def prepare(
    target: Target,
    batch: QuarantinedBatch,
    replay: Replay,
    selection: Selection,
    taken: Set[str],
    corrections: Mapping[str, Correction] | None,
    about: Mapping[str, Any],
    on_progress: Callable[[str], None],
) -> Survey:
    """Read a batch's quarantine once, and lay ready what a replay sends of it.

    Args:
        target: the environment.
        batch: whose quarantine.
        replay: not planned yet.
        selection: what is wanted.
        taken: ids that earlier replays have taken.
        corrections: row id -> what a person made of it; then no other row and no file is taken.
        about: who, when and why, for the manifest.
        on_progress: called with a line of text now and then.

    Returns:
        What was found. Nothing was written when nothing is to be sent.
    """
    survey = Survey()
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        parcel = Parcel(replay, batch, Path(folder))
        for number, row in enumerate(chosen_rows(target, batch, selection, taken, survey), start=1):
            _take(parcel, survey, row, selection, corrections)
            if number % _PROGRESS_EVERY == 0:
                on_progress(f"{number:,} rows read")
        if corrections is None:
            survey.files = list(chosen_files(target, batch, selection, taken, survey))
        if survey.files or survey.total(SEND) or survey.total(DROP):
            on_progress("writing what is sent")
            parcel.lay_ready(target.s3, survey.files, about)
    return survey


def _take(
    parcel: Parcel,
    survey: Survey,
    row: QuarantinedRow,
    selection: Selection,
    corrections: Mapping[str, Correction] | None,
) -> None:
    if corrections is None:
        done = what_to_do(row, selection)
        if done == SEND:
            parcel.add(row, row.line())
    elif row.id in corrections:
        line = corrections[row.id].line
        done = SEND if line is not None else DROP
        parcel.add(row, line, **({"corrected": True} if line is not None else {"dropped": True}))
    else:
        return
    survey.counts[(row.stage, row.reason, done)] += 1


def look(target: Target, batch: QuarantinedBatch, selection: Selection, taken: Set[str]) -> Survey:
    """What a replay would find, without writing anything. Arguments as in :func:`prepare`."""
    survey = Survey()
    for row in chosen_rows(target, batch, selection, taken, survey):
        survey.counts[(row.stage, row.reason, what_to_do(row, selection))] += 1
    survey.files = list(chosen_files(target, batch, selection, taken, survey))
    return survey


def taken_ids(target: Target, replay: Replay) -> Iterator[str]:
    """The ids of the rows and files that a replay has taken.

    Raises:
        ReplayError: its record is gone, so that nobody can tell what it has sent.
    """
    manifest = read_manifest(target, replay)
    yield from (file["id"] for file in manifest["files"])
    for line in objects.lines_of(target.s3, f"{replay.folder}rows.jsonl"):
        yield json.loads(line)["id"]


def read_manifest(target: Target, replay: Replay) -> dict[str, Any]:
    """What a replay sends: ``targets`` and ``files``.

    Raises:
        ReplayError: it is gone.
    """
    content = objects.read(target.s3, f"{replay.folder}manifest.json")
    if content is None:
        raise ReplayError(
            f"{replay.folder}manifest.json is gone, so nobody can tell what replay {replay.number} of batch "
            f"{replay.batch_id} has sent, and the batch can't be replayed; restore an older version of that folder"
        )
    manifest: dict[str, Any] = json.loads(content)
    return manifest
