"""SQL steps: statements over the batch, earlier steps and other tables, that can't lose what the pipeline needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Contract, SqlStep
from etl.errors import ExpressionError
from etl.transform.needed import Needed
from etl.transform.steps import counted, rows_counted, run_steps

Frame = Callable[..., DataFrame]
DAY, PLANNED = date(2024, 1, 5), datetime(2024, 1, 6, 7, 8, 9, 123456)
ORDERS = Contract("orders", key=("id",), order_by=("updated",))
NEEDED = Needed.of(ORDERS, {"_batch_id": "b1", "_ingested_at": PLANNED.isoformat()})


@pytest.fixture
def batch(frame: Frame) -> Callable[..., DataFrame]:
    """A factory of the rows of batch b1: (id, customer, amount)."""
    values = "id string, customer string, amount int, updated int, event_date date"
    own = "_rescued_data string, _source_file string, _batch_id string, _ingested_at timestamp, _flags array<string>"

    def make(*rows: tuple[Any, ...]) -> DataFrame:
        ends = (1, DAY, "{}", "s3://raw/a.csv", "b1", PLANNED, ["odd"])
        return frame(f"{values}, {own}", *((*row, *ends) for row in rows))

    return make


@pytest.fixture
def run(batch: Any) -> Callable[..., DataFrame]:
    """Runs statements as steps s1, s2, … over three rows."""

    def run(*statements: str, tables: dict[str, DataFrame] | None = None, needed: Needed = NEEDED) -> DataFrame:
        steps = [SqlStep(f"s{number}", sql) for number, sql in enumerate(statements, 1)]
        rows = batch(("a", "c", 1), ("b", "c", 2), ("x", "d", 4))
        return run_steps(rows, steps, tables or {}, "orders", needed)

    return run


def values(frame: DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in frame.select(*names).collect())


# What a step sees --------------------------------------------------------------------------------------------


def test_without_steps_the_rows_stay_as_they_are(run: Any) -> None:
    assert values(run(), "id", "_source_file")[0] == ("a", "s3://raw/a.csv")


def test_a_step_has_all_of_sparks_sql(run: Any) -> None:
    ranked = run("select *, row_number() over (partition by customer order by amount desc) as place from batch")
    assert values(ranked, "id", "place") == [("a", 2), ("b", 1), ("x", 1)]


def test_a_step_may_begin_with_common_tables_and_end_with_a_semicolon_and_a_comment(run: Any) -> None:
    sql = "with big as (select * from batch where amount > 1)\nselect * from big -- the big ones\n;\n"
    assert values(run(sql), "id") == [("b",), ("x",)]


def test_a_step_ending_with_a_comment_is_whole(run: Any) -> None:
    assert values(run("select * from batch where amount > 2 -- the big ones"), "id") == [("x",)]


def test_each_step_sees_the_rows_of_the_one_before_as_batch(run: Any) -> None:
    doubled = "select * except (amount), amount * 2 as amount from batch".replace("* except (amount)", "id, customer, "
                                                                                 "updated, event_date")  # fmt: skip
    assert values(run(doubled, doubled), "id", "amount") == [("a", 4), ("b", 8), ("x", 16)]


def test_a_step_without_the_needed_columns_is_a_table_for_later_ones(run: Any) -> None:
    totals = "select customer, sum(amount) as total from batch group by customer"
    shares = "select batch.*, amount / total as share from batch join s1 using (customer)"
    assert values(run(totals, shares), "id", "share") == [("a", 1 / 3), ("b", 2 / 3), ("x", 1.0)]


def test_a_step_sees_earlier_steps_and_used_tables_by_their_names(run: Any, frame: Frame) -> None:
    customers = frame("customer string, name string", ("c", "Ann"))
    big = "select * from batch where amount > 1"
    named = "select s1.*, name, (select count(*) from s1) as big from s1 left join customers using (customer)"
    found = run(big, "select * from batch where id = 'b'", named, tables={"customers": customers})
    assert values(found.na.fill("nobody", ["name"]), "id", "name", "big") == [("b", "Ann", 2), ("x", "nobody", 2)]


def test_pivots_arrays_and_structs_work(run: Any) -> None:
    sql = """
        select first(id) as id, max(updated) as updated, event_date,
               transform(array_sort(collect_list(struct(amount, id))), item -> item.id) as ids
        from batch group by event_date"""
    assert values(run(sql), "ids") == [(["a", "b", "x"],)]
    pivot = "select * from (select customer, amount, event_date, updated, id from batch) pivot (sum(amount) for customer in ('c' as c, 'd' as d))"  # noqa: E501
    assert values(run(pivot).na.fill(0), "id", "c", "d") == [("a", 1, 0), ("b", 2, 0), ("x", 0, 4)]


def test_views_are_gone_when_steps_were_run_and_when_they_failed(run: Any, frame: Frame, spark: SparkSession) -> None:
    before = {table.name for table in spark.catalog.listTables()}
    run("select * from batch", "select * from s1", tables={"customers": frame("id int")})
    with pytest.raises(ExpressionError):
        run("select nothing from customers", tables={"customers": frame("id int")})
    assert {table.name for table in spark.catalog.listTables()} == before


def test_steps_of_another_dataset_do_not_see_the_rows_of_this_one(run: Any) -> None:
    run("select * from batch", "select * from batch")
    with pytest.raises(ExpressionError, match="s2"):
        run("select * from s2")


# Only queries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    ["drop table kept", "insert into kept select 1 as n", "with t as (select 1 as n) insert into kept select * from t",
     "create table other using parquet as select 1 as n", "delete from kept", "cache table batch", "set a = b",
     "from batch insert into kept select 1", "truncate table kept", "select 1) as t; drop table kept --", "",
     "alter table kept add columns (x int)", "explain select * from batch", "use other"],
)  # fmt: skip
def test_nothing_but_a_query_is_run(run: Any, spark: SparkSession, sql: str, tmp_path: Path) -> None:
    spark.sql("drop table if exists kept")
    spark.sql(f"create table kept (n int) using parquet location '{tmp_path.as_uri()}/kept'")
    spark.sql("insert into kept values (7)")
    try:
        with pytest.raises(ExpressionError, match=r"^orders: step 's1' does not compile: .*one SELECT or WITH"):
            run(sql)
        assert values(spark.table("kept"), "n") == [(7,)]
        assert spark.table("kept").columns == ["n"]
    finally:
        spark.sql("drop table kept")


def test_a_step_that_does_not_compile_is_named_with_the_tables_that_it_sees(run: Any, frame: Frame) -> None:
    with pytest.raises(ExpressionError) as caught:
        run("select * from batch", "select amuont from batch", tables={"customers": frame("id int")})
    text = str(caught.value)
    assert re.match(r"orders: step 's2' does not compile: .*amuont", text)
    assert text.endswith("it sees batch, customers, s1)")
    assert "\n" not in text


# What a step must leave --------------------------------------------------------------------------------------


def test_the_pipelines_own_columns_come_back_when_a_select_leaves_them_out(run: Any, batch: Any) -> None:
    found = run("select id, updated, event_date, 1 as one from batch")
    assert found.columns == ["id", "updated", "event_date", "one", *batch().columns[-5:]]
    assert found.dtypes[-5:] == batch().dtypes[-5:]
    expected = [(name, None, None, "b1", PLANNED, []) for name in ("a", "b", "x")]
    assert values(found, "id", *batch().columns[-5:]) == expected


def test_own_columns_that_a_select_keeps_stay(run: Any) -> None:
    assert values(run("select * from batch where id = 'a'"), "_rescued_data", "_flags") == [("{}", ["odd"])]


def test_every_row_has_the_batchs_id_whatever_a_step_makes_of_it(run: Any) -> None:
    renamed = "select id, updated, event_date, 'other' as _batch_id, null as _ingested_at from batch"
    assert set(values(run(renamed), "_batch_id", "_ingested_at")) == {("b1", PLANNED)}


@pytest.mark.parametrize(("column", "kept"), [("id", "updated, event_date"), ("updated", "id, event_date"),
                                              ("event_date", "id, updated")])  # fmt: skip
def test_a_step_that_drops_what_the_table_is_written_by_is_refused_by_name(run: Any, column: str, kept: str) -> None:
    with pytest.raises(ExpressionError, match=rf"^orders: step 's2' drops {column}; .* by id, updated, event_date, "):
        run("select * from batch", f"select {kept} from batch", "select * from batch")  # noqa: S608


def test_a_dataset_without_key_needs_its_date_only(run: Any) -> None:
    assert values(run("select event_date from batch", needed=Needed.of(Contract("o"), {})), "event_date")[0] == (DAY,)


def test_two_columns_of_one_name_are_refused(run: Any) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: step 's1': column\(s\) amount stand twice"):
        run("select *, amount + 1 as Amount from batch")


def test_a_column_without_a_name_is_refused(run: Any) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: step 's1': '\(amount \+ 1\)' is no name for a column"):
        run("select *, amount + 1 from batch")


@pytest.mark.parametrize("sql", ["'now' as event_date, _flags", "event_date, 'odd' as _flags"])
def test_a_column_of_the_pipeline_in_another_type_is_refused(run: Any, sql: str) -> None:
    with pytest.raises(ExpressionError, match=r"^orders: step 's1' makes (event_date|_flags) string; it must stay"):
        run(f"select id, updated, {sql} from batch")  # noqa: S608


def test_a_new_name_of_the_pipelines_kind_is_refused(run: Any) -> None:
    with pytest.raises(ExpressionError, match="'_place': names that begin with _ are the pipeline's"):
        run("select *, 1 as _place from batch")


# Counting ----------------------------------------------------------------------------------------------------


def test_rows_of_every_step_can_be_observed_in_the_pass_that_uses_them(batch: Any) -> None:
    seen: dict[str, Observation] = {}

    def watch(name: str, rows: DataFrame) -> DataFrame:
        seen[name] = Observation(name)
        return rows.observe(seen[name], F.count(F.lit(1)).alias("rows"))

    steps = [SqlStep("big", "select * from batch where amount > 1"),
             SqlStep("totals", "select customer, sum(amount) as total from big group by customer"),
             SqlStep("joined", "select big.*, total from big join totals using (customer)")]  # fmt: skip
    rows = run_steps(batch(("a", "c", 1), ("b", "c", 2), ("x", "d", 4)), steps, {}, "orders", NEEDED, watch)
    assert values(rows, "id", "total") == [("b", 2), ("x", 4)]
    assert {name: observed.get["rows"] for name, observed in seen.items()} == {"big": 2, "totals": 2, "joined": 2}


def test_counts_of_steps_are_told_by_the_run_that_needed_them(batch: Any) -> None:
    steps = [SqlStep("big", "select * from batch where amount > 1"), SqlStep("all", "select * from batch"),
             SqlStep("twice", "select * from big union all select * from all")]  # fmt: skip
    rows = run_steps(batch(("a", "c", 1), ("b", "c", 2), ("x", "d", 4)), steps, {}, "orders", NEEDED, counted)
    survey = rows.groupBy("customer").agg(F.max("amount"))
    survey.collect()
    assert rows_counted(survey) == {"big": 2, "all": 2, "twice": 4}


def test_a_step_that_is_joined_with_nothing_does_not_hold_up_the_counting(batch: Any) -> None:
    steps = [SqlStep("none", "select * from batch where amount > 99"),
             SqlStep("pairs", "select none.* from none join (select distinct id from batch) using (id)")]  # fmt: skip
    rows = run_steps(batch(("a", "c", 1)).repartition(2), steps, {}, "orders", NEEDED, counted)
    survey = rows.agg(F.count(F.lit(1)).alias("rows"))
    assert survey.collect()[0]["rows"] == 0
    assert set(rows_counted(survey).values()) <= {0}
