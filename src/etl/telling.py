"""What is told of a check: the report, the metric history, alerts, CloudWatch, and the index of all reports.

Everything is named after the newest batch that was checked, or after the run, so that a run that was killed and is done
again writes the same, and tells nobody twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from etl.checking import Check
from etl.contracts import Contract, inferred
from etl.curated.tables import audit_of
from etl.dqdl import RuleResult
from etl.dynamo import plain
from etl.folders import batch_folders
from etl.hiding import shown_message, shown_rows
from etl.ledger import Batch
from etl.names import AUDIT_BRANCH
from etl.pipeline import Pipeline, reason_of
from etl.publication import Publication
from etl.report import build_report, render_html
from etl.report_index import render_index
from etl.report_results import result_line, results_uri

SAMPLE_ROWS = 5
MOST_SAMPLED_RULES = 50
# Failed rules that an alert lists; the report has all.
MOST_TOLD = 10
INDEX_CHECKS = 60
_OF_INDEX = ("id", "score", "threshold", "passed", "rows", "report", "checked_at", "run_id")


def write_report(pipeline: Pipeline, found: Check, publication: Publication | None) -> str:
    """Write JSON and HTML, and the line that the table of all results has.

    Args:
        pipeline: the run.
        found: the check.
        publication: what became of the rows; None for a dataset whose rows don't wait.

    Returns:
        The URI of the HTML.
    """
    settings, contract = pipeline.settings, found.contract
    refused: Counter[str] = Counter()
    for batch in found.batches:
        refused.update(batch.facts.get("reasons", {}))
        refused.update(batch.facts.get("reject_reasons", {}))
    content = build_report(
        dataset=contract.name,
        description=contract.description,
        run_id=settings.run_id,
        generated_at=settings.started,
        score=found.score,
        rules=_shown_rules(found),
        rows_read=_total(found.batches, "rows_read"),
        rows_written=_total(found.batches, "rows_curated"),
        refused=refused,
        batches=[_described(batch) for batch in found.batches],
        source_files=found.files,
        table=settings.table(contract.name),
        quarantine=batch_folders(settings, found.batches[-1]).quarantine if found.batches else None,
        trend=[
            {"score": float(e["score"]), "generated_at": e["checked_at"], "run_id": e["run_id"]} for e in found.earlier
        ],
        profile=found.profile,
        samples=_samples(found),
        problems=found.problems,
        drift=found.drift,
        observations=found.observations,
        publication=publication.to_dict() if publication else None,
        links={"All datasets": "../../../../index.html", "As JSON": f"{settings.run_id}.json"},
    )
    base = f"{settings.quality}reports/{contract.name}/{settings.started:%Y/%m/%d}/{settings.run_id}"
    pipeline.storage.write_text(f"{base}.json", json.dumps(content, indent=1, ensure_ascii=False))
    pipeline.storage.write_text(f"{base}.html", render_html(content))
    line = results_uri(settings.quality, contract.name, settings.run_id, settings.started)
    pipeline.storage.write_text(line, result_line(content, f"{base}.html"))
    return f"{base}.html"


def remember(pipeline: Pipeline, found: Check, location: str, publication: Publication | None) -> None:
    """Write the check into the history, which trends, dynamic thresholds and the index are made of.

    Args:
        pipeline: the run.
        found: the check.
        location: URI of its report.
        publication: what became of the rows.
    """
    settings = pipeline.settings
    pipeline.ledger.put(
        f"metrics#{found.contract.name}",
        found.id,
        score=found.score.value,
        threshold=found.score.threshold,
        passed=found.score.passed,
        rows=found.result.row_count,
        rules_failed=found.count("Failed"),
        rules_in_error=found.count("Error"),
        anomalies=len(found.unusual),
        publication=publication.state if publication else None,
        metrics=found.metrics,
        report=location,
        run_id=settings.run_id,
        checked_at=settings.started.isoformat(),
    )


def queue_alerts(pipeline: Pipeline, found: Check, location: str, publication: Publication | None) -> None:
    """Queue what people must hear of: a score below the threshold; unusual metrics where the contract says so.

    The same rules failing for the same batch are told once, however often it is checked.

    Args:
        pipeline: the run.
        found: the check.
        location: URI of its report.
        publication: what became of the rows.
    """
    name, environment = found.contract.name, pipeline.settings.environment
    if not found.score.passed:
        failed = [rule for rule in _shown_rules(found) if rule.outcome != "Passed"]
        subject = f"[{environment}] quality of {name} is {found.score.value:.2f}, below {found.score.threshold:.0f}"
        if publication and publication.rows_wait:
            subject += "; rows are held"
        lines = [*_breach(found, failed), "", *_meaning(pipeline, publication, found), "", *_links(pipeline, location)]
        told = _digest(rule.text for rule in failed)
        pipeline.alerts.queue(f"quality#{name}#{found.id}#{told}", subject, "\n".join(lines))
    elif found.unusual and found.contract.quality.on_anomaly == "alert":
        subject = f"[{environment}] {len(found.unusual)} unusual metric(s) of {name}"
        lines = [f"The rules of {name} hold (score {found.score.value:.2f}), but this is unusual:", ""]
        lines += [f"- {each.metric}: {each.words}" for each in found.unusual[:MOST_TOLD]]
        told = _digest(each.metric for each in found.unusual)
        lines += ["", *_links(pipeline, location)]
        pipeline.alerts.queue(f"anomaly#{name}#{found.id}#{told}", subject, "\n".join(lines))


def emit_metrics(pipeline: Pipeline, found: Check, publication: Publication | None) -> None:
    """Send the numbers of a check to CloudWatch."""
    held = {"RowsHeld": publication.rows_held} if publication else {}
    pipeline.emit(
        found.contract.name,
        QualityScore=found.score.value,
        RulesFailed=found.count("Failed"),
        RulesInError=found.count("Error"),
        TableRows=found.result.row_count,
        Anomalies=len(found.unusual),
        **held,
    )


def write_index(pipeline: Pipeline, contracts: Mapping[str, Contract]) -> None:
    """Write the page that leads to all reports; where that fails it is logged, and the next run writes it."""
    try:
        datasets = [_indexed(pipeline, contracts, name) for name in pipeline.ledger.datasets()]
        page = render_index([each for each in datasets if each["checks"]])
        pipeline.storage.write_text(f"{pipeline.settings.quality}reports/index.html", page)
    except Exception as error:  # noqa: BLE001 - a page that helps people must not fail what was checked
        pipeline.log.warning("reports/index.html stays as it was: %s", reason_of(error))


def console_url(uri: str, region: str) -> str:
    """Where the AWS console shows an object of S3.

    Args:
        uri: ``s3://bucket/key``.
        region: of the bucket.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    host = f"{region}.console.aws.amazon.com"
    if region.startswith("cn-"):
        host = f"{region}.console.amazonaws.cn"
    elif region.startswith("us-gov-"):
        host = "console.amazonaws-us-gov.com"
    return f"https://{host}/s3/object/{bucket}?region={region}&prefix={key}"


def _shown_rules(found: Check) -> list[RuleResult]:
    columns = set(found.table.columns)
    return [
        replace(rule, message=shown_message(rule.message, found.contract, columns)) if rule.outcome == "Error" else rule
        for rule in found.result.rules
    ]


def _samples(found: Check) -> dict[str, list[dict[str, Any]]]:
    rules = found.result.broken_by_rows[:MOST_SAMPLED_RULES]
    samples = found.result.samples(found.table, rules, SAMPLE_ROWS)
    return {text: shown_rows(rows, found.contract) for text, rows in samples.items()}


def _breach(found: Check, failed: list[RuleResult]) -> list[str]:
    """What is wrong: how much, and which rules are broken most."""
    critical = set(found.score.critical_failures)
    worst = sorted(failed, key=lambda rule: (rule.text not in critical, rule.ratio))
    value, threshold, total = found.score.value, found.score.threshold, len(found.result.rules)
    lines = [
        f"The quality of {found.contract.name} is {value:.2f} of 100; the contract asks for {threshold:.0f}.",
        "",
        f"{len(failed)} of {total} rule(s) do not hold, the worst first:",
    ]
    for rule in worst[:MOST_TOLD]:
        mark = " (critical)" if rule.text in critical else ""
        numbers = f"{rule.failed_rows:,} of {rule.rows:,} row(s): " if rule.failed_rows and rule.rows else ""
        lines.append(f"- {rule.text}{mark}: {numbers}{rule.message}")
    return [*lines, *([f"and {len(failed) - MOST_TOLD} more; see the report"] if len(failed) > MOST_TOLD else [])]


def _meaning(pipeline: Pipeline, publication: Publication | None, found: Check) -> list[str]:
    """Who sees the rows, and what to do."""
    settings, contract = pipeline.settings, found.contract
    table = settings.table(contract.name)
    if publication is None or not publication.rows_wait:
        return [
            f"The rows are in {table}, and its readers see them.",
            "What to do: look at the report; send the rows again once they are put right, or mend the rule in the "
            "contract.",
        ]
    again = f'{{"--dataset":"{contract.name}","--recheck":"true"}}'
    mend = "the rows with their keys, put right" if contract.key else "what is missing"
    return [
        f"{publication.words} They are in the table's branch {AUDIT_BRANCH}, in Spark SQL {audit_of(table)}.",
        f"What to do: look at the report. If the rows are wrong, send {mend} as a file: the next run checks everything "
        "that is held together with it. If the rule is wrong, mend the contract and check again:",
        f"  aws glue start-job-run --job-name {settings.job_name} --arguments '{again}'",
        "Rows that pass are published by themselves, aggregates too. docs/publication.md says more.",
    ]


def _links(pipeline: Pipeline, location: str) -> list[str]:
    region = str(pipeline.cloudwatch.meta.region_name)
    return [f"Report: {console_url(location, region)}", f"  {location}", f"Run: {pipeline.settings.run_id}"]


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(texts)).encode()).hexdigest()[:12]


def _described(batch: Batch) -> dict[str, Any]:
    return {"id": batch.id, "rows": batch.facts.get("rows_curated", 0), "files": batch.facts["files"]}


def _total(batches: Iterable[Batch], fact: str) -> int:
    return sum(int(batch.facts.get(fact, 0)) for batch in batches)


def _indexed(pipeline: Pipeline, contracts: Mapping[str, Contract], name: str) -> dict[str, Any]:
    contract = contracts.get(name, inferred(name))
    checks = [plain(item) for item in pipeline.ledger.newest(f"metrics#{name}", INDEX_CHECKS, only=_OF_INDEX)]
    # Checks of before the threshold was written down.
    checks = [{"threshold": contract.quality.threshold, **each} for each in checks]
    return {"dataset": name, "description": contract.description, "checks": checks}
