"""The ledger on moto's DynamoDB: a batch moves one way, once, whoever crashes or loses an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.discovery import SourceFile
from etl.errors import LeaseLostError, LedgerConflictError
from etl.ledger import CHECKED, INGESTED, PLANNED, PROCESSED, Batch, Ledger, _plain, _storable, new_batch_id

STEPS = (PLANNED, INGESTED, PROCESSED, CHECKED)
FOLDER = "s3://raw/data/incoming/2024/01/15/"
NetworkError = EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")


def a_ledger(owner: str) -> Ledger:
    return Ledger(boto3.resource("dynamodb"), "bookmarks", "state", owner)


@pytest.fixture
def ledger(aws: None) -> Ledger:
    return a_ledger("run-a")


@pytest.fixture
def other(aws: None) -> Ledger:
    return a_ledger("run-b")


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Write")


def a_file(name: str = "a.csv", modified_ms: int = 1, content_hash: str = "h1") -> SourceFile:
    key = f"data/incoming/2024/01/15/{name}"
    return SourceFile(f"s3://raw/{key}", FOLDER, key, "orders", 10, modified_ms, content_hash)


class BadLine:
    """A table whose next write goes wrong on the wire.

    Args:
        table: the real one.
        lands: whether the write reaches the table before the error.
        error: what the caller sees; None: the SDK sends the write again, and its answer is what the caller sees.
    """

    def __init__(self, table: Any, lands: bool, error: Exception | None) -> None:
        self._table, self._lands, self._error = table, lands, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def put_item(self, **arguments: Any) -> Any:
        return self._write(self._table.put_item, arguments)

    def update_item(self, **arguments: Any) -> Any:
        return self._write(self._table.update_item, arguments)

    def _write(self, write: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        if self._lands:
            write(**arguments)
        if self._error is not None:
            raise self._error
        return write(**arguments)


def on_a_bad_line(ledger: Ledger, lands: bool, error: Exception | None) -> Ledger:
    """A ledger of the same run with a bad line to the state table."""
    broken = a_ledger(ledger.owner)
    broken.state = BadLine(ledger.state, lands, error)
    return broken


# Every way in which the caller does not learn of a write that has landed.
LOST_ANSWERS = {
    "the SDK's own retry is refused": None,
    "the service failed after it": client_error("InternalServerError"),
    "the line broke after it": NetworkError,
}
lost_answer = pytest.mark.parametrize("error", LOST_ANSWERS.values(), ids=LOST_ANSWERS)
NOT_LANDED = [client_error("ProvisionedThroughputExceededException"), client_error("ValidationException"), NetworkError]
not_landed = pytest.mark.parametrize("error", NOT_LANDED, ids=["throttled", "too large", "no line"])


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
    assert _plain(_storable(facts)) == facts


def test_tuples_come_back_as_lists_and_whole_numbers_as_int() -> None:
    assert _plain(_storable({"dates": ("a", 2.5)})) == {"dates": ["a", 2.5]}
    assert isinstance(_plain(Decimal("3.0")), int)
    assert isinstance(_plain(Decimal("3.5")), float)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FACTS, min_size=5))
def test_facts_pass_through_the_table(ledger: Ledger, facts: Any) -> None:
    ledger.put("test", "facts", facts=facts)
    item = ledger.get("test", "facts")
    assert item is not None
    assert _plain(item["facts"]) == facts


@pytest.mark.parametrize("number", [1e-300, -1e-300, 5e-324, 1e300, -1e300, 1.7976931348623157e308])
def test_a_number_beyond_dynamodb_s_range_is_stored_at_its_end(ledger: Ledger, number: float) -> None:
    ledger.put("test", "number", number=number)
    item = ledger.get("test", "number")
    assert item is not None
    assert float(item["number"]) == (0 if abs(number) < 1 else pytest.approx(1e125 if number > 0 else -1e125))


# Claims --------------------------------------------------------------------------------------------------


def test_claims_come_back_by_key_as_they_were_made(ledger: Ledger, other: Ledger) -> None:
    files = [a_file("a.csv"), a_file("ü +%.csv", modified_ms=1_700_000_000_123)]
    ledger.claim(files, "b1")
    assert other.claims_of(FOLDER) == {file.key: file for file in files}
    assert other.claims_of("s3://raw/data/incoming/2024/01/16/") == {}


def test_claiming_again_changes_nothing_but_the_version(ledger: Ledger) -> None:
    ledger.claim([a_file("a.csv"), a_file("b.csv")], "b1")
    ledger.claim([a_file("a.csv", modified_ms=2, content_hash="h2")], "b2")
    claims = ledger.claims_of(FOLDER)
    assert {file.name: (file.modified_ms, file.content_hash) for file in claims.values()} == {
        "a.csv": (2, "h2"),
        "b.csv": (1, "h1"),
    }


def test_hundreds_of_files_are_claimed_at_once(ledger: Ledger) -> None:
    files = [a_file(f"{number}.csv") for number in range(120)]
    ledger.claim(files, "b1")
    assert len(ledger.claims_of(FOLDER)) == 120


def test_a_claim_is_refreshed_with_time_and_size_and_keeps_its_batch(ledger: Ledger) -> None:
    ledger.claim([a_file()], "b1")
    ledger.refresh_claim(a_file(modified_ms=9))
    assert ledger.claims_of(FOLDER)[a_file().key] == a_file(modified_ms=9)
    [item] = boto3.resource("dynamodb").Table("bookmarks").scan()["Items"]
    assert item["batch_id"] == "b1"


@pytest.mark.parametrize("claimed", [[], [a_file(content_hash="of another run")]])
def test_a_claim_of_other_content_is_not_refreshed(ledger: Ledger, claimed: list[SourceFile]) -> None:
    ledger.claim(claimed, "b1")
    before = ledger.claims_of(FOLDER)
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        ledger.refresh_claim(a_file(modified_ms=9))
    assert ledger.claims_of(FOLDER) == before


# Planning ------------------------------------------------------------------------------------------------


def test_a_planned_batch_is_there_with_its_facts(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1", manifest="s3://m", files=2, share=0.5)
    assert batch == Batch("orders", "b1", PLANNED, "run-a", {"manifest": "s3://m", "files": 2, "share": 0.5})
    assert ledger.batches("orders", PLANNED) == [batch]


@lost_answer
def test_a_plan_whose_answer_is_lost_is_known_as_our_own(ledger: Ledger, error: Exception | None) -> None:
    batch = on_a_bad_line(ledger, lands=True, error=error).plan("orders", "b1", files=2)
    assert ledger.batches("orders", PLANNED) == [batch]


@not_landed
def test_a_plan_that_did_not_land_is_an_error_and_no_batch(ledger: Ledger, error: Exception) -> None:
    with pytest.raises(type(error)):
        on_a_bad_line(ledger, lands=False, error=error).plan("orders", "b1")
    assert ledger.batches("orders", PLANNED) == []


def test_a_batch_id_of_another_run_is_not_planned_again(ledger: Ledger, other: Ledger) -> None:
    planned = ledger.plan("orders", "b1", files=1)
    with pytest.raises(LedgerConflictError, match="batch orders/b1 belongs to another run"):
        other.plan("orders", "b1", files=2)
    assert ledger.batches("orders", PLANNED) == [planned]


# Steps ---------------------------------------------------------------------------------------------------


def test_a_batch_goes_through_its_states_and_gathers_facts(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1", files=2)
    batch = ledger.advance(batch, INGESTED, rows=10, reasons={"bad": 1})
    batch = ledger.note(batch, dates=["2024-01-15"])
    batch = ledger.advance(batch, PROCESSED)
    batch = ledger.advance(batch, CHECKED, score=97.5)
    facts = {"files": 2, "rows": 10, "reasons": {"bad": 1}, "dates": ["2024-01-15"], "score": 97.5}
    assert batch == Batch("orders", "b1", CHECKED, "run-a", facts)
    assert ledger.batches("orders", CHECKED) == [batch]
    assert ledger.batches("orders", PLANNED) == []


def test_facts_may_have_names_that_are_words_of_dynamodb(ledger: Ledger) -> None:
    batch = ledger.advance(ledger.plan("orders", "b1"), INGESTED, size=1, items=2, values=3, count=4)
    assert batch.facts == {"size": 1, "items": 2, "values": 3, "count": 4}


def test_another_run_goes_on_with_a_committed_batch(ledger: Ledger, other: Ledger) -> None:
    ledger.advance(ledger.plan("orders", "b1", files=2), INGESTED, rows=1)
    [batch] = other.batches("orders", INGESTED)
    assert other.advance(batch, PROCESSED) == Batch("orders", "b1", PROCESSED, "run-b", {"files": 2, "rows": 1})


@lost_answer
def test_a_commit_whose_answer_is_lost_is_known_as_our_own(ledger: Ledger, error: Exception | None) -> None:
    batch = ledger.plan("orders", "b1")
    committed = on_a_bad_line(ledger, lands=True, error=error).advance(batch, INGESTED, rows=3)
    assert committed == Batch("orders", "b1", INGESTED, "run-a", {"rows": 3})
    assert ledger.batches("orders", INGESTED) == [committed]


@lost_answer
def test_a_takeover_whose_answer_is_lost_is_known_as_our_own(
    ledger: Ledger, other: Ledger, error: Exception | None
) -> None:
    batch = ledger.plan("orders", "b1")
    taken = on_a_bad_line(other, lands=True, error=error).take_over(batch)
    assert taken == Batch("orders", "b1", PLANNED, "run-b", {})
    assert other.advance(taken, INGESTED).status == INGESTED


@not_landed
@pytest.mark.parametrize(
    "step",
    [
        lambda ledger, batch: ledger.advance(batch, INGESTED, rows=3),
        lambda ledger, batch: ledger.note(batch, dates=["2024-01-15"]),
        lambda ledger, batch: ledger.take_over(batch),
    ],
    ids=["advance", "note", "take_over"],
)
def test_a_step_that_did_not_land_is_an_error_and_changes_nothing(ledger: Ledger, step: Any, error: Exception) -> None:
    batch = ledger.plan("orders", "b1", files=1)
    with pytest.raises(type(error)):
        step(on_a_bad_line(ledger, lands=False, error=error), batch)
    assert ledger.batches("orders", PLANNED) == [batch]


def test_a_commit_is_safe_to_repeat(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    first = ledger.advance(batch, INGESTED, rows=3)
    assert ledger.advance(batch, INGESTED, rows=3) == first


def test_a_run_whose_batch_was_taken_over_is_fenced(ledger: Ledger, other: Ledger) -> None:
    batch = ledger.plan("orders", "b1", files=1)
    taken = other.take_over(batch)
    for step in (
        lambda: ledger.advance(batch, INGESTED, rows=9),
        lambda: ledger.note(batch, rows=9),
        lambda: ledger.take_over(batch),
    ):
        with pytest.raises(
            LeaseLostError, match="batch orders/b1 is PLANNED, owned by run-b; this run had it as PLANNED"
        ):
            step()
    assert ledger.batches("orders", PLANNED) == [taken]
    assert other.advance(taken, INGESTED, rows=1).facts == {"files": 1, "rows": 1}


def test_a_batch_that_another_run_has_finished_is_left_alone(ledger: Ledger, other: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    done = other.advance(other.take_over(batch), INGESTED, rows=1)
    with pytest.raises(LeaseLostError, match="is INGESTED, owned by run-b"):
        ledger.advance(batch, INGESTED, rows=9)
    assert ledger.batches("orders", INGESTED) == [done]


def test_a_batch_does_not_go_back(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    done = ledger.advance(ledger.advance(batch, INGESTED), PROCESSED)
    with pytest.raises(LeaseLostError, match="is PROCESSED, owned by run-a; this run had it as PLANNED"):
        ledger.advance(batch, INGESTED)
    assert ledger.batches("orders", PROCESSED) == [done]


def test_a_batch_that_is_gone_is_not_made_again(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    ledger.state.delete_item(Key={"entity": "batch#orders", "id": "b1"})
    with pytest.raises(LeaseLostError, match="batch orders/b1 is gone"):
        ledger.advance(batch, INGESTED)
    assert ledger.items("batch#orders") == []


MOVES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["read", "take_over", "advance", "note"])), max_size=16
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_however_two_runs_interleave_each_step_is_made_once_by_the_owner(
    ledger: Ledger, other: Ledger, moves: list[tuple[str, str]]
) -> None:
    """Each run acts on what it last saw; the table is the judge of what really happened."""
    runs = {"a": ledger, "b": other}
    identity = new_batch_id(datetime.now(timezone.utc))
    seen = dict.fromkeys("ab", ledger.plan("orders", identity))
    commits: list[str] = []
    for name, move in moves:
        run, snapshot, before = runs[name], seen[name], _item(ledger, identity)
        if move == "read":
            seen[name] = Batch("orders", identity, before["status"], before["owner"])
            continue
        target = STEPS[min(STEPS.index(snapshot.status) + 1, 3)] if move == "advance" else snapshot.status
        valid = (before["status"], before["owner"]) == (snapshot.status, snapshot.owner)
        made_before = (before["status"], before["owner"]) == (target, run.owner)
        try:
            seen[name] = _make(run, move, snapshot, target)
        except LeaseLostError:
            assert not valid
            assert not made_before
            assert _item(ledger, identity) == before
            continue
        after = _item(ledger, identity)
        assert valid or made_before
        assert (after["status"], after["owner"]) == (target, run.owner) == (seen[name].status, seen[name].owner)
        if after["status"] != before["status"]:
            commits.append(after["status"])
    assert commits == list(STEPS[1 : 1 + len(commits)])


def _make(run: Ledger, move: str, snapshot: Batch, target: str) -> Batch:
    if move == "take_over":
        return run.take_over(snapshot)
    return run.advance(snapshot, target, by=run.owner) if move == "advance" else run.note(snapshot, noted=run.owner)


def _item(ledger: Ledger, identity: str) -> dict[str, Any]:
    item = ledger.get("batch#orders", identity)
    assert item is not None
    return item


# Queries -------------------------------------------------------------------------------------------------


def test_batches_are_those_of_the_dataset_and_state_oldest_first(ledger: Ledger) -> None:
    for identity in ("20240116T-b", "20240115T-a", "20240117T-c"):
        ledger.plan("orders", identity)
    ledger.plan("order", "x")
    ledger.advance(ledger.plan("orders", "20240114T-d"), INGESTED)
    assert [batch.id for batch in ledger.batches("orders", PLANNED)] == ["20240115T-a", "20240116T-b", "20240117T-c"]
    assert [batch.id for batch in ledger.batches("orders", INGESTED)] == ["20240114T-d"]
    assert ledger.batches("customers", PLANNED) == []


class SmallPages:
    """A table that answers queries in pages of two items."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self.pages = 0

    def query(self, **arguments: Any) -> Any:
        self.pages += 1
        return self._table.query(Limit=2, **arguments)


@pytest.fixture
def paged(ledger: Ledger) -> Iterator[Ledger]:
    reader = a_ledger("run-a")
    reader.state, reader._bookmarks = SmallPages(ledger.state), SmallPages(ledger._bookmarks)
    yield reader


def test_queries_go_on_over_every_page_also_where_a_page_is_empty_by_the_filter(ledger: Ledger, paged: Ledger) -> None:
    for number in range(5):
        ledger.plan("orders", f"b{number}")
    ledger.advance(ledger.plan("orders", "b5"), INGESTED)
    assert [batch.id for batch in paged.batches("orders", INGESTED)] == ["b5"]
    assert paged.state.pages >= 3
    assert [item["id"] for item in paged.items("batch#orders")] == [f"b{number}" for number in range(6)]


def test_claims_go_on_over_every_page(ledger: Ledger, paged: Ledger) -> None:
    ledger.claim([a_file(f"{number}.csv") for number in range(7)], "b1")
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


def test_put_once_hides_no_other_error(ledger: Ledger) -> None:
    broken = on_a_bad_line(ledger, lands=False, error=client_error("AccessDeniedException"))
    with pytest.raises(ClientError, match="AccessDenied"):
        broken.put_once("dataset", "orders")


def test_datasets_are_those_that_ever_had_a_batch_in_order(ledger: Ledger) -> None:
    assert ledger.datasets() == []
    for name in ("orders", "customers", "orders"):
        ledger.put_once("dataset", name)
    assert ledger.datasets() == ["customers", "orders"]
