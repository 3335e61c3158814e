"""A run's settings, read once from the job's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from etl.arguments import bucket_uri, flag, secret_arn, whole_number
from etl.ledger import utc_now
from etl.performance import ARGUMENTS as PERFORMANCE
from etl.performance import Performance, performance_from
from etl.streaming.settings import ARGUMENTS as STREAM
from etl.streaming.settings import StreamSettings, stream_from

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
    "pii_secret",
    "maintain",
    "recheck",
    "snapshot_retention_days",
    "orphan_retention_days",
    "processed_retention_days",
    *PERFORMANCE,
    *STREAM,
)
CATALOG = "glue_catalog"
MAX_FILES_PER_BATCH = 10_000
# A killed run holds its datasets for this long; a live one renews its leases.
LEASE_SECONDS = 60
SNAPSHOT_RETENTION_DAYS = 7
# A file that a running job has written and not yet committed looks like an orphan.
ORPHAN_RETENTION_DAYS = LEAST_ORPHAN_RETENTION_DAYS = 3
PROCESSED_RETENTION_DAYS = 30


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
        pii_secret: ARN of the secret for personal data, or "".
        maintain: whether this run of processing maintains the tables (compaction, expiry, vacuum) and no more.
        recheck: whether this run of quality also checks datasets again of which no new batch has come.
        snapshot_retention_days: how long maintenance keeps the snapshots of curated tables, for time travel.
        orphan_retention_days: how old a file that no snapshot knows must be before maintenance deletes it.
        processed_retention_days: how long maintenance keeps processed batches whose quality is checked.
        performance: how Spark is to run.
        stream: which stream a streaming job reads; None for other jobs.
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
    pii_secret: str = ""
    maintain: bool = False
    recheck: bool = False
    snapshot_retention_days: int = SNAPSHOT_RETENTION_DAYS
    orphan_retention_days: int = ORPHAN_RETENTION_DAYS
    processed_retention_days: int = PROCESSED_RETENTION_DAYS
    performance: Performance = field(default_factory=Performance)
    stream: StreamSettings | None = None

    def table(self, name: str) -> str:
        """The full name of a curated table."""
        return f"{CATALOG}.{self.database}.{name}"

    def table_location(self, name: str) -> str:
        """The folder of a curated table, as a URI with a trailing slash."""
        return f"{self.curated}{self.database}/{name}/"


def settings_from(arguments: Mapping[str, str]) -> Settings:
    """Settings of the resolved job arguments.

    Args:
        arguments: REQUIRED names, and those of OPTIONAL that were given.

    Raises:
        ArgumentError: an argument has a value that can't be used.
    """
    started = utc_now()
    buckets = {layer: bucket_uri(arguments, f"{layer}_bucket") for layer in ("raw", "processed", "curated", "quality")}
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
        max_files_per_batch=whole_number(arguments, "max_files_per_batch", MAX_FILES_PER_BATCH),
        lease_seconds=whole_number(arguments, "lease_seconds", LEASE_SECONDS),
        pii_secret=secret_arn(arguments, "pii_secret"),
        maintain=flag(arguments, "maintain", False),
        recheck=flag(arguments, "recheck", False),
        snapshot_retention_days=whole_number(arguments, "snapshot_retention_days", SNAPSHOT_RETENTION_DAYS),
        orphan_retention_days=whole_number(
            arguments, "orphan_retention_days", ORPHAN_RETENTION_DAYS, LEAST_ORPHAN_RETENTION_DAYS
        ),
        processed_retention_days=whole_number(arguments, "processed_retention_days", PROCESSED_RETENTION_DAYS),
        performance=performance_from(arguments),
        stream=stream_from(arguments),
    )
