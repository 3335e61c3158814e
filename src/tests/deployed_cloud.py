"""A deployed local cloud as a test meets it: its state, its layers read without Spark, its workflow."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import boto3
import pyarrow as pa
import pyarrow.dataset as ds
from pyiceberg.table import StaticTable

from local_cloud.environment import client
from local_cloud.settings import Settings
from local_cloud.testing import glue_client, wait_for_workflow_run

REPOSITORY = Path(__file__).resolve().parents[2]
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
        return self.shell(f"aws {shlex.join(arguments)}")

    def shell(self, line: str) -> str:
        """What a command prints in such a shell."""
        command = f'eval "$(./scripts/local_cloud.sh env)"; {line}'
        done = subprocess.run(
            ["bash", "-c", command], env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
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
        with self._objects("curated", f"{DATABASE}/{table}/") as folder:
            versions = (folder / DATABASE / table / "metadata").glob("*.metadata.json")
            newest = max(versions, key=lambda path: int(path.name.split(".")[0].removeprefix("v")))
            properties = {"py-io-impl": "exactly_once.lake_io.LakeIO", "lake": str(folder.parent)}
            return StaticTable.from_metadata(str(newest), properties).scan().to_arrow().to_pylist()

    def processed(self, dataset: str) -> pa.Table:
        """The processed layer of a dataset, read from the bucket by pyarrow."""
        with self._objects("processed", f"{dataset}/") as folder:
            return ds.dataset(folder / dataset, partitioning=ds.partitioning(flavor="hive")).to_table()

    @contextmanager
    def _objects(self, bucket: str, prefix: str) -> Iterator[Path]:
        """A bucket's folder with its objects below a prefix as files: libraries in C++ trust no certificate of ours."""
        name, s3 = f"{PREFIX}-{bucket}", self.client("s3")
        with TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix):
                for found in page.get("Contents", ()):
                    (folder / found["Key"]).parent.mkdir(parents=True, exist_ok=True)
                    s3.download_file(name, found["Key"], str(folder / found["Key"]))
            yield folder

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
        trusted = str(self.settings.certificate) if self.settings.enforce_iam else None
        dynamodb = session.resource("dynamodb", endpoint_url=self.settings.endpoint, verify=trusted)
        return dynamodb.Table(f"{PREFIX}-job-state")


def eventually(look: Callable[[], _T | None], every: float = 0.5, seconds: float = PATIENCE_SECONDS) -> _T:
    """What a look returns once it returns something; looks come every so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"nothing came within {seconds} s")


def read_quarantine(local: Cloud, batch: dict[str, Any], stage: str = "") -> list[dict[str, Any]]:
    """The refused rows of a batch, of one stage or of all."""
    s3, bucket = local.client("s3"), f"{PREFIX}-quality"
    prefix = batch["quarantine"].removeprefix(f"s3://{bucket}/") + "rows/" + (f"stage={stage}/" if stage else "")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    keys = [item["Key"] for item in listed if item["Key"].endswith(".json")]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]
