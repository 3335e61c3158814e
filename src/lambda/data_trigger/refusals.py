"""Refused objects: kept out of ingestion by a claim, kept with their reason, and put among what is to be told.

Claim, record and the entry of what is to be told are written in one transaction, so there is no moment at which one
is there without the others, however the Lambda ends, and a message that comes again changes nothing.

The claim is an item like those of batches, with the object's size and time, so that discovery passes the object
over. It keeps the hash of what was claimed under this key before, so the same content that comes back later is no
new work; a refused object has no hash of its own, so whatever is written to its key next is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError
from object_rules import Refusal
from raw_objects import RawObject, claim_of
from trigger_services import bookmarks, state

from etl.dynamo import transact

# Instead of the id of a batch, in the claim of a refused object.
REFUSED_CLAIM = "refused"
UNTOLD = "refusals_to_tell"
REFUSED, REPORTED = "REFUSED", "REPORTED"
_CLAIM, _RECORD = 0, 1


def refuse(found: RawObject, refusal: Refusal, **facts: Any) -> str:
    """Refuse a version of an object; doing it again changes nothing.

    Args:
        found: the version.
        refusal: why.
        facts: what else the record is to say, e.g. ``quarantined_at``.

    Returns:
        The batch that has claimed the version before, or "": then no batch will.
    """
    item = _record(f"refused_object#{found.dataset}", REFUSED, found, refusal, facts)
    try:
        transact(state(), [{"Update": _claim(found)}, *_kept(item, refusal)])
    except ClientError as error:
        refused = _refused_writes(error)
        if _RECORD in refused:
            return str(_read(item).get("claimed_by", ""))
        if _CLAIM not in refused:
            raise
        batch = str((claim_of(found.folder, found.key) or {}).get("batch_id", ""))
        return _refuse_claimed(item, refusal, batch)
    return ""


def report(found: RawObject, refusal: Refusal) -> bool:
    """Record what was found in an object that is ingested all the same.

    Args:
        found: the version.
        refusal: for which it would be refused.

    Returns:
        Whether it was recorded now, and not before.
    """
    item = _record(f"scan_finding#{found.dataset}", REPORTED, found, refusal, {})
    try:
        transact(state(), _kept(item, refusal))
    except ClientError as error:
        if not _refused_writes(error):
            raise
        return False
    return True


def is_refused(claim: Mapping[str, Any] | None) -> bool:
    """Whether a claim is that of a refused object."""
    return bool(claim and claim.get("batch_id") == REFUSED_CLAIM)


def _refuse_claimed(item: dict[str, Any], refusal: Refusal, batch: str) -> str:
    """A batch was quicker: record and message say so, and the claim stays the batch's."""
    late = {**item, "claimed_by": batch, "what_to_do": f"batch {batch} has claimed it already: see the batch's report"}
    try:
        transact(state(), _kept(late, refusal))
    except ClientError as error:
        if not _refused_writes(error):
            raise
    return batch


def _claim(found: RawObject) -> dict[str, Any]:
    """Claim the version unless a batch has claimed it, or a later one."""
    return {
        "TableName": bookmarks().name,
        "Key": {"source": found.folder, "object_key": found.key},
        "UpdateExpression": (
            "SET uri = :uri, dataset = :dataset, #size = :size, modified_ms = :modified, batch_id = :refused, "
            "claimed_at = :now, content_hash = if_not_exists(content_hash, :none)"
        ),
        "ConditionExpression": (
            "attribute_not_exists(object_key) OR modified_ms < :modified "
            "OR (modified_ms = :modified AND #size <> :size) OR batch_id = :refused"
        ),
        "ExpressionAttributeNames": {"#size": "size"},
        "ExpressionAttributeValues": {
            ":uri": found.uri,
            ":dataset": found.dataset,
            ":size": found.size,
            ":modified": found.modified_ms,
            ":refused": REFUSED_CLAIM,
            ":now": _now(),
            ":none": "",
        },
    }


def _kept(item: dict[str, Any], refusal: Refusal) -> list[dict[str, Any]]:
    """The record, if there is none yet, and the entry that makes it be told."""
    names = ("dataset", "uri", "status", "reason", "what_to_do", "claimed_by", "quarantined_at")
    told = {name: item[name] for name in names if name in item}
    untold = {"entity": UNTOLD, "id": f"{item['status']}#{item['id']}", "kind": refusal.kind, **told}
    table = state().name
    return [
        {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}},
        {"Put": {"TableName": table, "Item": untold}},
    ]


def _record(entity: str, status: str, found: RawObject, refusal: Refusal, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entity": entity,
        "id": found.id,
        "status": status,
        "updated_at": _now(),
        "dataset": found.dataset,
        "uri": found.uri,
        "size": found.size,
        "modified_ms": found.modified_ms,
        "kind": refusal.kind,
        "reason": refusal.reason,
        "what_to_do": refusal.advice,
        **facts,
    }


def _refused_writes(error: ClientError) -> set[int]:
    """The places of the writes of a transaction whose conditions did not hold."""
    reasons = error.response.get("CancellationReasons", ())
    return {place for place, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"}


def _read(item: Mapping[str, Any]) -> dict[str, Any]:
    key = {"entity": item["entity"], "id": item["id"]}
    return dict(state().get_item(Key=key, ConsistentRead=True).get("Item", {}))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()
