"""Loads REST APIs into raw: SQS messages ``{"connector": "<name>"}`` in, files of JSON lines out."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from rest import PLAIN_FIELD, RestRows

from connectors.credentials import fields_of
from connectors.cursors import held
from connectors.errors import BusyError, ConfigurationError, CredentialsError
from connectors.loading import Load, Result
from connectors.model import Connector, RestSource
from connectors.parts import RawFolder
from connectors.reading import parse_connectors

logger = Logger()
# What a load gets no more than, before Lambda ends it: time to put the last file and write down where it stands.
RESERVE_SECONDS = 30


@dataclass(frozen=True)
class Settings:
    """What Terraform sets in the environment."""

    raw_bucket: str
    state_table: str
    scripts_bucket: str
    secret_prefix: str
    namespace: str


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    return Settings(
        raw_bucket=os.environ["RAW_BUCKET"],
        state_table=os.environ["STATE_TABLE"],
        scripts_bucket=os.environ["SCRIPTS_BUCKET"],
        secret_prefix=os.environ["SECRET_PREFIX"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueEtlPipeline"),
    )


@lru_cache(maxsize=1)
def state_table() -> Any:
    """The state table."""
    return boto3.resource("dynamodb").Table(settings().state_table)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Load the connectors that the messages name.

    Returns:
        The messages to bring back, in the form of ReportBatchItemFailures.

    Raises:
        BatchProcessingError: every message failed; the alarm on the Lambda's errors tells people.
    """
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    processor = BatchProcessor(event_type=EventType.SQS, logger=logger)
    answer = process_partial_response(
        event=event, record_handler=lambda record: handle_record(record, deadline, context.aws_request_id),
        processor=processor, context=context,
    )  # fmt: skip
    return dict(answer)


def handle_record(record: SQSRecord, deadline: float, request_id: str) -> None:
    """Load the connector of one message.

    Args:
        record: its message.
        deadline: when to stop, by the monotonic clock; what is left is for the next message.
        request_id: of this call, which makes it the owner of what it holds.
    """
    name = connector_name(record.body)
    logger.append_keys(connector=name)
    try:
        result = load(published(name), deadline, f"{request_id}/{record.message_id}")
    except BusyError as error:
        logger.info("nothing done: %s", error)
        return
    except Exception:
        measure(name, 0, 0, failed=True)
        raise
    measure(name, result.rows, result.files, failed=False)
    logger.info(
        "loaded" if result.is_complete else "loaded a part; the next call goes on from here",
        extra={"rows": result.rows, "files": result.files, "cursor": result.cursor},
    )


def connector_name(body: str) -> str:
    """The connector that a message names.

    Raises:
        ValueError: it names none.
    """
    try:
        name = json.loads(body)["connector"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'the message must be {{"connector": "<name>"}}, and is: {body[:500]}') from error
    return str(name)


def published(name: str) -> Connector:
    """A connector as Terraform published it.

    Raises:
        ConfigurationError: there is none of that name for REST APIs, or it is wrong.
    """
    key = f"config/connectors/{name}.json"
    try:
        answer = boto3.client("s3").get_object(Bucket=settings().scripts_bucket, Key=key)
    except ClientError as error:
        # Without the right to list, S3 says AccessDenied of what is not there.
        if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied"):
            raise
        problem = f"there is no s3://{settings().scripts_bucket}/{key}; terraform apply publishes src/config/connectors"
        raise ConfigurationError([problem]) from error
    connector = parse_connectors({f"{name}.json": answer["Body"].read().decode()})[name]
    if not isinstance(connector.source, RestSource):
        raise ConfigurationError([f"{name}: loads a database; that is the job database_ingestion's"])
    return connector


def load(connector: Connector, deadline: float, owner: str) -> Result:
    """Load one connector until its window is done or the time is up.

    Args:
        connector: of a REST API.
        deadline: by the monotonic clock.
        owner: token of this call.
    """
    rows = RestRows(connector, credentials(connector))
    folder = RawFolder(boto3.client("s3"), settings().raw_bucket, connector.dataset, connector.name)
    with held(state_table(), connector.name, owner) as state:
        return Load(connector, rows, state, folder, deadline).run()


def credentials(connector: Connector) -> dict[str, str]:
    """The fields of a connector's secret; none where it has no secret. Kept for five minutes, as Powertools does.

    Raises:
        CredentialsError: it can't be read.
    """
    if not connector.secret:
        return {}
    name = f"{settings().secret_prefix}{connector.secret}"
    try:
        text = str(parameters.get_secret(name, max_age=300))
    except GetParameterError as error:
        raise CredentialsError(
            f"the secret {name} can't be read: {error}. It must be in connector_secrets of Terraform, name "
            "api_connector among its jobs, and have a value (aws secretsmanager put-secret-value)"
        ) from error
    assert isinstance(connector.source, RestSource) and connector.source.authentication  # noqa: S101 - for the type checker # nosec B101
    return fields_of(name, text, PLAIN_FIELD.get(connector.source.authentication.kind, ""))


def measure(connector: str, rows: int, files: int, failed: bool) -> None:
    """Write a load's metrics (embedded metric format, by the log) under the one dimension Connector."""
    metrics = EphemeralMetrics(namespace=settings().namespace)
    metrics.service = ""  # else Powertools adds a dimension "service"
    metrics.add_dimension("Connector", connector)
    metrics.add_metric("ConnectorRows", MetricUnit.Count, rows)
    metrics.add_metric("ConnectorFiles", MetricUnit.Count, files)
    metrics.add_metric("ConnectorFailures", MetricUnit.Count, int(failed))
    metrics.flush_metrics()
