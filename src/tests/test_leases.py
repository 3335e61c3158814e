"""Leases: one run at a time at a stage of a dataset, also when runs are killed, late or at odds with the network."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from etl.errors import LeaseHeldError, LeaseLostError
from etl.leases import Lease, lease

KEY = {"entity": "lock#orders", "id": "ingestion"}


@pytest.fixture
def table(aws: None) -> Any:
    return boto3.resource("dynamodb").Table("state")


def held(table: Any) -> dict[str, Any] | None:
    return table.get_item(Key=KEY, ConsistentRead=True).get("Item")


def put_lease(table: Any, owner: str, until: float) -> None:
    table.put_item(Item={**KEY, "owner": owner, "lease_until": int(until)})


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for the condition itself; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


class BadLine:
    """A table whose named operation raises instead of, or after, being done."""

    def __init__(self, table: Any, operation: str, code: str, lands: bool = False) -> None:
        self._table, self._operation, self._lands = table, operation, lands
        self._error = ClientError({"Error": {"Code": code, "Message": code}}, operation)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._table, name)
        if name != self._operation:
            return real

        def broken(**arguments: Any) -> None:
            if self._lands:
                real(**arguments)
            raise self._error

        return broken


def test_a_lease_is_held_while_the_block_runs_and_gone_after_it(table: Any) -> None:
    with lease(table, "orders", "ingestion", "run-a", 60):
        item = held(table)
        assert item is not None
        assert item["owner"] == "run-a"
        assert 55 <= int(item["lease_until"]) - time.time() <= 60
    assert held(table) is None


def test_a_lease_is_given_back_by_a_block_that_throws(table: Any) -> None:
    with pytest.raises(ZeroDivisionError), lease(table, "orders", "ingestion", "run-a", 60):
        raise ZeroDivisionError
    assert held(table) is None


def test_stages_and_datasets_have_leases_of_their_own(table: Any) -> None:
    with (
        lease(table, "orders", "ingestion", "run-a", 60),
        lease(table, "orders", "processing", "run-b", 60),
        lease(table, "customers", "ingestion", "run-c", 60),
    ):
        assert table.scan()["Count"] == 3


def test_a_run_that_is_alive_renews_its_lease_and_keeps_others_out(table: Any) -> None:
    """Nothing can be waited for but the time of the lease itself: the second run waits it out, and is refused."""
    with (
        lease(table, "orders", "ingestion", "run-a", 2),
        pytest.raises(LeaseHeldError, match=r"orders: run run-a is at its ingestion and alive; start this run again"),
        lease(table, "orders", "ingestion", "run-b", 2),
    ):
        pytest.fail("two runs had the lease at once")
    assert held(table) is None


def test_a_lease_is_renewed_in_the_background(table: Any) -> None:
    with lease(table, "orders", "ingestion", "run-a", 2):
        first = int(held(table)["lease_until"])  # type: ignore[index]
        until(lambda: int(held(table)["lease_until"]) > first)  # type: ignore[index]


def test_nothing_is_renewed_after_the_block(table: Any) -> None:
    before = set(threading.enumerate())
    with lease(table, "orders", "ingestion", "run-a", 60):
        [renewal] = set(threading.enumerate()) - before
        assert renewal.is_alive()
    assert not renewal.is_alive()


def test_the_lease_of_a_killed_run_is_taken_over_once_it_has_expired(table: Any) -> None:
    put_lease(table, "killed", time.time() + 1)
    begun = time.time()
    with lease(table, "orders", "ingestion", "run-b", 60):
        assert held(table)["owner"] == "run-b"  # type: ignore[index]
        assert 0.5 < time.time() - begun < 5


def test_an_expired_lease_is_taken_over_at_once(table: Any) -> None:
    put_lease(table, "killed", time.time() - 2)
    begun = time.time()
    with lease(table, "orders", "ingestion", "run-b", 60):
        assert held(table)["owner"] == "run-b"  # type: ignore[index]
    assert time.time() - begun < 1


def test_a_lease_given_back_while_waiting_is_taken(table: Any) -> None:
    put_lease(table, "run-a", time.time() + 1)
    release = threading.Timer(0.2, lambda: table.delete_item(Key=KEY))
    release.start()
    with lease(table, "orders", "ingestion", "run-b", 60):
        assert held(table)["owner"] == "run-b"  # type: ignore[index]
    release.join()


def test_a_run_takes_its_own_lease_again(table: Any) -> None:
    put_lease(table, "run-a", time.time() + 100)
    begun = time.time()
    with lease(table, "orders", "ingestion", "run-a", 60):
        assert int(held(table)["lease_until"]) - begun <= 61  # type: ignore[index]
    assert time.time() - begun < 1


def test_a_lease_whose_answer_was_lost_is_known_as_our_own(table: Any) -> None:
    broken = BadLine(table, "put_item", "ConditionalCheckFailedException", lands=True)
    with lease(broken, "orders", "ingestion", "run-a", 60):
        assert held(table)["owner"] == "run-a"  # type: ignore[index]


def test_a_table_that_can_not_be_written_is_an_error_and_no_lease(table: Any) -> None:
    broken = BadLine(table, "put_item", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"), lease(broken, "orders", "ingestion", "run-a", 60):
        pytest.fail("there was no lease")


def test_a_lost_lease_is_neither_renewed_nor_taken_from_the_run_that_has_it(
    table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), lease(table, "orders", "ingestion", "run-a", 1):
        put_lease(table, "run-b", 4_000_000_000)
        until(lambda: "lease of orders's ingestion could not be renewed: it was lost to run run-b" in caplog.text)
        assert held(table) == {**KEY, "owner": "run-b", "lease_until": 4_000_000_000}
    assert held(table) == {**KEY, "owner": "run-b", "lease_until": 4_000_000_000}
    assert "lease of orders's ingestion was not released" in caplog.text


def test_a_renewal_that_fails_once_is_made_again(table: Any, caplog: pytest.LogCaptureFixture) -> None:
    broken = BadLine(table, "update_item", "InternalServerError")
    with caplog.at_level(logging.WARNING), lease(broken, "orders", "ingestion", "run-a", 2):
        first = int(held(table)["lease_until"])  # type: ignore[index]
        until(lambda: "could not be renewed" in caplog.text)
        broken._operation = "nothing is broken any more"
        until(lambda: int(held(table)["lease_until"]) > first)  # type: ignore[index]


def test_a_lease_that_can_not_be_given_back_does_not_hide_the_work_s_own_error(
    table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken = BadLine(table, "delete_item", "InternalServerError")
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ZeroDivisionError),
        lease(broken, "orders", "ingestion", "run-a", 60),
    ):
        raise ZeroDivisionError
    assert "was not released" in caplog.text


def test_a_run_goes_on_while_its_lease_is_renewed(table: Any) -> None:
    with lease(table, "orders", "ingestion", "run-a", 2) as held_lease:
        first = int(held(table)["lease_until"])  # type: ignore[index]
        until(lambda: int(held(table)["lease_until"]) > first + 2)  # type: ignore[index]
        held_lease.require()


def test_a_lease_that_another_run_has_taken_is_required_in_vain(table: Any) -> None:
    with lease(table, "orders", "ingestion", "run-a", 1) as held_lease:
        put_lease(table, "run-b", 4_000_000_000)
        with pytest.raises(LeaseLostError, match="lease of orders's ingestion was lost to run run-b"):
            until(lambda: held_lease.require())


def test_a_lease_that_is_gone_is_required_in_vain(table: Any) -> None:
    """Another run has taken it, finished and given it back."""
    with lease(table, "orders", "ingestion", "run-a", 1) as held_lease:
        table.delete_item(Key=KEY)
        with pytest.raises(LeaseLostError, match="was lost to run that has ended since"):
            until(lambda: held_lease.require())


def test_a_lease_that_could_not_be_renewed_in_time_is_required_in_vain(table: Any) -> None:
    broken = BadLine(table, "update_item", "InternalServerError")
    with lease(broken, "orders", "ingestion", "run-a", 1) as held_lease:
        held_lease.require()
        with pytest.raises(LeaseLostError, match=r"ended 0\.\d s ago, since it could not be renewed for 1 s"):
            until(lambda: held_lease.require())


def test_a_lease_renewed_late_is_ours_again_since_nobody_else_had_it(table: Any) -> None:
    broken = BadLine(table, "update_item", "InternalServerError")
    with lease(broken, "orders", "ingestion", "run-a", 1) as held_lease:
        until(lambda: not is_ours(held_lease))
        broken._operation = "nothing is broken any more"
        until(lambda: is_ours(held_lease))


def test_a_change_of_the_time_of_day_does_not_end_a_lease(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with lease(table, "orders", "ingestion", "run-a", 60) as held_lease:
        day_after = time.time() + 86_400
        monkeypatch.setattr(time, "time", lambda: day_after)
        held_lease.require()


def test_a_step_is_not_begun_without_the_lease(table: Any) -> None:
    not_acquired = Lease(table, "orders", "ingestion", "run-a", 60)
    with pytest.raises(LeaseLostError), not_acquired.step("write_batch"):
        pytest.fail("there was no lease")


def test_the_lease_of_a_run_whose_clock_is_years_ahead_is_waited_for_no_longer_than_it_lives(table: Any) -> None:
    table.put_item(Item={**KEY, "owner": "ahead", "lease_until": 4_000_000_000, "seconds": 1})
    with pytest.raises(LeaseHeldError, match="run ahead"), lease(table, "orders", "ingestion", "run-b", 60):
        pytest.fail("the other run has it")


def test_the_log_says_who_has_the_lease(table: Any, caplog: pytest.LogCaptureFixture) -> None:
    put_lease(table, "killed", time.time() + 1)
    with caplog.at_level(logging.INFO, "leases"), lease(table, "orders", "ingestion", "run-b", 60):
        assert "lease of orders's ingestion: run killed has it for another" in caplog.text
        assert "lease of orders's ingestion: run run-b has it now" in caplog.text


def is_ours(held_lease: Lease) -> bool:
    try:
        held_lease.require()
    except LeaseLostError:
        return False
    return True


def test_of_many_runs_at_once_one_has_the_lease(table: Any) -> None:
    """All try within the first one's lease, which is longer than the test waits for it."""
    inside: list[str] = []
    refused: list[str] = []
    release = threading.Event()

    def run(owner: str) -> None:
        own_table = boto3.resource("dynamodb").Table("state")
        try:
            with lease(own_table, "orders", "ingestion", owner, 5):
                inside.append(owner)
                release.wait(60)
        except LeaseHeldError:
            refused.append(owner)

    threads = [threading.Thread(target=run, args=(f"run-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(refused) == 3, seconds=60)
    assert len(inside) == 1
    release.set()
    for thread in threads:
        thread.join(20)
    assert held(table) is None
