"""Settings: a run's arguments become what the library works with, or an error that says what would be right."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone

import pytest

from etl.errors import ArgumentError
from etl.settings import LEASE_SECONDS, MAX_FILES_PER_BATCH, OPTIONAL, REQUIRED, settings_from

ARGUMENTS = {
    "JOB_NAME": "glue-etl-pipeline-dev-data-ingestion",
    "environment": "dev",
    "raw_bucket": "dev-raw",
    "processed_bucket": "dev-processed",
    "curated_bucket": "dev-curated",
    "quality_bucket": "dev-quality",
    "contracts_path": "s3://dev-scripts/config/datasets",
    "bookmarks_table": "dev-job-bookmarks",
    "state_table": "dev-job-state",
    "database": "glue_etl_pipeline_dev",
    "alerts_topic_arn": "arn:aws:sns:us-east-1:123456789012:alerts",
}


def test_the_arguments_of_this_test_are_the_required_ones() -> None:
    assert set(ARGUMENTS) == set(REQUIRED)
    assert not set(REQUIRED) & set(OPTIONAL)


def test_buckets_become_uris_and_folders_end_in_a_slash() -> None:
    settings = settings_from(ARGUMENTS)
    assert (settings.raw, settings.processed) == ("s3://dev-raw/", "s3://dev-processed/")
    assert (settings.curated, settings.quality) == ("s3://dev-curated/", "s3://dev-quality/")
    assert settings.contracts_path == "s3://dev-scripts/config/datasets/"
    assert settings_from({**ARGUMENTS, "contracts_path": "file:///c/"}).contracts_path == "file:///c/"


def test_the_other_arguments_are_taken_as_they_are() -> None:
    settings = settings_from(ARGUMENTS)
    for name in ("environment", "bookmarks_table", "state_table", "database", "alerts_topic_arn"):
        assert getattr(settings, name) == ARGUMENTS[name]
    assert settings.job_name == ARGUMENTS["JOB_NAME"]


def test_optional_arguments_have_defaults() -> None:
    settings = settings_from(ARGUMENTS)
    assert (settings.dataset, settings.workflow_run_id) == ("", "")
    assert (settings.max_files_per_batch, settings.lease_seconds) == (MAX_FILES_PER_BATCH, LEASE_SECONDS)


def test_optional_arguments_are_taken_when_given() -> None:
    given = {"JOB_RUN_ID": "jr_1", "WORKFLOW_RUN_ID": "wr_1", "dataset": "orders"}
    settings = settings_from({**ARGUMENTS, **given, "max_files_per_batch": "5", "lease_seconds": "7"})
    assert (settings.run_id, settings.workflow_run_id, settings.dataset) == ("jr_1", "wr_1", "orders")
    assert (settings.max_files_per_batch, settings.lease_seconds) == (5, 7)


def test_a_run_by_hand_has_an_id_of_its_own_and_every_run_its_beginning() -> None:
    first, second = settings_from(ARGUMENTS), settings_from(ARGUMENTS)
    assert first.run_id.startswith("manual_")
    assert first.run_id != second.run_id
    assert abs((datetime.now(timezone.utc) - first.started).total_seconds()) < 60


def test_curated_tables_stand_in_the_job_s_catalog_and_database() -> None:
    assert settings_from(ARGUMENTS).table("orders") == "glue_catalog.glue_etl_pipeline_dev.orders"


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings_from(ARGUMENTS).dataset = "x"  # type: ignore[misc]


@pytest.mark.parametrize("layer", ["raw", "processed", "curated", "quality"])
@pytest.mark.parametrize("bucket", ["", "s3://dev-raw", "dev-raw/", "dev/raw"])
def test_a_bucket_that_is_no_name_is_told(layer: str, bucket: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        settings_from({**ARGUMENTS, f"{layer}_bucket": bucket})
    assert str(caught.value) == (
        f"--{layer}_bucket is {bucket!r}; it must be the name of a bucket, without s3:// and /"
    )


@pytest.mark.parametrize("name", ["max_files_per_batch", "lease_seconds"])
@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "", " 5"])
def test_a_number_that_is_none_is_told(name: str, text: str) -> None:
    with pytest.raises(ArgumentError, match=f"--{name} is {text!r}; it must be a whole number of at least 1"):
        settings_from({**ARGUMENTS, name: text})
