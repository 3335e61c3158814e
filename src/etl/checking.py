"""One check of a dataset: its curated rows against the rules, its history, and its last profile.

Everything that is found out here is plain data; what becomes of it is :mod:`etl.quality`'s and :mod:`etl.telling`'s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame

from etl.contracts import Contract, inferred
from etl.curated.tables import empty_frame, table_exists
from etl.curated.writer import current
from etl.dqdl import History, Point, RulesetResult, evaluate, parse_ruleset
from etl.dqdl.anomalies import Observation, observations
from etl.dqdl.mentions import mentioned
from etl.dqdl.model import Ruleset
from etl.dqdl.profile import profile_metrics
from etl.dynamo import plain
from etl.hiding import shown_message, shown_profile
from etl.ledger import Batch
from etl.manifests import read_manifest
from etl.names import METADATA
from etl.pipeline import Pipeline, reason_of
from etl.report import REPORT_VERSION
from etl.report_drift import drift
from etl.scoring import Score, score

# What every dataset must satisfy when its contract says nothing.
DEFAULT_RULES = "Rules = [ RowCount > 0 ]"
HISTORY_LENGTH = 100
# An item of DynamoDB holds 400 KB, and a check reads a hundred of them.
MOST_BYTES_OF_METRICS = 100_000
_BYTES_OF_NUMBER = 24


@dataclass(frozen=True)
class Check:
    """One evaluation of a dataset.

    Attributes:
        id: the newest batch whose rows were looked at stands for the check.
        batches: whose rows it is about: the new ones, and those that were held before.
        files: URIs of the batches' source files.
        table: the rows.
        earlier: items of the checks before, oldest first.
        metrics: what the history gets: of the rules, and of the profile.
        profile: as the report may show it.
        observations: the metrics against their history.
        drift: what has changed since the report before.
        problems: what could not be done, in words.
    """

    contract: Contract
    id: str
    batches: Sequence[Batch]
    files: Sequence[str]
    table: DataFrame
    earlier: Sequence[Mapping[str, Any]]
    result: RulesetResult
    score: Score
    metrics: Mapping[str, float]
    profile: Sequence[Mapping[str, Any]]
    observations: Sequence[Observation]
    drift: Sequence[Mapping[str, Any]]
    problems: Sequence[str]

    @property
    def unusual(self) -> list[Observation]:
        """The metrics that are not what their history lets expect."""
        return [each for each in self.observations if each.unusual]

    def count(self, outcome: str) -> int:
        """How many rules ended so: Passed, Failed or Error."""
        return sum(rule.outcome == outcome for rule in self.result.rules)


def check_rows(
    pipeline: Pipeline,
    contracts: Mapping[str, Contract],
    contract: Contract,
    rows: str,
    batches: Sequence[Batch],
    check_id: str,
) -> Check:
    """Evaluate a dataset.

    Args:
        pipeline: the run.
        contracts: all of them, by dataset.
        contract: the dataset's.
        rows: full name of what is checked, the curated table or its audit branch.
        batches: whose rows it is about, oldest first.
        check_id: see :attr:`Check.id`.
    """
    quality, now = contract.quality, pipeline.settings.started
    ruleset = parse_ruleset(quality.rules or DEFAULT_RULES)
    references = _references(pipeline, contracts, contract, ruleset)
    table, files = _curated(pipeline, contract, rows), _source_files(pipeline, batches)
    items = pipeline.ledger.newest(f"metrics#{contract.name}", HISTORY_LENGTH, before=check_id)
    earlier = [plain(item) for item in items]
    history = history_of_items(earlier)
    # Rules may speak of the columns that the pipeline adds; nobody wants a profile of them.
    profiled = [name for name in table.columns if name not in METADATA]
    result = evaluate(table, ruleset, references, history, now=now, files=files, profile=profiled)
    metrics, left_out = bounded_metrics(result.metrics, profile_metrics(result.profile, now))
    profile = shown_profile(result.profile, contract)
    note = f"{left_out} metric(s) of the profile are too many for the history, and have no trend" if left_out else ""
    if note:
        pipeline.log.warning("%s: %s", contract.name, note)
    return Check(
        contract=contract,
        id=check_id,
        batches=batches,
        files=files,
        table=table,
        earlier=earlier,
        result=result,
        score=score(result, quality.weights, quality.threshold),
        metrics=metrics,
        profile=profile,
        observations=observations(metrics, history, now),
        drift=drift(profile, _profile_before(pipeline, contract.name, earlier)),
        problems=[shown_message(each, contract, table.columns) for each in (*result.problems, *filter(None, [note]))],
    )


def history_of_items(items: Sequence[Mapping[str, Any]]) -> History:
    """The metric history of the checks before.

    Args:
        items: of the state table, ``metrics#<dataset>``, oldest first.
    """
    points: dict[str, list[Point]] = {}
    for item in items:
        at = datetime.fromisoformat(item["checked_at"])
        for name, value in item.get("metrics", {}).items():
            points.setdefault(name, []).append(Point(float(value), at))
    return History(points)


def bounded_metrics(
    of_rules: Mapping[str, float], of_profile: Mapping[str, float], most: int = MOST_BYTES_OF_METRICS
) -> tuple[dict[str, float], int]:
    """The metrics that an item of the history takes; DynamoDB knows no NaN.

    Args:
        of_rules: what rules and analyzers measured; they come first.
        of_profile: what the profile measured, column by column.
        most: bytes that names and values may take.

    Returns:
        The metrics, and how many were left out since there was no room.
    """
    wanted = {name: value for name, value in {**of_profile, **of_rules}.items() if math.isfinite(value)}
    ordered = sorted(wanted, key=lambda name: name not in of_rules)
    kept: dict[str, float] = {}
    for name in ordered:
        most -= len(name.encode()) + _BYTES_OF_NUMBER
        if most < 0:
            break
        kept[name] = wanted[name]
    return kept, len(wanted) - len(kept)


def _references(
    pipeline: Pipeline, contracts: Mapping[str, Contract], contract: Contract, ruleset: Ruleset
) -> dict[str, DataFrame]:
    """The published rows of the datasets that the rules speak of."""
    spark, settings = pipeline.spark, pipeline.settings
    others = {*contracts, *pipeline.ledger.datasets()} - {contract.name}
    return {
        name: current(spark, settings.table(name), contracts.get(name, inferred(name)))
        for name in sorted(mentioned(ruleset, others))
        if table_exists(spark, settings.table(name))
    }


def _curated(pipeline: Pipeline, contract: Contract, rows: str) -> DataFrame:
    """The curated rows that hold now; an empty frame of the contract's columns when every row so far was refused."""
    if table_exists(pipeline.spark, rows):
        return current(pipeline.spark, rows, contract)
    return empty_frame(pipeline.spark, {column.name: column.spark_type for column in contract.columns})


def _source_files(pipeline: Pipeline, batches: Sequence[Batch]) -> list[str]:
    """The files of the batches; those of a manifest that is gone are only missing in what rules about files see."""
    files: list[str] = []
    for batch in batches:
        try:
            files += [file.uri for file in read_manifest(pipeline, batch)]
        except Exception as error:  # noqa: BLE001 - storage fails in many ways, and none of them is the data's fault
            pipeline.log.warning(
                "%s: the files of batch %s are not known: %s", batch.dataset, batch.id, reason_of(error)
            )
    return files


def _profile_before(
    pipeline: Pipeline, dataset: str, earlier: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """The profile of the report before; none when it is gone, or of an earlier version of the report."""
    if not earlier:
        return ()
    uri = earlier[-1]["report"].removesuffix(".html") + ".json"
    try:
        report = json.loads(pipeline.storage.read_text(uri))
    except Exception as error:  # noqa: BLE001 - a report that people have removed is no fault
        pipeline.log.info("%s: no drift is told, since %s can't be read: %s", dataset, uri, reason_of(error))
        return ()
    if report.get("version") != REPORT_VERSION:
        return ()
    profile: Sequence[Mapping[str, Any]] = report["profile"]
    return profile
