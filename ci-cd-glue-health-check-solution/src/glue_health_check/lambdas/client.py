"""The other end of the Lambdas: asks them for a check, waits for its report, and has it removed in every case."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from glue_health_check import signals
from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.cloud.names import REPORTS, Names, new_names
from glue_health_check.errors import CancelledError, HealthCheckError, InfrastructureError, MisuseError
from glue_health_check.lambdas.files import Packing, document_of, send
from glue_health_check.models import CheckResult, Finding, Report, Status
from glue_health_check.reporting import report_from
from glue_health_check.runner import Options
from glue_health_check.settings import Check

# A call may take as long as a Lambda may run; asked again, it would only wait for the first one.
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=910)
_AFTER_SECONDS = 900.0  # for checking and removing, when the time of the job is over
_LOOK_EVERY = 3  # reads of the report between two calls of the monitor

Progress = Callable[[str], None]
Call = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Functions:
    """Names or ARNs of the Lambdas. Without a monitor the report is waited for only."""

    trigger: str
    cleanup: str
    monitor: str = ""

    def checked(self) -> Functions:
        """The same, when there are those that must be.

        Raises:
            MisuseError: one is missing.
        """
        for name in ("trigger", "cleanup"):
            if not getattr(self, name):
                raise MisuseError(f"USE_LAMBDA needs LAMBDA_{name.upper()}_FUNCTION, the name or ARN of that Lambda")
        return self


def check_by_lambda(
    check: Check, options: Options, functions: Functions, aws: Clients, call: Call | None = None
) -> Report:
    """Have a check made by Lambdas. Whatever happens, the cleanup Lambda is called before this returns or raises.

    Args:
        check: what is asked for.
        options: how; the work bucket is that of the Lambdas.
        functions: the Lambdas.
        aws: the services.
        call: calls a Lambda by its name; by default boto3 does.

    Raises:
        MisuseError: the check can't be made as it was asked for.
    """
    functions.checked()
    packing = Packing(Path())
    document = document_of(check.checked(), packing)
    names, started = new_names(options.pull_request, options.work_bucket), datetime.now(timezone.utc)
    asks = call or _calling(aws.region)
    request = {"action": "check", "id": names.id, "strict": options.strict, "check": document}
    with signals.cancellable():
        try:
            with _cleaned(names, asks, functions.cleanup, options.progress):
                send(aws, names, packing.files)
                options.progress(f"check {names.id}: asking {functions.trigger}")
                answer = asks(functions.trigger, request)
                if answer.get("state") == "refused":
                    raise MisuseError(str(answer.get("error")))
                return _report(aws, names, asks, functions.monitor, options, check.timeout_minutes)
        except MisuseError:
            raise
        except (HealthCheckError, CancelledError) as error:
            name = "cancelled" if isinstance(error, CancelledError) else "infrastructure"
            failed = CheckResult(name, Status.ERROR, (Finding(str(error)),))
    seconds = round((datetime.now(timezone.utc) - started).total_seconds(), 3)
    moment = started.isoformat(timespec="seconds")
    script = check.job.script.as_posix()
    return Report(names.id, script, options.pull_request, moment, seconds, (failed,), strict=options.strict)


@contextmanager
def _cleaned(names: Names, asks: Call, cleanup: str, progress: Progress) -> Iterator[None]:
    try:
        yield
    finally:
        with signals.held():
            try:
                done = asks(cleanup, {"action": "cleanup", "id": names.id})
                for text in done.get("left", ()):
                    progress(f"left behind: {text}")
            except InfrastructureError as error:
                # The report, or what went wrong before, says more; and the sweeper comes by.
                progress(f"check {names.id} is left to the sweeper: {error}")


def _report(aws: Clients, names: Names, asks: Call, monitor: str, options: Options, minutes: float) -> Report:
    """The report, as soon as it is there."""
    until = time.monotonic() + minutes * 60 + _AFTER_SECONDS
    told, number = "", 0
    while time.monotonic() < until:
        if (report := _read(aws, names)) is not None:
            return report
        if monitor and number % _LOOK_EVERY == 0:
            answer = asks(monitor, {"action": "look", "id": names.id})
            now = " ".join(filter(None, (answer.get("state"), answer.get("job"), answer.get("run_state"))))
            if answer.get("state") == "unknown":
                raise InfrastructureError(f"the Lambdas know nothing of check {names.id}; somebody removed it")
            if now != told:
                options.progress(now)
            told, number = now, number + 1
            continue  # it may just have written the report
        number += 1
        time.sleep(options.poll_seconds)
    raise InfrastructureError(f"check {names.id} had no report {_AFTER_SECONDS / 60:g} minutes after its time was over")


def _read(aws: Clients, names: Names) -> Report | None:
    key = f"{REPORTS}{names.id}/report.json"
    with aws_errors(f"s3://{names.work_bucket}/{key} can't be read"):
        try:
            body = aws.s3.get_object(Bucket=names.work_bucket, Key=key)["Body"].read()
        except ClientError as error:
            if code_of(error) in GONE:
                return None
            raise
    return report_from(json.loads(body), key)


def _calling(region: str) -> Call:
    service = boto3.client("lambda", region_name=region, config=_CONFIG)

    def call(function: str, request: dict[str, Any]) -> dict[str, Any]:
        with aws_errors(f"the Lambda {function} can't be called"):
            answer = service.invoke(FunctionName=function, Payload=json.dumps(request).encode())
            body = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise InfrastructureError(f"the Lambda {function} failed: {body.decode(errors='replace')[:1000]}")
        found: dict[str, Any] = json.loads(body)
        return found

    return call
