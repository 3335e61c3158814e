"""What a replay prints: a table of what was sent and what was not, and the commands to try next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from quarantine.plan import DROP, FIX, SEND, SUPERSEDED, WAITING
from quarantine.replay import Outcome
from quarantine.sending import UNTOUCHED

_DRY = {SEND: "would be sent", DROP: "would be dropped"}
_EXPLAINED = {
    FIX: "needs a fix of the data: it does not parse",
    SUPERSEDED: "left: a later row has its key (--reason sends it)",
    WAITING: "waits: the batch is not processed yet",
}


def show_outcomes(console: Console, outcomes: Iterable[Outcome], dry_run: bool) -> None:
    """Print one line for each batch, stage, reason and fate.

    Args:
        console: where.
        outcomes: of the batches.
        dry_run: whether nothing was done.
    """
    table = Table("batch", "from", "reason", "count", "what", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[3].justify = "right"
    for column in (0, 1, 3):
        table.columns[column].no_wrap = True
    for outcome in outcomes:
        for (stage, reason, done), count in sorted(outcome.survey.counts.items()):
            what = (_DRY.get(done, done) if dry_run else done) if done in _DRY else _EXPLAINED[done]
            table.add_row(outcome.batch.id, stage, reason, f"{count:,} row(s)", what)
        for what, count in sorted(outcome.files.items()):
            reasons = Counter(file.reason for file in outcome.survey.files)
            [(reason, _), *more] = reasons.most_common()
            reason += f" (and {len(more)} other reason(s))" if more else ""
            would = "would be " if dry_run and not what.startswith(UNTOUCHED) else ""
            table.add_row(outcome.batch.id, "file", reason, f"{count:,} file(s)", would + what)
    if table.row_count:
        console.print(table)


def next_commands(dataset: str, environment: str, outcomes: Iterable[Outcome], workflow: str) -> list[str]:
    """Commands that go on from here."""
    found = list(outcomes)
    call = f".venv/bin/python scripts/replay_quarantine.py {dataset} --env {environment}"
    commands = []
    if any(outcome.survey.total(FIX) for outcome in found):
        commands += [
            f"{call} --export fixes.jsonl      # rows to correct by hand",
            f'{call} --import fixes.jsonl --note "why"',
        ]
    commands.append(f"aws glue get-workflow-runs --name {workflow} --max-results 1")
    commands.append(f"{call} --dry-run      # what is left, and what was refused again")
    return commands


def next_after_export(dataset: str, environment: str, path: Path) -> list[str]:
    """Commands that go on from an export."""
    call = f".venv/bin/python scripts/replay_quarantine.py {dataset} --env {environment}"
    return [
        f'$EDITOR {path}      # correct "record"; or add "drop": true to give a row up; or delete the line: it stays',
        f'{call} --import {path} --note "why"',
    ]
