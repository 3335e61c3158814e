"""Deployment to the laptop: local cloud, Terraform, sample data, one run of the workflow, summary."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from deployment import here
from deployment.steps import DeploymentError, show_commands, step
from deployment.summary import show_summary
from deployment.terraform import REPOSITORY, Terraform, change, show_plan
from deployment.verification import verify
from deployment.workflow import INCOMING, start_or_join, unfinished_work, wait_for
from local_cloud import cloud
from local_cloud.java import java_home
from local_cloud.settings import Settings, settings_from_environment

SAMPLE = REPOSITORY / "sample-data"
SAMPLE_DATASETS = ("customers", "transactions")
# How often the workflow is started until nothing is left; more means that a stage does not get on.
MAX_RUNS = 3


@dataclass(frozen=True)
class LocalDeployment:
    """One deployment to a local cloud.

    Args:
        console: where progress is shown.
        variables: Terraform variables given on the command line or by the environment.
        with_sample: whether the sample data is ingested after the deployment.
    """

    console: Console
    variables: dict[str, str]
    with_sample: bool

    def deploy(self) -> None:
        """Bring everything up and run it.

        Raises:
            StepFailedError: a step failed.
        """
        settings = settings_from_environment()
        terraform = self._prepared(settings)
        change(self.console, "terraform apply", terraform.apply)
        outputs = terraform.outputs()
        verify(self.console, outputs, settings.region, "local")
        if self.with_sample:
            self._ingest_sample(outputs)
        show_summary(self.console, boto3.resource("dynamodb"), outputs, settings.lake)
        _show_next(self.console, outputs)

    def plan(self) -> None:
        """Show what an apply would change."""
        show_plan(self.console, self._prepared(settings_from_environment()))

    def destroy(self) -> None:
        """Stop the local cloud and remove all its state: Terraform's, too."""
        with step(self.console, "Remove the local cloud") as current:
            settings = settings_from_environment()
            cloud.reset(settings)
            current.note(str(settings.home))

    def _prepared(self, settings: Settings) -> Terraform:
        """The local cloud running, everything packaged, and Terraform initialised for it."""
        terraform = here.local_terraform(settings, self.variables)
        with step(self.console, "Check the tools") as current:
            version, java = terraform.check(), java_home()
            current.note(f"Terraform {version}, Java at {java}")
        with step(self.console, "Start the local cloud") as current:
            started = cloud.start(settings)
            current.note(f"{', '.join(started) or 'runs already'} at {settings.endpoint}")
        here.enter(settings)
        package(self.console)
        with step(self.console, "terraform init") as current:
            current.note(terraform.init(here.backend(settings)))
        return terraform

    def _ingest_sample(self, outputs: dict[str, Any]) -> None:
        with step(self.console, "Upload the sample data") as current:
            raw = outputs["bucket_names"]["raw"]
            current.note(f"{upload_sample(raw)} new file(s) to s3://{raw}/{INCOMING}")
        dynamodb, s3, glue = boto3.resource("dynamodb"), boto3.client("s3"), boto3.client("glue")
        for _ in range(MAX_RUNS):
            left = unfinished_work(dynamodb, s3, outputs)
            if not left:
                return
            with step(self.console, "Run the workflow") as current:
                run_id = start_or_join(glue, outputs["workflow_name"])
                jobs = wait_for(glue, outputs["workflow_name"], run_id, current.progress)
                current.note(", ".join(f"{job.name.rpartition('-')[2]} {job.seconds} s" for job in jobs))
        left = unfinished_work(dynamodb, s3, outputs)
        if left:
            raise DeploymentError(f"after {MAX_RUNS} runs there is still work left: {'; '.join(left[:5])}")


def package(console: Console) -> None:
    """Make the zips of the Glue library and the Lambdas."""
    with step(console, "Package the Glue library and the Lambdas") as current:
        command = [sys.executable, str(REPOSITORY / "terraform" / "scripts" / "package.py")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeploymentError(done.stderr.strip() or done.stdout.strip())
        states = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
        current.note(f"{states.count('packed')} packed, {states.count('unchanged')} unchanged")


def upload_sample(bucket: str) -> int:
    """Bring the sample into the raw bucket, files that are there in the same size left alone; how many were sent.

    Args:
        bucket: name of the raw bucket.

    Raises:
        DeploymentError: the upload failed.
    """
    s5cmd = shutil.which("s5cmd", path=str(Path(sys.executable).parent)) or "s5cmd"
    sent = 0
    for dataset in SAMPLE_DATASETS:
        command = [s5cmd, "--endpoint-url", os.environ["AWS_ENDPOINT_URL"], "sync", "--size-only"]
        command += [f"{SAMPLE / dataset}/", f"s3://{bucket}/{INCOMING}{dataset}/"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeploymentError(f"the sample could not be uploaded: {done.stderr.strip()}")
        sent += sum(line.startswith("cp ") for line in done.stdout.splitlines())
    return sent


def _show_next(console: Console, outputs: dict[str, Any]) -> None:
    workflow, raw = outputs["workflow_name"], outputs["bucket_names"]["raw"]
    commands = (
        'eval "$(./scripts/local_cloud.sh env)"',
        f"aws s3 cp sample-data.csv s3://{raw}/{INCOMING}2024/01/15/     # starts the workflow by itself",
        f"aws glue start-workflow-run --name {workflow}",
        f"aws glue get-job-runs --job-name {outputs['job_names']['data_ingestion']}",
        "aws logs tail /aws-glue/jobs/output",
        "./scripts/local_cloud.sh status",
        "./scripts/check_deployment_status.sh local",
    )
    show_commands(console, commands)
