"""Ingestion killed by SIGKILL at every write of its protocol, run after run, with new files before each start."""

from __future__ import annotations

import logging
import time

import pytest

from exactly_once.site import Site

pytestmark = pytest.mark.timeout(1200)

# A run passes this one only where the run before has left a batch unfinished.
LEFT_UNFINISHED_BY = "ledger.claim.before"


def test_ingestion_killed_at_every_point_loses_no_row_and_doubles_none(site: Site) -> None:
    site.drop_usual("left")
    site.kill_at(LEFT_UNFINISHED_BY)
    site.drop_usual("new")
    points = site.points()
    assert {"ledger.plan.after", "ledger.take_over.after", "ledger.advance.after"} <= set(points)
    for number, point in enumerate(points):
        if "take_over" in point:
            site.drop_usual(f"{number}-left")
            site.kill_at(LEFT_UNFINISHED_BY)
        site.drop_plain(f"{number}-{point}")
        begun = time.monotonic()
        site.kill_at(point)
        logging.info("killed at %s after %.1f s", point, time.monotonic() - begun)
    site.run()
    site.assert_every_row_is_there_once()
