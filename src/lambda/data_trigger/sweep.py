"""The sweep: finds by the clock what no event has led to, and starts a run for it.

Files that no batch has claimed (their event was lost, or waits in the dead-letter queue), and batches that a run has
left unfinished. New files are left to their events for a while. What a sweep has started a run for and finds again
is not started for at every sweep: the pauses double up to a day, so that a file or batch that fails for good makes
no storm. Nothing starts while a run is under way: Glue refuses it, or a lease shows it.

A sweep that has no time left goes on where it stopped at the next one.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Key
from object_rules import is_no_file
from raw_objects import RawObject, raw_objects
from run_starts import OutOfTimeError
from trigger_services import bookmarks, state

from etl.dynamo import query

ENTITY, ID = "sweep", "last"
# The stage of the streaming job, as its leases are called.
STREAMING = "streaming"
# Events need seconds; a message that came while a run was under way comes back within minutes.
GRACE_SECONDS = 600
LEAST_SECONDS = 8
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1800, 86400
# The item that remembers them has room for so many.
MOST_REMEMBERED = 5000


@dataclass
class Found:
    """What a sweep found.

    Attributes:
        unclaimed: objects that no batch has claimed, in the order of their keys.
        unfinished: batches as ``<dataset>/<batch>``.
        leased: datasets that a job is working on just now.
        cursor: the key behind which the next sweep goes on; "" when all was seen.
    """

    unclaimed: list[RawObject] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    leased: list[str] = field(default_factory=list)
    cursor: str = ""

    @property
    def marks(self) -> list[str]:
        """A short mark for everything that a run is wanted for."""
        names = [*self.unfinished, *(f"{one.key}#{one.size}-{one.modified_ms}" for one in self.unclaimed)]
        return [hashlib.sha256(name.encode()).hexdigest()[:12] for name in names]


def look(context: LambdaContext, examine: Callable[[RawObject], bool]) -> Found:
    """Look through the state and the incoming folder for as long as the call has time.

    Args:
        context: tells the time left.
        examine: whether an unclaimed object is to be ingested; what is not was refused by it.
    """
    found = Found()
    for dataset in _ids("dataset"):
        found.unfinished += [f"{dataset}/{batch}" for batch in _unfinished(dataset)]
        if _is_leased(dataset):
            found.leased.append(dataset)
    seen, before_ms = _memory().get("cursor", ""), (time.time() - GRACE_SECONDS) * 1000
    for page in raw_objects(seen):
        for candidate in _unclaimed([one for one in page if one.modified_ms < before_ms]):
            try:
                _require_time(context)
                wanted = examine(candidate)
            except OutOfTimeError:
                found.cursor = seen
                return found
            if wanted:
                found.unclaimed.append(candidate)
            seen = candidate.key
        seen = page[-1].key if page else seen
        if _is_late(context):
            found.cursor = seen
            return found
    return found


def is_due(found: Found) -> bool:
    """Whether a run is to be started for what was found: for anything new, and for the rest after a pause."""
    if found.leased or not found.marks:
        return False
    memory = _memory()
    return not set(found.marks) <= set(memory.get("tried", ())) or time.time() >= int(memory.get("not_before", 0))


def remember(found: Found, started: bool) -> None:
    """Keep how far the sweep came, and what a run was started for.

    Args:
        found: what was found.
        started: whether a run was started for it.
    """
    memory = _memory()
    kept: dict[str, Any] = {name: memory[name] for name in ("tried", "tries", "not_before") if name in memory}
    if started:
        again = set(found.marks) <= set(memory.get("tried", ()))
        tries = int(memory.get("tries", 0)) + 1 if again else 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(tries - 1, 10), LONGEST_PAUSE_SECONDS)
        tried = dict.fromkeys([*found.marks, *memory.get("tried", ())])
        kept = {"tried": list(tried)[:MOST_REMEMBERED], "tries": tries, "not_before": int(time.time()) + pause}
    elif not found.marks and not found.cursor and not memory.get("cursor"):
        kept = {}
    state().put_item(Item={"entity": ENTITY, "id": ID, "cursor": found.cursor, "at": int(time.time()), **kept})


def _unclaimed(objects: list[RawObject]) -> Iterator[RawObject]:
    claims: dict[str, Mapping[str, Any]] = {}
    for found in objects:
        if is_no_file(found.key, found.size):
            continue
        if found.folder not in claims:
            asked = query(bookmarks(), KeyConditionExpression=Key("source").eq(found.folder))
            claims = {found.folder: {item["object_key"]: item for item in asked}}
        if not found.is_claimed_by(claims[found.folder].get(found.key)):
            yield found


def _ids(entity: str) -> list[str]:
    return [item["id"] for item in query(state(), KeyConditionExpression=Key("entity").eq(entity))]


def _unfinished(dataset: str) -> Iterator[str]:
    """Batches among the dataset's open ones that are not CHECKED (an entry may outlive its batch's last step)."""
    for batch in _ids(f"open#{dataset}"):
        item = state().get_item(Key={"entity": f"batch#{dataset}", "id": batch}, ConsistentRead=True).get("Item")
        if item and item["status"] != "CHECKED" and not _is_of_its_stream(item):
            yield batch


def _is_of_its_stream(batch: Mapping[str, Any]) -> bool:
    """Whether a batch is still to be ingested by the streaming job, which no run of the workflow does for it."""
    return "stream_query" in batch and batch["status"] == "PLANNED"


def _is_leased(dataset: str) -> bool:
    leases = query(state(), KeyConditionExpression=Key("entity").eq(f"lock#{dataset}"))
    # A streaming job keeps its lease for as long as it runs, and what it has ingested waits for a run all the same.
    return any(float(lease.get("lease_until", 0)) > time.time() for lease in leases if lease["id"] != STREAMING)


def _memory() -> dict[str, Any]:
    return dict(state().get_item(Key={"entity": ENTITY, "id": ID}, ConsistentRead=True).get("Item", {}))


def _is_late(context: LambdaContext) -> bool:
    return bool(context.get_remaining_time_in_millis() < LEAST_SECONDS * 1000)


def _require_time(context: LambdaContext) -> None:
    if _is_late(context):
        raise OutOfTimeError("the sweep goes on at the next one")
