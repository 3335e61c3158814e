"""Claims as the bookmarks table has them: one item a file, by its folder and key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from boto3.dynamodb.conditions import Attr
from botocore.exceptions import ClientError

from etl.discovery import SourceFile
from etl.dynamo import is_refusal


def utc_now() -> datetime:
    """The present time in UTC."""
    return datetime.now(timezone.utc)


def claim_item(file: SourceFile, batch_id: str) -> dict[str, Any]:
    """The item that says which version of a file a batch has claimed."""
    return {
        "source": file.folder,
        "object_key": file.key,
        "uri": file.uri,
        "dataset": file.dataset,
        "size": file.size,
        "modified_ms": file.modified_ms,
        "content_hash": file.content_hash,
        "batch_id": batch_id,
        "claimed_at": utc_now().isoformat(),
    }


def claimed_file(item: Mapping[str, Any]) -> SourceFile:
    """The version of a file that an item of :func:`claim_item` speaks of."""
    return SourceFile(
        uri=item["uri"],
        folder=item["source"],
        key=item["object_key"],
        dataset=item["dataset"],
        size=int(item["size"]),
        modified_ms=int(item["modified_ms"]),
        content_hash=item["content_hash"],
    )


def release_claim(bookmarks: Any, file: SourceFile, batch_id: str) -> None:
    """Delete the claim of a file if it is still the batch's.

    Args:
        bookmarks: boto3 Table of the claims.
        file: the version that was claimed.
        batch_id: the batch that claimed it.
    """
    try:
        bookmarks.delete_item(
            Key={"source": file.folder, "object_key": file.key}, ConditionExpression=Attr("batch_id").eq(batch_id)
        )
    except ClientError as error:
        # It is another batch's by now, or was released before.
        if not is_refusal(error):
            raise
