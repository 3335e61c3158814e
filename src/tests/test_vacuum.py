"""Vacuum: processed batches that are checked and old go, whatever a killed run has left; nothing else does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from etl.catalog import Catalog
from etl.ledger import CHECKED, INGESTED, Ledger
from etl.pipeline import Pipeline
from etl.vacuum import vacuum
from shop import ALL, INGEST, Shop
from utils.glue_utils import Storage


class Killed(BaseException):
    """What no handler of the pipeline catches."""


@pytest.fixture
def later(shop: Shop) -> Callable[[int], Pipeline]:
    """A function: a run that begins so many days from now."""

    def open_later(days: int) -> Pipeline:
        pipeline = shop.open()
        started = pipeline.settings.started + timedelta(days=days)
        return replace(pipeline, settings=replace(pipeline.settings, started=started))

    return open_later


def folders(lake: Any) -> set[str]:
    """The folders of batches in processed and its staging that hold a file."""
    root = lake.folder("processed")
    return {str(f.relative_to(root)).split("/year=")[0] for f in root.rglob("*.parquet")}


def partitions(pipeline: Pipeline, dataset: str = "orders") -> set[str]:
    """The batches that have partitions in the catalog."""
    found = boto3.client("glue").get_partitions(
        DatabaseName=pipeline.settings.database, TableName=f"processed_{dataset}"
    )
    return {partition["Values"][0] for partition in found["Partitions"]}


def leave(lake: Any, place: str) -> Path:
    """A file that a dead attempt has left."""
    path: Path = lake.put("processed", f"{place}/year=2024/month=01/day=15/part-0.snappy.parquet", "x")
    return path


def test_an_old_checked_batch_loses_its_processed_folder_and_partitions_and_keeps_all_else(
    shop: Shop, lake: Any, later: Any
) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,-1,2024-01-15", ",1,2024-01-15")
    shop.run(*ALL)
    before = {name: shop.files(name) for name in ("raw", "quality", "curated")}
    refused = shop.refused()
    pipeline = later(31)
    assert len(partitions(pipeline)) == 1
    assert vacuum(pipeline) == {}
    assert (folders(lake), partitions(pipeline)) == (set(), set())
    assert {name: shop.files(name) for name in before} == before
    assert sum(refused.values()) == 2
    assert shop.refused() == refused
    [batch] = shop.batches()
    assert batch["status"] == CHECKED
    assert batch["vacuumed_at"]


def test_a_batch_is_vacuumed_once(shop: Shop, later: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(*ALL)
    vacuum(later(31))
    [before] = shop.batches()
    vacuum(later(31))
    assert shop.batches() == [before]


def test_a_batch_that_is_young_or_not_checked_stays(shop: Shop, lake: Any, later: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(*ALL)
    shop.drop("b.csv", "2,5,2024-01-15")
    shop.run(INGEST)
    assert vacuum(later(29)) == {}
    assert len(folders(lake)) == len(partitions(later(0))) == 2
    assert vacuum(later(300)) == {}
    open_batch = next(batch for batch in shop.batches() if batch["status"] == INGESTED)
    assert folders(lake) == {f"orders/batch_id={open_batch['id']}"}
    assert partitions(later(0)) == {open_batch["id"]}
    assert "vacuumed_at" not in open_batch


def test_what_dead_attempts_left_goes_with_their_batch_and_not_with_others(shop: Shop, lake: Any, later: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(*ALL)
    [batch] = shop.batches()
    state = shop.open().ledger.state
    key = {"entity": batch["entity"], "id": batch["id"]}
    state.update_item(Key=key, UpdateExpression="SET attempt = :n", ExpressionAttributeValues={":n": 3})
    for place in ("orders", "_staging/orders"):
        for suffix in ("", ".2", ".3", "0"):
            leave(lake, f"{place}/batch_id={batch['id']}{suffix}")
    vacuum(later(31))
    assert folders(lake) == {f"{place}/batch_id={batch['id']}0" for place in ("orders", "_staging/orders")}


def test_a_vacuum_that_is_killed_before_or_after_any_step_is_finished_by_the_next_one(
    shop: Shop, lake: Any, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        shop.drop(f"{name}.csv", f"{name},5,2024-01-15")
    shop.run(*ALL, max_files_per_batch="1")
    steps = [(Catalog, "remove_partitions"), (Storage, "delete"), (Ledger, "note")]
    for (owner, step), when in itertools.product(steps, ("before", "after")):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(owner, step, dying(getattr(owner, step), when))
            vacuum(later(31))
    assert ["vacuumed_at" in batch for batch in shop.batches()] == [True, False]
    assert vacuum(later(31)) == {}
    assert (folders(lake), partitions(later(0))) == (set(), set())
    assert all(batch["vacuumed_at"] for batch in shop.batches())
    assert shop.keys() == {"a": 1, "b": 1}


def dying(real: Any, when: str) -> Any:
    """A step in which the run ends, before or after it is done."""

    def step(*arguments: Any, **keywords: Any) -> None:
        if when == "after":
            real(*arguments, **keywords)
        raise Killed

    return step


def test_a_dataset_without_a_catalog_table_is_vacuumed_too(shop: Shop, lake: Any, later: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    pipeline = shop.run(*ALL)
    boto3.client("glue").delete_table(DatabaseName=pipeline.settings.database, Name="processed_orders")
    assert vacuum(later(31)) == {}
    assert folders(lake) == set()
