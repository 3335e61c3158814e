"""The report as JSON, in the form of status.schema.json."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from deployment_status.findings import Finding, Report

SCHEMA = Path(__file__).with_name("status.schema.json")
VERSION = 1


def as_json(report: Report) -> dict[str, Any]:
    """A report of an environment that could be looked at."""
    return {
        "version": VERSION,
        "environment": report.environment,
        "status": "healthy" if report.is_healthy else "unhealthy",
        "account": report.account,
        "region": report.region,
        "checked_at": report.at.isoformat(),
        "counts": {verdict.value: number for verdict, number in report.counts.items()},
        "parts": [_part(finding) for finding in report.findings],
    }


def failure_as_json(environment: str, status: str, reason: str, at: datetime) -> dict[str, Any]:
    """What is said of an environment that there is nothing to look at of.

    Args:
        environment: its name.
        status: ``not_deployed`` or ``unreachable``.
        reason: why, and what to do.
        at: when, UTC.
    """
    return {
        "version": VERSION,
        "environment": environment,
        "status": status,
        "reason": reason,
        "checked_at": at.isoformat(),
        "parts": [],
    }


def _part(finding: Finding) -> dict[str, Any]:
    return {
        "part": finding.part,
        "key": finding.key,
        "name": finding.name,
        "verdict": finding.verdict.value,
        "text": finding.text,
        "todo": finding.todo,
        "problems": [
            {"verdict": one.verdict.value, "about": one.about.value, "text": one.text}
            for one in finding.judgement.problems
        ],
        "facts": dict(finding.judgement.facts),
    }
