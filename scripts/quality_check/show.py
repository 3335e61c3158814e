"""What a check tells on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etl.page import shown_number, shown_percent
from etl.report import headline
from quality_check.frames import Table as Data

_STYLES = {"Passed": "green", "Failed": "red", "Error": "yellow"}
_MOST_REASONS = 5


def show(console: Console, report: Mapping[str, Any], data: Data) -> None:
    """Print what was read, a table of the rules, and the score.

    Args:
        console: where.
        report: see etl.report.build_report.
        data: as it was read.
    """
    for line in _about(report, data):
        say(console, line)
    console.print(_table(report))
    for observation in report["observations"]:
        if observation["unusual"]:
            say(console, f"unusual: {observation['metric']}: {observation['words']}")
    for change in report["drift"]:
        say(console, f"changed: {change['words']}")
    for problem in report["problems"]:
        say(console, f"not computed: {problem}")
    score = report["score"]
    verdict = Text("passed" if score["passed"] else "failed", style="bold green" if score["passed"] else "bold red")
    console.print(
        Text(f"Score {shown_number(score['value'])} of 100, threshold {shown_number(score['threshold'])}: ") + verdict,
        soft_wrap=True,
    )
    say(console, headline(report))


def say(console: Console, line: str) -> None:
    """A line as it is: no markup, no folding."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _about(report: Mapping[str, Any], data: Data) -> list[str]:
    rows, files = report["rows"], report["source_file_count"]
    lines = [f"{report['dataset']}: {shown_number(rows['read'])} row(s) of {files} file(s)"]
    for entry in report["refused"][:_MOST_REASONS]:
        lines.append(f"refused: {shown_number(entry['rows'])} row(s): {entry['reason']}")
    if len(report["refused"]) > _MOST_REASONS:
        lines.append(f"refused: and {len(report['refused']) - _MOST_REASONS} more reasons")
    if data.rescued:
        lines.append(f"null: {shown_number(data.rescued)} row(s) have a value that does not fit its column's type")
    return lines + [f"note: {note}" for note in data.notes]


def _table(report: Mapping[str, Any]) -> Table:
    table = Table("outcome", "rule", "message", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("ratio", justify="right")
    for column in table.columns[1:3]:
        column.overflow = "fold"
    for rule in report["rules"]:
        outcome = Text(rule["outcome"], style=_STYLES[rule["outcome"]])
        name = Text(f"{rule['rule']}{'  (critical)' if rule['critical'] else ''}")
        table.add_row(outcome, name, Text(rule["message"]), shown_percent(rule["ratio"]))
    return table
