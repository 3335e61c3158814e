"""Standardise: texts become the contract's columns; every row is accepted, or refused with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from etl.contracts import Column, Contract
from etl.names import DATE, LATE, REFUSAL, RESCUED, SOURCE_FILE
from etl.standardise import standardise, unknown_columns

AT = datetime(2024, 3, 1, 12, 30, tzinfo=timezone.utc)
FILE = "s3://raw/data/incoming/orders/2024/01/15/a.csv"
ORDERS = Contract(
    "orders",
    (
        Column("id", required=True),
        Column("amount", "decimal(12,2)", aliases=("total",)),
        Column("quantity", "int"),
        Column("changed", "timestamp"),
    ),
)
Standardised = Callable[..., list[Row]]


@pytest.fixture
def raw(spark: SparkSession) -> Callable[..., DataFrame]:
    """A factory of readers' frames from rows as dicts; the readers' own columns can be left out."""

    def make(*rows: dict[str, str | None]) -> DataFrame:
        names = list(dict.fromkeys(name for row in rows for name in row if not name.startswith("_")))
        added = {"_corrupt_record": None, "_source_file": FILE, "_position": None}
        complete = [
            (*(row.get(name) for name in names), *(row.get(name, default) for name, default in added.items()))
            for row in rows
        ]
        schema = ", ".join(f"`{name}` string" for name in [*names, *added])
        return spark.createDataFrame(complete, schema)

    return make


@pytest.fixture
def standardised(raw: Callable[..., DataFrame]) -> Standardised:
    """A factory: the standardised rows of raw ones, in the order of their first column."""

    def make(contract: Contract, *rows: dict[str, str | None]) -> list[Row]:
        frame = standardise(raw(*rows), contract, AT).select(
            "*", *(f"{REFUSAL}.{name}" for name in ("reason", "record", "position"))
        )
        assert len(set(frame.columns)) == len(frame.columns)
        return sorted(frame.collect(), key=lambda row: str(tuple(row)))

    return make


def reasons(rows: list[Row]) -> Counter[str | None]:
    return Counter(row["reason"] for row in rows)


# Shape -------------------------------------------------------------------------------------------------------


def test_the_columns_are_the_contracts_then_the_unknown_ones_then_the_pipelines(raw: Any) -> None:
    frame = standardise(raw({"note": "x", "quantity": "1", "id": "a"}), ORDERS, AT)
    contract_columns = ["id", "amount", "quantity", "changed"]
    added = [RESCUED, SOURCE_FILE, DATE, LATE, REFUSAL]
    assert frame.columns == [*contract_columns, "note", *added]
    types = ["string", "decimal(12,2)", "int", "timestamp"]
    assert [kind for _, kind in frame.dtypes[:4]] == types


def test_a_good_row_is_typed_and_accepted(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "007", "amount": "1.5", "quantity": "2", "changed": "2024-01-15T10:00:00Z"})
    assert (row["id"], row["amount"], row["quantity"]) == ("007", Decimal("1.50"), 2)
    assert row["changed"] == datetime(2024, 1, 15, 10)
    assert (row["reason"], row[RESCUED], row["record"], row[SOURCE_FILE]) == (None, None, None, FILE)


def test_the_record_of_a_refused_row_is_the_row_as_it_came(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": " ", "amount": " n/a ", "note": "ü", "total": None, "_position": "row 7"})
    assert json.loads(row["record"]) == {"id": " ", "amount": " n/a ", "note": "ü"}
    assert row["position"] == "row 7"


def test_a_column_may_come_under_an_alias(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "total": "5"})
    assert row["amount"] == Decimal("5.00")
    assert "total" not in row


def test_the_first_name_with_a_value_wins_over_an_alias(standardised: Standardised) -> None:
    rows = standardised(ORDERS, {"id": "1", "amount": "1", "total": "2"}, {"id": "2", "amount": None, "total": "2"})
    assert [row["amount"] for row in rows] == [Decimal("1.00"), Decimal("2.00")]


def test_a_blank_cell_of_a_typed_column_gives_way_to_the_alias(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": "  ", "total": "2"})
    assert row["amount"] == Decimal("2.00")


def test_a_column_that_the_source_lacks_is_null(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1"})
    assert (row["amount"], row["quantity"], row["changed"], row["reason"]) == (None, None, None, None)


def test_blanks_around_typed_values_go_and_blank_is_no_value(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": " 1 ", "amount": " 5.00 ", "quantity": "   "})
    assert (row["id"], row["amount"], row["quantity"], row[RESCUED]) == (" 1 ", Decimal("5.00"), None, None)


# Values that don't fit ---------------------------------------------------------------------------------------


def test_a_value_that_does_not_fit_is_rescued_with_its_text_and_the_row_stays(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": "1.005", "quantity": "3000000000", "changed": "31/02/2024"})
    assert (row["amount"], row["quantity"], row["changed"], row["reason"]) == (None, None, None, None)
    assert json.loads(row[RESCUED]) == {"amount": "1.005", "quantity": "3000000000", "changed": "31/02/2024"}


def test_only_what_did_not_fit_is_rescued(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": "5", "quantity": "two"})
    assert json.loads(row[RESCUED]) == {"quantity": "two"}


def test_a_misfit_refuses_the_row_where_the_contract_says_reject(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("id"), Column("quantity", "int", on_bad_value="reject")))
    [row] = standardised(contract, {"id": "1", "quantity": "two"})
    assert row["reason"] == "quantity: not a int"


def test_a_misfit_of_a_required_column_refuses_the_row(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("at", "timestamp", required=True),))
    assert reasons(standardised(contract, {"at": "soon"})) == {"at: not a timestamp": 1}


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_required_text_that_is_missing_or_blank_refuses_the_row(standardised: Standardised, value: str) -> None:
    [row] = standardised(ORDERS, {"id": value, "quantity": "1"})
    assert row["reason"] == "id: required value is missing"


def test_a_row_that_does_not_parse_is_refused_with_its_original_line(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "quantity": "x", "_corrupt_record": "1,x,y,z"})
    assert (row["reason"], row["record"]) == ("the row does not parse", "1,x,y,z")


# Unknown columns ---------------------------------------------------------------------------------------------


def test_in_mode_evolve_unknown_columns_are_kept_as_text(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "note": "007"})
    assert (row["note"], row[RESCUED]) == ("007", None)


def test_in_mode_rescue_unknown_columns_go_to_the_rescued_data(standardised: Standardised) -> None:
    contract = Contract("orders", ORDERS.columns, schema_mode="rescue")
    rows = standardised(contract, {"id": "1", "note": "x", "quantity": "two"}, {"id": "2", "note": None})
    assert "note" not in rows[0]
    assert json.loads(rows[0][RESCUED]) == {"note": "x", "quantity": "two"}
    assert rows[1][RESCUED] is None


def test_names_and_aliases_are_known_and_nothing_else() -> None:
    columns = ["id", "total", "note", "_corrupt_record", "_source_file"]
    assert unknown_columns(columns, ORDERS) == ["note"]


@pytest.mark.parametrize("name", ["year", "month", "day", "batch_id", "event_date"])
@pytest.mark.parametrize("mode", ["evolve", "rescue"])
def test_an_unknown_column_named_like_one_of_the_pipelines_is_kept_under_another_name(
    standardised: Standardised, name: str, mode: str
) -> None:
    contract = Contract("orders", ORDERS.columns, schema_mode=mode)
    [row] = standardised(contract, {"id": "1", name: "1999"})
    kept = row[f"source_{name}"] if mode == "evolve" else json.loads(row[RESCUED])[name]
    assert kept == "1999"
    assert row[DATE] == date(2024, 1, 15)


# Dates -------------------------------------------------------------------------------------------------------


def test_the_date_of_a_row_is_the_day_of_its_event(standardised: Standardised) -> None:
    contract = Contract("orders", ORDERS.columns, event_time="changed")
    [row] = standardised(contract, {"id": "1", "changed": "2023-12-31T23:59:59Z"})
    assert row[DATE] == date(2023, 12, 31)


def test_without_an_event_it_is_the_date_in_the_key(standardised: Standardised) -> None:
    contract = Contract("orders", ORDERS.columns, event_time="changed")
    [row] = standardised(contract, {"id": "1", "changed": None})
    assert row[DATE] == date(2024, 1, 15)


@pytest.mark.parametrize("key", ["orders/a.csv", "orders/2024/13/45/a.csv", "orders/2024/01/15/part/a.csv"])
def test_without_any_date_it_is_the_day_of_arrival(standardised: Standardised, key: str) -> None:
    [row] = standardised(ORDERS, {"id": "1", "_source_file": f"s3://raw/data/incoming/{key}"})
    assert row[DATE] == date(2024, 3, 1)


def test_a_date_column_can_be_the_event(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("id"), Column("on", "date")), event_time="on")
    [row] = standardised(contract, {"id": "1", "on": "0001-01-01"})
    assert (row["on"], row[DATE]) == (date(1, 1, 1), date(1, 1, 1))


@pytest.mark.parametrize(
    ("days", "changed", "late"),
    [
        (30, "2024-01-30", True),
        (30, "2024-01-31", False),
        (30, None, False),
        (0, "2024-02-29", True),
        (None, "2023-01-01", False),
    ],
)
def test_a_row_is_late_when_its_event_is_more_days_before_arrival_than_the_contract_expects(
    standardised: Standardised, days: int | None, changed: str | None, late: bool
) -> None:
    contract = Contract("orders", ORDERS.columns, event_time="changed", late_after_days=days)
    [row] = standardised(contract, {"id": "1", "changed": changed})
    assert row[LATE] is late


# Nested values -----------------------------------------------------------------------------------------------


def test_json_text_becomes_the_contracts_arrays_maps_and_structs(standardised: Standardised) -> None:
    kinds = {"tags": "array<string>", "rates": "map<string,decimal(20,10)>", "at": "struct<lat:double,on:date>"}
    contract = Contract("orders", tuple(Column(name, kind) for name, kind in kinds.items()))
    texts = {"tags": '["a", "b"]', "rates": '{"x": 1234567890.0123456789}', "at": '{"lat": 1.5, "on": "2024-01-15"}'}
    [row] = standardised(contract, texts)
    assert (row["tags"], row["rates"]) == (["a", "b"], {"x": Decimal("1234567890.0123456789")})
    assert (row["at"]["lat"], row["at"]["on"], row[RESCUED]) == (1.5, date(2024, 1, 15), None)


@pytest.mark.parametrize("text", ['["a", 5', "[1, 2]", "a", "{}", '"a"'])
def test_json_text_of_another_shape_is_rescued_whole(standardised: Standardised, text: str) -> None:
    contract = Contract("orders", (Column("days", "array<date>"),))
    [row] = standardised(contract, {"days": text})
    assert row["days"] is None
    assert json.loads(row[RESCUED]) == {"days": text}


def test_a_contract_of_very_many_columns_is_judged_like_any_other(standardised: Standardised) -> None:
    names = [f"c{number}" for number in range(210)]
    contract = Contract("wide", (Column("id", required=True), *(Column(name, "int") for name in names)))
    good = {"id": "1", **{name: str(number) for number, name in enumerate(names)}}
    others = ({**good, "id": "2", "c7": "x"}, {**good, "id": " ", "c8": "y"})
    rows = {row["id"]: row for row in standardised(contract, good, *others)}
    assert [rows["1"][name] for name in names] == list(range(210))
    assert (rows["2"]["c7"], json.loads(rows["2"][RESCUED])) == (None, {"c7": "x"})
    assert json.loads(rows[" "]["record"]) == {**good, "id": " ", "c8": "y"}


def test_a_new_column_never_takes_the_name_of_a_contract_column_that_the_batch_lacks(
    standardised: Standardised,
) -> None:
    contract = Contract("cars", (Column("id"), Column("source_year")))
    [row] = standardised(contract, {"id": "1", "year": "2001"})
    assert (row["source_year"], row["source_source_year"]) == (None, "2001")
