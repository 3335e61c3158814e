"""An AWS in this process (moto), with what its Glue lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from moto import mock_aws
from moto.glue.responses import GlueResponse
from moto.moto_api import state_manager

from aws_in_process import REGION, WORK_BUCKET
from glue_health_check.cloud.clients import Clients, clients
from glue_health_check.lambdas import surroundings


def _batch_stop_job_run(self: GlueResponse) -> str:
    """moto has no BatchStopJobRun: runs that are stopped here are STOPPED at once."""
    job = self.glue_backend.get_job(self.parameters["JobName"])
    for run in job.job_runs:
        if run.job_run_id in self.parameters["JobRunIds"]:
            run.status = "STOPPED"
            run.advance = lambda: None
    return json.dumps({"SuccessfulSubmissions": [], "Errors": []})


@cache
def _clients() -> Clients:
    """Made once: it takes a second, and moto answers them as long as it is on."""
    return clients(REGION)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """The services, with an empty work bucket."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(GlueResponse, "batch_stop_job_run", _batch_stop_job_run, raising=False)
    with mock_aws():
        made = _clients()
        made.s3.create_bucket(Bucket=WORK_BUCKET)
        yield made
    state_manager.unset_transition("glue::job_run")


@pytest.fixture
def stays_running() -> Iterator[None]:
    """Job runs that never end by themselves."""
    state_manager.set_transition("glue::job_run", {"progression": "manual", "times": 1_000_000})
    yield
    state_manager.unset_transition("glue::job_run")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A job's script without any fault."""
    path = tmp_path / "orders.py"
    path.write_text("import sys\nfrom awsglue.utils import getResolvedOptions\n", encoding="utf-8")
    return path


@pytest.fixture
def lambda_settings(aws: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Terraform tells the Lambdas, and their table of records."""
    told = {"WORK_BUCKET": WORK_BUCKET, "RECORDS_TABLE": "records", "AWS_DEFAULT_REGION": REGION}
    told |= {"POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_SERVICE_NAME": "test"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    aws.dynamodb.create_table(
        TableName="records",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    monkeypatch.setattr(surroundings, "clients", lambda: aws)  # the same services, which moto answers
    opened = (surroundings.settings, surroundings.aws, surroundings.dynamodb, surroundings.sqs)
    for one in opened:
        one.cache_clear()
    yield
    for one in opened:
        one.cache_clear()
