"""GitHub's webhook: whose signature is right, what is refused, and what reaches the trigger's queue, once."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest

from glue_health_check.cloud.clients import Clients
from glue_health_check.lambdas import webhook
from glue_health_check.lambdas.github import is_signed
from glue_health_check.lambdas.requests import CheckRequest, Source, request_from
from lambda_calls import COMMIT, REPOSITORY, SECRET, Context, delivery, pull_request

HERS = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


@pytest.fixture
def queue(lambda_settings: None, aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Gives the messages that reach the trigger's queue."""
    boto3.client("secretsmanager").create_secret(Name="webhook", SecretString=SECRET)
    url = boto3.client("sqs").create_queue(QueueName="requests")["QueueUrl"]
    monkeypatch.setenv("QUEUE_URL", url)
    monkeypatch.setenv("WEBHOOK_SECRET", "webhook")
    monkeypatch.setenv("REPOSITORIES", json.dumps({REPOSITORY: ["health-check.yml"]}))

    def messages() -> list[dict[str, Any]]:
        found = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(one["Body"]) for one in found.get("Messages", [])]

    yield messages


def call(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = webhook.handler(event, Context())
    return answer["statusCode"], json.loads(answer["body"])


def test_the_example_of_github_s_documentation_is_signed_right() -> None:
    assert is_signed(b"Hello, World!", HERS, SECRET)


@pytest.mark.parametrize(
    ("body", "signature", "secret"),
    [
        (b"Hello, World?", HERS, SECRET),
        (b"Hello, World!", HERS, "another"),
        (b"Hello, World!", HERS.removeprefix("sha256="), SECRET),
        (b"Hello, World!", HERS[:-1], SECRET),
        (b"Hello, World!", "sha256=\xe4", SECRET),
        (b"", "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", ""),
    ],
    ids=["body", "secret", "no-prefix", "cut", "not-ascii", "empty-secret"],
)
def test_anything_else_is_not(body: bytes, signature: str, secret: str) -> None:
    assert not is_signed(body, signature, secret)


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened"])
def test_a_pull_request_becomes_a_request_for_the_trigger(action: str, queue: Any) -> None:
    status, answer = call(delivery(pull_request(action)))
    (message,) = queue()
    request = request_from(message, "check")
    assert (status, answer["checks"]) == (202, [message["id"]])
    assert isinstance(request, CheckRequest)
    assert request.source == Source(REPOSITORY, COMMIT, "health-check.yml")


def test_a_body_in_base64_is_read_as_it_was_signed(queue: Any) -> None:
    event = delivery(pull_request())
    event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
    assert call(event)[0] == 202


def test_the_same_delivery_again_is_accepted_and_starts_nothing(queue: Any) -> None:
    event = delivery(pull_request())
    first, second = call(event), call(event)
    assert first == second
    assert len(queue()) == 1


def test_a_body_that_comes_again_as_another_delivery_is_refused_as_replayed(queue: Any) -> None:
    payload = pull_request()
    call(delivery(payload))
    status, answer = call(delivery(payload, "99999999-cc78-11e3-81ab-4c9367dc0958"))
    assert (status, len(queue())) == (409, 1)
    assert "replay" in answer["error"]


def test_a_delivery_s_id_with_another_body_is_refused(queue: Any) -> None:
    call(delivery(pull_request()))
    assert call(delivery(pull_request("reopened")))[0] == 409


def test_an_old_delivery_is_refused(queue: Any) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    status, answer = call(delivery(pull_request(updated=yesterday)))
    assert (status, queue()) == (400, [])
    assert "old" in answer["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x_hub_signature_256": ""}, 401),
        ({"x_hub_signature_256": HERS}, 401),
        ({"x_github_delivery": ""}, 400),
        ({"x_github_delivery": "<script>"}, 400),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
    ],
    ids=["unsigned", "wrong-signature", "no-id", "odd-id", "form"],
)
def test_what_is_not_as_github_sends_it_is_refused(headers: dict[str, str], status: int, queue: Any) -> None:
    assert call(delivery(pull_request(), **headers))[0] == status
    assert queue() == []


def test_a_payload_without_a_pull_request_is_refused(queue: Any) -> None:
    status, answer = call(delivery({"action": "opened"}))
    assert (status, queue()) == (400, [])
    assert "pull_request" in answer["error"]


def test_a_repository_that_is_not_configured_is_refused(queue: Any) -> None:
    payload = {**pull_request(), "repository": {"full_name": "octo-org/other"}}
    assert call(delivery(payload))[0] == 403
    assert queue() == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (delivery({"zen": "Design for failure."}, x_github_event="ping"), "pong"),
        (delivery({}, x_github_event="push"), "push event"),
        (delivery(pull_request("closed")), "action closed"),
        (delivery(pull_request(origin="mallory/jobs")), "branches of forks are not run"),
    ],
    ids=["ping", "push", "closed", "fork"],
)
def test_what_needs_no_check_is_answered_and_starts_none(event: dict[str, Any], said: str, queue: Any) -> None:
    status, answer = call(event)
    assert (status, queue()) == (200, [])
    assert said in json.dumps(answer)
