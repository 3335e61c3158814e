"""Several runs of ingestion at once on the same files."""

from __future__ import annotations

import pytest

from exactly_once.site import Site

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("runs", [2, 3])
def test_runs_at_once_take_every_file_once(site: Site, runs: int) -> None:
    for number in range(3):
        site.drop_usual(f"file{number}")
    started = [site.start(max_files_per_batch="2") for _ in range(runs)]
    codes = [run.wait() for run in started]
    assert 0 in codes
    for run, code in zip(started, codes, strict=True):
        assert code == 0 or "LeaseHeldError: orders: run jr_" in run.text(), run.text()
    site.assert_every_row_is_there_once()
    assert len(site.batches()) == 3
