"""What a check finds, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from glue_health_check.errors import FAILED, INFRASTRUCTURE, PASSED


class Severity(str, Enum):
    """How bad a finding is: an error fails its check, a warning does so with ``--strict``, a note never does."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Status(str, Enum):
    """What came of a check. ``error``: it could not be made, because the infrastructure failed."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        message: what is wrong.
        remedy: what would be right.
        severity: how bad it is.
        file: where, as a path or an S3 address; "" when it is nowhere in particular.
        line: from 1; 0 when it is no line.
    """

    message: str
    remedy: str = ""
    severity: Severity = Severity.ERROR
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """``file:line``, as far as they are known."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class CheckResult:
    """What one check came to.

    Attributes:
        name: as in the table of docs/design.md.
        status: what came of it.
        findings: what is wrong.
        summary: one line about what was looked at.
        seconds: how long it took.
        facts: numbers and names, for the JSON report.
    """

    name: str
    status: Status
    findings: tuple[Finding, ...] = ()
    summary: str = ""
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


def judged(name: str, findings: Iterable[Finding], summary: str = "", **rest: Any) -> CheckResult:
    """A check's result by the worst of its findings."""
    found = tuple(findings)
    worst = {finding.severity for finding in found}
    if Severity.ERROR in worst:
        status = Status.FAILED
    elif Severity.WARNING in worst:
        status = Status.WARNED
    else:
        status = Status.PASSED
    return CheckResult(name, status, found, summary, **rest)


@dataclass(frozen=True)
class Report:
    """All about one health check.

    Attributes:
        id: ``pr42-<suffix>``; "" when nothing was started.
        script: the checked script.
        pull_request: its number; 0 for none.
        started_at: UTC, ISO 8601.
        seconds: of the whole.
        checks: in the order in which they were made.
        job: facts about the job and its run.
        log: the last lines of the run's log.
        removed: what was made and removed again.
        left: what could not be removed.
        strict: whether warnings fail the check.
    """

    id: str
    script: str
    pull_request: int
    started_at: str
    seconds: float
    checks: tuple[CheckResult, ...]
    job: dict[str, Any] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    strict: bool = False

    @property
    def exit_code(self) -> int:
        """0, 1 or 3. What the infrastructure spoiled says nothing about the script, so 3 wins."""
        return exit_code_of(self.checks, self.strict)

    @property
    def verdict(self) -> str:
        """passed, failed or error."""
        return {PASSED: "passed", FAILED: "failed", INFRASTRUCTURE: "error"}[self.exit_code]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it; data/report.schema.json describes it."""
        return {"version": 1, "verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}


def exit_code_of(checks: Sequence[CheckResult], strict: bool = False) -> int:
    """The exit code that results of checks mean.

    Args:
        checks: the results.
        strict: whether warnings fail.
    """
    found = {check.status for check in checks}
    if Status.ERROR in found:
        return INFRASTRUCTURE
    if Status.FAILED in found or (strict and Status.WARNED in found):
        return FAILED
    return PASSED
