"""A local cloud for tests: free ports, a folder of its own, gone at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_cloud import cloud
from local_cloud.processes import free_port
from local_cloud.settings import Settings


def settings_for_tests(home: Path, **changes: Any) -> Settings:
    """Settings with free ports.

    Args:
        home: the state folder.
        changes: other fields of the settings.
    """
    settings = Settings(home=home, port=free_port(), glue_port=free_port(), cache=home / "cache")
    return dataclasses.replace(settings, **changes)


@contextmanager
def running_local_cloud(home: Path, **changes: Any) -> Iterator[Settings]:
    """A local cloud that runs while the ``with`` block does.

    Args:
        home: its state folder; it stays, for a look at what went wrong.
        changes: other fields of the settings, such as ``fast_start=False``.
    """
    settings = settings_for_tests(home, **changes)
    cloud.start(settings)
    try:
        yield settings
    finally:
        cloud.stop(settings)
