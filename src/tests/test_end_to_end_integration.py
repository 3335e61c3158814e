"""The whole pipeline as a user meets it: deploy.sh on a new local cloud, the AWS CLI, layers read without Spark.

IAM is enforced: every job and Lambda has the rights of its own role and no others, here as on AWS.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import openpyxl
import psutil
import pytest
import zstandard
from botocore.exceptions import ClientError

from deployed_cloud import DATABASE, PREFIX, REPOSITORY, Cloud, eventually, read_quarantine
from local_cloud.iam import role_credentials

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SAMPLE = REPOSITORY / "sample-data"
# The emulator knows no condition on cloudwatch:namespace, and so refuses what AWS allows.
FALSELY_DENIED = {"cloudwatch:PutMetricData"}
DENIED = re.compile(r"not authorized to perform: (\S+)")


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
        quarantined = read_quarantine(local, batch)
        curated = [row for row in local.curated(dataset) if row["_batch_id"] == batch["id"]]
        assert int(batch["rows_read"]) == rows_in
        assert rows_in == len(curated) + len(quarantined)
        assert all(row["reason"] and row["record"] and row["source_file"] for row in quarantined)


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
    rows = processed.select(["_source_file", "product_code"]).to_pylist()
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
    kept = batch["quarantine"].removeprefix(f"s3://{PREFIX}-quality/") + "files/data/incoming/transactions/2024/01/16/"
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


def test_every_ingested_batch_has_a_report_with_the_numbers_of_its_item(local: Cloud) -> None:
    s3, bucket = local.client("s3"), f"{PREFIX}-quality"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="reports/transactions/")["Contents"]
    keys = {item["Key"].rpartition("/")[2]: item["Key"] for item in listed}
    [batch] = [item for item in local.state("batch#transactions") if int(item["files"]) > 1]
    body = s3.get_object(Bucket=bucket, Key=keys[f"ingestion-{batch['id']}.json"])["Body"].read()
    told = json.loads(body)["rows"]
    assert [told[name] for name in ("read", "written", "refused")] == [
        int(batch[f"rows_{name}"]) for name in ("read", "written", "refused")
    ]
    assert f"ingestion-{batch['id']}.html" in keys


def test_committed_batches_are_partitions_in_the_glue_catalog(local: Cloud) -> None:
    [batch, *_] = local.state("batch#customers")
    partitions = local.client("glue").get_partitions(DatabaseName=DATABASE, TableName="processed_customers")
    assert batch["id"] in {partition["Values"][0] for partition in partitions["Partitions"]}


def test_every_job_ran_under_its_own_role_and_was_denied_nothing(local: Cloud) -> None:
    glue = local.client("glue")
    for job in ("data-ingestion", "data-processing", "data-quality"):
        run = glue.get_job_runs(JobName=f"{PREFIX}-{job}")["JobRuns"][0]
        folder = local.settings.runs / run["Id"]
        assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
        assert f"role/{PREFIX}-{job}\n" in (folder / "stderr.log").read_text()
        said = (folder / "stdout.log").read_text() + (folder / "stderr.log").read_text()
        assert set(DENIED.findall(said)) <= FALSELY_DENIED


@pytest.mark.parametrize(
    ("job", "denied", "call"),
    [
        ("data-ingestion", "s3:PutObject", ("s3", "put_object", {"Bucket": f"{PREFIX}-raw", "Key": "a", "Body": b""})),
        ("data-ingestion", "s3:GetObject", ("s3", "get_object", {"Bucket": f"{PREFIX}-curated", "Key": "a"})),
        ("data-quality", "s3:PutObject", ("s3", "put_object", {"Bucket": f"{PREFIX}-processed", "Key": "a"})),
        ("data-ingestion", "secretsmanager:", ("secretsmanager", "get_secret_value", {"SecretId": f"{PREFIX}-pii"})),
        ("data-quality", "glue:StartJobRun", ("glue", "start_job_run", {"JobName": f"{PREFIX}-data-ingestion"})),
        ("data-processing", "iam:", ("iam", "list_roles", {})),
    ],
)
def test_a_job_s_role_allows_nothing_else(local: Cloud, job: str, denied: str, call: Any) -> None:
    role = {"Role": f"arn:aws:iam::000000000000:role/{PREFIX}-{job}"}
    names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
    names["AWS_SESSION_TOKEN"] = "aws_session_token"
    credentials = role_credentials(role, "test", local.client)
    session = boto3.Session(
        region_name=local.settings.region, **{names[name]: value for name, value in credentials.items()}
    )
    service, operation, arguments = call
    client = session.client(service, endpoint_url=local.settings.endpoint, verify=str(local.settings.certificate))
    with pytest.raises(ClientError, match=f"not authorized to perform: {denied}|Access Denied|AccessDenied"):
        getattr(client, operation)(**arguments)


def test_the_status_is_healthy_in_every_part_and_drift_is_the_emulator_s_alone(local: Cloud) -> None:
    command = [str(REPOSITORY / "scripts" / "check_deployment_status.sh"), "local", "--json"]
    done = subprocess.run(command, env=local.environment, capture_output=True, text=True, check=False)
    parts = json.loads(done.stdout)["parts"]
    assert (done.returncode, [part for part in parts if part["verdict"] not in ("ok", "warn")]) == (0, [])
    assert [part for part in parts if part["part"] == "drift" and part["verdict"] != "ok"] == []
    assert {"state", "drift", "jobs", "event_sources"} <= {part["part"] for part in parts}


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


def test_deploying_again_changes_no_row_and_no_secret(local: Cloud) -> None:
    before = {name: sorted(map(str, local.curated(name))) for name in ("customers", "transactions", "daily_sales")}
    secrets = local.client("secretsmanager")
    secret = secrets.get_secret_value(SecretId=f"{PREFIX}-pii")["SecretString"]
    done = local.deploy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 new file(s)" in done.stdout
    assert "Run the workflow" not in done.stdout
    assert {name: sorted(map(str, local.curated(name))) for name in before} == before
    assert secrets.get_secret_value(SecretId=f"{PREFIX}-pii")["SecretString"] == secret


def test_the_secret_for_personal_data_is_given_to_processing_alone_and_stands_in_no_state(local: Cloud) -> None:
    secrets, glue = local.client("secretsmanager"), local.client("glue")
    arguments = {
        name: glue.get_job(JobName=f"{PREFIX}-{name}")["Job"]["DefaultArguments"]
        for name in ("data-ingestion", "data-processing", "data-quality")
    }
    assert [name for name, given in arguments.items() if "--pii_secret" in given] == ["data-processing"]
    arn = arguments["data-processing"]["--pii_secret"]
    value = secrets.get_secret_value(SecretId=arn)["SecretString"]
    assert len(value) == 64
    texts = [path.read_text() for path in local.settings.home.glob("terraform.tfstate*")]
    assert texts
    assert [text for text in texts if value in text] == []


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
    [topic] = [t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith(f"{PREFIX}-alerts")]
    sends = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [sends]})
    queue = sqs.create_queue(QueueName="listener", Attributes={"Policy": policy})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    body = (SAMPLE / "customers/2024/01/15/customers-001.csv").read_bytes()
    s3.put_object(Bucket=f"{PREFIX}-raw", Key="data/incoming/customers/2024/02/01/again.csv", Body=body)

    def told() -> str | None:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", ())
        texts = [json.loads(message["Body"]) for message in messages]
        return next((text["Message"] for text in texts if "quality of customers" in text["Subject"]), None)

    message = eventually(told)
    assert 'ColumnValues "country" in ["ZZ"]' in message
    assert "Report: https://us-east-1.console.aws.amazon.com/s3/object/" in message
    s3.put_object(Bucket=bucket, Key=key, Body=good)


FIELDS = ("transaction_id", "customer_id", "transaction_time", "amount", "currency")


def test_excel_and_zstandard_files_are_curated_like_any_other(local: Cloud) -> None:
    moment = "2024-03-02 10:00:00"
    lines = [",".join(FIELDS), *(f"Z{number},C000001,{moment},1.50,USD" for number in range(100))]
    book, sheet = openpyxl.Workbook(), io.BytesIO()
    book.active.append(FIELDS)
    for number in range(100):
        book.active.append([f"X{number}", "C000001", datetime.fromisoformat(moment), 1.5, "USD"])
    book.save(sheet)
    files = {"packed.csv.zst": zstandard.compress("\n".join(lines).encode()), "sheet.xlsx": sheet.getvalue()}
    for name, body in files.items():
        key = f"data/incoming/transactions/2024/03/02/{name}"
        local.client("s3").put_object(Bucket=f"{PREFIX}-raw", Key=key, Body=body)
    local.run_workflow()
    found = [row for row in local.curated("transactions") if row["transaction_id"][0] in "ZX"]
    expected = Counter(f"{letter}{number}" for letter in "ZX" for number in range(100))
    assert Counter(row["transaction_id"] for row in found) == expected
    assert {(str(row["amount"]), str(row["transaction_time"])[:19]) for row in found} == {("1.50", moment)}
    assert {row["_source_file"].rpartition("/")[2] for row in found} == set(files)


# The last one: the rule stays away until here.
def test_rows_that_a_rule_rejected_arrive_once_when_they_are_sent_again_without_the_rule(local: Cloud) -> None:
    s3, bucket, key = local.client("s3"), f"{PREFIX}-scripts", "config/datasets/transactions.json"
    document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    document["processing"]["rules"] = [r for r in document["processing"]["rules"] if r["name"] != "amount_not_negative"]
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())
    batches = eventually(lambda: all_checked(local))
    quarantined = [row for batch in batches for row in read_quarantine(local, batch, "processing")]
    rejected = Counter(json.loads(row["record"])["transaction_id"] for row in quarantined)
    assert rejected
    replay = "./scripts/replay_quarantine.py transactions --stage processing --no-start"
    assert f"{rejected.total():,}" in local.shell(replay)
    assert "Nothing to replay" in local.shell(replay)
    local.run_workflow()
    sent = [row for row in local.processed("transactions").to_pylist() if "/replay-" in row["_source_file"]]
    assert Counter(row["transaction_id"] for row in sent) == rejected
    assert all(row["amount"] < 0 for row in sent)
    # Their files start the workflow, too, and it may begin before all of them are there.
    assert len(all_checked(local)) > len(batches)
    found = Counter(row["transaction_id"] for row in local.curated("transactions"))
    assert {name: found[name] for name in rejected} == dict.fromkeys(rejected, 1)


def all_checked(local: Cloud) -> list[dict[str, Any]]:
    """The batches of transactions once all of them have gone all the way; none before."""
    batches = local.state("batch#transactions")
    return batches if all(batch["status"] == "CHECKED" for batch in batches) else []
