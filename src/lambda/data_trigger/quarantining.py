"""Moves a refused file out of raw: a copy beside the quarantine of batches, then a delete marker in raw."""

from __future__ import annotations

from botocore.exceptions import ClientError
from raw_objects import RawObject
from trigger_services import s3
from trigger_settings import settings

_GONE = ("NoSuchKey", "404", "PreconditionFailed", "412")


def quarantine_key(found: RawObject) -> str:
    """Where the copy goes: a key of its own for each version."""
    return f"quarantine/{found.dataset}/refused/{found.modified_ms}/{found.key}"


def quarantine_uri(found: RawObject) -> str:
    """URI of the copy."""
    return f"s3://{settings().quality_bucket}/{quarantine_key(found)}"


def move_to_quarantine(found: RawObject) -> None:
    """Copy a version into quarantine and delete it from raw; doing it again changes nothing.

    Both name the content by its ETag: a file that was replaced meanwhile is another one, which its own event tells of.

    Args:
        found: the version; it may be gone already.
    """
    try:
        # Tags are not copied: they may be anything, and reading them is a right of its own.
        s3().copy(
            {"Bucket": found.bucket, "Key": found.key},
            settings().quality_bucket,
            quarantine_key(found),
            ExtraArgs={"CopySourceIfMatch": found.etag, "TaggingDirective": "REPLACE"},
        )
        s3().delete_object(Bucket=found.bucket, Key=found.key, IfMatch=found.etag)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
