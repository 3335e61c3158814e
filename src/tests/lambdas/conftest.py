"""Fixtures of the Lambdas' tests: handlers loaded as Lambda loads them, AWS in process, real event shapes."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

LAMBDAS = Path(__file__).resolve().parents[2] / "lambda"
REGION = "us-east-1"


def load_handler(name: str) -> ModuleType:
    """The handler of a Lambda, fresh, under a name of its own; its folder is on the path as its zip is."""
    folder = LAMBDAS / name
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(f"{name}_handler", folder / "handler.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function of itself."""

    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:123456789012:function:function"
    aws_request_id: str = "52fdfc07-2182-154f-163f-5f0f9a621d72"


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process; nothing of the surroundings leads to a real account or an emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "function")
    with mock_aws():
        yield


def make_table(name: str, hash_key: str, range_key: str) -> Any:
    """A table with two string keys."""
    keys = ((hash_key, "HASH"), (range_key, "RANGE"))
    return boto3.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )


def sqs_event(*bodies: Any) -> dict[str, Any]:
    """A Lambda event with one SQS message for each body; texts go as they are, the rest as JSON.

    The ids of the messages are m0, m1, and so on.
    """
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "AQEBwgzrAtZhxdYYHNQdbUK9bHVQrk/bO/kXqdxuJ8IyfBstaTo2yigXmvuebq",
                "body": body if isinstance(body, str) else json.dumps(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1682543887329",
                    "SenderId": "AIDAJXNJGGKNS7OSV23OI",
                    "ApproximateFirstReceiveTimestamp": "1682543887337",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:queue",
                "awsRegion": REGION,
            }
            for number, body in enumerate(bodies)
        ]
    }


def object_created(key: str, bucket: str = "raw", size: int = 9468, time: str = "2024-01-15T09:30:00Z") -> Any:
    """An "Object Created" event as EventBridge delivers it; the key is not URL-encoded."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "time": time,
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": size,
                "etag": "5f9ca96e2ed74b596b3754325c069812",
                "version-id": "_S90fg_wD3dgMCVp5xcLdlwEFYtCIVpM",
                "sequencer": "006449950D7FBE1F45",
            },
            "request-id": "71F7NXFJ1RA274BQ",
            "requester": "123456789012",
            "source-ip-address": "203.0.113.7",
            "reason": "PutObject",
        },
    }


def job_state_change(
    job: str, run_id: str, state: str, time: str = "2024-01-15T10:05:00Z", message: str = "SystemExit: 1"
) -> Any:
    """A "Glue Job State Change" event as EventBridge delivers it."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": "123456789012",
        "time": time,
        "region": REGION,
        "resources": [],
        "detail": {
            "jobName": job,
            "severity": "INFO" if state == "SUCCEEDED" else "ERROR",
            "state": state,
            "jobRunId": run_id,
            "message": "Job run succeeded" if state == "SUCCEEDED" else message,
        },
    }


def metrics_in(output: str) -> list[dict[str, Any]]:
    """The metrics (embedded metric format) among the lines that a function printed."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]
