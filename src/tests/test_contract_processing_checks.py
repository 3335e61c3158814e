"""What a contract says of rules, references, steps and aggregates is checked."""

from __future__ import annotations

from typing import Any

import pytest

from contract_samples import CUSTOMERS, ORDERS, changed, problem_with, problems_of, texts
from etl.contracts import AsOf, Column, Enrichment, Rule, SqlStep, TableLayout, parse_contracts

RULE = {"name": "repaired", "condition": "amount > 0"}
VALID = {"valid_from": "date", "valid_to": "timestamp"}
RATES: dict[str, Any] = {"file": "rates.csv", "keys": {"customer_id": "id"}, "columns": ["rate"]}
PRICES: dict[str, Any] = {
    "name": "prices",
    "key": ["sku"],
    "order_by": ["changed_at"],
    "history": True,
    "columns": [
        {"name": "sku", "type": "string", "required": True},
        {"name": "price", "type": "decimal(12,2)"},
        {"name": "cost", "type": "decimal(12,2)", "pii": "drop"},
        {"name": "changed_at", "type": "timestamp"},
    ],
}
PRICED: dict[str, Any] = {"dataset": "prices", "keys": {"customer_id": "sku"}, "columns": ["price"]}


def with_rule(**fields: object) -> str:
    return problem_with("processing.rules", [{**RULE, **fields}])


def with_reference(**fields: object) -> str:
    """The only problem of orders with one more enrichment, from a file."""
    return problem_with("processing.enrich", [*ORDERS["processing"]["enrich"], {**RATES, **fields}])


# What is right -------------------------------------------------------------------------------------------


def test_every_field_of_the_business_layer_arrives() -> None:
    document = changed(ORDERS, "columns.2.pii", "hash")
    document |= {"history": True, "delete_when": "amount = 0"}
    document["table"] = {"partition_by": ["months(ordered_at)"], "sort_by": ["amount desc"], "target_file_size_mb": 64}
    document["processing"] |= {
        "rules": [{**RULE, "on_failure": "set", "set": {"cents": "0"}, "after": "derive", "description": "none below"}],
        "enrich": [
            *ORDERS["processing"]["enrich"],
            {**PRICED, "as_of": "ordered_at", "on_unmatched": "reject"},
            {
                **RATES,
                "types": {"rate": "decimal(9, 4)", "since": "date", "valid_to": "date"},
                "as_of": {"time": "event_date", "valid_from": "since"},
            },
        ],
        "uses": ["customers"],
        "steps": [{"name": "ranked", "sql": "select * from batch", "description": "as they are"}],
        "aggregates": [{"name": "totals", "over": "table", "measures": {"n": "count(*)"}}],
    }
    contract = parse_contracts(texts(document, CUSTOMERS, PRICES))["orders"]
    steps = contract.processing
    assert contract.columns[2] == Column("amount", "decimal(12,2)", on_bad_value="reject", pii="hash")
    assert (contract.history, contract.delete_when) == (True, "amount = 0")
    assert contract.table == TableLayout(("months(ordered_at)",), ("amount desc",), 64)
    assert steps.rules == (Rule("repaired", "amount > 0", "set", "none below", {"cents": "0"}, "derive"),)
    assert steps.enrich[1].as_of == AsOf("ordered_at", "valid_from", "valid_to")
    assert steps.enrich[1].refuses_unmatched
    assert steps.enrich[2] == Enrichment(
        keys={"customer_id": "id"},
        columns=("rate",),
        file="rates.csv",
        types={"rate": "decimal(9,4)", "since": "date", "valid_to": "date"},
        as_of=AsOf("event_date", "since", "valid_to"),
    )
    assert steps.steps == (SqlStep("ranked", "select * from batch", "as they are"),)
    assert steps.needs() == {"customers", "prices"}
    assert steps.aggregates[0].over == "table"


def test_a_table_lies_by_event_date_in_files_of_128_mib_unless_the_contract_says_otherwise() -> None:
    assert parse_contracts(texts(CUSTOMERS))["customers"].table == TableLayout(("event_date",), (), 128)
    unpartitioned = changed(CUSTOMERS, "table", {"partition_by": []})
    assert parse_contracts(texts(unpartitioned))["customers"].table.partition_by == ()


# Rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"on_failure": "set"}, "processing.rules.0: field 'set' is missing; on_failure: set repairs values, e.g."),
        (
            {"set": {"amount": "0"}},
            "processing.rules.0.set: is for rules with on_failure: set, and this one's is reject",
        ),
        ({"on_failure": "set", "set": {}}, "processing.rules.0.set: must contain at least 1 properties"),
        (
            {"on_failure": "set", "set": {"amount": 0}},
            "processing.rules.0.set.amount: must be string, found 0; for text",
        ),
        ({"on_failure": "set", "set": {"amount": None}}, 'found None; for an SQL null write "null", in quotes'),
        (
            {"on_failure": "set", "set": {"amunt": "0"}},
            "processing.rules.0.set: no column 'amunt' after read (did you mean 'amount'?)",
        ),
        (
            {"on_failure": "set", "set": {"cents": "0"}},
            "processing.rules.0.set: no column 'cents' after read; 'cents' is there later: say after: derive",
        ),
        (
            {"on_failure": "set", "set": {"cents": "0"}, "after": "enrich"},
            "processing.rules.0.set: no column 'cents' after enrich; 'cents' is there later: say after: derive",
        ),
        (
            {"on_failure": "set", "set": {"event_date": "x"}},
            "processing.rules.0.set: no column 'event_date' after read",
        ),
        ({"after": "aggregates"}, "processing.rules.0.after: 'aggregates' is not one of read, enrich, derive, steps"),
    ],
)
def test_a_repair_that_can_t_be_made_is_told(fields: dict[str, object], problem: str) -> None:
    assert problem in with_rule(**fields)


def test_after_sql_steps_there_may_be_columns_that_the_contract_doesn_t_name() -> None:
    document = changed(ORDERS, "processing.steps", [{"name": "s", "sql": "select *, 1 as level from batch"}])
    document["processing"]["rules"] = [{**RULE, "on_failure": "set", "after": "steps", "set": {"level": "2"}}]
    document["processing"]["aggregates"][0]["group_by"] = ["level"]
    document["table"] = {"partition_by": ["level"], "sort_by": ["level"]}
    assert "orders" in parse_contracts(texts(document, CUSTOMERS))


# References ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"dataset": "customers"}, "processing.enrich.1: needs exactly one of dataset and file"),
        ({"keys": {}}, "processing.enrich.1.keys: must contain at least 1 properties"),
        (
            {"how": "inner", "on_unmatched": "keep"},
            "processing.enrich.1.on_unmatched: keep contradicts how: inner, which refuses rows without a match",
        ),
        ({"on_unmatched": "drop"}, "processing.enrich.1.on_unmatched: 'drop' is not one of keep, reject"),
        (
            {"as_of": "amount", "types": VALID},
            "processing.enrich.1.as_of: 'amount' is decimal(12,2); name a column of type date",
        ),
        (
            {"as_of": "order_at", "types": VALID},
            "processing.enrich.1.as_of: 'order_at' is not a column (did you mean 'ordered_at'?)",
        ),
        ({"as_of": {"valid_from": "since"}}, "processing.enrich.1.as_of: field 'time' is missing"),
        ({"as_of": {"time": "ordered_at", "till": "x"}}, "processing.enrich.1.as_of: unknown field 'till'"),
        ({"as_of": 3}, "processing.enrich.1.as_of: must be string or object, found 3"),
        (
            {"as_of": "ordered_at", "types": {"valid_from": "date"}},
            "processing.enrich.1.types: 'valid_to' must be date or timestamp for as_of; say {valid_to: date}",
        ),
        ({"types": {"rate": "number"}}, "processing.enrich.1.types.rate: 'number' is not a type; use string, int"),
        (
            {"types": {"rat": "double"}},
            "processing.enrich.1.types: 'rat' is not read from the file (did you mean 'rate'?); columns are id, rate",
        ),
        (
            {"columns": ["event_date"]},
            "processing.enrich.1: 'event_date' would stand twice; give the enrichment a prefix",
        ),
    ],
)
def test_a_reference_that_can_t_be_joined_is_told(fields: dict[str, object], problem: str) -> None:
    if "dataset" in fields:
        fields = {**fields, "keys": {"customer_id": "customer_id"}, "columns": ["country"]}
    assert problem in with_reference(**fields)


def test_a_reference_needs_a_dataset_or_a_file() -> None:
    nowhere = {"keys": {"customer_id": "id"}, "columns": ["rate"]}
    assert problem_with("processing.enrich.0", nowhere, changed(ORDERS, "processing.aggregates", None)).startswith(
        "processing.enrich.0: needs exactly one of dataset and file"
    )


def test_types_of_a_dataset_s_columns_stand_in_its_own_contract() -> None:
    problem = problem_with("processing.enrich.0.types", {"country": "string"})
    assert problem == "processing.enrich.0.types: is for files; the types of 'customers' stand in its own contract"


def test_types_may_be_given_to_all_that_is_read_of_a_file() -> None:
    types = {"id": "long", "rate": "double", "since": "date", "valid_to": "date"}
    reference = {**RATES, "types": types, "as_of": {"time": "ordered_at", "valid_from": "since"}}
    document = changed(ORDERS, "processing.enrich", [*ORDERS["processing"]["enrich"], reference])
    assert parse_contracts(texts(document, CUSTOMERS))["orders"].processing.enrich[1].types == types


def test_rows_may_be_joined_by_their_event_date() -> None:
    document = changed(ORDERS, "processing.enrich.0", {**RATES, "keys": {"event_date": "day"}, "prefix": "c_"})
    document["processing"]["aggregates"][0]["group_by"] = ["c_rate"]
    assert "orders" in parse_contracts(texts(document))


# Between datasets ------------------------------------------------------------------------------------------


def with_prices(**fields: object) -> list[str]:
    enrich = [*ORDERS["processing"]["enrich"], {**PRICED, **fields}]
    return problems_of(texts(changed(ORDERS, "processing.enrich", enrich), CUSTOMERS, PRICES))


def test_a_reference_with_history_is_joined_by_its_whole_key_too() -> None:
    [problem] = with_prices(keys={"customer_id": "price"}, as_of="ordered_at")
    assert problem == "orders.yml: processing.enrich.1.keys: must name the whole key of prices, which is sku"


def test_columns_that_the_reference_hasn_t_or_drops_are_told() -> None:
    [problem] = with_prices(columns=["prize"])
    assert problem == "orders.yml: processing.enrich.1.columns: prices has no column 'prize' (did you mean 'price'?)"
    [problem] = with_prices(columns=["cost"])
    assert problem == (
        "orders.yml: processing.enrich.1.columns: 'cost' is dropped (pii: drop) by prices before its table is written"
    )
    [problem] = with_prices(as_of={"time": "ordered_at", "valid_from": "since"})
    assert problem == "orders.yml: processing.enrich.1.as_of: prices has no column 'since' (did you mean 'price'?)"


def test_columns_of_history_and_derived_ones_may_be_taken() -> None:
    derived = changed(PRICES, "processing", {"derive": [{"name": "net", "expression": "price / 1.19"}]})
    taken = {**PRICED, "columns": ["net", "valid_from", "is_current"], "as_of": "ordered_at"}
    enrich = [*ORDERS["processing"]["enrich"], taken]
    assert parse_contracts(texts(changed(ORDERS, "processing.enrich", enrich), CUSTOMERS, derived))


def test_columns_of_history_are_there_for_versions_only() -> None:
    [problem] = with_prices(columns=["price", "valid_to"])
    told = "'valid_to' is there for versions only: say as_of, or leave it out"
    assert problem == f"orders.yml: processing.enrich.1.columns: {told}"


def test_as_of_needs_a_reference_that_keeps_versions() -> None:
    problem = problem_with("processing.enrich.0.as_of", "ordered_at")
    assert problem == (
        "processing.enrich.0.as_of: customers keeps one version of a key; say history: true there, or leave as_of out"
    )


def test_tables_that_steps_read_must_be_datasets() -> None:
    assert problem_with("processing.uses", ["customer"]) == (
        "processing.uses.0: no contract for 'customer' (did you mean 'customers'?); datasets are customers, orders"
    )


def test_datasets_whose_steps_read_each_other_are_told_as_a_circle() -> None:
    [problem] = problems_of(texts(ORDERS, changed(CUSTOMERS, "processing.uses", ["orders"])))
    assert problem.startswith("datasets need each other in a circle: ")
    assert problem_circle(problem) == {"orders", "customers"}
    [problem] = problems_of(texts(changed(CUSTOMERS, "processing.uses", ["customers"])))
    assert problem.startswith("datasets need each other in a circle: customers -> customers;")


def problem_circle(problem: str) -> set[str]:
    return set(problem.split(": ")[1].split("; ")[0].split(" -> "))


@pytest.mark.parametrize(
    ("name", "over", "taken"),
    [
        ("orders__deleted", "event_date", "the deleted keys of 'orders'"),
        ("processed_customers", "event_date", "the processed layer of 'customers'"),
        ("daily__by_date", "event_date", "the parts of aggregate 'daily'"),
    ],
)
def test_tables_beside_a_dataset_s_and_an_aggregate_s_own_are_taken(name: str, over: str, taken: str) -> None:
    document = changed(ORDERS, "delete_when", "amount = 0")
    document["processing"]["aggregates"][0] |= {"over": "table"}
    document["processing"]["aggregates"].append({"name": name, "over": over, "measures": {"n": "count(*)"}})
    [problem] = problems_of(texts(document, CUSTOMERS))
    assert problem == f"orders.yml: processing.aggregates.1.name: {name!r} is already the table of {taken}"


def test_a_dataset_can_t_be_named_like_another_one_s_processed_layer() -> None:
    [problem] = problems_of(texts(CUSTOMERS, {**CUSTOMERS, "name": "processed_customers"}))
    told = "is already the table of the processed layer of 'customers'"
    assert problem == f"processed_customers.yml: name: 'processed_customers' {told}"


# Steps and aggregates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (["a", "a"], "processing.steps: the name 'a' is given twice"),
        (["batch"], "processing.steps.0.name: 'batch' is the name of the rows that the first step reads"),
        (["customers"], "processing.steps.0.name: 'customers' is already the name of a table of processing.uses"),
        (["A b"], "processing.steps.0.name: 'A b' must be lower case letters, digits and _"),
    ],
)
def test_a_step_s_name_is_one_that_no_other_table_has(steps: list[str], problem: str) -> None:
    document = changed(ORDERS, "processing.uses", ["customers"])
    found = problem_with("processing.steps", [{"name": name, "sql": "select * from batch"} for name in steps], document)
    assert problem in found


def test_no_dataset_that_is_named_batch_can_be_read_by_steps() -> None:
    [problem] = problems_of(texts({**ORDERS, "processing": {"uses": ["batch"]}}, {**CUSTOMERS, "name": "batch"}))
    assert problem.startswith("orders.yml: processing.uses: 'batch' is the name of the rows in SQL steps")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"group_by": ["event_date"]}, "processing.aggregates.0.group_by: no 'event_date': it is there by itself"),
        (
            {"group_by": ["event_date"], "over": "table"},
            "processing.aggregates.0.group_by: no 'event_date': for rows per date say over: event_date",
        ),
        ({"over": "month"}, "processing.aggregates.0.over: 'month' is not one of event_date, table"),
        (
            {"measures": {"Total": "sum(amount)"}},
            "processing.aggregates.0.measures: 'Total' must be lower case letters",
        ),
    ],
)
def test_an_aggregate_that_can_t_be_made_is_told(fields: dict[str, object], problem: str) -> None:
    aggregate = {"name": "daily", "measures": {"n": "count(*)"}, **fields}
    assert problem in problem_with("processing.aggregates.0", aggregate)
