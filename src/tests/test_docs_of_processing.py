"""The examples of docs/processing.md are contracts that the pipeline takes: by schema, and compiled by Spark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from etl.analysis import analyse
from etl.contracts import parse_contracts

PAGE = Path(__file__).resolve().parents[2] / "docs" / "processing.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
ORDERS: dict[str, Any] = {
    "name": "orders",
    "key": ["order_id"],
    "order_by": ["updated_at"],
    "event_time": "ordered_at",
    "columns": [
        {"name": "order_id", "type": "string", "required": True},
        {"name": "customer_id", "type": "string"},
        {"name": "sku", "type": "string"},
        {"name": "currency", "type": "string"},
        {"name": "status", "type": "string"},
        {"name": "amount", "type": "decimal(12,2)"},
        {"name": "ordered_at", "type": "timestamp"},
        {"name": "updated_at", "type": "timestamp"},
    ],
}
OTHERS: list[dict[str, Any]] = [
    {
        "name": "customers",
        "key": ["customer_id"],
        "columns": [{"name": "customer_id", "type": "string", "required": True}, {"name": "segment", "type": "string"}],
    },
    {
        "name": "prices",
        "key": ["sku"],
        "order_by": ["since"],
        "history": True,
        "columns": [
            {"name": "sku", "type": "string", "required": True},
            {"name": "since", "type": "timestamp"},
            {"name": "price", "type": "decimal(12,2)"},
        ],
    },
]


def problems(orders: dict[str, Any], spark: SparkSession) -> list[str]:
    documents = [orders, *OTHERS]
    contracts = parse_contracts({f"{document['name']}.yml": yaml.safe_dump(document) for document in documents})
    return analyse(contracts, spark)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: " ".join(text.split())[:40])
def test_each_example_is_a_contract_that_compiles(example: str, spark: SparkSession) -> None:
    assert problems({**ORDERS, **yaml.safe_load(example)}, spark) == []


def test_all_examples_together_are_one_contract_that_compiles(spark: SparkSession) -> None:
    together: dict[str, Any] = {**ORDERS, "processing": {}}
    for example in map(yaml.safe_load, EXAMPLES):
        together["processing"] |= example.pop("processing", {})
        together |= example
    assert len(together["processing"]) == 6
    assert problems(together, spark) == []
