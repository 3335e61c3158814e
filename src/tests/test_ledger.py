"""The ledger on moto's DynamoDB: what is noted comes back, however odd, long or large it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.discovery import SourceFile
from etl.dynamo import plain, storable
from etl.errors import LeaseLostError
from etl.ledger import CHECKED, INGESTED, PLANNED, Ledger, new_batch_id

FOLDER = "s3://raw/data/incoming/2024/01/15/"


def a_ledger(owner: str) -> Ledger:
    return Ledger(boto3.resource("dynamodb"), "bookmarks", "state", owner)


@pytest.fixture
def ledger(aws: None) -> Ledger:
    return a_ledger("run-a")


@pytest.fixture
def other(aws: None) -> Ledger:
    return a_ledger("run-b")


def a_file(name: str = "a.csv", modified_ms: int = 1, content_hash: str = "h1") -> SourceFile:
    key = f"data/incoming/2024/01/15/{name}"
    return SourceFile(f"s3://raw/{key}", FOLDER, key, "orders", 10, modified_ms, content_hash)


# Ids and values ------------------------------------------------------------------------------------------


def test_batch_ids_sort_by_time_and_differ_at_the_same_time() -> None:
    early = datetime(2024, 1, 15, 9, 30, 0, 123_999, tzinfo=timezone.utc)
    late = datetime(2024, 1, 15, 9, 30, 0, 124_000, tzinfo=timezone.utc)
    assert re.fullmatch(r"20240115T093000123-[0-9a-f]{8}", new_batch_id(early))
    assert new_batch_id(early) < new_batch_id(late)
    assert len({new_batch_id(early) for _ in range(100)}) == 100


# Whole numbers above 2**53 come back as the int that is written like the float, so they stay below.
FLOATS = st.floats(-1e15, 1e15, allow_subnormal=False).filter(lambda number: number == 0 or abs(number) > 1e-100)
FACTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
)


@given(FACTS)
def test_facts_come_back_as_they_were_noted(facts: Any) -> None:
    assert plain(storable(facts)) == facts


def test_tuples_come_back_as_lists_and_whole_numbers_as_int() -> None:
    assert plain(storable({"dates": ("a", 2.5)})) == {"dates": ["a", 2.5]}
    assert isinstance(plain(Decimal("3.0")), int)
    assert isinstance(plain(Decimal("3.5")), float)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FACTS, min_size=5))
def test_facts_pass_through_the_table(ledger: Ledger, facts: Any) -> None:
    ledger.put("test", "facts", facts=facts)
    item = ledger.get("test", "facts")
    assert item is not None
    assert plain(item["facts"]) == facts


@pytest.mark.parametrize("number", [1e-300, -1e-300, 5e-324, 1e300, -1e300, 1.7976931348623157e308])
def test_a_number_beyond_dynamodb_s_range_is_stored_at_its_end(ledger: Ledger, number: float) -> None:
    ledger.put("test", "number", number=number)
    item = ledger.get("test", "number")
    assert item is not None
    assert float(item["number"]) == (0 if abs(number) < 1 else pytest.approx(1e125 if number > 0 else -1e125))


# Claims --------------------------------------------------------------------------------------------------


def test_claims_come_back_by_key_as_they_were_made(ledger: Ledger, other: Ledger) -> None:
    files = [a_file("a.csv"), a_file("ü +%.csv", modified_ms=1_700_000_000_123)]
    ledger.claim(files, ledger.plan("orders", "b1"))
    assert other.claims_of(FOLDER) == {file.key: file for file in files}
    assert other.claims_of("s3://raw/data/incoming/2024/01/16/") == {}


def test_claiming_again_changes_nothing_but_the_version(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    ledger.claim([a_file("a.csv"), a_file("b.csv")], batch)
    ledger.claim([a_file("a.csv", modified_ms=2, content_hash="h2")], ledger.plan("orders", "b2"))
    claims = ledger.claims_of(FOLDER)
    assert {file.name: (file.modified_ms, file.content_hash) for file in claims.values()} == {
        "a.csv": (2, "h2"),
        "b.csv": (1, "h1"),
    }


@pytest.mark.parametrize("number", [1, 99, 100, 250])
def test_any_number_of_files_is_claimed(ledger: Ledger, number: int) -> None:
    ledger.claim([a_file(f"{position}.csv") for position in range(number)], ledger.plan("orders", "b1"))
    assert len(ledger.claims_of(FOLDER)) == number


def test_a_run_whose_batch_was_taken_over_claims_nothing(ledger: Ledger, other: Ledger) -> None:
    """It may wake up after the other has claimed newer versions of the files, and must not bring back its own."""
    batch = ledger.plan("orders", "b1")
    taken = other.take_over(batch)
    newer = a_file(modified_ms=2, content_hash="h2")
    other.claim([newer], taken)
    other.advance(taken, INGESTED)
    with pytest.raises(LeaseLostError, match="batch orders/b1 is INGESTED, owned by run-b, attempt 2"):
        ledger.claim([a_file()], batch)
    assert ledger.claims_of(FOLDER) == {newer.key: newer}


def test_a_claim_is_refreshed_with_time_and_size_and_keeps_its_batch(ledger: Ledger) -> None:
    ledger.claim([a_file()], ledger.plan("orders", "b1"))
    ledger.refresh_claim(a_file(modified_ms=9))
    assert ledger.claims_of(FOLDER)[a_file().key] == a_file(modified_ms=9)
    [item] = boto3.resource("dynamodb").Table("bookmarks").scan()["Items"]
    assert item["batch_id"] == "b1"


@pytest.mark.parametrize("claimed", [[], [a_file(content_hash="of another run")]])
def test_a_claim_of_other_content_is_not_refreshed(ledger: Ledger, claimed: list[SourceFile]) -> None:
    ledger.claim(claimed, ledger.plan("orders", "b1"))
    before = ledger.claims_of(FOLDER)
    with pytest.raises(LeaseLostError, match=r"a\.csv has changed since this run read it"):
        ledger.refresh_claim(a_file(modified_ms=9))
    assert ledger.claims_of(FOLDER) == before


# Queries -------------------------------------------------------------------------------------------------


def test_batches_are_those_of_the_dataset_and_state_oldest_first(ledger: Ledger) -> None:
    for identity in ("20240116T-b", "20240115T-a", "20240117T-c"):
        ledger.plan("orders", identity)
    ledger.plan("order", "x")
    ledger.advance(ledger.plan("orders", "20240114T-d"), INGESTED)
    assert [batch.id for batch in ledger.batches("orders", PLANNED)] == ["20240115T-a", "20240116T-b", "20240117T-c"]
    assert [batch.id for batch in ledger.batches("orders", INGESTED)] == ["20240114T-d"]
    assert ledger.batches("customers", PLANNED) == []


def checked(ledger: Ledger, identity: str) -> None:
    ledger.advance(ledger.plan("orders", identity), CHECKED)


def test_looking_for_open_batches_does_not_read_those_that_are_done(ledger: Ledger) -> None:
    for number in range(5):
        checked(ledger, f"b{number}")
    ledger.plan("orders", "b5")
    assert [item["id"] for item in ledger.items("open#orders")] == ["b5"]
    assert [batch.id for batch in ledger.batches("orders", PLANNED)] == ["b5"]
    assert [batch.id for batch in ledger.batches("orders", CHECKED)] == ["b0", "b1", "b2", "b3", "b4"]


def test_the_entry_of_a_batch_whose_run_was_killed_when_all_was_done_is_taken_away_later(ledger: Ledger) -> None:
    checked(ledger, "b1")
    ledger.put("open#orders", "b1")
    assert ledger.batches("orders", PLANNED) == []
    assert ledger.items("open#orders") == []


def test_the_first_run_to_settle_a_fact_decides_for_all(ledger: Ledger, other: Ledger) -> None:
    ledger.put_once("dataset", "orders", since="2024")
    assert ledger.settle("dataset", "orders", columns=["a", 1]) == {"columns": ["a", 1]}
    assert other.settle("dataset", "orders", columns=["b"], key=["id"]) == {"columns": ["a", 1], "key": ["id"]}
    [item] = ledger.items("dataset")
    assert item["since"] == "2024"
    assert other.settle("dataset", "customers", columns=[]) == {"columns": []}


class SmallPages:
    """A table that answers queries in pages of two items."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.pages = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def query(self, **arguments: Any) -> Any:
        self.pages += 1
        return self._table.query(Limit=2, **arguments)


@pytest.fixture
def paged(ledger: Ledger) -> Iterator[Ledger]:
    reader = a_ledger("run-a")
    reader.state, reader._bookmarks = SmallPages(ledger.state), SmallPages(ledger._bookmarks)
    yield reader


def test_queries_go_on_over_every_page(ledger: Ledger, paged: Ledger) -> None:
    for number in range(5):
        ledger.plan("orders", f"b{number}")
    ledger.advance(ledger.plan("orders", "b5"), INGESTED)
    assert [batch.id for batch in paged.batches("orders", INGESTED)] == ["b5"]
    assert paged.state.pages >= 3
    assert [item["id"] for item in paged.items("batch#orders")] == [f"b{number}" for number in range(6)]


def test_claims_go_on_over_every_page(ledger: Ledger, paged: Ledger) -> None:
    ledger.claim([a_file(f"{number}.csv") for number in range(7)], ledger.plan("orders", "b1"))
    assert len(paged.claims_of(FOLDER)) == 7


def test_more_than_a_megabyte_is_read_whole(ledger: Ledger) -> None:
    for number in range(4):
        ledger.put("big", str(number), text="x" * 390_000)
    assert [item["id"] for item in ledger.items("big")] == ["0", "1", "2", "3"]


# Other items ---------------------------------------------------------------------------------------------


def test_an_item_is_put_got_and_replaced(ledger: Ledger) -> None:
    assert ledger.get("run#x", "1") is None
    ledger.put("run#x", "1", status="RUNNING", seconds=1.5)
    ledger.put("run#x", "1", status="FAILED")
    item = ledger.get("run#x", "1")
    assert item is not None
    updated = datetime.fromisoformat(item.pop("updated_at"))
    assert item == {"entity": "run#x", "id": "1", "status": "FAILED"}
    assert abs((datetime.now(timezone.utc) - updated).total_seconds()) < 60


def test_an_item_is_put_once(ledger: Ledger) -> None:
    assert ledger.put_once("dataset", "orders", note="first") is True
    assert ledger.put_once("dataset", "orders", note="second") is False
    assert ledger.get("dataset", "orders")["note"] == "first"  # type: ignore[index]


class Refusing:
    """A table that may not be written."""

    def put_item(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutItem")


def test_put_once_hides_no_other_error(ledger: Ledger) -> None:
    ledger.state = Refusing()
    with pytest.raises(ClientError, match="AccessDenied"):
        ledger.put_once("dataset", "orders")


def test_datasets_are_those_that_ever_had_a_batch_in_order(ledger: Ledger) -> None:
    assert ledger.datasets() == []
    for name in ("orders", "customers", "orders"):
        ledger.put_once("dataset", name)
    assert ledger.datasets() == ["customers", "orders"]


# The newest items and held batches -----------------------------------------------------------------------


def test_the_newest_items_are_read_backwards_and_no_others(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        ledger.put("metrics#orders", f"b{number}", score=number, report=f"r{number}", metrics={"a": 1})
    read: list[int] = []
    real = ledger.state.query

    def counted(**arguments: Any) -> Any:
        answer = real(**arguments)
        read.append(int(answer["ScannedCount"]))
        return answer

    monkeypatch.setattr(ledger.state, "query", counted)
    assert [item["id"] for item in ledger.newest("metrics#orders", 3)] == ["b4", "b5", "b6"]
    assert sum(read) == 3
    assert [item["id"] for item in ledger.newest("metrics#orders", 2, before="b5")] == ["b3", "b4"]
    assert ledger.newest("metrics#orders", 1, only=("id", "score")) == [{"id": "b6", "score": 6}]
    assert len(ledger.newest("metrics#orders", 100)) == 7
    assert ledger.newest("metrics#others", 3) == []


def test_a_batch_is_held_once_it_is_checked_and_until_it_is_let_go(ledger: Ledger) -> None:
    batches = [ledger.plan("orders", f"b{number}", rows=1) for number in range(2)]
    for batch in batches:
        ledger.hold(batch)
    assert ledger.held("orders") == []
    checked = [ledger.advance(batch, CHECKED, publication="held") for batch in batches]
    assert [batch.id for batch in ledger.held("orders")] == ["b0", "b1"]
    ledger.let_go(checked[0])
    ledger.let_go(checked[0])
    assert [batch.id for batch in ledger.held("orders")] == ["b1"]
    assert ledger.batch("orders", "b0") == checked[0]
    assert ledger.batch("orders", "b9") is None
