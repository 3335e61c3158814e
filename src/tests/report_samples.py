"""Contents of quality reports for the tests of the page, of its schema and of what is made of reports besides."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

from etl.report import build_report
from etl.scoring import score

NASTY = "<script>alert('x')</script>\"&"
COLUMN = {
    "column": "amount", "type": "decimal(10,2)", "rows": 100, "nulls": 5, "distinct": 90, "min": Decimal("0.10"),
    "max": 99.5, "mean": 12.3456, "stddev": 4.5,
    "quantiles": {"p5": 1.0, "p25": 5.0, "p50": 12.0, "p75": 20.0, "p95": 90.0},
    "histogram": [{"from": 0.1, "to": 50.0, "rows": 80}, {"from": 50.0, "to": 99.5, "rows": 15}],
    "top": [{"value": "12.50", "rows": 20, "share": 0.2}], "patterns": [{"pattern": "99.99", "rows": 70, "share": 0.7}],
    "sampled": 1000,
}  # fmt: skip
UNUSUAL = {
    "metric": "Column.amount.Mean", "value": 12.3456, "low": 5.0, "high": 8.0, "points": 14, "unusual": True,
    "words": "the mean is far above the usual",
}  # fmt: skip
SILENT = {
    "metric": "Dataset.*.RowCount", "value": 100, "low": None, "high": None, "points": 4, "unusual": False,
    "words": "4 runs are too few to tell",
}  # fmt: skip
HELD = {"state": "held", "branch": "audit_b_2", "words": "The rows wait on a branch."}


class Rules:
    """A ruleset's result with plain rules."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = [type("Rule", (), {**rule, "text": rule["rule"]}) for rule in rules]


def rule(text: str, outcome: str = "Passed", ratio: float = 1.0, **more: Any) -> dict[str, Any]:
    plain = {
        "rule": text,
        "rule_type": text.split()[0],
        "columns": ["amount"],
        "dimension": "validity",
        "outcome": outcome,
        "metrics": {},
        "ratio": ratio,
        "message": f"message of {text}",
        "failed_rows": None,
        "rows": None,
        "labels": {},
        "critical": False,
        "row_level": False,
    }
    return {**plain, **more}


GOOD = rule('IsComplete "id"', dimension="completeness")
BAD = rule('ColumnValues "amount" > 0', "Failed", 0.75, failed_rows=25, rows=100, critical=True)
BROKEN = rule('Mean "gone" > 1', "Error", 0.0, dimension="accuracy", labels={"team": "sales"})


def full(**changes: Any) -> dict[str, Any]:
    rules = changes.pop("rules", [GOOD, BAD, BROKEN])
    inputs: dict[str, Any] = {
        "dataset": "orders",
        "run_id": "jr_1",
        "generated_at": datetime(2024, 1, 15, 6, 42, tzinfo=timezone.utc),
        "score": score(Rules(*rules), threshold=80),
        "rules": rules,
        "rows_read": 1234567,
        "rows_written": 1234467,
        "refused": {"amount: not a number": 30, "id is missing": 70},
        "batches": ["b-1", {"id": "b-2", "rows": 7}],
        "source_files": ["s3://raw/a.csv", "s3://raw/b.csv"],
        "table": "glue_catalog.db.orders",
        "quarantine": "s3://quality/quarantine/orders/",
        "trend": [90.0, {"score": 95.5, "generated_at": "2024-01-14T06:42:00+00:00", "run_id": "jr_0"}],
        "profile": [COLUMN],
        "drift": [{"column": "note", "what": "added", "before": None, "now": "string", "words": "note: new, string"}],
        "observations": [UNUSUAL, SILENT],
        "publication": HELD,
        "links": {
            "All datasets": "../../../../index.html",
            "Runbook": "https://example.com/?a=b&c",
            "Bucket": "s3://b/",
        },
        "samples": {BAD["rule"]: [{"id": 7, "amount": Decimal("-1.50"), "at": date(2024, 1, 1), "note": None}]},
        "description": "One row per order.",
    }
    return build_report(**{**inputs, **changes})
