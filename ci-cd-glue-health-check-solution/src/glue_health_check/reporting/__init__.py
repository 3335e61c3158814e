"""Writes reports: JSON, JUnit XML, Markdown for the pull request, annotations for GitHub."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from glue_health_check.errors import MisuseError
from glue_health_check.models import CheckResult, Finding, Report, Severity, Status


def report_json(report: Report) -> str:
    """A report as JSON; data/report.schema.json describes it."""
    return json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n"


def read_report(path: Path) -> Report:
    """A report from its JSON file.

    Raises:
        MisuseError: it can't be read, or is none.
    """
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MisuseError(f"the report {path} can't be read: {error}") from error
    return report_from(loaded, str(path))


def report_from(loaded: dict[str, Any], place: str) -> Report:
    """A report of what its JSON holds.

    Args:
        loaded: the JSON.
        place: where it was, for the message.

    Raises:
        MisuseError: it is none.
    """
    schema = json.loads(
        resources.files("glue_health_check").joinpath("data/report.schema.json").read_text(encoding="utf-8")
    )
    if problem := next(iter(Draft202012Validator(schema).iter_errors(loaded)), None):
        where = ".".join(map(str, problem.absolute_path)) or "the top"
        raise MisuseError(f"{place} is no report of a health check: at {where}: {problem.message}")
    checks = tuple(_check(one) for one in loaded["checks"])
    rest: dict[str, Any] = {
        key: loaded[key] for key in ("id", "script", "pull_request", "started_at", "seconds", "job", "strict")
    }
    lists: dict[str, Any] = {key: tuple(loaded[key]) for key in ("log", "removed", "left")}
    return Report(checks=checks, **rest, **lists)


def _check(loaded: dict[str, Any]) -> CheckResult:
    findings = tuple(Finding(**{**one, "severity": Severity(one["severity"])}) for one in loaded["findings"])
    return CheckResult(**{**loaded, "status": Status(loaded["status"]), "findings": findings})
