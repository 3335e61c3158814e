"""Three batches with late rows, corrections and deletes, through the jobs in one order and another: the same tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from shop import INGEST, ORDERS, PROCESS, Shop

HEADER = "id,amount,at,op"
# Each batch: file name -> rows of id, amount, at, op (D deletes).
BATCHES = (
    ("a.csv", ("1,10,2024-01-10T08:00:00,", "2,20,2024-01-10T09:00:00,", "3,30,2024-01-11T08:00:00,")),
    # A correction on another day, a delete, and a late row of a day before.
    ("b.csv", ("1,11,2024-01-12T08:00:00,", "2,0,2024-01-12T09:00:00,D", "4,40,2024-01-09T08:00:00,")),
    # A correction that is older than b's, a deleted key that comes back, and a delete of what came late.
    ("c.csv", ("1,12,2024-01-11T08:00:00,", "2,22,2024-01-13T08:00:00,", "4,0,2024-01-14T08:00:00,D")),
)
COLUMNS = [*ORDERS["columns"], {"name": "op", "type": "string"}]
PROCESSING = {
    "aggregates": [
        {"name": "daily_orders", "measures": {"n": "count(*)", "total": "sum(amount)", "ids": "count(distinct id)"}},
        {
            "name": "totals",
            "over": "table",
            "measures": {"n": "count(*)", "total": "sum(amount)", "top": "max(amount)"},
        },
        {"name": "middle", "over": "table", "measures": {"half": "percentile(amount, 0.5)"}},
    ]
}
CURRENT = Counter([("1", "11.00", "2024-01-12"), ("2", "22.00", "2024-01-13"), ("3", "30.00", "2024-01-11")])
VERSIONS = Counter(
    [
        ("1", "10.00", "2024-01-10 08:00:00", "2024-01-11 08:00:00", "False"),
        ("1", "12.00", "2024-01-11 08:00:00", "2024-01-12 08:00:00", "False"),
        ("1", "11.00", "2024-01-12 08:00:00", "None", "True"),
        ("2", "20.00", "2024-01-10 09:00:00", "2024-01-12 09:00:00", "False"),
        ("2", "22.00", "2024-01-13 08:00:00", "None", "True"),
        ("3", "30.00", "2024-01-11 08:00:00", "None", "True"),
        ("4", "40.00", "2024-01-09 08:00:00", "2024-01-14 08:00:00", "False"),
    ]
)


def selected(shop: Shop, table: str, *columns: str) -> Counter[tuple[str, ...]]:
    pipeline = shop.open()
    frame = pipeline.spark.table(pipeline.settings.table(table)).select(*columns)
    return Counter(tuple(map(str, row)) for row in frame.collect())


def assert_aggregates(shop: Shop) -> None:
    assert selected(shop, "daily_orders", "event_date", "n", "total", "ids") == Counter(
        [("2024-01-11", "1", "30.00", "1"), ("2024-01-12", "1", "11.00", "1"), ("2024-01-13", "1", "22.00", "1")]
    )
    assert selected(shop, "totals", "n", "total", "top") == Counter([("3", "63.00", "30.00")])
    assert selected(shop, "middle", "half") == Counter([("22.0",)])


# Every order with every case is put into tables in test_curated_order.py; here each batch comes first once.
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)], ids=str)
def test_corrections_deletes_and_late_rows_give_the_same_tables_in_any_order(
    shop: Shop, order: tuple[int, ...]
) -> None:
    contract: dict[str, Any] = {"columns": COLUMNS, "delete_when": "op = 'D'", "processing": PROCESSING}
    shop.contract(**contract)
    for position in order:
        name, rows = BATCHES[position]
        shop.drop(name, *rows, header=HEADER)
        shop.run(INGEST, PROCESS)
    assert selected(shop, "orders", "id", "amount", "event_date") == CURRENT
    assert_aggregates(shop)


def test_history_is_right_in_the_worst_order_and_aggregates_see_the_current_rows(shop: Shop) -> None:
    shop.contract(columns=COLUMNS, delete_when="op = 'D'", processing=PROCESSING, history=True)
    for name, rows in reversed(BATCHES):
        shop.drop(name, *rows, header=HEADER)
        shop.run(INGEST, PROCESS)
    assert selected(shop, "orders", "id", "amount", "valid_from", "valid_to", "is_current") == VERSIONS
    assert_aggregates(shop)


def test_versions_of_one_key_in_one_file_are_all_kept_in_a_history(shop: Shop) -> None:
    shop.contract(history=True, processing=None)
    shop.drop("a.csv", "1,1,2024-01-10", "1,2,2024-01-11", "1,2,2024-01-11")
    shop.run(INGEST, PROCESS)
    assert selected(shop, "orders", "amount", "is_current") == Counter([("1.00", "False"), ("2.00", "True")])
    assert len(shop.quarantine()) == 1
