"""Trigger, monitor and cleanup together: a check from its request to its report, cut off anywhere, asked for twice."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from pytest_httpserver import HTTPServer

from aws_in_process import WORK_BUCKET, runs_of
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.names import names_of
from glue_health_check.lambdas import cleanup, following, monitor, starting, surroundings, trigger
from glue_health_check.lambdas.state import Keeper
from glue_health_check.models import Report, Status
from lambda_calls import COMMIT, REPOSITORY, Context, from_queue, job_event

ID = "pr42-0a1b2c3d"
ROLE = "arn:aws:iam::123456789012:role/job"
DOCUMENT = {
    "script": "jobs/orders.py",
    "job": {"role": ROLE, "arguments": {"out_bucket": "{bucket.out}"}},
    "buckets": ["out"],
    "tables": {"state": {"hash_key": "id"}},
    "databases": ["db"],
    "inputs": [{"schema": "contracts/orders.yml", "rows": 3, "to": "{input}/orders.csv"}],
    "outputs": [{"path": "s3://{bucket.out}/orders/", "format": "csv", "columns": {"id": "int"}, "rows": 1}],
}
REQUEST = {"action": "check", "id": ID, "check": DOCUMENT}
JOB, OUT = "glue-hc-pr42-orders-0a1b2c3d", "glue-hc-pr42-out-0a1b2c3d"
FILES = {
    "jobs/orders.py": "import sys\n",
    "contracts/orders.yml": "name: orders\ncolumns: [{name: id, type: int}]\n",
    "health-check.yml": json.dumps(DOCUMENT),  # JSON is YAML
}


@pytest.fixture
def cloud(lambda_settings: None, aws: Clients, stays_running: None) -> Clients:
    """The services, with the files of the check in the work bucket, and job runs that end when they are told to."""
    for name, text in FILES.items():
        aws.s3.put_object(
            Bucket=WORK_BUCKET, Key=f"{names_of(ID, 'work').state_prefix}files/{name}", Body=text.encode()
        )
    return aws


def everything(aws: Clients) -> list[str]:
    """What exists, but for reports and the Lambdas' own table."""
    keys = [
        one["Key"]
        for one in aws.s3.list_objects_v2(Bucket=WORK_BUCKET).get("Contents", [])
        if "_reports/" not in one["Key"]
    ]
    buckets = [one["Name"] for one in aws.s3.list_buckets()["Buckets"] if one["Name"] != WORK_BUCKET]
    databases = [one["Name"] for one in aws.glue.get_databases()["DatabaseList"]]
    tables = [name for name in aws.dynamodb.list_tables()["TableNames"] if name != "records"]
    return [
        *(key for key in keys if "_reports/" not in key),
        *buckets,
        *databases,
        *tables,
        *aws.glue.list_jobs()["JobNames"],
    ]


def ask(request: dict[str, Any] = REQUEST) -> dict[str, Any]:
    return trigger.handler(request, Context())


def look() -> dict[str, Any]:
    return monitor.handler({"action": "look", "id": ID}, Context())


def end_run(state: str = "SUCCEEDED", job: str = JOB) -> dict[str, Any]:
    """Let a job's run end; its event."""
    (run,) = runs_of(job)
    run.status, run.advance = state, lambda: None
    return from_queue(job_event(job, run.job_run_id, state))


def write(aws: Clients, text: str = "id\n1\n") -> None:
    aws.s3.put_object(Bucket=OUT, Key="orders/part-0.csv", Body=text.encode())


def report() -> Report | None:
    return Keeper(surroundings.aws(), names_of(ID, WORK_BUCKET)).report()


def statuses(found: Report | None) -> dict[str, str]:
    assert found is not None
    return {check.name: check.status.value for check in found.checks}


def test_a_check_goes_from_its_request_by_glue_s_event_to_its_report_and_nothing_is_left(cloud: Clients) -> None:
    answer = ask()
    assert (answer["state"], answer["job"]) == ("running", JOB)
    write(cloud)
    assert monitor.handler(end_run(), Context()) == {"batchItemFailures": []}
    found = report()
    assert found is not None and (found.verdict, found.pull_request, found.script) == ("passed", 42, "jobs/orders.py")
    assert set(statuses(found)) >= {"syntax", "run", "writes", "schema", "rows", "rules", "cleanup"}
    assert everything(cloud) == []
    keys = [one["Key"] for one in cloud.s3.list_objects_v2(Bucket=WORK_BUCKET)["Contents"]]
    assert keys == [f"glue-health-checks/_reports/{ID}/report.{form}" for form in ("json", "md", "xml")]


def test_a_second_request_and_a_second_event_change_nothing(cloud: Clients) -> None:
    assert ask() == ask()
    assert len(runs_of(JOB)) == 1
    write(cloud)
    event = end_run()
    monitor.handler(event, Context())
    first = report()
    assert monitor.handler(event, Context()) == {"batchItemFailures": []}
    assert (report(), look()["exit_code"]) == (first, 0)


def test_a_wrong_output_fails_the_check_with_its_reason(cloud: Clients) -> None:
    ask()
    write(cloud, "order\nO1\n")
    monitor.handler(end_run(), Context())
    found = report()
    assert found is not None and found.exit_code == 1
    assert "the column id is missing" in str(found.checks)


def test_a_failed_static_check_starts_nothing(cloud: Clients) -> None:
    key = f"{names_of(ID, 'work').state_prefix}files/jobs/orders.py"
    cloud.s3.put_object(Bucket=WORK_BUCKET, Key=key, Body=b"import nowhere\n")
    assert (ask()["state"], ask()["exit_code"]) == ("reported", 1)
    assert everything(cloud) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "42"}, "the request is wrong at id: '42' does not match"),
        ({"action": "look"}, "the request is wrong at the top"),
        ({"check": {**DOCUMENT, "rows": 1}}, "the request's check is wrong at the top: Additional properties"),
        ({"check": {"buckets": []}}, "the request's check has no script"),
        ({"check": {**DOCUMENT, "script": "jobs/none.py"}}, "jobs/none.py, which is not there"),
        ({"check": {**DOCUMENT, "outputs": [{"path": "{bucket.nowhere}/"}]}}, "{bucket.nowhere}"),
        ({"source": {}}, "the request is wrong at"),
    ],
    ids=["id", "action", "field", "script", "file", "placeholder", "source"],
)
def test_a_wrong_request_is_refused_and_leaves_nothing(change: dict[str, Any], said: str, cloud: Clients) -> None:
    answer = ask({**REQUEST, **change})
    assert (answer["state"], answer["exit_code"]) == ("refused", 2)
    assert said in answer["error"]
    assert [name for name in everything(cloud) if "/files/" not in name] == []


def test_glue_s_events_about_other_jobs_are_passed_over(cloud: Clients) -> None:
    assert monitor.handler(from_queue(job_event("orders-prod", "jr_1", "FAILED")), Context()) == {
        "batchItemFailures": []
    }


def test_an_event_that_comes_before_glue_itself_knows_comes_back(cloud: Clients) -> None:
    ask()
    (run,) = runs_of(JOB)
    early = from_queue(job_event(JOB, run.job_run_id, "SUCCEEDED"), job_event("orders-prod", "jr_1", "FAILED"))
    (failure,) = monitor.handler(early, Context())["batchItemFailures"]
    assert failure["itemIdentifier"] == early["Records"][0]["messageId"]


def test_jobs_run_one_after_the_other_and_the_first_failure_ends_it(cloud: Clients) -> None:
    before = {"script": "jobs/orders.py", "job": {"role": ROLE}}
    ask({**REQUEST, "check": {**DOCUMENT, "before": [before, before]}})
    assert [len(runs_of(job)) for job in (f"{JOB}-b1", f"{JOB}-b2", JOB)] == [1, 0, 0]
    monitor.handler(end_run(job=f"{JOB}-b1"), Context())
    assert [len(runs_of(job)) for job in (f"{JOB}-b1", f"{JOB}-b2", JOB)] == [1, 1, 0]
    monitor.handler(end_run("FAILED", f"{JOB}-b2"), Context())
    found = report()
    assert found is not None and found.exit_code == 1
    assert statuses(found)["schema"] == Status.SKIPPED.value


def test_a_run_whose_time_is_over_is_stopped_and_told_as_a_timeout(
    cloud: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask({**REQUEST, "check": {**DOCUMENT, "timeout_minutes": 0.0001}})
    while look()["state"] == "running":
        pass
    found = report()
    assert found is not None and found.exit_code == 1
    assert "did not end within 0.0001 minutes" in str(found.checks)


class CutOffError(BaseException):
    """A Lambda's process that is gone: no handler of errors sees it."""


def cut_off(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Callable[[], None]:
    """Let a step end the process that comes to it; gives what takes that back."""
    right = getattr(module, name)

    def gone(*arguments: object, **options: object) -> None:
        raise CutOffError

    monkeypatch.setattr(module, name, gone)
    return lambda: monkeypatch.setattr(module, name, right)


@pytest.mark.parametrize(
    ("module", "step"),
    [(starting, "put_manifest"), (starting, "make"), (starting, "snapshot"), (Keeper, "put_state")],
    ids=["before-anything", "manifest", "made", "looked"],
)
def test_a_trigger_that_was_cut_off_is_gone_on_with(
    module: Any, step: str, cloud: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired = cut_off(monkeypatch, module, step)
    with pytest.raises(CutOffError):
        trigger.handler(REQUEST, Context(remaining=0))
    repaired()
    assert ask()["state"] == "running"
    write(cloud)
    monitor.handler(end_run(), Context())
    assert statuses(report())["rows"] == "passed"


@pytest.mark.parametrize(
    ("module", "step"),
    [(following, "output_results"), (Keeper, "put_draft"), (following, "clean"), (Keeper, "put_report")],
    ids=["checking", "checked", "removing", "removed"],
)
def test_a_monitor_that_was_cut_off_comes_to_the_same_report(
    module: Any, step: str, cloud: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    write(cloud)
    event = end_run()
    repaired = cut_off(monkeypatch, module, step)
    with pytest.raises(CutOffError):
        monitor.handler(event, Context(remaining=0))
    repaired()
    assert monitor.handler(event, Context()) == {"batchItemFailures": []}
    found = report()
    assert found is not None and (found.verdict, statuses(found)["rows"]) == ("passed", "passed")
    assert everything(cloud) == []


def test_what_was_cut_off_for_good_is_swept_and_whoever_waits_gets_a_report(cloud: Clients) -> None:
    ask()
    early = cleanup.handler({"action": "sweep"}, Context())
    assert early == {"removed": [], "left": []}
    later = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
    done = cleanup.handler({"action": "sweep", "at": later}, Context())
    assert f"job {JOB}" in done["removed"] and done["left"] == []
    assert everything(cloud) == []
    found = report()
    assert found is not None and found.exit_code == 3
    assert "the check was cut off" in str(found.checks)


def test_cleanup_removes_one_check_and_is_safe_to_call_again(cloud: Clients) -> None:
    ask()
    first, second = (cleanup.handler({"action": "cleanup", "id": ID}, Context()) for _ in range(2))
    assert f"job {JOB}" in first["removed"]
    assert second == {"removed": [], "left": []}
    assert everything(cloud) == []
    assert look()["state"] == "unknown"


@pytest.fixture
def github(cloud: Clients, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> HTTPServer:
    """GitHub's API, with the commit of the pull request."""
    monkeypatch.setenv("GITHUB_API_URL", httpserver.url_for("/"))
    monkeypatch.setenv("GITHUB_TOKEN_SECRET", "token")
    boto3.client("secretsmanager").create_secret(Name="token", SecretString="t0ken")
    headers = {"Authorization": "Bearer t0ken"}
    httpserver.expect_request(f"/repos/{REPOSITORY}/statuses/{COMMIT}", "POST", headers=headers).respond_with_json({})
    return httpserver


def tarball(files: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"octo-org-jobs-ec26c3e/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return sink.getvalue()


def has(github: HTTPServer, files: dict[str, str]) -> None:
    github.expect_request(f"/repos/{REPOSITORY}/tarball/{COMMIT}").respond_with_data(tarball(files))


def told(github: HTTPServer) -> list[tuple[str, str]]:
    bodies = [request.json for request, _ in github.log if request.method == "POST"]
    return [(body["state"], body["description"]) for body in bodies]


SOURCE = {"repository": REPOSITORY, "commit": COMMIT, "check_file": "health-check.yml"}
FROM_GITHUB = {"action": "check", "id": ID, "source": SOURCE}


def test_a_commit_of_github_is_checked_and_gets_its_status(github: HTTPServer, cloud: Clients) -> None:
    has(github, FILES)
    assert trigger.handler(from_queue(FROM_GITHUB), Context()) == {"batchItemFailures": []}
    write(cloud)
    monitor.handler(end_run(), Context())
    pending, success = told(github)
    assert pending[0] == "pending"
    assert success[0] == "success" and success[1].startswith("jobs/orders.py: ")
    assert everything(cloud) == []


def test_a_commit_without_its_check_file_gets_a_report_and_a_status_that_say_so(
    github: HTTPServer, cloud: Clients
) -> None:
    has(github, {"README.md": ""})
    assert trigger.handler(from_queue(FROM_GITHUB), Context()) == {"batchItemFailures": []}
    assert "health-check.yml can't be read" in str(report())
    assert told(github)[-1][0] == "error"


def test_a_file_that_leads_out_of_its_folder_is_not_unpacked(
    github: HTTPServer, cloud: Clients, tmp_path: Path
) -> None:
    has(github, {**FILES, "../../escaped.txt": "x"})
    with pytest.raises(tarfile.OutsideDestinationError):
        starting_unpack(tmp_path)


def starting_unpack(folder: Path) -> None:
    from glue_health_check.lambdas.telling import github as api

    api().unpack(REPOSITORY, COMMIT, folder)


def test_a_github_that_fails_is_asked_again_and_then_told_as_infrastructure(github: HTTPServer, cloud: Clients) -> None:
    github.expect_request(f"/repos/{REPOSITORY}/tarball/{COMMIT}").respond_with_data("", 502)
    assert len(trigger.handler(from_queue(FROM_GITHUB, FROM_GITHUB), Context())["batchItemFailures"]) == 2
    assert trigger.handler(from_queue(FROM_GITHUB, received=2), Context()) == {"batchItemFailures": []}
    found = report()
    assert found is not None and found.exit_code == 3
    assert "can't be read from GitHub" in str(found.checks)
