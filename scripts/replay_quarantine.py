#!/usr/bin/env python3
"""Sends quarantined rows and files through the pipeline again, exactly once; docs/replay.md tells how."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deployment.environments import Environment
from deployment.steps import StepFailedError, show_commands, step
from quarantine.batches import find_batches
from quarantine.errors import ReplayError
from quarantine.exchange import read_import
from quarantine.plan import Selection
from quarantine.replay import Outcome, Session, start_workflow
from quarantine.show import next_after_export, next_commands, show_outcomes
from quarantine.target import Target, explained, open_target, speaking_to_aws

# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)


class Stage(str, Enum):
    """Which job refused the rows."""

    INGESTION = "ingestion"
    PROCESSING = "processing"


def main(
    dataset: Annotated[str, typer.Argument(help="the dataset whose quarantine is sent again")],
    batch: Annotated[list[str], typer.Option("--batch", help="only this batch; may be given again")] = [],  # noqa: B006
    reason: Annotated[str, typer.Option("--reason", help="only what has this text in its reason")] = "",
    stage: Annotated[Stage | None, typer.Option("--stage", help="only rows that this stage refused")] = None,
    env: Annotated[Environment, typer.Option("--env", help="the environment")] = Environment.LOCAL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be done, and do nothing")] = False,
    export: Annotated[Path | None, typer.Option("--export", help="write the rows into a file to edit")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="send the corrected rows of such a file")] = None,
    note: Annotated[str, typer.Option("--note", help="why, for the record; needed to drop rows")] = "",
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="start the workflow when something was sent")
    ] = True,
    project_name: Annotated[
        str, typer.Option(envvar="PROJECT_NAME", help="Terraform's project_name")
    ] = "glue-etl-pipeline",
    bucket_suffix: Annotated[str, typer.Option(envvar="BUCKET_SUFFIX", help="Terraform's bucket_suffix")] = "",
) -> None:
    """Send quarantined rows and files of a dataset through the pipeline again, exactly once."""
    if export and import_:
        raise typer.BadParameter("--export and --import can't go together")
    if import_ and (batch or reason or stage):
        raise typer.BadParameter("--import takes the rows that its file names; leave --batch, --reason and --stage out")
    if export and export.exists():
        raise typer.BadParameter(f"{export} is there already; name another file, or remove it")
    if import_ and not import_.is_file():
        raise typer.BadParameter(f"{import_} is no file; --export writes one")
    selection = Selection(reason, stage.value if stage else "")
    target = open_target(env.value, project_name, bucket_suffix)
    session = Session(target, dataset, note=note)
    try:
        session.who = target.who()
        speaking_to_aws(target, lambda: _run(session, tuple(batch), selection, export, import_, dry_run, start))
    except (ReplayError, StepFailedError) as error:
        _say_why(target, error)
        raise typer.Exit(1) from error


def _run(
    session: Session,
    batch_ids: tuple[str, ...],
    selection: Selection,
    export: Path | None,
    import_: Path | None,
    dry_run: bool,
    start: bool,
) -> None:
    rows = read_import(import_) if import_ else None
    if rows and rows.drops and not session.note:
        raise ReplayError(f"{import_} gives {rows.drops} row(s) up; say why with --note, it is kept with the record")
    batches = find_batches(session.target, session.dataset, batch_ids)
    if export:
        with step(console, f"Export to {export}") as current:
            written = session.export(batches, selection, export)
            current.note(f"{written:,} row(s)")
        console.print(
            f"{export} holds the rows as they came, with any personal data in the clear. Only you can read it; remove "
            "it when the rows are sent.",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        show_commands(console, next_after_export(session.dataset, session.target.environment, export))
        return
    finished = _finish_unfinished(session, dry_run)
    outcomes: list[Outcome] = []
    if rows:
        with step(console, "Check the ids") as current:
            batches = session.check_import(rows)
            current.note(f"{len(rows.lines):,} row(s) of {len(batches)} batch(es)")
    for batch in batches:
        with step(console, f"{'Look at' if dry_run else 'Replay'} batch {batch.id}") as current:
            if dry_run and not rows:
                outcomes.append(session.look(batch, selection))
            elif not dry_run and rows:
                outcomes.append(session.replay_import(batch, rows, current.progress))
            elif not dry_run:
                outcomes.append(session.replay(batch, selection, current.progress))
    _tell(session.target, session.dataset, outcomes, finished, dry_run, start)


def _finish_unfinished(session: Session, dry_run: bool) -> int:
    """Finish the replays of runs that died; how many."""
    unfinished = session.unfinished()
    for replay in unfinished:
        if dry_run:
            console.print(f"Replay {replay.number} of batch {replay.batch_id} is not finished; it would be, first")
            continue
        with step(console, f"Finish replay {replay.number} of batch {replay.batch_id}") as current:
            files = session.finish(replay, current.progress)
            counts = f"{replay.facts['rows']} row(s) sent, {replay.facts['files']} file(s)"
            current.note(", ".join([counts, *(f"{count} {what}" for what, count in files.items())]))
    return len(unfinished)


def _tell(target: Target, dataset: str, outcomes: list[Outcome], finished: int, dry_run: bool, start: bool) -> None:
    show_outcomes(console, outcomes, dry_run)
    anything = any(outcome.survey.counts or outcome.files for outcome in outcomes)
    sent = finished or any(outcome.replay for outcome in outcomes)
    if not anything and not sent:
        console.print(f"Nothing to replay: nothing that was asked for is left in the quarantine of {dataset}.")
        return
    if sent and not dry_run:
        hint = f"aws glue start-workflow-run --name {target.workflow}"
        line = start_workflow(target) if start else f"The next run takes it; start one: {hint}"
        console.print(line, highlight=False, soft_wrap=True)
    show_commands(console, next_commands(dataset, target.environment, outcomes, target.workflow))


def _say_why(target: Target, error: Exception) -> None:
    """The last words of a failed call: where it failed, if known, and the reason."""
    if isinstance(error, StepFailedError):
        if not isinstance(error.error, ReplayError | ClientError | BotoCoreError | OSError):
            raise error.error
        console.print(f"\n[red]Failed at:[/] [bold]{error.title}[/]", highlight=False)
        error = error.error
    reason = explained(target, error) if isinstance(error, ClientError | BotoCoreError) else str(error)
    console.print("[red]Reason:[/]   ", end=" ")
    console.print(reason, highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
