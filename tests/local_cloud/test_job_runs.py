"""Job runs, by boto3 over the wire."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.local_cloud.helpers import Cloud, open_gate, waiting_script

PRINT_ARGUMENTS = """
import json, sys
print(json.dumps(sys.argv[1:]))
"""


def test_a_run_that_ends_well_has_succeeded(cloud: Cloud) -> None:
    run = cloud.run(cloud.job("print('hello')"))
    assert run["JobRunState"] == "SUCCEEDED"
    assert re.fullmatch(r"jr_[0-9a-f]{64}", run["Id"])
    assert run["Attempt"] == 0
    assert run["CompletedOn"] >= run["StartedOn"]
    assert "ErrorMessage" not in run
    assert cloud.log(run) == "hello\n"


def test_a_run_sees_the_names_that_glue_gives_it_and_its_arguments(cloud: Cloud) -> None:
    job = cloud.job(
        """
        import sys
        from awsglue.utils import getResolvedOptions
        options = getResolvedOptions(sys.argv, ["JOB_NAME", "a", "b"])
        print(options["JOB_NAME"], options["JOB_RUN_ID"], options["a"], options["b"], sep="|")
        """,
        arguments={"--a": "default", "--b": "default", "--job-bookmark-option": "job-bookmark-disable"},
    )
    run = cloud.run(job, Arguments={"--b": "of this run, with spaces"})
    assert cloud.log(run).strip() == f"{job}|{run['Id']}|default|of this run, with spaces"
    assert run["Arguments"] == {"--b": "of this run, with spaces"}


def test_arguments_that_no_run_may_change_win(cloud: Cloud) -> None:
    job = cloud.job(PRINT_ARGUMENTS, NonOverridableArguments={"--fixed": "job"})
    assert '"--fixed", "job"' in cloud.log(cloud.run(job, Arguments={"--fixed": "run"}))


def test_a_run_imports_from_the_zip_and_the_module_in_extra_py_files(cloud: Cloud) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("etl/__init__.py", "NAME = 'the zip, not what is installed'")
    zipped = cloud.put(cloud.scripts, "lib/library.zip", archive.getvalue())
    module = cloud.put(cloud.scripts, "lib/single_module.py", "VALUE = 7")
    job = cloud.job(
        "import etl, single_module\nprint(etl.NAME, single_module.VALUE)",
        arguments={"--extra-py-files": f"{zipped},{module}"},
    )
    assert cloud.log(cloud.run(job)).strip() == "the zip, not what is installed 7"


def test_additional_modules_are_installed_once(cloud: Cloud) -> None:
    archive = io.BytesIO()
    info = "tiny_module-1.0.dist-info"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("tiny_module.py", "ANSWER = 42")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-module\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    wheel = cloud.put(cloud.scripts, "lib/tiny_module-1.0-py3-none-any.whl", archive.getvalue())
    job = cloud.job(
        "import tiny_module\nprint(tiny_module.ANSWER)",
        arguments={
            "--additional-python-modules": wheel,
            "--python-modules-installer-option": "--no-index --no-deps",
        },
    )
    first, second = cloud.run(job), cloud.run(job)
    assert [cloud.log(run).strip() for run in (first, second)] == ["42", "42"]
    assert "installing" in cloud.log(first, "stderr.log")
    assert "installing" not in cloud.log(second, "stderr.log")


def test_a_run_that_throws_is_reported_as_failed_with_its_exception(cloud: Cloud) -> None:
    job = cloud.job("class NotReadable(Exception): pass\nraise NotReadable('the file x.csv has no header')")
    run = cloud.run(job)
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "NotReadable: the file x.csv has no header"
    assert "Traceback" in cloud.log(run, "stderr.log")


def test_a_run_whose_script_is_missing_has_failed_and_says_which(cloud: Cloud) -> None:
    job = cloud.job("print(1)")
    cloud.s3.delete_object(Bucket=cloud.scripts, Key=f"jobs/{job}.py")
    run = cloud.run(job)
    assert run["JobRunState"] == "FAILED"
    assert f"s3://{cloud.scripts}/jobs/{job}.py, which does not exist" in run["ErrorMessage"]


def test_a_run_that_names_a_missing_bucket_has_failed_and_says_which(cloud: Cloud) -> None:
    run = cloud.run(cloud.job("print(1)"), Arguments={"--raw_bucket": "no-such-bucket"})
    assert run["JobRunState"] == "FAILED"
    assert "'no-such-bucket', which does not exist" in run["ErrorMessage"]


def test_a_job_has_no_more_runs_at_once_than_it_may(cloud: Cloud, gate: Path) -> None:
    job = cloud.job(waiting_script(gate), ExecutionProperty={"MaxConcurrentRuns": 1})
    first = cloud.start(job)
    with pytest.raises(ClientError) as refused:
        cloud.start(job)
    assert refused.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    open_gate(gate)
    assert cloud.wait(job, first)["JobRunState"] == "SUCCEEDED"


def test_a_job_with_two_runs_allowed_has_two(cloud: Cloud, gate: Path) -> None:
    job = cloud.job(
        "import sys\nif '--wait' in sys.argv: " + f"open({str(gate)!r}).read()",
        ExecutionProperty={"MaxConcurrentRuns": 2},
    )
    first = cloud.start(job, Arguments={"--wait": "yes"})
    assert cloud.run(job)["JobRunState"] == "SUCCEEDED"
    open_gate(gate)
    assert cloud.wait(job, first)["JobRunState"] == "SUCCEEDED"


def test_a_queued_run_waits_for_its_turn(cloud: Cloud, gate: Path) -> None:
    job = cloud.job(waiting_script(gate))
    first = cloud.start(job)
    second = cloud.start(job, JobRunQueuingEnabled=True)
    assert cloud.glue.get_job_run(JobName=job, RunId=second)["JobRun"]["JobRunState"] == "WAITING"
    open_gate(gate)
    assert cloud.wait(job, first)["JobRunState"] == "SUCCEEDED"
    open_gate(gate)
    assert cloud.wait(job, second)["JobRunState"] == "SUCCEEDED"


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(cloud: Cloud) -> None:
    job = cloud.job("raise ValueError('again')", MaxRetries=2)
    first = cloud.start(job)
    last = cloud.wait(job, f"{first}_attempt_2") if _attempts(cloud, job, first) else None
    assert last is not None
    runs = cloud.runs(job)
    assert [run["Attempt"] for run in runs] == [2, 1, 0]
    assert [run.get("PreviousRunId") for run in runs] == [f"{first}_attempt_1", first, None]
    assert {run["JobRunState"] for run in runs} == {"FAILED"}


def _attempts(cloud: Cloud, job: str, first: str) -> bool:
    """Wait attempt after attempt: each is started at the moment when the one before ends."""
    cloud.wait(job, first)
    cloud.wait(job, f"{first}_attempt_1")
    return True


def test_a_run_that_lasts_too_long_times_out(cloud: Cloud, gate: Path) -> None:
    run = cloud.run(cloud.job(waiting_script(gate), Timeout=1))
    assert run["JobRunState"] == "TIMEOUT"
    assert run["Timeout"] == 1


def test_a_stopped_run_ends_with_all_its_processes(cloud: Cloud, gate: Path, tmp_path: Path) -> None:
    job = cloud.job(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.signal(15, signal.SIG_IGN); "
        "signal.pause()'])\n"
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid))\n" + waiting_script(gate)
    )
    run_id = cloud.start(job)
    open_gate_later = gate.open("w")
    child = int((tmp_path / "child").read_text())
    answer = cloud.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_unknown"])
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [run_id]
    assert [one["ErrorDetail"]["ErrorCode"] for one in answer["Errors"]] == ["EntityNotFoundException"]
    assert cloud.wait(job, run_id)["JobRunState"] == "STOPPED"
    open_gate_later.close()
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text()


def test_a_run_that_has_ended_cannot_be_stopped(cloud: Cloud) -> None:
    job = cloud.job("print(1)")
    run = cloud.run(job)
    answer = cloud.glue.batch_stop_job_run(JobName=job, JobRunIds=[run["Id"]])
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "InvalidInputException"


def test_runs_come_in_pages_newest_first(cloud: Cloud) -> None:
    job = cloud.job("print(1)")
    ids = [cloud.run(job)["Id"] for _ in range(3)]
    pages = cloud.glue.get_paginator("get_job_runs").paginate(JobName=job, PaginationConfig={"PageSize": 2})
    found = [[run["Id"] for run in answer["JobRuns"]] for answer in pages]
    assert found == [[ids[2], ids[1]], [ids[0]]]


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("start_job_run", {"JobName": "none"}, "EntityNotFoundException"),
        ("get_job_runs", {"JobName": "none"}, "EntityNotFoundException"),
        ("get_job_run", {"JobName": "none", "RunId": "jr_0"}, "EntityNotFoundException"),
        ("get_workflow_run", {"Name": "none", "RunId": "wr_0"}, "EntityNotFoundException"),
        ("start_workflow_run", {"Name": "none"}, "EntityNotFoundException"),
        ("get_trigger", {"Name": "none"}, "EntityNotFoundException"),
        ("list_jobs", {"NextToken": "nonsense"}, "InvalidInputException"),
    ],
)
def test_what_does_not_exist_or_makes_no_sense_is_an_error_of_glues(
    cloud: Cloud, operation: str, parameters: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(cloud.glue, operation)(**parameters)
    assert refused.value.response["Error"]["Code"] == code


def test_jobs_are_listed_though_the_emulator_cannot(cloud: Cloud) -> None:
    job = cloud.job("print(1)", Tags={"only": "this-one"}, ExecutionProperty={"MaxConcurrentRuns": 3})
    assert cloud.glue.list_jobs(Tags={"only": "this-one"})["JobNames"] == [job]
    found = cloud.glue.batch_get_jobs(JobNames=[job, "none"])
    assert [one["ExecutionProperty"] for one in found["Jobs"]] == [{"MaxConcurrentRuns": 3}]
    assert found["JobsNotFound"] == ["none"]


def test_a_job_that_is_updated_or_deleted_loses_what_was_kept_about_it(cloud: Cloud) -> None:
    job = cloud.job("print(1)", ExecutionProperty={"MaxConcurrentRuns": 3})
    command = cloud.glue.get_job(JobName=job)["Job"]["Command"]
    cloud.glue.update_job(JobName=job, JobUpdate={"Role": "role", "Command": command})
    assert cloud.glue.get_job(JobName=job)["Job"]["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    cloud.glue.delete_job(JobName=job)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        cloud.glue.get_job(JobName=job)
