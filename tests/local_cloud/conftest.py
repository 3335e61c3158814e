"""One local cloud for all tests here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.local_cloud.helpers import Cloud

from local_cloud.testing import running_local_cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A local cloud in which a minute of a job's Timeout lasts one second."""
    home = tmp_path_factory.mktemp("cloud") / "state"
    with running_local_cloud(home, seconds_per_minute=1.0, fast_start=False) as settings:
        yield Cloud(settings)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A named pipe: a job that reads it waits until the test writes to it."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path
