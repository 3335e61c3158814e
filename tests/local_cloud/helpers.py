"""Short ways to make jobs, workflows and data in a running local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloud.environment import client, shell_lines
from local_cloud.settings import Settings
from local_cloud.testing import glue_client, wait_for_job_run, wait_for_workflow_run


@dataclass
class Cloud:
    """A running local cloud, with short ways to do what many tests need."""

    settings: Settings

    def __post_init__(self) -> None:
        self.glue = glue_client(self.settings)
        self.s3 = self.client("s3")
        self.scripts = self.bucket("scripts")

    def client(self, service: str) -> Any:
        return client(self.settings, service)

    def bucket(self, role: str) -> str:
        name = f"b-{uuid.uuid4().hex[:12]}-{role}"
        self.s3.create_bucket(Bucket=name)
        return name

    def put(self, bucket: str, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.encode() if isinstance(body, str) else body)
        return f"s3://{bucket}/{key}"

    def job(self, script: str, *, arguments: dict[str, str] | None = None, **fields: Any) -> str:
        """A job with this script; without Spark in it, it starts at once."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        location = self.put(self.scripts, f"jobs/{name}.py", textwrap.dedent(script))
        command = {"Name": fields.pop("kind", "glueetl"), "ScriptLocation": location}
        self.glue.create_job(Name=name, Role="role", Command=command, DefaultArguments=arguments or {}, **fields)
        return name

    def start(self, job: str, **fields: Any) -> str:
        return str(self.glue.start_job_run(JobName=job, **fields)["JobRunId"])

    def run(self, job: str, **fields: Any) -> dict[str, Any]:
        """Start a job and wait for its end."""
        return self.wait(job, self.start(job, **fields))

    def wait(self, job: str, run_id: str) -> dict[str, Any]:
        return wait_for_job_run(self.settings, job, run_id, seconds=60)

    def workflow(self, *triggers: dict[str, Any], **fields: Any) -> str:
        """A workflow whose triggers are active."""
        name = f"workflow-{uuid.uuid4().hex[:8]}"
        self.glue.create_workflow(Name=name, **fields)
        for trigger in triggers:
            active = {} if trigger["Type"] == "ON_DEMAND" else {"StartOnCreation": True}
            full = {"Name": f"trigger-{uuid.uuid4().hex[:8]}", **active, **trigger}
            self.glue.create_trigger(WorkflowName=name, **full)
        return name

    def run_workflow(self, name: str, **fields: Any) -> dict[str, Any]:
        run_id = self.glue.start_workflow_run(Name=name, **fields)["RunId"]
        return self.wait_workflow(name, run_id)

    def wait_workflow(self, name: str, run_id: str) -> dict[str, Any]:
        return wait_for_workflow_run(self.settings, name, run_id, seconds=60)

    def runs(self, job: str) -> list[dict[str, Any]]:
        return list(self.glue.get_job_runs(JobName=job)["JobRuns"])

    def log(self, run: dict[str, Any], file: str = "stdout.log") -> str:
        return (self.settings.runs / run["Id"] / file).read_text()

    def keys(self, bucket: str) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    def aws(self, *words: str) -> Any:
        """Run the AWS CLI in a shell prepared by ``local_cloud.sh env``; its answer, read as JSON if it is."""
        done = self.try_aws(*words)
        assert done.returncode == 0, done.stderr
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def try_aws(self, *words: str) -> subprocess.CompletedProcess[str]:
        prepared = "\n".join(shell_lines(self.settings))
        return subprocess.run(
            ["bash", "-c", f'{prepared}\nexec aws "$@"', "aws", *words],
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"},
        )


def on_demand(*jobs: str, **action: Any) -> dict[str, Any]:
    """The trigger that a workflow starts with."""
    return {"Type": "ON_DEMAND", "Actions": [{"JobName": job, **action} for job in jobs]}


def conditional(logical: str, conditions: list[tuple[str, str]], *jobs: str) -> dict[str, Any]:
    """A trigger that waits for jobs to reach states."""
    watched = [{"LogicalOperator": "EQUALS", "JobName": job, "State": state} for job, state in conditions]
    return {
        "Type": "CONDITIONAL",
        "Predicate": {"Logical": logical, "Conditions": watched},
        "Actions": [{"JobName": job} for job in jobs],
    }


def waiting_script(gate: Path, also: str = "") -> str:
    """A job that waits at a gate. Opening the gate's other end waits for the job to be there."""
    return f"{also}\nopen({str(gate)!r}).read()\n"


def open_gate(gate: Path) -> None:
    """Let a job that waits at a gate go on; waits until it is there."""
    gate.write_text("go")
