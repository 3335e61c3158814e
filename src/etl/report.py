"""The quality report: its content as JSON, and the same content as one HTML file without network or scripts.

Nothing here touches Spark or storage: :func:`build_report` takes plain values, :func:`render_html` its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from etl.page import json_value, page_style, page_templates, shown_number
from etl.report_charts import column_value, gauge_mark, histogram, metric_value, metric_words, range_chart, trend_line

# config/quality_report.schema.json describes this version.
REPORT_VERSION = 2
TEMPLATES = tuple(
    f"{name}.html.j2" for name in ("report", "charts", "tables", "rules", "comparison", "profile", "origin")
)
MOST_SAMPLES = 10
MOST_FILES = 200
MOST_TREND = 60
# Characters of a value of a sample row.
MOST_TEXT = 300
# Columns of a sample row that the page shows; the JSON has all.
SHOWN_COLUMNS = 12
OUTCOMES = {"Failed": 0, "Error": 1, "Passed": 2}
# What a profile entry may lack.
_UNKNOWN = {
    **dict.fromkeys(("distinct", "min", "max", "mean", "stddev", "quantiles", "histogram", "sampled")),
    "top": (),
    "patterns": (),
}


class Documented(Protocol):
    """A result that knows itself as JSON: a Score, a RuleResult."""

    def to_dict(self) -> dict[str, Any]:
        """As the report's JSON has it."""
        ...


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
    drift: Sequence[Mapping[str, Any]] = (),
    observations: Sequence[Documented | Mapping[str, Any]] = (),
    publication: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
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
        drift: see etl.report_drift.drift.
        observations: metrics against their history, see etl.dqdl.anomalies.
        publication: ``state`` (``published`` or ``held``), ``branch`` and ``words``; None for a table that is written
            at once.
        links: words -> an address that the page should lead to: relative to the report, or https.
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
        "profile": [_plain({**_UNKNOWN, **column}) for column in profile or []],
        "drift": [_plain({"column": None, **change}) for change in drift],
        "observations": [_plain(observation) for observation in observations],
        "publication": None if publication is None else _plain({"branch": None, **publication}),
        "links": {str(words): str(address) for words, address in (links or {}).items()},
        "problems": [str(problem) for problem in problems],
    }


def render_html(report: Mapping[str, Any]) -> str:
    """The report as one HTML page: no scripts, nothing from the network, every value escaped.

    Args:
        report: the result of :func:`build_report`, also after a round trip through JSON.
    """
    templates = page_templates(TEMPLATES, **_FILTERS)
    ordered = sorted(report["rules"], key=lambda rule: (not rule["critical"], OUTCOMES.get(rule["outcome"], 0)))
    threshold = report["score"]["threshold"]
    return templates.get_template("report.html.j2").render(
        report=report,
        style=page_style(),
        attention=[rule for rule in ordered if rule["outcome"] != "Passed"],
        unusual=[each for each in report["observations"] if each["unusual"]],
        usual=[each for each in report["observations"] if not each["unusual"]],
        headline=headline(report),
        gauge=gauge_mark(threshold),
        trend=trend_line(report["trend"], threshold),
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
    rows = [_plain(row) for row in samples.get(plain["rule"], ())[:MOST_SAMPLES]]
    return {
        **plain,
        "samples": [{name: _cut(value) for name, value in row.items()} for row in rows],
    }


def _cut(value: Any) -> Any:
    """A sample's value; one that would fill the page is cut."""
    long = isinstance(value, str) and len(value) > MOST_TEXT
    return f"{value[: MOST_TEXT - 1]}…" if long else value


def _shown_columns(rule: Mapping[str, Any]) -> list[str]:
    """The columns of a rule's sample rows that the page has room for: those that the rule is about come first."""
    names = list(rule["samples"][0])
    return sorted(names, key=lambda name: name not in rule["columns"])[:SHOWN_COLUMNS]


def _followable(address: str) -> bool:
    """Whether a browser may follow an address: a relative one, or https; an s3:// URI leads nowhere."""
    return address.startswith("https://") or not (address.startswith("//") or ":" in address.partition("/")[0])


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


_FILTERS: dict[str, Callable[..., Any]] = {
    "columns": _shown_columns,
    "followable": _followable,
    "histogram": histogram,
    "in_column": column_value,
    "in_metric": metric_value,
    "metric": metric_words,
    "range": range_chart,
}
