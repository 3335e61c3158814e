"""Removes checks: one that it is called with, or by the clock all that crashed; those get a report that says so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from glue_health_check.cloud.cleanup import Cleaning
from glue_health_check.cloud.manifest import Manifest, read_manifests
from glue_health_check.cloud.names import names_of
from glue_health_check.cloud.sweep import sweep
from glue_health_check.errors import MisuseError
from glue_health_check.lambdas.following import Follower
from glue_health_check.lambdas.requests import CleanupRequest, SweepRequest, request_from
from glue_health_check.lambdas.state import Keeper, timed
from glue_health_check.lambdas.surroundings import aws, settings
from glue_health_check.lambdas.telling import tell_report
from glue_health_check.models import CheckResult, Finding, Report, Status

logger = Logger()
tracer = Tracer()


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Remove what is asked for.

    Returns:
        ``removed`` and ``left``, by name; or ``state: refused`` with what is wrong with the request.
    """
    try:
        request = request_from(event, "cleanup", "sweep")
    except MisuseError as error:
        logger.warning("refused: %s", error)
        return {"state": "refused", "exit_code": error.exit_code, "error": str(error)}
    if isinstance(request, CleanupRequest):
        keeper = Keeper(aws(), names_of(request.id, settings().work_bucket))
        done = Follower(aws(), keeper, logger.info).remove()
    else:
        assert isinstance(request, SweepRequest)  # noqa: S101 - the only other one
        _report_crashed(request.at)
        done = sweep(aws(), settings().work_bucket, request.at, timedelta(minutes=settings().sweep_minutes))
    _tell(done)
    return {"removed": done.removed, "left": done.left}


def _report_crashed(now: datetime) -> None:
    """Whoever waits for a check that was cut off for good gets a report, before its state is swept."""
    for _, manifest in read_manifests(aws(), settings().work_bucket):
        if not isinstance(manifest, Manifest) or not manifest.has_expired(now):
            continue
        keeper = Keeper(aws(), names_of(manifest.id, settings().work_bucket))
        state = keeper.state()
        if state is None or keeper.report() is not None:
            continue  # made by the command line, or reported
        message = f"the check was cut off: it had no report when its time to live was over ({manifest.expires_at})"
        crashed = CheckResult("infrastructure", Status.ERROR, (Finding(message, "push again, or see the logs"),))
        report: Report = timed(state.report, crashed)
        keeper.put_report(report)
        tell_report(state.request.source, report)


def _tell(done: Cleaning) -> None:
    for text in done.left:
        logger.warning("left behind: %s", text)
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.add_metric("Removed", MetricUnit.Count, len(done.removed))
    metrics.add_metric("LeftBehind", MetricUnit.Count, len(done.left))
    metrics.flush_metrics()
