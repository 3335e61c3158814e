"""Where the data lie: a file, a folder, or objects of S3, which are copied first, so that Spark needs no S3A jars."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from quality_check.errors import CheckError

_THREADS = 16
# A file system takes names of 255 bytes, a character may have four; the end tells the format.
_NAME_LENGTH = 60
S3 = ("s3://", "s3a://", "s3n://")


@dataclass(frozen=True)
class Place:
    """Files that are on this machine by now.

    Attributes:
        given: as it was asked for.
        root: the folder that all of them lie in.
        files: file -> its address as people know it: its path, or its s3:// URI.
    """

    given: str
    root: Path
    files: dict[Path, str]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.stat().st_size for file in self.files)


def find(given: str, scratch: Path) -> Place:
    """The files that a path or an S3 address names.

    Args:
        given: a file, a folder (with all files below it) or ``s3://bucket/key-or-prefix``.
        scratch: an empty folder of its own, for copies.

    Raises:
        CheckError: there is nothing, or it can't be reached.
    """
    return _from_s3(given, scratch) if given.startswith(S3) else _local(given)


def _local(given: str) -> Place:
    path = Path(given).expanduser()
    if path.is_file():
        return Place(given, path.resolve().parent, {path.resolve(): given})
    if not path.is_dir():
        raise CheckError(f"{given} is not there; name a file, a folder or s3://bucket/key")
    root = path.resolve()
    files = {file: str(path / file.relative_to(root)) for file in _below(root)}
    if not files:
        raise CheckError(f"the folder {given} holds no file (names that start with _ or . are left out)")
    return Place(given, root, files)


def _below(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*")):
        if file.is_file() and not any(_hidden(part) for part in file.relative_to(root).parts):
            yield file


def _hidden(name: str) -> bool:
    """Spark and Hadoop keep markers and what is not finished under such names."""
    return name.startswith(("_", "."))


def _from_s3(given: str, scratch: Path) -> Place:
    bucket, _, key = given.split("://", 1)[1].partition("/")
    if not bucket:
        raise CheckError(f"{given} names no bucket; write s3://bucket/key")
    try:
        client = boto3.client("s3")
        objects = _objects(client, bucket, key)
        if not objects:
            raise CheckError(f"{given} is not there: no object has this key, and none lies below it")
        files = {_target(scratch, number, each["Key"]): each for number, each in enumerate(objects)}
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda entry: _copy(client, bucket, entry[1], entry[0]), files.items()))
    except ClientError as error:
        raise CheckError(f"{given}: {_reason(error)}") from error
    except (BotoCoreError, boto3.exceptions.Boto3Error, ValueError) as error:
        raise CheckError(f"{given} can't be read: {error}") from error
    return Place(given, scratch, {file: f"s3://{bucket}/{each['Key']}" for file, each in files.items()})


def _objects(client: Any, bucket: str, key: str) -> list[dict[str, Any]]:
    """The object of that key, or all below it."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
    below = key if key.endswith("/") or not key else f"{key}/"
    found = []
    for page in pages:
        for each in page.get("Contents", []):
            name = each["Key"]
            if name == key and not name.endswith("/"):
                return [each]
            parts = name[len(below) :].split("/")
            if name.startswith(below) and parts[-1] and not any(_hidden(part) for part in parts):
                found.append(each)
    return found


def _target(scratch: Path, number: int, key: str) -> Path:
    """A place that no other object has, whatever the key is; Spark tells packing by the name."""
    return scratch / f"{number:06}" / key.rpartition("/")[2][-_NAME_LENGTH:].lstrip("_.")


def _copy(client: Any, bucket: str, found: dict[str, Any], target: Path) -> None:
    target.parent.mkdir(parents=True)
    client.download_file(bucket, found["Key"], str(target))
    modified = found["LastModified"].timestamp()
    # Rules about files ask when they were modified.
    os.utime(target, (modified, modified))


def _reason(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), str(details.get("Message", ""))
    known = {
        "NoSuchBucket": "there is no such bucket",
        "AccessDenied": "access is denied; are these the credentials of the account?",
        "403": "access is denied; are these the credentials of the account?",
        "404": "it is gone",
    }
    return known.get(code, f"{code}: {message}")
