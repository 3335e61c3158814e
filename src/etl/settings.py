"""A run's settings, read once from the job's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from etl.errors import ArgumentError
from etl.ledger import utc_now

REQUIRED = (
    "JOB_NAME",
    "environment",
    "raw_bucket",
    "processed_bucket",
    "curated_bucket",
    "quality_bucket",
    "contracts_path",
    "bookmarks_table",
    "state_table",
    "database",
    "alerts_topic_arn",
)
OPTIONAL = (
    "JOB_RUN_ID",
    "WORKFLOW_NAME",
    "WORKFLOW_RUN_ID",
    "dataset",
    "max_files_per_batch",
    "lease_seconds",
)
CATALOG = "glue_catalog"
MAX_FILES_PER_BATCH = 10_000
# A killed run holds its datasets for this long; a live one renews its leases.
LEASE_SECONDS = 60


@dataclass(frozen=True)
class Settings:
    """Where a run reads and writes, and who it is.

    Attributes:
        raw, processed, curated, quality: URIs of the buckets with a trailing slash.
        contracts_path: URI of the folder of published contracts.
        database: Glue database of the curated tables.
        run_id: the job run; part of report names and of the ledger's owner token.
        dataset: the only dataset to work on, or "" for all.
        started: when the run began, UTC.
    """

    job_name: str
    environment: str
    raw: str
    processed: str
    curated: str
    quality: str
    contracts_path: str
    bookmarks_table: str
    state_table: str
    database: str
    alerts_topic_arn: str
    run_id: str
    started: datetime
    workflow_run_id: str = ""
    dataset: str = ""
    max_files_per_batch: int = MAX_FILES_PER_BATCH
    lease_seconds: int = LEASE_SECONDS

    def table(self, name: str) -> str:
        """The full name of a curated table."""
        return f"{CATALOG}.{self.database}.{name}"


def settings_from(arguments: Mapping[str, str]) -> Settings:
    """Settings of the resolved job arguments.

    Args:
        arguments: REQUIRED names, and those of OPTIONAL that were given.

    Raises:
        ArgumentError: an argument has a value that can't be used.
    """
    started = utc_now()
    buckets = {
        layer: _bucket_uri(f"{layer}_bucket", arguments[f"{layer}_bucket"])
        for layer in ("raw", "processed", "curated", "quality")
    }
    return Settings(
        **buckets,
        job_name=arguments["JOB_NAME"],
        environment=arguments["environment"],
        contracts_path=arguments["contracts_path"].rstrip("/") + "/",
        bookmarks_table=arguments["bookmarks_table"],
        state_table=arguments["state_table"],
        database=arguments["database"],
        alerts_topic_arn=arguments["alerts_topic_arn"],
        # A run started by hand outside Glue has no run id of its own.
        run_id=arguments.get("JOB_RUN_ID", f"manual_{started:%Y%m%dT%H%M%S%f}"),
        started=started,
        workflow_run_id=arguments.get("WORKFLOW_RUN_ID", ""),
        dataset=arguments.get("dataset", ""),
        max_files_per_batch=_positive(arguments, "max_files_per_batch", MAX_FILES_PER_BATCH),
        lease_seconds=_positive(arguments, "lease_seconds", LEASE_SECONDS),
    )


def _bucket_uri(argument: str, bucket: str) -> str:
    if not bucket or "/" in bucket:
        raise ArgumentError(f"--{argument} is {bucket!r}; it must be the name of a bucket, without s3:// and /")
    return f"s3://{bucket}/"


def _positive(arguments: Mapping[str, str], name: str, default: int) -> int:
    text = arguments.get(name, str(default))
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentError(f"--{name} is {text!r}; it must be a whole number of at least 1")
    return int(text)
