"""Makes a check's own buckets, tables and databases, and brings files there."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glue_health_check.cloud.clients import Clients, aws_errors
from glue_health_check.cloud.names import split_uri
from glue_health_check.errors import MisuseError
from glue_health_check.settings import TableSpec

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def make_bucket(aws: Clients, name: str, tags: Mapping[str, str]) -> None:
    """Make a bucket that nobody else can read."""
    with aws_errors(f"the bucket {name} can't be made"):
        place = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
        aws.s3.create_bucket(Bucket=name, **place)
        aws.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
        shut = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        aws.s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(shut, True))


def make_table(aws: Clients, name: str, spec: TableSpec, tags: Mapping[str, str]) -> None:
    """Make a DynamoDB table, and wait until it can be used."""
    with aws_errors(f"the table {name} can't be made"):
        aws.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST", Tags=tag_list(tags), **_table_keys(aws, spec)
        )
        aws.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})


def make_database(aws: Clients, name: str, tags: Mapping[str, str]) -> None:
    """Make a Glue database. Databases have no tags at their making, so the tags are its parameters."""
    with aws_errors(f"the database {name} can't be made"):
        aws.glue.create_database(DatabaseInput={"Name": name, "Parameters": dict(tags)})


def put_bytes(aws: Clients, uri: str, content: bytes) -> None:
    """Put one object."""
    bucket, key = split_uri(uri)
    with aws_errors(f"{uri} can't be written"):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=content)


def put_path(aws: Clients, path: Path, uri: str) -> int:
    """Put a file, or all files of a folder below an address.

    Returns:
        How many objects were put.

    Raises:
        MisuseError: there is nothing.
    """
    if path.is_file():
        target = f"{uri}{path.name}" if uri.endswith("/") else uri
        files = {target: path}
    else:
        found = sorted(file for file in path.rglob("*") if file.is_file())
        files = {f"{uri.rstrip('/')}/{file.relative_to(path).as_posix()}": file for file in found}
    if not files:
        raise MisuseError(f"the input {path} does not exist, or is an empty folder")
    for target, file in files.items():
        bucket, key = split_uri(target)
        with aws_errors(f"{target} can't be written"):
            aws.s3.upload_file(str(file), bucket, key)
    return len(files)


def library_content(path: Path) -> tuple[str, bytes]:
    """A file for --extra-py-files, and its name. A folder becomes a zip whose bytes depend on its files only.

    Raises:
        MisuseError: there is nothing.
    """
    if path.is_file():
        return path.name, path.read_bytes()
    files = sorted(path.rglob("*.py"))
    if not files:
        raise MisuseError(f"extra_py_files has {path}, which is no file and no folder with Python files")
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            member = zipfile.ZipInfo((path.name / file.relative_to(path)).as_posix(), _ZIP_EPOCH)
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return f"{path.name}.zip", sink.getvalue()


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as S3 and DynamoDB take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _table_keys(aws: Clients, spec: TableSpec) -> dict[str, Any]:
    if not spec.like:
        keys = [(spec.hash_key, "HASH"), (spec.range_key, "RANGE")]
        named = [(name, kind) for name, kind in keys if name]
        return {
            "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in named],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in named],
        }
    found = aws.dynamodb.describe_table(TableName=spec.like)["Table"]
    wanted = ("IndexName", "KeySchema", "Projection")
    indexes = {
        kind: [{key: index[key] for key in wanted} for index in found[kind]]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        if found.get(kind)
    }
    return {"KeySchema": found["KeySchema"], "AttributeDefinitions": found["AttributeDefinitions"], **indexes}
