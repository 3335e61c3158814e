"""Python shell jobs, which have no Spark, and streaming jobs, which have no end."""

from __future__ import annotations

import json
import threading

import pytest
from tests.local_cloud.helpers import Cloud

from local_cloud.lake import Lake, LakePlan
from local_cloud.runner import KINDS
from local_cloud.streaming import KeptInStep
from local_cloud.transfer import NotAllowedError

STREAM = """
import sys
from pathlib import Path
from awsglue.utils import getResolvedOptions
options = getResolvedOptions(sys.argv, ["raw_bucket", "processed_bucket", "lake"])
raw, processed = (Path(options["lake"], options[name]) for name in ("raw_bucket", "processed_bucket"))
seen = set()
while True:
    for file in set(raw.rglob("*.csv")) - seen:
        seen.add(file)
        (processed / "_temporary").mkdir(exist_ok=True)
        (processed / "_temporary" / file.name).write_text("half")
        (processed / file.name).write_text(file.read_text().upper())
"""


def test_a_python_shell_job_reaches_s3_by_itself_and_is_told_nothing_by_glue(cloud: Cloud) -> None:
    raw = cloud.bucket("raw")
    module = cloud.put(cloud.scripts, "lib/of_shell.py", "NAME = 'rows.jsonl'")
    job = cloud.job(
        """
        import sys, boto3, json, of_shell
        print(json.dumps(sys.argv[1:]))
        bucket = sys.argv[sys.argv.index("--raw_bucket") + 1]
        boto3.client("s3").put_object(Bucket=bucket, Key=of_shell.NAME, Body=b"{}")
        """,
        kind="pythonshell",
        arguments={"--raw_bucket": raw, "--extra-py-files": module},
        MaxCapacity=0.0625,
    )
    run = cloud.run(job)
    assert run["JobRunState"] == "SUCCEEDED", cloud.log(run, "stderr.log")
    assert json.loads(cloud.log(run)) == ["--raw_bucket", raw, "--extra-py-files", module]
    assert cloud.keys(raw) == ["rows.jsonl"]


def test_a_python_shell_job_has_no_spark(cloud: Cloud) -> None:
    job = cloud.job("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()", kind="pythonshell")
    run = cloud.run(job)
    assert run["JobRunState"] == "FAILED"
    assert "no-spark-in-a-python-shell-job" in run["ErrorMessage"]


def test_a_kind_of_job_that_is_not_served_is_named(cloud: Cloud) -> None:
    run = cloud.run(cloud.job("print()", kind="glueray"))
    assert run["ErrorMessage"] == f"the local cloud runs jobs of the kinds {', '.join(KINDS)}, not glueray"


def test_a_streaming_job_gets_files_and_hands_them_on_while_it_runs_until_it_is_stopped(cloud: Cloud) -> None:
    raw, processed = cloud.bucket("raw"), cloud.bucket("processed")
    arguments = {"--raw_bucket": raw, "--processed_bucket": processed, "--lake": str(cloud.settings.lake)}
    job = cloud.job(STREAM, kind="gluestreaming", arguments=arguments)
    run_id = cloud.start(job)
    for number in range(2):
        cloud.put(raw, f"{number}.csv", "a")
        cloud.client("s3").get_waiter("object_exists").wait(
            Bucket=processed, Key=f"{number}.csv", WaiterConfig={"Delay": 0.2, "MaxAttempts": 150}
        )
    (run,) = cloud.runs(job)
    assert run["JobRunState"] == "RUNNING"
    assert "Timeout" not in run
    assert cloud.keys(processed) == ["0.csv", "1.csv"]
    cloud.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    assert cloud.wait(job, run_id)["JobRunState"] == "STOPPED"


class DeniedLake(Lake):
    """A lake whose output the role of a run may not write."""

    def send_out(self, *_: object, **__: object) -> None:
        raise NotAllowedError("write", "p-curated", ["a", "b"])


def test_a_streaming_job_that_writes_what_its_role_may_not_is_stopped_with_that_reason(cloud: Cloud) -> None:
    lake = DeniedLake(cloud.settings, cloud.s3)
    stopped = threading.Event()
    step = KeptInStep(lake, LakePlan((), ()), print, None, 0.0, stopped.set)
    with pytest.raises(NotAllowedError, match="the job's role may not write s3://p-curated/a and 1 more"), step:
        assert stopped.wait(10)
    lake.close()
