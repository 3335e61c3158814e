"""What tests of several folders share: one deployed local cloud for all end-to-end tests of the pipeline.

A deployment takes two minutes, so the files that need one are given to the same worker and share it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

    from deployed_cloud import Cloud

ON_THE_DEPLOYED_CLOUD = (
    "test_end_to_end_integration.py",
    "test_end_to_end_of_pages.py",
    "test_events_end_to_end.py",
)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Share out tests by file (--dist loadfile), those on the deployed cloud as if they were one file."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFileOrCloud(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return "the deployed cloud" if file.endswith(ON_THE_DEPLOYED_CLOUD) else file

    return ByFileOrCloud(config, log)


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, subprocess.CompletedProcess[str]]]:
    """A new local cloud on free ports with IAM enforced, deployed by deploy.sh, and what that printed."""
    from deployed_cloud import Cloud
    from local_cloud import cloud
    from local_cloud.environment import aws_variables
    from local_cloud.settings import to_environment
    from local_cloud.testing import settings_for_tests

    settings = settings_for_tests(tmp_path_factory.mktemp("cloud") / "home", enforce_iam=True)
    environment = {
        **os.environ,
        **aws_variables(settings),
        **to_environment(settings),
        "COLUMNS": "200",
        # What a user may have set for AWS must not lead the local deployment elsewhere.
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    environment.pop("AWS_PROFILE", None)
    here = Cloud(settings, environment)
    try:
        yield here, here.deploy()
    finally:
        cloud.stop(settings)


@pytest.fixture(scope="session")
def local(deployed: tuple[Cloud, subprocess.CompletedProcess[str]]) -> Cloud:
    """The deployed local cloud."""
    here, done = deployed
    if done.returncode:
        pytest.fail(done.stdout + done.stderr)
    return here
