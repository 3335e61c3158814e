"""Processing through the jobs: references, steps, schema changes, what is recorded, and maintenance."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from etl import curating
from etl.errors import DatasetsFailedError
from etl.ledger import INGESTED, PROCESSED
from shop import CHECK, INGEST, ORDERS, PROCESS, Shop

RATES = "currency,rate,valid_from,valid_to\nEUR,1.10,2024-01-01,2024-01-12\nEUR,1.20,2024-01-12,\nUSD,1,,\n"
COLUMNS = [*ORDERS["columns"], {"name": "currency", "type": "string"}]
HEADER = "id,amount,at,currency"
RATE = {
    "file": "rates.csv",
    "keys": {"currency": "currency"},
    "columns": ["rate"],
    "types": {"rate": "decimal(6,2)", "valid_from": "date", "valid_to": "date"},
    "as_of": "at",
    "on_unmatched": "reject",
}


def values(shop: Shop, table: str, *columns: str) -> Counter[tuple[str, ...]]:
    pipeline = shop.open()
    frame = pipeline.spark.table(pipeline.settings.table(table)).select(*columns)
    return Counter(tuple(map(str, row)) for row in frame.collect())


# References and steps ----------------------------------------------------------------------------------------


def test_a_reference_file_is_joined_as_of_each_rows_time_and_unmatched_rows_are_refused(shop: Shop, lake: Any) -> None:
    lake.put("scripts", "reference/rates.csv", RATES)
    derive = [{"name": "usd", "expression": "cast(amount * rate as decimal(12,2))"}]
    shop.contract(columns=COLUMNS, processing={"enrich": [RATE], "derive": derive})
    rows = ("1,10,2024-01-11T23:59:59,EUR", "2,10,2024-01-12,EUR", "3,10,2024-01-12,USD", "4,10,2024-01-12,ZZZ")
    shop.drop("a.csv", *rows, header=HEADER)
    shop.run(INGEST, PROCESS)
    assert values(shop, "orders", "id", "usd") == Counter([("1", "11.00"), ("2", "12.00"), ("3", "10.00")])
    assert [row["reason"] for row in shop.quarantine()] == ["currency: no match in rates.csv"]
    [batch] = shop.batches()
    assert (batch["unmatched"], int(batch["rows_rejected"])) == ({"rates.csv": 1}, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"rates.csv: no file 'rates.csv'"),
        ("currency,rate\nEUR,1\n", r"needs column\(s\) valid_from, valid_to; the file has currency, rate"),
        (RATES.replace("1.10", "much"), r"rate: 1 value\(s\) are no decimal\(6,2\)"),
        (RATES + "EUR,1.30,2024-02-01,\n", r"1 key\(s\) of currency have versions that overlap"),
    ],
    ids=["missing", "lacks columns", "wrong value", "overlap"],
)
def test_a_reference_file_that_is_wrong_fails_the_dataset_before_anything_is_written(
    shop: Shop, lake: Any, content: str | None, message: str
) -> None:
    if content:
        lake.put("scripts", "reference/rates.csv", content)
    shop.contract(columns=COLUMNS, processing={"enrich": [RATE]})
    shop.drop("a.csv", "1,10,2024-01-11,EUR", header=HEADER)
    shop.run(INGEST)
    before = (shop.files("processed"), shop.files("quality"), shop.batches())
    with pytest.raises(DatasetsFailedError, match=message):
        shop.run(PROCESS)
    assert (shop.files("processed"), shop.files("quality"), shop.batches()) == before


def test_sql_steps_read_other_datasets_and_their_rows_are_counted(shop: Shop) -> None:
    products = [{"name": "id", "type": "string", "required": True}, {"name": "price", "type": "int"}]
    shop.contract(name="products", source=None, columns=products, event_time=None, order_by=None, processing=None)
    steps = [
        {"name": "per_day", "sql": "select event_date, sum(amount) as day_total from batch group by event_date"},
        {
            "name": "priced",
            "sql": "select b.*, p.price, b.amount / d.day_total as share, row_number() over "
            "(partition by b.event_date order by b.amount desc) as place "
            "from batch b join per_day d on d.event_date = b.event_date left join products p on p.id = b.id",
        },
        {"name": "best", "sql": "select * from priced where place <= 2"},
    ]
    rules = [
        {"name": "positive", "condition": "amount > 0"},
        {"name": "has_price", "condition": "price is not null", "on_failure": "flag", "after": "steps"},
    ]
    shop.contract(processing={"uses": ["products"], "steps": steps, "rules": rules})
    shop.drop("p.csv", "1,7", header="id,price", dataset="products")
    shop.drop("a.csv", "1,30,2024-01-10", "2,60,2024-01-10", "3,10,2024-01-10", "4,-1,2024-01-10")
    pipeline = shop.run(INGEST, PROCESS)
    assert values(shop, "orders", "id", "price", "place", "_flags") == Counter(
        [("2", "None", "1", "['has_price']"), ("1", "7", "2", "[]")]
    )
    record = next(batch for batch in pipeline.record.batches if batch.dataset == "orders")
    rows_out = {step.name: step.rows_out for step in record.steps}
    assert (rows_out["sql per_day"], rows_out["sql priced"], rows_out["sql best"]) == (1, 3, 2)
    assert (record.rows_read, record.rows_rejected, record.rows_curated) == (4, 1, 2)
    assert record.rule_hits == {"positive": 1, "has_price": 1}


def test_what_does_not_compile_fails_its_dataset_with_every_fault_and_writes_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    processing = {
        "rules": [{"name": "positive", "condition": "amuont > 0"}],
        "derive": [{"name": "x", "expression": "nope(amount)"}],
        "aggregates": [{"name": "daily_orders", "measures": {"n": "sum(nothing)"}}],
    }
    shop.contract(processing=processing)
    shop.drop("a.csv", "1,5,2024-01-10")
    shop.run(INGEST)
    before = (shop.files("curated"), shop.files("quality"))
    with pytest.raises(DatasetsFailedError, match=r"orders: derived column 'x': 'nope\(amount\)' does not compile"):
        shop.run(PROCESS)
    assert "orders: rule 'positive': 'amuont > 0' does not compile" in caplog.text
    assert "orders: aggregate 'daily_orders': sum(nothing) does not compile" in caplog.text
    after = (shop.files("curated"), {name: at for name, at in shop.files("quality").items() if "lineage" not in name})
    assert (after, shop.states()) == (before, [INGESTED])


# Schema ------------------------------------------------------------------------------------------------------


def test_a_column_that_the_contract_drops_and_a_narrower_type_are_refused_and_nothing_is_written(shop: Shop) -> None:
    wide = [*ORDERS["columns"], {"name": "note", "type": "string"}, {"name": "n", "type": "long"}]
    header = "id,amount,at,note,n"
    shop.contract(columns=wide)
    shop.drop("a.csv", "1,5,2024-01-10,x,1", header=header)
    shop.run(INGEST, PROCESS)
    before = shop.rows()
    shop.contract(columns=[*ORDERS["columns"], {"name": "n", "type": "int"}], schema_mode="rescue")
    shop.drop("b.csv", "2,5,2024-01-10,x,1", header=header)
    with pytest.raises(DatasetsFailedError, match=r"TableSchemaError") as caught:
        shop.run(INGEST, PROCESS)
    assert "n is bigint" in str(caught.value)
    assert "note" in str(caught.value)
    assert (shop.rows(), shop.states()) == (before, [PROCESSED, INGESTED])
    shop.contract(columns=wide)
    shop.run(PROCESS)
    assert shop.keys() == Counter("12")


def test_columns_that_the_contract_gets_and_types_that_it_widens_change_the_table_also_for_older_batches(
    shop: Shop,
) -> None:
    narrow = [*ORDERS["columns"][:1], {"name": "amount", "type": "int"}, ORDERS["columns"][2]]
    shop.contract(columns=narrow)
    shop.drop("a.csv", "1,5,2024-01-10")
    shop.run(INGEST, PROCESS)
    shop.drop("b.csv", "2,6,2024-01-10")
    shop.run(INGEST)
    wide = [*ORDERS["columns"][:1], {"name": "amount", "type": "long"}, ORDERS["columns"][2]]
    derive = [{"name": "noted", "expression": "coalesce(note, 'none')"}]
    shop.contract(columns=[*wide, {"name": "note", "type": "string"}], processing={"derive": derive})
    shop.drop("c.csv", "3,5000000000,2024-01-10,hello", header="id,amount,at,note")
    shop.run(INGEST, PROCESS)
    expected = Counter([("1", "5", "None"), ("2", "6", "none"), ("3", "5000000000", "hello")])
    assert values(shop, "orders", "id", "amount", "noted") == expected
    pipeline = shop.open()
    table = pipeline.settings.table("orders")
    snapshots = pipeline.spark.table(f"{table}.snapshots").orderBy("committed_at").collect()
    past = f"select * from {table} version as of {snapshots[0]['snapshot_id']}"  # noqa: S608
    first = pipeline.spark.sql(past)
    assert (first.count(), "noted" in first.columns) == (1, False)


def test_a_measure_that_an_aggregate_gets_is_computed_for_days_that_no_batch_touches(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-10")
    shop.run(INGEST, PROCESS)
    measures = {"n": "count(*)", "total": "sum(amount)", "top": "max(amount)"}
    shop.contract(processing={"aggregates": [{"name": "daily_orders", "measures": measures}]})
    shop.drop("b.csv", "2,6,2024-01-11")
    shop.run(INGEST, PROCESS)
    expected = Counter([("2024-01-10", "5.00"), ("2024-01-11", "6.00")])
    assert values(shop, "daily_orders", "event_date", "top") == expected


# Records -----------------------------------------------------------------------------------------------------


def test_the_run_and_the_batch_tell_inputs_outputs_rule_hits_rows_and_seconds(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-10", "2,-5,2024-01-10")
    pipeline = shop.run(INGEST, PROCESS)
    run = pipeline.ledger.get("run#processing", pipeline.settings.run_id)
    assert run is not None
    [told] = run["batches"]
    [batch] = shop.batches()
    assert (told["dataset"], told["batch_id"], told["rule_hits"]) == ("orders", batch["id"], {"positive": 1})
    assert (told["rows_read"], told["rows_curated"], told["rows_rejected"]) == (2, 1, 1)
    assert told["inputs"][0]["uri"] == batch["prefix"]
    snapshots = {each["table"].rpartition(".")[2]: each["snapshot"] for each in told["outputs"]}
    assert set(snapshots) == {"orders", "daily_orders"}
    steps = [step["name"] for step in told["steps"]]
    assert steps == ["compile", "survey", "note_dates", "quarantine", "put", "aggregates"]
    assert all(step["seconds"] >= 0 for step in told["steps"])
    assert batch["rule_hits"] == {"positive": 1}


def test_a_processed_batch_leaves_a_lineage_event_and_a_failed_one_says_why_until_it_goes_through(shop: Shop) -> None:
    shop.contract(processing={"rules": [{"name": "positive", "condition": "nope > 0"}]})
    shop.drop("a.csv", "1,5,2024-01-10")
    with pytest.raises(DatasetsFailedError):
        shop.run(INGEST, PROCESS)
    [event] = map(json.loads, shop.text("quality", "reports/orders/**/lineage-*.json"))
    assert event["eventType"] == "FAIL"
    assert "rule 'positive'" in event["run"]["facets"]["errorMessage"]["message"]
    shop.contract()
    shop.run(PROCESS)
    [event] = map(json.loads, shop.text("quality", "reports/orders/**/lineage-*.json"))
    assert event["eventType"] == "COMPLETE"
    assert [each["name"].rpartition("/")[2] for each in event["outputs"]][:1] == ["orders"]


def test_a_run_that_has_lost_its_dataset_leaves_the_event_to_the_other_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*arguments: Any, **_: Any) -> None:
        held = arguments[4]
        held._lost_to = "another run"
        raise RuntimeError("the table was changed by another commit")

    monkeypatch.setattr(curating, "put", conflict)
    shop.drop("a.csv", "1,5,2024-01-10")
    with pytest.raises(DatasetsFailedError, match="RuntimeError: the table was changed by another commit"):
        shop.run(INGEST, PROCESS)
    assert shop.text("quality", "reports/orders/**/lineage-*.json") == []


# Maintenance -------------------------------------------------------------------------------------------------


def test_maintenance_leaves_every_row_and_vacuums_checked_batches(
    shop: Shop, lake: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-10")
        shop.run(INGEST, PROCESS, CHECK)
    before = shop.rows()
    state = shop.open().ledger.state
    for batch in shop.batches():
        long_ago = (datetime.now(timezone.utc) - timedelta(days=40)).isoformat()
        state.update_item(
            Key={"entity": "batch#orders", "id": batch["id"]},
            UpdateExpression="SET planned_at = :then",
            ExpressionAttributeValues={":then": long_ago},
        )
    shop.drop("new.csv", "9,5,2024-01-10")
    shop.run(INGEST)
    with caplog.at_level(logging.INFO):
        shop.run(PROCESS, maintain="true")
    assert shop.rows() == before
    assert shop.states()[-1] == INGESTED, "maintenance processes nothing"
    [left] = {path.split("/")[1] for path in shop.files("processed") if path.startswith("orders/")}
    assert left == f"batch_id={shop.batches()[-1]['id']}"
    shop.run(PROCESS)
    assert shop.keys() == Counter("0129")
