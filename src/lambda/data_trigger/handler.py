"""Starts the workflow when files have arrived: SQS messages with EventBridge events of S3 in, one run out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from examining import CLAIMED, NEW, NOT_OURS, REFUSED, SWEEP, Verdict, examine, verdict_on
from incoming_scan import may_be_personal
from refusal_messages import send_waiting, tell
from run_starts import OutOfTimeError, is_busy, start_run
from sweep import is_due, look, remember
from trigger_services import sqs
from trigger_settings import settings

logger = Logger()
# Off where Terraform says so (POWERTOOLS_TRACE_DISABLED), and outside Lambda.
tracer = Tracer()
METRIC_OF = {
    NEW: "FilesArrived",
    CLAIMED: "FilesKnown",
    NOT_OURS: "EventsIgnored",
    REFUSED: "FilesRefused",
    SWEEP: "Sweeps",
}
_AT_ONCE = 10  # messages that one call of SQS takes

Judged = tuple[Verdict, dict[str, Any]]
Failure = tuple[type[BaseException], BaseException, TracebackType | None]


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start one run for all new files of a batch of messages.

    Returns:
        The messages to bring back, in the form of ReportBatchItemFailures.

    Raises:
        BatchProcessingError: every message failed, and not just because a run is under way.
    """
    may_be_personal.cache_clear()  # contracts may have changed since the last call
    processor = BatchProcessor(event_type=EventType.SQS)
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.service = ""  # else Powertools adds a dimension "service"
    metrics.add_dimension("WorkflowName", settings().workflow)
    with processor(records=event["Records"], handler=judge, lambda_context=context):
        done = _judged(processor)
        _start_for([(verdict, record) for verdict, record in done if verdict.kind == NEW], processor, metrics, context)
        _sweep_for([record for verdict, record in done if verdict.kind == SWEEP], processor, metrics, context)
        _tell(metrics)
        for kind, name in METRIC_OF.items():
            metrics.add_metric(name, MetricUnit.Count, sum(verdict.kind == kind for verdict, _ in done))
        metrics.flush_metrics()
    return dict(processor.response())


@tracer.capture_method(capture_response=False)
def judge(record: SQSRecord, lambda_context: LambdaContext) -> Verdict:
    """What is to be done about one message; logged, so that no file is passed over in silence."""
    verdict = verdict_on(record.body, lambda_context)
    log = logger.warning if verdict.kind == REFUSED else logger.info
    log("file %s: %s", verdict.kind, verdict.reason, extra={"key": verdict.key, "verdict": verdict.kind})
    return verdict


def _judged(processor: BatchProcessor) -> list[Judged]:
    results = processor.process()
    out_of_time = 0
    for exception in processor.exceptions:
        if isinstance(exception[1], OutOfTimeError):
            out_of_time += 1
        else:
            logger.error("a message could not be handled and comes back", exc_info=exception)
    if out_of_time:
        logger.info("%d messages come back: this call has no time left for them", out_of_time)
        processor.raise_on_entire_batch_failure = out_of_time < len(processor.exceptions)
    return [(verdict, record) for status, verdict, record in results if status == "success"]


def _start_for(
    judged: Sequence[Judged], processor: BatchProcessor, metrics: EphemeralMetrics, context: LambdaContext
) -> None:
    """Start one run for all new files; if none can be started now, their messages come back."""
    if not judged:
        return
    keys = [verdict.key for verdict, _ in judged]
    properties = {"trigger": "file arrival", "object_count": str(len(set(keys))), "first_key": keys[0]}
    records = [record for _, record in judged]
    failure = _start(records, properties, metrics, context)
    if failure is not None:
        processor.raise_on_entire_batch_failure &= not is_busy(failure[1])
        _come_back(records, failure, processor)


def _start(
    records: Sequence[dict[str, Any]], properties: dict[str, str], metrics: EphemeralMetrics, context: LambdaContext
) -> Failure | None:
    """Start a run for messages; None if that was done, else why not."""
    try:
        run = start_run([record["messageId"] for record in records], properties, context)
    except Exception as error:
        if is_busy(error):
            logger.info("a run of %s is under way", settings().workflow, extra=properties)
        else:
            logger.exception("no run of %s could be started", settings().workflow)
            metrics.add_metric("WorkflowStartErrors", MetricUnit.Count, 1)
        return type(error), error, error.__traceback__
    logger.info("started %s", settings().workflow, extra={"run_id": run, **properties})
    metrics.add_metric("WorkflowsStarted", MetricUnit.Count, 1)
    return None


def _come_back(records: Sequence[dict[str, Any]], failure: Failure, processor: BatchProcessor) -> None:
    for record in records:
        processor.failure_handler(SQSRecord(record), failure)
    if not settings().retry_seconds:
        return
    # Where a call may take long, the queue hides messages for long; these need not wait so long.
    _, _, _, _, account, name = records[0]["eventSourceARN"].split(":")
    entries = [
        {"Id": str(number), "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": settings().retry_seconds}
        for number, record in enumerate(records)
    ]
    for start in range(0, len(entries), _AT_ONCE):
        sqs().change_message_visibility_batch(
            QueueUrl=f"{sqs().meta.endpoint_url}/{account}/{name}", Entries=entries[start : start + _AT_ONCE]
        )


@tracer.capture_method(capture_response=False)
def _sweep_for(
    records: Sequence[dict[str, Any]], processor: BatchProcessor, metrics: EphemeralMetrics, context: LambdaContext
) -> None:
    """One sweep, however many messages ask for it. With a run under way there is nothing to do, and none comes back."""
    if not records:
        return
    try:
        found = look(context, lambda candidate: examine(candidate, context).kind == NEW)
        logger.info(
            "swept: %d file(s) that no batch has claimed, %d unfinished batch(es)%s",
            len(found.unclaimed),
            len(found.unfinished),
            f"; going on behind {found.cursor} next time" if found.cursor else "",
            extra={"unfinished": found.unfinished[:20], "leased": found.leased[:20]},
        )
        metrics.add_metric("FilesUnclaimed", MetricUnit.Count, len(found.unclaimed))
        metrics.add_metric("BatchesUnfinished", MetricUnit.Count, len(found.unfinished))
        first = found.unclaimed[0].key if found.unclaimed else ""
        properties = {"trigger": "sweep", "object_count": str(len(found.unclaimed)), "first_key": first}
        started = is_due(found) and _start(records, properties, metrics, context) is None
        remember(found, started)
        tell(at_once=True)
        send_waiting()
    except Exception:
        logger.exception("the sweep failed and comes back")
        for record in records:
            processor.failure_handler(SQSRecord(record), sys.exc_info())


def _tell(metrics: EphemeralMetrics) -> None:
    """Tell what was refused; what can't be told now is told by a later call, so no message comes back for it."""
    try:
        metrics.add_metric("RefusalsTold", MetricUnit.Count, tell())
    except Exception:
        logger.exception("what was refused could not be told, and is told by a later call")
