"""Removes what checks left behind when they could not clean up: by manifest, by tags, by age."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.cleanup import (
    Cleaning,
    clean,
    remove_bucket,
    remove_database,
    remove_job,
    remove_objects,
    remove_table,
)
from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.cloud.manifest import Manifest, read_manifests
from glue_health_check.cloud.names import (
    DATABASE_PREFIX,
    JOB_PREFIX,
    ROOT,
    STATE,
    TAG,
    TAG_EXPIRY,
    TAG_ID,
    read_moment,
)


def sweep(aws: Clients, work_bucket: str, now: datetime, ttl: timedelta, poll_seconds: float = 2.0) -> Cleaning:
    """Remove everything of checks that should long be over.

    Args:
        aws: the services.
        work_bucket: of the checks.
        now: the time, with a zone.
        ttl: age after which objects without a manifest are removed; the longest TTL that checks are given.
        poll_seconds: between two looks at runs that are being stopped.

    Raises:
        InfrastructureError: AWS can't be asked what there is.
    """
    total = Cleaning()
    alive: set[str] = set()
    for key, manifest in read_manifests(aws, work_bucket):
        if not isinstance(manifest, Manifest):
            total.left.append(f"manifest s3://{work_bucket}/{key}: {manifest}")
        elif manifest.has_expired(now):
            done = clean(aws, manifest, poll_seconds)
            total.removed += done.removed
            total.left += done.left
        else:
            alive.add(manifest.id)
    with aws_errors("what checks left can't be listed"):
        for kind, name, tags, removal in _tagged(aws, poll_seconds):
            expiry = read_moment(tags.get(TAG_EXPIRY, ""))
            if tags.get(TAG) == "true" and tags.get(TAG_ID) not in alive and expiry is not None and now >= expiry:
                total.step(f"{kind} {name}", lambda name=name, removal=removal: removal(aws, name))  # type: ignore[misc]
        for prefix in _old_prefixes(aws, work_bucket, now - ttl):
            if prefix.removeprefix(ROOT).removeprefix(STATE).strip("/") not in alive:
                what = f"objects s3://{work_bucket}/{prefix}"
                total.step(what, lambda prefix=prefix: remove_objects(aws, work_bucket, prefix) > 0)  # type: ignore[misc]
    return total


Removal = Callable[[Clients, str], bool]


def _tagged(aws: Clients, poll_seconds: float) -> Iterator[tuple[str, str, Mapping[str, str], Removal]]:
    """Things with names that checks give: kind, name, tags, how to remove them."""
    for name in _jobs(aws):
        yield "job", name, _job_tags(aws, name), lambda aws, name: remove_job(aws, name, poll_seconds)
    for page in aws.glue.get_paginator("get_databases").paginate():
        for database in page["DatabaseList"]:
            if database["Name"].startswith(DATABASE_PREFIX):
                yield "database", database["Name"], database.get("Parameters", {}), remove_database
    for page in aws.dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(JOB_PREFIX):
                yield "table", name, _table_tags(aws, name), remove_table
    for bucket in aws.s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(JOB_PREFIX):
            yield "bucket", bucket["Name"], _bucket_tags(aws, bucket["Name"]), remove_bucket


def _jobs(aws: Clients) -> list[str]:
    names: list[str] = []
    token: dict[str, str] = {}
    while True:  # ListJobs has no paginator
        page = aws.glue.list_jobs(**token)
        names += [name for name in page["JobNames"] if name.startswith(JOB_PREFIX)]
        if not page.get("NextToken"):
            return names
        token = {"NextToken": page["NextToken"]}


def _job_tags(aws: Clients, name: str) -> Mapping[str, str]:
    def ask() -> Mapping[str, str]:
        account = aws.sts.get_caller_identity()["Account"]
        arn = f"arn:{aws.glue.meta.partition}:glue:{aws.region}:{account}:job/{name}"
        tags: Mapping[str, str] = aws.glue.get_tags(ResourceArn=arn)["Tags"]
        return tags

    return _or_none(ask)


def _table_tags(aws: Clients, name: str) -> Mapping[str, str]:
    def ask() -> Mapping[str, str]:
        arn = aws.dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
        return {tag["Key"]: tag["Value"] for tag in aws.dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]}

    return _or_none(ask)


def _bucket_tags(aws: Clients, name: str) -> Mapping[str, str]:
    return _or_none(lambda: {tag["Key"]: tag["Value"] for tag in aws.s3.get_bucket_tagging(Bucket=name)["TagSet"]})


def _or_none(ask: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    """Tags; none when the thing is gone, or has none."""
    try:
        return ask()
    except ClientError as error:
        if code_of(error) in {*GONE, "NoSuchTagSet"}:
            return {}
        raise


def _old_prefixes(aws: Clients, bucket: str, before: datetime) -> list[str]:
    """Prefixes of checks of which every object is older than a moment."""
    newest: dict[str, datetime] = {}
    for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=ROOT):
        found: list[dict[str, Any]] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        for one in found:
            if not one["Key"].startswith(f"{ROOT}_"):  # manifests and reports
                prefix = ROOT + one["Key"].removeprefix(ROOT).split("/")[0] + "/"
                newest[prefix] = max(newest.get(prefix, one["LastModified"]), one["LastModified"])
    return [prefix for prefix, moment in newest.items() if moment < before]
