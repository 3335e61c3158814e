"""Contracts are tried on tables without rows: whatever does not compile is told, each part by itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

import etl.custom
from contract_samples import CUSTOMERS, ORDERS, changed, documented, example, texts
from etl.analysis import analyse
from etl.contracts import parse_contracts
from spark_lacks import told_otherwise

SHIPPED = Path(__file__).parents[1] / "config" / "datasets"
Analyse = Callable[..., list[str]]


@pytest.fixture
def problems(spark: SparkSession) -> Analyse:
    """The problems of contract documents."""

    def found(*documents: dict[str, Any], path: str = "", **options: Any) -> list[str]:
        return analyse(parse_contracts(texts(*documents)), spark, path, **options)

    return found


@pytest.fixture
def custom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A factory of Python steps: dataset and source. Each test's dataset has a name of its own: modules are kept."""
    monkeypatch.setattr(etl.custom, "__path__", [*etl.custom.__path__, str(tmp_path)])
    return lambda dataset, source: tmp_path.joinpath(f"{dataset}.py").write_text(source) and None


def orders(**processing: object) -> dict[str, Any]:
    """Orders with other parts of processing, and nothing else of it."""
    return {**copy.deepcopy(ORDERS), "processing": processing}


def derived(expression: str) -> dict[str, Any]:
    return orders(derive=[{"name": "made", "expression": expression}])


# What is right -------------------------------------------------------------------------------------------


def test_the_shipped_contracts_compile(spark: SparkSession) -> None:
    contracts = parse_contracts({path.name: path.read_text() for path in SHIPPED.glob("*.yml")})
    assert analyse(contracts, spark, SHIPPED.as_uri(), quality=True) == []


@pytest.mark.parametrize("number", range(len(documented())))
def test_every_example_of_the_documentation_compiles(problems: Analyse, number: int) -> None:
    assert problems(*example(number)) == []


def test_a_contract_that_uses_everything_compiles(problems: Analyse) -> None:
    customers = changed(CUSTOMERS, "columns.0.pii", "hash")
    customers["columns"] += [{"name": "since", "type": "timestamp"}, {"name": "name", "type": "string", "pii": "mask"}]
    customers |= {"history": True, "order_by": ["since"], "table": {"partition_by": ["years(valid_from)"]}}
    as_of = {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country", "valid_from"]}
    rates = {"file": "rates.csv", "keys": {"event_date": "day"}, "columns": ["rate"]}
    document = orders(
        rules=[
            {"name": "repaired", "condition": "amount > 0", "on_failure": "set", "set": {"amount": "0"}},
            {"name": "known", "condition": "country is not null", "after": "enrich"},
            {"name": "first", "condition": "nth = 1", "on_failure": "flag", "after": "steps"},
        ],
        enrich=[{**as_of, "as_of": "ordered_at"}, {**rates, "types": {"day": "date", "rate": "double"}}],
        derive=[{"name": "converted", "expression": "amount * rate"}, {"name": "twice", "expression": "converted * 2"}],
        uses=["customers"],
        steps=[
            {"name": "totals", "sql": "select customer_id as id, sum(twice) as total from batch group by 1"},
            {
                "name": "ranked",
                "sql": "select b.*, t.total, row_number() over (partition by b.customer_id order by ordered_at) as nth "
                "from batch b left join totals t on b.customer_id = t.id "
                "left semi join customers c on b.country = c.country",
            },
        ],
        aggregates=[
            {"name": "daily", "group_by": ["country"], "measures": {"total": "sum(total)"}},
            {"name": "whole", "over": "table", "measures": {"p": "percentile(twice, 0.5)"}},
        ],
    )
    document |= {"delete_when": "total < 0", "table": {"partition_by": ["bucket(4, nth)"], "sort_by": ["total desc"]}}
    assert problems(document, customers) == []


# Each fault by itself ------------------------------------------------------------------------------------


@told_otherwise
@pytest.mark.parametrize(
    ("processing", "told", "why"),
    [
        ({"rules": [{"name": "r", "condition": "amnt > 0"}]}, "rule 'r': 'amnt > 0'", "`amnt` cannot be resolved"),
        ({"rules": [{"name": "r", "condition": "amount"}]}, "rule 'r': 'amount'", "is not a boolean"),
        ({"rules": [{"name": "r", "condition": "amount >"}]}, "rule 'r': 'amount >'", "Syntax error"),
        (
            {"rules": [{"name": "r", "condition": "true", "on_failure": "set", "set": {"amount": "amnt"}}]},
            "rule 'r': set amount: 'amnt'",
            "`amnt` cannot be resolved",
        ),
        (
            {"rules": [{"name": "r", "condition": "made > 1", "after": "read"}],
             "derive": [{"name": "made", "expression": "1"}]},
            "rule 'r': 'made > 1'",
            "`made` cannot be resolved",
        ),
        ({"derive": [{"name": "x", "expression": "nofunc(1)"}]}, "derived column 'x': 'nofunc(1)'", "`nofunc`"),
        ({"derive": [{"name": "x", "expression": "sum(amount)"}]}, "derived column 'x': 'sum(amount)'", "GROUP BY"),
        ({"derive": [{"name": "x", "expression": "null"}]}, "column 'x' is void", "no table can store; cast it"),
        ({"steps": [{"name": "s", "sql": "select * from nowhere"}]}, "step 's'", "`nowhere` cannot be found"),
        ({"steps": [{"name": "s", "sql": "drop table batch"}]}, "step 's'", "a step is one SELECT or WITH statement"),
        ({"steps": [{"name": "s", "sql": "select 1 as x from batch"}]}, "step 's' drops order_id", "It has x"),
        ({"aggregates": [{"name": "a", "measures": {"n": "amount"}}]}, "aggregate 'a': amount", "non-aggregating"),
        ({"aggregates": [{"name": "a", "measures": {"n": "sum(amnt)"}}]}, "aggregate 'a': sum(amnt)", "`amnt`"),
        ({"aggregates": [{"name": "a", "measures": {"n": "max(null)"}}]}, "aggregate 'a': column 'n' is void", "cast"),
        (
            {"enrich": [{"file": "f.csv", "keys": {"amount": "a"}, "columns": ["b"]}]},
            "enrichment from f.csv: amount is decimal(12,2) and a there is string",
            "give both the same type",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_spark_s_reason(
    problems: Analyse, processing: dict[str, object], told: str, why: str
) -> None:
    [problem] = problems(orders(**processing))
    assert problem.startswith(f"orders: {told}")
    assert why in problem
    assert "\n" not in problem


@told_otherwise
def test_a_delete_condition_that_does_not_compile_is_told(problems: Analyse) -> None:
    [problem] = problems({**orders(), "delete_when": "state = 'gone'"})
    assert problem.startswith("orders: delete_when: \"state = 'gone'\" does not compile: ")
    assert "`state` cannot be resolved" in problem


def test_partitions_and_sort_orders_are_held_against_the_columns_that_steps_make(problems: Analyse) -> None:
    table = {"partition_by": ["days(made)", "level"], "sort_by": ["levl desc", "pair"]}
    steps = [{"name": "s", "sql": "select *, 'x' as made, array(1) as pair from batch"}]
    assert problems({**orders(steps=steps), "table": table}) == [
        "orders: table.partition_by: 'days(made)': 'made' is string, and days takes date, timestamp",
        "orders: table.partition_by: 'level': no column 'level'",
        "orders: table.sort_by: 'levl desc': no column 'levl'",
        "orders: table.sort_by: 'pair': 'pair' is array<int>; rows are sorted by scalars only",
    ]


def test_a_group_that_the_steps_leave_out_is_told_once(problems: Analyse) -> None:
    aggregates = [{"name": "a", "group_by": ["amount"], "measures": {"n": "count(*)", "m": "max(order_id)"}}]
    steps = [{"name": "s", "sql": "select order_id, ordered_at, event_date from batch"}]
    [problem] = problems(orders(steps=steps, aggregates=aggregates))
    assert problem == (
        "orders: aggregate 'a': no column(s) amount to group by; columns are order_id, ordered_at, event_date"
    )


def test_a_dropped_column_is_not_there_for_aggregates(problems: Analyse) -> None:
    document = orders(aggregates=[{"name": "a", "measures": {"n": "sum(amount)"}}])
    [problem] = problems(changed(document, "columns.2.pii", "drop"))
    assert problem.startswith("orders: aggregate 'a': sum(amount) does not compile: ")


# Faults beside each other --------------------------------------------------------------------------------


def test_one_fault_does_not_hide_the_others(problems: Analyse) -> None:
    document = orders(
        rules=[
            {"name": "one", "condition": "amnt > 0"},
            {"name": "two", "condition": "true", "on_failure": "set", "set": {"amount": "x1", "customer_id": "x2"}},
        ],
        derive=[
            {"name": "faulty", "expression": "x3 + 1"},
            {"name": "of_faulty", "expression": "faulty + 1"},
            {"name": "other", "expression": "x4"},
        ],
        aggregates=[{"name": "a", "measures": {"n": "sum(of_faulty)", "m": "x5"}}],
    )
    found = problems({**document, "delete_when": "x6"})
    # In the order of the steps: what is repaired, derived, judged, deleted, aggregated.
    places = ["set amount", "set customer_id", "'faulty'", "'other'", "rule 'one'", "delete_when", "aggregate 'a'"]
    assert [place for place, problem in zip(places, found, strict=True) if place not in problem] == []


def test_what_follows_a_faulty_step_is_tried_as_far_as_that_makes_sense(problems: Analyse) -> None:
    steps = [
        {"name": "side", "sql": "select customer_id, count(*) as n from batch group by customer_id"},
        {"name": "faulty", "sql": "select batch.*, x1, n from batch join side using (customer_id)"},
        {"name": "after_it", "sql": "select *, made_by_faulty from faulty"},
        {"name": "wrong_anyway", "sql": "select * frm batch"},
    ]
    rules = [
        {"name": "of_the_steps", "condition": "n > 1", "after": "steps"},
        {"name": "wrong_rule", "condition": "amount +", "after": "steps"},
    ]
    found = problems(orders(steps=steps, rules=rules))
    assert [problem.split(" does not compile")[0] for problem in found] == [
        "orders: step 'faulty'",
        "orders: step 'wrong_anyway'",
        "orders: rule 'wrong_rule': 'amount +'",
    ]


# Between datasets ----------------------------------------------------------------------------------------


def test_a_dataset_sees_what_the_steps_of_another_have_made(problems: Analyse) -> None:
    customers = changed(CUSTOMERS, "processing.steps", [{"name": "s", "sql": "select *, 1 as level from batch"}])
    enrich = {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["level"]}
    assert problems(orders(enrich=[enrich], derive=[{"name": "m", "expression": "level + 1"}]), customers) == []
    [problem] = problems(orders(enrich=[{**enrich, "columns": ["levl"]}]), customers)
    assert problem.startswith("orders: enrichment from customers needs column(s) levl; its curated table has ")


def test_a_fault_is_not_blamed_on_those_that_need_the_dataset(problems: Analyse) -> None:
    customers = changed(CUSTOMERS, "processing.steps", [{"name": "s", "sql": "select *, x1 as level from batch"}])
    enrich = {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["level"]}
    steps = [{"name": "s", "sql": "select batch.*, c.level as theirs from batch join customers c using (customer_id)"}]
    [problem] = problems(orders(enrich=[enrich], uses=["customers"], steps=steps), customers)
    assert problem.startswith("customers: step 's' does not compile: ")


def test_treated_keys_are_joined_as_what_they_have_become(problems: Analyse) -> None:
    customers = changed(
        CUSTOMERS, "columns.0", {"name": "customer_id", "type": "long", "required": True, "pii": "hash"}
    )
    enrich = {"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country"]}
    document = changed(orders(enrich=[enrich]), "columns.1.type", "long")
    assert problems(document, customers) == []


def test_only_the_wanted_datasets_and_their_needs_are_looked_at(problems: Analyse) -> None:
    faulty = [{"name": "x", "expression": "x1"}]
    document = orders(enrich=[{"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country"]}])
    document["processing"]["derive"] = faulty
    customers, other = changed(CUSTOMERS, "processing.derive", faulty), {**orders(derive=faulty), "name": "other"}
    found = problems(document, customers, {**other, "source": {}}, only=["orders"])
    assert [problem.split(":")[0] for problem in found] == ["customers", "orders"]
    assert problems(document, customers, only=[]) == []


# Quality -------------------------------------------------------------------------------------------------


@told_otherwise
def test_a_rule_of_quality_that_can_t_be_evaluated_is_told(problems: Analyse) -> None:
    rules = """Rules = [
        IsComplete "order_id", IsComplete "ordr_id", RowCount > 0, ColumnValues "amount" > 0 where "amnt > 0",
        CustomSql "select count(*) from nowhere" = 0, ReferentialIntegrity "customer_id" "customers.customer_id" > 0.9,
        IsComplete "made"
    ]"""
    document = orders(derive=[{"name": "made", "expression": "1"}]) | {"quality": {"rules": rules}}
    found = problems(document, CUSTOMERS, quality=True)
    parts = ['IsComplete "ordr_id"', "`amnt`", "the SQL is not valid"]
    assert [part for part, problem in zip(parts, found, strict=True) if part not in problem] == []
    assert all(problem.startswith("orders: quality: ") and "\n" not in problem for problem in found)
    assert problems(document, CUSTOMERS) == []


def test_rules_of_quality_about_a_faulty_dataset_are_not_judged(problems: Analyse) -> None:
    rules = 'Rules = [ ReferentialIntegrity "customer_id" "customers.customer_id" > 0.9, IsComplete "ordr_id" ]'
    customers = changed(CUSTOMERS, "processing.derive", [{"name": "x", "expression": "x1"}])
    [_, problem] = problems(orders() | {"quality": {"rules": rules}}, customers, quality=True)
    assert problem.startswith('orders: quality: IsComplete "ordr_id": ')


# Files and Python ----------------------------------------------------------------------------------------


def test_a_reference_file_that_is_not_there_is_told_with_those_that_are(problems: Analyse, tmp_path: Path) -> None:
    reference = tmp_path / "reference"
    reference.mkdir()
    reference.joinpath("rates.csv").write_text("id,rate\n")
    contracts = (tmp_path / "datasets").as_uri()
    document = orders(enrich=[{"file": "rates.csv", "keys": {"customer_id": "id"}, "columns": ["rate"]}])
    assert problems(document, path=contracts) == []
    document["processing"]["enrich"][0]["file"] = "rate.csv"
    [problem] = problems(document, path=contracts)
    assert problem.startswith("orders: enrichment from rate.csv: there is no file file:/")
    assert problem.endswith("/reference/rate.csv; beside it are rates.csv")
    assert problems(document) == []


def test_a_reference_file_of_another_place_is_not_looked_for(problems: Analyse, tmp_path: Path) -> None:
    document = orders(enrich=[{"file": "s3://b/rates.csv", "keys": {"customer_id": "id"}, "columns": ["rate"]}])
    assert problems(document, path=tmp_path.as_uri()) == []


def test_a_python_step_is_run_on_no_rows(problems: Analyse, custom: Callable[[str, str], None]) -> None:
    custom("analysed_one", "def transform(df, context):\n    return df.withColumn('made', df.order_id)\n")
    document = {**orders(aggregates=[{"name": "a", "group_by": ["made"], "measures": {"n": "count(*)"}}])}
    assert problems({**document, "name": "analysed_one", "source": {}}) == []


@pytest.mark.parametrize(
    ("dataset", "source", "told"),
    [
        ("analysed_two", "def transform(df, context):\n    return df.select('nowhere')\n", "transform raised Analysis"),
        ("analysed_three", "def transform(df, context):\n    return 3\n", "transform returned int; it must return a"),
        ("analysed_four", "import nothing_of_this_name\n", "can't be imported: ModuleNotFoundError"),
        ("analysed_five", "x = 1\n", "needs a function transform(df, context), and has none"),
        ("analysed_six", "def transform(df, context):\n    return df.drop('order_id')\n", "drops order_id"),
    ],
)
def test_a_python_step_that_fails_on_no_rows_is_told(
    problems: Analyse, custom: Callable[[str, str], None], dataset: str, source: str, told: str
) -> None:
    custom(dataset, source)
    [problem] = problems({**orders(), "name": dataset, "source": {}})
    assert problem.startswith(f"{dataset}: ") and f"etl/custom/{dataset}.py" in problem and told in problem


def test_nothing_is_written_and_no_view_is_left(problems: Analyse, spark: SparkSession) -> None:
    before = {table.name for table in spark.catalog.listTables()}
    assert problems(orders(steps=[{"name": "s", "sql": "select * from batch"}])) == []
    assert {table.name for table in spark.catalog.listTables()} == before


def test_contracts_given_as_yaml_text_are_analysed_alike(spark: SparkSession) -> None:
    text = yaml.safe_dump(derived("amount * 2"))
    assert analyse(parse_contracts({"orders.yml": text}), spark) == []
