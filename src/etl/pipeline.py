"""What a run works with, put together once, and the frame in which each stage takes one dataset after another."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import SparkSession

from etl.alerts import Alerts
from etl.catalog import Catalog
from etl.contracts import Contract, parse_contracts
from etl.errors import DatasetsFailedError, PipelineError
from etl.ledger import Ledger
from etl.lineage.record import RunRecord
from etl.settings import OPTIONAL, REQUIRED, Settings, settings_from
from utils.glue_utils import Storage, job_logger, resolve_arguments, spark_session

METRIC_NAMESPACE = "GlueEtlPipeline"
# Throttled calls are tried again with backoff by the SDK itself.
_TIMEOUTS = {"connect_timeout": 5, "read_timeout": 10}
_STATE_CONFIG = Config(retries={"mode": "standard", "max_attempts": 10}, **_TIMEOUTS)
_CATALOG_CONFIG = Config(retries={"mode": "standard", "max_attempts": 10})
# A message or a metric is not worth holding a job up: what could not be sent stays in the outbox.
_NOTICE_CONFIG = Config(retries={"mode": "standard", "max_attempts": 3}, **_TIMEOUTS)
REASON_LENGTH = 500


@dataclass(frozen=True)
class Pipeline:
    """One run's settings, session, storage and AWS services, and what it has done so far."""

    settings: Settings
    spark: SparkSession
    storage: Storage
    ledger: Ledger
    alerts: Alerts
    catalog: Catalog
    cloudwatch: Any
    log: logging.Logger
    record: RunRecord = field(default_factory=RunRecord)

    def contracts(self) -> dict[str, Contract]:
        """The published contracts, checked.

        Raises:
            ContractError: one of them is wrong; nothing has been read or written yet.
        """
        folder = self.settings.contracts_path
        files = [file.uri for file in self.storage.list_files(folder) if file.uri.endswith((".json", ".yml", ".yaml"))]
        return parse_contracts({uri.rpartition("/")[2]: self.storage.read_text(uri) for uri in files})

    def emit(self, dataset: str, **values: float) -> None:
        """Send metrics of a dataset to CloudWatch; a failure is logged, the state table has the numbers too."""
        dimensions = [
            {"Name": "Environment", "Value": self.settings.environment},
            {"Name": "Dataset", "Value": dataset},
        ]
        data = [{"MetricName": name, "Value": float(value), "Dimensions": dimensions} for name, value in values.items()]
        try:
            self.cloudwatch.put_metric_data(Namespace=METRIC_NAMESPACE, MetricData=data)
        except (BotoCoreError, ClientError) as error:
            self.log.warning("metrics of %s were not sent: %s", dataset, error)


def open_pipeline(settings: Settings, spark: SparkSession, stage: str) -> Pipeline:
    """Connect a run to its services.

    Args:
        settings: from the job's arguments.
        spark: the job's session.
        stage: ingestion, processing or quality; names the logger.
    """
    ledger = Ledger(
        boto3.resource("dynamodb", config=_STATE_CONFIG),
        settings.bookmarks_table,
        settings.state_table,
        owner=settings.run_id,
    )
    return Pipeline(
        settings=settings,
        spark=spark,
        storage=Storage(spark),
        ledger=ledger,
        alerts=Alerts(ledger, boto3.client("sns", config=_NOTICE_CONFIG), settings.alerts_topic_arn),
        catalog=Catalog(boto3.client("glue", config=_CATALOG_CONFIG), settings.database),
        cloudwatch=boto3.client("cloudwatch", config=_NOTICE_CONFIG),
        log=job_logger(stage),
    )


def run_job(argv: Sequence[str], stage: str, work: Callable[[Pipeline], dict[str, str]]) -> None:
    """A job from its arguments to its end.

    Args:
        argv: the process's arguments, ``sys.argv``.
        stage: ingestion, processing or quality.
        work: does the stage; returns dataset -> reason for those that failed.

    Raises:
        PipelineError: arguments or contracts are wrong, or datasets failed (the others are finished).
    """
    settings = settings_from(resolve_arguments(argv, REQUIRED, OPTIONAL))
    spark = spark_session(settings.job_name)
    settings.performance.apply(spark)
    run_stage(open_pipeline(settings, spark, stage), stage, work)


def run_stage(pipeline: Pipeline, stage: str, work: Callable[[Pipeline], dict[str, str]]) -> None:
    """Run a stage and keep its history: RUNNING, then SUCCEEDED or FAILED with the reason.

    Args:
        pipeline: the run.
        stage: its name.
        work: does the stage; returns dataset -> reason for those that failed.

    Raises:
        DatasetsFailedError: some datasets failed; all others are finished.
    """
    settings = pipeline.settings
    entity, begun = f"run#{stage}", time.monotonic()
    facts = {"job_name": settings.job_name, "workflow_run_id": settings.workflow_run_id}
    facts["started_at"] = settings.started.isoformat()
    pipeline.ledger.put(entity, settings.run_id, status="RUNNING", **facts)
    try:
        failures = work(pipeline)
        if failures:
            raise DatasetsFailedError(stage, failures)
    except Exception as error:
        reason = reason_of(error)
        pipeline.ledger.put(entity, settings.run_id, status="FAILED", reason=reason, **facts, **_done(pipeline))
        # A dataset that halts the run is the one that people must hear of.
        pipeline.alerts.send_pending()
        raise
    seconds = round(time.monotonic() - begun, 3)
    pipeline.ledger.put(entity, settings.run_id, status="SUCCEEDED", seconds=seconds, **facts, **_done(pipeline))
    pipeline.alerts.send_pending()


def each_dataset(pipeline: Pipeline, datasets: Iterable[str], work: Callable[[str], None]) -> dict[str, str]:
    """Do the work for every dataset (or the one that the run is limited to); one that fails stops no other.

    Returns:
        dataset -> reason, for those that failed.
    """
    failures: dict[str, str] = {}
    known = list(datasets)
    wanted = pipeline.settings.dataset
    if wanted and wanted not in known:
        failures[wanted] = f"there is nothing of it at this stage; datasets are {', '.join(known) or 'none'}"
    for dataset in known:
        if wanted not in ("", dataset):
            continue
        try:
            work(dataset)
        except Exception as error:  # noqa: BLE001 - whatever stops a dataset is reported and fails the run
            failures[dataset] = reason_of(error)
            pipeline.log.error("%s failed: %s", dataset, failures[dataset])
            if not isinstance(error, PipelineError):
                pipeline.log.error("%s", traceback.format_exc())
    return failures


def _done(pipeline: Pipeline) -> dict[str, Any]:
    """What the run has done, as far as its stage tells."""
    record = pipeline.record
    return {**(record.facts() if record.batches else {}), **record.numbers()}


def reason_of(error: BaseException) -> str:
    """An error as one line: the whole of our own; Spark's messages go on with plans and Java stacks."""
    if isinstance(error, PipelineError):
        text = " ".join(str(error).split())
    else:
        text = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text}"[:REASON_LENGTH]
