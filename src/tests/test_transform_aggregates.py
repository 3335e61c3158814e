"""Aggregates: per day, over the whole table, and rolled up from partials to what the whole table gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Aggregate
from etl.errors import ExpressionError
from etl.transform.aggregates import aggregate, can_be_merged, is_mergeable, partials, rolled_up

Frame = Callable[..., DataFrame]
DAY = date(2024, 1, 5)
SCHEMA = "event_date date, customer string, amount int, price decimal(12,2), label string, ratio double"
SALES = Aggregate("sales", {"rows": "count(*)", "total": "sum(amount)"}, ("customer",))
MERGEABLE = {
    "rows": "count(*)", "amounts": "count(amount)", "both": "count(amount, label)", "total": "sum(amount)",
    "turnover": "sum(price)", "weighted": "sum(amount * price)", "high": "count_if(amount > 2)", "first": "min(label)",
    "last": "max(label)", "newest": "max(event_date)", "lowest": "min(price)", "ratios": "sum(ratio)",
}  # fmt: skip
OVERALL = Aggregate("overall", MERGEABLE, ("customer",), over="table")
TOTALS = Aggregate("totals", MERGEABLE, over="table")


def rows_of(frame: DataFrame) -> list[tuple[Any, ...]]:
    """All rows, in an order that nulls don't disturb."""
    return sorted((tuple(row) for row in frame.collect()), key=repr)


@pytest.fixture
def sales(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of rows of (event_date, customer, amount)."""
    return lambda *rows: frame("event_date date, customer string, amount int", *rows)


# Per day -----------------------------------------------------------------------------------------------------


def test_an_aggregate_has_one_row_per_day_and_group_null_groups_included(sales: Any) -> None:
    rows = sales((DAY, "c", 1), (DAY, "c", 2), (DAY, None, 4), (DAY, "d", None), (date(2024, 1, 6), "c", 8))
    expected = [(DAY, "c", 2, 3), (DAY, "d", 1, None), (DAY, None, 1, 4), (date(2024, 1, 6), "c", 1, 8)]
    assert rows_of(aggregate(rows, SALES, "orders")) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("measure", "expected"),
    [("count(distinct customer)", 2), ("count(distinct customer, amount)", 3), ("avg(amount)", 3.75),
     ("percentile(amount, 0.5)", 3.0), ("percentile_approx(amount, 0.5)", 2), ("approx_count_distinct(customer)", 2),
     ("sum(amount) / count(*)", 3.0), ("max_by(customer, amount)", "d"),
     ("sum(amount) filter (where customer = 'c')", 3), ("array_sort(collect_set(customer))", ["c", "d"])],
)  # fmt: skip
def test_every_aggregate_function_of_spark_is_a_measure(sales: Any, measure: str, expected: Any) -> None:
    rows = sales((DAY, "c", 1), (DAY, "c", 2), (DAY, None, 4), (DAY, "d", 8), (DAY, "d", None))
    assert rows_of(aggregate(rows, Aggregate("a", {"m": measure}), "orders")) == [(DAY, expected)]
    assert not is_mergeable(measure)


def test_a_measure_that_does_not_compile_names_dataset_and_aggregate(sales: Any) -> None:
    wrong = Aggregate("sales", {"total": "sum(amuont)"})
    with pytest.raises(ExpressionError, match=r"orders: aggregate 'sales': sum\(amuont\) does not compile: "):
        aggregate(sales(), wrong, "orders")


# Over the table ----------------------------------------------------------------------------------------------


def test_an_aggregate_over_the_table_has_one_row_per_group(sales: Any) -> None:
    over_table = Aggregate("a", {"customers": "count(distinct customer)", "total": "sum(amount)"}, over="table")
    rows = sales((DAY, "c", 1), (date(2024, 1, 6), "c", 2), (DAY, "d", 4))
    assert rows_of(aggregate(rows, over_table, "orders")) == [(2, 7)]
    by_customer = Aggregate("a", {"total": "sum(amount)"}, ("customer",), over="table")
    assert rows_of(aggregate(rows, by_customer, "orders")) == [("c", 3), ("d", 4)]


@pytest.mark.parametrize(
    "measure",
    ["sum(a)", " SUM ( a ) ", "count(*)", "count(1)", "count(a, b)", "count_if(a > (b + 1))", "min(a)", "max(a)",
     "sum(a * (1 - b))", "sum(case when s = ')' then a end)", "max(concat(\"(\", s))", "max(`odd) name`)",
     r"max(concat(s, '\')'))", "sum(distinct_total)", "min(struct(a, b))"],
)  # fmt: skip
def test_one_call_of_a_measure_that_can_be_merged_is_mergeable(measure: str) -> None:
    assert is_mergeable(measure)


@pytest.mark.parametrize(
    "measure",
    ["count(distinct a)", "sum( DISTINCT a)", "sum(a) + sum(b)", "sum(a) / count(*)", "round(sum(a), 2)", "avg(a)",
     "sum(a) over (partition by b)", "count(*) filter (where a > 1)", "percentile(a, 0.5)", "summary(a)", "a", "",
     "sum(a", "sum(a) -- all )", "sum(a /* ) */)", "-sum(a)", "max_by(a, b)", "min(a))", "cast(sum(a) as int)"],
)  # fmt: skip
def test_everything_else_is_not(measure: str) -> None:
    assert not is_mergeable(measure)


def test_an_aggregate_can_be_merged_when_all_its_measures_can(sales: Any) -> None:
    assert can_be_merged(sales(), Aggregate("a", {"m": "sum(amount)", "n": "count(*)"}, over="table"), "orders")
    mixed = Aggregate("a", {"m": "sum(amount)", "n": "avg(amount)"}, over="table")
    assert not can_be_merged(sales(), mixed, "orders")


def test_sums_of_the_widest_decimals_are_not_merged_since_an_overflow_would_be_taken_for_no_value(frame: Frame) -> None:
    rows = frame("event_date date, wide decimal(38,2), narrow decimal(27,2)")
    assert not can_be_merged(rows, Aggregate("a", {"m": "sum(wide)"}, over="table"), "orders")
    assert can_be_merged(rows, Aggregate("a", {"m": "sum(narrow)", "n": "max(wide)"}, over="table"), "orders")


# Partials ----------------------------------------------------------------------------------------------------

VALUES = st.tuples(
    st.integers(0, 3).map(lambda days: DAY + timedelta(days)),
    st.sampled_from(["c", "d", None]),
    st.none() | st.integers(-5, 5),
    st.none() | st.decimals(-99, 99, places=2),
    st.none() | st.sampled_from(["", "a", "z"]),
    # Sums of these are exact in any order.
    st.none() | st.sampled_from([0.0, 0.5, 0.25, -8.0]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(VALUES, max_size=12))
def test_partials_of_any_days_roll_up_to_what_all_rows_give(spark: SparkSession, rows: list[tuple[Any, ...]]) -> None:
    table = spark.createDataFrame(rows, SCHEMA).coalesce(1)
    for definition in (OVERALL, TOTALS):
        direct, merged = aggregate(table, definition, "orders"), rolled_up(partials(table, definition, "o"), definition)
        assert rows_of(merged) == rows_of(direct)
        assert kinds(merged) == kinds(direct)


def kinds(frame: DataFrame) -> list[tuple[str, str]]:
    return frame.dtypes


def test_a_group_or_table_without_rows_rolls_up_as_if_computed(frame: Frame) -> None:
    none = frame(SCHEMA)
    assert rows_of(rolled_up(partials(none, TOTALS, "o"), TOTALS)) == rows_of(aggregate(none, TOTALS, "o"))
    assert rows_of(rolled_up(partials(none, OVERALL, "o"), OVERALL)) == []


def test_partials_have_one_row_per_day_and_group_and_days_can_be_replaced_one_by_one(frame: Frame) -> None:
    older, newer = (DAY, "c", 1, Decimal("1.00"), "a", 0.5), (DAY + timedelta(1), "c", 2, Decimal("2.00"), "b", 0.5)
    both = partials(frame(SCHEMA, older, newer), OVERALL, "o")
    assert both.columns == ["event_date", "customer", *MERGEABLE]
    alone = partials(frame(SCHEMA, older), OVERALL, "o").union(partials(frame(SCHEMA, newer), OVERALL, "o"))
    assert rows_of(alone) == rows_of(both)


def test_the_event_date_may_be_a_group_of_the_table_too(frame: Frame) -> None:
    by_day = Aggregate("a", {"rows": "count(*)"}, ("event_date",), over="table")
    table = frame(SCHEMA, (DAY, "c", 1, None, None, None))
    assert rows_of(rolled_up(partials(table, by_day, "o"), by_day)) == [(DAY, 1)]
