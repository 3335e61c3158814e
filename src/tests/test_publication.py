"""Write, audit, publish: what readers of a curated table see while rows wait, are held, and have passed."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any

import pytest
from pyspark.sql import functions as F

from etl import publication
from etl.curated.branches import heads
from etl.curated.tables import audit_of
from etl.errors import DatasetsFailedError
from etl.ledger import CHECKED, INGESTED, PROCESSED
from shop import CHECK, INGEST, ORDERS, PROCESS, Shop

# Fails for the whole table as soon as one amount is too high.
CAUTIOUS = {"rules": 'Rules = [ ColumnValues "amount" < 100 ]', "threshold": 90, "publish": "after_quality"}
RELAXED = {**CAUTIOUS, "rules": 'Rules = [ ColumnValues "amount" < 1000 ]'}


def waiting(shop: Shop, table: str = "orders") -> Counter[str] | None:
    """The keys in a table's audit branch; None where there is none."""
    pipeline = shop.open()
    name = pipeline.settings.table(table)
    if heads(pipeline.spark, name)[1] is None:
        return None
    return Counter(row[0] for row in pipeline.spark.table(audit_of(name)).select("id").collect())


def publications(shop: Shop, dataset: str = "orders") -> list[Any]:
    return [batch.get("publication") for batch in shop.batches(dataset)]


def report(shop: Shop) -> dict[str, Any]:
    texts = map(json.loads, shop.text("quality", "reports/orders/*/*/*/jr_*.json"))
    content: dict[str, Any] = max(texts, key=lambda each: each["generated_at"])
    return content


def test_a_first_load_is_seen_by_nobody_until_it_has_passed(shop: Shop) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,5,2024-01-15", "2,7,2024-01-16")
    pipeline = shop.run(INGEST, PROCESS)
    assert (shop.keys(), waiting(shop)) == (Counter(), Counter("12"))
    assert not pipeline.spark.catalog.tableExists(pipeline.settings.table("daily_orders"))
    assert int(pipeline.ledger.get("table", "orders")["rows"]) == 0  # type: ignore[index]
    pipeline = shop.run(CHECK)
    assert (shop.keys(), waiting(shop)) == (Counter("12"), None)
    assert shop.rows("daily_orders") == Counter([("2024-01-15", "1", "5.00"), ("2024-01-16", "1", "7.00")])
    assert (shop.states(), publications(shop)) == ([CHECKED], ["published"])
    assert int(pipeline.ledger.get("table", "orders")["rows"]) == 2  # type: ignore[index]
    found = report(shop)["publication"]
    assert (found["state"], found["branch"]) == ("published", "audit")
    assert "2 row(s) of 1 batch(es) passed" in found["words"]
    assert shop.notifications() == []


def test_rows_that_do_not_pass_are_held_told_once_and_published_when_the_rule_is_mended(shop: Shop) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    before = [shop.rows("orders", without=()), shop.rows("daily_orders")]
    shop.drop("b.csv", "1,6,2024-01-17", "2,500,2024-01-16")
    shop.run(INGEST, PROCESS, CHECK)
    assert [shop.rows("orders", without=()), shop.rows("daily_orders")] == before
    assert (shop.states(), publications(shop)) == ([CHECKED] * 2, ["published", "held"])
    assert waiting(shop) == Counter("12")
    [(subject, message)] = shop.notifications()
    assert subject.endswith("below 90; rows are held")
    assert "1 of 1 rule(s) do not hold" in message
    assert 'ColumnValues "amount" < 100: 1 of 2 row(s)' in message
    assert "2 row(s) of 1 batch(es) are held back" in message
    assert '--arguments \'{"--dataset":"orders","--recheck":"true"}\'' in message
    assert "console.aws.amazon.com/s3/object/" in message
    assert report(shop)["publication"]["state"] == "held"
    # Nothing new: no check. Asked for: the same finding is told to nobody again.
    shop.run(CHECK)
    shop.run(CHECK, recheck="true")
    assert (len(shop.notifications()), waiting(shop)) == (1, Counter("12"))
    # Other rules that fail are told, also for the same batch.
    shop.contract(quality={**CAUTIOUS, "rules": 'Rules = [ ColumnValues "amount" < 200 ]'})
    shop.run(CHECK, recheck="true")
    assert len(shop.notifications()) == 2
    shop.contract(quality=RELAXED)
    shop.run(CHECK, recheck="true", dataset="orders")
    assert (publications(shop), waiting(shop)) == (["published"] * 2, None)
    assert {row[:2] for row in shop.rows()} == {("1", "6.00"), ("2", "500.00")}
    # Row 1 has left its first day.
    assert shop.rows("daily_orders") == Counter([("2024-01-16", "1", "500.00"), ("2024-01-17", "1", "6.00")])
    assert [told for told, _ in shop.notifications()][2:] == ["[test] held rows of orders are published"]
    # One point of history for each batch, and every held mark is gone.
    ledger = shop.open().ledger
    assert [item["id"] for item in ledger.items("metrics#orders")] == [batch["id"] for batch in shop.batches()]
    assert ledger.items("held#orders") == []


HISTORY = {"history": True, "delete_when": "amount = 0"}
DELETES = {"delete_when": "amount = 0"}
KEYLESS = {"key": None, "order_by": None}
DAILY = {"name": "daily_orders", "measures": {"n": "count(*)", "total": "sum(amount)"}}
TOTALS = {"name": "totals", "over": "table", "measures": {"n": "count(*)", "most": "max(amount)"}}


@pytest.mark.parametrize(
    ("fields", "aggregate", "rows", "aggregated"),
    [
        (
            HISTORY,
            DAILY,
            {("1", "5.00", 13), ("1", "8.00", None), ("2", "6.00", 14), ("4", "500.00", 16), ("4", "50.00", None)},
            {("2024-01-13", "1", "8.00"), ("2024-01-16", "1", "50.00")},
        ),
        (DELETES, TOTALS, {("1", "8.00"), ("4", "50.00")}, {("50.00", "2")}),
        (
            KEYLESS,
            DAILY,
            {("1", "5.00"), ("2", "6.00"), ("4", "500.00"), ("1", "8.00"), ("2", "0.00"), ("4", "50.00")},
            {(f"2024-01-{10 + day}", "1", f"{n}.00") for day, n in ((0, 5), (1, 6), (3, 8), (4, 0), (5, 500), (6, 50))},
        ),
    ],
    ids=["history", "deletes", "keyless"],
)
def test_held_rows_and_their_correction_end_in_the_tables_that_publishing_at_once_gives(
    shop: Shop, fields: dict[str, Any], aggregate: dict[str, Any], rows: set[Any], aggregated: set[Any]
) -> None:
    def contract(high: int) -> None:
        rules = f'Rules = [ CustomSql "select count(*) from primary where amount > 100" = {high} ]'  # noqa: S608
        shop.contract(processing={"aggregates": [aggregate]}, quality={**CAUTIOUS, "rules": rules}, **fields)

    contract(high=0)
    shop.drop("a.csv", "1,5,2024-01-10", "2,6,2024-01-11", "4,500,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    assert (publications(shop), shop.rows()) == (["held"], Counter())
    # Without a key a correction takes nothing away: there, the rule is mended.
    contract(high=0 if "key" not in fields else 1)
    shop.drop("b.csv", "1,8,2024-01-13", "2,0,2024-01-14", "4,50,2024-01-16")
    pipeline = shop.run(INGEST, PROCESS, CHECK)
    assert (publications(shop), waiting(shop)) == (["published"] * 2, None)
    table = pipeline.spark.table(pipeline.settings.table("orders"))
    ends = [F.dayofmonth("valid_to")] if "history" in fields else []
    found = [tuple(row) for row in table.select("id", F.col("amount").cast("string"), *ends).collect()]
    assert Counter(found) == Counter(rows)
    assert shop.rows(aggregate["name"]) == Counter(aggregated)


def test_references_of_other_datasets_see_published_rows_only(shop: Shop) -> None:
    columns = [{"name": "id", "type": "string", "required": True}, {"name": "price", "type": "int"}]
    quality = {"rules": 'Rules = [ ColumnValues "price" < 10 ]', "threshold": 90, "publish": "after_quality"}
    products = {"name": "products", "columns": columns, "event_time": None, "order_by": None, "processing": None}
    shop.contract(**products, source=None, quality=quality)
    enrich = [{"dataset": "products", "keys": {"id": "id"}, "columns": ["price"]}]
    shop.contract(processing={"enrich": enrich}, quality={"rules": 'Rules = [ RowCountMatch "products" = 0.0 ]'})
    shop.drop("p.csv", "1,99", header="id,price", dataset="products")
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    assert publications(shop, "products") == ["held"]
    pipeline = shop.open()
    assert [row["price"] for row in pipeline.spark.table(pipeline.settings.table("orders")).collect()] == [None]
    # The rule compares with no rows, which has no ratio.
    assert report(shop)["rules"][0]["outcome"] == "Failed"
    assert "0 rows in 'products'" in report(shop)["rules"][0]["message"]


@pytest.mark.parametrize("stage", [PROCESS, CHECK], ids=["processing", "quality"])
def test_held_rows_are_published_first_when_the_contract_waits_no_more(shop: Shop, stage: Any) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,500,2024-01-15", "2,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    assert publications(shop) == ["held"]
    shop.contract(quality={**CAUTIOUS, "publish": "at_once"})
    if stage is PROCESS:
        shop.drop("b.csv", "2,7,2024-01-16")
        shop.run(INGEST)
    shop.run(stage)
    more = [("2024-01-16", "1", "7.00")] if stage is PROCESS else []
    first = ("2024-01-15", "1", "500.00") if stage is PROCESS else ("2024-01-15", "2", "505.00")
    assert (shop.keys(), waiting(shop)) == (Counter("12"), None)
    assert shop.rows("daily_orders") == Counter([first, *more])
    assert publications(shop)[0] == "published"


def test_maintenance_leaves_a_table_whose_rows_wait_so_that_they_can_be_published(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "0,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    shop.drop("b.csv", "7,500,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    pipeline = shop.open()
    before = heads(pipeline.spark, pipeline.settings.table("orders"))
    with caplog.at_level(logging.INFO):
        shop.run(PROCESS, maintain="true", snapshot_retention_days="1")
    assert heads(pipeline.spark, pipeline.settings.table("orders")) == before
    assert "orders: rows wait in its branch audit; files and snapshots are left as they are" in caplog.text
    shop.contract(quality=RELAXED)
    shop.run(CHECK, recheck="true")
    assert shop.keys() == Counter("07")


def test_a_table_that_something_else_has_written_to_is_not_published_over_and_the_error_says_what_to_do(
    shop: Shop,
) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    shop.drop("b.csv", "2,5,2024-01-15")
    pipeline = shop.run(INGEST, PROCESS)
    table = pipeline.settings.table("orders")
    main, audit = heads(pipeline.spark, table)
    pipeline.spark.sql(f"delete from {table} where id = '1'")  # noqa: S608
    with pytest.raises(DatasetsFailedError, match=r"PublicationError: .*something else has written to") as caught:
        shop.run(CHECK)
    assert (shop.keys(), waiting(shop), shop.states()) == (Counter(), Counter("12"), [CHECKED, PROCESSED])
    statement = f"CALL glue_catalog.system.set_current_snapshot('{table.partition('.')[2]}', {main})"
    assert statement in str(caught.value)
    pipeline.spark.sql(statement)
    shop.run(CHECK)
    assert (shop.keys(), waiting(shop), shop.states()) == (Counter("12"), None, [CHECKED] * 2)
    assert heads(pipeline.spark, table) == (audit, None)


def test_an_iceberg_without_branches_is_refused_before_anything_is_written(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "supports_branches", lambda spark: False)
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST)
    before = (shop.files("curated"), shop.files("quality"))
    with pytest.raises(DatasetsFailedError, match=r"after_quality needs branches .*set glue_version to 5.0 or later"):
        shop.run(PROCESS)
    assert (shop.files("curated"), shop.files("quality"), shop.states()) == (*before, [INGESTED])
    shop.contract(quality={**CAUTIOUS, "publish": "at_once"}, columns=ORDERS["columns"])
    shop.run(PROCESS, CHECK)
    assert (shop.keys(), shop.states()) == (Counter("1"), [CHECKED])
