"""Stub data."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from glue_health_check.errors import MisuseError
from glue_health_check.stub import stub_data
from glue_health_check.stub.fields import Field, Table, parse_type, type_text
from glue_health_check.stub.generate import rows
from glue_health_check.stub.schemas import from_avro, from_contract, from_json_schema, read_table

CONTRACT = {
    "name": "orders",
    "key": ["order_id"],
    "columns": [
        {"name": "order_id", "type": "string", "required": True},
        {"name": "amount", "type": "decimal(12,2)"},
        {"name": "currency", "type": "string"},
        {"name": "email", "type": "string", "pii": "hash"},
        {"name": "ordered_at", "type": "timestamp"},
        {"name": "items", "type": "array<struct<sku:string,count:int>>"},
    ],
    "quality": {
        "rules": """Rules = [
            ColumnValues "currency" in ["USD", "EUR"], IsComplete "currency", ColumnValues "amount" between 9 and 101,
            ColumnLength "email" = 64
        ]"""
    },
}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "orders.yml"
    path.write_text(json.dumps(CONTRACT), encoding="utf-8")
    for form in ("csv", "jsonl", "parquet"):
        assert stub_data(path, 20, form, seed=7) == stub_data(path, 20, form, seed=7)
        assert stub_data(path, 20, form, seed=7) != stub_data(path, 20, form, seed=8)


def test_a_new_column_changes_no_other() -> None:
    one = Table("t", (Field("a", parse_type("int")),))
    two = Table("t", (Field("b", parse_type("string")), Field("a", parse_type("int"))))
    assert [row["a"] for row in rows(one, 10)] == [row["a"] for row in rows(two, 10)]


def test_values_keep_to_the_contract_and_its_rules() -> None:
    made = rows(from_contract(CONTRACT), 200)
    assert len({row["order_id"] for row in made}) == 200
    assert {row["currency"] for row in made} == {"USD", "EUR"}
    amounts = [row["amount"] for row in made if row["amount"] is not None]
    assert all(Decimal(9) < amount < Decimal(101) and amount == round(amount, 2) for amount in amounts)
    assert any(row["amount"] is None for row in made)
    assert any("@" in row["email"] for row in made if row["email"])


def test_parquet_has_the_types_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "orders.yml"
    path.write_text(json.dumps(CONTRACT), encoding="utf-8")
    table = pq.read_table(io.BytesIO(stub_data(path, 5, "parquet")))
    assert table.num_rows == 5
    assert str(table.schema.field("amount").type) == "decimal128(12, 2)"
    assert str(table.schema.field("ordered_at").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("items").type).startswith("list<")


def test_csv_and_json_lines_hold_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "orders.yml"
    path.write_text(json.dumps(CONTRACT), encoding="utf-8")
    by_csv = list(csv.DictReader(io.StringIO(stub_data(path, 30, "csv").decode())))
    by_json = [json.loads(line) for line in stub_data(path, 30, "jsonl").decode().splitlines()]
    assert [row["order_id"] for row in by_csv] == [row["order_id"] for row in by_json]
    assert json.loads(by_csv[0]["items"]) == by_json[0]["items"]


def test_json_schemas_limit_values() -> None:
    schema = {
        "title": "users",
        "type": "object",
        "required": ["id", "code", "age", "kind", "address"],
        "$defs": {"kind": {"enum": ["a", "b"]}},
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{3}$"},
            "age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 21},
            "kind": {"$ref": "#/$defs/kind"},
            "note": {"type": ["string", "null"], "maxLength": 5},
            "address": {"type": "object", "properties": {"zip": {"type": "string"}}},
            "born": {"type": "string", "format": "date"},
        },
    }
    import re

    made = rows(from_json_schema(schema, "x"), 100)
    assert all(re.fullmatch("[A-Z]{2}-[0-9]{3}", row["code"]) for row in made)
    assert {row["age"] for row in made} == {18, 19, 20}
    assert {row["kind"] for row in made} == {"a", "b"}
    assert all(row["note"] is None or len(row["note"]) <= 5 for row in made)
    assert all(set(row["address"]) == {"zip"} for row in made)


def test_avro_schemas_give_types() -> None:
    schema = {
        "type": "record",
        "name": "clicks",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {
                "name": "price",
                "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 3}],
            },
            {"name": "kind", "type": {"type": "enum", "name": "k", "symbols": ["x", "y"]}},
            {"name": "tags", "type": {"type": "array", "items": "string"}},
        ],
    }
    table = from_avro(schema)
    assert [type_text(field.type) for field in table.fields] == [
        "long", "timestamp", "decimal(9,3)", "string", "array<string>",
    ]  # fmt: skip
    assert [field.required for field in table.fields] == [True, True, False, True, True]
    assert {row["kind"] for row in rows(table, 50)} == {"x", "y"}


@pytest.mark.parametrize(
    "text", ["string", "decimal(10,2)", "array<int>", "map<string,double>", "struct<a:int,b:array<long>>"]
)
def test_types_are_written_as_they_were_read(text: str) -> None:
    assert type_text(parse_type(text)) == text


@pytest.mark.parametrize("text", ["varchar", "array<>", "map<int,int>", "struct<a>"])
def test_a_wrong_type_is_misuse(text: str) -> None:
    with pytest.raises(MisuseError, match="is no type"):
        parse_type(text)


@pytest.mark.parametrize("text", ["[]", "a: 1", "{", '{"type": "record", "name": "x", "fields": [{"name": "a"}]}'])
def test_what_is_no_schema_is_misuse(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MisuseError, match=r"x\.json"):
        read_table(path)


def test_more_unique_rows_than_values_is_misuse() -> None:
    table = Table("t", (Field("a", parse_type("boolean"), unique=True),))
    with pytest.raises(MisuseError, match="only 2 possible values"):
        rows(table, 3)
