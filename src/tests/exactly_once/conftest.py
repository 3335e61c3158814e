"""One emulator for all tests of this folder, and an archive of Java classes, so that jobs start fast."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from exactly_once.site import Site
from local_cloud.class_archive import existing_archive
from local_cloud.settings import Settings
from local_cloud.testing import running_local_cloud

# Making the archive takes about half a minute, and each of some forty starts gains two seconds or more by it.
_ARCHIVE_SECONDS = 120


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A local cloud of which only the emulator is used: the tests start the jobs by themselves."""
    with running_local_cloud(tmp_path_factory.mktemp("exactly-once") / "cloud") as settings:
        made = Retrying(
            retry=retry_if_result(lambda archive: archive is None),
            wait=wait_fixed(0.2),
            stop=stop_after_delay(_ARCHIVE_SECONDS),
            retry_error_callback=lambda _: None,  # jobs run without it as well, only slower
        )
        made(lambda: existing_archive(settings))
        yield settings


@pytest.fixture
def new_site(cloud: Settings, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """A factory of sites: buckets and tables of their own. What still runs in them is ended after the test."""
    sites: list[Site] = []
    numbers = itertools.count()

    def make() -> Site:
        sites.append(Site(cloud, tmp_path / f"site{next(numbers)}"))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """A site with the contract of orders, and no file yet."""
    return new_site()
