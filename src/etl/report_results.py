"""A quality check's result as one line of JSON, for SQL: what the table ``quality_results`` reads.

The report beside its HTML is a document for people, of many lines, which no SerDe reads. This line has the facts that
people ask for over many checks, in columns that stay the same, and no rows of data. The table's columns stand in
terraform/modules/glue/quality_results.json.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

_RULE = ("rule", "rule_type", "dimension", "outcome", "critical", "ratio", "rows", "failed_rows", "message")
_OBSERVATION = ("metric", "value", "low", "high", "unusual", "words")


def results_uri(quality: str, dataset: str, run_id: str, started: datetime) -> str:
    """Where a check's line lies: by day, so that a query reads only the days it asks for.

    Args:
        quality: URI of the quality bucket, with a slash at its end.
        dataset: the dataset.
        run_id: the run that checked it.
        started: when that run started, UTC.
    """
    return f"{quality}results/{started:%Y/%m/%d}/{dataset}-{run_id}.json"


def result_line(report: Mapping[str, Any], location: str) -> str:
    """The line, with its line break.

    Args:
        report: the result of :func:`etl.report.build_report`.
        location: URI of the HTML report.
    """
    score, outcomes, rows = report["score"], report["outcomes"], report["rows"]
    facts = {
        "dataset": report["dataset"],
        "run_id": report["run_id"],
        "checked_at": _timestamp(report["generated_at"]),
        **{name: score[name] for name in ("threshold", "passed", "capped", "critical_failures")},
        "score": score["value"],
        "dimensions": [{"dimension": name, **part} for name, part in score["dimensions"].items()],
        "rules_passed": outcomes["Passed"],
        "rules_failed": outcomes["Failed"],
        "rules_in_error": outcomes["Error"],
        "rules": _only(_RULE, report["rules"]),
        "rows_read": rows["read"],
        "rows_written": rows["written"],
        "rows_refused": rows["refused"],
        "refused": report["refused"],
        "column_profiles": [_column(entry) for entry in report["profile"]],
        "drift": [_change(entry) for entry in report["drift"]],
        "observations": _only(_OBSERVATION, report["observations"]),
        "batches": [batch["id"] for batch in report["batches"]],
        "publication": (report["publication"] or {}).get("state"),
        "curated_table": report["table"],
        "report": location,
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")) + "\n"


def _timestamp(text: str) -> str:
    """A moment as Hive's SerDes read it: UTC, without a zone."""
    moment = datetime.fromisoformat(text)
    moment = moment.astimezone(timezone.utc) if moment.tzinfo else moment
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _only(names: Iterable[str], entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted = tuple(names)
    numbers = {"value", "low", "high", "ratio"}
    return [{name: _number(entry[name]) if name in numbers else entry[name] for name in wanted} for entry in entries]


def _number(value: Any) -> float | None:
    """A number that a SerDe can read; None for what is none, or not finite (JSON knows no NaN)."""
    if isinstance(value, str):  # reports spell what is not finite
        return None
    return None if value is None or not math.isfinite(value) else float(value)


def _column(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": entry["column"],
        "type": entry["type"],
        "rows": entry["rows"],
        "nulls": entry["nulls"],
        "distinct_values": entry["distinct"],
    }


def _change(entry: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: entry[name] for name in ("what", "before", "now", "words")}
    return {**named, "column_name": entry["column"]}
