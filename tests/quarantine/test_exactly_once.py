"""Whatever kills replays, and however many run at once: each row is sent exactly once, each file released once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.quarantine.house import BAD, BATCH, DAY, House, KilledError, credentials, new_house, row, sendable

from quarantine.plan import Selection
from quarantine.replay import Session

OTHER = "20240117T000000000-aaaaaaaa"
BROKEN = (f"{DAY}/b1.parquet", f"{DAY}/b2.parquet")
DAYS = (DAY, "data/incoming/orders/2024/01/14", "data/incoming/orders")
# Few different rows, so that equal ones are common.
rows = st.lists(
    st.builds(
        row,
        st.sampled_from([{"id": "1"}, {"id": "2"}, "7,x"]),
        st.sampled_from([BAD, "other"]),
        day=st.sampled_from(DAYS),
    ),
    max_size=7,
)
# What happens to a replay: it is killed, or another one runs, before or after its n-th write; or nothing does.
faults = st.tuples(
    st.sampled_from(["before", "after"]),
    st.integers(1, 14),
    st.sampled_from(["kill", "other", "other then kill"]),
    st.sampled_from(["", "other"]),
)


def replay_with(house: House, fault: tuple[str, int, str, str]) -> None:
    when, number, what, reason = fault

    def strike() -> None:
        if "other" in what:
            house.replay(Selection(reason=reason and BAD))
        if "kill" in what:
            raise KilledError

    session = Session(house.interrupted(when, number, strike), "orders", "tester")
    try:
        house.replay(Selection(reason=reason), session=session)
    except KilledError:
        return


def assert_each_once(house: House, quarantined: list[Any]) -> None:
    assert house.sent() == sendable(quarantined)
    assert {replay["status"] for replay in house.replays()} <= {"SENT"}


@given(rows, rows, st.booleans(), st.lists(faults, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_kills_and_intruders_sends_every_row_exactly_once(
    refused: list[Any], rejected: list[Any], with_files: bool, sequence: list[tuple[str, int, str, str]]
) -> None:
    with credentials(), new_house() as house:
        house.batch(refused, rejected, files=dict.fromkeys(BROKEN, b"x") if with_files else None)
        house.batch(refused[:3], batch_id=OTHER)
        if with_files:
            house.target.s3.delete_object(Bucket=house.target.raw, Key=BROKEN[1])
        written: dict[str, bytes] = {}
        for fault in sequence:
            replay_with(house, fault)
            now = house.objects()
            # The ledger of ingestion knows a file by key and content: what a key once held, it must hold for ever.
            assert {key: now[key] for key in written} == written
            written = now
        house.replay()
        assert_each_once(house, [*refused, *rejected, *refused[:3]])
        if with_files:
            assert [house.claim_of(key) for key in BROKEN] == [None, None]
            assert {key: house.objects()[key] for key in BROKEN} == dict.fromkeys(BROKEN, b"x")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 13))
def test_a_replay_killed_at_any_write_is_finished_by_the_next(house: House, when: str, number: int) -> None:
    quarantined = [row({"id": "1"}), row({"id": "1"}), row({"id": "2"}, day=DAYS[1])]
    house.batch(quarantined, files=dict.fromkeys(BROKEN, b"x"))
    house.target.s3.delete_object(Bucket=house.target.raw, Key=BROKEN[1])

    def kill() -> None:
        raise KilledError

    with pytest.raises(KilledError):
        house.replay(session=Session(house.interrupted(when, number, kill), "orders", "tester"))
    house.replay()
    assert_each_once(house, quarantined)
    assert [house.claim_of(key) for key in BROKEN] == [None, None]
    assert set(BROKEN) <= set(house.objects())


@pytest.mark.parametrize("number", range(1, 13))
def test_a_paused_replay_that_wakes_up_undoes_nothing_that_came_after_it(house: House, number: int) -> None:
    quarantined = [row({"id": "1"}), row({"id": "2"}, day=DAYS[1])]
    house.batch(quarantined, files=dict.fromkeys(BROKEN, b"x"))
    house.target.s3.delete_object(Bucket=house.target.raw, Key=BROKEN[1])

    def the_world_goes_on() -> None:
        house.replay()
        for key in BROKEN:
            house.claim(key, "next batch", b"newer")
            house.put(f"s3://{house.target.raw}/{key}", b"newer")

    house.replay(session=Session(house.interrupted("before", number, the_world_goes_on), "orders", "tester"))
    assert_each_once(house, quarantined)
    assert [house.claim_of(key)["batch_id"] for key in BROKEN] == ["next batch"] * 2


def test_replays_at_the_same_time_share_the_rows(house: House) -> None:
    quarantined = [row({"id": str(number % 5)}, reason=f"{number % 4}") for number in range(40)]
    house.batch(quarantined)
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(house.replay, Selection(reason=str(number % 4))) for number in range(8)]
    for each in done:
        each.result()
    assert_each_once(house, quarantined)


def test_a_plan_whose_answer_was_lost_is_still_ours(house: House) -> None:
    house.batch([row({"id": "1"})])
    target = house.interrupted("before", 0, lambda: None)
    real, lost = target.tables.put_item, []

    def put_and_lose_the_answer(**arguments: Any) -> Any:
        real(**arguments)
        lost.append(arguments)
        return real(**arguments)  # boto3 tries again, and is refused

    with mock.patch.object(target.tables, "put_item", put_and_lose_the_answer):
        [outcome] = house.replay(session=Session(target, "orders", "tester"))
    assert lost
    assert outcome.replay is not None
    assert house.sent() == {'{"id":"1"}': 1}


def test_a_row_that_fails_again_can_be_replayed_from_its_new_batch(house: House) -> None:
    house.batch([row({"id": "1"})])
    house.replay()
    house.batch([row({"id": "1"}, source=f"replay-{BATCH}-1.jsonl")], batch_id=OTHER)
    house.replay()
    assert sorted(key.rpartition("/")[2] for key in house.objects()) == [
        f"replay-{BATCH}-1.jsonl",
        f"replay-{OTHER}-1.jsonl",
    ]
