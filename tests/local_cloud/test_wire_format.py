"""The real AWS CLI against the endpoint, as the README shows it."""

from __future__ import annotations

import http.client
import io
import json
import zipfile

import urllib3
from tests.local_cloud.helpers import Cloud, on_demand

from local_cloud.settings import HOST


def test_the_cli_starts_and_follows_a_workflow(cloud: Cloud) -> None:
    job = cloud.job("print('from the workflow')")
    name = cloud.workflow(on_demand(job))
    run_id = cloud.aws("glue", "start-workflow-run", "--name", name)["RunId"]
    cloud.wait_workflow(name, run_id)
    shown = cloud.aws("glue", "get-workflow-run", "--name", name, "--run-id", run_id, "--include-graph")["Run"]
    assert (shown["Status"], shown["Statistics"]["SucceededActions"]) == ("COMPLETED", 1)
    runs = cloud.aws("glue", "get-job-runs", "--job-name", job, "--max-results", "1")["JobRuns"]
    assert runs[0]["JobRunState"] == "SUCCEEDED"
    assert job in cloud.aws("glue", "list-jobs")["JobNames"]


def test_the_cli_tails_the_logs_of_runs(cloud: Cloud) -> None:
    job = cloud.job("import sys\nprint('a line of output')\nprint('a line of errors', file=sys.stderr)")
    run = cloud.run(job)
    lines = cloud.aws("logs", "tail", "/aws-glue/jobs/output", "--log-stream-names", run["Id"])
    assert lines.splitlines()[0].endswith(f"{run['Id']} a line of output")
    prefix = cloud.aws("logs", "tail", "/aws-glue/jobs/output", "--log-stream-name-prefix", run["Id"][:20])
    assert prefix == lines
    errors = cloud.aws("logs", "tail", "/aws-glue/jobs/error", "--since", "1h", "--format", "short")
    assert any(line.endswith(" a line of errors") for line in errors.splitlines())


def test_the_cli_shows_an_error_as_glues(cloud: Cloud) -> None:
    done = cloud.try_aws("glue", "start-job-run", "--job-name", "none")
    assert done.returncode != 0
    assert "(EntityNotFoundException) when calling the StartJobRun operation" in done.stderr


def test_what_is_not_about_runs_is_answered_by_the_emulator(cloud: Cloud) -> None:
    cloud.aws("glue", "create-database", "--database-input", "Name=passed_on")
    assert cloud.client("glue").get_database(Name="passed_on")["Database"]["Name"] == "passed_on"
    assert cloud.glue.get_database(Name="passed_on")["Database"]["Name"] == "passed_on"


def test_a_passed_request_and_its_answer_are_the_same_bytes(cloud: Cloud) -> None:
    body = json.dumps({"DatabaseInput": {"Name": "bytes", "Description": "ü 日本"}}).encode()
    headers = {
        "X-Amz-Target": "AWSGlue.CreateDatabase",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/glue/aws4_request, "
        "SignedHeaders=host, Signature=00",
    }
    pool = urllib3.PoolManager()
    assert pool.request("POST", cloud.settings.glue_endpoint, body=body, headers=headers).status == 200
    headers["X-Amz-Target"] = "AWSGlue.GetDatabase"
    answers = [
        pool.request("POST", url, body=b'{"Name": "bytes"}', headers=headers)
        for url in (cloud.settings.endpoint, cloud.settings.glue_endpoint)
    ]
    assert answers[0].data == answers[1].data
    assert answers[0].headers["Content-Type"] == answers[1].headers["Content-Type"]


def test_a_parameter_of_the_wrong_type_or_missing_is_refused(cloud: Cloud) -> None:
    for body in (b"{}", b'{"JobName": 7}', b"[]", b"no json"):
        connection = http.client.HTTPConnection(HOST, cloud.settings.glue_port)
        connection.request("POST", "/", body, {"X-Amz-Target": "AWSGlue.StartJobRun"})
        answer = connection.getresponse()
        error = json.loads(answer.read())
        assert answer.status == 400
        assert error["__type"] in ("InvalidInputException", "SerializationException")
        connection.close()


def test_a_lambda_function_reaches_the_endpoint(cloud: Cloud) -> None:
    job = cloud.job("print('started by a function')")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "handler.py",
            "import boto3\n"
            "def handle(event, context):\n"
            "    return boto3.client('glue').start_job_run(JobName=event['job'])['JobRunId']\n",
        )
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName="starter",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="handler.handle",
        Code={"ZipFile": archive.getvalue()},
        Timeout=30,
    )
    answer = functions.invoke(FunctionName="starter", Payload=json.dumps({"job": job}))
    run_id = json.loads(answer["Payload"].read())
    assert cloud.wait(job, run_id)["JobRunState"] == "SUCCEEDED"
