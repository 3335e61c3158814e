"""Enrichment: every row stays once, finds its partner by its keys and time, and tells where it has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import AsOf, Enrichment
from etl.errors import ExpressionError
from etl.names import REASON
from etl.transform.enrichment import UNMATCHED, check_reference, enrich

Frame = Callable[..., DataFrame]
CUSTOMERS = Enrichment("customers", {"customer": "id"}, ("name", "country"), prefix="customer_")
PRICES = Enrichment("prices", {"product": "product"}, ("price",), as_of=AsOf("sold_at"))
JANUARY, MARCH = datetime(2024, 1, 1), datetime(2024, 3, 1)


@pytest.fixture
def orders(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of rows of (id, customer, amount)."""
    return lambda *rows: frame("id string, customer string, amount int", *rows)


@pytest.fixture
def customers(frame: Frame) -> DataFrame:
    return frame(
        "id string, name string, country string, secret string", ("c", "Ann", None, "x"), (None, "Nobody", "DE", "x")
    )


@pytest.fixture
def sales(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of rows of (id, product, sold_at)."""
    return lambda *rows: frame("id string, product string, sold_at timestamp", *rows)


@pytest.fixture
def prices(frame: Frame) -> DataFrame:
    """Product p cost 1 before January, 2 until March, and 3 since."""
    return frame(
        "product string, price int, valid_from timestamp, valid_to timestamp",
        ("p", 1, None, JANUARY), ("p", 2, JANUARY, MARCH), ("p", 3, MARCH, None), ("q", 9, MARCH, MARCH),
    )  # fmt: skip


def column(frame: DataFrame, name: str) -> dict[str, Any]:
    """A column's values by id; an id that stands twice fails."""
    rows = frame.select("id", name).collect()
    values = {row["id"]: row[name] for row in rows}
    assert len(values) == len(rows)
    return values


# Partners ----------------------------------------------------------------------------------------------------


def test_enrichment_adds_the_columns_under_their_prefix(orders: Any, customers: DataFrame) -> None:
    enriched = enrich(orders(("a", "c", 1)), CUSTOMERS, customers, "orders")
    assert enriched.columns == ["id", "customer", "amount", "customer_name", "customer_country", UNMATCHED]
    assert column(enriched, "customer_name") == {"a": "Ann"}


def test_a_row_without_a_partner_stays_with_nulls_and_names_the_reference(orders: Any, customers: DataFrame) -> None:
    enriched = enrich(orders(("a", "nobody", 1), ("b", None, 1), ("c", "c", 1)), CUSTOMERS, customers, "orders")
    assert column(enriched, "customer_name") == {"a": None, "b": None, "c": "Ann"}
    assert column(enriched, UNMATCHED) == {"a": ["customers"], "b": ["customers"], "c": []}
    assert REASON not in enriched.columns


def test_a_partner_whose_taken_columns_are_all_null_is_a_partner(orders: Any, customers: DataFrame) -> None:
    country = Enrichment("customers", {"customer": "id"}, ("country",), how="inner")
    assert column(enrich(orders(("a", "c", 1)), country, customers, "orders"), REASON) == {"a": None}


@pytest.mark.parametrize("refusing", [{"how": "inner"}, {"on_unmatched": "reject"}])
def test_a_refusing_enrichment_gives_the_reason_and_drops_no_row(
    orders: Any, customers: DataFrame, refusing: dict[str, str]
) -> None:
    enrichment = Enrichment("customers", {"customer": "id"}, ("country",), **refusing)
    rows = orders(("with", "c", 1), ("without", "x", 1), ("null", None, 1))
    reason = "customer: no match in customers"
    found = enrich(rows, enrichment, customers, "orders")
    assert column(found, REASON) == {"with": None, "without": reason, "null": reason}


def test_of_several_references_the_first_that_refuses_is_the_reason_and_all_are_named(
    orders: Any, customers: DataFrame
) -> None:
    rows = orders(("neither", "x", 1), ("second", "c", 1), ("c", "c", 1))
    for source, key, how in (("countries", "customer", "left"), ("customers", "customer", "inner"),
                             ("products", "id", "inner")):  # fmt: skip
        enrichment = Enrichment(source, {key: "id"}, ("country",), prefix=f"{source}_", how=how)
        rows = enrich(rows, enrichment, customers, "orders")
    assert column(rows, UNMATCHED) == {
        "neither": ["countries", "customers", "products"], "second": ["products"], "c": []
    }  # fmt: skip
    assert column(rows, REASON) == {
        "neither": "customer: no match in customers", "second": "id: no match in products", "c": None
    }  # fmt: skip


def test_a_reason_that_a_row_has_already_stays(orders: Any, customers: DataFrame) -> None:
    refused = orders(("a", "x", 1)).withColumn(REASON, F.lit("earlier"))
    inner = Enrichment("customers", {"customer": "id"}, ("country",), how="inner")
    assert column(enrich(refused, inner, customers, "orders"), REASON) == {"a": "earlier"}


def test_several_keys_must_all_match(orders: Any, frame: Frame) -> None:
    limits = frame("customer string, amount int, label string", ("c", 1, "one"), ("c", 2, "two"), ("d", 1, "other"))
    enrichment = Enrichment("limits", {"customer": "customer", "amount": "amount"}, ("label",), how="inner")
    found = enrich(orders(("a", "c", 2), ("b", "d", 1), ("c", "d", 2)), enrichment, limits, "orders")
    assert column(found, "label") == {"a": "two", "b": "other", "c": None}
    assert column(found, REASON)["c"] == "customer, amount: no match in limits"


def test_an_enrichment_takes_the_place_of_an_unknown_source_column_of_its_name(
    frame: Frame, customers: DataFrame
) -> None:
    rows = frame("id string, customer string, customer_name string", ("a", "c", "from the source"))
    assert column(enrich(rows, CUSTOMERS, customers, "orders"), "customer_name") == {"a": "Ann"}


def test_a_key_may_be_taken_from_the_reference_too(orders: Any, customers: DataFrame) -> None:
    enrichment = Enrichment("customers", {"customer": "id"}, ("id", "name"), prefix="their_")
    assert column(enrich(orders(("a", "c", 1)), enrichment, customers, "orders"), "their_id") == {"a": "c"}


def test_a_key_is_compared_by_the_expression_that_is_given_for_it(orders: Any, frame: Frame) -> None:
    hashed = frame("id string, name string", ("c", "Ann")).select(F.sha2("id", 256).alias("id"), "name")
    enrichment = Enrichment("customers", {"customer": "id"}, ("name",))
    rows = orders(("a", "c", 1), ("b", "x", 1))
    found = enrich(rows, enrichment, hashed, "orders", keys={"customer": F.sha2("customer", 256)})
    assert column(found, "name") == {"a": "Ann", "b": None}
    assert column(found, "customer") == {"a": "c", "b": "x"}


def test_a_column_that_the_other_table_lacks_is_named(orders: Any, frame: Frame) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: enrichment from customers needs .* country; .* id, name"):
        enrich(orders(), CUSTOMERS, frame("id string, name string"), "orders")


def test_a_key_column_that_the_rows_lack_is_named(frame: Frame, customers: DataFrame) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: enrichment from customers: keys customer does not compile: "):
        enrich(frame("id string"), CUSTOMERS, customers, "orders")


# Types of keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("int", "bigint"), ("bigint", "int"), ("int", "decimal(12,2)"), ("decimal(5,1)", "decimal(7,3)"),
     ("string", "string"), ("date", "date")],
)  # fmt: skip
def test_keys_of_one_kind_are_compared_by_value(frame: Frame, ours: str, theirs: str) -> None:
    text = "2024-01-01" if ours == "date" else "7"
    rows = frame("id string, k string", ("a", text)).withColumn("k", F.col("k").cast(ours))
    other = frame("k string, v int", (text, 1)).withColumn("k", F.col("k").cast(theirs))
    assert column(enrich(rows, Enrichment("other", {"k": "k"}, ("v",)), other, "orders"), "v") == {"a": 1}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("string", "int"), ("int", "string"), ("float", "double"), ("date", "timestamp"), ("boolean", "string"),
     ("decimal(38,10)", "decimal(38,0)")],
)  # fmt: skip
def test_keys_that_can_not_be_compared_safely_are_an_error(frame: Frame, ours: str, theirs: str) -> None:
    rows, other = frame(f"id string, k {ours}"), frame(f"k {theirs}, v int")
    expected = f"orders: enrichment from other: k is {ours} and k there is {theirs}, "
    with pytest.raises(ExpressionError, match=f"^{re.escape(expected)}"):
        enrich(rows, Enrichment("other", {"k": "k"}, ("v",)), other, "orders")


# As of a time ------------------------------------------------------------------------------------------------


def test_a_row_finds_the_version_that_was_valid_at_its_time(sales: Any, prices: DataFrame) -> None:
    moments = {
        "long ago": datetime(1999, 1, 1), "before": datetime(2023, 12, 31, 23, 59, 59, 999999), "from": JANUARY,
        "in": datetime(2024, 2, 1), "to": MARCH, "after": datetime(2050, 1, 1), "never": None,
    }  # fmt: skip
    found = enrich(sales(*((name, "p", at) for name, at in moments.items())), PRICES, prices, "sales")
    expected = {"long ago": 1, "before": 1, "from": 2, "in": 2, "to": 3, "after": 3, "never": None}
    assert column(found, "price") == expected
    assert column(found, UNMATCHED)["never"] == ["prices"]


def test_a_key_without_a_version_at_the_time_is_unmatched(sales: Any, prices: DataFrame) -> None:
    found = enrich(sales(("empty", "q", MARCH), ("unknown", "z", MARCH)), PRICES, prices, "sales")
    assert column(found, UNMATCHED) == {"empty": ["prices"], "unknown": ["prices"]}


@pytest.mark.parametrize("ours", ["date", "timestamp"])
@pytest.mark.parametrize("theirs", ["date", "timestamp"])
def test_dates_and_timestamps_compare_with_a_date_as_its_midnight(
    sales: Any, prices: DataFrame, ours: str, theirs: str
) -> None:
    rows = sales(("a", "p", datetime(2024, 2, 29)), ("b", "p", MARCH)).withColumn(
        "sold_at", F.col("sold_at").cast(ours)
    )
    versions = prices.withColumns({name: F.col(name).cast(theirs) for name in ("valid_from", "valid_to")})
    assert column(enrich(rows, PRICES, versions, "sales"), "price") == {"a": 2, "b": 3}


def test_a_date_belongs_to_the_version_of_its_midnight(frame: Frame) -> None:
    rows = frame("id string, product string, sold_at date", ("a", "p", date(2024, 1, 1)))
    noon = datetime(2024, 1, 1, 12)
    schema = "product string, price int, valid_from timestamp, valid_to timestamp"
    versions = frame(schema, ("p", 1, None, noon), ("p", 2, noon, None))
    assert column(enrich(rows, PRICES, versions, "sales"), "price") == {"a": 1}


def test_versions_may_stand_in_columns_of_other_names(sales: Any, prices: DataFrame) -> None:
    versions = prices.withColumnRenamed("valid_from", "since").withColumnRenamed("valid_to", "until")
    enrichment = Enrichment("prices", {"product": "product"}, ("price", "since"), prefix="p_",
                            as_of=AsOf("sold_at", "since", "until"))  # fmt: skip
    found = enrich(sales(("a", "p", JANUARY)), enrichment, versions, "sales")
    assert column(found, "p_since") == {"a": JANUARY}
    assert found.columns == ["id", "product", "sold_at", "p_price", "p_since", UNMATCHED]


def test_a_time_that_is_text_is_an_error(sales: Any, prices: DataFrame) -> None:
    versions = prices.withColumn("valid_from", F.col("valid_from").cast("string"))
    with pytest.raises(ExpressionError, match=r"^sales: enrichment from prices: 'valid_from' is string; .* date or"):
        enrich(sales(), PRICES, versions, "sales")
    with pytest.raises(ExpressionError, match=r"^sales: enrichment from prices: as_of.time: 'id' is string; "):
        enrich(sales(), Enrichment("prices", {"product": "product"}, ("price",), as_of=AsOf("id")), prices, "sales")


# Several rows for a key --------------------------------------------------------------------------------------


def test_a_reference_with_two_rows_for_a_key_is_an_error_without_the_key(orders: Any, frame: Frame) -> None:
    doubled = frame("id string, name string", ("c", "Ann"), ("c", "Bob"), ("d", "Dan"), (None, "x"), (None, "y"))
    enrichment = Enrichment("customers", {"customer": "id"}, ("name",))
    with pytest.raises(ExpressionError) as caught:
        check_reference(doubled, enrichment, "orders")
    assert str(caught.value) == (
        "orders: enrichment from customers: 1 key(s) of id have several rows; a reference must have one row for a key"
    )
    check_reference(doubled.where("name <> 'Bob'"), enrichment, "orders")


def test_an_example_of_the_key_is_shown_where_it_may_be(frame: Frame) -> None:
    doubled = frame("id string, name string", ("c", "Ann"), ("c", "Bob"))
    with pytest.raises(ExpressionError, match=re.escape('several rows, such as {"id":"c"}; ')):
        check_reference(doubled, Enrichment(keys={"x": "id"}, file="c.csv"), "orders", example=True)


def test_versions_that_touch_or_are_empty_do_not_overlap(prices: DataFrame) -> None:
    check_reference(prices, PRICES, "sales")


@pytest.mark.parametrize(
    "extra",
    [("p", 7, datetime(2023, 1, 1), datetime(2023, 1, 2)), ("p", 7, datetime(2024, 2, 1), datetime(2024, 2, 2)),
     ("p", 7, datetime(2050, 1, 1), None), ("p", 7, None, None), ("p", 7, None, datetime(1990, 1, 1)),
     ("p", 7, MARCH, None)],
)  # fmt: skip
def test_versions_that_overlap_are_an_error(prices: DataFrame, frame: Frame, extra: tuple[Any, ...]) -> None:
    overlapping = prices.union(frame(prices.schema.simpleString().removeprefix("struct<").removesuffix(">"), extra))
    with pytest.raises(ExpressionError, match=r"1 key\(s\) of product have versions that overlap; .* key and time$"):
        check_reference(overlapping, PRICES, "sales")
