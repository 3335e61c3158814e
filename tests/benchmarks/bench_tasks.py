"""What a benchmark's own process does: one Spark session, and runs of either side in it, measured.

The parent (:mod:`bench_workers`) sends tasks as dictionaries and gets the measurements back. The pipeline is imported
in the functions: only the process that runs it needs it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from bench_data import LINEITEM
from bench_profile import Profiled

BOOKMARKS, STATE, DATABASE = "bookmarks", "state", "benchmark"
LAYERS = ("raw", "processed", "curated", "quality")
_FOREIGN_SETTINGS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE")


@dataclass(frozen=True)
class SessionKind:
    """How a session is made.

    Attributes:
        cores: task threads.
        memory: the driver's heap, e.g. ``4g``.
        java_options: of the JVM; none leaves the JIT and the collector alone, as on Glue.
        settings: more Spark settings.
    """

    cores: int = 2
    memory: str = "4g"
    java_options: str = ""
    settings: tuple[tuple[str, str], ...] = ()


def serve(connection: Connection, kind: SessionKind, log: Path, scratch: Path) -> None:
    """Run tasks until None comes. What Spark and the jobs print goes to the log."""
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    try:
        _imports()
        spark = open_session(kind, scratch)
        connection.send({"ready": True})
        while (task := connection.recv()) is not None:
            connection.send(_task(task["task"])(spark, task))
        spark.stop()
    except Exception:  # noqa: BLE001 - the parent raises it again, with this text
        connection.send({"error": traceback.format_exc()})


def _task(name: str) -> Callable[[Any, dict[str, Any]], dict[str, Any]]:
    import bench_curation
    import bench_quality

    return {**TASKS, **bench_curation.TASKS, **bench_quality.TASKS}[name]


def _imports() -> None:
    """Load what a job's process has loaded before its session is up, and moto, which no job has."""
    import boto3  # noqa: F401
    import moto  # noqa: F401

    from etl import ingestion, pipeline  # noqa: F401


def open_session(kind: SessionKind, scratch: Path) -> Any:
    """The session that both sides share the kind of: the settings of the jobs, and Iceberg as they have it."""
    from pyspark.sql import SparkSession

    from local_cloud.java import java_home
    from local_cloud.spark_conf import iceberg_jar

    os.environ |= {"JAVA_HOME": str(java_home()), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {
        **plain_settings(kind, scratch),
        "spark.jars": str(iceberg_jar()),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme",
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
        **dict(kind.settings),
    }
    builder = SparkSession.builder.master(f"local[{kind.cores}]").appName("benchmark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    return spark


def plain_settings(kind: SessionKind, scratch: Path) -> dict[str, str]:
    """Spark's settings for a session of a kind, without Iceberg and buckets."""
    from utils.glue_utils import SESSION_SETTINGS

    return {
        **SESSION_SETTINGS,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": kind.memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC {kind.java_options}".strip(),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }


# Measuring ------------------------------------------------------------------------------------------------


def cpu_seconds() -> dict[str, float]:
    """User and system seconds so far of this process and of its children (the JVM), each with its ended children."""
    me = psutil.Process()
    seconds = {"python": 0.0, "jvm": 0.0}
    for process in (me, *me.children(recursive=True)):
        times = process.cpu_times()
        side = "jvm" if "java" in process.name() else "python"
        seconds[side] += times.user + times.system + times.children_user + times.children_system
    return seconds


class Measured:
    """Wall and CPU seconds of a ``with`` block."""

    def __enter__(self) -> Measured:
        self._cpu, self._begun = cpu_seconds(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.monotonic() - self._begun
        now = cpu_seconds()
        self.cpu = {side: now[side] - self._cpu[side] for side in now}

    def numbers(self) -> dict[str, Any]:
        return {
            "wall": self.wall,
            "cpu": sum(self.cpu.values()),
            "cpu_jvm": self.cpu["jvm"],
            "cpu_python": self.cpu["python"],
        }


class AwsCalls:
    """Counts the calls to AWS: in-process emulation costs CPU that the real services would not."""

    def __init__(self) -> None:
        self.calls: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        from botocore.client import BaseClient

        original: Callable[..., Any] = BaseClient._make_api_call

        def call(client: Any, operation: str, arguments: Any) -> Any:
            begun, cpu = time.monotonic(), time.thread_time()
            try:
                return original(client, operation, arguments)
            finally:
                with self._lock:
                    entry = self.calls[operation]
                    entry[0] += 1
                    entry[1] += time.monotonic() - begun
                    entry[2] += time.thread_time() - cpu

        BaseClient._make_api_call = call
        try:
            yield
        finally:
            BaseClient._make_api_call = original

    def numbers(self) -> dict[str, Any]:
        totals = [sum(entry[position] for entry in self.calls.values()) for position in range(3)]
        by_operation = {name: [int(n), round(wall, 3), round(cpu, 3)] for name, (n, wall, cpu) in self.calls.items()}
        return {"aws_calls": int(totals[0]), "aws_wall": totals[1], "aws_cpu": totals[2], "aws": by_operation}


# Bare Spark -----------------------------------------------------------------------------------------------


def _mount(spark: Any, bucket: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    spark._jsc.hadoopConfiguration().set(f"fs.viewfs.mounttable.{bucket}.linkFallback", folder.as_uri())


def mounted_buckets(spark: Any, task: dict[str, Any]) -> dict[str, str]:
    """Layer -> bucket. Names are of the run: Hadoop keeps a file system per bucket open."""
    lake = Path(task["lake"])
    names = {layer: f"{layer}-{lake.name}" for layer in (*LAYERS, "scripts")}
    for layer, bucket in names.items():
        _mount(spark, bucket, lake / layer)
    return names


def _with_partitions(frame: Any, event_time: str) -> Any:
    from pyspark.sql import functions as F

    parts = {"year": F.year(event_time), "month": F.month(event_time), "day": F.dayofmonth(event_time)}
    return frame.withColumns(parts)


def run_bare(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The yardstick: an explicit typed schema, read and written by the same partitions; nothing is checked."""
    buckets = mounted_buckets(spark, task)
    schema = ", ".join(f"{name} {kind}" for name, kind in LINEITEM)
    with observed(spark, task) as (measured, profiled):
        frame = spark.read.schema(schema).csv(
            f"s3://{buckets['raw']}/data/incoming/lineitem/", header=True, recursiveFileLookup=True
        )
        writer = _with_partitions(frame, task["event_time"]).write.partitionBy("year", "month", "day")
        writer.parquet(f"s3://{buckets['processed']}/lineitem/")
    return {**measured.numbers(), **profiled.numbers()}


def run_probe(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """How little an ingestion with checks can cost: texts, casts, counted nulls, metadata, repartition, write."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    buckets = mounted_buckets(spark, task)
    schema = ", ".join(f"{name} string" for name, _ in LINEITEM)
    with observed(spark, task) as (measured, profiled):
        texts = spark.read.schema(schema).csv(
            f"s3://{buckets['raw']}/data/incoming/lineitem/", header=True, recursiveFileLookup=True
        )
        typed = texts.select(*(F.col(name).cast(kind) for name, kind in LINEITEM), F.input_file_name().alias("_file"))
        counts = [F.count_if(F.col(name).isNull()).alias(name) for name, _ in LINEITEM]
        counted = typed.observe(Observation(), F.count(F.lit(1)).alias("rows"), *counts)
        frame = counted.select("*", F.lit("id").alias("_batch_id"), F.current_timestamp().alias("_ingested_at"))
        parts = ("year", "month", "day")
        writer = _with_partitions(frame, task["event_time"]).repartition(*parts).write.partitionBy(*parts)
        writer.parquet(f"s3://{buckets['processed']}/lineitem/")
    return {**measured.numbers(), **profiled.numbers()}


# Ours -----------------------------------------------------------------------------------------------------


def run_ours(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The whole stage, as the job runs it once its session is up, on a new ledger."""
    from etl.ingestion import STAGE, ingest
    from etl.pipeline import open_pipeline, run_stage

    buckets = mounted_buckets(spark, task)
    calls = AwsCalls()
    with emulated_aws() as topic:
        settings = run_settings(buckets, topic, task["lake"])
        with calls.counted(), observed(spark, task) as (measured, profiled):
            pipeline = open_pipeline(settings, spark, STAGE)
            run_stage(pipeline, STAGE, ingest)
        batches = [_plain(item) for item in pipeline.ledger.items(f"batch#{task['dataset']}")]
    return {**measured.numbers(), **profiled.numbers(), **calls.numbers(), "batches": batches}


def run_settings(buckets: dict[str, str], topic: str, lake: str) -> Any:
    """A run's settings on the emulated services.

    Args:
        buckets: layer -> name, see :func:`mounted_buckets`.
        topic: see :func:`emulated_aws`.
        lake: the run's folder, after which the run is named.
    """
    from etl.settings import settings_from

    return settings_from(
        {
            **{f"{layer}_bucket": buckets[layer] for layer in LAYERS},
            "JOB_NAME": "benchmark",
            "JOB_RUN_ID": "jr_" + Path(lake).name,
            "environment": "benchmark",
            "contracts_path": f"s3://{buckets['scripts']}/config/",
            "bookmarks_table": BOOKMARKS,
            "state_table": STATE,
            "database": DATABASE,
            "alerts_topic_arn": topic,
        }
    )


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    """What the report shows of a batch's item, with DynamoDB's decimals as whole numbers."""
    wanted = ("status", "rows_read", "rows_written", "rows_refused", "rows_late", "files", "files_refused", "reasons")
    return {name: _without_decimals(item[name]) for name in wanted if name in item}


def _without_decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_decimals(inner) for name, inner in value.items()}
    return int(value) if isinstance(value, Decimal) else value


@contextmanager
def emulated_aws() -> Iterator[str]:
    """moto in this process with what Terraform makes elsewhere; gives the topic."""
    import boto3
    from moto import mock_aws

    for name in _FOREIGN_SETTINGS:
        os.environ.pop(name, None)
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with mock_aws():
        for name, hash_key, range_key in ((BOOKMARKS, "source", "object_key"), (STATE, "entity", "id")):
            boto3.client("dynamodb").create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": hash_key, "KeyType": "HASH"},
                    {"AttributeName": range_key, "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (hash_key, range_key)],
            )
        boto3.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
        # A job's process has loaded no model of a service before its own clients are made.
        boto3.DEFAULT_SESSION = None
        yield topic


@contextmanager
def observed(spark: Any, task: dict[str, Any]) -> Iterator[tuple[Measured, Profiled]]:
    """Measure a block, and profile it when the task says so."""
    profiled = Profiled(spark, wanted=bool(task.get("profile")))
    with Measured() as measured, profiled:
        yield measured, profiled


# Comparing ------------------------------------------------------------------------------------------------


def fingerprint(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Types, number of rows and sums of hashes of the values: of each column, and of whole rows.

    Equal fingerprints mean equal multisets of rows, whatever their order.

    Args:
        spark: the session.
        task: ``file`` (a lineitem CSV, typed by Spark's own CSV reader) or ``folder`` (Parquet), ``event_time``.
    """
    from pyspark.sql import functions as F

    if "file" in task:
        schema = ", ".join(f"{name} {kind}" for name, kind in LINEITEM)
        frame = _with_partitions(
            spark.read.schema(schema).csv(f"file://{task['file']}", header=True), task["event_time"]
        )
    else:
        frame = spark.read.parquet(f"file://{task['folder']}")
    parts = [F.col(part).cast("int") for part in ("year", "month", "day")]
    rows = frame.select(*(name for name, _ in LINEITEM), *parts)
    hashes = [F.sum(F.xxhash64(name).cast("decimal(38,0)")).alias(name) for name in rows.columns]
    whole = F.xxhash64(*rows.columns)
    answer = rows.agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum(whole.cast("decimal(38,0)")).alias("sum"),
        F.bit_xor(whole).alias("xor"),
        *hashes,
    ).first()
    types = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
    return {"types": types, **{name: str(value) for name, value in answer.asDict().items()}}


def count_where(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Rows of a Parquet folder for which a condition holds."""
    return {"rows": spark.read.parquet(f"file://{task['folder']}").where(task["condition"]).count()}


TASKS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "bare": run_bare,
    "probe": run_probe,
    "ours": run_ours,
    "fingerprint": fingerprint,
    "count_where": count_where,
}
