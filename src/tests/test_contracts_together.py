"""Contracts that don't fit each other are told with file, field and what would be right."""

from __future__ import annotations

import json

import pytest
import yaml

from contract_samples import CUSTOMERS, ORDERS, changed, problem_with, problems_of, texts
from etl.contracts import parse_contracts


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
    assert problem.startswith("datasets need each other in a circle: ")
    assert {"orders", "customers"} <= set(problem.split(": ")[1].split("; ")[0].split(" -> "))


def test_a_dataset_that_enriches_itself_is_a_circle() -> None:
    wrong = changed(ORDERS, "processing.enrich.0.dataset", "orders")
    wrong["processing"]["enrich"][0] |= {"keys": {"order_id": "order_id"}, "columns": ["amount"]}
    wrong["processing"]["aggregates"][0]["group_by"] = ["cents"]
    [problem] = problems_of(texts(wrong))
    assert problem.startswith("datasets need each other in a circle: orders -> orders;")


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
