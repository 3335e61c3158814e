"""Starts runs of the workflow: one for a set of messages, however often the set comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from trigger_services import dynamodb, glue
from trigger_settings import settings

# SQS gives a message again soon if at all; sent back from the dead-letter queue it has another id.
_REMEMBERED_SECONDS = 3600


class OutOfTimeError(Exception):
    """The call has no time left; the message comes back."""


def start_run(messages: Sequence[str], properties: Mapping[str, str], context: LambdaContext) -> str:
    """Start a run, unless one was started for just these messages already; its id.

    The ledger, not the event, says what the run reads: its properties only tell people why it was started.

    Args:
        messages: ids of the messages for which it is started.
        properties: of the run.
        context: tells how long this call may take; another one with the same messages waits for so long.

    Raises:
        ClientError: Glue starts none; see :func:`is_busy`.
    """

    def start(messages: Sequence[str]) -> str:
        run = glue().start_workflow_run(Name=settings().workflow, RunProperties=dict(properties))
        return str(run["RunId"])

    once = once_only(start, "messages", _REMEMBERED_SECONDS, context)
    return str(once(messages=sorted(messages)))


def once_only(function: Any, argument: str, seconds: int, context: LambdaContext) -> Any:
    """A function whose result is kept, so that it is not done again for the same argument.

    Args:
        function: takes the argument by its name; its result is plain JSON.
        argument: the name.
        seconds: for how long the result is kept.
        context: of this call.
    """
    config = IdempotencyConfig(expires_after_seconds=seconds, hash_function="sha256", lambda_context=context)
    return idempotent_function(
        function,
        data_keyword_argument=argument,
        persistence_store=_records(),
        config=config,
        key_prefix=function.__name__,
    )


def is_busy(error: BaseException) -> bool:
    """Whether a run is under way, or another call is just starting one for the same messages."""
    if isinstance(error, ClientError):
        return bool(error.response["Error"]["Code"] == "ConcurrentRunsExceededException")
    return isinstance(error, IdempotencyAlreadyInProgressError)


def _records() -> DynamoDBPersistenceLayer:
    """Powertools' records, in the state table. A new layer for each use: it keeps the configuration of its first."""
    return DynamoDBPersistenceLayer(
        table_name=settings().state_table,
        key_attr="entity",
        static_pk_value="idempotency#data_trigger",
        sort_key_attr="id",
        expiry_attr="expires_at",
        boto3_client=dynamodb(),
    )
