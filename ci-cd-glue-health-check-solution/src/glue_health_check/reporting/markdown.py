"""A report as Markdown, for the pull request; and as annotations of GitHub's workflows."""

from __future__ import annotations

from glue_health_check.models import CheckResult, Report, Severity, Status

_SIGNS = {
    Status.PASSED: "✅", Status.WARNED: "⚠️", Status.FAILED: "❌", Status.ERROR: "💥", Status.SKIPPED: "⏭️",
}  # fmt: skip
_VERDICTS = {"passed": "✅ passed", "failed": "❌ failed", "error": "💥 could not be made"}
_LOG_LINES = 40
LONGEST = 60_000  # a comment of GitHub holds 65,536 signs


def markdown(report: Report) -> str:
    """The report as Markdown, with a heading of its own."""
    number = f" of pull request {report.pull_request}" if report.pull_request else ""
    lines = [f"### Glue health check{number}: {_VERDICTS[report.verdict]}", ""]
    job = f", job run `{report.job['run_id']}`" if report.job.get("run_id") else ""
    lines += [f"`{report.script}` in {report.seconds:.0f} s{job}", "", "| Check | Result | |", "|---|---|---|"]
    lines += [_row(check) for check in report.checks]
    findings = [(check, found) for check in report.checks for found in check.findings]
    if findings:
        lines += ["", "**Findings**", ""]
    for check, found in findings:
        place = f" `{found.place}`" if found.place else ""
        remedy = f" {_plain(found.remedy)[:1].upper()}{_plain(found.remedy)[1:]}." if found.remedy else ""
        lines.append(f"- {found.severity.value} ({check.name}){place}: {_plain(found.message)}.{remedy}")
    if report.log and report.exit_code:
        # Four ticks: a log may hold three.
        tail = "\n".join(report.log[-_LOG_LINES:]).replace("````", "'''")
        lines += ["", "<details><summary>End of the log</summary>", "", "````text", tail, "````", "", "</details>"]
    if report.left:
        lines += ["", "**Left behind** (the sweeper tries again after the TTL)", ""]
        lines += [f"- {_plain(text)}" for text in report.left]
    return "\n".join(lines)[:LONGEST] + "\n"


def summary_row(name: str, report: Report | None, error: str) -> str:
    """One of several checks as a row of a table: name, result, seconds, and what is wrong first.

    Args:
        name: of the check.
        report: None when there is none.
        error: what it said then.
    """
    if report is None:
        return f"| {_plain(name)} | {_VERDICTS['error']} | | {_plain(error)[:200]} |"
    bad = (check for check in report.checks if check.status not in (Status.PASSED, Status.SKIPPED))
    first = next((_plain(found.message)[:200] for check in bad for found in check.findings), "")
    return f"| {_plain(name)} | {_VERDICTS[report.verdict]} | {report.seconds:.0f} | {first} |"


def github_annotations(report: Report) -> str:
    """Findings as commands of GitHub's workflows, which show them at their lines of the pull request."""
    kinds = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    lines = []
    for check in report.checks:
        for found in check.findings:
            file = f"file={_property(found.file)}," if found.file and not found.file.startswith("s3://") else ""
            line = f"line={found.line}," if file and found.line else ""
            title = f"title=glue-health-check {_property(check.name)}"
            lines.append(f"::{kinds[found.severity]} {file}{line}{title}::{_data(f'{found.message}. {found.remedy}')}")
    return "".join(f"{line}\n" for line in lines)


def _row(check: CheckResult) -> str:
    first = next(iter(check.findings), None)
    text = first.message if first else check.summary
    more = f" (and {len(check.findings) - 1} more)" if len(check.findings) > 1 else ""
    return f"| {check.name} | {_SIGNS[check.status]} {check.status.value} | {_plain(text)[:200]}{more} |"


def _plain(text: str) -> str:
    """One line that no table and no HTML is made of."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _data(text: str) -> str:
    return text.strip().replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
