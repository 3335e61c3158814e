"""Every report is what quality_report.schema.json promises to those who read it by program."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etl.report import render_html
from report_samples import BAD, COLUMN, full, rule

SCHEMA = json.loads((Path(__file__).parents[1] / "config" / "quality_report.schema.json").read_text())


def problems(report: dict[str, Any]) -> list[str]:
    """What the published schema has against a report."""
    stored = json.loads(json.dumps(report))
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(stored)]


def objects(part: Any) -> list[dict[str, Any]]:
    """Every object with fields that the schema describes."""
    if isinstance(part, list):
        return [found for each in part for found in objects(each)]
    if not isinstance(part, dict):
        return []
    own = [part] if "properties" in part and isinstance(part.get("type"), str) else []
    return own + [found for each in part.values() for found in objects(each)]


def test_the_schema_is_one_and_describes_every_field() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    found = objects(SCHEMA)
    assert len(found) > 10
    for each in found:
        assert each["additionalProperties"] is False
        assert each["description"]
        assert [name for name, field in each["properties"].items() if not field.get("description")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rules": [], "trend": [], "profile": [], "samples": {}, "observations": [], "publication": None},
        {"rows_read": None, "rows_written": None, "refused": None, "quarantine": None, "table": None, "batches": ()},
        {"rules": [rule("Mean x > 1", "Failed", 0.0, metrics={"Column.x.Mean": float("nan"), "y": Decimal("1.50")})]},
        {"profile": [{"column": "x", "type": "map<string,int>", "rows": 0, "nulls": 0, "distinct": None}]},
        {"profile": [{**COLUMN, "mean": float("inf"), "min": float("-inf"), "stddev": float("nan"), "top": []}]},
        {"profile": [{**COLUMN, "min": False, "max": True, "mean": None, "quantiles": None, "distinct": 2}]},
        {"profile": [{**COLUMN, "min": date(2024, 1, 1), "max": datetime(2024, 1, 2), "top": [], "sampled": None}]},
        {"samples": {BAD["rule"]: [{"a": {"b": [1, None]}, "c": b"\x00", "d": float("nan"), "e": "x" * 1000}]}},
        {"publication": {"state": "published", "words": "The rows are in the table."}, "problems": ["x: y"]},
    ],
)  # fmt: skip
def test_what_the_schema_promises_holds_for_reports_of_all_kinds(changes: dict[str, Any]) -> None:
    report = full(**changes)
    assert problems(report) == []
    assert "</html>" in render_html(report)


def test_the_schema_finds_what_does_not_belong_into_a_report() -> None:
    report = full()
    assert problems({**report, "more": 1})
    assert problems({**report, "version": 1})
    assert problems({**report, "rules": [{**report["rules"][0], "outcome": "Skipped"}]})
    assert problems({**report, "publication": {"state": "lost", "branch": None, "words": ""}})
