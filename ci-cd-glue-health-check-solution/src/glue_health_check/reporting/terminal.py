"""Shows a report on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from glue_health_check.models import Report, Status

_STYLES = {
    Status.PASSED: "green", Status.WARNED: "yellow", Status.FAILED: "red", Status.ERROR: "red", Status.SKIPPED: "dim",
}  # fmt: skip


def show(report: Report, console: Console) -> None:
    """Print a report: a table of its checks, then what is wrong."""
    table = Table(title=f"Health check {report.id}".rstrip(), title_justify="left")
    for heading in ("check", "result", ""):
        table.add_column(heading, overflow="fold")
    for check in report.checks:
        table.add_row(Text(check.name), Text(check.status.value, _STYLES[check.status]), Text(check.summary))
    console.print(table)
    for check in report.checks:
        for found in check.findings:
            place = f"{found.place}: " if found.place else ""
            remedy = f" -> {found.remedy}" if found.remedy else ""
            line = Text(f"{found.severity.value} ({check.name}) {place}{found.message}{remedy}")
            console.print(line, soft_wrap=True)
    for text in report.left:
        console.print(Text(f"left behind: {text}"), soft_wrap=True)
    words = {"passed": "passed", "failed": "failed", "error": "could not be made"}
    console.print(f"{report.script}: {words[report.verdict]} (exit {report.exit_code})", soft_wrap=True)
