"""Removes what a check made. What is gone already counts as removed; what fails stops nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from glue_health_check.cloud.clients import GONE, Clients, code_of, gone_is_fine
from glue_health_check.cloud.manifest import Manifest
from glue_health_check.cloud.names import DATABASE_PREFIX, JOB_PREFIX, MANIFESTS, ROOT, STATE
from glue_health_check.cloud.watch import stop_runs
from glue_health_check.errors import InfrastructureError

_BATCH = 1000  # what DeleteObjects takes


@dataclass
class Cleaning:
    """What a cleaning did: ``removed`` by name, ``left`` with the reason."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def step(self, what: str, removal: Callable[[], bool]) -> None:
        """One removal.

        Args:
            what: its kind and name.
            removal: does it; says whether there was anything.
        """
        try:
            if removal():
                self.removed.append(what)
        except (ClientError, BotoCoreError, InfrastructureError) as error:
            self.left.append(f"{what}: {error}")


def clean(aws: Clients, manifest: Manifest, poll_seconds: float = 2.0) -> Cleaning:
    """Remove everything that a manifest names, and the manifest when nothing is left.

    Only names that a check gives are removed, whatever a manifest says: it lies in a bucket that others may write to.
    """
    done = Cleaning()
    for kind, names, start, removal in (
        ("job", manifest.jobs, JOB_PREFIX, lambda name: remove_job(aws, name, poll_seconds)),
        ("database", manifest.databases, DATABASE_PREFIX, lambda name: remove_database(aws, name)),
        ("table", manifest.tables, JOB_PREFIX, lambda name: remove_table(aws, name)),
        ("bucket", manifest.buckets, JOB_PREFIX, lambda name: remove_bucket(aws, name)),
    ):
        for name in names:
            _named(done, kind, name, start, removal)
    bucket = manifest.work_bucket
    for prefix in (manifest.prefix, f"{ROOT}{STATE}{manifest.id}/"):
        if prefix.startswith(ROOT) and prefix.endswith("/") and not MANIFESTS.startswith(prefix):
            done.step(f"objects s3://{bucket}/{prefix}", lambda prefix=prefix: remove_objects(aws, bucket, prefix) > 0)  # type: ignore[misc]
        else:
            done.left.append(f"objects s3://{bucket}/{prefix}: this is no prefix of a check, so it was not touched")
    if not done.left:
        done.step(
            f"manifest s3://{bucket}/{manifest.key}", lambda: remove_objects(aws, bucket, manifest.key, exact=True) > 0
        )
    return done


def remove_job(aws: Clients, name: str, poll_seconds: float = 2.0) -> bool:
    """Stop a job's runs, then remove it."""
    try:
        aws.glue.get_job(JobName=name)
    except ClientError as error:
        if code_of(error) in GONE:
            return False
        raise
    stop_runs(aws, name, poll_seconds)
    with gone_is_fine():
        aws.glue.delete_job(JobName=name)
    return True


def remove_database(aws: Clients, name: str) -> bool:
    """Remove a Glue database with its tables (AWS removes them with it; emulators may not)."""
    try:
        tables = [
            table["Name"]
            for page in aws.glue.get_paginator("get_tables").paginate(DatabaseName=name)
            for table in page["TableList"]
        ]
        for table in tables:
            with gone_is_fine():
                aws.glue.delete_table(DatabaseName=name, Name=table)
        aws.glue.delete_database(Name=name)
    except ClientError as error:
        if code_of(error) in GONE:
            return False
        raise
    return True


def remove_table(aws: Clients, name: str) -> bool:
    """Remove a DynamoDB table; AWS does the rest of it by itself."""
    try:
        aws.dynamodb.delete_table(TableName=name)
    except ClientError as error:
        if code_of(error) in GONE:
            return False
        raise
    return True


def remove_bucket(aws: Clients, name: str) -> bool:
    """Remove a bucket with all versions of its objects."""
    try:
        remove_objects(aws, name, "")
        aws.s3.delete_bucket(Bucket=name)
    except ClientError as error:
        if code_of(error) in GONE:
            return False
        raise
    return True


def remove_objects(aws: Clients, bucket: str, prefix: str, exact: bool = False) -> int:
    """Remove all versions of objects, and uploads that came to no end.

    Args:
        aws: the services.
        bucket: where they are.
        prefix: of their keys.
        exact: only the key that is the prefix itself.

    Returns:
        How many versions there were.

    Raises:
        InfrastructureError: some could not be removed.
    """
    number = 0
    for batch in _batches(_versions(aws, bucket, prefix, exact)):
        answer = aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            first = errors[0]
            raise InfrastructureError(
                f"{len(errors)} objects of s3://{bucket}/{prefix} can't be removed; {first.get('Key')}: "
                f"{first.get('Code')} {first.get('Message', '')}"
            )
        number += len(batch)
    if not exact:
        _abort_uploads(aws, bucket, prefix)
    return number


def _abort_uploads(aws: Clients, bucket: str, prefix: str) -> None:
    found = aws.s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix)
    for upload in found.get("Uploads", []):
        with gone_is_fine():
            aws.s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _versions(aws: Clients, bucket: str, prefix: str, exact: bool) -> Iterator[dict[str, Any]]:
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
            if not exact or found["Key"] == prefix:
                yield {"Key": found["Key"], "VersionId": found["VersionId"]}


def _batches(items: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for item in items:
        batch.append(item)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _named(done: Cleaning, kind: str, name: str, start: str, removal: Callable[[str], bool]) -> None:
    if name.startswith(start):
        done.step(f"{kind} {name}", lambda: removal(name))
    else:
        done.left.append(f"{kind} {name}: no check gives such a name, so it was not touched")
