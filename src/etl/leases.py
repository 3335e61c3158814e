"""Leases: one run at a time works on one stage of a dataset, also when runs start at once or are killed.

After Powertools' idempotency records: an item with an owner and an expiry, taken over by a conditional put
when it has expired. A run asks its lease before every write (:meth:`Lease.require`), and so stops early when it
has lost it. What makes this safe to the last microsecond are the conditions of the ledger's writes: a batch is
planned only while the lease is ours, and committed only while the batch is ours (:mod:`etl.ledger`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl.dynamo import is_refusal
from etl.errors import LeaseHeldError, LeaseLostError
from utils.faults import fault_points

_LOG = logging.getLogger("leases")
# Clocks of two machines may differ by a little, and the table's times are whole seconds.
_GRACE_SECONDS = 1


class Lease:
    """The right to work on one stage of a dataset, for as long as it is renewed.

    Args:
        table: boto3 Table of the state.
        dataset: whose batches.
        stage: ingestion, processing or quality.
        owner: token of this run.
        seconds: how long the lease lives without being renewed.
    """

    def __init__(self, table: Any, dataset: str, stage: str, owner: str, seconds: int) -> None:
        self.dataset, self.stage, self.owner, self.seconds = dataset, stage, owner, seconds
        self.key = {"entity": f"lock#{dataset}", "id": stage}
        self._table = table
        # By this machine's monotonic clock: changes of the time of day neither end nor lengthen a lease.
        self._deadline = 0.0
        self._lost_to = ""

    def require(self) -> None:
        """Go on only while the lease is ours; called before every write.

        Raises:
            LeaseLostError: it could not be renewed in time, or another run has it.
        """
        if self._lost_to:
            raise LeaseLostError(f"{self._name()} was lost to {self._lost_to}; this run writes nothing more")
        late = time.monotonic() - self._deadline
        if late >= 0:
            raise LeaseLostError(
                f"{self._name()} ended {late:.1f} s ago, since it could not be renewed for {self.seconds} s (the run "
                "was paused, or the state table out of reach); this run writes nothing more, and the next one does "
                "the work again"
            )

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One write of the protocol: the lease is asked for before it; tests kill the run before and after it.

        Args:
            name: of the write, e.g. ``write_batch``.

        Raises:
            LeaseLostError: the lease is no longer ours; the block was not begun.
        """
        self.require()
        with fault_points(f"{self.stage}.{name}"):
            yield

    def planning(self, batch_id: str) -> dict[str, Any]:
        """An update for a transaction: it notes what is planned, and is refused when the lease is another run's.

        Args:
            batch_id: the batch that the transaction plans.
        """
        return {
            "Key": self.key,
            "UpdateExpression": "SET planned = :planned",
            "ConditionExpression": "#o = :owner",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":planned": batch_id, ":owner": self.owner},
        }

    def acquire(self) -> None:
        """Take the lease; that of another run is waited out once.

        Raises:
            LeaseHeldError: another run has it and is alive.
        """
        found = self._try_acquire()
        if found is not None:
            # A run whose clock is wrong may have written any time; its lease lives no longer than this all the same.
            left = min(float(found.get("lease_until", 0)) - time.time(), float(found.get("seconds", self.seconds)))
            _LOG.info("%s: run %s has it for another %.0f s; waiting once", self._name(), found.get("owner"), left)
            time.sleep(max(0.0, left) + _GRACE_SECONDS)
            found = self._try_acquire()
        if found is not None:
            raise LeaseHeldError(
                f"{self.dataset}: run {found.get('owner')} is at its {self.stage} and alive; "
                "start this run again when that one has ended"
            )
        _LOG.info("%s: run %s has it now", self._name(), self.owner)

    def _try_acquire(self) -> dict[str, Any] | None:
        """None when the lease is ours, else the item of the run that has it."""
        begun, now = time.monotonic(), int(time.time())
        try:
            with fault_points("lease.acquire"):
                self._table.put_item(
                    Item={**self.key, "owner": self.owner, "lease_until": now + self.seconds, "seconds": self.seconds},
                    ConditionExpression="attribute_not_exists(id) OR lease_until < :now OR #o = :owner",
                    ExpressionAttributeNames={"#o": "owner"},
                    ExpressionAttributeValues={":now": now, ":owner": self.owner},
                )
        except ClientError as error:
            if not is_refusal(error):
                raise
            found = self._item()
            # The answer to our own write was lost, and the SDK's second one was refused.
            if found.get("owner") != self.owner:
                return found
        self._deadline = begun + self.seconds
        return None

    def renew_until(self, stopped: threading.Event) -> None:
        """Renew the lease again and again until the event is set or another run has the lease."""
        while not stopped.wait(self.seconds / 3) and not self._lost_to:
            try:
                self._renew()
            except (BotoCoreError, ClientError) as error:
                _LOG.warning("%s could not be renewed, and is tried again: %s", self._name(), error)

    def _renew(self) -> None:
        begun = time.monotonic()
        try:
            self._table.update_item(
                Key=self.key,
                UpdateExpression="SET lease_until = :until",
                ConditionExpression="#o = :owner",
                ExpressionAttributeNames={"#o": "owner"},
                ExpressionAttributeValues={":until": int(time.time()) + self.seconds, ":owner": self.owner},
            )
        except ClientError as error:
            if not is_refusal(error):
                raise
            self._lost_to = f"run {self._item().get('owner', 'that has ended since')}"
            _LOG.warning("%s could not be renewed: it was lost to %s", self._name(), self._lost_to)
            return
        # Nobody had it in between, even where this comes late: the owner would be another, or the item gone.
        self._deadline = begun + self.seconds

    def release(self) -> None:
        """Give the lease back if it is still ours; a failure is logged, and the lease then ends by itself.

        A refusal may also mean that it was given back by a first try, whose answer was lost.
        """
        try:
            with fault_points("lease.release"):
                self._table.delete_item(
                    Key=self.key,
                    ConditionExpression="#o = :owner",
                    ExpressionAttributeNames={"#o": "owner"},
                    ExpressionAttributeValues={":owner": self.owner},
                )
        except (BotoCoreError, ClientError) as error:
            _LOG.warning("%s was not released: %s", self._name(), error)

    def _item(self) -> dict[str, Any]:
        found: dict[str, Any] = self._table.get_item(Key=self.key, ConsistentRead=True).get("Item", {})
        return found

    def _name(self) -> str:
        return f"lease of {self.dataset}'s {self.stage}"


@contextmanager
def lease(state_table: Any, dataset: str, stage: str, owner: str, seconds: int) -> Iterator[Lease]:
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
    held = Lease(state_table, dataset, stage, owner, seconds)
    held.acquire()
    stopped = threading.Event()
    renewal = threading.Thread(target=held.renew_until, args=(stopped,), daemon=True)
    renewal.start()
    try:
        yield held
    finally:
        stopped.set()
        renewal.join()
        held.release()
