"""Sending: rows that lie ready go into raw, refused files are released. Every step may be done any number of times."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from quarantine import objects
from quarantine.batches import RefusedFile
from quarantine.errors import ReplayError
from quarantine.ledger import Replay, ReplayLedger
from quarantine.plan import read_manifest
from quarantine.target import Target

_THREADS = 16
# What became of a refused file.
RELEASED = "released: the next run reads it again"
COPIED_BACK = "copied back to raw from quarantine"
UNTOUCHED = "nothing to do"
NEWER = f"{UNTOUCHED}: raw holds a newer version"
TAKEN = f"{UNTOUCHED}: another batch has taken it since"
GONE = "released, but gone without a copy: deliver it again"


def finish(target: Target, ledger: ReplayLedger, replay: Replay, on_progress: Callable[[str], None]) -> Counter[str]:
    """Send everything of a planned replay and say so in the ledger.

    Args:
        target: the environment.
        ledger: of the dataset.
        replay: PLANNED. Someone else may be finishing it at the same time.
        on_progress: called with a line of text now and then.

    Returns:
        What became of its files -> how many.
    """
    manifest = read_manifest(target, replay)
    files = [RefusedFile(**entry) for entry in manifest["files"]]
    with ThreadPoolExecutor(_THREADS) as pool:
        outcomes = []
        for outcome in pool.map(lambda file: release(target, file, replay.batch_id), files):
            outcomes.append(outcome)
            on_progress(f"{len(outcomes)} of {len(files)} files")
    if files:
        told = [{"source_file": file.uri, "outcome": outcome} for file, outcome in zip(files, outcomes, strict=True)]
        objects.write(target.s3, f"{replay.folder}outcomes.json", json.dumps(told, indent=1).encode())
    # Rows come last: they are files that start the workflow by themselves, and that run takes the released ones, too.
    for number, found in enumerate(manifest["targets"], start=1):
        on_progress(f"file {number} of {len(manifest['targets'])} into raw")
        _send(target, replay.folder + found["payload"], found["key"])
    counts = Counter(outcomes)
    ledger.finish(replay, file_outcomes=dict(counts))
    return counts


def _send(target: Target, payload: str, key: str) -> None:
    """The key belongs to this replay alone, and its content is fixed: what is there is right."""
    uri = f"s3://{target.raw}/{key}"
    if not objects.copy_unless_there(target.s3, payload, uri) and objects.head(target.s3, uri) is None:
        raise ReplayError(f"{payload} is gone, so its rows can't be sent; restore an older version of it and run again")


def release(target: Target, file: RefusedFile, batch_id: str, write: bool = True) -> str:
    """Let ingestion take a refused file again: its claim goes, and if raw has lost it, the kept copy comes back.

    The claim goes only while it is the refusing batch's own. Its absence in the end is what counts: a claim that is
    gone was released before, by this replay or by a person.

    Args:
        target: the environment.
        file: refused as a whole.
        batch_id: the batch that refused it.
        write: False only tells what would be done.

    Returns:
        What was done.
    """
    claim = _claim(target, file)
    if claim is not None and claim["batch_id"] != batch_id:
        return TAKEN
    present = objects.head(target.s3, file.uri)
    if present is not None and not _same_content(target, file, present, claim):
        return NEWER
    if write and claim is not None and not _delete_claim(target, file, batch_id):
        return TAKEN
    if present is not None:
        return RELEASED
    if not file.kept_at or objects.head(target.s3, file.kept_at) is None:
        return GONE
    if write and not objects.copy_unless_there(target.s3, file.kept_at, file.uri):
        return NEWER
    return COPIED_BACK


def _claim(target: Target, file: RefusedFile) -> dict[str, Any] | None:
    answer = target.tables.get_item(TableName=target.bookmarks_table, Key=file.claim_key, ConsistentRead=True)
    claim: dict[str, Any] | None = answer.get("Item")
    return claim


def _same_content(target: Target, file: RefusedFile, present: objects.Head, claim: dict[str, Any] | None) -> bool:
    if present.size != file.size:
        return False
    # The claim is of this version: then it need not be read. Times of S3 are whole seconds.
    if claim is not None and int(claim["modified_ms"]) // 1000 == int(present.modified.timestamp()):
        return True
    return not file.content_hash or objects.sha256(target.s3, file.uri) == file.content_hash


def _delete_claim(target: Target, file: RefusedFile, batch_id: str) -> bool:
    """Whether the claim is gone; False when another batch has it now."""
    try:
        target.tables.delete_item(
            TableName=target.bookmarks_table,
            Key=file.claim_key,
            ConditionExpression="attribute_not_exists(object_key) OR batch_id = :batch",
            ExpressionAttributeValues={":batch": batch_id},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
