"""A load: what it takes, where its files go, how it goes on, and what happens to rows at the boundaries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from connections.world import NOON, RAW, Rows, World, connector_of, row
from connectors.errors import BusyError, ConnectorError, LeaseLostError, SourceError
from connectors.loading import Load, Page
from connectors.values import Numbers, Timestamps, json_line
from connectors.windows import Window

ORDERS = connector_of(
    "name: shop\ndataset: orders\nrest: {url: 'https://api.example.com'}\noutput: {max_rows: 4}\n"
    "incremental: {cursor: updated_at, type: timestamp, lag_seconds: 60}\n"
)
assert ORDERS.incremental
BY_NUMBER = replace(ORDERS, incremental=replace(ORDERS.incremental, cursor="id", kind="number"))
ALL = replace(ORDERS, incremental=None)


def test_rows_come_as_json_lines_into_the_datasets_folder_of_the_day(world: World) -> None:
    result = world.load(ORDERS, Rows([row(number) for number in range(10)]))
    assert world.keys() == [
        f"data/incoming/orders/2024/01/15/shop-20240115T120000000Z-000{part}.jsonl" for part in (1, 2, 3)
    ]
    first = world.s3().get_object(Bucket=RAW, Key=world.keys()[0])["Body"].read().decode()
    assert first.splitlines()[0] == '{"id":0,"updated_at":"2024-01-15T10:00:00Z"}'
    assert (result.rows, result.files, result.is_complete) == (10, 3, True)


def test_the_next_load_begins_where_the_last_one_ended(world: World) -> None:
    source = Rows([row(number) for number in range(5)])
    assert world.load(ORDERS, source).cursor == "2024-01-15T11:59:00.000000Z"
    source.rows += [row(90), row(130)]
    world.load(ORDERS, source, NOON + timedelta(minutes=20))
    # Minute 90 lies before the first load's end: whoever writes so late needs a longer lag or an overlap.
    assert world.rows() == Counter([*range(5), 130])


def test_an_overlap_takes_late_rows_and_brings_the_others_again(world: World) -> None:
    assert ORDERS.incremental
    overlapping = replace(ORDERS, incremental=replace(ORDERS.incremental, overlap_seconds=3600))
    source = Rows([row(10), row(70)])
    world.load(overlapping, source)
    source.rows.append(row(90))
    world.load(overlapping, source, NOON + timedelta(minutes=10))
    assert world.rows() == Counter([10, 70, 70, 90])


def test_rows_on_the_boundary_of_two_windows_are_taken_by_just_one(world: World) -> None:
    boundary = NOON - timedelta(seconds=60)
    moments = [boundary - timedelta(microseconds=1), boundary, boundary, boundary + timedelta(microseconds=1)]
    source = Rows([row(number, at) for number, at in enumerate(moments)])
    world.load(ORDERS, source)
    assert world.rows() == Counter([0])
    world.load(ORDERS, source, NOON + timedelta(hours=1))
    assert world.rows() == Counter([0, 1, 2, 3])


def test_nothing_is_fetched_while_the_lag_has_not_passed(world: World) -> None:
    source = Rows([row(1)])
    world.load(ORDERS, source)
    asked = len(source.asked)
    assert world.load(ORDERS, source, NOON + timedelta(milliseconds=900)).is_complete
    assert len(source.asked) == asked


def test_an_empty_source_makes_no_file(world: World) -> None:
    assert world.load(ORDERS, Rows()).files == 0
    assert world.keys() == []


def test_a_start_leaves_out_what_is_older(world: World) -> None:
    assert ORDERS.incremental
    later = replace(ORDERS, incremental=replace(ORDERS.incremental, start="2024-01-15T10:03:00Z"))
    world.load(later, Rows([row(number) for number in range(5)]))
    assert world.rows() == Counter([3, 4])


def test_rows_that_share_the_highest_number_come_once_each_even_when_some_come_later(world: World) -> None:
    source = Rows([{"id": 1}, {"id": 7, "line": 1}, {"id": 7, "line": 2}])
    world.load(BY_NUMBER, source)
    source.rows += [{"id": 7, "line": 3}, {"id": 8}]
    world.load(BY_NUMBER, source, NOON + timedelta(minutes=1))
    world.load(BY_NUMBER, source, NOON + timedelta(minutes=2))
    assert world.rows() == Counter({1: 1, 7: 3, 8: 1})


def test_numbers_are_compared_as_numbers_whatever_their_order(world: World) -> None:
    source = Rows([{"id": 10}, {"id": 9}, {"id": 2}])
    world.load(BY_NUMBER, source)
    source.rows.append({"id": 100})
    world.load(BY_NUMBER, source, NOON + timedelta(minutes=1))
    assert world.rows() == Counter([10, 9, 2, 100])


def test_without_a_cursor_everything_is_taken_each_time(world: World) -> None:
    source = Rows([{"id": 1}, {"id": 2}])
    for minute in (0, 1):
        world.load(ALL, source, NOON + timedelta(minutes=minute))
    assert world.rows() == Counter({1: 2, 2: 2})


def test_a_load_stops_in_time_and_the_next_one_goes_on_from_there(world: World) -> None:
    source = Rows([row(number) for number in range(10)])
    ticks = iter(range(100))
    results = [
        world.load(ORDERS, source, owner=f"run until {deadline}", deadline=deadline, clock=lambda: next(ticks))
        for deadline in (2, 100)
    ]
    assert [result.is_complete for result in results] == [False, True]
    assert world.rows() == Counter(range(10))
    # The page at which the first load stopped is in raw: the second begins with the one after it.
    assert len(source.asked) == 5


def test_an_unfinished_window_is_ended_as_it_was_begun_whatever_the_time_is(world: World) -> None:
    source = Rows([row(number) for number in range(6)])
    world.load(ORDERS, source, deadline=0)
    source.rows.append(row(125))
    assert world.load(ORDERS, source, NOON + timedelta(days=1), owner="next").is_complete
    assert world.rows() == Counter(range(6))
    assert all("/2024/01/15/" in key for key in world.keys())  # noqa: SIM118 - no mapping
    world.load(ORDERS, source, NOON + timedelta(days=1))
    assert world.rows() == Counter([*range(6), 125])


def test_only_one_run_at_a_time_loads_a_connector_and_others(world: World) -> None:
    world.state(ORDERS, "alive")
    with pytest.raises(BusyError, match="another run of shop is at work"):
        world.load(ORDERS, Rows([row(1)]))
    world.load(replace(ORDERS, name="other"), Rows([row(2)]))
    assert world.rows() == Counter([2])


def test_what_a_killed_run_holds_is_free_when_its_lease_has_ended(world: World) -> None:
    world.state(ORDERS, "killed", seconds=-1)
    assert world.load(ORDERS, Rows([row(1)])).is_complete


class Slow(Rows):
    """Rows during whose second page another run takes over and loads everything."""

    def __init__(self, world: World, rows: list[dict[str, Any]]) -> None:
        super().__init__(rows)
        self._world = world

    def pages(self, window: Window, position: Any) -> Iterator[Page]:
        """Pages; between the first two the other run goes by."""
        for number, page in enumerate(super().pages(window, position)):
            if number == 1:
                other = Rows([*self.rows, row(50)])
                Load(ORDERS, other, self._world.state(ORDERS, "other"), self._world.folder(ORDERS)).run(NOON)
            yield page


def test_a_run_that_was_overtaken_neither_adds_nor_replaces_anything(world: World) -> None:
    source = Slow(world, [row(number) for number in range(6)])
    paused = world.state(ORDERS, "paused", seconds=-1)
    with pytest.raises(LeaseLostError, match="taken over by another run"):
        Load(ORDERS, source, paused, world.folder(ORDERS)).run(NOON)
    assert world.rows() == Counter([*range(6), 50])


def test_a_file_of_somebody_else_under_its_name_stops_a_load(world: World) -> None:
    key = "data/incoming/orders/2024/01/15/shop-20240115T120000000Z-0001.jsonl"
    world.s3().put_object(Bucket=RAW, Key=key, Body=b"theirs")
    with pytest.raises(ConnectorError, match="was put by somebody else"):
        world.load(ORDERS, Rows([row(1)]))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["text"], "a row is no object of fields but 'text'"),
        ([{"id": 1}], "a row has no value in the cursor 'updated_at'"),
        ([{"id": 1, "updated_at": None}], "a row has no value in the cursor 'updated_at'"),
        ([{"id": 1, "updated_at": "yesterday"}], "declared as timestamp .iso., but 'yesterday' is no time"),
    ],
)
def test_rows_that_no_load_could_take_stop_it_with_their_content(world: World, rows: list[Any], told: str) -> None:
    with pytest.raises(SourceError, match=told):
        world.load(ORDERS, Rows(rows))
    assert world.keys() == []
    assert world.load(ORDERS, Rows([row(1)])).is_complete, "the next run is not kept out"


def test_more_rows_of_one_value_than_can_be_remembered_are_refused(world: World) -> None:
    many = Rows([{"id": 1, "line": line} for line in range(5001)], size=10_000)
    with pytest.raises(SourceError, match="more than 5000 rows have the cursor value 1"):
        world.load(BY_NUMBER, many)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-15T09:30:00Z", "2024-01-15T09:30:00.000000Z"),
        ("2024-01-15 09:30", "2024-01-15T09:30:00.000000Z"),
        ("2024-01-15", "2024-01-15T00:00:00.000000Z"),
        ("2024-01-15T09:30:00.1234567+05:30", "2024-01-15T04:00:00.123456Z"),
        ("2024-01-15T09:30:00-0800", "2024-01-15T17:30:00.000000Z"),
    ],
)
def test_times_are_read_in_every_common_spelling(text: str, utc: str) -> None:
    assert Timestamps().dump(Timestamps().parse(text)) == utc


def test_times_since_1970_are_exact() -> None:
    seconds = Timestamps("epoch_seconds")
    assert seconds.parse("1705311000.123457") == datetime(2024, 1, 15, 9, 30, 0, 123457, tzinfo=timezone.utc)
    assert seconds.render(seconds.parse(1705311000)) == "1705311000"
    assert Timestamps("epoch_milliseconds").render(seconds.parse(1705311000)) == "1705311000000"
    assert Timestamps("date").render(seconds.parse(1705311000)) == "2024-01-15"


def test_a_row_keeps_every_digit_and_stays_on_its_line() -> None:
    number = Numbers().parse("12345678901234567890.1200")
    text = json_line({"n": number, "t": "a\u2028b\nc", "b": b"\x00\xff", "x": float("nan"), "d": {"at": NOON}})
    assert '"n":12345678901234567890.1200' in text
    assert len(text.splitlines()) == 1
    assert json.loads(text)["t"] == "a\u2028b\nc"
    assert json.loads(text)["d"] == {"at": "2024-01-15T12:00:00+00:00"}
    assert (json.loads(text)["b"], json.loads(text)["x"]) == ("AP8=", "nan")
