"""The sweep: what no event has led to starts a run, and no more often than it should."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType

import pytest
from botocore.stub import Stubber

from .arriving import PREFIX, WORKFLOW, Site, call, trigger_module
from .arriving import site as site
from .arriving import trigger as trigger

SWEEP = {"kind": "sweep"}
FILES = [f"{PREFIX}orders/2024/01/15/{name}.csv" for name in "abc"]


@pytest.fixture
def later(trigger: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let so many seconds pass for the sweep; a quarter of an hour has passed at the beginning."""
    sweep, now = trigger_module("sweep"), [time.time() + 900]

    class Clock:
        @staticmethod
        def time() -> float:
            return now[0]

    def advance(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(sweep, "time", Clock)
    return advance


def started_by(site: Site) -> list[tuple[str, str]]:
    return [(run["trigger"], run["object_count"]) for run in site.runs()]


def open_batch(site: Site, status: str = "INGESTED", dataset: str = "orders") -> None:
    site.state.put_item(Item={"entity": "dataset", "id": dataset})
    site.state.put_item(Item={"entity": f"open#{dataset}", "id": "b1"})
    site.state.put_item(Item={"entity": f"batch#{dataset}", "id": "b1", "status": status, "owner": "jr_1"})


def test_files_that_no_batch_has_claimed_start_a_run(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    for key in FILES:
        site.drop(key)
    site.claim(FILES[0], *site.listed(FILES[0]))
    site.drop(f"{PREFIX}orders/2024/01/15/_SUCCESS", b"")
    assert call(trigger, SWEEP, SWEEP) == []
    (run,) = site.runs()
    assert run == {"trigger": "sweep", "object_count": "2", "first_key": FILES[1]}


def test_nothing_to_do_starts_nothing(trigger: ModuleType, site: Site, later: Callable[[float], None]) -> None:
    site.drop(FILES[0])
    site.claim(FILES[0], *site.listed(FILES[0]))
    open_batch(site, "CHECKED")
    assert call(trigger, SWEEP) == []
    assert site.runs() == []


def test_new_files_are_left_to_their_events(trigger: ModuleType, site: Site) -> None:
    site.drop(FILES[0])
    assert call(trigger, SWEEP) == []
    assert site.runs() == []


@pytest.mark.parametrize("status", ["PLANNED", "INGESTED", "PROCESSED"])
def test_an_unfinished_batch_starts_a_run(
    trigger: ModuleType, site: Site, later: Callable[[float], None], status: str
) -> None:
    open_batch(site, status)
    call(trigger, SWEEP)
    assert started_by(site) == [("sweep", "0")]


def test_while_a_job_works_on_a_dataset_no_run_is_started(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    open_batch(site)
    site.state.put_item(Item={"entity": "lock#orders", "id": "processing", "lease_until": int(time.time()) + 1000})
    call(trigger, SWEEP)
    assert site.runs() == []
    later(1000)
    call(trigger, SWEEP, first=1)
    assert started_by(site) == [("sweep", "0")]


def test_batches_of_a_stream_start_a_run_while_the_stream_goes_on_and_not_before_they_are_ingested(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    site.state.put_item(Item={"entity": "lock#orders", "id": "streaming", "lease_until": int(time.time()) + 9000})
    open_batch(site, "PLANNED")
    key = {"entity": "batch#orders", "id": "b1"}
    site.state.update_item(
        Key=key, UpdateExpression="SET stream_query = :query", ExpressionAttributeValues={":query": "q1"}
    )
    call(trigger, SWEEP)
    assert site.runs() == []
    site.state.update_item(
        Key=key,
        UpdateExpression="SET #s = :done",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":done": "INGESTED"},
    )
    call(trigger, SWEEP)
    assert started_by(site) == [("sweep", "0")]


def test_a_run_under_way_is_the_end_of_a_sweep_and_its_message_does_not_come_back(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    site.drop(FILES[0])
    with Stubber(trigger_module("trigger_services").glue()) as glue:
        glue.add_client_error("start_workflow_run", "ConcurrentRunsExceededException")
        assert call(trigger, SWEEP) == []
        glue.add_response("start_workflow_run", {"RunId": "wr_2"})
        assert call(trigger, SWEEP, first=1) == []
        glue.assert_no_pending_responses()


def test_what_fails_again_and_again_is_tried_after_longer_and_longer_pauses_and_anything_new_at_once(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    site.drop(FILES[0])
    started = []
    for number in range(12):  # a day of sweeps
        call(trigger, SWEEP, first=number)
        started.append(len(site.runs()))
        later(7200)
    assert 4 <= started[-1] <= 6
    site.drop(FILES[1])
    later(1801)
    call(trigger, SWEEP, first=100)
    assert len(site.runs()) == started[-1] + 1


def test_a_file_that_should_be_refused_is_refused_by_the_sweep_and_not_ingested(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    site.drop(f"{PREFIX}orders/2024/01/15/setup.exe", b"MZ")
    call(trigger, SWEEP)
    assert len(site.items("refused_object#orders")) == 1
    assert site.runs() == []
    assert len(site.told()) == 1


def test_a_sweep_without_time_goes_on_where_it_stopped(
    trigger: ModuleType, site: Site, later: Callable[[float], None]
) -> None:
    for key in FILES:
        site.drop(key)
        site.claim(key, *site.listed(key))
    call(trigger, SWEEP, seconds=2)
    assert site.items("sweep")[0]["cursor"] == FILES[-1]
    site.drop(f"{PREFIX}orders/2024/01/15/d.csv")
    call(trigger, SWEEP, first=1)
    assert started_by(site) == [("sweep", "1")]
    assert site.items("sweep")[0]["cursor"] == ""


def test_a_sweep_that_fails_comes_back_and_the_files_beside_it_are_served(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = site.drop(FILES[0])
    monkeypatch.setattr(trigger, "look", lambda *_: 1 / 0)
    assert call(trigger, SWEEP, event) == ["m0"]
    assert started_by(site) == [("file arrival", "1")]
    assert site.glue.get_workflow_runs(Name=WORKFLOW)["Runs"]
