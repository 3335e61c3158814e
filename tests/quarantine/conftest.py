"""Fixtures of the tests of the replay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.quarantine.house import House, new_house


@pytest.fixture
def aws_only_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for moto, and nothing that leads elsewhere."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")


@pytest.fixture
def house(aws_only_in_this_process: None) -> Iterator[House]:
    """An environment with its buckets and tables, and nothing in them."""
    with new_house() as made:
        yield made
