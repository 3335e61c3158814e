"""A local cloud for tests: free ports, a folder of its own, and waiting for runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from local_cloud import cloud
from local_cloud.environment import client
from local_cloud.processes import free_port
from local_cloud.protocol import JsonObject
from local_cloud.settings import Settings
from local_cloud.store import ACTIVE_JOB_STATES, ACTIVE_WORKFLOW_STATUSES

_LOOK_SECONDS = 0.1  # Glue has nothing to wait on; its clients ask again and again


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
    try:
        cloud.start(settings)
        yield settings
    finally:
        cloud.stop(settings)


def glue_client(settings: Settings) -> Any:
    """A boto3 client of the Glue endpoint."""
    return client(settings, "glue", endpoint=settings.glue_endpoint)


def wait_for_job_run(settings: Settings, job: str, run_id: str, seconds: float = 120.0) -> JsonObject:
    """Wait until a job run has ended.

    Returns:
        The run.

    Raises:
        tenacity.RetryError: it did not end in time.
    """
    glue = glue_client(settings)

    def look() -> JsonObject:
        run: JsonObject = glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
        return run

    return _wait(look, lambda run: run["JobRunState"] in ACTIVE_JOB_STATES, seconds)


def wait_for_workflow_run(settings: Settings, name: str, run_id: str, seconds: float = 300.0) -> JsonObject:
    """Wait until a workflow run has ended.

    Returns:
        The run.

    Raises:
        tenacity.RetryError: it did not end in time.
    """
    glue = glue_client(settings)

    def look() -> JsonObject:
        run: JsonObject = glue.get_workflow_run(Name=name, RunId=run_id)["Run"]
        return run

    return _wait(look, lambda run: run["Status"] in ACTIVE_WORKFLOW_STATUSES, seconds)


def _wait(look: Callable[[], JsonObject], goes_on: Callable[[JsonObject], bool], seconds: float) -> JsonObject:
    waiting = Retrying(retry=retry_if_result(goes_on), wait=wait_fixed(_LOOK_SECONDS), stop=stop_after_delay(seconds))
    return waiting(look)
