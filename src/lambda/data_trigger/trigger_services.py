"""The AWS services of this Lambda; each is opened when it is first needed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import boto3
from botocore.config import Config
from trigger_settings import settings

# A topic that does not answer must not use up the time of the call: its message then waits in the outbox.
_NOTICE = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=2, read_timeout=3)


@lru_cache(maxsize=1)
def bookmarks() -> Any:
    """The table of claims."""
    return boto3.resource("dynamodb").Table(settings().bookmarks_table)


@lru_cache(maxsize=1)
def state() -> Any:
    """The table of everything else."""
    return boto3.resource("dynamodb").Table(settings().state_table)


@lru_cache(maxsize=1)
def dynamodb() -> Any:
    """The DynamoDB client as Powertools takes it: its values have their types beside them."""
    return boto3.client("dynamodb")


@lru_cache(maxsize=1)
def glue() -> Any:
    """The Glue client."""
    return boto3.client("glue")


@lru_cache(maxsize=1)
def s3() -> Any:
    """The S3 client."""
    return boto3.client("s3")


@lru_cache(maxsize=1)
def sns() -> Any:
    """The SNS client."""
    return boto3.client("sns", config=_NOTICE)


@lru_cache(maxsize=1)
def sqs() -> Any:
    """The SQS client."""
    return boto3.client("sqs")
