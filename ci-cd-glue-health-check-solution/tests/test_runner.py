"""Whole checks against an AWS in this process: what is made, checked, and removed."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aws_in_process import runs_of
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.manifest import Manifest, put_manifest, read_manifests
from glue_health_check.cloud.names import moment_text
from glue_health_check.cloud.sweep import sweep
from glue_health_check.errors import MisuseError
from glue_health_check.models import Report, Status
from glue_health_check.runner import Options, run_check
from glue_health_check.settings import Check, InputSpec, JobSpec, OutputSpec, TableSpec

ROLE = "arn:aws:iam::123456789012:role/job"


@pytest.fixture
def check(script: Path, tmp_path: Path) -> Check:
    contract = tmp_path / "orders.yml"
    contract.write_text("name: orders\ncolumns: [{name: id, type: int}]\n", encoding="utf-8")
    return Check(
        JobSpec(script, role=ROLE, arguments={"--input": "{input}/", "--out_bucket": "{bucket.out}"}),
        buckets=("out",),
        tables={"state": TableSpec(hash_key="entity", range_key="id")},
        databases=("db",),
        inputs=(InputSpec("{input}/orders.csv", contract, rows=3),),
        outputs=(OutputSpec("s3://{bucket.out}/orders/", columns={"id": "int"}),),
    )


def everything(aws: Clients) -> list[str]:
    """What exists in the account."""
    keys = [one["Key"] for one in aws.s3.list_objects_v2(Bucket="scratch").get("Contents", [])]
    buckets = [bucket["Name"] for bucket in aws.s3.list_buckets()["Buckets"]]
    databases = [database["Name"] for database in aws.glue.get_databases()["DatabaseList"]]
    return sorted(
        [*keys, *buckets, *databases, *aws.glue.list_jobs()["JobNames"], *aws.dynamodb.list_tables()["TableNames"]]
    )


class Job:
    """Does what the job's script would do, at the moment when its run is under way."""

    def __init__(self, aws: Clients, act: Callable[[str], None] | None = None) -> None:
        self.aws, self.act, self.lines = aws, act, list[str]()
        self.seen: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        if line.endswith("started"):
            self.seen = everything(self.aws)
            if self.act is not None:
                self.act(line.split(":")[0])


def out_bucket(job: str) -> str:
    return f"glue-hc-pr42-out-{job.rpartition('-')[2]}"


def writes_orders(aws: Clients, kind: pa.DataType = pa.int32()) -> Callable[[str], None]:  # noqa: B008 - it is a constant
    def act(job: str) -> None:
        sink = io.BytesIO()
        pq.write_table(pa.table({"id": pa.array([1, 2], pa.int64()).cast(kind)}), sink)
        aws.s3.put_object(Bucket=out_bucket(job), Key="orders/a.parquet", Body=sink.getvalue())

    return act


def run(aws: Clients, check: Check, job: Job) -> Report:
    return run_check(check, Options(42, "scratch", 0.01, progress=job), aws)


def status(report: Report, name: str) -> Status:
    (found,) = [result.status for result in report.checks if result.name == name]
    return found


def test_a_good_job_passes_and_nothing_is_left(aws: Clients, check: Check) -> None:
    before = everything(aws)
    job = Job(aws, writes_orders(aws))
    report = run(aws, check, job)
    assert report.exit_code == 0, report.checks
    assert everything(aws) == before
    suffix = report.id.partition("-")[2]
    made = [
        f"glue-hc-pr42-orders-{suffix}", f"glue-hc-pr42-out-{suffix}", f"glue-hc-pr42-state-{suffix}",
        f"glue_hc_pr42_db_{suffix}", f"glue-health-checks/_manifests/pr42-{suffix}.json",
        f"glue-health-checks/pr42-{suffix}/input/orders.csv",
        f"glue-health-checks/pr42-{suffix}/script/glue-hc-pr42-orders-{suffix}/orders.py",
    ]  # fmt: skip
    assert sorted(set(job.seen) - set(before)) == sorted(made)
    assert status(report, "cleanup") is Status.PASSED


def test_the_temporary_job_is_told_that_it_is_checked_and_tagged(aws: Clients, check: Check) -> None:
    found: dict[str, object] = {}

    def look(name: str) -> None:
        found.update(aws.glue.get_job(JobName=name)["Job"])
        arn = f"arn:aws:glue:us-east-1:123456789012:job/{name}"
        found["Tags"] = aws.glue.get_tags(ResourceArn=arn)["Tags"]

    report = run(aws, check, Job(aws, look))
    arguments, tags = found["DefaultArguments"], found["Tags"]
    assert isinstance(arguments, dict)
    assert isinstance(tags, dict)
    assert arguments["--health_check"] == "true"
    assert arguments["--input"] == f"s3://scratch/glue-health-checks/{report.id}/input/"
    assert arguments["--job-bookmark-option"] == "job-bookmark-disable"
    assert tags["glue-health-check:id"] == report.id
    assert "glue-health-check:expires-at" in tags
    assert found["MaxRetries"] == 0


def test_a_base_job_is_cloned_with_its_places_replaced(aws: Clients, check: Check) -> None:
    aws.glue.create_job(
        Name="prod", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://p/x.py"}, GlueVersion="5.0",
        DefaultArguments={"--data": "s3://prod-data/x", "--conf": "a=1", "--gone": "x"},
        NumberOfWorkers=10, WorkerType="G.2X",
    )  # fmt: skip
    found: dict[str, object] = {}
    spec = replace(check.job, base="prod", role="", replace={"prod-data": "{bucket.out}"}, drop_arguments=("gone",))
    run(aws, replace(check, job=spec), Job(aws, lambda name: found.update(aws.glue.get_job(JobName=name)["Job"])))
    arguments = found["DefaultArguments"]
    assert isinstance(arguments, dict)
    assert arguments["--data"] == f"s3://{out_bucket(str(found['Name']))}/x"
    assert arguments["--conf"] == "a=1"
    assert "--gone" not in arguments
    assert (found["GlueVersion"], found["WorkerType"], found["NumberOfWorkers"]) == ("5.0", "G.2X", 2)


def test_a_wrong_schema_fails_with_a_readable_reason(aws: Clients, check: Check) -> None:
    report = run(aws, check, Job(aws, writes_orders(aws, pa.string())))
    assert report.exit_code == 1
    (finding,) = next(result.findings for result in report.checks if result.name == "schema")
    assert finding.message == "the column id is string, not int"


def test_an_exception_of_the_job_fails_with_its_last_error(aws: Clients, check: Check) -> None:
    before = everything(aws)

    def fail(name: str) -> None:
        (job_run,) = runs_of(name)
        job_run.status = "FAILED"
        job_run.advance = lambda: None
        for group in ("/aws-glue/jobs/output", "/aws-glue/jobs/error"):
            aws.logs.create_log_group(logGroupName=group)
            aws.logs.create_log_stream(logGroupName=group, logStreamName=job_run.job_run_id)
        lines = [
            "Traceback (most recent call last):",
            '  File "/tmp/orders.py", line 7, in <module>',
            "ValueError: no such day",
        ]
        now = int(datetime.now(timezone.utc).timestamp() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        aws.logs.put_log_events(logGroupName=group, logStreamName=job_run.job_run_id, logEvents=events)

    report = run(aws, check, Job(aws, fail))
    assert report.exit_code == 1
    (finding,) = next(result.findings for result in report.checks if result.name == "run")
    assert finding.message == "the job ended as FAILED: ValueError: no such day"
    assert finding.line == 7
    assert status(report, "schema") is Status.SKIPPED
    assert everything(aws) == before


@pytest.mark.usefixtures("stays_running")
def test_a_job_that_hangs_is_stopped_at_its_time_limit(aws: Clients, check: Check) -> None:
    before = everything(aws)
    report = run(aws, replace(check, timeout_minutes=0.01), Job(aws))
    assert report.exit_code == 1
    (finding,) = next(result.findings for result in report.checks if result.name == "run")
    assert finding.message == "the job did not end within 0.01 minutes and was stopped; it logged nothing"
    assert everything(aws) == before


def test_a_write_outside_its_places_fails(aws: Clients, check: Check) -> None:
    aws.s3.create_bucket(Bucket="prod")

    def act(name: str) -> None:
        writes_orders(aws)(name)
        aws.s3.put_object(Bucket="prod", Key="orders/x.parquet", Body=b"x")

    report = run(aws, replace(check, guard=("prod",)), Job(aws, act))
    assert report.exit_code == 1
    (finding,) = next(result.findings for result in report.checks if result.name == "writes")
    assert "s3://prod/orders/x.parquet" in finding.message


def test_buckets_that_the_arguments_name_are_guarded_unasked(aws: Clients, check: Check) -> None:
    aws.s3.create_bucket(Bucket="prod")
    spec = replace(check.job, arguments={**check.job.arguments, "--data_bucket": "prod"})
    report = run(aws, replace(check, job=spec), Job(aws, lambda _: aws.s3.put_object(Bucket="prod", Key="x", Body=b"")))
    assert status(report, "writes") is Status.FAILED


def test_a_failed_static_check_starts_nothing(aws: Clients, check: Check) -> None:
    check.job.script.write_text("import no_such_module\n", encoding="utf-8")
    job = Job(aws)
    report = run(aws, check, job)
    assert (report.exit_code, report.id) == (1, "")
    assert not any("started" in line for line in job.lines)


def test_a_refusal_of_aws_is_an_infrastructure_error_and_nothing_is_left(aws: Clients, check: Check) -> None:
    before = everything(aws)
    # The table's keys are to be like those of a table that is not there.
    report = run(aws, replace(check, tables={"state": TableSpec(like="no-such-table")}), Job(aws))
    assert report.exit_code == 3
    assert "no-such-table" in str(report.checks)
    assert everything(aws) == before


def test_a_placeholder_that_stands_for_nothing_is_misuse_before_anything_is_made(aws: Clients, check: Check) -> None:
    before = everything(aws)
    with pytest.raises(MisuseError, match=r"\{bucket\.nope\}"):
        run(aws, replace(check, outputs=(OutputSpec("s3://{bucket.nope}/"),)), Job(aws))
    assert everything(aws) == before


@pytest.mark.usefixtures("stays_running")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_cancelled_check_removes_everything(aws: Clients, check: Check, number: signal.Signals) -> None:
    before = everything(aws)
    report = run(aws, check, Job(aws, lambda _: os.kill(os.getpid(), number)))
    assert report.exit_code == 3
    assert f"cancelled by {number.name}" in str(report.checks)
    assert everything(aws) == before


@pytest.mark.usefixtures("stays_running")
def test_signals_during_the_removal_do_not_stop_it(aws: Clients, check: Check) -> None:
    before = everything(aws)
    job = Job(aws)

    def progress(line: str) -> None:
        job(line)
        if line.endswith("started") or line.startswith("removing"):
            os.kill(os.getpid(), signal.SIGTERM)

    report = run_check(check, Options(42, "scratch", 0.01, progress=progress), aws)
    assert report.exit_code == 3
    assert everything(aws) == before


def test_jobs_before_the_checked_one_run_first_in_the_same_places(aws: Clients, check: Check, tmp_path: Path) -> None:
    first = tmp_path / "first.py"
    first.write_text("x = 1\n", encoding="utf-8")
    order: list[str] = []
    job = Job(
        aws, lambda name: (order.append(name), writes_orders(aws)(name) if name.endswith("-b1") is False else None)[0]
    )
    report = run(aws, replace(check, before=(JobSpec(first, role=ROLE),)), job)
    assert report.exit_code == 0, report.checks
    assert [name.split("-")[3] for name in order] == ["first", "orders"]


class Killed(BaseException):
    """Ends a check as SIGKILL would: nothing is removed."""


@pytest.fixture
def crashed(aws: Clients, check: Check, monkeypatch: pytest.MonkeyPatch) -> str:
    """A check that was killed while its job ran; its suffix."""
    monkeypatch.setattr("glue_health_check.runner.clean", _killed)
    with pytest.raises(Killed):
        run(aws, check, Job(aws))
    (name,) = aws.glue.list_jobs()["JobNames"]
    return str(name).rpartition("-")[2]


def _killed(*_: object) -> None:
    raise Killed


def later(hours: float) -> datetime:
    return datetime.now(timezone.utc) + timedelta(hours=hours)


def test_the_sweeper_removes_what_a_killed_check_left_after_its_ttl(aws: Clients, crashed: str) -> None:
    assert any(crashed in name for name in everything(aws))
    done = sweep(aws, "scratch", later(3), timedelta(hours=2), 0.01)
    assert done.left == []
    assert everything(aws) == ["scratch"]


def test_the_sweeper_leaves_checks_that_are_under_way(aws: Clients, crashed: str) -> None:
    before = everything(aws)
    assert sweep(aws, "scratch", later(1), timedelta(0), 0.01).removed == []
    assert everything(aws) == before


def test_the_sweeper_finds_things_by_their_tags_when_the_manifest_is_lost(aws: Clients, crashed: str) -> None:
    ((key, _),) = read_manifests(aws, "scratch")
    aws.s3.delete_object(Bucket="scratch", Key=key)
    assert sweep(aws, "scratch", later(1), timedelta(hours=2), 0.01).removed == []
    sweep(aws, "scratch", later(3), timedelta(hours=2), 0.01)
    assert everything(aws) == ["scratch"]


def test_the_sweeper_removes_nothing_that_has_another_name_whatever_a_manifest_says(aws: Clients) -> None:
    aws.s3.create_bucket(Bucket="prod")
    aws.s3.put_object(Bucket="prod", Key="x", Body=b"")
    aws.s3.put_object(Bucket="scratch", Key="other/x", Body=b"")
    past = moment_text(later(-1))
    put_manifest(aws, Manifest("pr1-x", 1, "s", past, past, "scratch", "other/", buckets=("prod",), jobs=("prod-job",)))
    done = sweep(aws, "scratch", later(0), timedelta(hours=2), 0.01)
    assert len(done.left) == 3
    assert {"prod", "other/x"} <= set(everything(aws))


def test_the_sweeper_tells_of_manifests_that_it_cannot_read(aws: Clients) -> None:
    aws.s3.put_object(Bucket="scratch", Key="glue-health-checks/_manifests/x.json", Body=json.dumps([1]).encode())
    assert "is no manifest" in sweep(aws, "scratch", later(9), timedelta(0), 0.01).left[0]


def test_sweeping_an_account_with_nothing_to_sweep_does_nothing(aws: Clients) -> None:
    assert sweep(aws, "scratch", later(9), timedelta(0), 0.01).removed == []
