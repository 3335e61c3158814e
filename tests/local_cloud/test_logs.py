"""A run's output in CloudWatch Logs."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed
from tests.local_cloud.helpers import Cloud, open_gate, waiting_script

GROUP = "/aws-glue/jobs/output"


def messages(cloud: Cloud, stream: str) -> list[str]:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        answer = cloud.client("logs").get_log_events(
            logGroupName=GROUP, logStreamName=stream, startFromHead=True, **token
        )
        if not answer["events"]:
            return found
        found += [event["message"] for event in answer["events"]]
        token = {"nextToken": answer["nextForwardToken"]}


def test_output_is_sent_while_the_job_runs(cloud: Cloud, gate: Path) -> None:
    job = cloud.job(waiting_script(gate, also="print('at the gate')"))
    run_id = cloud.start(job)
    # Until the first line is sent there is no stream; CloudWatch Logs can only be asked again.
    waiting = Retrying(
        retry=retry_if_result(lambda found: not found) | retry_if_exception_type(ClientError),
        wait=wait_fixed(0.1),
        stop=stop_after_delay(20),
    )
    waiting(messages, cloud, run_id)
    assert cloud.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]["JobRunState"] == "RUNNING"
    open_gate(gate)
    cloud.wait(job, run_id)
    assert messages(cloud, run_id) == ["at the gate"]


def test_more_lines_than_one_batch_takes_all_arrive_in_order(cloud: Cloud) -> None:
    run = cloud.run(cloud.job("for n in range(12_000): print(n)"))
    assert messages(cloud, run["Id"]) == [str(number) for number in range(12_000)]
    tailed = cloud.aws("logs", "tail", GROUP, "--log-stream-names", run["Id"], "--format", "short")
    assert [line.split()[1] for line in tailed.splitlines()] == [str(number) for number in range(12_000)]


def test_very_long_lines_and_other_bytes_arrive(cloud: Cloud) -> None:
    run = cloud.run(
        cloud.job("import sys\nprint('x' * 1_500_000)\nprint()\nsys.stdout.buffer.write(b'\\xff\\xfe bytes\\n')")
    )
    found = messages(cloud, run["Id"])
    assert "".join(found[:-1]) == "x" * 1_500_000
    assert found[-1] == "\ufffd\ufffd bytes"


def test_the_cli_reaches_the_queues_of_the_local_cloud(cloud: Cloud) -> None:
    cloud.client("sqs").create_queue(QueueName="seen-by-the-cli")
    assert "seen-by-the-cli" in str(cloud.aws("sqs", "list-queues"))
