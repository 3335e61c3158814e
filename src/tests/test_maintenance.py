"""Maintenance: small files become large, old snapshots go, files that nobody knows go; readers see the same rows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from pyspark.sql import DataFrame, SparkSession

from conftest import STATE
from etl.contracts import TableLayout
from etl.curated.maintenance import KEPT_SNAPSHOTS, Maintained, maintain, maintain_table
from etl.curated.tables import MadeColumns, check_table, snapshot_id
from etl.errors import LeaseLostError
from etl.leases import Lease, lease
from etl.pipeline import Pipeline
from shop import CHECK, INGEST, PROCESS, Shop

DAY_SECONDS = 86_400
SCHEMA = "id string, n int, event_date date"
LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)
FAR_AHEAD = datetime(2100, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def held(aws: None) -> Iterator[Lease]:
    with lease(boto3.resource("dynamodb").Table(STATE), "orders", "processing", "this run", 60) as held:
        yield held


class Table:
    """A curated table of many small files, and the folder behind it."""

    def __init__(self, spark: SparkSession, frame: Callable[..., DataFrame], name: str, layout: TableLayout) -> None:
        self.name, self._spark, self._frame = name, spark, frame
        check_table(frame(SCHEMA), name, layout, MadeColumns()).apply()

    def append(self, *numbers: int) -> None:
        """A commit, and so a file, for each number."""
        for number in numbers:
            row = (f"k{9 - number}", number, datetime(2024, 1, 15).date())
            self._frame(SCHEMA, row).writeTo(self.name).append()

    @property
    def folder(self) -> Path:
        location = self._spark.sql(f"describe extended {self.name}").where("col_name = 'Location'").first()
        uri = location["data_type"]
        _, _, bucket, key = uri.split("/", 3)
        mount = self._spark._jsc.hadoopConfiguration().get(f"fs.viewfs.mounttable.{bucket}.linkFallback")
        return Path(mount.removeprefix("file:").replace("///", "/")) / key

    def stray(self, name: str, age_days: float) -> Path:
        """A file in the table's folder that no snapshot knows."""
        path = self.folder / "data" / name
        path.write_text("x")
        written = time.time() - age_days * DAY_SECONDS
        os.utime(path, (written, written))
        return path

    def rows(self, version: int | None = None) -> list[tuple[Any, ...]]:
        reader = self._spark.read.option("snapshot-id", version) if version else self._spark.read
        return sorted(tuple(row) for row in reader.table(self.name).collect())


def data_files(spark: SparkSession, table: str) -> list[str]:
    return sorted(row["file_path"] for row in spark.table(f"{table}.files").collect())


@pytest.fixture
def table(spark: SparkSession, frame: Any, lake: Any) -> Callable[..., Table]:
    """A factory of tables: ``table("__deleted", sort_by=("id",))``."""
    base = f"glue_catalog.db.{lake.bucket('m').replace('-', '_')}"
    return lambda suffix="", **layout: Table(spark, frame, base + suffix, TableLayout(**layout))


def test_small_files_of_a_day_become_one_in_the_tables_order_with_the_same_rows(
    table: Any, spark: SparkSession, held: Lease
) -> None:
    orders = table(sort_by=("id",))
    orders.append(*range(6))
    rows = orders.rows()
    done = maintain_table(spark, orders.name, held, LONG_AGO, 3)
    assert done == Maintained(files_before=6, files_after=1, snapshots_expired=0, orphans_removed=0)
    assert orders.rows() == rows
    [file] = data_files(spark, orders.name)
    assert [row["id"] for row in spark.read.parquet(file).collect()] == [f"k{n}" for n in range(4, 10)]


def test_old_snapshots_expire_but_for_the_newest_and_those_can_be_read(
    table: Any, spark: SparkSession, held: Lease
) -> None:
    orders = table()
    orders.append(*range(8))
    snapshots = spark.table(f"{orders.name}.snapshots").orderBy("committed_at").collect()
    versions = [row["snapshot_id"] for row in snapshots]
    assert maintain_table(spark, orders.name, held, LONG_AGO, 3, compacts=False).snapshots_expired == 0
    spark.sql(f"refresh table {orders.name}")
    done = maintain_table(spark, orders.name, held, FAR_AHEAD, 3, compacts=False)
    assert done.snapshots_expired > 0
    assert spark.table(f"{orders.name}.snapshots").count() == KEPT_SNAPSHOTS
    assert len(orders.rows()) == len(orders.rows(version=versions[-1])) == 8


def test_only_old_files_that_the_table_does_not_know_are_removed(table: Any, spark: SparkSession, held: Lease) -> None:
    orders, tombstones, longer = table(), table("__deleted"), table("2")
    for one in (orders, tombstones, longer):
        one.append(1, 2)
    for path in orders.folder.parent.rglob("*"):
        # What belongs to a table may be old.
        os.utime(path, (time.time() - 9 * DAY_SECONDS,) * 2)
    old, under_way = orders.stray("old.parquet", 4), orders.stray("under_way.parquet", 2)
    others = [tombstones.stray("old.parquet", 4), longer.stray("old.parquet", 4)]
    # A shorter time than is safe is not obeyed.
    done = maintain_table(spark, orders.name, held, LONG_AGO, orphan_days=0, compacts=False)
    assert done.orphans_removed == 1
    assert not old.exists()
    assert all(path.exists() for path in (under_way, *others))
    assert [len(one.rows()) for one in (orders, tombstones, longer)] == [2, 2, 2]


def test_a_table_that_nothing_was_put_in_is_maintained_without_complaint(
    table: Any, spark: SparkSession, held: Lease
) -> None:
    assert maintain_table(spark, table().name, held, FAR_AHEAD, 3) == Maintained(0, 0, 0, 0)


def test_a_run_that_lost_its_lease_maintains_nothing_more(table: Any, spark: SparkSession, held: Lease) -> None:
    orders = table()
    orders.append(*range(6))
    before = snapshot_id(spark, orders.name)
    held._deadline = 0
    with pytest.raises(LeaseLostError):
        maintain_table(spark, orders.name, held, FAR_AHEAD, 3)
    assert snapshot_id(spark, orders.name) == before


# Whole runs --------------------------------------------------------------------------------------------------


def later(shop: Shop, days: int) -> Pipeline:
    """A run that begins so many days from now."""
    pipeline = shop.open()
    return replace(pipeline, settings=replace(pipeline.settings, started=pipeline.settings.started + timedelta(days)))


def test_the_tables_of_a_dataset_its_deletes_and_its_aggregates_are_maintained_with_the_same_rows(shop: Shop) -> None:
    shop.contract(delete_when="amount = 1")
    for number in range(6):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-15", f"old{number},1,2024-01-15")
    shop.run(INGEST, max_files_per_batch="1")
    shop.run(PROCESS)
    tables = ("orders", "daily_orders", "orders__deleted")
    before = {table: (shop.rows(table), shop.versions(table)) for table in tables}
    assert maintain(later(shop, 8)) == {}
    assert {table: shop.rows(table) for table in tables} == {table: rows for table, (rows, _) in before.items()}
    for table in tables:
        assert shop.versions(table) <= KEPT_SNAPSHOTS < before[table][1]
    done = {item["id"]: item for item in shop.open().ledger.items("maintenance")}
    assert set(done) == set(tables)
    assert all(item["snapshots_expired"] > 0 for item in done.values())
    shop.drop("again.csv", "0,7,2024-01-16", "1,1,2024-01-17")
    shop.run(INGEST, PROCESS, CHECK)
    assert shop.keys() == dict.fromkeys("02345", 1)


def test_files_of_a_keyless_dataset_wait_for_its_open_batches(shop: Shop, spark: SparkSession) -> None:
    shop.contract(key=None, order_by=None)
    for number in range(6):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-15")
    shop.run(INGEST, max_files_per_batch="1")
    shop.run(PROCESS)
    shop.drop("open.csv", "open,5,2024-01-15")
    shop.run(INGEST)
    name = shop.open().settings.table("orders")
    files = data_files(spark, name)
    assert maintain(later(shop, 8)) == {}
    assert data_files(spark, name) == files
    shop.run(PROCESS)
    assert maintain(later(shop, 8)) == {}
    assert len(data_files(spark, name)) == 1
    assert sum(shop.keys().values()) == 7


def test_a_dataset_that_another_run_is_processing_is_left_alone_and_told_of(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    before = shop.versions("orders")
    other = shop.open()
    with lease(other.ledger.state, "orders", "processing", "another run", 2):
        failures = maintain(shop.open(lease_seconds="1"))
    assert "LeaseHeldError" in failures["orders"]
    assert shop.versions("orders") == before
