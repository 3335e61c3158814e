"""Fixtures of the connectors' tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from connections.world import World


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the surroundings leads to a real account or an emulator."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def world(credentials: None) -> Iterator[World]:
    """An empty raw bucket and state table."""
    with mock_aws():
        yield World().create()
