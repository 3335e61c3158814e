"""A small business for the tests of the jobs: contracts and files in, jobs run, results looked at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from moto.sns.models import sns_backends
from pyspark.sql import SparkSession

from etl import ingestion, processing, quality
from etl.pipeline import Pipeline, run_stage

INGEST = (ingestion.STAGE, ingestion.ingest)
PROCESS = (processing.STAGE, processing.process)
CHECK = (quality.STAGE, quality.check)
ALL = (INGEST, PROCESS, CHECK)
# What differs between two runs that did the same.
OF_THE_RUN = ("_batch_id", "_ingested_at")
ORDERS: dict[str, Any] = {
    "name": "orders",
    "source": {"patterns": ["orders*"]},
    "key": ["id"],
    "event_time": "at",
    "order_by": ["at"],
    "columns": [
        {"name": "id", "type": "string", "required": True},
        {"name": "amount", "type": "decimal(12,2)"},
        {"name": "at", "type": "timestamp"},
    ],
    "processing": {
        "rules": [{"name": "positive", "condition": "amount > 0"}],
        "aggregates": [{"name": "daily_orders", "measures": {"n": "count(*)", "total": "sum(amount)"}}],
    },
    "quality": {"rules": "Rules = [ RowCount > 0 ]"},
}


class Shop:
    """Small datasets on the test's buckets: put contracts and files, run jobs, look at the result."""

    def __init__(self, start: Callable[..., Pipeline], lake: Any, spark: SparkSession) -> None:
        self._start, self._lake, self._spark = start, lake, spark
        lake.folder("scripts")

    def contract(self, **fields: Any) -> None:
        """Publish the contract of orders with other fields; one that is None is left out."""
        document = {name: value for name, value in {**ORDERS, **fields}.items() if value is not None}
        self._lake.put("scripts", f"config/{document['name']}.yml", yaml.safe_dump(document))

    def drop(self, name: str, *lines: str, header: str = "id,amount,at", dataset: str = "orders") -> Path:
        """Put a CSV file into raw."""
        text = "".join(f"{line}\n" for line in (header, *lines))
        return self._lake.put("raw", f"data/incoming/{dataset}/2024/01/15/{name}", text)

    def run(self, *stages: tuple[str, Any], **arguments: str) -> Pipeline:
        """Run jobs one after the other, each as a run of its own."""
        for stage, work in stages:
            pipeline = self.open(**arguments)
            run_stage(pipeline, stage, work)
        return pipeline

    def open(self, **arguments: str) -> Pipeline:
        arguments.setdefault("contracts_path", f"s3://{self._lake.bucket('scripts')}/config/")
        return self._start(**arguments)

    def batches(self, dataset: str = "orders") -> list[dict[str, Any]]:
        return self.open().ledger.items(f"batch#{dataset}")

    def states(self, dataset: str = "orders") -> list[str]:
        return [batch["status"] for batch in self.batches(dataset)]

    def rows(self, table: str = "orders", without: tuple[str, ...] = OF_THE_RUN) -> Counter[tuple[Any, ...]]:
        """A curated table as a multiset."""
        frame = self._spark.table(self.open().settings.table(table)).drop(*without)
        return Counter(tuple(map(str, row)) for row in frame.collect())

    def keys(self, table: str = "orders") -> Counter[str]:
        return Counter(row[0] for row in self.rows(table).elements())

    def versions(self, table: str) -> int:
        return self._spark.table(f"{self.open().settings.table(table)}.snapshots").count()

    def quarantine(self, dataset: str = "orders") -> list[dict[str, Any]]:
        """The refused rows of committed batches."""
        places = [
            f"{batch['quarantine']}rows/stage=ingestion/" for batch in self.batches(dataset) if "quarantine" in batch
        ]
        places += [batch["rejected_to"] for batch in self.batches(dataset) if "rejected_to" in batch]
        folders = [self._lake.folder("quality") / place.split("/", 3)[3] for place in places]
        files = [file for folder in folders for file in folder.glob("*.json")]
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def refused(self, dataset: str = "orders") -> Counter[tuple[str, str]]:
        return Counter((row["reason"], row["record"]) for row in self.quarantine(dataset))

    def files(self, bucket: str) -> dict[str, int]:
        """Every object of a bucket with its time of writing."""
        root = self._lake.folder(bucket)
        return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    def path(self, bucket: str, key: str) -> Path:
        """The file behind an object."""
        path: Path = self._lake.folder(bucket) / key
        return path

    def text(self, bucket: str, pattern: str) -> list[str]:
        return [path.read_text() for path in sorted(self._lake.folder(bucket).glob(pattern))]

    def notifications(self) -> list[tuple[str, str]]:
        """Subject and text of what SNS was given."""
        topic = sns_backends["123456789012"]["us-east-1"].topics[self.open().settings.alerts_topic_arn]
        return [(subject, message) for _, message, subject, *_ in topic.sent_notifications]
