"""What is done once only, however often it is asked for: Powertools' idempotency, in a table of records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from glue_health_check.lambdas.surroundings import dynamodb, settings


def once(kind: str, key: str, seconds: int, context: LambdaContext, act: Callable[[], Any]) -> Any:
    """Do something, unless it was done for the same key; its result is kept.

    Args:
        kind: of what is done.
        key: which of it.
        seconds: for how long the result is kept.
        context: of this call; when it is cut off, another one may take over after its time.
        act: does it; its result is plain JSON. An error keeps nothing.

    Raises:
        IdempotencyAlreadyInProgressError: another call is at it.
    """

    def do(key: str) -> Any:
        return act()

    config = IdempotencyConfig(expires_after_seconds=seconds, hash_function="sha256", lambda_context=context)
    # A new layer for each use: it keeps the configuration of its first.
    store = DynamoDBPersistenceLayer(table_name=settings().records_table, boto3_client=dynamodb())
    done = idempotent_function(do, data_keyword_argument="key", persistence_store=store, config=config, key_prefix=kind)
    return done(key=key)
