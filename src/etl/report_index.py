"""The index of quality reports: every dataset with its last score and its runs, what needs attention first.

Nothing here touches Spark or storage: :func:`render_index` takes what the metric history knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from etl.page import page_style, page_templates
from etl.report_charts import trend_line

TEMPLATE = "index.html.j2"
# Runs of a dataset that the page links.
MOST_RUNS = 100
# A dataset whose score fell by so many points is looked at before the others that passed.
FALL = 5.0


def render_index(datasets: Sequence[Mapping[str, Any]], generated_at: str = "") -> str:
    """One HTML page, for ``reports/index.html``: no scripts, nothing from the network, every value escaped.

    Args:
        datasets: mappings with ``dataset``, ``description`` and ``checks``, oldest first: mappings with ``id``,
            ``score``, ``threshold``, ``passed``, ``rows``, ``report`` (its URI), ``checked_at`` and ``run_id``; only
            ``score`` must be there.
        generated_at: when, as ISO text; by default the time of the newest check.
    """
    rows = sorted((_row(dataset) for dataset in datasets), key=_urgency)
    newest = max((row["checked_at"] for row in rows if row["checked_at"]), default="")
    return (
        page_templates((TEMPLATE,))
        .get_template(TEMPLATE)
        .render(
            style=page_style(),
            generated_at=generated_at or newest,
            failed=[row for row in rows if row["state"] == "failed"],
            fallen=[row for row in rows if row["state"] == "fallen"],
            good=[row for row in rows if row["state"] == "passed"],
            unchecked=[row for row in rows if row["state"] == "none"],
            total=len(rows),
        )
    )


def report_link(dataset: str, uri: Any) -> str:
    """The way from ``reports/index.html`` to a report; empty for an address that no page leads to.

    Args:
        dataset: whose report.
        uri: as the metric history keeps it, e.g. ``s3://…-quality/reports/orders/2024/01/15/jr_1.html``.
    """
    text = str(uri or "")
    before, folder, rest = text.rpartition(f"reports/{dataset}/")
    if folder and before.endswith("/"):
        return quote(f"{dataset}/{rest}")
    return text if text.startswith("https://") else ""


def _row(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """A dataset as the page shows it."""
    name = str(dataset["dataset"])
    runs = [_run(name, check) for check in dataset.get("checks") or ()][-MOST_RUNS:]
    last: Mapping[str, Any] = runs[-1] if runs else {"score": None, "checked_at": "", "passed": None, "threshold": 0.0}
    change = round(last["score"] - runs[-2]["score"], 2) if len(runs) > 1 else 0.0
    return {
        **last,
        "dataset": name,
        "description": dataset.get("description") or "",
        "runs": runs[::-1],
        "change": change,
        "passes": sum(run["passed"] for run in runs),
        "state": _state(last["passed"], change),
        "line": trend_line(runs, last["threshold"]),
    }


def _run(dataset: str, check: Mapping[str, Any]) -> dict[str, Any]:
    score, threshold = float(check["score"]), float(check.get("threshold") or 0)
    passed = check.get("passed")
    return {
        "score": score,
        "threshold": threshold,
        "passed": score >= threshold if passed is None else bool(passed),
        "rows": check.get("rows"),
        "checked_at": str(check.get("checked_at") or ""),
        "run_id": str(check.get("run_id") or check.get("id") or ""),
        "link": report_link(dataset, check.get("report")),
    }


def _state(passed: bool | None, change: float) -> str:
    if passed is None:
        return "none"
    return "failed" if not passed else "fallen" if change <= -FALL else "passed"


def _urgency(row: Mapping[str, Any]) -> tuple[int, float, str]:
    """Failed ones first, the worst before all; then what fell; then by name; those without any run come last."""
    place = ("failed", "fallen", "passed", "none").index(row["state"])
    worst = {"failed": lambda: row["score"] - row["threshold"], "fallen": lambda: row["change"]}
    return place, worst.get(row["state"], lambda: 0.0)(), row["dataset"]
