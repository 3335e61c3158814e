"""Putting batches into a keyed table: every order in which they come gives the same rows, and a second time none more.

Three batches come in all six orders. Each key stands for one case: in each batch nothing, a row or a delete happens to
it, at the first time, the second, or at no known time, and every combination has its key. A few lines of Python say
what must come out.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest
from pyspark.sql import DataFrame, SparkSession

from conftest import STATE
from etl.contracts import Column, Contract
from etl.curated.deletes import keep_tombstones, tombstone_table
from etl.curated.tables import MadeColumns, table_exists
from etl.curated.writer import check_put, current, put, touched_dates
from etl.leases import Lease, lease

SCHEMA = "id string, value string, at timestamp, event_date date, _batch_id string, _ingested_at timestamp"
NEW_YEAR = datetime(2024, 1, 1)
TIMES = (None, NEW_YEAR, NEW_YEAR + timedelta(days=1))
INGESTED = datetime(2024, 2, 1)
KEYED = Contract("orders", (Column("id"), Column("value"), Column("at", "timestamp")), key=("id",), order_by=("at",))
DELETING = replace(KEYED, delete_when="value = 'gone'")
HISTORY = replace(KEYED, history=True)
Row = tuple[Any, ...]
# What a batch does to a key: nothing, a row, or a delete at one of TIMES.
Deed = tuple[str, int] | None


@dataclass(frozen=True)
class Event:
    """What a batch did to a key. ``age`` sorts the events of a key as they count."""

    batch: str
    ingested: datetime
    deletes: bool
    at: datetime | None

    @property
    def age(self) -> tuple[datetime, datetime, str]:
        return self.at or datetime.min, self.ingested, self.batch

    @property
    def row(self) -> Row:
        day = (self.at or NEW_YEAR).date()
        return f"of {self.batch}", self.at, day, self.batch, self.ingested


# The second and third were planned in the same moment.
BATCHES = {"b1": INGESTED, "b2": INGESTED + timedelta(hours=1), "b3": INGESTED + timedelta(hours=1)}


def cases(*, with_deletes: bool) -> dict[str, list[Event]]:
    """Key -> what each of the batches does to it; all there are."""
    kinds = ("row", "delete") if with_deletes else ("row",)
    deeds: list[Deed] = [None, *itertools.product(kinds, range(len(TIMES)))]
    return {
        f"k{number}": [
            Event(batch, BATCHES[batch], deed[0] == "delete", TIMES[deed[1]])
            for batch, deed in zip(BATCHES, combination, strict=True)
            if deed
        ]
        for number, combination in enumerate(itertools.product(deeds, repeat=len(BATCHES)))
    }


def latest(events: list[Event]) -> Counter[Row]:
    """A table without history: the last event of a key is its row, or that it has none."""
    last = max(events, key=lambda event: event.age, default=None)
    return Counter([last.row] if last and not last.deletes else [])


def versions(events: list[Event]) -> Counter[Row]:
    """A table with history: of each time the last event, each until the next."""
    by_time = {event.at: event for event in sorted(events, key=lambda event: event.age)}
    line = list(by_time.values())
    nexts: list[Event | None] = [*line[1:], None]
    return Counter(
        (*event.row, event.at, following.at if following else None, following is None)
        for event, following in zip(line, nexts, strict=False)
        if not event.deletes
    )


@pytest.fixture
def held(aws: None) -> Iterator[Lease]:
    with lease(boto3.resource("dynamodb").Table(STATE), "orders", "processing", "this run", 60) as held:
        yield held


@pytest.fixture
def table(lake: Any) -> str:
    return f"glue_catalog.db.{lake.bucket('o').replace('-', '_')}"


@pytest.fixture
def batch(frame: Callable[..., DataFrame]) -> Callable[..., DataFrame]:
    """A function: the rows of a batch out of all cases."""

    def make(name: str, cases: dict[str, list[Event]], *, with_deletes: bool) -> DataFrame:
        events = [(key, event) for key, of_key in cases.items() for event in of_key if event.batch == name]
        if with_deletes:
            return frame(f"{SCHEMA}, _delete boolean", *((key, *e.row, e.deletes) for key, e in events))
        return frame(SCHEMA, *((key, *event.row) for key, event in events))

    return make


def put_batch(rows: DataFrame, contract: Contract, table: str, name: str, held: Lease) -> None:
    check_put(rows, contract, table, MadeColumns()).apply()
    put(rows, contract, table, name, held)


ORDERS = [*itertools.permutations(BATCHES)]
# Without deletes the cases are some of those with deletes, so half of the orders do.
WAYS = [
    *((KEYED, latest, order) for order in ORDERS[::3]),
    *((DELETING, latest, order) for order in ORDERS[::2]),
    *((HISTORY, versions, order) for order in ORDERS[::3]),
    *((replace(DELETING, history=True), versions, order) for order in ORDERS),
]


def described(value: object) -> str:
    if isinstance(value, Contract):
        return f"{'history' if value.history else 'latest'}{' with deletes' if value.delete_when else ''}"
    return "-".join(value) if isinstance(value, tuple) else ""


@pytest.mark.parametrize(("contract", "expected", "order"), WAYS, ids=described)
def test_every_order_of_late_corrected_deleted_and_returning_rows_gives_the_same_table(
    batch: Any,
    table: str,
    held: Lease,
    spark: SparkSession,
    contract: Contract,
    expected: Callable[[list[Event]], Counter[Row]],
    order: tuple[str, ...],
) -> None:
    with_deletes = bool(contract.delete_when)
    all_cases = cases(with_deletes=with_deletes)
    batches = {name: batch(name, all_cases, with_deletes=with_deletes) for name in BATCHES}
    # The first once more at the end: a run that is done again.
    for name in (*order, order[0]):
        put_batch(batches[name], contract, table, name, held)
    found: dict[str, Counter[Row]] = {key: Counter() for key in all_cases}
    for row in spark.table(table).collect():
        found[row["id"]][tuple(row)[1:]] += 1
    wrong = {key: (events, found[key]) for key, events in all_cases.items() if found[key] != expected(events)}
    assert wrong == {}


# Deletes -----------------------------------------------------------------------------------------------------


def deeds(*events: tuple[str, str, bool, int]) -> dict[str, list[Event]]:
    """Cases of (key, batch, deletes, which of TIMES)."""
    found: dict[str, list[Event]] = {}
    for key, name, deletes, time in events:
        found.setdefault(key, []).append(Event(name, BATCHES[name], deletes, TIMES[time]))
    return found


def test_a_run_killed_between_tombstones_and_rows_is_done_again_without_a_difference(
    batch: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    some = deeds(("a", "b1", False, 1), ("a", "b2", True, 2), ("b", "b2", False, 1))
    put_batch(batch("b1", some, with_deletes=True), DELETING, table, "b1", held)
    second = batch("b2", some, with_deletes=True)
    keep_tombstones(second.where("_delete"), DELETING, table)
    assert [row["id"] for row in spark.table(table).collect()] == ["a"]
    put_batch(second, DELETING, table, "b2", held)
    assert [row["id"] for row in spark.table(table).collect()] == ["b"]


def test_where_nothing_is_deleted_there_is_no_table_of_tombstones(
    batch: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    rows = batch("b1", deeds(("a", "b1", False, 1)), with_deletes=True)
    check_put(rows, DELETING, table, MadeColumns()).apply()
    put(rows, DELETING, table, "b1", held, deletes=0)
    assert not table_exists(spark, tombstone_table(table))
    assert [row["id"] for row in spark.table(table).collect()] == ["a"]


def test_tombstones_keep_out_older_rows_when_the_contract_deletes_no_more(
    batch: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    some = deeds(("a", "b1", False, 1), ("a", "b2", True, 2))
    put_batch(batch("b2", some, with_deletes=True), DELETING, table, "b2", held)
    put_batch(batch("b1", some, with_deletes=False), KEYED, table, "b1", held)
    assert spark.table(table).count() == 0


@pytest.mark.parametrize("order", ORDERS[:3], ids="-".join)
def test_without_order_by_the_batch_that_was_planned_last_counts_whenever_it_is_processed(
    batch: Any, table: str, held: Lease, spark: SparkSession, order: tuple[str, ...]
) -> None:
    contract = replace(DELETING, order_by=())
    some = deeds(("a", "b1", False, 2), ("a", "b3", False, 1), ("b", "b1", False, 1), ("b", "b2", True, 0))
    for name in order:
        put_batch(batch(name, some, with_deletes=True), contract, table, name, held)
    assert [(row["id"], row["_batch_id"]) for row in spark.table(table).collect()] == [("a", "b3")]


# Touched dates, current rows --------------------------------------------------------------


def test_the_dates_that_moved_and_deleted_rows_leave_are_touched(batch: Any, table: str, held: Lease) -> None:
    some = deeds(
        ("moved", "b1", False, 1), ("moved", "b2", False, 2), ("gone", "b1", False, 2), ("gone", "b3", True, 2)
    )
    rows = {name: batch(name, some, with_deletes=True) for name in BATCHES}
    assert touched_dates(rows["b1"], DELETING, table, "b1") == set()
    put_batch(rows["b1"], DELETING, table, "b1", held)
    assert touched_dates(rows["b2"], DELETING, table, "b2") == {"2024-01-01"}
    assert touched_dates(rows["b3"], DELETING, table, "b3") == {"2024-01-02"}


def test_a_keyless_batch_touches_the_dates_in_which_it_was_put_before(batch: Any, table: str, held: Lease) -> None:
    contract = replace(KEYED, key=(), order_by=())
    rows = batch("b1", deeds(("a", "b1", False, 2)), with_deletes=False)
    put_batch(rows, contract, table, "b1", held)
    assert touched_dates(rows, contract, table, "b1") == {"2024-01-02"}
    assert touched_dates(rows, contract, table, "b2") == set()


def test_current_rows_of_a_table_with_history_look_as_if_it_had_none(
    batch: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    contract = replace(DELETING, history=True)
    some = deeds(("a", "b1", False, 1), ("a", "b2", False, 2), ("b", "b1", False, 1), ("b", "b2", True, 2))
    for name in ("b2", "b1"):
        put_batch(batch(name, some, with_deletes=True), contract, table, name, held)
    found = current(spark, table, contract)
    assert [f"{name} {kind}" for name, kind in found.dtypes] == SCHEMA.split(", ")
    assert [(row["id"], row["at"]) for row in found.collect()] == [("a", TIMES[2])]
    assert spark.table(table).count() == 3


def test_a_table_that_comes_to_keep_history_has_its_rows_as_first_versions(
    batch: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    some = deeds(("a", "b1", False, 1), ("b", "b1", False, 1), ("a", "b2", False, 2))
    put_batch(batch("b1", some, with_deletes=False), KEYED, table, "b1", held)
    assert current(spark, table, HISTORY).count() == 2
    put_batch(batch("b2", some, with_deletes=False), HISTORY, table, "b2", held)
    found = {(r["id"], r["valid_from"], r["valid_to"], r["is_current"]) for r in spark.table(table).collect()}
    _, first, second = TIMES
    assert found == {("a", first, second, False), ("a", second, None, True), ("b", first, None, True)}
    assert current(spark, table, HISTORY).count() == 2


def test_values_of_any_kind_go_through_a_merge_and_a_correction(
    frame: Any, table: str, held: Lease, spark: SparkSession
) -> None:
    nested = "id string, s struct<n: int, l: array<string>>, m map<string, int>, at timestamp, event_date date"
    contract = replace(KEYED, history=True)
    for number in (1, 2):
        row = ("a", (number, ["x"]), {"k": number}, NEW_YEAR, date(2024, 1, 1), f"b{number}", INGESTED)
        rows = frame(f"{nested}, _batch_id string, _ingested_at timestamp", row)
        put_batch(rows, contract, table, f"b{number}", held)
    [row] = spark.table(table).collect()
    assert (row["s"]["n"], row["m"], row["_batch_id"]) == (2, {"k": 2}, "b2")
