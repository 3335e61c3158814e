"""Checks of good and broken jobs, and how each must end."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system_test.outcomes import CaseError, Outcomes
from system_test.stage import EXAMPLES, SHARED, Stage, traces


@dataclass(frozen=True)
class Case:
    """A check and how it must end.

    Attributes:
        name: what is tried.
        arguments: of ``glue-health-check run``.
        code: the exit code that it must have.
        reason: what a finding must say.
    """

    name: str
    arguments: tuple[str, ...]
    code: int = 0
    reason: str = ""


def broken(script: str, *more: str) -> tuple[str, ...]:
    """Arguments for one of the scripts in examples/broken."""
    folder = EXAMPLES / "broken"
    return ("-c", str(folder / "check.yml"), "--script", str(folder / f"{script}.py"), *more)


# The longest first, and those that mostly wait beside those that compute.
CASES = (
    Case("the job data_quality passes", ("-c", str(EXAMPLES / "data_quality.yml"))),
    Case("the job data_processing passes", ("-c", str(EXAMPLES / "data_processing.yml"))),
    Case(
        "a job that hangs fails at its time limit", broken("hang", "--timeout", "0.4"), 1,
        "did not end within 0.4 minutes and was stopped; its log had been silent for",
    ),
    Case(
        "a job that is too slow fails at its time limit", broken("slow", "--timeout", "0.2"), 1,
        "did not end within 0.2 minutes and was stopped; it was still writing to its log",
    ),
    Case("the job data_ingestion passes", ("-c", str(EXAMPLES / "data_ingestion.yml"))),
    Case("a good job passes", broken("good")),
    Case("a wrong schema fails", broken("wrong_schema"), 1, "the column order_id is missing"),
    Case("an exception fails", broken("exception"), 1, "ValueError: no orders in"),
    Case(
        "a write outside its prefix fails", broken("outside", "-a", f"shared_bucket={SHARED}"), 1,
        f"the job wrote s3://{SHARED}/orders/part-0.csv",
    ),
)  # fmt: skip


def try_case(case: Case, stage: Stage, outcomes: Outcomes) -> None:
    """Run a case: exit code, reason, and that nothing of it is left behind."""
    with outcomes.case(case.name) as told, tempfile.TemporaryDirectory(dir=stage.folder) as folder:
        path = Path(folder) / "report.json"
        done = stage.run("run", *case.arguments, "--json", str(path))
        if done.returncode != case.code:
            raise CaseError(f"exit {done.returncode} instead of {case.code}:\n{done.stdout}\n{done.stderr}")
        report = json.loads(path.read_text(encoding="utf-8"))
        told.shown = _reason(report, case.reason, done)
        if left := traces(report["id"]):
            raise CaseError(f"left behind: {', '.join(left)}")


def _reason(report: dict[str, Any], wanted: str, done: subprocess.CompletedProcess[str]) -> str:
    """What the report says, which must hold what is wanted."""
    found = [finding["message"] for check in report["checks"] for finding in check["findings"]]
    if not wanted:
        checks = report["checks"]
        return f"{sum(check['status'] == 'passed' for check in checks)} of {len(checks)} checks passed"
    fitting = [message for message in found if wanted in message]
    if not fitting:
        raise CaseError(f"no finding says {wanted!r}: {found}\n{done.stderr}")
    return str(fitting[0])
