"""One check, from files to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Contract
from etl.dqdl import RulesetResult, evaluate, explain
from etl.dqdl.anomalies import observations
from etl.dqdl.frames import spark_message
from etl.dqdl.profile import profile_metrics
from etl.hiding import shown_profile, shown_rows
from etl.names import dataset_from_file_name
from etl.report import build_report
from etl.report_drift import drift
from etl.scoring import score
from quality_check.errors import CheckError
from quality_check.frames import Table, read_table
from quality_check.history import Past
from quality_check.places import Place
from quality_check.rules import Demands
from utils.spark_versions import COMPILE_ERRORS


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        place: the data.
        demands: the rules.
        now: the time of the check, with a zone.
        contract: what the columns are; None infers them.
        contracts: those beside it, for references of their names.
        references: name -> where it lies.
        file_format: auto, or what text files are.
        where: Spark SQL; only rows for which it is true are checked.
        samples: how many rows the report shows of each rule that they fail; 0 shows none.
    """

    place: Place
    demands: Demands
    now: datetime
    contract: Contract | None = None
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    references: Mapping[str, Place] = field(default_factory=dict)
    file_format: str = "auto"
    where: str = ""
    samples: int = 5

    @property
    def dataset(self) -> str:
        """What the data are called."""
        return self.contract.name if self.contract else dataset_from_file_name(Path(self.place.given).name)


@dataclass(frozen=True)
class Opened:
    """The data, and what the rules may look at beside them.

    Attributes:
        table: as it was read.
        data: the rows that are checked.
        references: by name.
    """

    table: Table
    data: DataFrame
    references: Mapping[str, DataFrame]


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        result: of the rules.
        report: see etl.report.build_report.
        past: the history with this check.
    """

    result: RulesetResult
    report: dict[str, Any]
    past: Past


def open_all(spark: SparkSession, request: Request, scratch: Path) -> Opened:
    """Read the data and the references.

    Args:
        spark: the session.
        request: what was asked for.
        scratch: an empty folder, for copies of files that Spark can't read as they lie.

    Raises:
        CheckError: a file can't be read, or ``where`` is no condition.
    """
    table = read_table(spark, request.place, request.contract, request.file_format, scratch / "data")
    references = {
        name: read_table(spark, place, request.contracts.get(name), "auto", scratch / f"reference-{number}").rows
        for number, (name, place) in enumerate(request.references.items())
    }
    try:
        data = table.rows.where(request.where) if request.where else table.rows
    except COMPILE_ERRORS as error:
        raise CheckError(f"--where {request.where}: {spark_message(error)}") from error
    return Opened(table, data, references)


def explained(request: Request, opened: Opened) -> str:
    """Which Spark actions the rules take, in words."""
    explanation = explain(
        opened.data,
        request.demands.ruleset,
        references=opened.references,
        now=request.now,
        files=opened.table.files,
        profile=True,
    )
    return explanation.to_text()


def check(request: Request, opened: Opened, past: Past) -> Checked:
    """Evaluate the rules.

    Args:
        request: what was asked for.
        opened: the data.
        past: what earlier checks measured.
    """
    history = past.history()
    result = evaluate(
        opened.data,
        request.demands.ruleset,
        references=opened.references,
        history=history,
        now=request.now,
        files=opened.table.files,
        profile=True,
    )
    profile = shown_profile(result.profile, request.contract) if request.contract else result.profile
    metrics = {**profile_metrics(result.profile, request.now), **result.metrics}
    scored = score(result, request.demands.weights, request.demands.threshold)
    run_id = f"check-{request.now:%Y%m%dT%H%M%SZ}"
    report = build_report(
        dataset=request.dataset,
        description=request.contract.description if request.contract else "",
        run_id=run_id,
        generated_at=request.now,
        score=scored,
        rules=result.rules,
        rows_read=opened.table.read,
        refused=opened.table.refused,
        source_files=list(request.place.files.values()),
        trend=past.trend(),
        profile=profile,
        samples=_samples(request, opened.data, result),
        drift=drift(profile, past.profile),
        observations=observations(metrics, history, request.now),
        problems=result.problems,
    )
    now = request.now.isoformat()
    facts = {"checked_at": now, "run_id": run_id, "score": scored.value, "passed": scored.passed}
    return Checked(result, report, past.with_run(metrics, profile, rows=result.row_count, **facts))


def _samples(request: Request, data: DataFrame, result: RulesetResult) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Some rows for each rule that single rows break, with personal data hidden."""
    found = result.samples(data, result.broken_by_rows, request.samples)
    return {text: shown_rows(rows, request.contract) if request.contract else rows for text, rows in found.items()}
