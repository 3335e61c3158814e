"""Runs killed before and after every step of each stage: the next run ends in the same tables and quarantine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from etl import aggregate_tables, attempt, committing, curating, ingestion, publication, quality
from etl.alerts import Alerts
from etl.catalog import Catalog
from etl.curated import writer
from etl.curated.tables import TableChanges
from etl.duplicates import DUPLICATE_REASON
from etl.errors import DatasetsFailedError
from etl.ledger import CHECKED, PLANNED, PROCESSED, Ledger
from shop import CHECK, INGEST, PROCESS, Shop


class Killed(BaseException):
    """What no handler of the pipeline catches."""


def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, str], Any]:
    """A function that arms one kill: ``arm(owner, name, "before" | "after")``, until its result is undone."""

    def arm(owner: Any, name: str, when: str) -> None:
        real = getattr(owner, name)

        def dying(*arguments: Any, **keywords: Any) -> Any:
            if when == "after":
                real(*arguments, **keywords)
            raise Killed(f"{when} {name}")

        monkeypatch.setattr(owner, name, dying)

    return arm


INGESTION_STEPS: list[tuple[Any, str]] = [
    (ingestion, "write_manifest"),
    (Ledger, "put_once"),
    (Ledger, "plan"),
    (Ledger, "claim"),
    (attempt, "write_batch"),
    (attempt, "set_duplicates_apart"),
    (attempt, "keep_rows"),
    (attempt, "keep_files"),
    (committing, "record_schema_changes"),
    (Alerts, "queue"),
    (Ledger, "advance"),
    (Catalog, "ensure_table"),
    (Catalog, "add_partitions"),
    (Ledger, "note"),
]
STEPS_BEFORE: list[tuple[Any, str]] = [
    (Ledger, "take_over"),
    (TableChanges, "apply"),
    (Ledger, "note"),
    (curating, "keep_rows"),
]
STEPS_AFTER: list[tuple[Any, str]] = [
    (aggregate_tables, "create_or_replace"),
    (aggregate_tables, "replace_dates"),
    (Ledger, "advance"),
    (Ledger, "put"),
]
QUALITY_STEPS: list[tuple[Any, str]] = [
    (Ledger, "take_over"),
    (quality, "write_report"),
    (Alerts, "queue"),
    (Ledger, "advance"),
]

# Killed before the first of them, rows wait; after the second, the table has them and its aggregates don't.
PUBLISHING_STEPS: list[tuple[Any, str]] = [
    (publication, "fast_forward"),
    (publication, "refresh_aggregates"),
    (publication, "drop_audit"),
    (Ledger, "let_go"),
    (Ledger, "advance"),
]
HOLDING_STEPS: list[tuple[Any, str]] = [
    (quality, "write_report"),
    (Ledger, "hold"),
    (Ledger, "advance"),
]


@pytest.fixture
def die_at_every_step(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Callable[[tuple[str, Any], list[tuple[Any, str]], Callable[[str], None]], None]:
    """A function: prepares something, then starts a run that dies: before the first step, and after each."""

    def die(stage: tuple[str, Any], steps: list[tuple[Any, str]], prepare: Callable[[str], None]) -> None:
        # What is there before a step is what is there after the one before it.
        for owner, name, when in [(*steps[0], "before"), *((*step, "after") for step in steps)]:
            prepare(f"{when}_{name}")
            pipeline = shop.open()
            with monkeypatch.context() as patch, pytest.raises(Killed, match=f"{when} {name}"):
                killer(patch)(owner, name, when)
                # The stage's work itself: run_stage's own records use the ledger, too.
                stage[1](pipeline)

    return die


def test_ingestion_killed_at_every_step_loses_nothing_and_doubles_nothing(
    shop: Shop, lake: Any, die_at_every_step: Any
) -> None:
    names: list[str] = []

    def prepare(name: str) -> None:
        names.append(name)
        shop.drop(f"{name}.csv", f"{name},5,2024-01-15", f"{name},4,2024-01-14", f",{name},")
        lake.put("raw", f"data/incoming/orders/2024/01/15/{name}.parquet", f"PAR1 {name}")

    die_at_every_step(INGEST, INGESTION_STEPS, prepare)
    shop.run(INGEST, PROCESS)
    assert set(shop.states()) == {PROCESSED}
    assert shop.keys() == Counter(names)
    reasons = Counter({DUPLICATE_REASON: len(names), "id: required value is missing": len(names)})
    assert Counter(row["reason"] for row in shop.quarantine()) == reasons
    listings = [json.loads(text) for text in shop.text("quality", "quarantine/orders/*/files.json")]
    kept = Counter(Path(entry["source_file"]).stem for listing in listings for entry in listing)
    assert kept == Counter(names)
    assert sum(int(batch["rows_read"]) for batch in shop.batches()) == 3 * len(names)
    assert all(batch["cataloged"] for batch in shop.batches())


@pytest.mark.parametrize(("key", "write"), [(["id"], "merge_by_key"), ([], "replace_batch")], ids=["keyed", "keyless"])
def test_processing_killed_at_every_step_ends_in_the_same_tables(
    shop: Shop, die_at_every_step: Any, key: list[str], write: str
) -> None:
    shop.contract(key=key or None)
    for number in range(4):
        day = f"2024-01-{number + 10}"
        shop.drop(f"{number}.csv", f"{number},5,{day}", f"{number}x,-5,{day}", f"moved,1,{day}", f"{number}y,5,{day}")
    shop.run(INGEST, max_files_per_batch="1")
    die_at_every_step(PROCESS, [*STEPS_BEFORE, (writer, write), *STEPS_AFTER], lambda _: None)
    shop.run(PROCESS)
    moved = {"moved": 1 if key else 4}
    assert set(shop.states()) == {PROCESSED}
    assert shop.keys() == Counter([*"0123", *(f"{n}y" for n in range(4))]) + Counter(moved)
    days = [("2024-01-10", 2, 10), ("2024-01-11", 2, 10), ("2024-01-12", 2, 10), ("2024-01-13", 3, 11)]
    if not key:
        days = [(day, 3, 11) for day, _, _ in days]
    assert shop.rows("daily_orders") == Counter((day, str(n), f"{total}.00") for day, n, total in days)
    assert Counter(row["reason"] for row in shop.quarantine()) == Counter({"rule positive: amount > 0": 4})


def test_quality_killed_at_every_step_tells_of_a_finding_once(shop: Shop, die_at_every_step: Any) -> None:
    shop.contract(quality={"rules": "Rules = [ RowCount > 100 ]", "threshold": 90})
    for number in range(3):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-15")
    shop.run(INGEST, PROCESS, max_files_per_batch="1")
    die_at_every_step(CHECK, QUALITY_STEPS, lambda _: None)
    shop.run(CHECK)
    assert shop.states() == [CHECKED] * 3
    [item] = shop.open().ledger.items("metrics#orders")
    assert item["id"] == shop.batches()[-1]["id"]
    assert len(shop.notifications()) == 1


CAUTIOUS = {"rules": 'Rules = [ ColumnValues "amount" < 100 ]', "threshold": 90, "publish": "after_quality"}


def test_publishing_killed_at_every_step_ends_in_the_same_tables_and_is_told_once(
    shop: Shop, die_at_every_step: Any
) -> None:
    shop.contract(quality=CAUTIOUS)
    shop.drop("a.csv", "1,500,2024-01-15", "2,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    shop.drop("b.csv", "1,50,2024-01-16")
    shop.run(INGEST, PROCESS)
    die_at_every_step(CHECK, PUBLISHING_STEPS, lambda _: None)
    shop.run(CHECK)
    assert (shop.states(), shop.keys()) == ([CHECKED] * 2, Counter("12"))
    assert shop.rows("daily_orders") == Counter([("2024-01-15", "1", "5.00"), ("2024-01-16", "1", "50.00")])
    assert [batch["publication"] for batch in shop.batches()] == ["published"] * 2
    assert shop.open().ledger.items("held#orders") == []
    assert len(shop.notifications()) == 2, "that rows are held, and that they are published"


def test_rows_that_wait_are_put_and_held_once_wherever_the_run_is_killed(shop: Shop, die_at_every_step: Any) -> None:
    shop.contract(quality=CAUTIOUS, key=None)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS, CHECK)
    shop.drop("b.csv", "1,500,2024-01-16", "2,5,2024-01-15")
    shop.run(INGEST)
    die_at_every_step(PROCESS, [(TableChanges, "apply"), (writer, "replace_batch")], lambda _: None)
    shop.run(PROCESS)
    die_at_every_step(CHECK, HOLDING_STEPS, lambda _: None)
    shop.run(CHECK)
    assert (shop.states(), shop.keys()) == ([CHECKED] * 2, Counter("1"))
    assert (shop.batches()[-1]["publication"], len(shop.notifications())) == ("held", 1)
    shop.contract(quality={**CAUTIOUS, "threshold": 10}, key=None)
    shop.run(CHECK, recheck="true")
    assert shop.keys() == Counter("112")
    assert shop.rows("daily_orders") == Counter([("2024-01-15", "2", "10.00"), ("2024-01-16", "1", "500.00")])


def test_an_unfinished_batch_is_done_again_with_exactly_its_own_files(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killer(patch)(attempt, "write_batch", "after")
        shop.run(INGEST)
    assert shop.states() == [PLANNED]
    shop.drop("b.csv", "2,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert [int(batch["files"]) for batch in shop.batches()] == [1, 1]
    assert shop.keys() == Counter("12")


def test_a_run_whose_batch_was_taken_over_commits_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    real = attempt.write_batch

    def overtaken(*arguments: Any) -> Any:
        counts = real(*arguments)
        other = shop.open().ledger
        [batch] = other.batches("orders", PLANNED)
        other.take_over(batch)
        return counts

    monkeypatch.setattr(attempt, "write_batch", overtaken)
    with pytest.raises(DatasetsFailedError, match="LeaseLostError"):
        shop.run(INGEST)
    assert shop.states() == [PLANNED]


def test_processing_catalogs_a_batch_with_its_columns_where_ingestion_was_killed_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,x", header="n,t", dataset="things")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killer(patch)(Ledger, "advance", "after")
        shop.run(INGEST)
    pipeline = shop.run(PROCESS)
    glue = boto3.client("glue")
    table = glue.get_table(DatabaseName=pipeline.settings.database, Name="processed_things")["Table"]
    names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert names[:2] == ["n", "t"]
