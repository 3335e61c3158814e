"""A replay from end to end: finish what was begun, choose, plan, send, start the workflow."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from quarantine.batches import QuarantinedBatch, find_batches
from quarantine.errors import ReplayError
from quarantine.exchange import Import, check_ids, export_row
from quarantine.ledger import PLANNED, Replay, ReplayLedger, now
from quarantine.plan import (
    DROP,
    SEND,
    WAITING,
    Correction,
    Selection,
    Survey,
    chosen_rows,
    look,
    prepare,
    taken_ids,
    what_to_do,
)
from quarantine.sending import finish, release
from quarantine.target import Target

# A replay that loses against another one reads again what is left; each loss means that another one got on.
_ATTEMPTS = 20
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What was done with one batch: what was found in it, and what became of its files."""

    batch: QuarantinedBatch
    survey: Survey
    files: Counter[str]
    replay: Replay | None = None


@dataclass
class Session:
    """One call of the script for one dataset.

    Args:
        target: the environment.
        dataset: its name.
        who: who calls, for the record.
        note: why, for the record; may be empty.
    """

    target: Target
    dataset: str
    who: str = ""
    note: str = ""
    _taken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def ledger(self) -> ReplayLedger:
        """The replays of the dataset."""
        return ReplayLedger(self.target, self.dataset)

    def unfinished(self) -> list[Replay]:
        """Replays that were planned by a run that died, or that another run is sending at this moment."""
        return [replay for replay in self.ledger.replays() if replay.status == PLANNED]

    def finish(self, replay: Replay, on_progress: Progress) -> Counter[str]:
        """Send the rest of a planned replay."""
        return finish(self.target, self.ledger, replay, on_progress)

    def look(self, batch: QuarantinedBatch, selection: Selection) -> Outcome:
        """What a replay of a batch would do; nothing is written."""
        survey = look(self.target, batch, selection, self._taken_of(batch.id))
        files = Counter(release(self.target, file, batch.id, write=False) for file in survey.files)
        return Outcome(batch, _with_waiting(survey, batch, selection), files)

    def export(self, batches: Iterable[QuarantinedBatch], selection: Selection, path: Path) -> int:
        """Write the rows that are left into a file for a person to edit, which nobody else can read; how many."""
        rows = 0
        with open(path, "x", encoding="utf-8", newline="\n", opener=_for_its_owner) as file:
            for batch in batches:
                for row in chosen_rows(self.target, batch, selection, self._taken_of(batch.id), Survey()):
                    if what_to_do(row, selection) in (SEND, "needs a fix"):
                        export_row(file, batch, row)
                        rows += 1
        return rows

    def replay(self, batch: QuarantinedBatch, selection: Selection, on_progress: Progress) -> Outcome:
        """Plan and send what is left of a batch."""
        return self._plan_and_send(batch, selection, None, {}, on_progress)

    def check_import(self, rows: Import) -> list[QuarantinedBatch]:
        """The batches that an import names, after every one of its ids was checked.

        Raises:
            ReplayError: an id is unknown, or was taken by another replay than one of this very file.
        """
        batches = [batch for batch in find_batches(self.target, self.dataset, ()) if batch.id in rows.rows]
        known: dict[str, dict[str, str]] = {}
        takers: dict[tuple[str, str], str] = {}
        for batch in batches:
            found = chosen_rows(self.target, batch, Selection(), set(), Survey())
            known[batch.id] = {row.id: row.stage for row in found if row.id in rows.rows[batch.id]}
            for replay in self._replays_of(batch.id):
                if replay.facts.get("import_hash") != rows.hash:
                    text = f"replay {replay.number} of {replay.facts['planned_at'][:19]}, {replay.facts['who']}"
                    takers |= {(batch.id, row_id): text for row_id in self._ids(replay)}
        check_ids(rows, known, lambda batch_id, row_id: takers.get((batch_id, row_id)))
        return batches

    def replay_import(self, batch: QuarantinedBatch, rows: Import, on_progress: Progress) -> Outcome:
        """Send the corrected rows of a batch in place of the refused ones."""
        facts = {"import_hash": rows.hash, "import_file": rows.path.name}
        return self._plan_and_send(batch, Selection(), rows.rows[batch.id], facts, on_progress)

    def _plan_and_send(
        self,
        batch: QuarantinedBatch,
        selection: Selection,
        corrections: Mapping[str, Correction] | None,
        facts: Mapping[str, Any],
        on_progress: Progress,
    ) -> Outcome:
        for _ in range(_ATTEMPTS):
            earlier = self._replays_of(batch.id)
            replay = self.ledger.next_of(batch.id, earlier)
            taken = {row_id for each in earlier for row_id in self._ids(each)}
            about = {**facts, "who": self.who, "note": self.note, "planned_at": now()}
            survey = prepare(self.target, batch, replay, selection, taken, corrections, about, on_progress)
            sent, dropped = survey.total(SEND), survey.total(DROP)
            if not (sent or dropped or survey.files):
                return Outcome(batch, _with_waiting(survey, batch, selection), Counter())
            counts = {"rows": sent, "rows_dropped": dropped, "files": len(survey.files)}
            planned = self.ledger.plan(replay, who=self.who, note=self.note, **counts, **facts)
            if planned is not None:
                files = self.finish(planned, on_progress)
                return Outcome(batch, _with_waiting(survey, batch, selection), files, planned)
        raise ReplayError(f"batch {batch.id} is replayed by others all the time; run this again when they have ended")

    def _replays_of(self, batch_id: str) -> list[Replay]:
        return [replay for replay in self.ledger.replays() if replay.batch_id == batch_id]

    def _taken_of(self, batch_id: str) -> set[str]:
        return {row_id for replay in self._replays_of(batch_id) for row_id in self._ids(replay)}

    def _ids(self, replay: Replay) -> list[str]:
        """The ids that a replay has taken; they never change."""
        if replay.folder not in self._taken:
            self._taken[replay.folder] = list(taken_ids(self.target, replay))
        return self._taken[replay.folder]


def _for_its_owner(path: str, flags: int) -> int:
    """Rows are exported as they came, personal data included."""
    return os.open(path, flags, 0o600)


def _with_waiting(survey: Survey, batch: QuarantinedBatch, selection: Selection) -> Survey:
    """Count the rows of stages that have not committed yet: the next run may still refuse others."""
    for stage in selection.stages:
        if stage not in batch.open_stages and batch.counts[stage]:
            survey.counts[(stage, "", WAITING)] += batch.counts[stage]
    return survey


def start_workflow(target: Target) -> str:
    """Start the workflow; a line that says what happens next."""
    try:
        run = target.glue.start_workflow_run(Name=target.workflow)["RunId"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConcurrentRunsExceededException":
            raise
        return (
            f"A run of {target.workflow} is under way. It takes what was sent if its ingestion has not begun; rows are "
            "files that start the next run by themselves, released files wait for the next run"
        )
    return f"Started {target.workflow}, run {run}"
