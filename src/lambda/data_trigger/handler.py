"""Starts the workflow when files have arrived: SQS messages with EventBridge events of S3 in, one run out."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from arrivals import CLAIMED, NEW, NOT_OURS, REFUSED, Arrival, Verdict, arrival_from, judge, judge_claim
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

logger = Logger()
METRIC_OF = {NEW: "FilesArrived", CLAIMED: "FilesKnown", NOT_OURS: "EventsIgnored", REFUSED: "FilesRefused"}


@dataclass(frozen=True)
class Settings:
    """What Terraform sets in the environment."""

    bucket: str
    prefix: str
    bookmarks_table: str
    workflow: str
    namespace: str


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    return Settings(
        bucket=os.environ["RAW_BUCKET"],
        prefix=os.environ["INCOMING_PREFIX"],
        bookmarks_table=os.environ["BOOKMARKS_TABLE"],
        workflow=os.environ["WORKFLOW_NAME"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueEtlPipeline"),
    )


@lru_cache(maxsize=1)
def bookmarks() -> Any:
    """The table of claims."""
    return boto3.resource("dynamodb").Table(settings().bookmarks_table)


@lru_cache(maxsize=1)
def glue() -> Any:
    """The Glue client."""
    return boto3.client("glue")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start one run for all new files of a batch of messages.

    Returns:
        The messages to bring back, in the form of ReportBatchItemFailures.

    Raises:
        BatchProcessingError: every message failed, and not just because a run is under way.
    """
    processor = BatchProcessor(event_type=EventType.SQS)
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.service = ""  # else Powertools adds a dimension "service"
    metrics.add_dimension("WorkflowName", settings().workflow)
    with processor(records=event["Records"], handler=verdict_on, lambda_context=context):
        results = processor.process()
        for exception in processor.exceptions:
            logger.error("a message could not be handled and comes back", exc_info=exception)
        done = [(verdict, record) for status, verdict, record in results if status == "success"]
        start_for([(v.arrival, record) for v, record in done if v.kind == NEW and v.arrival], processor, metrics)
        for kind, name in METRIC_OF.items():
            metrics.add_metric(name, MetricUnit.Count, sum(verdict.kind == kind for verdict, _ in done))
        metrics.flush_metrics()
    return dict(processor.response())


def verdict_on(record: SQSRecord) -> Verdict:
    """What is to be done about one message; logged, so that no file is passed over in silence."""
    arrival = arrival_from(record.body)
    verdict = judge(arrival, settings().bucket, settings().prefix)
    if verdict.kind == NEW and arrival:
        verdict = judge_claim(arrival, claim_of(arrival))
    log = logger.warning if verdict.kind == REFUSED else logger.info
    log(
        "file %s: %s",
        verdict.kind,
        verdict.reason,
        extra={"bucket": arrival and arrival.bucket, "key": arrival and arrival.key, "verdict": verdict.kind},
    )
    return verdict


def claim_of(arrival: Arrival) -> dict[str, Any] | None:
    """The claim on an object, read consistently."""
    key = {"source": arrival.folder, "object_key": arrival.key}
    item: dict[str, Any] | None = bookmarks().get_item(Key=key, ConsistentRead=True).get("Item")
    return item


def start_for(
    arrivals: list[tuple[Arrival, dict[str, Any]]], processor: BatchProcessor, metrics: EphemeralMetrics
) -> None:
    """Start one run for all arrivals; if none can be started now, their messages come back.

    The ledger, not the event, says what the run reads: its properties only tell people why it was started.
    """
    if not arrivals:
        return
    first = arrivals[0][0].key
    properties = {
        "trigger": "file arrival",
        "object_count": str(len({arrival.key for arrival, _ in arrivals})),
        "first_key": first,
    }
    try:
        run = glue().start_workflow_run(Name=settings().workflow, RunProperties=properties)
    except Exception as error:
        if is_busy(error):
            logger.info("a run of %s is under way: %d messages come back", settings().workflow, len(arrivals))
            processor.raise_on_entire_batch_failure = False
        else:
            logger.exception("no run of %s could be started", settings().workflow)
            metrics.add_metric("WorkflowStartErrors", MetricUnit.Count, 1)
        for _, record in arrivals:
            processor.failure_handler(SQSRecord(record), sys.exc_info())
    else:
        logger.info("started %s", settings().workflow, extra={"run_id": run["RunId"], **properties})
        metrics.add_metric("WorkflowsStarted", MetricUnit.Count, 1)


def is_busy(error: Exception) -> bool:
    """Whether Glue refuses a run because the workflow has as many as it may."""
    return isinstance(error, ClientError) and error.response["Error"]["Code"] == "ConcurrentRunsExceededException"
