"""Leases: one run at a time works on one stage of a dataset, also when runs start at once or are killed.

After Powertools' idempotency records: an item with an owner and an expiry, taken over by a conditional put
when it has expired. A lease only keeps runs from doing the same work twice; what keeps them from doing harm is
the owner in the condition of every commit (:mod:`etl.ledger`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl.errors import LeaseHeldError


@contextmanager
def lease(state_table: Any, dataset: str, stage: str, owner: str, seconds: int) -> Iterator[None]:
    """Hold a dataset's stage for as long as the block runs; renewed in the background.

    Where a run was killed, its lease is waited out once; a run that is alive has renewed it by then.

    Args:
        state_table: boto3 Table of the state.
        dataset: whose batches.
        stage: ingestion, processing or quality.
        owner: token of this run.
        seconds: how long a lease lives without being renewed.

    Raises:
        LeaseHeldError: another run holds it and is alive.
    """
    key = {"entity": f"lock#{dataset}", "id": stage}
    _acquire(state_table, key, owner, seconds)
    stopped = threading.Event()
    renewal = threading.Thread(target=_renew, args=(state_table, key, owner, seconds, stopped), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        stopped.set()
        renewal.join()
        _release(state_table, key, owner)


def _acquire(table: Any, key: dict[str, str], owner: str, seconds: int) -> None:
    found = _try_acquire(table, key, owner, seconds)
    if found is not None:
        time.sleep(max(0.0, float(found.get("lease_until", 0)) - time.time()) + 1)
        found = _try_acquire(table, key, owner, seconds)
    if found is not None:
        raise LeaseHeldError(
            f"{key['entity'].removeprefix('lock#')}: run {found.get('owner')} is at its {key['id']} and alive; "
            "start this run again when that one has ended"
        )


def _try_acquire(table: Any, key: dict[str, str], owner: str, seconds: int) -> dict[str, Any] | None:
    """None when the lease is ours, else the item of the run that has it."""
    now = int(time.time())
    try:
        table.put_item(
            Item={**key, "owner": owner, "lease_until": now + seconds},
            ConditionExpression="attribute_not_exists(id) OR lease_until < :now OR #o = :owner",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":now": now, ":owner": owner},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found: dict[str, Any] = table.get_item(Key=key, ConsistentRead=True).get("Item", {})
        return None if found.get("owner") == owner else found
    return None


def _renew(table: Any, key: dict[str, str], owner: str, seconds: int, stopped: threading.Event) -> None:
    while not stopped.wait(seconds / 3):
        try:
            table.update_item(
                Key=key,
                UpdateExpression="SET lease_until = :until",
                ConditionExpression="#o = :owner",
                ExpressionAttributeNames={"#o": "owner"},
                ExpressionAttributeValues={":until": int(time.time()) + seconds, ":owner": owner},
            )
        except (BotoCoreError, ClientError) as error:
            # The work may still be in time; if not, the commit's condition refuses it.
            logging.getLogger("leases").warning("lease of %s could not be renewed: %s", key["entity"], error)


def _release(table: Any, key: dict[str, str], owner: str) -> None:
    try:
        table.delete_item(
            Key=key,
            ConditionExpression="#o = :owner",
            ExpressionAttributeNames={"#o": "owner"},
            ExpressionAttributeValues={":owner": owner},
        )
    except (BotoCoreError, ClientError) as error:
        logging.getLogger("leases").warning("lease of %s was not released: %s", key["entity"], error)
