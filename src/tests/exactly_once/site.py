"""A pipeline whose jobs are real processes: files in, jobs started, killed, paused, and every row counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import psutil
import pyarrow.parquet as pq
import yaml
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local_cloud.class_archive import existing_archive
from local_cloud.environment import client, process_environment
from local_cloud.settings import ACCESS_KEY, SECRET_KEY, Settings
from local_cloud.spark_conf import job_settings, properties_text, spark_environment
from utils import faults

SOURCES = Path(__file__).parents[2]
JOBS = SOURCES / "jobs"
LEASE_SECONDS = 2
JOB_SECONDS = 120
LAYERS = ("raw", "processed", "curated", "quality", "scripts")
COLUMNS = ("id", "amount", "at")
STREAM = "stream/incoming/orders/"


def contract(dataset: str, **fields: Any) -> dict[str, Any]:
    """Rows need an id; of rows with the same id the latest is kept, the others go to quarantine."""
    types = {"id": "string", "amount": "long", "at": "string"}
    columns = [{"name": name, "type": kind, "required": name == "id"} for name, kind in types.items()]
    return {
        "name": dataset,
        "source": {"patterns": [f"{dataset}*"]},
        "key": ["id"],
        "order_by": ["at"],
        "columns": columns,
        "quality": {"rules": "Rules = [ RowCount > 0 ]"},
        **fields,
    }


@dataclass
class Run:
    """A job's process with its Java."""

    process: subprocess.Popen[bytes]
    log: Path
    group: list[psutil.Process] = field(default_factory=list)

    def wait(self) -> int:
        """Wait for its end; what it left running goes with it, as a lost machine's would.

        Returns:
            The exit code; minus the signal's number for a process that was killed.
        """
        code = self.process.wait(JOB_SECONDS)
        self._signal_group(signal.SIGKILL)
        return code

    def wait_until_paused(self) -> None:
        """Wait until it has stopped itself at its fault point, then stop its Java, too."""
        process = psutil.Process(self.process.pid)
        looks = Retrying(
            retry=retry_if_result(lambda status: status != psutil.STATUS_STOPPED),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(JOB_SECONDS),
        )
        looks(process.status)
        self._signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal_group(signal.SIGCONT)

    def text(self) -> str:
        """What it has printed."""
        return self.log.read_text(errors="replace")

    def _signal_group(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


class Site:
    """Buckets that are folders, and tables of its own in the emulator.

    Args:
        settings: of the local cloud.
        folder: for logs and scratch.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        folder.mkdir(parents=True)
        self.name = f"s{uuid.uuid4().hex[:8]}"
        self._runs: list[Run] = []
        self._given: Counter[tuple[str, ...]] = Counter()
        self.broken: set[str] = set()
        for layer in LAYERS:
            self.bucket(layer).mkdir(parents=True)
        self.publish("orders")
        dynamodb = client(settings, "dynamodb")
        for table, keys in {"bookmarks": ("source", "object_key"), "state": ("entity", "id")}.items():
            dynamodb.create_table(  # type: ignore[attr-defined]
                TableName=f"{self.name}-{table}",
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            )
        client(settings, "glue").create_database(DatabaseInput={"Name": self.name})  # type: ignore[attr-defined]
        topic = client(settings, "sns").create_topic(Name=self.name)  # type: ignore[attr-defined]
        self.topic = topic["TopicArn"]
        session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=settings.region)
        self.state = session.resource("dynamodb", endpoint_url=settings.endpoint).Table(f"{self.name}-state")

    def close(self) -> None:
        """End what still runs."""
        for run in self._runs:
            if run.process.poll() is None:
                run.process.kill()
            run.wait()

    # Files in ----------------------------------------------------------------------------------------

    def bucket(self, layer: str) -> Path:
        """The folder behind a bucket."""
        return self._settings.lake / f"{self.name}-{layer}"

    def publish(self, dataset: str, **fields: Any) -> None:
        """Put the contract of a dataset, perhaps with further fields, where jobs read contracts."""
        path = self.bucket("scripts") / "config" / f"{dataset}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(contract(dataset, **fields)))

    def drop(self, name: str, *rows: tuple[str, str, str], dataset: str = "orders") -> Path:
        """Put a CSV file into raw; its rows are counted as given."""
        text = "".join(",".join(row) + "\n" for row in [COLUMNS, *rows])
        self._given.update((f"{dataset}/{name}", *row) for row in rows)
        return self._put(f"{dataset}/2024/01/15/{name}", text.encode())

    def replace(self, path: Path, *rows: tuple[str, str, str], dataset: str = "orders") -> None:
        """Put other rows in place of those that a dropped file had."""
        for row in [row for row in self._given if row[0] == f"{dataset}/{path.name}"]:
            del self._given[row]
        self.drop(path.name, *rows, dataset=dataset)

    def drop_plain(self, name: str) -> None:
        """A file with a good row and one without id."""
        self.drop(f"{name}.csv", (f"{name}-a", "1", "t1"), ("", "3", name))

    def drop_usual(self, name: str, dataset: str = "orders") -> None:
        """A file of good rows, one of them twice, and a row without id; and a broken file."""
        twice = (f"{name}-b", "2", "t1")
        self.drop(f"{name}.csv", (f"{name}-a", "1", "t1"), twice, twice, ("", "3", name), dataset=dataset)
        self._put(f"{dataset}/2024/01/15/{name}.parquet", b"PAR1 and no more of " + name.encode())
        self.broken.add(f"{dataset}/{name}.parquet")

    def send(self, name: str, *rows: tuple[str, str, str]) -> None:
        """Put a file of JSON lines where the stream of orders reads; its rows are counted as given."""
        self._given.update((f"orders/{name}", *row) for row in rows)
        path = self.bucket("raw") / STREAM / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows))

    def _put(self, key: str, content: bytes) -> Path:
        path = self.bucket("raw") / "data" / "incoming" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    # Jobs --------------------------------------------------------------------------------------------

    def start(self, job: str = "data_ingestion", environment: dict[str, str] | None = None, **arguments: str) -> Run:
        """Start a job as a process of its own.

        Args:
            job: the script's name.
            environment: further variables, e.g. a fault point.
            arguments: further job arguments.
        """
        number = len(self._runs)
        scratch = self._folder / f"run{number}"
        scratch.mkdir()
        conf = job_settings(
            self._settings,
            arguments={"--datalake-formats": "iceberg"},
            job_conf={
                "spark.sql.catalogImplementation": "in-memory",
                "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
                "spark.sql.catalog.glue_catalog": "org.apache.iceberg.spark.SparkCatalog",
                "spark.sql.catalog.glue_catalog.type": "hadoop",
                "spark.sql.catalog.glue_catalog.warehouse": f"s3://{self.bucket('curated').name}/",
            },
            buckets=[self.bucket(layer).name for layer in LAYERS],
            scratch=scratch,
            archive=existing_archive(self._settings),
        )
        conf_file = scratch / "spark.conf"
        conf_file.write_text(properties_text(conf))
        env = {
            **process_environment(self._settings),
            # The emulator's own Glue has all that jobs ask of Glue.
            "AWS_ENDPOINT_URL_GLUE": self._settings.endpoint,
            **spark_environment(self._settings, conf_file, scratch),
            "PYTHONPATH": str(SOURCES),
            "TZ": "UTC",
            "TMPDIR": str(scratch),
            **(environment or {}),
        }
        given = {**self._arguments(f"jr_{self.name}_{number}"), **arguments}
        command = [sys.executable, str(JOBS / f"{job}.py")]
        command += [text for name, value in given.items() for text in (f"--{name}", value)]
        log = scratch / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=env, cwd=scratch, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._runs.append(Run(process, log))
        return self._runs[-1]

    def run(self, job: str = "data_ingestion", environment: dict[str, str] | None = None, **arguments: str) -> None:
        """Run a job to its good end."""
        run = self.start(job, environment, **arguments)
        assert run.wait() == 0, run.text()[-4000:]

    def kill_at(self, point: str, job: str = "data_ingestion", **arguments: str) -> None:
        """Run a job that is killed at a fault point."""
        run = self.start(job, {faults.POINT: point}, **arguments)
        assert run.wait() == -signal.SIGKILL, f"{point} was not passed:\n{run.text()[-4000:]}"

    def start_paused_at(self, point: str, **arguments: str) -> Run:
        """A run of ingestion that stands still at a fault point."""
        return self.start(environment={faults.POINT: point, faults.SIGNAL: "SIGSTOP"}, **arguments)

    def points(self, job: str = "data_ingestion") -> list[str]:
        """The moments of a run that differ in what is written: every fault point that it passes now, each once.

        Nothing is written between the point after a write and the one before the next; so the second is left out.
        """
        trace = self._folder / f"trace{len(self._runs)}"
        self.run(job, environment={faults.TRACE: str(trace)})
        passed = trace.read_text().split()
        in_turn = pairwise(passed)
        same = {point for earlier, point in in_turn if earlier.endswith(".after") and point.endswith(".before")}
        return [point for point in dict.fromkeys(passed) if point not in same]

    def _arguments(self, run_id: str) -> dict[str, str]:
        buckets = {f"{layer}_bucket": self.bucket(layer).name for layer in LAYERS if layer != "scripts"}
        return {
            "JOB_NAME": "job",
            "JOB_RUN_ID": run_id,
            "environment": "test",
            **buckets,
            "contracts_path": f"s3://{self.bucket('scripts').name}/config/",
            "bookmarks_table": f"{self.name}-bookmarks",
            "state_table": f"{self.name}-state",
            "database": self.name,
            "alerts_topic_arn": self.topic,
            "lease_seconds": str(LEASE_SECONDS),
        }

    # The result --------------------------------------------------------------------------------------

    def batches(self, dataset: str = "orders") -> list[dict[str, Any]]:
        """The dataset's batches, oldest first."""
        answer = self.state.query(
            KeyConditionExpression="entity = :entity",
            ExpressionAttributeValues={":entity": f"batch#{dataset}"},
            ConsistentRead=True,
        )
        return list(answer["Items"])

    def alerts(self) -> Counter[str]:
        """How many alerts of the outbox are in which state."""
        answer = self.state.query(
            KeyConditionExpression="entity = :entity", ExpressionAttributeValues={":entity": "outbox"}
        )
        return Counter(item["status"] for item in answer["Items"])

    def committed_files(self, *datasets: str) -> dict[Path, tuple[int, int]]:
        """Every file of the committed batches, in processed and quarantine, with its size and time of writing."""
        batches = [batch for dataset in datasets for batch in self.batches(dataset)]
        folders = [self._folder_of(batch, fact) for batch in batches for fact in ("prefix", "quarantine")]
        found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in found}

    def assert_every_row_is_there_once(self, *datasets: str) -> None:
        """The oracle: rows given = rows in processed + rows in quarantine of committed batches, as multisets.

        Args:
            datasets: all that files were dropped for; orders by default.
        """
        batches = [batch for dataset in datasets or ("orders",) for batch in self.batches(dataset)]
        assert {batch["status"] for batch in batches} == {"INGESTED"}
        written = Counter(row for batch in batches for row in self._processed(batch))
        refused = Counter(row for batch in batches for row in self._refused(batch))
        assert written + refused == self._given
        broken = Counter(_place(entry["source_file"]) for batch in batches for entry in self._refused_files(batch))
        assert broken == Counter(self.broken)
        read, kept = (sum(int(batch[name]) for batch in batches) for name in ("rows_read", "rows_written"))
        assert (read, kept) == (self._given.total(), written.total())

    def _processed(self, batch: dict[str, Any]) -> list[tuple[str, ...]]:
        folder = self._folder_of(batch, "prefix")
        rows = [row for file in sorted(folder.rglob("*.parquet")) for row in pq.ParquetFile(file).read().to_pylist()]
        return [(_place(row["_source_file"]), *(str(row[name]) for name in COLUMNS)) for row in rows]

    def _refused(self, batch: dict[str, Any]) -> list[tuple[str, ...]]:
        folder = self._folder_of(batch, "quarantine") / "rows" / "stage=ingestion"
        lines = [line for file in folder.glob("*.json") for line in file.read_text().splitlines()]
        rows = [json.loads(line) for line in lines]
        records = [(row["source_file"], json.loads(row["record"])) for row in rows]
        return [(_place(file), *(record.get(name) or "" for name in COLUMNS)) for file, record in records]

    def _refused_files(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        listing = self._folder_of(batch, "quarantine") / "files.json"
        return list(json.loads(listing.read_text())) if listing.exists() else []

    def _folder_of(self, batch: dict[str, Any], fact: str) -> Path:
        """Where the batch's own facts say that its data lie."""
        bucket, _, key = batch[fact].removeprefix("s3://").partition("/")
        return self._settings.lake / bucket / key


def _place(uri: str) -> str:
    """``orders/a.csv`` of a file's URI."""
    parts = unquote(uri).split("/")
    return f"{parts[parts.index('incoming') + 1]}/{parts[-1]}"
