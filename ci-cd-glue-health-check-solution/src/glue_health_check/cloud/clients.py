"""Clients of AWS, and what their errors mean here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from glue_health_check.errors import InfrastructureError

# Throttled calls are tried again with backoff by the SDK itself.
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10, read_timeout=60)
GONE = {
    "404",
    "EntityNotFoundException",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchUpload",
    "NotFound",
    "ResourceNotFoundException",
}


@dataclass(frozen=True)
class Clients:
    """The services that a check needs."""

    s3: Any
    glue: Any
    logs: Any
    dynamodb: Any
    sts: Any
    region: str


def clients(region: str | None = None) -> Clients:
    """Clients by the environment's credentials, region and endpoints (``AWS_ENDPOINT_URL…``).

    Raises:
        InfrastructureError: there is no region.
    """
    with aws_errors("AWS can't be reached"):
        session = boto3.Session(region_name=region)
        made = {name: session.client(name, config=_CONFIG) for name in ("s3", "glue", "logs", "dynamodb", "sts")}
        return Clients(**made, region=made["glue"].meta.region_name)


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Errors of AWS become errors of the infrastructure.

    Args:
        doing: what failed, for the message.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise InfrastructureError(f"{doing}: {error}") from error


def code_of(error: ClientError) -> str:
    """AWS's short name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def gone_is_fine() -> Iterator[None]:
    """For removals: what is not there needs none."""
    try:
        yield
    except ClientError as error:
        if code_of(error) not in GONE:
            raise
