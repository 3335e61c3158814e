"""The objects of the raw bucket as S3 lists them: with the size and time by which the ledger tells versions apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arrivals import dataset_of
from trigger_services import bookmarks, s3
from trigger_settings import settings

# A sort key of DynamoDB has up to 1,024 bytes.
_MAX_ID_BYTES = 900


@dataclass(frozen=True)
class RawObject:
    """One version of an object.

    Attributes:
        bucket, key: where it is.
        size: bytes.
        modified_ms: milliseconds since 1970, as listings tell it to the jobs, too.
        etag: S3's own name of the content, with its quotes.
    """

    bucket: str
    key: str
    size: int
    modified_ms: int
    etag: str

    @property
    def folder(self) -> str:
        """URI of its folder with a trailing slash: the hash key of its claim."""
        return f"s3://{self.bucket}/{self.key.rpartition('/')[0]}/"

    @property
    def uri(self) -> str:
        """Its URI."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def dataset(self) -> str:
        """The dataset that records and messages name."""
        return dataset_of(self.key, settings().rules.prefix)

    @property
    def id(self) -> str:
        """Key and fingerprint, as the state table's items are called."""
        key = self.key.encode()
        if len(key) > _MAX_ID_BYTES:
            cut = key[: _MAX_ID_BYTES - 20].decode(errors="ignore")
            key = f"{cut}~{hashlib.sha256(key).hexdigest()[:16]}".encode()
        return f"{key.decode()}#{self.size}-{self.modified_ms}"

    def is_claimed_by(self, claim: dict[str, Any] | None) -> bool:
        """Whether a claim is of just this version."""
        return bool(claim and int(claim["size"]) == self.size and int(claim["modified_ms"]) == self.modified_ms)


def raw_object(key: str) -> RawObject | None:
    """An object of the raw bucket as it is now, or None if it is gone.

    Asked by a listing: that needs no right to read the object, and tells the time just as the jobs see it.

    Args:
        key: its key.
    """
    answer = s3().list_objects_v2(Bucket=settings().bucket, Prefix=key, MaxKeys=1)
    found = [_listed(entry) for entry in answer.get("Contents", ()) if entry["Key"] == key]
    return found[0] if found else None


def raw_objects(start_after: str) -> Iterator[list[RawObject]]:
    """What lies in the incoming folder, a page at a time in the order of the keys.

    Args:
        start_after: the key behind which to begin; "" for all.
    """
    pages = s3().get_paginator("list_objects_v2")
    options = {"StartAfter": start_after} if start_after else {}
    for page in pages.paginate(Bucket=settings().bucket, Prefix=settings().rules.prefix, **options):
        yield [_listed(entry) for entry in page.get("Contents", ())]


def claim_of(folder: str, key: str) -> dict[str, Any] | None:
    """The claim on an object, read consistently.

    Args:
        folder: URI of its folder.
        key: its key.
    """
    found = bookmarks().get_item(Key={"source": folder, "object_key": key}, ConsistentRead=True)
    item: dict[str, Any] | None = found.get("Item")
    return item


def _listed(entry: dict[str, Any]) -> RawObject:
    modified = int(entry["LastModified"].timestamp() * 1000)
    return RawObject(settings().bucket, entry["Key"], entry["Size"], modified, entry["ETag"])
