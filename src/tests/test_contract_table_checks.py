"""What a contract says of its table is checked: personal data, history, deletes, layout."""

from __future__ import annotations

from typing import Any

import pytest

from contract_samples import CUSTOMERS, ORDERS, changed, problem_with, problems_of, texts
from etl.contracts import parse_contracts

RATES: dict[str, Any] = {"file": "rates.csv", "keys": {"customer_id": "id"}, "columns": ["rate"]}


# Personal data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("columns.1.pii", "encrypt", "columns.1.pii: 'encrypt' is not one of hash, mask, tokenise, drop"),
        (
            "columns.0.pii",
            "mask",
            "columns.0.pii: 'order_id' is a key, whose values must stay different: hash or tokenise, not mask",
        ),
        ("columns.0.pii", "drop", "columns.0.pii: 'order_id' is a key"),
        ("processing.derive.0.pii", "drop", "processing.aggregates.0.group_by: 'cents' is dropped (pii: drop)"),
    ],
)
def test_a_treatment_that_a_column_can_t_have_is_told(path: str, value: str, problem: str) -> None:
    assert problem in problem_with(path, value)


@pytest.mark.parametrize("treatment", ["hash", "tokenise"])
def test_keys_may_be_hashed_or_tokenised(treatment: str) -> None:
    document = changed(ORDERS, "columns.0.pii", treatment)
    assert parse_contracts(texts(document, CUSTOMERS))["orders"].columns[0].pii == treatment


def test_what_dates_and_orders_rows_stays_as_it_is() -> None:
    document = changed(changed(ORDERS, "event_time", None), "columns.3.pii", "hash")
    [problem] = problems_of(texts(document, CUSTOMERS))
    assert problem == (
        "orders.yml: columns.3.pii: 'ordered_at' is in order_by, which puts rows in order and has to stay as it is"
    )
    document = changed(changed(ORDERS, "order_by", None), "columns.3.pii", "hash")
    [problem] = problems_of(texts(document, CUSTOMERS))
    assert problem.startswith("orders.yml: columns.3.pii: 'ordered_at' is the event_time")


def test_a_column_has_one_treatment() -> None:
    document = changed(ORDERS, "columns.2.pii", "hash")
    derive = [*ORDERS["processing"]["derive"], {"name": "amount", "expression": "amount + 1", "pii": "mask"}]
    problem = problem_with("processing.derive", derive, document)
    assert problem == "processing.derive.1.pii: 'amount' is hash already; say the same in both places"


@pytest.mark.parametrize(("field", "text"), [("partition_by", "bucket(4, amount)"), ("sort_by", "amount desc")])
def test_a_table_can_t_lie_by_a_dropped_column(field: str, text: str) -> None:
    document = changed(ORDERS, "columns.2.pii", "drop")
    problem = problem_with(f"table.{field}", [text], changed(document, "processing.aggregates", None))
    assert (
        problem == f"table.{field}.0: 'amount' is dropped (pii: drop) before the table is written; take another column"
    )


# History, deletes, layout ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("key", None, "history: needs key, which says whose versions are kept"),
        ("order_by", None, "history: needs order_by, which says from when a version holds"),
        (
            "order_by",
            ["amount", "ordered_at"],
            "history: a version holds from its first order_by column on, and 'amount'",
        ),
        ("columns.1.name", "valid_to", "columns.1.name: 'valid_to' is a column that history adds itself"),
        ("processing.derive", [{"name": "is_current", "expression": "true"}], "processing.derive.0.name: 'is_current'"),
        (
            "processing.enrich",
            [{**RATES, "columns": ["from"], "prefix": "valid_"}],
            "processing.enrich.0: 'valid_from'",
        ),
    ],
)
def test_history_needs_versions_in_order(path: str, value: object, problem: str) -> None:
    document = changed(ORDERS, "history", True)
    document["processing"].pop("aggregates")
    if path == "columns.1.name":
        document["processing"].pop("enrich")
    assert problem in problem_with(path, value, document)


def test_rows_are_deleted_by_key() -> None:
    document = changed(ORDERS, "key", None)
    problem = problem_with("delete_when", "amount = 0", document)
    assert problem == "delete_when: deletes rows by their key, and the contract has no key; name one"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        (
            "partition_by",
            ["day(ordered_at)"],
            "table.partition_by.0: 'day(ordered_at)' is no partition; write a column",
        ),
        ("partition_by", ["days(order_at)"], "table.partition_by.0: no column 'order_at' (did you mean 'ordered_at'?)"),
        ("partition_by", ["hours(event_date)"], "'event_date' is date, and hours takes timestamp"),
        ("partition_by", ["days(order_id)"], "'order_id' is string, and days takes date, timestamp"),
        ("partition_by", ["a", "a"], "table.partition_by: must contain unique items"),
        (
            "partition_by",
            ["months(ordered_at)", "days(ordered_at)"],
            "table.partition_by.1: 'days(ordered_at)' and 'months(ordered_at)' divide one column in the same way",
        ),
        ("partition_by", "event_date", "table.partition_by: must be array, found 'event_date'"),
        ("sort_by", ["amount down"], "table.sort_by.0: 'amount down' is no sort column; write a column, 'c asc'"),
        ("sort_by", ["amout desc"], "table.sort_by.0: no column 'amout' (did you mean 'amount'?)"),
        ("target_file_size_mb", 0, "table.target_file_size_mb: must be bigger than or equal to 1"),
        ("partition", ["x"], "table: unknown field 'partition' (did you mean 'partition_by'?)"),
    ],
)
def test_a_layout_that_can_t_be_is_told(field: str, value: object, problem: str) -> None:
    assert problem in problem_with(f"table.{field}", value)


def test_a_treated_column_is_text_to_the_layout() -> None:
    document = changed(ORDERS, "columns.2.pii", "hash")
    whole = changed(document, "table", {"partition_by": ["bucket(8, amount)", "truncate(2, amount)"]})
    assert "orders" in parse_contracts(texts(whole, CUSTOMERS))
