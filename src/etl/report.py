"""The quality report: its content as JSON, and the same content as one HTML file without network or scripts.

Nothing here touches Spark or storage: :func:`build_report` takes plain values, :func:`render_html` its result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from etl.page import json_value, page_style, page_templates, shown_number

REPORT_VERSION = 1
TEMPLATES = ("report.html.j2", "charts.html.j2", "tables.html.j2")
MOST_SAMPLES = 10
MOST_FILES = 200
MOST_TREND = 60
OUTCOMES = {"Failed": 0, "Error": 1, "Passed": 2}


class Documented(Protocol):
    """A result that knows itself as JSON: a Score, a RuleResult."""

    def to_dict(self) -> dict[str, Any]: ...


def build_report(
    *,
    dataset: str,
    run_id: str,
    generated_at: datetime | str,
    score: Documented | Mapping[str, Any],
    rules: Sequence[Documented | Mapping[str, Any]],
    rows_read: int | None = None,
    rows_written: int | None = None,
    refused: Mapping[str, int] | None = None,
    batches: Sequence[str | Mapping[str, Any]] = (),
    source_files: Sequence[str] = (),
    table: str | None = None,
    quarantine: str | None = None,
    trend: Sequence[Mapping[str, Any] | float] = (),
    profile: Sequence[Mapping[str, Any]] | None = None,
    samples: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    description: str = "",
    problems: Sequence[str] = (),
) -> dict[str, Any]:
    """The content of a report, ready for ``json.dumps``.

    Args:
        dataset: the dataset's name.
        run_id: the run that made the report.
        generated_at: when; a text is taken as it is.
        score: see etl.scoring.score.
        rules: the rules' results, see etl.dqdl.evaluate.
        rows_read: rows that came in; None when not known.
        rows_written: rows in the curated table from this run; None when not known.
        refused: reason -> rows that were not written.
        batches: ids, or mappings with ``id`` and what else is known (``rows``, ``files``).
        source_files: where the rows came from.
        table: the curated table.
        quarantine: where refused rows are.
        trend: earlier scores, oldest first: numbers, or mappings with ``score``, ``generated_at``, ``run_id``.
        profile: see etl.dqdl.profile_columns.
        samples: text of a rule -> some rows that do not meet it.
        description: what the dataset is.
        problems: analyzers or steps that did not work, in words.
    """
    scored = _plain(score)
    results = [_rule(rule, samples or {}) for rule in rules]
    counted = sorted((refused or {}).items(), key=lambda entry: (-entry[1], entry[0]))
    earlier = [_point(point) for point in trend][-MOST_TREND:]
    now = {"score": scored["value"], "generated_at": json_value(generated_at), "run_id": run_id}
    return {
        "version": REPORT_VERSION,
        "dataset": dataset,
        "description": description,
        "run_id": run_id,
        "generated_at": json_value(generated_at),
        "score": scored,
        "outcomes": _count(results),
        "rules": results,
        "rows": {
            "read": rows_read,
            "written": rows_written,
            "refused": sum(count for _, count in counted),
        },
        "refused": [{"reason": reason, "rows": count} for reason, count in counted],
        "quarantine": quarantine,
        "batches": [{"id": batch} if isinstance(batch, str) else _plain(batch) for batch in batches],
        "source_files": [str(name) for name in source_files[:MOST_FILES]],
        "source_file_count": len(source_files),
        "table": table,
        "trend": [*earlier, now],
        "profile": [_plain(column) for column in profile or []],
        "problems": [str(problem) for problem in problems],
    }


def render_html(report: Mapping[str, Any]) -> str:
    """The report as one HTML page: no scripts, nothing from the network, every value escaped.

    Args:
        report: the result of :func:`build_report`, also after a round trip through JSON.
    """
    template = page_templates(TEMPLATES).get_template("report.html.j2")
    ordered = sorted(report["rules"], key=lambda rule: (not rule["critical"], OUTCOMES.get(rule["outcome"], 0)))
    return template.render(
        report=report,
        style=page_style(),
        attention=[rule for rule in ordered if rule["outcome"] != "Passed"],
        headline=headline(report),
        gauge=_gauge(report["score"]),
        trend=_trend(report["trend"], report["score"]["threshold"]),
        most_refused=max((entry["rows"] for entry in report["refused"]), default=0),
    )


def headline(report: Mapping[str, Any]) -> str:
    """The result in one sentence, also for alerts."""
    outcomes, score = report["outcomes"], report["score"]
    total = sum(outcomes.values())
    if not total:
        return "No rules were evaluated."
    if outcomes["Passed"] == total:
        start = f"All {total} rules passed" if total > 1 else "The rule passed"
    else:
        parts = [f"{outcomes['Failed']} failed"] if outcomes["Failed"] else []
        parts += [f"{outcomes['Error']} could not be evaluated"] if outcomes["Error"] else []
        start = f"Of {total} rules, {' and '.join(parts)}" if total > 1 else f"The rule {parts[0][2:]}"
    if score["critical_failures"]:
        count = len(score["critical_failures"])
        start += f", {count} of them critical" if total > 1 else "; it is critical"
    if score["passed"]:
        return f"{start}. The score reaches the threshold of {shown_number(score['threshold'])}."
    return f"{start}. The score is below the threshold of {shown_number(score['threshold'])}."


def _rule(rule: Documented | Mapping[str, Any], samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Any:
    plain = _plain(rule)
    rows = samples.get(plain["rule"], ())
    return {**plain, "samples": [_plain(row) for row in rows[:MOST_SAMPLES]]}


def _count(rules: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = {"Passed": 0, "Failed": 0, "Error": 0}
    for rule in rules:
        counts[rule["outcome"]] += 1
    return counts


def _point(point: Mapping[str, Any] | float) -> dict[str, Any]:
    if isinstance(point, Mapping):
        return {
            "score": float(point["score"]),
            **{key: json_value(point.get(key)) for key in ("generated_at", "run_id")},
        }
    return {"score": float(point), "generated_at": None, "run_id": None}


def _plain(value: Documented | Mapping[str, Any]) -> dict[str, Any]:
    mapping = value if isinstance(value, Mapping) else value.to_dict()
    return {str(key): json_value(item) for key, item in mapping.items()}


def _gauge(score: Mapping[str, Any]) -> dict[str, float]:
    """The threshold's mark on a half circle of radius 80 around (100, 100)."""
    angle = math.pi * (1 - min(max(score["threshold"], 0), 100) / 100)
    x, y = math.cos(angle), math.sin(angle)
    return {"x1": 100 + 68 * x, "y1": 100 - 68 * y, "x2": 100 + 92 * x, "y2": 100 - 92 * y}


def _trend(points: Sequence[Mapping[str, Any]], threshold: float) -> dict[str, Any] | None:
    """Places of a line in a box of 1000 x 200; the axis starts at a ten below the lowest value."""
    if len(points) < 2:
        return None
    low = max(0.0, 10 * math.floor((min(threshold, *(point["score"] for point in points)) - 5) / 10))

    def height(value: float) -> float:
        return round(200 * (1 - (value - low) / (100 - low)), 1) if low < 100 else 0.0

    step = 1000 / (len(points) - 1)
    dots = [
        {**point, "x": round(position * step, 1), "y": height(point["score"])} for position, point in enumerate(points)
    ]
    change = points[-1]["score"] - points[-2]["score"]
    return {"points": dots, "low": low, "threshold": height(threshold), "change": round(change, 2)}
