"""The manifest of a check: put before anything is made, removed last. By it a sweeper finds what a crash left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.cloud.names import MANIFESTS, Names, moment_text, read_moment


@dataclass(frozen=True)
class Manifest:
    """Everything that a check makes.

    Attributes:
        id: of the check.
        pull_request: its number.
        script: the checked script.
        created_at, expires_at: UTC, as tags have them.
        work_bucket, prefix: where its own objects lie.
        jobs, buckets, tables, databases: names; what is there is removed, what is not was never made.
    """

    id: str
    pull_request: int
    script: str
    created_at: str
    expires_at: str
    work_bucket: str
    prefix: str
    jobs: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    version: int = 1

    @property
    def key(self) -> str:
        """Where it lies in the work bucket."""
        return f"{MANIFESTS}{self.id}.json"

    def has_expired(self, now: datetime) -> bool:
        """Whether a sweeper may remove it. An expiry that can't be read has not come."""
        expiry = read_moment(self.expires_at)
        return expiry is not None and now >= expiry


def manifest_of(names: Names, script: str, created: datetime, expires: datetime, **made: Any) -> Manifest:
    """The manifest of a check that is about to start."""
    return Manifest(
        names.id,
        names.pull_request,
        script,
        moment_text(created),
        moment_text(expires),
        names.work_bucket,
        names.prefix,
        **made,
    )


def put_manifest(aws: Clients, manifest: Manifest) -> None:
    """Write a manifest down.

    Raises:
        InfrastructureError: it can't be; nothing may be made then.
    """
    body = json.dumps(asdict(manifest), indent=2).encode()
    with aws_errors(f"the manifest can't be put into the work bucket {manifest.work_bucket} (nothing was made)"):
        aws.s3.put_object(Bucket=manifest.work_bucket, Key=manifest.key, Body=body, ContentType="application/json")


def read_manifests(aws: Clients, work_bucket: str) -> Iterator[tuple[str, Manifest | str]]:
    """All manifests of a work bucket: key, and the manifest or why it can't be read.

    Raises:
        InfrastructureError: the bucket can't be listed.
    """
    with aws_errors(f"the manifests of the work bucket {work_bucket} can't be read"):
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=work_bucket, Prefix=MANIFESTS):
            for found in page.get("Contents", []):
                try:
                    body = aws.s3.get_object(Bucket=work_bucket, Key=found["Key"])["Body"].read()
                except ClientError as error:
                    if code_of(error) in GONE:  # its check has just ended
                        continue
                    raise
                yield found["Key"], _read(body, work_bucket)


def read_manifest(aws: Clients, names: Names) -> Manifest | None:
    """The manifest of one check; None when there is none (any more), or it can't be read."""
    try:
        body = aws.s3.get_object(Bucket=names.work_bucket, Key=names.manifest_key)["Body"].read()
    except ClientError as error:
        if code_of(error) in GONE:
            return None
        raise
    found = _read(body, names.work_bucket)
    return found if isinstance(found, Manifest) else None


def _read(body: bytes, work_bucket: str) -> Manifest | str:
    try:
        loaded = json.loads(body)
        lists: dict[str, Any] = {
            key: tuple(map(str, loaded.pop(key, ()))) for key in ("jobs", "buckets", "tables", "databases")
        }
        manifest = Manifest(**loaded, **lists)
    except (ValueError, TypeError, AttributeError) as error:
        return f"is no manifest: {error}"
    if manifest.work_bucket != work_bucket:
        return f"speaks of the work bucket {manifest.work_bucket!r}"
    return manifest
