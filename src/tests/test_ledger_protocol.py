"""The ledger's protocol: a batch moves one way, once, whoever crashes, is late or loses an answer."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bad_lines import BadLine, Barred, cancelled, client_error
from etl.errors import LeaseLostError, LedgerConflictError
from etl.leases import Lease
from etl.ledger import CHECKED, INGESTED, PLANNED, PROCESSED, Batch, Ledger, new_batch_id

STEPS = (PLANNED, INGESTED, PROCESSED, CHECKED)
NETWORK_ERROR = EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")


def a_ledger(owner: str) -> Ledger:
    return Ledger(boto3.resource("dynamodb"), "bookmarks", "state", owner)


@pytest.fixture
def ledger(aws: None) -> Ledger:
    return a_ledger("run-a")


@pytest.fixture
def other(aws: None) -> Ledger:
    return a_ledger("run-b")


def on_a_bad_line(ledger: Ledger, lands: bool, error: Exception | None) -> Ledger:
    """A ledger of the same run with a bad line to the state table."""
    broken = a_ledger(ledger.owner)
    broken.state = BadLine(ledger.state, lands, error)
    return broken


# Every way in which the caller does not learn of a write that has landed.
LOST_ANSWERS = {
    "the SDK's own retry is refused": None,
    "the service failed after it": client_error("InternalServerError"),
    "the line broke after it": NETWORK_ERROR,
}
lost_answer = pytest.mark.parametrize("error", LOST_ANSWERS.values(), ids=LOST_ANSWERS)
NOT_LANDED = [
    client_error("ProvisionedThroughputExceededException"),
    client_error("ValidationException"),
    NETWORK_ERROR,
]
not_landed = pytest.mark.parametrize("error", NOT_LANDED, ids=["throttled", "too large", "no line"])


# Planning ------------------------------------------------------------------------------------------------


def test_a_planned_batch_is_there_with_its_facts(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1", manifest="s3://m", files=2, share=0.5)
    assert batch == Batch(
        "orders", "b1", PLANNED, "run-a", {"attempt": 1, "manifest": "s3://m", "files": 2, "share": 0.5}
    )
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


@pytest.fixture
def own_lease(ledger: Ledger) -> Lease:
    own = Lease(ledger.state, "orders", "ingestion", ledger.owner, 60)
    own.acquire()
    return own


def test_the_run_that_has_the_lease_plans(ledger: Ledger, own_lease: Lease) -> None:
    assert ledger.batches("orders", PLANNED) == [] != [ledger.plan("orders", "b1", own_lease)]
    item = ledger.get("lock#orders", "ingestion")
    assert item is not None
    assert (item["owner"], item["planned"]) == ("run-a", "b1")


@pytest.mark.parametrize("left_by_the_other", ["its lease", "nothing: it has finished"])
def test_a_run_that_was_paused_past_its_lease_plans_nothing(
    ledger: Ledger, own_lease: Lease, left_by_the_other: str
) -> None:
    """The other run may have taken the very files that this one found before it was paused."""
    if left_by_the_other == "its lease":
        ledger.put("lock#orders", "ingestion", owner="run-b")
    else:
        own_lease.release()
    with pytest.raises(LeaseLostError, match="orders: another run has got its lease; nothing was planned"):
        ledger.plan("orders", "b1", own_lease)
    assert ledger.items("batch#orders") == ledger.items("open#orders") == []


def test_a_transaction_that_others_stand_in_the_way_of_is_tried_again(ledger: Ledger) -> None:
    broken = a_ledger(ledger.owner)
    broken.state = Barred(
        ledger.state,
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "ProvisionedThroughputExceeded"),
    )
    batch = broken.plan("orders", "b1")
    assert broken.state.tries == 3
    assert ledger.batches("orders", PLANNED) == [batch]


def test_a_transaction_is_not_tried_for_ever(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    broken = a_ledger(ledger.owner)
    broken.state = Barred(ledger.state, *[cancelled("TransactionConflict")] * 100)
    with pytest.raises(ClientError, match="TransactionCanceled"):
        broken.plan("orders", "b1")
    assert broken.state.tries == 10


def test_a_refused_condition_is_not_tried_again(ledger: Ledger) -> None:
    broken = a_ledger(ledger.owner)
    broken.state = Barred(ledger.state, cancelled("TransactionConflict", "ConditionalCheckFailed"))
    with pytest.raises(LeaseLostError):
        broken.plan("orders", "b1")
    assert broken.state.tries == 1


# Steps ---------------------------------------------------------------------------------------------------


def test_a_batch_goes_through_its_states_and_gathers_facts(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1", files=2)
    batch = ledger.advance(batch, INGESTED, rows=10, reasons={"bad": 1})
    batch = ledger.note(batch, dates=["2024-01-15"])
    batch = ledger.advance(batch, PROCESSED)
    batch = ledger.advance(batch, CHECKED, score=97.5)
    facts = {"attempt": 1, "files": 2, "rows": 10, "reasons": {"bad": 1}, "dates": ["2024-01-15"], "score": 97.5}
    assert batch == Batch("orders", "b1", CHECKED, "run-a", facts)
    assert ledger.batches("orders", CHECKED) == [batch]
    assert ledger.batches("orders", PLANNED) == []


def test_facts_may_have_names_that_are_words_of_dynamodb(ledger: Ledger) -> None:
    batch = ledger.advance(ledger.plan("orders", "b1"), INGESTED, size=1, items=2, values=3, count=4)
    assert batch.facts == {"attempt": 1, "size": 1, "items": 2, "values": 3, "count": 4}


def test_another_run_goes_on_with_a_committed_batch(ledger: Ledger, other: Ledger) -> None:
    ledger.advance(ledger.plan("orders", "b1", files=2), INGESTED, rows=1)
    [batch] = other.batches("orders", INGESTED)
    facts = {"attempt": 1, "files": 2, "rows": 1}
    assert other.advance(batch, PROCESSED) == Batch("orders", "b1", PROCESSED, "run-b", facts)


@lost_answer
def test_a_commit_whose_answer_is_lost_is_known_as_our_own(ledger: Ledger, error: Exception | None) -> None:
    batch = ledger.plan("orders", "b1")
    committed = on_a_bad_line(ledger, lands=True, error=error).advance(batch, INGESTED, rows=3)
    assert committed == Batch("orders", "b1", INGESTED, "run-a", {"attempt": 1, "rows": 3})
    assert ledger.batches("orders", INGESTED) == [committed]


@lost_answer
def test_a_takeover_whose_answer_is_lost_is_known_as_our_own(
    ledger: Ledger, other: Ledger, error: Exception | None
) -> None:
    batch = ledger.plan("orders", "b1")
    taken = on_a_bad_line(other, lands=True, error=error).take_over(batch)
    assert taken == Batch("orders", "b1", PLANNED, "run-b", {"attempt": 2})
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
            LeaseLostError, match="is PLANNED, owned by run-b, attempt 2; this run had it as PLANNED, owned by run-a"
        ):
            step()
    assert ledger.batches("orders", PLANNED) == [taken]
    assert other.advance(taken, INGESTED, rows=1).facts == {"attempt": 2, "files": 1, "rows": 1}


def test_each_attempt_at_a_planned_batch_writes_to_folders_of_its_own(ledger: Ledger, other: Ledger) -> None:
    first = ledger.plan("orders", "b1")
    second = other.take_over(first)
    third = ledger.take_over(second)
    assert [batch.attempt for batch in (first, second, third)] == [1, 2, 3]
    assert [batch.folder for batch in (first, second, third)] == ["batch_id=b1", "batch_id=b1.2", "batch_id=b1.3"]
    assert ledger.batches("orders", PLANNED) == [third]


def test_an_attempt_once_committed_stays_that_of_the_batch(ledger: Ledger, other: Ledger) -> None:
    committed = other.advance(other.take_over(ledger.plan("orders", "b1")), INGESTED)
    processed = ledger.advance(ledger.take_over(committed), PROCESSED)
    checked = other.advance(other.take_over(processed), CHECKED)
    assert [batch.folder for batch in (committed, processed, checked)] == ["batch_id=b1.2"] * 3


def test_a_batch_of_before_there_were_attempts_is_at_its_first(ledger: Ledger, other: Ledger) -> None:
    ledger.plan("orders", "b1")
    ledger.state.update_item(Key={"entity": "batch#orders", "id": "b1"}, UpdateExpression="REMOVE attempt")
    [batch] = other.batches("orders", PLANNED)
    assert (batch.attempt, batch.folder) == (1, "batch_id=b1")
    assert other.take_over(batch).attempt == 2


def test_a_run_is_fenced_from_its_own_earlier_attempt(ledger: Ledger) -> None:
    """Two processes of one run id: Glue gives none, but a person who starts a job by hand may."""
    batch = ledger.plan("orders", "b1")
    taken = a_ledger(ledger.owner).take_over(batch)
    with pytest.raises(LeaseLostError, match="attempt 2; this run had it as PLANNED, owned by run-a, attempt 1"):
        ledger.advance(batch, INGESTED)
    assert ledger.batches("orders", PLANNED) == [taken]


def test_a_batch_that_another_run_has_finished_is_left_alone(ledger: Ledger, other: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    done = other.advance(other.take_over(batch), INGESTED, rows=1)
    with pytest.raises(LeaseLostError, match="is INGESTED, owned by run-b"):
        ledger.advance(batch, INGESTED, rows=9)
    assert ledger.batches("orders", INGESTED) == [done]


def test_a_batch_does_not_go_back(ledger: Ledger) -> None:
    batch = ledger.plan("orders", "b1")
    done = ledger.advance(ledger.advance(batch, INGESTED), PROCESSED)
    with pytest.raises(LeaseLostError, match="is PROCESSED, owned by run-a, attempt 1; this run had it as PLANNED"):
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
        run, snapshot, before = runs[name], seen[name], _place(ledger, identity)
        if move == "read":
            seen[name] = Batch("orders", identity, *before[:2], {"attempt": before[2]})
            continue
        target = STEPS[min(STEPS.index(snapshot.status) + 1, 3)] if move == "advance" else snapshot.status
        attempt = snapshot.attempt + (move == "take_over" and snapshot.status == PLANNED)
        valid = before == (snapshot.status, snapshot.owner, snapshot.attempt)
        made_before = before == (target, run.owner, attempt)
        try:
            seen[name] = _make(run, move, snapshot, target)
        except LeaseLostError:
            assert not valid
            assert not made_before
            assert _place(ledger, identity) == before
            continue
        after = _place(ledger, identity)
        assert valid or made_before
        assert after == (target, run.owner, attempt) == (seen[name].status, seen[name].owner, seen[name].attempt)
        if after[0] != before[0]:
            commits.append(after[0])
    assert commits == list(STEPS[1 : 1 + len(commits)])


def _make(run: Ledger, move: str, snapshot: Batch, target: str) -> Batch:
    if move == "take_over":
        return run.take_over(snapshot)
    return run.advance(snapshot, target, by=run.owner) if move == "advance" else run.note(snapshot, noted=run.owner)


def _place(ledger: Ledger, identity: str) -> tuple[str, str, int]:
    """How far the batch has come, and who has it at which attempt."""
    item = ledger.get("batch#orders", identity)
    assert item is not None
    return item["status"], item["owner"], int(item["attempt"])
