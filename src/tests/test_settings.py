"""Settings: a run's arguments become what the library works with, or an error that says what would be right."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone

import pytest
from pyspark.sql import SparkSession

from etl.errors import ArgumentError
from etl.performance import Performance
from etl.pipeline import Pipeline, run_job
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


def test_maintenance_is_off_and_keeps_what_people_may_still_need_unless_told_otherwise() -> None:
    settings = settings_from(ARGUMENTS)
    assert (settings.maintain, settings.pii_secret) == (False, "")
    kept = (settings.snapshot_retention_days, settings.orphan_retention_days, settings.processed_retention_days)
    assert kept == (7, 3, 30)


def test_maintenance_and_its_retentions_are_taken_when_given() -> None:
    days = {"snapshot_retention_days": "1", "orphan_retention_days": "4", "processed_retention_days": "2"}
    settings = settings_from({**ARGUMENTS, **days, "maintain": "True"})
    kept = (settings.snapshot_retention_days, settings.orphan_retention_days, settings.processed_retention_days)
    assert settings.maintain
    assert kept == (1, 4, 2)


def test_orphans_are_never_taken_for_such_before_a_running_job_could_have_ended() -> None:
    with pytest.raises(ArgumentError, match="--orphan_retention_days is '2'; it must be a whole number of at least 3"):
        settings_from({**ARGUMENTS, "orphan_retention_days": "2"})


@pytest.mark.parametrize("name", ["maintain", "adaptive_query_execution", "skew_join"])
def test_a_switch_that_is_neither_on_nor_off_is_told(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"--{name} is 'yes'; it must be true or false"):
        settings_from({**ARGUMENTS, name: "yes"})


def test_what_is_no_secret_s_arn_is_told_without_being_repeated() -> None:
    with pytest.raises(ArgumentError, match="--pii_secret is not the ARN of a secret") as caught:
        settings_from({**ARGUMENTS, "pii_secret": "s3cr3t-itself"})
    assert "s3cr3t" not in str(caught.value)
    arn = "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:etl-dev-pii-AbCdEf"
    assert settings_from({**ARGUMENTS, "pii_secret": arn}).pii_secret == arn


def test_a_job_that_says_nothing_of_performance_leaves_spark_as_it_is() -> None:
    empty = {"shuffle_partitions": "", "skew_join": ""}
    assert settings_from({**ARGUMENTS, **empty}).performance.spark_settings() == {}


def test_performance_arguments_become_spark_s_settings() -> None:
    given = {"adaptive_query_execution": "false", "broadcast_threshold_mb": "64", "skew_join": "true"}
    assert settings_from({**ARGUMENTS, **given, "shuffle_partitions": "48"}).performance.spark_settings() == {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.autoBroadcastJoinThreshold": "64m",
        "spark.sql.adaptive.autoBroadcastJoinThreshold": "64m",
        "spark.sql.adaptive.skewJoin.enabled": "true",
        "spark.sql.shuffle.partitions": "48",
    }


@pytest.mark.parametrize("text", ["0", "-1"])
def test_broadcasts_can_be_switched_off(text: str) -> None:
    found = settings_from({**ARGUMENTS, "broadcast_threshold_mb": text}).performance.spark_settings()
    assert set(found.values()) == {"-1"}


@pytest.mark.parametrize(
    ("name", "text", "least"), [("broadcast_threshold_mb", "-2", -1), ("shuffle_partitions", "0", 1)]
)
def test_a_performance_number_out_of_range_is_told(name: str, text: str, least: int) -> None:
    with pytest.raises(ArgumentError, match=f"--{name} is '{text}'; it must be a whole number of at least {least}"):
        settings_from({**ARGUMENTS, name: text})


def test_spark_takes_the_settings(spark: SparkSession) -> None:
    session = spark.newSession()
    Performance(False, 64, False, 3).apply(session)
    assert session.conf.get("spark.sql.adaptive.autoBroadcastJoinThreshold") == "64m"
    assert session.conf.get("spark.sql.shuffle.partitions") == "3"
    assert session.range(1)._jdf.queryExecution().executedPlan().toString().find("Adaptive") == -1


def test_a_job_runs_with_its_performance_arguments(aws: None, spark: SparkSession) -> None:
    given = {**ARGUMENTS, "bookmarks_table": "bookmarks", "state_table": "state"}
    # A negative number is a value, and not one more argument.
    given |= {"broadcast_threshold_mb": "-1", "shuffle_partitions": "3", "adaptive_query_execution": "false"}
    argv = ["job.py", *(text for name, value in given.items() for text in (f"--{name}", value))]
    names = Performance(False, -1, None, 3).spark_settings()
    before = {name: spark.conf.get(name, None) for name in names}
    found: dict[str, str | None] = {}

    def work(pipeline: Pipeline) -> dict[str, str]:
        found.update({name: pipeline.spark.conf.get(name) for name in names})
        return {}

    try:
        run_job(argv, "ingestion", work)
    finally:
        for name, value in before.items():
            spark.conf.unset(name) if value is None else spark.conf.set(name, value)
    assert found == names


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
