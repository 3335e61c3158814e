"""Schema drift: what is new with a batch is recorded and told once, whatever is repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conftest import ALERTS_TOPIC, BOOKMARKS, STATE
from etl.alerts import OUTBOX, Alerts
from etl.contracts import Column, Contract, parse_contracts
from etl.contracts.text import column_line
from etl.ledger import Batch, Ledger
from etl.schema_drift import (
    MOST_COLUMNS,
    SchemaChange,
    describe,
    missing_columns,
    new_changes,
    record_schema_changes,
)

ORDERS = Contract(
    "orders",
    columns=(Column("order_id", required=True), Column("quantity", "int", aliases=("qty",)), Column("note")),
)
FILE = "s3://raw/data/incoming/2024/01/15/orders 1.csv"


def batch(number: int = 1) -> Batch:
    return Batch("orders", f"b{number}", "PLANNED", "run", {"planned_at": f"2024-01-15T09:3{number}:00+00:00"})


@pytest.fixture
def ledger(aws: None) -> Ledger:
    return Ledger(boto3.resource("dynamodb"), BOOKMARKS, STATE, "run")


class Recorder:
    """Records changes of the dataset as ingestion does."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.alerts = Alerts(ledger, boto3.client("sns"), ALERTS_TOPIC)

    def record(
        self, number: int, *columns: str, missing: tuple[str, ...] = (), contract: Contract = ORDERS, file: str = FILE
    ) -> list[str]:
        unknown = dict.fromkeys(columns, file)
        found = record_schema_changes(self.ledger, self.alerts, contract, batch(number), unknown, missing, "test")
        return [f"{change.kind} {change.column}" for change in found]

    def events(self) -> dict[str, dict[str, Any]]:
        return {item["id"]: item for item in self.ledger.items("schema#orders")}

    def told(self) -> list[dict[str, Any]]:
        return self.ledger.items(OUTBOX)


@pytest.fixture
def recorder(ledger: Ledger) -> Recorder:
    return Recorder(ledger)


def test_a_contract_column_is_missing_when_no_name_of_it_is_there() -> None:
    assert missing_columns(["order_id", "qty", "colour"], ORDERS) == ["note"]
    assert missing_columns(["order_id", "quantity", "note"], ORDERS) == []


def test_a_new_column_is_an_event_of_its_batch_and_an_alert(recorder: Recorder) -> None:
    assert recorder.record(1, "gift", "colour") == ["added gift", "added colour"]
    [event] = recorder.events().values()
    assert {name: event[name] for name in ("id", "added", "rescued", "missing", "files", "at")} == {
        "id": "b1",
        "added": ["gift", "colour"],
        "rescued": [],
        "missing": [],
        "files": [FILE],
        "at": "2024-01-15T09:31:00+00:00",
    }
    [alert] = recorder.told()
    assert alert["subject"] == "[test] orders: 2 new column(s)"
    assert alert["id"].startswith("schema#orders#")
    assert f"gift, first in {FILE}" in alert["message"] and "batch b1" in alert["message"]


def test_a_column_that_an_earlier_batch_brought_is_not_new_and_makes_no_event(recorder: Recorder) -> None:
    recorder.record(1, "gift")
    assert recorder.record(2, "gift") == []
    assert recorder.record(3, "gift", "colour") == ["added colour"]
    assert list(recorder.events()) == ["b1", "b3"]
    assert len(recorder.told()) == 2


def test_a_dataset_without_changes_writes_nothing(recorder: Recorder) -> None:
    assert recorder.record(1) == []
    assert recorder.events() == {} and recorder.told() == []


def test_recording_a_batch_again_gives_the_same_event_and_no_second_alert(recorder: Recorder) -> None:
    first = recorder.record(1, "gift", missing=("note",))
    before = recorder.events()
    assert recorder.record(1, "gift", missing=("note",)) == first == ["added gift", "missing note"]
    after = recorder.events()
    assert {**after["b1"], "updated_at": ""} == {**before["b1"], "updated_at": ""}
    assert len(recorder.told()) == 1


def test_a_run_killed_between_event_and_alert_tells_the_alert_the_next_time(recorder: Recorder) -> None:
    recorder.ledger.put("schema#orders", "b1", added=["gift"])
    assert recorder.record(1, "gift") == ["added gift"]
    assert len(recorder.told()) == 1


def test_an_event_of_a_file_that_was_replaced_before_the_commit_is_written_anew(recorder: Recorder) -> None:
    recorder.record(1, "gift")
    assert recorder.record(1) == []
    assert recorder.events()["b1"]["added"] == []
    assert recorder.record(2, "gift") == ["added gift"]


def test_rescued_columns_are_recorded_as_such_and_told_once(recorder: Recorder) -> None:
    rescue = replace(ORDERS, schema_mode="rescue")
    assert recorder.record(1, "gift", contract=rescue) == ["rescued gift"]
    assert recorder.record(2, "gift", contract=rescue) == []
    assert "kept in _rescued_data" in recorder.told()[0]["message"]
    assert recorder.record(3, "gift") == ["added gift"]


def test_in_mode_freeze_no_column_is_new_since_its_file_is_refused(recorder: Recorder) -> None:
    assert recorder.record(1, "gift", contract=replace(ORDERS, schema_mode="freeze")) == []


def test_a_missing_column_is_told_once_with_what_it_means(recorder: Recorder) -> None:
    assert recorder.record(1, missing=("order_id", "note")) == ["missing order_id", "missing note"]
    assert recorder.record(2, missing=("order_id", "note")) == []
    [alert] = recorder.told()
    assert alert["subject"] == "[test] orders: 2 missing column(s)"
    assert "order_id (required: all rows are refused)" in alert["message"]
    assert "They are null" in alert["message"]


def test_a_new_column_that_looks_like_a_missing_one_is_suggested_as_its_alias() -> None:
    changes = [SchemaChange("added", "quantities", FILE), SchemaChange("missing", "quantity")]
    subject, message = describe(ORDERS, batch(), changes)
    assert subject == "orders: 1 new column(s) and 1 missing column(s)"
    assert "Perhaps renamed: quantity is now quantities (aliases: [quantities])." in message


def test_the_suggested_lines_make_the_contract_know_the_columns() -> None:
    names = ["no", "gift", "y", "c_1"]
    _, message = describe(ORDERS, batch(), [SchemaChange("added", name, FILE) for name in names])
    lines = "\n".join(line for line in message.splitlines() if line.startswith("  - {"))
    contract = parse_contracts({"orders.yml": f"name: orders\ncolumns:\n{lines}"})["orders"]
    assert [column.name for column in contract.columns] == names


@given(st.from_regex(r"[a-z][a-z0-9_]{0,80}", fullmatch=True))
def test_a_line_for_the_contract_reads_back_as_the_column(name: str) -> None:
    assert yaml.safe_load(column_line(name, "long", aliases=["a b"])) == {
        "name": name,
        "type": "long",
        "aliases": ["a b"],
    }


def test_files_whose_keys_are_data_do_not_burst_the_item_or_the_alert(recorder: Recorder) -> None:
    names = [f"key_{number:06}_{'x' * 150}" for number in range(5000)]
    assert len(recorder.record(1, *names)) == MOST_COLUMNS
    [alert] = recorder.told()
    assert f"and {MOST_COLUMNS - 50} more" in alert["message"]


def test_changes_say_what_they_are() -> None:
    [new, gone] = new_changes(ORDERS, [], {"gift": FILE}, ["note"])
    assert str(new) == f"new column gift (added), first in {FILE}"
    assert str(gone) == "column note is missing"
    assert new.to_dict() == {"kind": "added", "column": "gift", "file": FILE}
