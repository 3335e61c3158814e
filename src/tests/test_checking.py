"""One check of a dataset: its history, references and files, and what of it is kept and told."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etl.checking import bounded_metrics, history_of_items
from etl.dqdl import parse_ruleset
from etl.dqdl.mentions import mentioned
from etl.telling import console_url
from shop import ALL, CHECK, Shop

SCHEMA = json.loads((Path(__file__).parents[1] / "config" / "quality_report.schema.json").read_text())


def test_the_history_has_the_values_of_each_metric_with_their_times() -> None:
    at = datetime(2024, 1, 15, 9, 30, tzinfo=timezone.utc)
    items: list[dict[str, Any]] = [
        {"checked_at": "2024-01-15T09:30:00+00:00", "metrics": {"a": 1, "b": 2.5}},
        {"checked_at": "2024-01-16T09:30:00+00:00", "metrics": {"a": 3}},
        {"checked_at": "2024-01-17T09:30:00+00:00"},
    ]
    history = history_of_items(items)
    assert (history.values("a"), history.values("b"), history.values("c")) == ([1.0, 3.0], [2.5], [])
    assert history.points("b")[0].at == at


def test_metrics_that_an_item_has_no_room_for_are_left_out_and_counted_those_of_rules_last() -> None:
    of_rules = {"Dataset.*.Rule": 1.0, "nan": float("nan")}
    of_profile = {f"Column.c{number:03d}.Mean": float(number) for number in range(100)}
    assert bounded_metrics(of_rules, of_profile) == ({**of_profile, "Dataset.*.Rule": 1.0}, 0)
    kept, left_out = bounded_metrics(of_rules, of_profile, most=500)
    assert (len(kept) + left_out, kept["Dataset.*.Rule"]) == (101, 1.0)
    assert list(kept)[1:] == list(of_profile)[: len(kept) - 1] != []
    # A rule and the profile have names in common: the rule's value counts.
    assert bounded_metrics({"x": 1.0}, {"x": 2.0}) == ({"x": 1.0}, 0)


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ('ReferentialIntegrity "id" "customers.id" = 1.0', {"customers"}),
        ('ReferentialIntegrity "a,b" "customers.{a,b}" = 1.0', {"customers"}),
        ('RowCountMatch "customers" = 1.0, SchemaMatch "orders" = 1.0', {"customers", "orders"}),
        ('AggregateMatch "sum(amount)" "sum(customers.amount)" = 1.0', {"customers"}),
        ("CustomSql \"select count(*) from primary p join customers c on c.id = p.id\" = 0", {"customers"}),
        ('CustomSql "select count(*) from primary, orders" = 0', {"orders"}),
        # Words that are no references: a column's name, a value, a part of another name.
        ('IsComplete "customers", ColumnValues "kind" in ["orders"]', set()),
        ("CustomSql \"select count(*) from primary where kind = 'from customers'\" = 0", set()),
        ('RowCountMatch "customers_old" = 1.0', set()),
        ('(RowCount > 0) and (RowCountMatch "orders" = 1.0)', {"orders"}),
    ],
)  # fmt: skip
def test_only_datasets_that_rules_refer_to_are_opened(rules: str, names: set[str]) -> None:
    assert mentioned(parse_ruleset(f"Rules = [ {rules} ]"), ["customers", "orders"]) == names


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("eu-central-1", "https://eu-central-1.console.aws.amazon.com/s3/object/b?"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/s3/object/b?"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com/s3/object/b?"),
    ],
)
def test_a_report_is_linked_in_the_console_of_its_region(region: str, start: str) -> None:
    assert console_url("s3://b/reports/o/x.html", region) == f"{start}region={region}&prefix=reports/o/x.html"


def _report(shop: Shop, run_id: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(shop.text("quality", f"reports/orders/*/*/*/{run_id}.json")[0])
    assert [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(content)] == []
    return content


def test_a_check_has_its_files_its_history_and_what_has_changed_since_the_last(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    rules = """Rules = [ RowCount > 0, ColumnValues "amount" < 9, RowCount > last(), FileSize < 1 MB ]"""
    shop.contract(quality={"rules": rules, "threshold": 10})
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(*ALL)
    shop.drop("b.csv", "2,500,2024-01-16,x", "3,500,2024-01-16,y", header="id,amount,at,note")
    pipeline = shop.run(*ALL)
    content = _report(shop, pipeline.settings.run_id)
    assert [name.rpartition("/")[2] for name in content["source_files"]] == ["b.csv"]
    outcomes = {rule["rule"]: rule["outcome"] for rule in content["rules"]}
    assert (outcomes["RowCount > last()"], outcomes['ColumnValues "amount" < 9']) == ("Passed", "Failed")
    assert ("note", "added") in [(each["column"], each["what"]) for each in content["drift"]]
    assert not {"_batch_id", "_source_file"} & {entry["column"] for entry in content["profile"]}
    items = pipeline.ledger.items("metrics#orders")
    assert [float(item["metrics"]["Dataset.*.RowCount"]) for item in items] == [1, 3]
    assert float(items[-1]["metrics"]["Column.note.Completeness"]) == pytest.approx(2 / 3)
    assert (int(items[-1]["rules_failed"]), int(items[-1]["threshold"]), items[-1]["publication"]) == (1, 10, None)
    [page] = shop.text("quality", "reports/index.html")
    report = f"orders/{pipeline.settings.started:%Y/%m/%d}/{pipeline.settings.run_id}.html"
    assert f'href="{report}"' in page
    back = shop.path("quality", f"reports/{report}").parent / content["links"]["All datasets"]
    assert back.resolve() == shop.path("quality", "reports/index.html").resolve()
    # A report that somebody has removed is no fault, nor is an index that can't be written.
    for name in shop.files("quality"):
        if name.endswith((".json", "index.html")):
            shop.path("quality", name).unlink()
    shop.path("quality", "reports/index.html").mkdir()
    with caplog.at_level(logging.INFO):
        pipeline = shop.run(CHECK, recheck="true")
    assert _report(shop, pipeline.settings.run_id)["drift"] == []
    assert "no drift is told" in caplog.text
    assert "reports/index.html stays as it was" in caplog.text
