"""Follows health checks: called with Glue's job events by way of a queue, or asked how a check goes."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from glue_health_check.cloud.names import id_of_job, names_of
from glue_health_check.cloud.watch import ENDED
from glue_health_check.errors import InfrastructureError, MisuseError
from glue_health_check.lambdas.following import ENDED_STATE, REPORTED, RUNNING, Follower
from glue_health_check.lambdas.once import once
from glue_health_check.lambdas.requests import LookRequest, request_from
from glue_health_check.lambdas.state import Keeper
from glue_health_check.lambdas.surroundings import aws, settings
from glue_health_check.lambdas.telling import tell_report

logger = Logger()
tracer = Tracer()
_REMEMBERED_SECONDS = 3600
_METRIC_OF = {"passed": "ChecksPassed", "failed": "ChecksFailed", "error": "ChecksSpoiled"}


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Follow the check of a request, or those that a batch of events tells of.

    Returns:
        How the check goes (`Follower.look`), or ``state: refused`` with what is wrong; of a batch, the messages that
        come back.
    """
    if "Records" in event:
        # Messages that all fail come back like one that does; what fails for good is told by the dead-letter queue.
        batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return dict(process_partial_response(event, _from_queue, batch, context))
    try:
        request = request_from(event, "look")
    except MisuseError as error:
        logger.warning("refused: %s", error)
        return {"state": "refused", "exit_code": error.exit_code, "error": str(error)}
    assert isinstance(request, LookRequest)  # noqa: S101 - the only one of this action
    try:
        return followed(request.id, context)
    except IdempotencyAlreadyInProgressError:
        return {"id": request.id, "state": RUNNING}  # another call is just checking the output


def followed(check_id: str, context: LambdaContext) -> dict[str, Any]:
    """Bring a check as far as it goes now.

    Raises:
        InfrastructureError: AWS failed.
        IdempotencyAlreadyInProgressError: another call is at its end.
    """
    keeper = Keeper(aws(), names_of(check_id, settings().work_bucket))
    follower = Follower(aws(), keeper, logger.info)
    answer = follower.look()
    if answer["state"] != ENDED_STATE:
        return answer
    exit_code = once("finish", check_id, _REMEMBERED_SECONDS, context, lambda: _finish(follower))
    return {**answer, "state": REPORTED, "exit_code": exit_code}


def _finish(follower: Follower) -> int:
    report, source = follower.finish()
    tell_report(source, report)
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.add_metric(_METRIC_OF[report.verdict], MetricUnit.Count, 1)
    metrics.add_metric("LeftBehind", MetricUnit.Count, len(report.left))
    metrics.flush_metrics()
    logger.info("check %s: %s", report.id, report.verdict)
    return report.exit_code


def _from_queue(record: SQSRecord, lambda_context: LambdaContext) -> None:
    event = EventBridgeEvent(json.loads(record.body))
    job, state = str(event.detail.get("jobName", "")), str(event.detail.get("state", ""))
    if not (check_id := id_of_job(job)):
        logger.info("%s is no job of a health check", job)
        return
    answer = followed(check_id, lambda_context)
    logger.info("check %s: %s", check_id, answer["state"], extra={"job": job, "job_state": state})
    if state in ENDED and answer.get("job") == job and answer["state"] == RUNNING:
        # Nothing else would wake this Lambda again.
        raise InfrastructureError(f"Glue says by event that {job} has ended, and when asked that it runs")
