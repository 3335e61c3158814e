"""Contracts: the shipped ones parse, and a wrong one is told with file, field and what would be right."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

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
PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"

CUSTOMERS: dict[str, Any] = {
    "name": "customers",
    "key": ["customer_id"],
    "columns": [
        {"name": "customer_id", "type": "string", "required": True},
        {"name": "country", "type": "string", "required": True},
    ],
}
ORDERS: dict[str, Any] = {
    "name": "orders",
    "description": "What people bought.",
    "source": {
        "patterns": ["orders*"],
        "format": "csv",
        "options": {"delimiter": ";", "encoding": "windows-1252"},
        "nested": "flatten",
    },
    "columns": [
        {"name": "order_id", "type": "string", "required": True, "aliases": ["Order No", "bestellNr"]},
        {"name": "customer_id", "type": "string"},
        {"name": "amount", "type": "decimal(12,2)", "on_bad_value": "reject"},
        {"name": "ordered_at", "type": "timestamp", "formats": ["dd.MM.yyyy"]},
    ],
    "key": ["order_id"],
    "event_time": "ordered_at",
    "order_by": ["ordered_at"],
    "schema_mode": "rescue",
    "late_after_days": 3,
    "processing": {
        "rules": [{"name": "positive", "condition": "amount > 0", "on_failure": "flag"}],
        "derive": [{"name": "cents", "expression": "amount * 100"}],
        "enrich": [
            {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country"], "prefix": "c_"}
        ],
        "aggregates": [{"name": "daily", "group_by": ["c_country", "cents"], "measures": {"total": "sum(amount)"}}],
    },
    "quality": {"rules": "Rules = [ RowCount > 0 ]", "threshold": 90, "on_breach": "halt", "weights": {"validity": 2}},
}


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy of a document with another value at ``a.0.b``; None takes the field away."""
    copied = copy.deepcopy(document)
    *folders, last = path.split(".")
    place: Any = copied
    for part in folders:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    key = int(last) if isinstance(place, list) else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return copied


def texts(*documents: dict[str, Any]) -> dict[str, str]:
    return {f"{document['name']}.yml": yaml.safe_dump(document) for document in documents}


def problems_of(files: dict[str, str]) -> list[str]:
    with pytest.raises(ContractError) as caught:
        parse_contracts(files)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def problem_with(path: str, value: object, document: dict[str, Any] = ORDERS) -> str:
    """The only problem of otherwise good contracts with another value at a path; it names the file."""
    wrong = changed(document, path, value)
    others = [good for good in (ORDERS, CUSTOMERS) if good is not document]
    files = {**texts(*others), f"{document['name']}.yml": yaml.safe_dump(wrong)}
    [problem] = problems_of(files)
    assert problem.startswith(f"{document['name']}.yml: ")
    return problem.removeprefix(f"{document['name']}.yml: ")


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


def documented() -> list[dict[str, Any]]:
    """The YAML of every example on the page of contracts."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [yaml.safe_load(block) for block in blocks]


@pytest.mark.parametrize("number", range(len(documented())))
def test_every_example_of_the_documentation_is_right(number: int) -> None:
    first, example = documented()[0], documented()[number]
    # An example that shows one section stands in the first, whole one.
    whole = {**first, **example}
    if "columns" in example and number:
        whole = {"name": "orders", **example}
    customers = changed(CUSTOMERS, "columns.1.name", "segment")
    if "processing" in example:
        whole["columns"] = [*first["columns"], {"name": "customer_id", "type": "string"}]
    assert "orders" in parse_contracts(texts(whole, customers))


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


# What is wrong in one file -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("event_tme", "x", ["the contract: unknown field 'event_tme' (did you mean 'event_time'?)", "known: columns,"]),
        ("columns.0.requird", True, ["columns.0: unknown field 'requird' (did you mean 'required'?)"]),
        ("quality.treshold", 3, ["quality: unknown field 'treshold' (did you mean 'threshold'?)"]),
        ("quality.weights.beauty", 1, ["quality.weights: unknown field 'beauty'", "known: accuracy, anomaly"]),
        ("columns", None, ["the contract: field 'columns' is missing"]),
        ("columns.1.type", None, ["columns.1: field 'type' is missing"]),
        ("processing.enrich.0.keys", None, ["processing.enrich.0: field 'keys' is missing"]),
        ("columns", [], ["columns: must contain at least 1 items, found []"]),
        ("columns.1.type", "strin", ["columns.1.type: 'strin' is not a type; use string, int, long"]),
        (
            "columns.1.type",
            "decimal",
            ["columns.1.type: 'decimal' is not a type: at character 8, the end; expected '('"],
        ),
        ("columns.2.type", "decimal(39,2)", ["columns.2.type: 'decimal(39,2)' needs 1 <= precision <= 38"]),
        ("columns.2.type", "decimal(4,5)", ["columns.2.type: 'decimal(4,5)' needs", "scale <= precision"]),
        ("columns.2.type", "decimal(0,0)", ["columns.2.type: 'decimal(0,0)' needs 1 <= precision"]),
        ("columns.1.type", "decimal(12 2)", ["columns.1.type: 'decimal(12 2)' is not a type: at character 12, '2'"]),
        ("columns.1.type", "array<strin>", ["columns.1.type: 'array<strin>' is not a type: at character 7, 'strin'"]),
        ("columns.1.type", "array<decimal(39,1)>", ["columns.1.type: 'decimal(39,1)' needs 1 <= precision <= 38"]),
        ("key", ["tags"], ["key: no column 'tags'"]),
        ("late_after_days", -1, ["late_after_days: must be bigger than or equal to 0, found -1"]),
        ("late_after_days", 1.5, ["late_after_days: must be integer, found 1.5"]),
        ("late_after_days", True, ["late_after_days: must be integer, found True"]),
        ("source.nested", "explode", ["source.nested: 'explode' is not one of text, flatten"]),
        ("source.options.header", "maybe", ["source.options.header: 'maybe' is not one of true, false, auto"]),
        ("source.options.sheet", "", ["source.options.sheet: must be longer than or equal to 1"]),
        ("source.options.multiline", "yes", ["source.options.multiline: must be boolean, found 'yes'"]),
        ("columns.1.name", False, ["columns.1.name: must be string, found False (YAML reads an unquoted yes, no"]),
        ("columns.1.name", 2024, ["columns.1.name: must be string, found 2024; for text put it in quotes"]),
        ("columns.1.name", "Customer Id", ["columns.1.name: 'Customer Id' must be lower case letters, digits and _"]),
        ("columns.1.name", "customer_id\n", ["columns.1.name: 'customer_id\\n' must be lower case letters"]),
        ("columns.1.required", "yes", ["columns.1.required: must be boolean, found 'yes'"]),
        ("columns.1.on_bad_value", "drop", ["columns.1.on_bad_value: 'drop' is not one of rescue, reject"]),
        ("schema_mode", "strict", ["schema_mode: 'strict' is not one of evolve, rescue, freeze"]),
        ("source.format", "xml", ["source.format: 'xml' is not one of auto, csv, json, parquet, orc, avro, xlsx"]),
        ("source.options.delimiter", "||", ["source.options.delimiter: must be shorter than or equal to 1", "'||'"]),
        ("source.options.encoding", "utf-99", ["source.options.encoding: 'utf-99' is no known encoding; e.g. UTF-8"]),
        ("source.options.encoding", "base64", ["source.options.encoding: 'base64' is no known encoding"]),
        ("quality.threshold", 101, ["quality.threshold: must be smaller than or equal to 100, found 101"]),
        ("quality.on_breach", "stop", ["quality.on_breach: 'stop' is not one of warn, halt"]),
        ("key", ["order"], ["key: no column 'order' (did you mean 'order_id'?); columns are order_id, customer_id"]),
        ("columns.0.required", False, ["key: column 'order_id' must be required"]),
        ("key", [], ["key: must contain at least 1 items, found []"]),
        ("key", ["order_id", "order_id"], ["key: must contain unique items"]),
        ("order_by", ["updated"], ["order_by: no column 'updated'; columns are order_id"]),
        ("event_time", "amount", ["event_time: 'amount' is decimal(12,2); name a column of type date or timestamp"]),
        ("event_time", "when", ["event_time: 'when' is not a column; name a column of type date or timestamp"]),
        ("columns.2.name", "year", ["columns.2.name: 'year' is a column that the pipeline adds itself"]),
        ("columns.1.aliases", ["orderId"], ["columns.1: the name 'order_id' already belongs to column 'order_id'"]),
        ("columns.1.aliases", ["ORDER NO"], ["columns.1: the name 'order_no' already belongs to column 'order_id'"]),
        ("processing.rules.0.on_failure", "x", ["processing.rules.0.on_failure: 'x' is not one of reject, flag, set"]),
        ("processing.rules.0.condition", "", ["processing.rules.0.condition: must be longer than or equal to 1"]),
        (
            "processing.aggregates.0.group_by",
            ["cent"],
            ["processing.aggregates.0.group_by: no column 'cent' (did you mean 'cents'?)"],
        ),
        (
            "processing.aggregates.0.measures",
            {"cents": "sum(cents)"},
            ["processing.aggregates.0.measures: 'cents' is a column of the aggregate already"],
        ),
        (
            "processing.aggregates.0.measures",
            {"event_date": "max(x)"},
            ["processing.aggregates.0.measures: 'event_date' is a column of the aggregate already"],
        ),
        ("quality.rules", "Rules = [\n  RowCount >\n]", ["quality.rules: line 3, column 1: found ']'; expected"]),
        ("quality.rules", "rules = [ RowCount > 0 ]", ["quality.rules: line 1", "expected 'Rules'"]),
    ],
)
def test_a_problem_names_the_field_and_what_would_be_right(path: str, value: object, parts: list[str]) -> None:
    problem = problem_with(path, value)
    for part in parts:
        assert part in problem


def test_a_column_given_twice_is_told() -> None:
    columns = [*ORDERS["columns"], {"name": "amount", "type": "long"}]
    assert problem_with("columns", columns) == "columns.4: the name 'amount' already belongs to column 'amount'"


def test_an_alias_that_only_spells_its_own_column_is_no_problem() -> None:
    document = changed(ORDERS, "columns.0.aliases", ["Order ID", "orderId", "no", "No"])
    assert parse_contracts(texts(document, CUSTOMERS))["orders"].columns[0].aliases == ("no",)


def test_a_derived_column_named_like_one_of_the_pipeline_s_is_told() -> None:
    derive = [*ORDERS["processing"]["derive"], {"name": "event_date", "expression": "ordered_at"}]
    problem = problem_with("processing.derive", derive)
    assert problem == "processing.derive.1.name: 'event_date' is a column that the pipeline adds itself"


def test_names_of_rules_and_aggregates_given_twice_are_told() -> None:
    rules = ORDERS["processing"]["rules"] * 2
    assert problem_with("processing.rules", rules) == "processing.rules: the name 'positive' is given twice"
    aggregates = ORDERS["processing"]["aggregates"] * 2
    problem = problem_with("processing.aggregates", aggregates)
    assert problem == "processing.aggregates.1.name: 'daily' is already the table of an aggregate of 'orders'"


def test_a_file_that_is_named_otherwise_than_its_dataset_is_told() -> None:
    [problem] = problems_of({"Customer List.yml": yaml.safe_dump(CUSTOMERS)})
    assert problem == "Customer List.yml: name: 'customers' must be the file's name, 'customer_list'"


@pytest.mark.parametrize(
    ("file", "text", "part"),
    [
        ("a.yml", "name: a\ncolumns: [", "a.yml: is not readable as YAML: while parsing a flow node"),
        ("a.yml", "name: a\n\tcolumns: x", "line 2, column 1"),
        ("a.json", '{"name": "a",}', "a.json: is not readable as JSON:"),
        ("a.yml", "- name: a", "a.yml: holds list, and a contract is a mapping of fields"),
        ("a.yml", "", "a.yml: holds NoneType, and a contract is a mapping of fields"),
        ("a.json", '"a"', "a.json: holds str, and a contract is a mapping of fields"),
        (
            "a.yml",
            "name: a\ncolumns: [{name: x, type: long}]\non: halt",
            'a.yml: line 3: to YAML the key on is true or false and no name; put it in quotes: "on"',
        ),
        (
            "a.yml",
            "name: a\ncolumns: [{name: x, type: long}]\n1: x\nb: y",
            'a.yml: line 3: to YAML the key 1 is a number and no name; put it in quotes: "1"',
        ),
        (
            "a.yml",
            "name: a\ncolumns:\n- {name: x, type: long}\nquality:\n  threshold: 90\n  on_breach: halt\n  threshold: 10",
            "a.yml: line 7: the key 'threshold' is given twice (first in line 5); keep one",
        ),
        (
            "a.json",
            '{"name": "a", "columns": [{"name": "x", "type": "long", "type": "int"}]}',
            "a.json: the key 'type' is given twice in one object; keep one",
        ),
        ("a.yml", "name: 2024-01-15\ncolumns: [{name: x, type: long}]", "a.yml: name: must be string, found"),
        ("a.yml", "name: a\ncolumns: {x: long}", "a.yml: columns: must be array, found"),
    ],
)
def test_a_file_that_is_no_contract_is_told_with_the_place(file: str, text: str, part: str) -> None:
    [problem] = problems_of({file: text})
    assert part in problem


def test_a_key_of_a_merged_mapping_may_be_given_again() -> None:
    text = "name: a\ncolumns:\n- &x {name: x, type: long}\n- {<<: *x, name: y}"
    assert parse_contracts({"a.yml": text})["a"].columns == (Column("x", "long"), Column("y", "long"))


@pytest.mark.parametrize("field", ["key", "order_by", "event_time"])
def test_rows_are_told_apart_put_in_order_and_dated_by_scalars_only(field: str) -> None:
    document = changed(ORDERS, "columns.0.type", "array<string>")
    changes = {"key": ["order_id"], "order_by": ["order_id"], "event_time": "order_id"}
    document |= {"key": ["customer_id"], field: changes[field]}
    document["columns"][1]["required"] = True
    [problem] = problems_of(texts(document, CUSTOMERS))
    kind = "name a column of type date or timestamp" if field == "event_time" else "name a column of a scalar type"
    assert problem.startswith(f"orders.yml: {field}: ") and "is array<string>" in problem and kind in problem


# What is wrong between files -----------------------------------------------------------------------------


def test_a_dataset_in_two_files_is_told() -> None:
    [problem] = problems_of({"customers.yml": yaml.safe_dump(CUSTOMERS), "customers.json": json.dumps(CUSTOMERS)})
    assert problem == "customers.yml: name: dataset 'customers' is also defined in customers.json"


def test_a_pattern_of_two_datasets_is_told() -> None:
    source = {"patterns": ["c*", "orders*"]}
    [problem] = problems_of(texts(ORDERS, {**CUSTOMERS, "source": source}))
    assert problem == "orders.yml: source.patterns.0: 'orders*' is also a pattern of 'customers'; make one longer"


def test_patterns_that_overlap_without_being_equal_are_no_problem() -> None:
    assert len(parse_contracts(texts(ORDERS, {**CUSTOMERS, "source": {"patterns": ["o*", "o*"]}}))) == 2


def test_an_enrichment_from_an_unknown_dataset_is_told_with_the_known_ones() -> None:
    problem = problem_with("processing.enrich.0.dataset", "customer")
    assert problem == (
        "processing.enrich.0.dataset: no contract for 'customer' (did you mean 'customers'?); "
        "datasets are customers, orders"
    )


def test_an_enrichment_by_a_column_that_is_not_there_is_told() -> None:
    problem = problem_with("processing.enrich.0.keys", {"customer": "customer_id"})
    assert problem == "processing.enrich.0.keys: no column 'customer' (did you mean 'customer_id'?)"


@pytest.mark.parametrize(
    ("key", "named"),
    [(["customer_id", "country"], "customer_id, country"), (["country"], "country"), (None, "not set")],
)
def test_an_enrichment_by_anything_but_the_whole_key_is_told(key: list[str] | None, named: str) -> None:
    [problem] = problems_of(texts(ORDERS, changed(CUSTOMERS, "key", key)))
    assert problem == f"orders.yml: processing.enrich.0.keys: must name the whole key of customers, which is {named}"


def test_enriched_columns_that_stand_there_already_need_a_prefix() -> None:
    wrong = changed(ORDERS, "processing.enrich.0.columns", ["customer_id"])
    del wrong["processing"]["enrich"][0]["prefix"]
    del wrong["processing"]["aggregates"]
    [problem] = problems_of(texts(wrong, CUSTOMERS))
    assert problem == "orders.yml: processing.enrich.0: 'customer_id' would stand twice; give the enrichment a prefix"


def test_datasets_that_need_each_other_are_told_as_a_circle() -> None:
    back = {"enrich": [{"dataset": "orders", "keys": {"country": "order_id"}, "columns": ["amount"]}]}
    [problem] = problems_of(texts(ORDERS, {**CUSTOMERS, "processing": back}))
    assert problem.startswith("enrichment goes round in a circle: ")
    assert {"orders", "customers"} <= set(problem.split(": ")[1].split("; ")[0].split(" -> "))


def test_a_dataset_that_enriches_itself_is_a_circle() -> None:
    wrong = changed(ORDERS, "processing.enrich.0.dataset", "orders")
    wrong["processing"]["enrich"][0] |= {"keys": {"order_id": "order_id"}, "columns": ["amount"]}
    wrong["processing"]["aggregates"][0]["group_by"] = ["cents"]
    [problem] = problems_of(texts(wrong))
    assert problem.startswith("enrichment goes round in a circle: orders -> orders;")


@pytest.mark.parametrize("name", ["customers", "orders"])
def test_an_aggregate_that_is_named_like_a_dataset_would_write_its_table_and_is_told(name: str) -> None:
    problem = problem_with("processing.aggregates.0.name", name)
    assert problem == f"processing.aggregates.0.name: {name!r} is already the table of dataset {name!r}"


def test_an_aggregate_of_two_datasets_is_told() -> None:
    daily = {"aggregates": [{"name": "daily", "measures": {"n": "count(*)"}}]}
    [problem] = problems_of(texts(ORDERS, {**CUSTOMERS, "processing": daily}))
    assert problem.startswith("orders.yml: processing.aggregates.0.name: 'daily' is already the table of an aggregate")


def test_problems_of_all_files_come_together_and_are_not_blamed_on_others() -> None:
    broken = changed(CUSTOMERS, "columns.0.type", "strin")
    problems = problems_of(
        {**texts(changed(ORDERS, "key", ["nr"])), "customers.yml": yaml.safe_dump(broken), "x.yml": "["}
    )
    assert [problem.split(":")[0] for problem in problems] == ["customers.yml", "orders.yml", "x.yml"]


def test_a_broken_contract_does_not_make_those_that_need_it_wrong() -> None:
    broken = changed(CUSTOMERS, "columns.0.type", "strin")
    [problem] = problems_of(texts(ORDERS, broken))
    assert problem.startswith("customers.yml: columns.0.type:")


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
