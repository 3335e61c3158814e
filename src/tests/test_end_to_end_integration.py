"""The whole pipeline as a user meets it: deploy.sh on a new local cloud, the AWS CLI, layers read without Spark."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
import pyarrow.dataset as ds
import pytest
from pyarrow.fs import S3FileSystem
from pyiceberg.table import StaticTable

from local_cloud import cloud
from local_cloud.environment import aws_variables, client
from local_cloud.settings import Settings
from local_cloud.testing import glue_client, settings_for_tests, wait_for_workflow_run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "sample-data"
PREFIX = "glue-etl-pipeline-local"
DATABASE = "glue_etl_pipeline_local"
WORKFLOW = f"{PREFIX}-etl-workflow"
# A workflow run takes about half a minute; this is where hope ends.
PATIENCE_SECONDS = 300
_T = TypeVar("_T")


@dataclass(frozen=True)
class Cloud:
    """A deployed local cloud and what the test knows of it."""

    settings: Settings
    environment: dict[str, str]

    def deploy(self) -> subprocess.CompletedProcess[str]:
        command = [str(REPOSITORY / "scripts" / "deploy.sh"), "local"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def aws(self, *arguments: str) -> str:
        """The plain AWS CLI in a shell that was set up as the README says."""
        command = f'eval "$(./scripts/local_cloud.sh env)"; aws {shlex.join(arguments)}'
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, service: str) -> Any:
        return glue_client(self.settings) if service == "glue" else client(self.settings, service)

    def state(self, entity: str) -> list[dict[str, Any]]:
        """Items of the state table."""
        return self._state_table().query(
            KeyConditionExpression="entity = :entity",
            ExpressionAttributeValues={":entity": entity},
            ConsistentRead=True,
        )["Items"]

    def forget_lease(self, dataset: str, stage: str) -> None:
        """As if the minute had passed for which a killed run keeps its lease."""
        self._state_table().delete_item(Key={"entity": f"lock#{dataset}", "id": stage})

    def curated(self, table: str) -> list[dict[str, Any]]:
        """The rows of an Iceberg table, read from the bucket by pyiceberg."""
        folder = f"{DATABASE}/{table}/metadata/"
        listed = self.client("s3").list_objects_v2(Bucket=f"{PREFIX}-curated", Prefix=folder)["Contents"]
        versions = [item["Key"] for item in listed if item["Key"].endswith(".metadata.json")]
        newest = max(versions, key=lambda key: int(key.rpartition("/")[2].split(".")[0].removeprefix("v")))
        properties = {
            "s3.endpoint": self.settings.endpoint,
            "s3.access-key-id": "test",
            "s3.secret-access-key": "test",
            "s3.region": self.settings.region,
        }
        return StaticTable.from_metadata(f"s3://{PREFIX}-curated/{newest}", properties).scan().to_arrow().to_pylist()

    def processed(self, dataset: str) -> ds.Dataset:
        """The processed layer of a dataset, read from the bucket by pyarrow."""
        filesystem = S3FileSystem(
            access_key="test", secret_key="test", endpoint_override=self.settings.endpoint, region=self.settings.region
        )
        partitioning = ds.partitioning(flavor="hive")
        return ds.dataset(f"{PREFIX}-processed/{dataset}", filesystem=filesystem, partitioning=partitioning)

    def run_workflow(self) -> dict[str, Any]:
        """Start the workflow once nothing else runs, and wait until it is over."""
        glue = self.client("glue")

        def start() -> str | None:
            try:
                return glue.start_workflow_run(Name=WORKFLOW)["RunId"]
            except glue.exceptions.ConcurrentRunsExceededException:
                return None

        return wait_for_workflow_run(self.settings, WORKFLOW, eventually(start))

    def _state_table(self) -> Any:
        session = boto3.session.Session("test", "test", region_name=self.settings.region)
        return session.resource("dynamodb", endpoint_url=self.settings.endpoint).Table(f"{PREFIX}-job-state")


def eventually(look: Callable[[], _T | None], every: float = 0.5) -> _T:
    """What a look returns once it returns something; looks come every so many seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"nothing came within {PATIENCE_SECONDS} s")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cloud, subprocess.CompletedProcess[str]]]:
    """A new local cloud on free ports, deployed by deploy.sh, and what that printed."""
    settings = settings_for_tests(tmp_path_factory.mktemp("cloud") / "home")
    environment = {
        **os.environ,
        **aws_variables(settings),
        "LOCAL_CLOUD_HOME": str(settings.home),
        "LOCAL_CLOUD_PORT": str(settings.port),
        "LOCAL_CLOUD_GLUE_PORT": str(settings.glue_port),
        "COLUMNS": "200",
        # What a user may have set for AWS must not lead the local deployment elsewhere.
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    environment.pop("AWS_PROFILE", None)
    here = Cloud(settings, environment)
    try:
        yield here, here.deploy()
    finally:
        cloud.stop(settings)


@pytest.fixture(scope="module")
def local(deployed: tuple[Cloud, subprocess.CompletedProcess[str]]) -> Cloud:
    """The deployed local cloud."""
    here, done = deployed
    assert done.returncode == 0, done.stdout + done.stderr
    return here


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What the generator says that the sample holds."""
    return json.loads((SAMPLE / "_expected.json").read_text())


def test_deploy_applies_the_terraform_runs_the_sample_and_shows_what_came_out(deployed: Any, local: Cloud) -> None:
    printed = deployed[1].stdout
    assert "terraform apply" in printed
    assert "customer_id: required value is missing" in printed
    assert "transactions-007.parquet" in printed
    reports = [line.split()[-1] for line in printed.splitlines() if line.startswith("Report of ")]
    assert len(reports) == 2
    assert all("<html" in Path(report).read_text() for report in reports)


def test_every_row_of_the_sample_is_curated_or_in_quarantine_with_its_reason(local: Cloud, expected: Any) -> None:
    for dataset in ("customers", "transactions"):
        rows_in = sum(file["rows"] for file in expected["files"] if file["dataset"] == dataset)
        [batch] = [item for item in local.state(f"batch#{dataset}") if int(item["files"]) > 1]
        quarantined = read_quarantine(local, dataset, batch["id"])
        curated = [row for row in local.curated(dataset) if row["_batch_id"] == batch["id"]]
        assert int(batch["rows_read"]) == rows_in
        assert rows_in == len(curated) + len(quarantined)
        assert all(row["reason"] and row["record"] and row["source_file"] for row in quarantined)


def read_quarantine(local: Cloud, dataset: str, batch_id: str) -> list[dict[str, Any]]:
    s3 = local.client("s3")
    prefix = f"quarantine/{dataset}/batch_id={batch_id}/rows/"
    listed = s3.list_objects_v2(Bucket=f"{PREFIX}-quality", Prefix=prefix).get("Contents", ())
    bodies = [
        s3.get_object(Bucket=f"{PREFIX}-quality", Key=item["Key"])["Body"].read().decode()
        for item in listed
        if item["Key"].endswith(".json")
    ]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_the_processed_layer_is_typed_parquet_of_all_five_formats_with_metadata_columns(local: Cloud) -> None:
    processed = local.processed("transactions")
    types = {field.name: str(field.type) for field in processed.schema}
    assert types["amount"] == "decimal128(12, 2)"
    assert types["quantity"] == "int32"
    assert types["product_code"] == "string"
    assert types["transaction_time"].startswith("timestamp[us")
    assert {"_batch_id", "_ingested_at", "_source_file", "_rescued_data", "batch_id", "year", "month", "day"} <= set(
        types
    )
    rows = processed.to_table(columns=["_source_file", "product_code"]).to_pylist()
    formats = {row["_source_file"].rpartition(".")[2] for row in rows}
    assert formats >= {"csv", "json", "jsonl", "parquet", "orc", "avro"}
    assert all(len(row["product_code"]) == 5 for row in rows if row["product_code"])


def test_the_daily_aggregate_equals_a_plain_sum_over_the_curated_rows(local: Cloud) -> None:
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in local.curated("transactions"):
        sums[(row["event_date"], row["customer_country"], row["currency"])] += 1
    daily = {
        (row["event_date"], row["customer_country"], row["currency"]): row["transactions"]
        for row in local.curated("daily_sales")
    }
    assert daily == dict(sums)


def test_the_refused_file_is_kept_and_an_alert_says_so(local: Cloud) -> None:
    [alert] = [item for item in local.state("outbox") if item["id"].startswith("refused#transactions#")]
    assert alert["status"] == "SENT"
    assert "transactions-007.parquet" in alert["message"]
    [batch] = [item for item in local.state("batch#transactions") if int(item["files"]) > 1]
    kept = f"quarantine/transactions/batch_id={batch['id']}/files/data/incoming/transactions/2024/01/16/"
    broken = local.client("s3").get_object(Bucket=f"{PREFIX}-quality", Key=f"{kept}transactions-007.parquet")
    assert broken["Body"].read() == (SAMPLE / "transactions/2024/01/16/transactions-007.parquet").read_bytes()


def test_the_quality_report_is_there_as_json_and_html_with_a_score(local: Cloud) -> None:
    [check, *_] = local.state("metrics#transactions")
    key = check["report"].removeprefix(f"s3://{PREFIX}-quality/")
    s3 = local.client("s3")
    html = s3.get_object(Bucket=f"{PREFIX}-quality", Key=key)["Body"].read().decode()
    content = json.loads(s3.get_object(Bucket=f"{PREFIX}-quality", Key=key.replace(".html", ".json"))["Body"].read())
    assert 0 <= content["score"]["value"] <= 100
    assert content["score"]["value"] == float(check["score"])
    assert "ReferentialIntegrity" in html
    assert {rule["outcome"] for rule in content["rules"]} <= {"Passed", "Failed"}


def test_committed_batches_are_partitions_in_the_glue_catalog(local: Cloud) -> None:
    [batch, *_] = local.state("batch#customers")
    partitions = local.client("glue").get_partitions(DatabaseName=DATABASE, TableName="processed_customers")
    assert batch["id"] in {partition["Values"][0] for partition in partitions["Partitions"]}


def test_a_dropped_file_starts_the_workflow_by_itself_and_its_rows_arrive_once(local: Cloud) -> None:
    before = Counter(row["transaction_id"] for row in local.curated("transactions"))
    local.aws("s3", "cp", "sample-data.csv", f"s3://{PREFIX}-raw/data/incoming/2024/01/15/")

    def checked() -> dict[str, Any] | None:
        found = [item for item in local.state("batch#transactions") if int(item["files"]) == 1]
        return found[0] if found and found[0]["status"] == "CHECKED" else None

    batch = eventually(checked)
    added = Counter(row["transaction_id"] for row in local.curated("transactions")) - before
    assert int(batch["rows_read"]) == 50
    assert sum(added.values()) == 50 - int(batch["rows_refused"]) - int(batch["rows_rejected"])
    assert set(added.values()) == {1}


def test_deploying_again_changes_no_row(local: Cloud) -> None:
    before = {name: sorted(map(str, local.curated(name))) for name in ("customers", "transactions", "daily_sales")}
    done = local.deploy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 new file(s)" in done.stdout
    assert "Run the workflow" not in done.stdout
    assert {name: sorted(map(str, local.curated(name))) for name in before} == before


def test_the_commands_of_the_readme_work_with_the_plain_aws_cli(local: Cloud) -> None:
    local.run_workflow()
    runs = json.loads(local.aws("glue", "get-job-runs", "--job-name", f"{PREFIX}-data-ingestion"))["JobRuns"]
    assert runs[0]["JobRunState"] == "SUCCEEDED"
    [newest, *_] = json.loads(local.aws("glue", "get-workflow-runs", "--name", WORKFLOW))["Runs"]
    run = json.loads(local.aws("glue", "get-workflow-run", "--name", WORKFLOW, "--run-id", newest["WorkflowRunId"]))
    assert run["Run"]["Statistics"]["SucceededActions"] == 3
    assert "transactions" in local.aws("logs", "tail", "/aws-glue/jobs/output", "--since", "1h")


def test_a_wrong_contract_fails_the_run_with_file_and_field_and_loses_nothing(local: Cloud) -> None:
    s3, bucket, key = local.client("s3"), f"{PREFIX}-scripts", "config/datasets/customers.json"
    good = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    wrong = {**json.loads(good), "kye": ["customer_id"]}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(wrong).encode())
    before = local.state("batch#customers")
    local.run_workflow()
    [failed, *_] = local.client("glue").get_job_runs(JobName=f"{PREFIX}-data-ingestion")["JobRuns"]
    assert failed["JobRunState"] == "FAILED"
    assert "ContractError" in failed["ErrorMessage"]
    assert "customers.json" in failed["ErrorMessage"]
    assert "'kye'" in failed["ErrorMessage"]
    assert local.state("batch#customers") == before
    s3.put_object(Bucket=bucket, Key=key, Body=good)


def test_a_job_killed_by_sigkill_between_plan_and_commit_loses_and_doubles_nothing(local: Cloud) -> None:
    header = "transaction_id,customer_id,transaction_time,amount,currency"
    rows = [f"K{number:08d},C000001,2024-03-01 10:00:00,1.00,USD" for number in range(5000)]
    key = "data/incoming/transactions/2024/03/01/killed.csv"
    local.client("s3").put_object(Bucket=f"{PREFIX}-raw", Key=key, Body="\n".join([header, *rows]).encode())

    def planned() -> dict[str, Any] | None:
        return next((item for item in local.state("batch#transactions") if item["status"] == "PLANNED"), None)

    batch = eventually(planned, every=0.05)
    kill_job(batch["owner"])
    assert planned() == batch
    local.forget_lease("transactions", "ingestion")
    local.run_workflow()
    [after] = [item for item in local.state("batch#transactions") if item["id"] == batch["id"]]
    assert after["status"] == "CHECKED"
    assert after["owner"] != batch["owner"]
    arrived = Counter(row["transaction_id"] for row in local.curated("transactions") if row["transaction_id"][0] == "K")
    assert arrived == Counter(f"K{number:08d}" for number in range(5000))


def kill_job(run_id: str) -> None:
    """SIGKILL for every process of a job run: driver and JVM."""
    [driver] = [process for process in psutil.process_iter(["cmdline"]) if run_id in (process.info["cmdline"] or ())]
    for process in [*driver.children(recursive=True), driver]:
        process.kill()
    psutil.wait_procs([driver], timeout=30)


def test_a_score_below_the_threshold_is_told_by_sns(local: Cloud) -> None:
    s3, bucket, key = local.client("s3"), f"{PREFIX}-scripts", "config/datasets/customers.json"
    good = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    strict = json.loads(good)
    strict["quality"] = {"threshold": 100, "rules": 'Rules = [ ColumnValues "country" in ["ZZ"] ]'}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(strict).encode())
    sqs, sns = local.client("sqs"), local.client("sns")
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    [topic] = [t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith(f"{PREFIX}-alerts")]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    body = (SAMPLE / "customers/2024/01/15/customers-001.csv").read_bytes()
    s3.put_object(Bucket=f"{PREFIX}-raw", Key="data/incoming/customers/2024/02/01/again.csv", Body=body)

    def told() -> str | None:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", ())
        texts = [json.loads(message["Body"]) for message in messages]
        return next((text["Message"] for text in texts if "quality of customers" in text["Subject"]), None)

    message = eventually(told)
    assert 'ColumnValues "country" in ["ZZ"]' in message
    assert "Report: s3://" in message
    s3.put_object(Bucket=bucket, Key=key, Body=good)
