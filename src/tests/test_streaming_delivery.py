"""Files as Firehose delivers them (modules/streaming of Terraform): through ingestion like all others."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from etl.ledger import INGESTED
from shop import INGEST, PROCESS, Shop

# <prefix by dataset and day><stream>-<version>-<time>-<id><extension>
NAME = "demo-raw-1-2024-01-15-09-3{minute}-00-0a1b2c3d-4e5f-6789-abcd-ef0123456789.json.gz"
KEY = "data/incoming/{dataset}/2024/01/15/" + NAME


@pytest.fixture
def deliver(lake: Any) -> Any:
    """A function: puts records as one file of a dataset, each on a line of its own, packed in some members of gzip."""

    def put(dataset: str, minute: int, *parts: list[dict[str, Any]], end: str = "\n") -> None:
        texts = ["".join(f"{json.dumps(record)}{end}" for record in part) for part in parts]
        content = b"".join(gzip.compress(text.encode()) for text in texts)
        lake.put("raw", KEY.format(dataset=dataset, minute=minute), content)

    return put


def order(key: str) -> dict[str, Any]:
    """A record; Firehose finds its dataset in it."""
    return {"dataset": "orders", "id": key, "amount": 5, "at": "2024-01-15T09:30:00Z"}


def test_delivered_records_go_by_the_dataset_that_they_name(shop: Shop, deliver: Any) -> None:
    deliver("orders", 1, [order("1"), order("2")], [order("3")])
    deliver("orders", 2, [order("4"), {"dataset": "orders", "amount": 1}])
    deliver("visits", 1, [{"dataset": "visits", "page": "/"}])
    shop.run(INGEST, PROCESS)
    assert shop.keys() == Counter("1234")
    assert shop.refused() == Counter([("id: required value is missing", '{"amount":"1","dataset":"orders"}')])
    [batch] = shop.batches()
    assert (int(batch["files"]), int(batch["rows_read"]), batch["new_columns"]) == (2, 5, ["dataset"])
    assert [int(batch["rows_written"]) for batch in shop.batches("visits")] == [1]


def test_records_that_follow_each_other_on_one_line_are_kept_and_told_how_to_be_sent(shop: Shop, deliver: Any) -> None:
    deliver("orders", 1, [order("1"), order("2")], end="")
    shop.run(INGEST)
    assert shop.states() == [INGESTED]
    [batch] = shop.batches()
    [reason] = batch["file_reasons"]
    assert "write one object a line" in reason
    [listing] = shop.text("quality", "quarantine/orders/*/files.json")
    assert json.loads(listing)[0]["kept_at"].endswith(".json.gz")
