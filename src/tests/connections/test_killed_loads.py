"""A load killed by SIGKILL before and after each of its writes: the next one ends it, with each row once."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from connections.world import NOON, Rows, World, connector_of, row
from utils.faults import POINT, TRACE

ORDERS = connector_of(
    "name: shop\ndataset: orders\nrest: {url: 'https://api.example.com'}\noutput: {max_rows: 2}\n"
    "incremental: {cursor: updated_at, type: timestamp}\n"
)
# Every write of a load, and of the loop over files the second time as well.
POINTS = [
    f"connector.{write}.{side}{time}"
    for write, times in {
        "open": [""],
        "record": ["", ":2"],
        "put": ["", ":2"],
        "advance": ["", ":2"],
        "finish": [""],
    }.items()
    for side in ("before", "after")
    for time in times
]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """AWS in this process, for others."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def remote(credentials: None, endpoint: str) -> Iterator[World]:
    """An empty raw bucket and state table on the server."""
    world = World(endpoint).create()
    yield world
    for key in world.keys():  # noqa: SIM118 - no mapping
        world.s3().delete_object(Bucket="demo-raw", Key=key)
    for bucket in ("demo-raw", "demo-scripts"):
        world.s3().delete_bucket(Bucket=bucket)
    world.table().delete()


def load_in_a_process(world: World, rows: list[int], **faults: str) -> int | None:
    """Load in a process of its own; returns how it ended."""

    def work() -> None:
        os.environ.update(faults)
        world.load(ORDERS, Rows([row(number) for number in rows]), owner="killed")

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    return process.exitcode


def test_the_points_are_all_there_are(remote: World, tmp_path: Path) -> None:
    assert load_in_a_process(remote, [0, 1, 2, 3], **{TRACE: str(tmp_path / "points")}) == 0
    passed = Counter((tmp_path / "points").read_text().split())
    assert {
        f"{name}:{time}".removesuffix(":1") for name, times in passed.items() for time in range(1, times + 1)
    } == set(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_load_is_ended_by_the_next_one_although_the_source_has_changed(remote: World, point: str) -> None:
    assert load_in_a_process(remote, [0, 1, 2, 3], **{POINT: point}) == -signal.SIGKILL
    before = remote.rows()
    # Row 1 has been deleted since, and 4 has come: the pages are others now.
    remote.state(ORDERS, "killed", seconds=-1)  # its lease has ended
    remote.load(ORDERS, Rows([row(number) for number in [0, 2, 3, 4]]), owner="next")
    remote.load(ORDERS, Rows([row(number) for number in [0, 2, 3, 4]]), NOON + timedelta(hours=1), owner="third")
    found = remote.rows()
    assert not before - found, "what was in raw stays there"
    assert max(found.values()) == 1, "no row came twice"


def test_a_killed_load_ends_in_just_the_same_files_when_nothing_has_changed(remote: World) -> None:
    rows = Rows([row(number) for number in range(6)])
    for point in ("connector.put.after", "connector.put.after", "connector.advance.before:2"):
        load_in_a_process(remote, list(range(6)), **{POINT: point})
    killed = remote.state(ORDERS, "killed", seconds=-1)
    assert killed.progress.parts < 3
    remote.load(replace(ORDERS, description="the same"), rows, owner="next")
    assert remote.rows() == Counter(range(6))
    assert len(remote.keys()) == 3
