"""Avro: logical types, unions and nested records become the text that the other formats give."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, time, timezone
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import SparkSession

from reading import Read, avro_bytes, reader, values

IDENTITY = uuid.UUID("12345678-1234-5678-1234-567812345678")
FIELDS: list[dict[str, Any]] = [
    {"name": "kind", "type": {"type": "enum", "name": "kinds", "symbols": ["NEW", "OLD"]}},
    {"name": "either", "type": ["null", "long", "string"]},
    {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 18}]},
    {"name": "ms", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "us", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
    {"name": "ns", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
    {"name": "clock", "type": {"type": "long", "logicalType": "time-micros"}},
    {"name": "uid", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "raw", "type": "bytes"},
    {"name": "ratio", "type": "double"},
    {"name": "map", "type": {"type": "map", "values": "int"}},
    {
        "name": "who",
        "type": {
            "type": "record",
            "name": "person",
            "fields": [{"name": "name", "type": "string"}, {"name": "age", "type": ["null", "int"]}],
        },
    },
]
AT = datetime(2024, 1, 15, 10, 30, 0, 120000, tzinfo=timezone.utc)
RECORD: dict[str, Any] = {
    "kind": "NEW",
    "either": 7,
    "price": Decimal("12345678901234567890.123456789012345678"),
    "ms": AT,
    "us": AT.replace(microsecond=0),
    "local": AT.replace(tzinfo=None),
    "ns": 1705314600123456789,
    "clock": time(9, 5, 0, 500000),
    "uid": IDENTITY,
    "raw": b"\xff\x00",
    "ratio": 0.1,
    "map": {"a": 1},
    "who": {"name": "Zoë", "age": None},
}


@pytest.fixture
def read(spark: SparkSession, lake: Any) -> Read:
    """Files by name -> one frame (see :func:`reading.reader`)."""
    return reader(spark, lake)


def test_every_logical_type_becomes_text_without_loss(read: Read) -> None:
    [row] = values(read({"a.avro": avro_bytes(FIELDS, [RECORD])}))
    assert json.loads(row.pop("who") or "") == {"name": "Zoë", "age": None}
    assert row == {
        "kind": "NEW",
        "either": "7",
        "price": "12345678901234567890.123456789012345678",
        "ms": "2024-01-15 10:30:00.12",
        "us": "2024-01-15 10:30:00",
        "local": "2024-01-15 10:30:00.12",
        "ns": "2024-01-15 10:30:00.123456789",
        "clock": "09:05:00.500000",
        "uid": str(IDENTITY),
        "raw": "/wA=",
        "ratio": "0.1",
        "map": '{"a":1}',
    }


def test_a_union_holds_what_each_record_holds(read: Read) -> None:
    records = [{**RECORD, "kind": "OLD", "either": value} for value in (None, 1, "text")]
    found = {row["either"] for row in values(read({"a.avro": avro_bytes(FIELDS, records)}))}
    assert found == {None, "1", "text"}


def test_records_inside_become_columns_where_the_contract_flattens(read: Read) -> None:
    [row] = values(read({"a.avro": avro_bytes(FIELDS, [RECORD])}, nested="flatten"))
    assert (row["who_name"], row["who_age"]) == ("Zoë", None)


def test_files_whose_column_has_other_types_meet(read: Read) -> None:
    files = {
        f"{kind}.avro": avro_bytes([{"name": "v", "type": kind}], [{"v": value}])
        for kind, value in (("int", 1), ("string", "x"), ("boolean", True))
    }
    assert sorted(str(row["v"]) for row in values(read(files))) == ["1", "true", "x"]
