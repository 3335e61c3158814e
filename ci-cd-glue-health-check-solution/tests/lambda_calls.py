"""Lambdas as AWS calls them: events in the shapes that AWS and GitHub document, and a context."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

SECRET = "It's a Secret to Everybody"  # GitHub's own example
REPOSITORY, COMMIT = "octo-org/jobs", "ec26c3e57ca3a959ca5aad62de7213c562f8c821"


@dataclass
class Context:
    """What a handler is given beside its event."""

    function_name: str = "glue-health-check"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:glue-health-check"
    aws_request_id: str = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"
    remaining: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


def job_event(job: str, run: str, state: str) -> dict[str, Any]:
    """Glue Job State Change, as Amazon EventBridge sends it."""
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": "123456789012",
        "time": "2024-01-15T10:20:30Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "jobName": job,
            "severity": "INFO" if state == "SUCCEEDED" else "ERROR",
            "state": state,
            "jobRunId": run,
            "message": "Job run succeeded" if state == "SUCCEEDED" else "Command failed with exit code 1",
        },
    }


def from_queue(*bodies: dict[str, Any], received: int = 1) -> dict[str, Any]:
    """A batch of messages, as an event source mapping hands it over."""
    return {
        "Records": [
            {
                "messageId": f"059f36b4-87a3-44ab-83d2-66197{number:07d}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
                "body": json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": str(received),
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:glue-health-check",
                "awsRegion": "us-east-1",
            }
            for number, body in enumerate(bodies)
        ]
    }


def pull_request(action: str = "opened", origin: str = REPOSITORY, updated: datetime | None = None) -> dict[str, Any]:
    """What GitHub sends about a pull request, as far as it is read."""
    moment = (updated or datetime.now(timezone.utc)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "action": action,
        "number": 42,
        "pull_request": {
            "number": 42,
            "state": "open",
            "updated_at": moment,
            "head": {"ref": "new-orders", "sha": COMMIT, "repo": {"full_name": origin}},
            "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
        },
        "repository": {"full_name": REPOSITORY, "private": False},
        "sender": {"login": "octocat"},
    }


def delivery(payload: object, delivery_id: str = "72d3162e-cc78-11e3-81ab-4c9367dc0958", **more: str) -> dict[str, Any]:
    """A call of a Lambda Function URL (payload format 2.0) by GitHub.

    Args:
        payload: the body.
        delivery_id: of GitHub.
        more: headers, with _ for -; an empty value takes one away.
    """
    body = json.dumps(payload)
    headers = {
        "content-type": "application/json",
        "user-agent": "GitHub-Hookshot/044aadd",
        "x-github-delivery": delivery_id,
        "x-github-event": "pull_request",
        "x-hub-signature-256": "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest(),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {name: value for name, value in headers.items() if value},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.lambda-url.us-east-1.on.aws",
            "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "140.82.112.1"},
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "15/Jan/2024:10:20:30 +0000",
            "timeEpoch": 1705314030000,
        },
        "body": body,
        "isBase64Encoded": False,
    }
