"""Quality: curated tables against their contracts' DQDL rules -> score, report, metric history, alerts.

Batches move PROCESSED -> CHECKED. What is written carries the name of the newest batch, so a run that was
killed and is done again writes the same items and tells nobody twice.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from etl.contracts import Contract, inferred
from etl.curated.tables import empty_frame, table_exists
from etl.curated.writer import current
from etl.dqdl import RulesetResult, evaluate, profile_columns
from etl.errors import QualityHaltError
from etl.folders import batch_folders
from etl.leases import lease
from etl.ledger import CHECKED, PROCESSED, Batch
from etl.names import METADATA
from etl.pipeline import Pipeline, each_dataset
from etl.processing import in_order_of_need
from etl.report import build_report, render_html
from etl.scoring import Score, score

STAGE = "quality"
# What every dataset must satisfy when its contract says nothing.
DEFAULT_RULES = "Rules = [ RowCount > 0 ]"
HISTORY_LENGTH = 100
SAMPLE_ROWS = 5


@dataclass(frozen=True)
class Check:
    """One evaluation of a dataset."""

    contract: Contract
    batches: Sequence[Batch]
    table: DataFrame
    earlier: Sequence[Mapping[str, Any]]
    result: RulesetResult
    score: Score

    @property
    def id(self) -> str:
        """The newest batch stands for the check."""
        return self.batches[-1].id


def check(pipeline: Pipeline) -> dict[str, str]:
    """Check every dataset with PROCESSED batches.

    Args:
        pipeline: the run.

    Returns:
        dataset -> reason, for those that failed; a breach of a dataset with ``on_breach: halt`` is a failure.
    """
    contracts = pipeline.contracts()

    def work(dataset: str) -> None:
        _check_dataset(pipeline, contracts, contracts.get(dataset, inferred(dataset)))

    return each_dataset(pipeline, in_order_of_need(contracts, pipeline.ledger.datasets()), work)


def _check_dataset(pipeline: Pipeline, contracts: dict[str, Contract], contract: Contract) -> None:
    settings, ledger = pipeline.settings, pipeline.ledger
    if not ledger.batches(contract.name, PROCESSED):
        return
    with lease(ledger.state, contract.name, STAGE, ledger.owner, settings.lease_seconds):
        batches = [ledger.take_over(batch) for batch in ledger.batches(contract.name, PROCESSED)]
        if not batches:
            return
        found = _evaluate(pipeline, contracts, contract, batches)
        location = _write_report(pipeline, found)
        _remember(pipeline, found, location)
        if not found.score.passed:
            _queue_alert(pipeline, found, location)
        for batch in batches:
            ledger.advance(batch, CHECKED, score=found.score.value, report=location)
    value, threshold = found.score.value, contract.quality.threshold
    pipeline.log.info("%s: score %.2f of 100, threshold %.0f", contract.name, value, threshold)
    failed = sum(rule.outcome != "Passed" for rule in found.result.rules)
    pipeline.emit(contract.name, QualityScore=value, RulesFailed=failed, TableRows=found.result.row_count)
    # Last, so that every rule has been reported and every batch is CHECKED.
    if not found.score.passed and contract.quality.on_breach == "halt":
        raise QualityHaltError(f"score {value:.2f} is below {threshold:.0f} (on_breach: halt); report: {location}")


def _evaluate(
    pipeline: Pipeline, contracts: dict[str, Contract], contract: Contract, batches: Sequence[Batch]
) -> Check:
    quality = contract.quality
    rules = quality.rules or DEFAULT_RULES
    references = {
        name: current(pipeline.spark, pipeline.settings.table(name), contracts[name])
        for name in contracts
        if name in rules and name != contract.name and table_exists(pipeline.spark, pipeline.settings.table(name))
    }
    table, earlier = _curated(pipeline, contract), _earlier_checks(pipeline, contract.name, before=batches[-1].id)
    result = evaluate(table, rules, references, _history(earlier))
    return Check(contract, batches, table, earlier, result, score(result, quality.weights, quality.threshold))


def _curated(pipeline: Pipeline, contract: Contract) -> DataFrame:
    """The curated rows that hold now; an empty frame of the contract's columns when every row so far was refused."""
    table = pipeline.settings.table(contract.name)
    if table_exists(pipeline.spark, table):
        return current(pipeline.spark, table, contract)
    return empty_frame(pipeline.spark, {column.name: column.spark_type for column in contract.columns})


def _history(earlier: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Metric -> earlier values, oldest first, for dynamic thresholds."""
    history: dict[str, list[float]] = {}
    for item in earlier:
        for name, value in item.get("metrics", {}).items():
            history.setdefault(name, []).append(float(value))
    return history


def _earlier_checks(pipeline: Pipeline, dataset: str, before: str) -> list[dict[str, Any]]:
    items = pipeline.ledger.items(f"metrics#{dataset}")
    return [item for item in items if item["id"] < before][-HISTORY_LENGTH:]


def _write_report(pipeline: Pipeline, found: Check) -> str:
    """Write JSON and HTML; the URI of the HTML."""
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
        rules=found.result.rules,
        rows_read=_total(found.batches, "rows_read"),
        rows_written=_total(found.batches, "rows_curated"),
        refused=refused,
        batches=[_described(batch) for batch in found.batches],
        table=settings.table(contract.name),
        quarantine=batch_folders(settings, found.batches[-1]).quarantine,
        trend=[
            {"score": float(e["score"]), "generated_at": e["checked_at"], "run_id": e["run_id"]} for e in found.earlier
        ],
        profile=profile_columns(found.table.drop(*METADATA)),
        samples=_samples(found.result, found.table),
        problems=found.result.problems,
    )
    base = f"{settings.quality}reports/{contract.name}/{settings.started:%Y/%m/%d}/{settings.run_id}"
    pipeline.storage.write_text(f"{base}.json", json.dumps(content, indent=1, ensure_ascii=False))
    pipeline.storage.write_text(f"{base}.html", render_html(content))
    return f"{base}.html"


def _described(batch: Batch) -> dict[str, Any]:
    return {"id": batch.id, "rows": batch.facts.get("rows_curated", 0), "files": batch.facts["files"]}


def _total(batches: Sequence[Batch], fact: str) -> int:
    return sum(int(batch.facts.get(fact, 0)) for batch in batches)


def _samples(result: RulesetResult, table: DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Some rows for each rule that single rows break."""
    return {
        rule.text: [row.asDict(recursive=True) for row in result.failing_rows(table, rule, SAMPLE_ROWS).collect()]
        for rule in result.rules
        if rule.row_level and rule.failed_rows
    }


def _remember(pipeline: Pipeline, found: Check, location: str) -> None:
    """The metric history, which trends and dynamic thresholds are made of. DynamoDB knows no NaN."""
    metrics = {name: value for name, value in found.result.metrics.items() if math.isfinite(value)}
    settings = pipeline.settings
    pipeline.ledger.put(
        f"metrics#{found.contract.name}",
        found.id,
        score=found.score.value,
        passed=found.score.passed,
        rows=found.result.row_count,
        metrics=metrics,
        report=location,
        run_id=settings.run_id,
        checked_at=settings.started.isoformat(),
    )


def _queue_alert(pipeline: Pipeline, found: Check, location: str) -> None:
    name, value = found.contract.name, found.score.value
    failed = [rule for rule in found.result.rules if rule.outcome != "Passed"]
    lines = [f"The quality of {name} is {value:.2f} of 100; the contract asks for {found.score.threshold:.0f}.", ""]
    lines += [f"- {rule.text}: {rule.message}" for rule in failed]
    lines += ["", f"Report: {location}", f"Run: {pipeline.settings.run_id}"]
    subject = f"[{pipeline.settings.environment}] quality of {name} is {value:.2f}, below {found.score.threshold:.0f}"
    pipeline.alerts.queue(f"quality#{name}#{found.id}", subject, "\n".join(lines))
