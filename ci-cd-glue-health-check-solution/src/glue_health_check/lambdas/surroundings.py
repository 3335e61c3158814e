"""What Terraform tells the Lambdas in their environment, and the services that they open when they first need them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools.utilities.parameters import get_secret

from glue_health_check.cloud.clients import Clients, clients

_SECRET_SECONDS = 300  # how long a secret is remembered: a new value holds after this time


@dataclass(frozen=True)
class Settings:
    """The settings.

    Attributes:
        work_bucket: of the checks.
        records_table: DynamoDB table of what is done once only.
        namespace: of the metrics.
        sweep_minutes: age after which objects without a manifest are swept.
        github_api: address of GitHub's API.
        token_secret: name or ARN of the secret with GitHub's token; "" for none.
        webhook_secret: the same of the webhook's secret; only the webhook has it.
        queue_url: of the trigger; only the webhook has it.
        repositories: ``owner/name`` -> paths of check files; only the webhook has it.
        delivery_minutes: older deliveries are refused.
    """

    work_bucket: str
    records_table: str
    namespace: str
    sweep_minutes: float
    github_api: str
    token_secret: str
    webhook_secret: str
    queue_url: str
    repositories: dict[str, list[str]]
    delivery_minutes: float


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    return Settings(
        work_bucket=os.environ["WORK_BUCKET"],
        records_table=os.environ["RECORDS_TABLE"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueHealthCheck"),
        sweep_minutes=float(os.environ.get("SWEEP_MINUTES", "120")),
        github_api=os.environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        token_secret=os.environ.get("GITHUB_TOKEN_SECRET", ""),
        webhook_secret=os.environ.get("WEBHOOK_SECRET", ""),
        queue_url=os.environ.get("QUEUE_URL", ""),
        repositories=json.loads(os.environ.get("REPOSITORIES", "{}")),
        delivery_minutes=float(os.environ.get("DELIVERY_MINUTES", "60")),
    )


@lru_cache(maxsize=1)
def aws() -> Clients:
    """The services of a check."""
    return clients()


@lru_cache(maxsize=1)
def dynamodb() -> Any:
    """The DynamoDB client as Powertools takes it."""
    return boto3.client("dynamodb")


@lru_cache(maxsize=1)
def sqs() -> Any:
    """The SQS client."""
    return boto3.client("sqs")


def secret(name: str) -> str:
    """The text of a secret of Secrets Manager."""
    return str(get_secret(name, max_age=_SECRET_SECONDS))
