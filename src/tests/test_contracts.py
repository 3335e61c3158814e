"""Contracts: the shipped ones parse, every field arrives, and the page of contracts is true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contract_samples import CUSTOMERS, ORDERS, PAGE, changed, documented, example, texts
from etl.contracts import (
    Aggregate,
    Column,
    Contract,
    Derived,
    Enrichment,
    Processing,
    Quality,
    Rule,
    Source,
    inferred,
    parse_contracts,
)
from etl.errors import ContractError

SHIPPED = Path(__file__).parents[1] / "config" / "datasets"

# What is right -------------------------------------------------------------------------------------------


def test_the_shipped_contracts_parse_and_are_named_after_their_files() -> None:
    files = {path.name: path.read_text() for path in SHIPPED.glob("*.yml")}
    contracts = parse_contracts(files)
    assert {f"{name}.yml" for name in contracts} == set(files) >= {"customers.yml", "transactions.yml"}
    assert all(contract.columns and contract.key and contract.quality.rules for contract in contracts.values())


def test_every_field_of_a_contract_arrives() -> None:
    assert parse_contracts(texts(ORDERS, CUSTOMERS))["orders"] == Contract(
        name="orders",
        description="What people bought.",
        source=Source(("orders*",), "csv", {"delimiter": ";", "encoding": "windows-1252"}, "flatten"),
        columns=(
            Column("order_id", "string", required=True, aliases=("order_no", "bestell_nr")),
            Column("customer_id"),
            Column("amount", "decimal(12,2)", on_bad_value="reject"),
            Column("ordered_at", "timestamp", formats=("dd.MM.yyyy",)),
        ),
        key=("order_id",),
        event_time="ordered_at",
        order_by=("ordered_at",),
        schema_mode="rescue",
        processing=Processing(
            rules=(Rule("positive", "amount > 0", "flag"),),
            derive=(Derived("cents", "amount * 100"),),
            enrich=(Enrichment("customers", {"customer_id": "customer_id"}, ("country",), "c_"),),
            aggregates=(Aggregate("daily", {"total": "sum(amount)"}, ("c_country", "cents")),),
        ),
        quality=Quality("Rules = [ RowCount > 0 ]", 90, "halt", {"validity": 2}),
        late_after_days=3,
    )


def test_json_and_yaml_give_the_same_contract() -> None:
    as_json = {f"{document['name']}.json": json.dumps(document) for document in (ORDERS, CUSTOMERS)}
    assert parse_contracts(as_json) == parse_contracts(texts(ORDERS, CUSTOMERS))


def test_a_contract_of_name_and_columns_gets_the_defaults() -> None:
    contract = parse_contracts({"a.yml": "{name: a, columns: [{name: x, type: long}]}"})["a"]
    assert contract == Contract("a", columns=(Column("x", "long"),))
    assert (contract.source.format, contract.source.nested, contract.schema_mode) == ("auto", "text", "evolve")
    assert contract.late_after_days is None
    assert (contract.quality.threshold, contract.quality.on_breach) == (80, "warn")


def test_no_contracts_are_no_problem() -> None:
    assert parse_contracts({}) == {}


def test_a_dataset_without_a_contract_has_no_columns_and_matches_no_file() -> None:
    assert inferred("orders") == Contract("orders")
    assert not inferred("orders").matches("orders.csv")


@pytest.mark.parametrize(
    ("name", "fits"), [("orders.csv", True), ("orders-1.json", True), ("Orders.csv", False), ("x/orders", False)]
)
def test_files_fit_by_shell_pattern_with_case(name: str, fits: bool) -> None:
    assert Contract("orders", source=Source(("nothing", "orders*"))).matches(name) is fits


@pytest.mark.parametrize(("kind", "spark"), [("long", "bigint"), ("int", "int"), ("decimal(12,2)", "decimal(12,2)")])
def test_types_have_spark_s_spelling(kind: str, spark: str) -> None:
    assert Column("x", kind).spark_type == spark


@pytest.mark.parametrize(
    ("kind", "text", "spark"),
    [
        ("array<string>", "array<string>", "array<string>"),
        ("array< long >", "array<long>", "array<bigint>"),
        ("map<string, decimal(12, 2)>", "map<string,decimal(12,2)>", "map<string,decimal(12,2)>"),
        (
            "struct<long: long, items: array<struct<sku: string, orderedAt: timestamp>>>",
            "struct<long:long,items:array<struct<sku:string,orderedAt:timestamp>>>",
            "struct<long:bigint,items:array<struct<sku:string,orderedAt:timestamp>>>",
        ),
    ],
)
def test_a_column_may_be_an_array_a_map_or_a_struct(kind: str, text: str, spark: str) -> None:
    document = changed(CUSTOMERS, "columns.1.type", kind)
    column = parse_contracts(texts(document))["customers"].columns[1]
    assert (column.type, column.spark_type, column.is_complex) == (text, spark, True)
    assert not Column("x", "decimal(12,2)").is_complex


@pytest.mark.parametrize(("given", "kept"), [(True, {"header": True}), (False, {"header": False}), ("auto", {})])
def test_a_header_that_is_auto_is_left_to_what_the_file_shows(given: object, kept: dict[str, bool]) -> None:
    document = changed(ORDERS, "source.options", {"header": given})
    assert parse_contracts(texts(document, CUSTOMERS))["orders"].source.options == kept


def test_an_enrichment_s_columns_carry_its_prefix() -> None:
    assert Enrichment("c", {"id": "id"}, ("a", "b"), prefix="c_").output_columns() == ["c_a", "c_b"]


# The documentation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(documented())))
def test_every_example_of_the_documentation_is_right(number: int) -> None:
    assert "orders" in parse_contracts(texts(*example(number)))


def fields_of(schema: Any) -> set[str]:
    """The names of all fields that a schema knows."""
    if isinstance(schema, list):
        return {name for item in schema for name in fields_of(item)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own | {name for item in schema.values() for name in fields_of(item)}


def test_the_documentation_has_every_field() -> None:
    schema = json.loads((SHIPPED.parent / "dataset.schema.json").read_text())
    page = PAGE.read_text()
    # The dimensions of quality have a page of their own.
    dimensions = {"validity", "consistency", "accuracy", "anomaly"}
    missing = {name for name in fields_of(schema) - dimensions if not re.search(rf"\b{name}\b", page)}
    assert missing == set()


# Anything ----------------------------------------------------------------------------------------------


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["name", "columns", "key", "type", "source", "quality", "rules", "x"]), inner
            )
        ),
    )
)
def test_any_document_is_a_contract_or_told_to_be_none(document: Any) -> None:
    try:
        contracts = parse_contracts({"a.yml": yaml.safe_dump(document)})
    except ContractError as error:
        assert all(problem.startswith("a.yml: ") for problem in error.problems)
    else:
        assert list(contracts) == ["a"]
