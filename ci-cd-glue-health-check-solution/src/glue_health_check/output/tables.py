"""Brings what a job wrote into duckdb."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import duckdb

from glue_health_check.cloud.clients import Clients, aws_errors
from glue_health_check.cloud.names import split_uri
from glue_health_check.errors import MisuseError
from glue_health_check.settings import OutputSpec

TABLE = "output"
MOST_BYTES = 1 << 30
_SUFFIXES = {"parquet": (".parquet",), "csv": (".csv", ".csv.gz", ".txt"), "json": (".json", ".jsonl", ".json.gz")}


@dataclass(frozen=True)
class Written:
    """What a job wrote.

    Attributes:
        uri: where.
        files: copies on this machine.
        partitions: columns that folders are named after (``day=…``).
        others: keys of files of other formats.
    """

    uri: str
    files: tuple[Path, ...]
    partitions: frozenset[str]
    others: tuple[str, ...]


def fetch(aws: Clients, uri: str, form: str, folder: Path) -> Written:
    """Copy an output to this machine.

    Args:
        aws: the services.
        uri: a folder or a file; ``*`` stands for one part of the path.
        form: parquet, csv or json.
        folder: where to.

    Raises:
        MisuseError: it is too large to be looked at here.
        InfrastructureError: it can't be read.
    """
    bucket, pattern = split_uri(uri)
    files: list[Path] = []
    partitions: set[str] = set()
    others: list[str] = []
    size = 0
    for key, length in _objects(aws, bucket, pattern):
        parts = PurePosixPath(key).parts
        if not key.endswith(_SUFFIXES[form]):
            others.append(key)
            continue
        size += length
        if size > MOST_BYTES:
            raise MisuseError(f"{uri} holds more than {MOST_BYTES >> 30} GiB; a health check's data must be smaller")
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        with aws_errors(f"s3://{bucket}/{key} can't be read"):
            aws.s3.download_file(bucket, key, str(target))
        files.append(target)
        partitions.update(part.partition("=")[0] for part in parts[:-1] if "=" in part)
    return Written(uri, tuple(files), frozenset(partitions), tuple(others))


def open_table(written: Written, spec: OutputSpec) -> duckdb.DuckDBPyConnection:
    """A database in which the output is the table ``output``.

    Raises:
        duckdb.Error: a file can't be read.
    """
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    files = [str(file) for file in written.files]
    options = "union_by_name = true, hive_partitioning = true"
    call = {
        "parquet": f"read_parquet(?, {options})",
        "csv": f"read_csv(?, all_varchar = true, header = true, {options})",
        "json": f"read_json(?, {options})",
    }[spec.format]
    connection.execute(f"create table {TABLE} as select * from {call}", [files])
    return connection


def _objects(aws: Clients, bucket: str, pattern: str) -> Iterator[tuple[str, int]]:
    """Data files below a folder. Names that begin with _ or . are the writers' own: Spark reads none of them either."""
    start = pattern.split("*")[0]
    start = start if "*" not in pattern else start.rpartition("/")[0]
    steps = [step for step in pattern.split("/") if step]
    with aws_errors(f"s3://{bucket}/{pattern} can't be listed"):
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start):
            for found in page.get("Contents", []):
                parts = found["Key"].split("/")
                hidden = any(part.startswith(("_", ".")) for part in parts[len(steps) :] or parts[-1:])
                below = len(parts) >= len(steps) and all(
                    PurePosixPath(part).match(step) for part, step in zip(parts, steps, strict=False)
                )
                if below and not hidden and not found["Key"].endswith("/"):
                    yield found["Key"], found["Size"]
