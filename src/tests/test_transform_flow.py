"""The order of the steps of processing, and what quarantine keeps of rows that they refuse."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest
from pyspark.sql import DataFrame

from etl.contracts import Column, Contract, Derived, Enrichment, Processing, Rule, SqlStep
from etl.duplicates import DUPLICATE_REASON
from etl.errors import ExpressionError
from etl.names import DELETE, FLAGS, METADATA
from etl.transform.conform import conform
from etl.transform.expressions import derive
from etl.transform.flow import BatchContext, Transformed, transform
from etl.transform.references import References
from etl.transform.survey import survey

Frame = Callable[..., DataFrame]
AT = datetime(2024, 1, 5, 12, tzinfo=timezone.utc)
NOTHING = References((), {}, {})
COLUMNS = (Column("id", required=True), Column("customer"), Column("amount", "int"))
CUSTOMERS = Enrichment("customers", {"customer": "id"}, ("name", "country"), prefix="customer_")


@pytest.fixture
def batch(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of processed batches of (id, customer, amount)."""

    def make(*rows: tuple[Any, ...], rescued: str | None = None) -> DataFrame:
        schema = (
            "id string, customer string, amount int, _rescued_data string, _source_file string, _batch_id string, "
            "_ingested_at timestamp, year string, month string, day string, batch_id string"
        )
        metadata = (rescued, "s3://raw/a.csv", "b1", AT, "2024", "01", "05", "b1")
        return frame(schema, *((*row, *metadata) for row in rows))

    return make


@pytest.fixture
def customers(frame: Frame) -> References:
    table = frame("id string, name string, country string", ("c", "Ann", "DE"))
    return References((table,), {"customers": table}, {})


def orders(steps: Processing | None = None, **fields: Any) -> Contract:
    return Contract("orders", COLUMNS, processing=steps or Processing(), **fields)


def run(rows: DataFrame, contract: Contract, references: References = NOTHING) -> Transformed:
    return transform(rows, contract, references, BatchContext("b1", AT))


def accepted(found: Transformed, *names: str) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(row) for row in found.accepted.select(*names).collect())


def refused(found: Transformed) -> dict[str, tuple[str, dict[str, Any]]]:
    """Id -> reason and record, of all judgements."""
    rows = [row for judged in found.judged for row in judged.refused().collect()]
    records = {row["reason"]: json.loads(row["record"]) for row in rows}
    assert {row["source_file"] for row in rows} <= {"s3://raw/a.csv"}
    return {record["id"]: (reason, record) for reason, record in records.items()}


def test_a_row_of_curated_has_values_event_date_flags_and_metadata_only(batch: Any) -> None:
    steps = Processing(
        rules=(Rule("small", "amount < 10", "flag"), Rule("mend", "amount > 0", "set", values={"amount": "1"}))
    )
    found = run(batch(("a", "c", 30)), orders(steps))
    assert found.accepted.columns == ["id", "customer", "amount", "event_date", FLAGS, *METADATA]
    assert accepted(found, "id", "event_date") == Counter([("a", date(2024, 1, 5))])


def test_set_rules_come_first_then_enrichment_derived_columns_and_the_other_rules(
    batch: Any, customers: References
) -> None:
    steps = Processing(
        rules=(
            Rule("domestic", "label = 'DE-5-10'"),
            Rule("mend", "amount > 0", "set", values={"amount": "5", "customer": "'c'"}),
        ),
        derive=(Derived("double", "amount * 2"), Derived("label", "concat_ws('-', customer_country, amount, double)")),
        enrich=(CUSTOMERS,),
    )
    found = run(batch(("mended", "nobody", -1), ("other", "c", 4)), orders(steps), customers)
    assert accepted(found, "id", "label") == Counter([("mended", "DE-5-10")])
    assert refused(found)["other"][0] == "rule domestic: label = 'DE-5-10'"


def test_rules_can_be_put_after_another_step(batch: Any, customers: References) -> None:
    steps = Processing(
        rules=(
            Rule("as_it_came", "amount = 1", "flag", after="read"),
            Rule("with_country", "customer_country = 'DE'", "flag", after="enrich"),
            Rule("mend_late", "double > 100", "set", values={"double": "100"}, after="derive"),
        ),
        derive=(Derived("amount", "amount + 1"), Derived("double", "amount * 2")),
        enrich=(CUSTOMERS,),
    )
    found = run(batch(("a", "c", 1), ("b", "x", 9)), orders(steps), customers)
    expected = {("a", 2, 100), ("b", 10, 100)}
    assert set(accepted(found, "id", "amount", "double")) == expected
    flags = {row["id"]: row[FLAGS] for row in found.accepted.collect()}
    assert flags == {"a": [], "b": ["as_it_came", "with_country"]}


def test_the_record_of_a_refused_row_is_the_row_as_it_came(batch: Any, customers: References) -> None:
    steps = Processing(
        rules=(Rule("mend", "amount > 0", "set", values={"amount": "1"}), Rule("never", "false")),
        derive=(Derived("customer", "upper(customer)"), Derived("more", "amount + 1")),
        enrich=(CUSTOMERS,),
    )
    found = run(batch(("a", "c", -7), rescued='{"customer":"kept as text"}'), orders(steps), customers)
    reason, record = refused(found)["a"]
    assert reason == "rule never: false"
    assert record == {"id": "a", "amount": "-7", "customer": "kept as text"}


def test_sql_steps_see_accepted_rows_only_and_their_result_is_judged_too(batch: Any) -> None:
    steps = Processing(
        rules=(Rule("positive", "amount > 0"), Rule("not_all", "share < 1", after="steps")),
        steps=(SqlStep("shares", "select *, amount / sum(amount) over (partition by customer) as share from batch"),),
    )
    found = run(batch(("a", "c", 1), ("b", "c", 3), ("bad", "c", -4), ("only", "d", 2)), orders(steps))
    assert accepted(found, "id", "share") == Counter([("a", 0.25), ("b", 0.75)])
    assert refused(found)["only"] == ("rule not_all: share < 1", {"id": "only", "customer": "d", "amount": "2"})
    first, second = (survey(judged) for judged in found.judged)
    assert (first.rows, first.rejected, first.hits) == (4, 1, {"positive": 1})
    assert (second.rows, second.rejected, second.hits) == (3, 1, {"not_all": 1})
    assert (second.accepted, second.dates) == (2, {"2024-01-05"})


@pytest.mark.parametrize("sql", ["select *, explode(array(1, 2)) as n from batch"])
def test_of_rows_that_a_step_gives_the_same_key_one_is_kept_and_the_others_are_refused(batch: Any, sql: str) -> None:
    steps = Processing(steps=(SqlStep("twice", sql),))
    found = run(batch(("a", "c", 1)), orders(steps, key=("id",)))
    assert found.accepted.count() == 1
    assert refused(found)["a"][0] == DUPLICATE_REASON


def test_of_rows_that_a_derived_key_makes_equal_the_latest_is_kept(batch: Any) -> None:
    steps = Processing(derive=(Derived("id", "upper(id)"),))
    found = run(batch(("a", "c", 1), ("A", "c", 2)), orders(steps, key=("id",), order_by=("amount",)))
    assert accepted(found, "id", "amount") == Counter([("A", 2)])
    assert refused(found)["a"] == (DUPLICATE_REASON, {"id": "a", "customer": "c", "amount": "1"})


def test_of_rows_whose_key_a_late_rule_makes_equal_the_latest_is_kept(batch: Any) -> None:
    rule = Rule("one_spelling", "id = upper(id)", "set", values={"id": "upper(id)"}, after="steps")
    contract = orders(Processing(rules=(rule,)), key=("id",), order_by=("amount",))
    found = run(batch(("a", "c", 1), ("A", "c", 2)), contract)
    assert accepted(found, "id", "amount") == Counter([("A", 2)])
    assert [reason for reason, _ in refused(found).values()] == [DUPLICATE_REASON]


def test_a_row_for_which_delete_when_is_true_is_marked_and_null_deletes_nothing(batch: Any) -> None:
    found = run(batch(("a", "c", 1), ("b", "c", 0), ("n", "c", None)), orders(delete_when="amount = 0", key=("id",)))
    assert accepted(found, "id", DELETE) == Counter([("a", False), ("b", True), ("n", False)])
    assert survey(found.judged[-1], (), "amount = 0").deletes == 1


def test_delete_when_that_does_not_compile_says_so(batch: Any) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: delete_when: 'gone' does not compile"):
        run(batch(), orders(delete_when="gone", key=("id",)))


def test_the_survey_counts_rows_without_a_match_for_each_reference(batch: Any, customers: References) -> None:
    steps = Processing(enrich=(CUSTOMERS,), rules=(Rule("small", "amount < 5", "flag"),))
    found = run(batch(("a", "c", 1), ("b", "x", 9), ("n", None, 9)), orders(steps), customers)
    surveyed = survey(found.judged[0], ["customers"])
    assert (surveyed.unmatched, surveyed.hits) == ({"customers": 2}, {"small": 2})


def test_an_expression_that_does_not_compile_names_dataset_and_column(batch: Any) -> None:
    with pytest.raises(ExpressionError, match=r"orders: derived column 'x': 'nope \+ 1' does not compile: .*nope"):
        derive(batch(("a", "c", 3)), Derived("x", "nope + 1"), "orders")


# Batches of older contracts ----------------------------------------------------------------------------------


def test_a_column_that_the_contract_got_later_is_null_in_an_older_batch(batch: Any) -> None:
    contract = Contract("orders", (*COLUMNS, Column("note"), Column("tags", "array<string>")))
    conformed = conform(batch(("a", "c", 1)), contract)
    assert conformed.columns[:5] == ["id", "customer", "amount", "note", "tags"]
    assert conformed.schema["tags"].dataType.simpleString() == "array<string>"
    assert conformed.collect()[0]["note"] is None


def test_a_type_that_the_contract_has_widened_is_widened_in_an_older_batch_and_no_other_is_changed(batch: Any) -> None:
    contract = Contract("orders", (Column("id", "int"), Column("amount", "long")))
    conformed = conform(batch(("a", "c", 1)), contract)
    kinds = {field.name: field.dataType.simpleString() for field in conformed.schema.fields}
    assert (kinds["amount"], kinds["id"]) == ("bigint", "string")
    assert [row["amount"] for row in conformed.collect()] == [1]
