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
from etl.names import BATCH, INGESTED_AT, PARTITIONS, REASON, RECORD, RESCUED, SOURCE_FILE
from etl.standardise import DUPLICATE_REASON, standardise, unknown_columns

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
KEYED = Contract("orders", ORDERS.columns, key=("id",), order_by=("changed",))
Standardised = Callable[..., list[Row]]


@pytest.fixture
def raw(spark: SparkSession) -> Callable[..., DataFrame]:
    """A factory of readers' frames from rows as dicts; ``_source_file`` and ``_corrupt_record`` can be left out."""

    def make(*rows: dict[str, str | None]) -> DataFrame:
        names = list(dict.fromkeys(name for row in rows for name in row if not name.startswith("_")))
        complete = [
            (*(row.get(name) for name in names), row.get("_corrupt_record"), row.get("_source_file", FILE))
            for row in rows
        ]
        schema = ", ".join(f"`{name}` string" for name in [*names, "_corrupt_record", "_source_file"])
        return spark.createDataFrame(complete, schema)

    return make


@pytest.fixture
def standardised(raw: Callable[..., DataFrame]) -> Standardised:
    """A factory: the standardised rows of raw ones, in the order of their first column."""

    def make(contract: Contract, *rows: dict[str, str | None]) -> list[Row]:
        frame = standardise(raw(*rows), contract, "b1", AT)
        assert len(set(frame.columns)) == len(frame.columns)
        return sorted(frame.collect(), key=lambda row: str(tuple(row)))

    return make


def reasons(rows: list[Row]) -> Counter[str | None]:
    return Counter(row[REASON] for row in rows)


# Shape -------------------------------------------------------------------------------------------------------


def test_the_columns_are_the_contracts_then_the_unknown_ones_then_the_pipelines(raw: Any) -> None:
    frame = standardise(raw({"note": "x", "quantity": "1", "id": "a"}), ORDERS, "b1", AT)
    contract_columns = ["id", "amount", "quantity", "changed"]
    added = [RESCUED, SOURCE_FILE, BATCH, INGESTED_AT, REASON, RECORD, *PARTITIONS]
    assert frame.columns == [*contract_columns, "note", *added]
    types = ["string", "decimal(12,2)", "int", "timestamp"]
    assert [kind for _, kind in frame.dtypes[:4]] == types


def test_a_good_row_is_typed_and_accepted(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "007", "amount": "1.5", "quantity": "2", "changed": "2024-01-15T10:00:00Z"})
    assert (row["id"], row["amount"], row["quantity"]) == ("007", Decimal("1.50"), 2)
    assert row["changed"] == datetime(2024, 1, 15, 10)
    assert (row[REASON], row[RESCUED], row[BATCH], row[SOURCE_FILE]) == (None, None, "b1", FILE)
    assert row[INGESTED_AT] == datetime(2024, 3, 1, 12, 30)


def test_the_record_is_the_row_as_it_came(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": " n/a ", "note": "ü"})
    assert json.loads(row[RECORD]) == {"id": "1", "amount": " n/a ", "note": "ü"}


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
    assert (row["amount"], row["quantity"], row["changed"], row[REASON]) == (None, None, None, None)


def test_blanks_around_typed_values_go_and_blank_is_no_value(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": " 1 ", "amount": " 5.00 ", "quantity": "   "})
    assert (row["id"], row["amount"], row["quantity"], row[RESCUED]) == (" 1 ", Decimal("5.00"), None, None)


# Values that don't fit ---------------------------------------------------------------------------------------


def test_a_value_that_does_not_fit_is_rescued_with_its_text_and_the_row_stays(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": "1.005", "quantity": "3000000000", "changed": "31/02/2024"})
    assert (row["amount"], row["quantity"], row["changed"], row[REASON]) == (None, None, None, None)
    assert json.loads(row[RESCUED]) == {"amount": "1.005", "quantity": "3000000000", "changed": "31/02/2024"}


def test_only_what_did_not_fit_is_rescued(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "amount": "5", "quantity": "two"})
    assert json.loads(row[RESCUED]) == {"quantity": "two"}


def test_a_misfit_refuses_the_row_where_the_contract_says_reject(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("id"), Column("quantity", "int", on_bad_value="reject")))
    [row] = standardised(contract, {"id": "1", "quantity": "two"})
    assert row[REASON] == "quantity: not a int"


def test_a_misfit_of_a_required_column_refuses_the_row(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("at", "timestamp", required=True),))
    assert reasons(standardised(contract, {"at": "soon"})) == {"at: not a timestamp": 1}


@pytest.mark.parametrize("value", [None, "", "   "])
def test_a_required_text_that_is_missing_or_blank_refuses_the_row(standardised: Standardised, value: str) -> None:
    [row] = standardised(ORDERS, {"id": value, "quantity": "1"})
    assert row[REASON] == "id: required value is missing"


def test_a_row_that_does_not_parse_is_refused_with_its_original_line(standardised: Standardised) -> None:
    [row] = standardised(ORDERS, {"id": "1", "quantity": "x", "_corrupt_record": "1,x,y,z"})
    assert (row[REASON], row[RECORD]) == ("the row does not parse", "1,x,y,z")


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
    assert [row[part] for part in PARTITIONS] == ["2024", "01", "15"]


# Duplicates --------------------------------------------------------------------------------------------------


def test_of_rows_with_one_key_the_latest_is_kept_and_the_others_are_refused(standardised: Standardised) -> None:
    times = ("2024-01-02", "2024-01-03", "2024-01-01", None)
    rows = standardised(KEYED, *({"id": "1", "changed": time} for time in times), {"id": "2", "changed": None})
    accepted = [(row["id"], row["changed"]) for row in rows if row[REASON] is None]
    assert accepted == [("1", datetime(2024, 1, 3)), ("2", None)]
    assert reasons(rows) == {DUPLICATE_REASON: 3, None: 2}


def test_of_exact_copies_one_is_kept(standardised: Standardised) -> None:
    copy = {"id": "1", "quantity": "1", "changed": "2024-01-01"}
    assert reasons(standardised(KEYED, copy, copy, copy)) == {DUPLICATE_REASON: 2, None: 1}


def test_a_refused_row_never_displaces_a_good_one(standardised: Standardised) -> None:
    later = {"id": "1", "changed": "2024-01-09", "_corrupt_record": "1,2024-01-09,?"}
    rows = standardised(KEYED, {"id": "1", "changed": "2024-01-01"}, later)
    assert reasons(rows) == {None: 1, "the row does not parse": 1}
    assert [row["changed"] for row in rows if row[REASON] is None] == [datetime(2024, 1, 1)]


def test_a_tie_goes_to_the_later_file(standardised: Standardised) -> None:
    first, second = FILE, FILE.replace("a.csv", "b.csv")
    rows = [{"id": "1", "quantity": "1", "_source_file": first}, {"id": "1", "quantity": "2", "_source_file": second}]
    for order in (rows, rows[::-1]):
        assert [row["quantity"] for row in standardised(KEYED, *order) if row[REASON] is None] == [2]


def test_a_tie_within_a_file_always_ends_the_same_way(raw: Any) -> None:
    rows = [{"id": "1", "quantity": "1", "note": str(number)} for number in range(12)]
    kept = set()
    for order in (rows, rows[::-1], rows[6:] + rows[:6]):
        frame = standardise(raw(*order).repartition(3), KEYED, "b1", AT)
        kept.add(tuple(row["note"] for row in frame.where(f"{REASON} is null").collect()))
    assert len(kept) == 1


def test_a_dataset_without_a_key_keeps_exact_copies(standardised: Standardised) -> None:
    copy = {"id": "1", "quantity": "1"}
    assert reasons(standardised(ORDERS, copy, copy)) == {None: 2}


# Partitions --------------------------------------------------------------------------------------------------


def partitions(row: Row) -> str:
    return "-".join(row[name] for name in PARTITIONS)


def test_the_partition_is_the_day_of_the_event(standardised: Standardised) -> None:
    contract = Contract("orders", ORDERS.columns, event_time="changed")
    [row] = standardised(contract, {"id": "1", "changed": "2023-12-31T23:59:59Z"})
    assert partitions(row) == "2023-12-31"


def test_without_an_event_the_partition_is_the_date_in_the_key(standardised: Standardised) -> None:
    contract = Contract("orders", ORDERS.columns, event_time="changed")
    [row] = standardised(contract, {"id": "1", "changed": None})
    assert partitions(row) == "2024-01-15"


@pytest.mark.parametrize("key", ["orders/a.csv", "orders/2024/13/45/a.csv", "orders/2024/01/15/part/a.csv"])
def test_without_any_date_the_partition_is_the_day_of_arrival(standardised: Standardised, key: str) -> None:
    [row] = standardised(ORDERS, {"id": "1", "_source_file": f"s3://raw/data/incoming/{key}"})
    assert partitions(row) == "2024-03-01"


def test_a_date_column_can_be_the_event(standardised: Standardised) -> None:
    contract = Contract("orders", (Column("id"), Column("on", "date")), event_time="on")
    [row] = standardised(contract, {"id": "1", "on": "0001-01-01"})
    assert (row["on"], partitions(row)) == (date(1, 1, 1), "0001-01-01")
