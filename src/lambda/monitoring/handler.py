"""Records the runs of the Glue jobs and tells people: SQS messages with Glue's job events in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from job_runs import JobRun, RunHistory, run_from, with_details
from messages import is_worth_telling, subject, text

logger = Logger()


@dataclass(frozen=True)
class Settings:
    """What Terraform sets in the environment."""

    state_table: str
    topic_arn: str
    prefix: str
    namespace: str


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    return Settings(
        state_table=os.environ["STATE_TABLE"],
        topic_arn=os.environ["NOTIFICATIONS_TOPIC_ARN"],
        prefix=os.environ["PIPELINE_PREFIX"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueEtlPipeline"),
    )


@lru_cache(maxsize=1)
def history() -> RunHistory:
    """The runs in the state table."""
    return RunHistory(boto3.resource("dynamodb").Table(settings().state_table))


@lru_cache(maxsize=1)
def glue() -> Any:
    """The Glue client."""
    return boto3.client("glue")


@lru_cache(maxsize=1)
def sns() -> Any:
    """The SNS client."""
    return boto3.client("sns")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch of messages.

    Returns:
        The messages to bring back, in the form of ReportBatchItemFailures.

    Raises:
        BatchProcessingError: every message failed.
    """
    processor = BatchProcessor(event_type=EventType.SQS, logger=logger)
    answer = process_partial_response(event=event, record_handler=handle_record, processor=processor, context=context)
    return dict(answer)


def handle_record(record: SQSRecord) -> None:
    """Record one event's run, measure it, and tell people if it is worth it.

    Telling is marked after it is done: if anything fails before, the message comes back and people are told
    then; nobody is left untold.
    """
    run = run_from(record.body)
    if run is None or not run.job.startswith(f"{settings().prefix}-"):
        logger.info("event ignored: not a run of %s", settings().prefix, extra={"job": run and run.job})
        return
    run = with_details(run, glue())
    news = history().record(run)
    logger.info("run %s" if news else "run %s is known", run.state, extra={"job": run.job, "run_id": run.id})
    if news and run.has_ended:
        measure(run)
    if is_worth_telling(run) and not history().is_told(run):
        sns().publish(TopicArn=settings().topic_arn, Subject=subject(run), Message=text(run))
        history().mark_told(run)


def measure(run: JobRun) -> None:
    """Write the run's metrics (embedded metric format, by the log) under the one dimension JobName."""
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.service = ""  # else Powertools adds a dimension "service", and no alarm would match
    metrics.add_dimension("JobName", run.job)
    metrics.add_metric("JobSuccesses", MetricUnit.Count, int(run.state == "SUCCEEDED"))
    metrics.add_metric("JobFailures", MetricUnit.Count, int(run.has_failed))
    if run.seconds is not None:
        metrics.add_metric("JobDuration", MetricUnit.Seconds, run.seconds)
    metrics.flush_metrics()
