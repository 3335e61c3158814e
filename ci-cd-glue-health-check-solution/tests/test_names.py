"""Names, and the manifest."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from glue_health_check.cloud.names import Names, Places, new_names, read_moment
from glue_health_check.errors import MisuseError

NAMES = Names(42, "0a1b2c3d", "scratch")


def test_a_job_has_the_pull_request_and_the_suffix_in_its_name() -> None:
    assert NAMES.job("data_ingestion") == "glue-hc-pr42-data-ingestion-0a1b2c3d"
    assert NAMES.job("data_ingestion", 1) == "glue-hc-pr42-data-ingestion-0a1b2c3d-b1"


def test_long_names_are_cut_in_the_middle() -> None:
    name = NAMES.job("x" * 200, 2)
    assert len(name) == 63
    assert name.endswith("-0a1b2c3d-b2")


def test_two_checks_of_a_pull_request_have_different_names() -> None:
    assert new_names(42, "scratch").id != new_names(42, "scratch").id


def test_places_fill_texts() -> None:
    places = Places(NAMES, "j", ("raw",), ("state",), ("db",))
    assert places.fill("{input}/a") == "s3://scratch/glue-health-checks/pr42-0a1b2c3d/input/a"
    assert places.fill("s3://{bucket.raw}/{pr}") == "s3://glue-hc-pr42-raw-0a1b2c3d/42"
    assert places.fill("{table.state} {database.db}") == "glue-hc-pr42-state-0a1b2c3d glue_hc_pr42_db_0a1b2c3d"


def test_a_placeholder_that_stands_for_nothing_is_misuse() -> None:
    with pytest.raises(MisuseError, match=r"\{bucket\.raw\}"):
        Places(NAMES, "j").fill("s3://{bucket.raw}/")


def test_the_expiry_in_the_tags_can_be_read_again() -> None:
    moment = datetime(2024, 1, 15, 10, 20, 30, tzinfo=timezone.utc)
    assert read_moment(NAMES.tags(moment)["glue-health-check:expires-at"]) == moment
    assert read_moment("tomorrow") is None
