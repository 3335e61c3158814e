"""What was found, as tables, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from dataset_proposal.model import Facts, Proposal
from dataset_proposal.trial import Trial
from quality_check.show import say

_LONGEST = 28


def show_proposal(console: Console, proposal: Proposal, facts: Sequence[Facts]) -> None:
    """Print columns, identity, rules and notes.

    Args:
        console: where.
        proposal: what is proposed.
        facts: what it was made of.
    """
    say(console, f"{proposal.name}: {proposal.seen}")
    console.print(_columns(proposal, facts))
    identity = proposal.identity
    for name, value in (("key", identity.key), ("event_time", identity.event_time), ("order_by", identity.order_by)):
        shown = value if isinstance(value, str) else ", ".join(value)
        say(console, f"{name + ':':<12}{shown}  ({identity.why[name]})" if shown else f"{name + ':':<12}none found")
    table = Table("rule", "why", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for rule in proposal.rules:
        table.add_row(f"{'as a comment: ' if rule.commented else ''}{rule.text}".replace("[", r"\["), rule.why)
    console.print(table)
    for note in proposal.notes:
        say(console, f"note: {note}")


def show_trial(console: Console, trial: Trial) -> None:
    """Print what would become of the sample."""
    refused = sum(trial.refused.values())
    say(
        console, f"\nTried on the sample: {trial.read:,} row(s) read, {refused:,} refused, score {trial.score:g} of 100"
    )
    for reason, rows in trial.refused.items():
        say(console, f"refused: {rows:,} row(s): {reason}")
    if trial.rescued:
        say(console, f"null: {trial.rescued:,} row(s) have a value that does not fit its column's type")
    for rule in trial.failed:
        say(console, f"does not hold: {rule}")


def next_steps(proposal: Proposal, file: Path, given: str, written: bool) -> list[str]:
    """What to do now, as commands.

    Args:
        proposal: what is proposed.
        file: where the contract lies or would lie.
        given: the sample, as it was given.
        written: whether the contract was written.
    """
    if not written:
        return [f"Nothing was written. With --write the contract goes to {file}."]
    return [
        f"Wrote {file}. Next:",
        "  1. read it: description, key, personal data, rules",
        f"  2. .venv/bin/python scripts/validate_contracts.py {file}",
        "  3. ./scripts/deploy.sh local        # publishes the contract (dev, staging, prod the same way)",
        '  4. eval "$(./scripts/local_cloud.sh env)"',
        f"     aws s3 cp{' --recursive' if Path(given).is_dir() else ''} {given} "
        f"s3://glue-etl-pipeline-local-raw/data/incoming/{proposal.name}/$(date +%Y/%m/%d)/",
        "  5. ./scripts/local_cloud.sh status  # the workflow starts by itself",
    ]


def _columns(proposal: Proposal, facts: Sequence[Facts]) -> Table:
    table = Table(
        "column", "type", "filled", "about different", "from", "to", "proposed", box=SIMPLE_HEAD, pad_edge=False
    )
    for name in ("filled", "about different"):
        next(column for column in table.columns if column.header == name).justify = "right"
    for each, proposed in zip(facts, proposal.columns, strict=True):
        column = proposed.column
        marks = ["required"] if column.required else []
        marks += [f"pii: {column.pii}"] if column.pii else []
        marks += [", ".join(column.formats)] if column.formats else []
        # No value of a person is shown.
        ends = ("(hidden)",) * 2 if column.pii else tuple(_short(each.end(which)) for which in ("min", "max"))
        filled = f"{each.filled / each.rows:.0%}" if each.profile and each.rows else "?"
        different = f"{each.profile['distinct']:,}" if each.profile.get("distinct") is not None else "?"
        why = "; ".join(proposed.why)
        told = "  ".join(marks) + (f" ({why})" if why else "")
        table.add_row(column.name, column.type, filled, different, *ends, told.replace("[", r"\["))
    return table


def _short(text: str | None) -> str:
    shown = (text or "").replace("[", r"\[")
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
