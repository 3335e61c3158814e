"""Starting, stopping, crashing and resetting, each in a state folder of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.local_cloud.helpers import Cloud, conditional, on_demand, waiting_script

from local_cloud import cloud as control
from local_cloud.processes import is_alive, running_process
from local_cloud.settings import HOST, LocalCloudError, Settings, to_environment
from local_cloud.testing import settings_for_tests


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = settings_for_tests(tmp_path / "a state folder", fast_start=False)
    yield settings
    control.stop(settings)


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    """``python -m local_cloud``, as the shell script runs it."""
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", *words],
        env={**os.environ, **to_environment(settings), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, port))
        other.listen()
        yield


def test_all_state_survives_stop_and_start(settings: Settings) -> None:
    control.start(settings)
    before = Cloud(settings)
    raw, curated = before.bucket("raw"), before.bucket("curated")
    before.put(raw, "a b.csv", "content")
    dynamodb, sqs = before.client("dynamodb"), before.client("sqs")
    dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="table", Item={"k": {"S": "1"}})
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="waits")
    job = before.job(
        "print('ok')",
        ExecutionProperty={"MaxConcurrentRuns": 4},
        arguments={"--raw_bucket": raw, "--curated_bucket": curated},
    )
    name = before.workflow(on_demand(job))
    run = before.run_workflow(name)
    created = {bucket["Name"]: bucket["CreationDate"] for bucket in before.s3.list_buckets()["Buckets"]}

    assert control.stop(settings) == ["Glue endpoint", "emulator"]
    assert control.stop(settings) == []
    assert control.start(settings) == ["emulator", "Glue endpoint"]

    after = Cloud(settings)
    assert after.s3.get_object(Bucket=raw, Key="a b.csv")["Body"].read() == b"content"
    assert after.client("dynamodb").scan(TableName="table")["Items"] == [{"k": {"S": "1"}}]
    assert after.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "waits"
    assert after.glue.get_job(JobName=job)["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 4}
    assert after.glue.get_workflow(Name=name)["Workflow"]["LastRun"]["WorkflowRunId"] == run["WorkflowRunId"]
    assert [one["JobRunState"] for one in after.runs(job)] == ["SUCCEEDED"]
    assert "[local cloud]" not in after.log(after.run(job), "stderr.log")
    kept = {bucket["Name"]: bucket["CreationDate"] for bucket in after.s3.list_buckets()["Buckets"]}
    assert created.items() <= kept.items()


def test_where_iam_is_enforced_clients_that_stay_do_not_hold_up_the_end(settings: Settings) -> None:
    settings = dataclasses.replace(settings, enforce_iam=True)
    control.start(settings)
    client = Cloud(settings).client("sqs")
    url = client.create_queue(QueueName="kept")["QueueUrl"]
    began = time.monotonic()
    assert control.stop(settings) == ["Glue endpoint", "emulator"]
    assert time.monotonic() - began < 20  # TLS alone would wait for 30
    control.start(settings)
    assert client.get_queue_url(QueueName="kept")["QueueUrl"] == url


def test_start_is_idempotent_and_status_shows_what_runs(settings: Settings) -> None:
    first = command(settings, "start")
    assert first.returncode == 0, first.stderr
    assert "Started: emulator, Glue endpoint." in first.stdout
    pids = [running_process(one(settings)).pid for one in (control.emulator, control.glue_endpoint)]  # type: ignore[union-attr]
    assert "runs already" in command(settings, "start").stdout
    assert pids == [running_process(one(settings)).pid for one in (control.emulator, control.glue_endpoint)]  # type: ignore[union-attr]

    cloud = Cloud(settings)
    cloud.client("sqs").create_queue(QueueName="a-queue")
    job = cloud.job("raise ValueError('no')")
    run = cloud.run(job)
    status = command(settings, "status")
    assert status.returncode == 0
    for text in (settings.endpoint, settings.glue_endpoint, str(pids[0]), job, "FAILED", "a-queue"):
        assert text in status.stdout
    assert "ValueError: no" in command(settings, "logs", run["Id"]).stdout
    assert run["Id"][:15] in status.stdout
    assert "ValueError: no" in command(settings, "logs", run["Id"][:15]).stdout
    assert "ValueError: no" in command(settings, "logs", job).stdout
    assert "listens on" in command(settings, "logs", "glue", "-n", "5").stdout
    unknown = command(settings, "logs", "nothing")
    assert (unknown.returncode, "named 'nothing'" in unknown.stderr) == (1, True)
    command(settings, "stop")
    assert command(settings, "status").returncode == 1


@pytest.mark.parametrize(("field", "variable"), [("port", "LOCAL_CLOUD_PORT"), ("glue_port", "LOCAL_CLOUD_GLUE_PORT")])
def test_a_port_in_use_is_named_with_the_variable_that_changes_it(
    settings: Settings, field: str, variable: str
) -> None:
    port = getattr(settings, field)
    with listening(port):
        failed = command(settings, "start")
    assert failed.returncode == 1
    assert f"port {port} on {HOST} is in use" in failed.stderr
    assert f"{variable}=" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_running_cloud_is_not_started_again_on_another_port(settings: Settings) -> None:
    control.start(settings)
    other = dataclasses.replace(settings, port=settings.port + 1)
    with pytest.raises(LocalCloudError, match=f"LOCAL_CLOUD_PORT={settings.port}"):
        control.start(other)


def test_a_stale_pid_file_is_no_running_process(settings: Settings) -> None:
    pid_file = control.emulator(settings).pid_file
    pid_file.parent.mkdir(parents=True)
    # This test's own process id, with another start time: an id that was used again.
    pid_file.write_text(json.dumps({"pid": os.getpid(), "create_time": 1.0, "port": settings.port}))
    assert control.stop(settings) == []
    assert not pid_file.exists()
    pid_file.write_text("not json")
    assert control.start(settings) == ["emulator", "Glue endpoint"]


def test_a_run_is_failed_and_its_processes_ended_when_the_endpoint_was_killed(
    settings: Settings, gate: Path, tmp_path: Path
) -> None:
    control.start(settings)
    cloud = Cloud(settings)
    mark = tmp_path / "pid"
    also = f"import os\nopen({str(mark)!r}, 'w').write(str(os.getpid()))"
    job, after = cloud.job(waiting_script(gate, also)), cloud.job("print('ok')")
    name = cloud.workflow(on_demand(job), conditional("ANY", [(job, "FAILED")], after))
    run_id = cloud.glue.start_workflow_run(Name=name)["RunId"]
    with gate.open("w"):  # blocks until the job is at the gate
        endpoint = running_process(control.glue_endpoint(settings))
        assert endpoint is not None
        endpoint.send_signal(signal.SIGKILL)
        endpoint.wait(10)
        process = psutil.Process(int(mark.read_text()))
        assert is_alive(process)
        assert control.start(settings) == ["Glue endpoint"]
        assert not is_alive(process)
    run = cloud.runs(job)[0]
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "the local cloud ended during this run without being stopped"
    assert cloud.glue.get_workflow_run(Name=name, RunId=run_id)["Run"]["Status"] == "ERROR"
    assert cloud.runs(after) == []
    assert cloud.run(after)["JobRunState"] == "SUCCEEDED"


def test_stop_ends_a_run_under_way_and_says_why(settings: Settings, gate: Path) -> None:
    control.start(settings)
    cloud = Cloud(settings)
    job = cloud.job(waiting_script(gate), MaxRetries=3)
    cloud.start(job)
    with gate.open("w"):
        control.stop(settings)
    control.start(settings)
    (run,) = cloud.runs(job)
    assert (run["JobRunState"], run["ErrorMessage"]) == (
        "FAILED",
        "the local cloud was stopped during this run",
    )


def test_reset_removes_everything_also_running_jobs(settings: Settings, gate: Path, tmp_path: Path) -> None:
    control.start(settings)
    cloud = Cloud(settings)
    mark = tmp_path / "pid"
    job = cloud.job(waiting_script(gate, f"import os\nopen({str(mark)!r}, 'w').write(str(os.getpid()))"))
    cloud.start(job)
    with gate.open("w"):
        assert command(settings, "reset", "--yes").returncode == 0
        process = int(mark.read_text())
    assert not psutil.pid_exists(process) or not is_alive(psutil.Process(process))
    assert not settings.home.exists()
    control.start(settings)
    assert Cloud(settings).glue.get_jobs()["Jobs"] == []


def test_reset_leaves_what_is_not_its_own(settings: Settings) -> None:
    control.start(settings)
    (settings.home / "my file").write_text("mine")
    control.reset(settings)
    assert [path.name for path in settings.home.iterdir()] == ["my file"]


def test_two_starts_at_once_start_one_cloud(settings: Settings) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-m", "local_cloud", "start"],
            env={**os.environ, **to_environment(settings)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [one.communicate()[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted("Started:" in answer for answer in answers) == [False, True]


def test_the_script_says_what_to_do_when_there_is_no_environment(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "scripts" / "local_cloud.sh"
    (tmp_path / "scripts").mkdir()
    copy = shutil.copy(script, tmp_path / "scripts")
    done = subprocess.run([copy, "start"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Run ./scripts/deploy.sh local" in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "scripts"]
    unknown = subprocess.run([script, "begin"], capture_output=True, text=True)
    assert (unknown.returncode, "Usage:" in unknown.stderr) == (2, True)


def test_an_emulator_that_was_killed_is_told_at_the_next_start(settings: Settings) -> None:
    control.start(settings)
    emulator = running_process(control.emulator(settings))
    assert emulator is not None
    emulator.send_signal(signal.SIGKILL)
    emulator.wait(10)
    again = command(settings, "start")
    assert (again.returncode, "was not stopped properly" in again.stdout) == (0, True)


def test_both_servers_listen_on_loopback_only(settings: Settings) -> None:
    control.start(settings)
    for service in (control.emulator(settings), control.glue_endpoint(settings)):
        process = running_process(service)
        assert process is not None
        listening_on = {c.laddr for c in process.net_connections() if c.status == psutil.CONN_LISTEN}
        assert {address.ip for address in listening_on} == {HOST}
        assert {address.port for address in listening_on} == {service.port}
