"""What Terraform tells the Lambda in its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from object_rules import Rules

OFF, REPORT, QUARANTINE = "off", "report", "quarantine"


@dataclass(frozen=True)
class Settings:
    """The settings of this Lambda.

    Attributes:
        environment: dev, staging, prod or local; opens the subject of messages.
        bucket: the raw bucket.
        rules: what an object must be.
        bookmarks_table, state_table: names of the tables.
        workflow: name of the workflow.
        alerts_topic: ARN of the topic; "" sends nothing.
        namespace: of the metrics.
        scan: off, report or quarantine.
        scan_bytes: how much of a file is scanned.
        contracts: URI of the published contracts, with a trailing slash; "" where nothing is scanned.
        quality_bucket: holds what is quarantined.
        told_every_seconds: refusals that come within this time after a message wait for the next one.
        retry_seconds: when messages come back while a run is under way; 0 for the queue's own time.
    """

    environment: str
    bucket: str
    rules: Rules
    bookmarks_table: str
    state_table: str
    workflow: str
    alerts_topic: str
    namespace: str
    scan: str
    scan_bytes: int
    contracts: str
    quality_bucket: str
    told_every_seconds: int
    retry_seconds: int


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings; a missing variable is an error that names it."""
    return Settings(
        environment=os.environ["ENVIRONMENT"],
        bucket=os.environ["RAW_BUCKET"],
        rules=Rules(
            os.environ["INCOMING_PREFIX"],
            frozenset(os.environ["ALLOWED_EXTENSIONS"].split(",")),
            int(os.environ["MAX_OBJECT_BYTES"]),
        ),
        bookmarks_table=os.environ["BOOKMARKS_TABLE"],
        state_table=os.environ["STATE_TABLE"],
        workflow=os.environ["WORKFLOW_NAME"],
        alerts_topic=os.environ["ALERTS_TOPIC_ARN"],
        namespace=os.environ.get("METRICS_NAMESPACE", "GlueEtlPipeline"),
        scan=os.environ.get("INCOMING_SCAN", OFF),
        scan_bytes=int(os.environ.get("SCAN_BYTES", str(1024 * 1024))),
        contracts=os.environ.get("CONTRACTS_URI", ""),
        quality_bucket=os.environ.get("QUALITY_BUCKET", ""),
        told_every_seconds=int(os.environ.get("TOLD_EVERY_SECONDS", "0")),
        retry_seconds=int(os.environ.get("RETRY_SECONDS", "0")),
    )
