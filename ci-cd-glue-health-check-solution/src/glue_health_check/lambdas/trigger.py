"""Starts health checks: called with a request, or with requests of the queue that the webhook fills."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from glue_health_check.cloud.names import names_of
from glue_health_check.errors import HealthCheckError, MisuseError
from glue_health_check.lambdas.once import once
from glue_health_check.lambdas.requests import CheckRequest, request_from
from glue_health_check.lambdas.starting import Starter, misuse_report
from glue_health_check.lambdas.state import Keeper
from glue_health_check.lambdas.surroundings import aws, settings
from glue_health_check.lambdas.telling import github, tell_pending, tell_report

logger = Logger()
tracer = Tracer()
_REMEMBERED_SECONDS = 3600  # a queue gives a message again soon if at all


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start a check, or those of a batch of messages.

    Returns:
        How the check goes (`Follower.look`), or ``state: refused`` with what is wrong; of a batch, the messages that
        come back.
    """
    if "Records" in event:
        # Messages that all fail come back like one that does; what fails for good is told by the dead-letter queue.
        batch = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return dict(process_partial_response(event, _from_queue, batch, context))
    try:
        request = request_from(event, "check")
        assert isinstance(request, CheckRequest)  # noqa: S101 - the only one of this action
        return started(request, context)
    except MisuseError as error:
        logger.warning("refused: %s", error)
        return {"state": "refused", "exit_code": error.exit_code, "error": str(error)}


def started(request: CheckRequest, context: LambdaContext) -> dict[str, Any]:
    """Start a check; asked again for the same one, say the same.

    Raises:
        MisuseError: it can't be made as it was asked for.
        InfrastructureError: AWS or GitHub failed.
    """
    starter = Starter(
        aws(),
        settings().work_bucket,
        lambda source, folder: github().unpack(source.repository, source.commit, folder),
        logger.info,
    )
    answer = once("start", request.id, _REMEMBERED_SECONDS, context, lambda: starter.start(request))
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.add_metric("ChecksStarted", MetricUnit.Count, 1)
    metrics.flush_metrics()
    return dict(answer)


def _from_queue(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Nobody waits for the answer, so what is wrong becomes a report and a status."""
    request = request_from(json.loads(record.body), "check")
    assert isinstance(request, CheckRequest)  # noqa: S101 - the only one of this action
    keeper = Keeper(aws(), names_of(request.id, settings().work_bucket))
    tell_pending(request.source)
    try:
        answer = started(request, lambda_context)
    except HealthCheckError as error:
        if not isinstance(error, MisuseError) and record.attributes.approximate_receive_count == "1":
            raise  # what failed may work the next time
        report = misuse_report(request, error)
        keeper.put_report(report)
        tell_report(request.source, report)
        return
    if answer["state"] == "reported" and (found := keeper.report()) is not None:
        tell_report(request.source, found)
