"""The report as people read it: by part, what is well counted or listed, what is not with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployment_status.checks import FOLDED, TITLES
from deployment_status.findings import Finding, Report, Verdict

MARKS = {
    Verdict.OK: "[green]ok[/]",
    Verdict.NOT_CHECKED: "[dim]not checked[/]",
    Verdict.WARN: "[yellow]warn[/]",
    Verdict.UNKNOWN: "[red]not checked[/]",
    Verdict.BAD: "[red]bad[/]",
    Verdict.MISSING: "[red]missing[/]",
}
# How the last line counts them.
_COUNTED = {
    Verdict.OK: "{} ok",
    Verdict.WARN: "{} to look at",
    Verdict.BAD: "{} bad",
    Verdict.MISSING: "{} missing",
    Verdict.UNKNOWN: "{} could not be checked",
    Verdict.NOT_CHECKED: "{} not checked",
}


def show(console: Console, report: Report, *, everything: bool = False) -> None:
    """Print a report.

    Args:
        console: where.
        report: what to print.
        everything: whether parts that are well are listed even where they are many.
    """
    where = f"account {report.account}, region {report.region}, {report.at:%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"[bold]{report.environment}[/]  {where}\n", highlight=False)
    console.print(_table(report.findings, everything))
    _show_todo(console, report.findings)
    health = "[green]healthy[/]" if report.is_healthy else "[red]not healthy[/]"
    counted = [_COUNTED[verdict].format(number) for verdict, number in report.counts.items() if number]
    console.print(f"[bold]{report.environment} is {health}[/]: {', '.join(counted)}", highlight=False)


def _table(findings: Sequence[Finding], everything: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("part", style="bold", no_wrap=True)
    table.add_column("which", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("how it is", overflow="fold")
    for part, group in groupby(findings, key=lambda finding: finding.part):
        rows = list(_rows(list(group), fold=part in FOLDED and not everything))
        for number, row in enumerate(rows):
            table.add_row("" if number else TITLES[part], *row, end_section=number == len(rows) - 1)
    return table


def _rows(findings: Sequence[Finding], *, fold: bool) -> Iterable[tuple[str, str, str]]:
    folded = [finding for finding in findings if fold and finding.verdict is Verdict.OK]
    if len(folded) == 1:
        folded = []
    if folded:
        yield f"{len(folded)} of {len(findings)}", MARKS[Verdict.OK], ""
    for finding in findings:
        if finding not in folded:
            yield escape(_which(finding)), MARKS[finding.verdict], escape(finding.text)


def _show_todo(console: Console, findings: Iterable[Finding]) -> None:
    todo = [finding for finding in findings if finding.todo]
    if not todo:
        return
    console.print("[bold]What to do[/]")
    # What is worst comes first.
    todo.sort(key=lambda finding: -list(Verdict).index(finding.verdict))
    same: dict[tuple[str, str], list[str]] = {}
    for finding in todo:
        same.setdefault((finding.part, finding.todo), []).append(_which(finding))
    for (part, what), keys in same.items():
        which = keys[0] if len(keys) == 1 else f"({len(keys)})"
        console.print(f"  {TITLES[part].lower()} {which}: {what}", highlight=False, markup=False, soft_wrap=True)
    console.print()


def _which(finding: Finding) -> str:
    return finding.key.removeprefix("module.pipeline.")
