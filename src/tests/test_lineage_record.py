"""The record of a run of processing: steps are measured, and all of it fits into the run's item."""

from __future__ import annotations

import boto3
import pytest

from etl.dynamo import plain
from etl.ledger import Ledger
from etl.lineage.record import BatchRecord, Data, RunRecord, Step

PLANNED_AT = "2024-01-15T09:30:00+00:00"


def a_batch(run: RunRecord, number: int = 1, rules: int = 2) -> BatchRecord:
    batch = run.batch("orders", f"batch-{number:05d}", PLANNED_AT)
    batch.rows_read, batch.rows_rejected, batch.rows_curated = 10, 1, 9
    batch.inputs.append(Data("s3://processed/orders/batch_id=1/", rows=10, files=2, columns={"id": "string"}))
    batch.inputs.append(Data("s3://curated/db/customers/", "glue_catalog.db.customers", 7_766_554_433_221_100_123))
    batch.outputs.append(Data("s3://curated/db/orders/", "glue_catalog.db.orders", 12, rows=9))
    batch.steps.append(Step("survey", 1.25, rows_in=10, rows_out=9))
    batch.rule_hits.update({f"rule_{position}": position for position in range(rules)})
    batch.unmatched["customers"] = 3
    return batch


def test_a_step_is_measured_and_tells_the_rows_that_it_was_given() -> None:
    batch = a_batch(RunRecord())
    with batch.step("put") as step:
        step.rows_in = 9
    [facts] = [fact for fact in batch.facts()["steps"] if fact["name"] == "put"]
    assert facts.pop("seconds") >= 0
    assert facts == {"name": "put", "rows_in": 9}


def test_a_step_that_throws_is_measured_and_marked_and_the_error_goes_on() -> None:
    batch = a_batch(RunRecord())
    with pytest.raises(ValueError, match="no"), batch.step("put"):
        raise ValueError("no")
    assert batch.steps[-1].failed
    assert batch.steps[-1].seconds is not None
    assert batch.facts()["steps"][-1]["failed"] is True


def test_the_facts_of_a_batch_have_what_is_known_and_nothing_else() -> None:
    facts = a_batch(RunRecord()).facts()
    assert facts == {
        "dataset": "orders",
        "batch_id": "batch-00001",
        "seconds": 1.25,
        "rows_read": 10,
        "rows_rejected": 1,
        "rows_curated": 9,
        "inputs": [
            {"uri": "s3://processed/orders/batch_id=1/", "rows": 10, "files": 2},
            {
                "uri": "s3://curated/db/customers/",
                "table": "glue_catalog.db.customers",
                "snapshot": 7_766_554_433_221_100_123,
            },
        ],
        "outputs": [{"uri": "s3://curated/db/orders/", "table": "glue_catalog.db.orders", "snapshot": 12, "rows": 9}],
        "steps": [{"name": "survey", "seconds": 1.25, "rows_in": 10, "rows_out": 9}],
        "rule_hits": {"rule_0": 0, "rule_1": 1},
        "unmatched": {"customers": 3},
    }


def test_the_facts_of_a_run_come_back_from_the_state_table_as_they_were(aws: None) -> None:
    run = RunRecord()
    a_batch(run, 1)
    a_batch(run, 2).error = "TableSchemaError: no"
    ledger = Ledger(boto3.resource("dynamodb"), "bookmarks", "state", "run-a")
    ledger.put("run#processing", "run-a", status="SUCCEEDED", **run.facts())
    item = plain(ledger.get("run#processing", "run-a"))
    assert {name: item[name] for name in run.facts()} == run.facts()
    assert "batches_note" not in item
    assert item["batches"][1]["error"] == "TableSchemaError: no"


@pytest.mark.parametrize(("batches", "rules"), [(600, 100), (1, 20_000), (20_000, 1)])
def test_the_facts_of_a_very_long_run_fit_into_an_item_and_say_what_is_left_out(
    aws: None, batches: int, rules: int
) -> None:
    run = RunRecord()
    for number in range(batches):
        a_batch(run, number, rules)
    ledger = Ledger(boto3.resource("dynamodb"), "bookmarks", "state", "run-a")
    ledger.put("run#processing", "run-a", status="FAILED", reason="x" * 500, **run.facts())
    facts = run.facts()
    assert facts["batch_count"] == batches
    assert f"of {batches} batches, {len(facts['batches'])} are listed" in facts["batches_note"]
    assert facts["batches"][-1] == {
        "dataset": "orders",
        "batch_id": f"batch-{len(facts['batches']) - 1:05d}",
        "seconds": 1.25,
        "rows_read": 10,
        "rows_rejected": 1,
        "rows_curated": 9,
    }
