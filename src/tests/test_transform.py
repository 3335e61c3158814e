"""Transform: rules, derived columns, enrichment and aggregates on small frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame

from etl.contracts import Aggregate, Contract, Derived, Enrichment, Processing, Rule
from etl.errors import ExpressionError
from etl.names import EVENT_DATE, FLAGS, REASON, RECORD
from etl.transform.aggregates import aggregate
from etl.transform.enrichment import UNMATCHED, enrich
from etl.transform.expressions import derive
from etl.transform.flow import transform, with_event_date
from etl.transform.rules import apply_rules

Frame = Callable[..., DataFrame]
CUSTOMERS = Enrichment("customers", {"customer": "id"}, ("name", "country"), prefix="customer_")


@pytest.fixture
def batch(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of processed batches of (id, customer, amount)."""

    def make(*rows: tuple[Any, ...]) -> DataFrame:
        schema = "id string, customer string, amount int, _rescued_data string, _source_file string, _batch_id string"
        places = ("2024", "01", "05", "b1")
        return frame(f"{schema}, year string, month string, day string, batch_id string",
                     *((*row, None, "s3://raw/a.csv", "b1", *places) for row in rows))  # fmt: skip

    return make


def column(frame: DataFrame, name: str) -> dict[str, Any]:
    """A column's values by id; an id that stands twice fails."""
    rows = frame.select("id", name).collect()
    values = {row["id"]: row[name] for row in rows}
    assert len(values) == len(rows)
    return values


# Rules -------------------------------------------------------------------------------------------------------


def test_a_row_that_breaks_a_reject_rule_has_the_rule_as_its_reason(batch: Any) -> None:
    rule = Rule("positive", "amount > 0")
    judged = apply_rules(batch(("good", "c", 1), ("bad", "c", -1)), [rule], "orders")
    assert column(judged, REASON) == {"good": None, "bad": "rule positive: amount > 0"}


def test_a_condition_that_is_null_counts_as_broken(batch: Any) -> None:
    rules = [Rule("positive", "amount > 0"), Rule("flagged", "amount > 0", "flag")]
    judged = apply_rules(batch(("null", "c", None)), rules, "orders")
    assert column(judged, REASON) == {"null": "rule positive: amount > 0"}
    assert column(judged, FLAGS) == {"null": ["flagged"]}


def test_of_several_broken_rules_the_first_is_the_reason(batch: Any) -> None:
    rules = [Rule("small", "amount < 10"), Rule("even", "amount % 2 = 0")]
    judged = apply_rules(batch(("both", "c", 11), ("second", "c", 9)), rules, "orders")
    assert column(judged, REASON) == {"both": "rule small: amount < 10", "second": "rule even: amount % 2 = 0"}


def test_a_flag_rule_names_itself_in_the_row_and_keeps_it(batch: Any) -> None:
    rules = [Rule("small", "amount < 10", "flag"), Rule("even", "amount % 2 = 0", "flag")]
    judged = apply_rules(batch(("both", "c", 11), ("none", "c", 8)), rules, "orders")
    assert column(judged, FLAGS) == {"both": ["small", "even"], "none": []}
    assert set(column(judged, REASON).values()) == {None}


def test_without_rules_every_row_passes_with_no_flags(batch: Any) -> None:
    judged = apply_rules(batch(("a", "c", 1)), [], "orders")
    assert (column(judged, FLAGS), column(judged, REASON)) == ({"a": []}, {"a": None})


def test_the_record_of_a_judged_row_is_the_row_without_the_pipelines_columns(batch: Any) -> None:
    judged = apply_rules(with_event_date(batch(("a", "c", 1))), [], "orders")
    expected = {"id": "a", "customer": "c", "amount": 1, "event_date": "2024-01-05"}
    assert json.loads(column(judged, RECORD)["a"]) == expected


@pytest.mark.parametrize("condition", ["amuont > 0", "amount >", "amount", "nosuch(amount)", "sum(amount) > 1"])
def test_a_condition_that_does_not_compile_names_dataset_and_rule(batch: Any, condition: str) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: rule 'positive': .*does not compile: ") as caught:
        apply_rules(batch(("a", "c", 1)), [Rule("positive", condition)], "orders")
    assert condition in str(caught.value)
    assert "\n" not in str(caught.value)


# Derived columns ---------------------------------------------------------------------------------------------


def test_derived_columns_see_those_before_them(batch: Any) -> None:
    steps = Processing(derive=(Derived("double", "amount * 2"), Derived("fourfold", "double * 2")))
    judged = transform(batch(("a", "c", 3)), Contract("orders", processing=steps), {})
    assert column(judged, "fourfold") == {"a": 12}


def test_a_derived_column_may_replace_one(batch: Any) -> None:
    assert column(derive(batch(("a", "c", 3)), Derived("amount", "amount + 1"), "orders"), "amount") == {"a": 4}


def test_rules_see_derived_and_enriched_columns(batch: Any, frame: Frame) -> None:
    steps = Processing(
        rules=(Rule("domestic", "label = 'DE-a'"),),
        derive=(Derived("label", "concat_ws('-', customer_country, id)"),),
        enrich=(CUSTOMERS,),
    )
    customers = frame("id string, name string, country string", ("c", "Ann", "DE"))
    judged = transform(
        batch(("a", "c", 3), ("b", "c", 3)), Contract("orders", processing=steps), {"customers": customers}
    )
    assert column(judged, REASON) == {"a": None, "b": "rule domestic: label = 'DE-a'"}


def test_an_expression_that_does_not_compile_names_dataset_and_column(batch: Any) -> None:
    with pytest.raises(ExpressionError, match=r"orders: derived column 'x': 'nope \+ 1' does not compile: .*nope"):
        derive(batch(("a", "c", 3)), Derived("x", "nope + 1"), "orders")


# Event date --------------------------------------------------------------------------------------------------


def test_the_event_date_takes_the_place_of_the_folder_columns(batch: Any) -> None:
    dated = with_event_date(batch(("a", "c", 3)))
    assert column(dated, EVENT_DATE) == {"a": date(2024, 1, 5)}
    assert dated.columns == ["id", "customer", "amount", EVENT_DATE, "_rescued_data", "_source_file", "_batch_id"]


# Enrichment --------------------------------------------------------------------------------------------------


@pytest.fixture
def customers(frame: Frame) -> DataFrame:
    return frame(
        "id string, name string, country string, secret string", ("c", "Ann", None, "x"), (None, "Nobody", "DE", "x")
    )


def test_enrichment_adds_the_columns_under_their_prefix(batch: Any, customers: DataFrame) -> None:
    enriched = enrich(batch(("a", "c", 1)), CUSTOMERS, customers, "orders")
    assert enriched.columns == [*batch().columns, "customer_name", "customer_country"]
    assert column(enriched, "customer_name") == {"a": "Ann"}


def test_a_row_without_a_partner_stays_with_nulls(batch: Any, customers: DataFrame) -> None:
    enriched = enrich(batch(("a", "nobody", 1), ("b", None, 1)), CUSTOMERS, customers, "orders")
    assert column(enriched, "customer_name") == {"a": None, "b": None}


def test_an_inner_enrichment_refuses_a_row_without_a_partner_and_drops_none(batch: Any, customers: DataFrame) -> None:
    inner = Enrichment("customers", {"customer": "id"}, ("country",), prefix="customer_", how="inner")
    steps = Processing(enrich=(inner,))
    rows = (("with", "c", 1), ("without", "x", 1), ("null", None, 1))
    judged = transform(batch(*rows), Contract("orders", processing=steps), {"customers": customers})
    reason = "customer: no match in customers"
    assert column(judged, REASON) == {"with": None, "without": reason, "null": reason}
    assert UNMATCHED not in judged.columns


def test_of_two_inner_enrichments_the_first_that_fails_is_the_reason(batch: Any, customers: DataFrame) -> None:
    first = Enrichment("customers", {"customer": "id"}, ("country",), prefix="one_", how="inner")
    second = Enrichment("products", {"id": "id"}, ("country",), prefix="two_", how="inner")
    steps = Processing(enrich=(first, second))
    tables = {"customers": customers, "products": customers}
    judged = transform(batch(("neither", "x", 1), ("second", "c", 1)), Contract("orders", processing=steps), tables)
    expected = {"neither": "customer: no match in customers", "second": "id: no match in products"}
    assert column(judged, REASON) == expected


def test_an_enrichment_takes_the_place_of_an_unknown_source_column_of_its_name(
    frame: Frame, customers: DataFrame
) -> None:
    rows = frame("id string, customer string, customer_name string", ("a", "c", "from the source"))
    assert column(enrich(rows, CUSTOMERS, customers, "orders"), "customer_name") == {"a": "Ann"}


def test_a_column_that_the_other_table_lacks_is_named(batch: Any, frame: Frame) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: enrichment from customers needs .* country; .* id, name"):
        enrich(batch(), CUSTOMERS, frame("id string, name string"), "orders")


# Aggregates --------------------------------------------------------------------------------------------------

SALES = Aggregate("sales", {"rows": "count(*)", "total": "sum(amount)"}, ("customer",))


def test_an_aggregate_has_one_row_per_day_and_group_null_groups_included(batch: Any) -> None:
    rows = with_event_date(batch(("1", "c", 1), ("2", "c", 2), ("3", None, 4), ("4", "d", None)))
    found = sorted(tuple(row) for row in aggregate(rows, SALES, "orders").na.fill("none", ["customer"]).collect())
    day = date(2024, 1, 5)
    assert found == [(day, "c", 2, 3), (day, "d", 1, None), (day, "none", 1, 4)]


def test_a_measure_that_does_not_compile_names_dataset_and_aggregate(batch: Any) -> None:
    wrong = Aggregate("sales", {"total": "sum(amuont)"})
    with pytest.raises(ExpressionError, match=r"orders: aggregate 'sales': sum\(amuont\) does not compile: "):
        aggregate(with_event_date(batch()), wrong, "orders")
