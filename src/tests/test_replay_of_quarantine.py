"""Refused rows and files through ingestion, replay and ingestion again: what went in stands in curated once.

The jobs see the test's folders, the replay sees moto's S3; the test carries objects from one to the other, as
the local cloud does.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from conftest import BOOKMARKS, STATE
from shop import INGEST, ORDERS, PROCESS, Shop

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from quarantine.batches import find_batches
from quarantine.plan import Selection
from quarantine.replay import Session
from quarantine.target import Target


@dataclass(frozen=True)
class LakeTarget(Target):
    """The buckets and tables of a test's lake."""

    lake: Any = None

    @property
    def raw(self) -> str:
        return str(self.lake.bucket("raw"))

    @property
    def quality(self) -> str:
        return str(self.lake.bucket("quality"))

    @property
    def bookmarks_table(self) -> str:
        return BOOKMARKS

    @property
    def state_table(self) -> str:
        return STATE


class Replayed:
    """Carries the lake's objects to S3, replays, and carries new objects of raw back."""

    def __init__(self, lake: Any) -> None:
        self._lake = lake
        self._target = LakeTarget("test", "test", lake=lake)
        for bucket in (self._target.raw, self._target.quality):
            self._target.s3.create_bucket(Bucket=bucket)

    def __call__(self) -> None:
        for name in ("raw", "quality"):
            folder = self._lake.folder(name)
            for path in (each for each in folder.rglob("*") if each.is_file()):
                key = path.relative_to(folder).as_posix()
                self._target.s3.put_object(Bucket=self._lake.bucket(name), Key=key, Body=path.read_bytes())
        session = Session(self._target, "orders", "tester")
        for batch in find_batches(self._target, "orders", ()):
            session.replay(batch, Selection(), lambda text: None)
        folder = self._lake.folder("raw")
        objects = boto3.resource("s3").Bucket(self._target.raw).objects.all()
        for found in objects:
            if not (folder / found.key).exists():
                self._lake.put("raw", found.key, found.get()["Body"].read())


@pytest.fixture
def replay(shop: Shop, lake: Any) -> Iterator[Replayed]:
    """Replays the quarantine of orders; may be called again and again."""
    yield Replayed(lake)


def amounts(shop: Shop) -> Counter[tuple[str, ...]]:
    return Counter(row[:2] for row in shop.rows().elements())


def test_rows_refused_by_the_contract_arrive_once_after_the_contract_was_corrected(
    shop: Shop, replay: Replayed
) -> None:
    strict = [{"name": "amount", "type": "decimal(12,2)", "required": True}]
    columns = [column for column in ORDERS["columns"] if column["name"] != "amount"]
    shop.contract(columns=[*strict, *columns], key=None, processing={})
    shop.drop("orders.csv", "1,1.50,2024-01-15 10:00:00", "2,,2024-01-15 11:00:00", "2,,2024-01-15 11:00:00", "3,3,")
    shop.run(INGEST, PROCESS)
    assert len(shop.quarantine()) == 2
    shop.contract(key=None, processing={})
    for _ in range(2):
        replay()
        shop.run(INGEST, PROCESS)
    keys = Counter(row["id"] for row in curated(shop))
    assert keys == {"1": 1, "2": 2, "3": 1}
    replayed = [row for row in curated(shop) if row["id"] == "2"]
    assert {row["_source_file"].rpartition("/")[2][:7] for row in replayed} == {"replay-"}
    assert {str(row["at"]) for row in replayed} == {"2024-01-15 11:00:00"}


def curated(shop: Shop) -> list[dict[str, Any]]:
    table = shop.open().settings.table("orders")
    return [row.asDict() for row in shop._spark.table(table).collect()]


def test_rows_rejected_by_a_rule_arrive_once_after_the_rule_was_corrected(shop: Shop, replay: Replayed) -> None:
    shop.drop("orders.csv", "0007,-1.50,2024-01-15 10:00:00", "2,2.25,2024-01-15 11:00:00")
    shop.run(INGEST, PROCESS)
    assert shop.keys() == {"2": 1}
    shop.contract(processing={})
    for _ in range(2):
        replay()
        shop.run(INGEST, PROCESS)
    found = {row["id"]: (str(row["amount"]), str(row["at"])) for row in curated(shop)}
    assert found == {"0007": ("-1.50", "2024-01-15 10:00:00"), "2": ("2.25", "2024-01-15 11:00:00")}
    assert shop.keys() == {"0007": 1, "2": 1}


def test_a_row_that_fails_again_is_in_quarantine_of_its_new_batch_and_nowhere_twice(
    shop: Shop, replay: Replayed
) -> None:
    shop.drop("orders.csv", ",1.50,2024-01-15 10:00:00")
    for runs in (1, 2, 3):
        shop.run(INGEST, PROCESS)
        assert len(shop.quarantine()) == runs
        replay()
    assert [int(batch["rows_refused"]) for batch in shop.batches()] == [1, 1, 1]


def test_a_refused_file_is_ingested_after_the_contract_was_corrected(shop: Shop, replay: Replayed) -> None:
    shop.contract(schema_mode="freeze")
    shop.drop("orders.csv", "1,1.50,2024-01-15 10:00:00,x", header="id,amount,at,colour")
    shop.run(INGEST, PROCESS)
    assert shop.batches()[0]["files_refused"] == 1
    shop.contract()
    for _ in range(2):
        replay()
        shop.run(INGEST, PROCESS)
    assert shop.keys() == {"1": 1}


@pytest.mark.parametrize(
    "source", [{"format": "csv"}, {"format": "csv", "options": {"header": False}}, {"options": {"encoding": "UTF-16"}}]
)
def test_replayed_rows_are_json_lines_whatever_the_contract_says_of_its_files(
    shop: Shop, replay: Replayed, source: dict[str, Any]
) -> None:
    shop.drop("orders.csv", "7é,-1.50,2024-01-15 10:00:00")
    shop.run(INGEST, PROCESS)
    shop.contract(source={"patterns": ["orders*"], **source}, processing={})
    replay()
    shop.run(INGEST, PROCESS)
    assert shop.keys() == {"7é": 1}
