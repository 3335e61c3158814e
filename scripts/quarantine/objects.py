"""Objects of S3 by URI."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

_CHUNK = 1024 * 1024
# Up to this size one call copies an object; above, parts are copied.
_ONE_COPY = 5 * 1024**3
_PART = 1024**3
_IN_MEMORY = 32 * 1024 * 1024


@dataclass(frozen=True)
class Head:
    """An object as it is now."""

    size: int
    modified: datetime


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def head(s3: Any, uri: str) -> Head | None:
    """Size and time of an object, or None when there is none."""
    bucket, key = split(uri)
    try:
        found = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NotFound"):
            raise
        return None
    return Head(int(found["ContentLength"]), found["LastModified"])


def keys_below(s3: Any, uri: str) -> list[str]:
    """URIs of the objects below a folder, in the order of their keys."""
    bucket, prefix = split(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [f"s3://{bucket}/{item['Key']}" for page in pages for item in page.get("Contents", ())]


def read(s3: Any, uri: str) -> bytes | None:
    """A small object, or None when there is none."""
    bucket, key = split(uri)
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None


def lines_of(s3: Any, uri: str) -> Iterator[str]:
    """The lines of an object of any size; it is fetched whole first, so that a slow reader loses no connection."""
    bucket, key = split(uri)
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        s3.download_fileobj(bucket, key, file)
        file.seek(0)
        for line in file:
            yield line.decode("utf-8")


def sha256(s3: Any, uri: str) -> str:
    """SHA-256 of an object's bytes, streamed."""
    bucket, key = split(uri)
    digest = hashlib.sha256()
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def write(s3: Any, uri: str, content: bytes) -> None:
    """Write a small object, replacing what was there."""
    bucket, key = split(uri)
    s3.put_object(Bucket=bucket, Key=key, Body=content)


def upload(s3: Any, path: str, uri: str) -> None:
    """Write a local file of any size as an object."""
    s3.upload_file(path, *split(uri))


def copy_unless_there(s3: Any, source: str, to: str) -> bool:
    """Copy an object inside S3 if nothing lies under the new key; whether it was copied.

    S3 refuses the copy when another object came to lie there in the meantime.
    """
    found = head(s3, source)
    if head(s3, to) is not None or found is None:
        return False
    try:
        (_copy if found.size <= _ONE_COPY else _copy_in_parts)(s3, source, to, found.size)
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        return False
    return True


def _copy(s3: Any, source: str, to: str, _: int) -> None:
    bucket, key = split(to)
    from_bucket, from_key = split(source)
    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": from_bucket, "Key": from_key}, IfNoneMatch="*")


def _copy_in_parts(s3: Any, source: str, to: str, size: int) -> None:
    bucket, key = split(to)
    from_bucket, from_key = split(source)
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, size, _PART), start=1):
        copied = s3.upload_part_copy(
            **upload,
            PartNumber=number,
            CopySource={"Bucket": from_bucket, "Key": from_key},
            CopySourceRange=f"bytes={start}-{min(start + _PART, size) - 1}",
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    # Parts of an upload that was killed are removed by the bucket's lifecycle rule.
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*")
