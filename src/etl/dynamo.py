"""DynamoDB as the ledger needs it: values in and out, whole queries, transactions, and what a refusal looks like."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import copysign, isfinite, isnan
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# Refusals of a transaction that pass by themselves. The SDK doesn't know them: it tries failed calls again only.
_PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
_TRIES = 10
_LONGEST_WAIT_SECONDS = 5.0
# The range of DynamoDB's numbers, with room for the digits.
_SMALLEST, _LARGEST = 1e-110, 1e125


def transact(table: Any, writes: list[dict[str, Any]]) -> None:
    """Do all writes or none; what stands in the way for a moment is tried again.

    Args:
        table: boto3 Table whose connection is used.
        writes: as ``TransactItems`` of TransactWriteItems takes them, with Python's values; up to 100.

    Raises:
        ClientError: a condition did not hold, or the way stayed barred.
    """
    for attempt in range(_TRIES):
        try:
            table.meta.client.transact_write_items(TransactItems=writes)
            return
        except ClientError as error:
            if is_refusal(error) or not _cancellation_reasons(error) & _PASSING or attempt == _TRIES - 1:
                raise
        # Spread, so that many runs don't come again at the same time.
        time.sleep(random.uniform(0, min(_LONGEST_WAIT_SECONDS, 0.05 * 2**attempt)))  # noqa: S311 - no secret # nosec B311


def is_refusal(error: BotoCoreError | ClientError) -> bool:
    """Whether the condition of a write, or of one write of a transaction, did not hold."""
    if not isinstance(error, ClientError):
        return False
    refused = "ConditionalCheckFailed" in _cancellation_reasons(error)
    return refused or error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def _cancellation_reasons(error: ClientError) -> set[str]:
    return {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", ())} - {"None"}


def query(table: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
    """All items of a query, page after page, read consistently.

    Args:
        table: boto3 Table.
        arguments: of its ``query``.
    """
    while True:
        answer = table.query(ConsistentRead=True, **arguments)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def storable(value: Any) -> Any:
    """DynamoDB has Decimal where Python has float, and in a smaller range, at whose ends other values are put."""
    if isinstance(value, float):
        size = abs(value)
        if isfinite(value) and size > _LARGEST:
            return Decimal(str(copysign(_LARGEST, value)))
        return Decimal(str(value)) if size >= _SMALLEST or isnan(value) else Decimal(0)
    if isinstance(value, Mapping):
        return {name: storable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


def plain(value: Any) -> Any:
    """Python numbers where DynamoDB has Decimal."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
