#!/usr/bin/env python3
"""Shows what lies in a dead-letter queue and sends it back to its queue; docs/events.md tells when."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.console import Console
from rich.table import Table

from dead_letters.letters import Group, Letter, Queue, give_back, grouped, open_queue, take
from dead_letters.redrive import RedriveError, move_all, send_back
from deployment.environments import Environment
from deployment.steps import StepFailedError, step
from quarantine.target import explained, open_target

# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)


class QueueKey(str, Enum):
    """Which queue: new files, events of jobs, or loads of connectors."""

    DATA_EVENTS = "data-events"
    JOB_EVENTS = "job-events"
    CONNECTORS = "connectors"


def main(
    queue: Annotated[list[QueueKey], typer.Option("--queue", help="whose dead letters; may be given again")] = [  # noqa: B006
        QueueKey.DATA_EVENTS,
        QueueKey.JOB_EVENTS,
    ],
    env: Annotated[Environment, typer.Option("--env", help="the environment")] = Environment.LOCAL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what is there, and send nothing")] = False,
    kind: Annotated[str, typer.Option("--kind", help="only letters of this kind")] = "",
    about: Annotated[str, typer.Option("--about", help="only letters that have this text in their subject")] = "",
    most: Annotated[int, typer.Option("--most", min=1, help="look at this many letters at most")] = 1000,
    project_name: Annotated[
        str, typer.Option(envvar="PROJECT_NAME", help="Terraform's project_name")
    ] = "glue-etl-pipeline",
) -> None:
    """Show dead letters by reason and kind, and send them back to their queue."""
    target = open_target(env.value, project_name, "")
    sqs = boto3.client("sqs", region_name=target.region)
    try:
        for each in queue:
            _redrive(sqs, f"{project_name}-{env.value}-{each.value}", kind, about, most, dry_run)
    except (BotoCoreError, ClientError, RedriveError, StepFailedError) as error:
        cause = error.error if isinstance(error, StepFailedError) else error
        if not isinstance(cause, BotoCoreError | ClientError | RedriveError):
            raise
        reason = explained(target, cause) if isinstance(cause, BotoCoreError | ClientError) else str(cause)
        console.print("[red]Reason:[/]   ", end=" ")
        console.print(reason, highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


def _redrive(sqs: Any, name: str, kind: str, about: str, most: int, dry_run: bool) -> None:
    queue = open_queue(sqs, name)
    letters: list[Letter] = []
    try:
        letters += take(sqs, queue, most)
        wanted = [one for one in letters if (not kind or one.kind == kind) and about in one.about]
        _show(queue, grouped(wanted), len(letters) - len(wanted), len(letters) == most)
        if dry_run or not wanted:
            return
        everything = len(wanted) == len(letters)
        with step(console, f"Send {name}'s dead letters back") as current:
            moved = None
            if everything:
                give_back(sqs, queue, letters)
                moved = move_all(sqs, queue, current.progress)
                letters = letters if moved is None else []
            if moved is None:
                letters, wanted = _held(sqs, queue, letters, wanted, everything, most)
                moved = send_back(sqs, queue, wanted, current.progress)
            current.note(f"{moved:,} message(s)")
        letters = [one for one in letters if one not in wanted]
    finally:
        give_back(sqs, queue, letters)


def _held(
    sqs: Any, queue: Queue, letters: list[Letter], wanted: list[Letter], everything: bool, most: int
) -> tuple[list[Letter], list[Letter]]:
    """Letters that are held by this call: those that were given back for the move are taken again."""
    if not everything:
        return letters, wanted
    again = take(sqs, queue, most)
    return again, list(again)


def _show(queue: Queue, groups: Sequence[Group], others: int, maybe_more: bool) -> None:
    if not groups:
        console.print(f"{queue.name}: no dead letters{f' of those asked for, {others} others' if others else ''}")
        return
    count = sum(len(group.letters) for group in groups)
    title = f"{queue.name}: {count:,} dead letter(s){' or more' if maybe_more else ''}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for column in ("Why", "Kind", "About", "Letters", "Oldest", "Newest"):
        table.add_column(column, justify="right" if column == "Letters" else "left", overflow="fold")
    for group in groups:
        oldest, newest = group.letters[0].sent, group.letters[-1].sent
        times = [f"{moment:%Y-%m-%d %H:%M}" for moment in (oldest, newest)]
        table.add_row(group.reason, group.kind, group.about, f"{len(group.letters):,}", *times)
    console.print(table)
    if others:
        console.print(f"{others} other letter(s) stay where they are")


if __name__ == "__main__":
    typer.run(main)
