"""Records the runs of the Glue jobs and tells people: SQS messages with Glue's job events, or the clock's, in."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from job_runs import RunHistory, run_from, with_details
from messages import Place
from summary import Sources, health_news, tell_what_was_missed
from telling import Teller
from waiting_alerts import WaitingAlerts
from watching import Watch
from workflow_runs import WorkflowUnderWayError

logger = Logger()
# Off where Terraform says so (POWERTOOLS_TRACE_DISABLED), and outside Lambda.
tracer = Tracer()
UNITS = {"JobDuration": MetricUnit.Seconds, "WorkflowDuration": MetricUnit.Seconds, "JobBytes": MetricUnit.Bytes}
# No unit of CloudWatch's fits these.
WITHOUT_UNIT = {"JobDpuHours", "JobCost", "JobLowestScore", "WorkflowDpuHours", "WorkflowCost"}
# Glue ends a workflow run seconds after its last job; what takes longer is told by the next health summary.
TRIES_FOR_WORKFLOW = 3


@dataclass(frozen=True)
class Settings:
    """What Terraform sets in the environment."""

    state_table: str
    topic_arns: dict[str, str]
    prefix: str
    namespace: str
    jobs: tuple[str, ...]
    queues: tuple[str, ...]
    price: float
    workflow: str
    log_group: str
    reports: str


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    topics = ("alerts", "notifications", "performance", "system_health")
    return Settings(
        state_table=os.environ["STATE_TABLE"],
        topic_arns={topic: os.environ[f"{topic.upper()}_TOPIC_ARN"] for topic in topics},
        prefix=os.environ["PIPELINE_PREFIX"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueEtlPipeline"),
        jobs=tuple(json.loads(os.environ.get("JOB_NAMES", "[]"))),
        queues=tuple(json.loads(os.environ.get("QUEUE_NAMES", "[]"))),
        price=float(os.environ.get("DPU_HOUR_PRICE_USD", "0.44")),
        workflow=os.environ.get("WORKFLOW_NAME", ""),
        log_group=os.environ.get("JOB_LOG_GROUP", ""),
        reports=os.environ.get("REPORTS_URI", ""),
    )


@lru_cache(maxsize=1)
def table() -> Any:
    """The state table."""
    return boto3.resource("dynamodb").Table(settings().state_table)


@lru_cache(maxsize=1)
def glue() -> Any:
    """The Glue client."""
    return boto3.client("glue")


@lru_cache(maxsize=1)
def sns() -> Any:
    """The SNS client."""
    return boto3.client("sns")


@lru_cache(maxsize=1)
def sqs() -> Any:
    """The SQS client."""
    return boto3.client("sqs")


@lru_cache(maxsize=1)
def watch() -> Watch:
    """What deals with runs."""
    return Watch(
        table=table(),
        glue=glue(),
        history=RunHistory(table()),
        teller=Teller(table(), sns(), settings().topic_arns),
        outbox=WaitingAlerts(table(), sns(), settings().topic_arns["alerts"], logger),
        price=settings().price,
        workflow=settings().workflow,
        log_group=settings().log_group,
        reports=settings().reports,
        measure=measure,
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of messages.

    Returns:
        The messages to bring back, in the form of ReportBatchItemFailures.

    Raises:
        BatchProcessingError: every message failed, and not just because a workflow run is not over yet.
    """
    processor = BatchProcessor(event_type=EventType.SQS, logger=logger)
    with processor(records=event["Records"], handler=handle_record, lambda_context=context):
        processor.process()
        if all(error and issubclass(error, WorkflowUnderWayError) for error, *_ in processor.exceptions):
            processor.raise_on_entire_batch_failure = False
    return dict(processor.response())


@tracer.capture_method(capture_response=False)
def handle_record(record: SQSRecord) -> None:
    """Deal with one event of Glue, or one message of the clock."""
    if clock_message(record.body) == "health_summary":
        summarise(record)
        return
    run = run_from(record.body)
    if run is None or not run.job.startswith(f"{settings().prefix}-"):
        logger.info("event ignored: not a run of %s", settings().prefix, extra={"job": run and run.job})
        return
    run = with_details(run, glue(), settings().price)
    try:
        news = watch().see(run)
    except WorkflowUnderWayError as error:
        if int(record.attributes.approximate_receive_count) < TRIES_FOR_WORKFLOW:
            raise
        logger.warning("%s; the health summary looks at it again", error)
        return
    logger.info("run %s" if news else "run %s is known", run.state, extra={"job": run.job, "run_id": run.id})


def clock_message(body: str) -> str | None:
    """The kind of a message that the clock sent; None for anything else."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    return message.get("kind") if isinstance(message, dict) else None


@tracer.capture_method(capture_response=False)
def summarise(record: SQSRecord) -> None:
    """Tell what was missed, then how all is: once for each time the clock asks."""
    at = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, timezone.utc)
    region = boto3.session.Session().region_name
    account = settings().topic_arns["system_health"].split(":")[4]
    place = Place(account, region, settings().log_group, settings().reports)
    tell_what_was_missed(watch(), settings().jobs, place, at)
    sources = Sources(table(), sqs(), watch(), settings().prefix, settings().jobs, settings().queues)
    watch().teller.tell(health_news(sources, place, at))
    logger.info("health told")


def measure(dimensions: dict[str, str], values: dict[str, float | None]) -> None:
    """Write metrics (embedded metric format, by the log) under dimensions that alarms know; None is left out."""
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.service = ""  # else Powertools adds a dimension "service", and no alarm would match
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, number in values.items():
        if number is not None:
            unit = MetricUnit.NoUnit if name in WITHOUT_UNIT else UNITS.get(name, MetricUnit.Count)
            metrics.add_metric(name, unit, number)
    metrics.flush_metrics()
