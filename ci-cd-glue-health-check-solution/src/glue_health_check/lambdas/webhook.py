"""Takes GitHub's webhook: a delivery of a pull request in, requests for the trigger out.

The only Lambda that the world reaches. It may read the webhook's secret, note what was delivered, and put messages on
one queue; it makes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from glue_health_check.lambdas.github import is_signed
from glue_health_check.lambdas.once import once
from glue_health_check.lambdas.surroundings import Settings, secret, settings, sqs

logger = Logger()
tracer = Tracer()
ACTIONS = ("opened", "synchronize", "reopened")
_DELIVERY = re.compile(r"[0-9A-Fa-f-]{8,64}")
_REMEMBERED_SECONDS = 7 * 24 * 3600  # far longer than a delivery is young enough


class RefusedError(Exception):
    """A delivery that is not taken; ``status`` is what GitHub shows beside it."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Delivery:
    """A delivery whose signature is right.

    Attributes:
        id: X-GitHub-Delivery; no part of what is signed.
        digest: of the body, which is signed.
        event: X-GitHub-Event.
        payload: the body.
    """

    id: str
    digest: str
    event: str
    payload: dict[str, Any]


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one delivery. What is refused says why, and nothing of the secret."""
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.add_metric("Deliveries", MetricUnit.Count, 1)
    try:
        call = LambdaFunctionUrlEvent(event)
        delivery = verified(call.http_method, call.headers, _body_of(call), settings().webhook_secret)
        status, answer = take(delivery, settings(), context)
    except RefusedError as error:
        logger.warning("delivery refused: %s", error)
        metrics.add_metric("DeliveriesRefused", MetricUnit.Count, 1)
        status, answer = error.status, {"error": str(error)}
    metrics.flush_metrics()
    return {"statusCode": int(status), "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}


def verified(method: str, headers: Mapping[str, str], body: bytes, secret_name: str) -> Delivery:
    """A delivery that bears GitHub's signature.

    Raises:
        RefusedError: it is none.
    """
    if method != "POST":
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "deliveries come by POST")
    given = {name.lower(): value for name, value in headers.items()}
    if not (signature := given.get("x-hub-signature-256", "")):
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "X-Hub-Signature-256 is missing: give the webhook its secret")
    if not is_signed(body, signature, secret(secret_name)):
        raise RefusedError(HTTPStatus.UNAUTHORIZED, "X-Hub-Signature-256 is wrong: the webhook has another secret")
    if not _DELIVERY.fullmatch(given.get("x-github-delivery", "")):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "X-GitHub-Delivery is missing or no delivery's id")
    if given.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "set the webhook's content type to application/json")
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
    if not isinstance(payload, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is no JSON object")
    event = given.get("x-github-event", "")
    return Delivery(given["x-github-delivery"], hashlib.sha256(body).hexdigest(), event, payload)


def take(delivery: Delivery, known: Settings, context: LambdaContext) -> tuple[HTTPStatus, dict[str, Any]]:
    """Put the requests of a delivery on the queue, once.

    Raises:
        RefusedError: it is old, replayed, or not for us.
    """
    if delivery.event == "ping":
        return HTTPStatus.OK, {"status": "pong"}
    if delivery.event != "pull_request":
        return HTTPStatus.OK, {"status": "ignored", "reason": f"{delivery.event or 'no'} event: no pull request's"}
    if (action := delivery.payload.get("action")) not in ACTIONS:
        return HTTPStatus.OK, {"status": "ignored", "reason": f"action {action}: not one of {', '.join(ACTIONS)}"}
    requests, reason = requests_of(delivery, known.repositories, timedelta(minutes=known.delivery_minutes))
    if reason:
        return HTTPStatus.OK, {"status": "ignored", "reason": reason}
    try:
        _refuse_replays(delivery, context)
        # Known by the body alone: the same body again does nothing again, also when an earlier call was cut off here.
        once("webhook-sent", delivery.digest, _REMEMBERED_SECONDS, context, lambda: _send(requests, known.queue_url))
    except IdempotencyAlreadyInProgressError as error:
        raise RefusedError(HTTPStatus.CONFLICT, "this delivery is being taken by another call") from error
    return HTTPStatus.ACCEPTED, {"status": "accepted", "checks": [one["id"] for one in requests]}


def requests_of(
    delivery: Delivery, repositories: Mapping[str, list[str]], age: timedelta
) -> tuple[list[dict[str, Any]], str]:
    """The requests that a delivery means, or why it means none.

    Raises:
        RefusedError: it is old, of an unknown repository, or not as GitHub documents it.
    """
    try:
        pull = delivery.payload["pull_request"]
        repository, number = str(delivery.payload["repository"]["full_name"]), int(pull["number"])
        commit, updated = str(pull["head"]["sha"]), str(pull["updated_at"])
        origin = str((pull["head"]["repo"] or {}).get("full_name", "a deleted repository"))
        moment = datetime.fromisoformat(updated.replace("Z", "+00:00"))
        too_old = datetime.now(timezone.utc) - moment > age
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"no event of a pull request as GitHub sends it: {error!r}"
        ) from error
    if repository not in repositories:
        raise RefusedError(HTTPStatus.FORBIDDEN, f"{repository} is not among the repositories that are checked")
    if too_old:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"the delivery is old: the pull request was updated at {updated}")
    if origin != repository:
        # Anybody can make a fork, and what is in it would run with the job's role.
        return [], f"the branch is in {origin}, and branches of forks are not run"
    source = {"repository": repository, "commit": commit}
    return [
        {
            "action": "check",
            "id": f"pr{number}-{hashlib.sha256(f'{delivery.digest} {file}'.encode()).hexdigest()[:8]}",
            "source": {**source, "check_file": file},
        }
        for file in repositories[repository]
    ], ""


def _body_of(call: LambdaFunctionUrlEvent) -> bytes:
    """The body as it was signed, byte for byte."""
    body = call.body or ""
    return base64.b64decode(body) if call.is_base64_encoded else body.encode()


def _refuse_replays(delivery: Delivery, context: LambdaContext) -> None:
    """GitHub signs the body, and not the delivery's id: each must come with the other that it came with first."""
    pairs = (("webhook-delivery", delivery.id, delivery.digest), ("webhook-body", delivery.digest, delivery.id))
    for kind, key, value in pairs:
        first = once(kind, key, _REMEMBERED_SECONDS, context, lambda value=value: value)  # type: ignore[misc]
        if first != value:
            raise RefusedError(HTTPStatus.CONFLICT, f"the delivery is a replay of another one ({kind})")


def _send(requests: list[dict[str, Any]], queue: str) -> int:
    for request in requests:
        sqs().send_message(QueueUrl=queue, MessageBody=json.dumps(request))
        logger.info("asked for check %s", request["id"], extra=request["source"])
    return len(requests)
