"""Telling: each occurrence at most once however often its event comes, and nobody untold whatever fails in between."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Context, job_state_change, metrics_in, sqs_event
from .watched import Inbox, make_state_table, module, monitoring_handler

telling: Any = module("telling")
BEGIN = datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc)


@pytest.fixture
def table(aws: None) -> Any:
    return make_state_table()


@pytest.fixture
def inbox(aws: None) -> Inbox:
    return Inbox()


@pytest.fixture
def teller(table: Any, inbox: Inbox) -> Any:
    return telling.Teller(table, boto3.client("sns"), inbox.topics)


def news(minutes: int, kind: str = "a", finding: str = "failed#job", occurrence: str = "", **more: Any) -> Any:
    """A failure of some kind at some time; no kind: success."""
    what = f"FAILED: {kind}" if kind else "RECOVERED: job"
    return telling.News(
        "notifications", finding, occurrence or f"{minutes}{kind}", BEGIN + timedelta(minutes=minutes), what,
        "It failed." if kind else "It works again.", "What to do", is_problem=bool(kind), kind=kind, **more,
    )  # fmt: skip


def test_repeats_are_told_with_their_number(teller: Any, inbox: Inbox) -> None:
    for minutes in (0, 5, 10, 40, 45):
        teller.tell(news(minutes))
    teller.tell(news(50, ""))
    first, again, recovered = inbox.messages()
    assert (first["Subject"], first["Message"]) == ("FAILED: a", "It failed.\n\nWhat to do\n")
    assert again["Subject"] == "FAILED: a (4 times since 2024-01-15 10:00 UTC)"
    assert "This has happened 4 times since 2024-01-15 10:00:00 UTC." in again["Message"]
    assert "the next message of them comes after 1 hour." in again["Message"]
    assert recovered["Subject"] == "RECOVERED: job"
    assert "Before that, it had happened 5 times since 2024-01-15 10:00:00 UTC." in recovered["Message"]


def test_good_news_is_counted_from_the_last_message_on(teller: Any, inbox: Inbox) -> None:
    for minutes in (0, 10, 40, 50, 110):
        teller.tell(news(minutes, is_routine=True))
    assert [message["Subject"] for message in inbox.messages()] == [
        "FAILED: a", "FAILED: a (3 times since 2024-01-15 10:00 UTC)", "FAILED: a (2 times since 2024-01-15 10:40 UTC)",
    ]  # fmt: skip


def test_good_news_that_was_kept_back_is_told_in_the_end(teller: Any, inbox: Inbox) -> None:
    for minutes, kind in ((0, "a"), (1, ""), (2, "a"), (3, "")):
        teller.tell(news(minutes, kind))
    assert len(inbox.messages()) == 3
    assert teller.tell_overdue(BEGIN + timedelta(minutes=62)) == []
    assert len(teller.tell_overdue(BEGIN + timedelta(minutes=63))) == 1
    assert teller.tell_overdue(BEGIN + timedelta(minutes=90)) == []
    [message] = inbox.messages()
    assert (message["Subject"], message["Message"].splitlines()[0]) == (
        "RECOVERED: job", "This has not come back since 2024-01-15 10:03:00 UTC: FAILED: a",
    )  # fmt: skip


def test_a_finding_that_never_held_leaves_no_trace_where_it_is_not_wanted(teller: Any, table: Any) -> None:
    teller.tell(news(0, "", leaves_no_trace=True))
    assert table.scan()["Count"] == 0


events = st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["", "a", "b"])), min_size=1, max_size=8, unique=True)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), happened=events)
def test_events_in_any_order_any_number_of_times_with_sns_down_at_times(
    teller: Any, inbox: Inbox, data: Any, happened: list[tuple[int, str]]
) -> None:
    finding = f"failed#{uuid.uuid4()}"
    delivered = data.draw(st.permutations(happened + data.draw(st.lists(st.sampled_from(happened), max_size=4))))
    waiting = [(event, data.draw(st.booleans())) for event in delivered]
    topics = dict(teller._topic_arns)
    for (minutes, kind), is_down in [*waiting, *((event, False) for event, _ in waiting)]:
        teller._topic_arns["notifications"] = topics["notifications"] + ("-gone" if is_down else "")
        try:
            teller.tell(news(minutes, kind, finding))
        except teller._sns.exceptions.NotFoundException:
            assert is_down  # the message comes back
    sent = inbox.messages()
    decided = Counter(message["Message"] + message["Subject"] for message in sent)
    assert len(sent) <= len(happened)
    assert max(decided.values(), default=1) <= len(happened)
    kinds = {kind for _, kind in happened} - {""}
    assert {message["Subject"].split()[1] for message in sent if "FAILED" in message["Subject"]} == kinds
    assert teller.unsent() == 0
    newest = max(minutes for minutes, _ in happened)
    last = {kind for minutes, kind in happened if minutes == newest}
    believed = [each for each in teller.findings("notifications") if each.name == finding]
    if "" not in last:
        assert believed
        assert believed[0].standing.is_open


# Killed between any two steps --------------------------------------------------------------------------------


class KilledError(BaseException):
    """The Lambda's end in the middle of its work."""


class Calls:
    """Counts calls of AWS that change something, and ends the function before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kill_before, self.made = 0, list[str]()
        really = BaseClient._make_api_call

        def counted(client: Any, operation: str, parameters: Any) -> Any:
            if operation.startswith(("Get", "Query")):
                return really(client, operation, parameters)
            if self.kill_before and len(self.made) + 1 == self.kill_before:
                raise KilledError(operation)
            self.made.append(operation)
            return really(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", counted)

    def until(self, number: int) -> None:
        """Count from now on, and end before this call."""
        self.kill_before, self.made = number, []


@pytest.fixture
def monitoring(table: Any, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    yield monitoring_handler(inbox, monkeypatch)


def a_slow_run_with_much_to_tell(table: Any, number: int) -> dict[str, Any]:
    """The event of a last job's success: slow, after a failure, with an alert in the outbox."""
    job = f"pipeline-test-{number}-data-quality"
    glue = boto3.client("glue")
    glue.create_job(Name=job, Role="role", Command={"Name": "glueetl"})
    run = glue.start_job_run(JobName=job)["JobRunId"]
    for hour in range(10):
        facts = {"status": "SUCCEEDED", "updated_at": f"2024-01-14T{hour:02}:00:00+00:00", "seconds": 1}
        table.put_item(Item={"entity": f"glue_run#{job}", "id": f"jr_{hour}", **facts})
    facts = {"status": "PENDING", "updated_at": "2024-01-15T09:00:00+00:00", "subject": f"alert {number}"}
    table.put_item(Item={"entity": "outbox", "id": f"quality#{number}", "message": "orders", **facts})
    return sqs_event(job_state_change(job, run, "SUCCEEDED"))


def test_a_lambda_killed_between_any_two_steps_tells_everything_when_the_event_comes_back(
    monitoring: ModuleType,
    table: Any,
    inbox: Inbox,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls, number, finished = Calls(monkeypatch), 0, False
    while not finished:
        number += 1
        job = f"pipeline-test-{number}-data-quality"
        calls.until(0)
        failed = sqs_event(job_state_change(job, "jr_before", "FAILED", time="2024-01-15T09:00:00Z"))
        monitoring.watch().see(monitoring.run_from(failed["Records"][0]["body"]))
        event = a_slow_run_with_much_to_tell(table, number)
        inbox.messages(), capsys.readouterr()
        calls.until(number)
        try:
            monitoring.handler(event, context)
            finished = True
        except KilledError:
            killed_after = calls.made[-1] if calls.made else ""
            calls.until(0)
            monitoring.handler(event, context)
        calls.until(0)
        found = Counter(inbox.subjects())
        expected = {
            f"alerts alert {number}",
            f"notifications RECOVERED: {job}",
            f"notifications SUCCEEDED: {job}",
            f"performance SLOW: {job} took 123.0 times as long as usual",
        }
        assert set(found) == expected, number
        # Between sending and writing down that it was sent, nobody can know: then it is sent again.
        assert sum(found.values()) - len(expected) == (0 if finished else int(killed_after == "Publish")), number
        [metrics] = metrics_in(capsys.readouterr().out)
        assert metrics["JobSuccesses"] == [1.0]
        monitoring.handler(event, context)
        assert (inbox.messages(), metrics_in(capsys.readouterr().out)) == ([], [])
    assert number > 10
