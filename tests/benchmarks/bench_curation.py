"""What the benchmark of processing does in its own process: both sides, in one session, on one prepared batch.

The pipeline is imported in the functions: only the process that runs it needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench_tasks import DATABASE, STATE, AwsCalls, emulated_aws, mounted_buckets, observed, run_settings

CATALOG, FLOOR = "glue_catalog", "floor"
SIDES = {"ours": DATABASE, "floor": FLOOR}
TABLES = ("lineitem", "daily_revenue")
# The rows of the floor's tables that a person would keep, too: where each came from.
_METADATA = ("_rescued_data", "_source_file", "_batch_id", "_ingested_at")
_KEPT: dict[str, Any] = {}
_OPEN = ExitStack()


def prepare(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Bring the files of raw to processed, and everything but the measured batch to curated, by our own jobs.

    Args:
        spark: the session.
        task: ``lake``; ``files``: for each ingestion the pairs of a file and its place in raw. The batch that the last
            ingestion makes of lineitem is the measured one.
    """
    from etl.ingestion import STAGE, ingest
    from etl.pipeline import open_pipeline, run_stage

    buckets = mounted_buckets(spark, task)
    # Its clients live as long as the process.
    topic = _OPEN.enter_context(emulated_aws())
    _open_catalog(spark, buckets["curated"])
    settings = run_settings(buckets, topic, task["lake"])
    *before, last = task["files"]
    for files in before:
        _place(files)
        run_stage(open_pipeline(settings, spark, STAGE), STAGE, ingest)
        _process(spark, settings, "")
    _place(last)
    pipeline = open_pipeline(settings, spark, STAGE)
    run_stage(pipeline, STAGE, ingest)
    # Orders must be there before lineitem takes columns from them.
    _process(spark, settings, "orders")
    [batch] = [item for item in pipeline.ledger.items("batch#lineitem") if item["status"] == "INGESTED"]
    _KEPT.update(settings=settings, batch=batch, buckets=buckets)
    _prepare_floor(spark)
    _KEPT["snapshots"] = {table: _snapshot(spark, table) for side in SIDES for table in _tables(side)}
    return {"rows": int(batch["rows_written"]), "files": len(last)}


def _place(files: list[tuple[str, str]]) -> None:
    for source, target in files:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)


def _open_catalog(spark: Any, bucket: str) -> None:
    prefix = f"spark.sql.catalog.{CATALOG}"
    spark.conf.set(prefix, "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set(f"{prefix}.type", "hadoop")
    spark.conf.set(f"{prefix}.warehouse", f"s3://{bucket}/")


def _process(spark: Any, settings: Any, dataset: str) -> None:
    from dataclasses import replace

    from etl.pipeline import open_pipeline, run_stage
    from etl.processing import STAGE, process

    run_stage(open_pipeline(replace(settings, dataset=dataset), spark, STAGE), STAGE, process)


def _prepare_floor(spark: Any) -> None:
    """The floor's tables hold what ours held before the measured batch, in a layout of the same kind."""
    spark.sql(f"create namespace if not exists {CATALOG}.{FLOOR}")
    for name in TABLES:
        ours = f"{CATALOG}.{DATABASE}.{name}"
        if spark.catalog.tableExists(ours):
            # As both sides would have written it: rows in the files that their partitions give.
            _create_floor(spark, name, spark.table(ours).schema)
            spark.table(ours).writeTo(f"{CATALOG}.{FLOOR}.{name}").append()


def _create_floor(spark: Any, name: str, schema: Any) -> None:
    columns = ", ".join(f"`{field.name}` {field.dataType.simpleString()}" for field in schema.fields)
    spark.sql(
        f"create table if not exists {CATALOG}.{FLOOR}.{name} ({columns}) using iceberg partitioned by (event_date) "
        "tblproperties ('format-version' = '2', 'write.parquet.compression-codec' = 'snappy')"
    )


def _tables(side: str) -> list[str]:
    return [f"{CATALOG}.{SIDES[side]}.{name}" for name in TABLES]


def _snapshot(spark: Any, table: str) -> int | None:
    if not spark.catalog.tableExists(table):
        return None
    newest = spark.table(f"{table}.refs").where("name = 'main'").select("snapshot_id").head(1)
    return int(newest[0][0]) if newest else None


def reset(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Make the measured batch INGESTED again, and the tables of one side as they were before it.

    Args:
        spark: the session.
        task: ``side``.
    """
    import boto3

    boto3.resource("dynamodb").Table(STATE).put_item(Item=_KEPT["batch"])
    for table in _tables(task["side"]):
        snapshot = _KEPT["snapshots"][table]
        if snapshot is None:
            spark.sql(f"drop table if exists {table} purge")
        elif _snapshot(spark, table) != snapshot:
            name = table.partition(".")[2]
            spark.sql(f"call {CATALOG}.system.rollback_to_snapshot('{name}', {snapshot})")
    # What an earlier run wrote must not be on its way to the disk while the next one is measured.
    spark._jvm.System.gc()
    os.sync()
    return {}


def run_ours(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The processing stage, limited to lineitem, as the job runs it once its session is up."""
    calls = AwsCalls()
    with calls.counted(), observed(spark, task) as (measured, profiled):
        _process(spark, _KEPT["settings"], "lineitem")
    return {**measured.numbers(), **profiled.numbers(), **calls.numbers()}


def run_floor(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The same work as one Spark program for this one dataset, by someone who trusts the data to be as they should."""
    from etl.folders import batch_folders
    from etl.ledger import Batch

    item, settings = _KEPT["batch"], _KEPT["settings"]
    batch = Batch("lineitem", item["id"], item["status"], item["owner"], item)
    folder = batch_folders(settings, batch).processed
    with observed(spark, task) as (measured, profiled):
        _floor(spark, folder, f"{settings.quality}floor/{item['id']}/")
    return {**measured.numbers(), **profiled.numbers()}


def _floor(spark: Any, folder: str, quarantine: str) -> None:
    from pyspark.sql import functions as F

    table, daily = (f"{CATALOG}.{FLOOR}.{name}" for name in TABLES)
    rows = spark.read.parquet(folder)
    sources = [name for name in rows.columns if name not in (*_METADATA, "year", "month", "day")]
    orders = spark.table(f"{CATALOG}.{DATABASE}.orders").select("o_orderkey", "o_custkey", "o_orderpriority")
    judged = (
        rows.withColumn("event_date", F.make_date("year", "month", "day"))
        .withColumn("_record", F.to_json(F.struct(*sources)))
        .withColumn("l_shipmode", F.expr("if(l_shipmode = 'REG AIR', 'AIR', l_shipmode)"))
        .join(orders, F.col("l_orderkey") == F.col("o_orderkey"), "left")
        .drop("o_orderkey")
        .withColumn("net", F.expr("cast(l_extendedprice * (1 - l_discount) as decimal(18,4))"))
        .withColumn("gross", F.expr("cast(net * (1 + l_tax) as decimal(18,4))"))
        .withColumn("days", F.expr("datediff(l_receiptdate, l_shipdate)"))
        .withColumn("_flags", F.expr("if(l_discount <= 0.08, cast(array() as array<string>), array('discount'))"))
        .withColumn("_refused", F.expr("l_quantity = 50 and l_discount = 0.10 and l_tax = 0.08"))
    )
    refused = judged.where("_refused").select("_record", "_source_file", F.lit("dearest").alias("reason"), "_batch_id")
    refused.write.mode("overwrite").json(quarantine)
    values = [*sources, "o_custkey", "o_orderpriority", "net", "gross", "days", "event_date", "_flags", *_METADATA]
    accepted = judged.where("not coalesce(_refused, false)").select(*values)
    _create_floor(spark, "lineitem", accepted.schema)
    accepted.createOrReplaceTempView("floor_source")
    spark.sql(
        f"merge into {table} t using floor_source s on t.l_orderkey = s.l_orderkey and t.l_linenumber = s.l_linenumber "
        "when matched and s.l_receiptdate >= t.l_receiptdate then update set * when not matched then insert *"
    )
    measures = ("count(*) as n", "sum(net) as net", "sum(gross) as gross", "max(days) as slowest")
    revenue = spark.table(table).groupBy("event_date", "l_returnflag").agg(*map(F.expr, measures))
    _create_floor(spark, "daily_revenue", revenue.schema)
    revenue.writeTo(daily).overwritePartitions()


def compare(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """What differs between both sides' tables; nothing when they hold the same rows."""
    from pyspark.sql import functions as F

    differs = []
    facts = {}
    for name in TABLES:
        found = []
        for database in SIDES.values():
            frame = spark.table(f"{CATALOG}.{database}.{name}")
            columns = sorted(frame.columns)
            whole = F.xxhash64(*columns)
            sums = [F.sum(F.xxhash64(column).cast("decimal(38,0)")).alias(column) for column in columns]
            answer = frame.agg(F.count(F.lit(1)).alias("_rows_"), F.bit_xor(whole).alias("_xor_"), *sums).first()
            types = {f"type of {column}": kind for column, kind in frame.dtypes}
            found.append({**types, **answer.asDict()})
        ours, floor = found
        facts[f"rows of {name}"] = int(ours["_rows_"])
        differs += [
            f"{name}, {column}: ours {ours.get(column)}, floor {floor.get(column)}"
            for column in sorted({*ours, *floor})
            if ours.get(column) != floor.get(column)
        ]
    return {"differs": differs, **facts}


def layouts(spark: Any, task: dict[str, Any]) -> dict[str, Any]:
    """Files and bytes of both sides' lineitem, as their snapshots have them."""
    found = {}
    for side, database in SIDES.items():
        files = spark.table(f"{CATALOG}.{database}.lineitem.files")
        row = files.selectExpr("count(*)", "sum(file_size_in_bytes) / 1e6", "count(distinct partition)").first()
        found[side] = {"out_files": int(row[0]), "out_mb": float(row[1]), "out_partitions": int(row[2])}
    return found


TASKS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "prepare": prepare,
    "reset": reset,
    "process-ours": run_ours,
    "process-floor": run_floor,
    "compare": compare,
    "layouts": layouts,
}
