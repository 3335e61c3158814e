"""Health checks by Lambdas on the local cloud: applied with Terraform, called, woken by events and a webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import signal
import subprocess
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

import boto3

from system_test.checks import broken
from system_test.github_stub import COMMIT, REPOSITORY, GitHub, github
from system_test.outcomes import CaseError, Outcomes
from system_test.stage import EXAMPLES, HERE, Stage
from system_test.stage import REPOSITORY as CHECKOUT

BUCKET, PREFIX = "health-check-lambda-work", "glue-health-check"
SECRET, TOKEN = "health-check-webhook", "health-check-token"
_SECONDS = 240


@dataclass(frozen=True)
class Deployed:
    """The Lambdas on a stage.

    Attributes:
        stage: the local cloud.
        environment: with what CI sets.
        url: of the webhook, on this machine.
        key: secret of the webhook.
    """

    stage: Stage
    environment: dict[str, str]
    url: str
    key: str

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start the shell that has Lambdas make a check."""
        command = [str(HERE / "scripts/glue_health_check_with_lambda.sh"), "--pr", "7", "--poll", "0.3", *arguments]
        env = {**self.environment, **environment}
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def try_lambdas(stage: Stage, outcomes: Outcomes) -> None:
    """Try everything about the Lambdas; most of its time Terraform waits for the emulator. Leaves nothing behind."""
    with github({"health-check.yml": EXAMPLES / "broken/check.yml", "good.py": EXAMPLES / "broken/good.py"}) as api:
        with outcomes.case("Terraform brings the Lambdas onto the local cloud") as told:
            done = _implement(stage, api, "--yes")
            told.shown = next((line for line in done.splitlines() if "Apply complete" in line), "")
        if told.failed:
            return
        deployed = _deployed(stage)
        with ThreadPoolExecutor(3) as pool:
            waiting = [
                pool.submit(_try_events, deployed, outcomes),
                pool.submit(_try_cancel, deployed, outcomes),
                pool.submit(_try_webhook, deployed, api, outcomes),
            ]
            for one in waiting:
                one.result()
        with outcomes.case("Lambdas' checks leave nothing behind but reports"):
            if left := _left():
                raise CaseError(f"left behind: {left}")
        with outcomes.case("Terraform removes the Lambdas again"):
            _implement(stage, api, "--yes", "--destroy")
            _remove_own()


def _try_events(deployed: Deployed, outcomes: Outcomes) -> None:
    """Nobody asks the monitor here: it learns of the job's end by Glue's event, or there is no report."""
    with outcomes.case("a wrong schema fails, checked by Lambdas that Glue's event wakes") as told:
        process = deployed.start(*broken("wrong_schema"), LAMBDA_MONITOR_FUNCTION="")
        out, rest = process.communicate(timeout=_SECONDS)
        if process.returncode != 1 or "the column order_id is missing" not in out:
            raise CaseError(f"exit {process.returncode} instead of 1, or another reason:\n{out}{rest}")
        told.shown = "the column order_id is missing"


def _try_cancel(deployed: Deployed, outcomes: Outcomes) -> None:
    with outcomes.case("a cancelled check by Lambdas (SIGTERM) is removed") as told:
        process = deployed.start(*broken("hang"))
        if process.stderr is None:
            raise CaseError("the check has no standard error")
        line = next((line for line in process.stderr if line.rstrip().endswith("RUNNING")), "")
        if not line:
            raise CaseError(f"its job never ran: {process.communicate()}")
        process.send_signal(signal.SIGTERM)
        out, rest = process.communicate(timeout=_SECONDS)
        if process.returncode != 3 or "cancelled by SIGTERM" not in out:
            raise CaseError(f"exit {process.returncode} instead of 3:\n{out}{rest}")
        told.shown = "exit 3, cleanup was called"


def _try_webhook(deployed: Deployed, api: GitHub, outcomes: Outcomes) -> None:
    with outcomes.case("a signed webhook has its commit checked once, others are refused") as told:
        moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        head = {"sha": COMMIT, "repo": {"full_name": REPOSITORY}}
        pull = {"number": 42, "updated_at": moment, "head": head}
        repository = {"full_name": REPOSITORY}
        body = json.dumps({"action": "opened", "pull_request": pull, "repository": repository}).encode()
        right = hmac.new(deployed.key.encode(), body, hashlib.sha256).hexdigest()
        wrong = hmac.new(b"guessed", body, hashlib.sha256).hexdigest()
        answers = [_deliver(deployed.url, body, signature) for signature in (wrong, right, right)]
        if answers != [401, 202, 202]:
            raise CaseError(f"the webhook answered {answers} instead of [401, 202, 202]")
        told_states = [api.status(_SECONDS)["state"] for _ in range(2)]
        if told_states != ["pending", "success"] or not api.statuses.empty():
            raise CaseError(f"GitHub was told {told_states}, and {api.statuses.qsize()} more")
        told.shown = "401, 202, 202; the commit was pending, then success"


def _deliver(url: str, body: bytes, signature: str) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": "pull_request",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:  # noqa: S310 - this machine
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _implement(stage: Stage, api: GitHub, *options: str) -> str:
    """Run the script that implements the Lambdas. Its state and Terraform's files lie in the stage's folder."""
    s3, keeper = boto3.client("s3"), boto3.client("secretsmanager")
    if "--destroy" not in options:
        s3.create_bucket(Bucket=BUCKET)
        for name in (SECRET, TOKEN):
            keeper.create_secret(Name=name, SecretString=secrets.token_hex(16))
    arns = {name: keeper.describe_secret(SecretId=name)["ARN"] for name in (SECRET, TOKEN)}
    webhook = {"enabled": True, "repositories": {REPOSITORY: ["health-check.yml"]}, "secret_arn": arns[SECRET]}
    # A bucket that Terraform makes takes it a minute, for its lifecycle.
    variables = {
        "create_work_bucket": "false",
        "github_api_url": api.url,
        "github_token_secret_arn": arns[TOKEN],
        "webhook": json.dumps(webhook),
    }
    fast = ["-no-color", "-refresh=false"]  # nobody else changes anything here
    command = [str(HERE / "scripts/implement_health_check_system.sh"), BUCKET, *options, "--", *fast]
    command += [f"-var={name}={value}" for name, value in variables.items()]
    done = subprocess.run(command, env=_terraform(stage), capture_output=True, text=True, timeout=_SECONDS)
    if done.returncode:
        raise CaseError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
    return done.stdout


def _terraform(stage: Stage) -> dict[str, str]:
    """Where Terraform keeps its things, and the provider where there is no way to the registry."""
    finder = CHECKOUT / "terraform/scripts/plugin_dir.py"
    found = subprocess.run(["python3", str(finder)], capture_output=True, text=True)
    mirror = {"TF_PLUGIN_DIR": found.stdout.strip()} if found.returncode == 0 else {}
    state = str(stage.folder / "lambdas.tfstate")
    return {**stage.environment, **mirror, "HEALTH_CHECK_STATE": state, "TF_DATA_DIR": str(stage.folder / "terraform")}


def _deployed(stage: Stage) -> Deployed:
    answer = boto3.client("lambda").get_function_url_config(FunctionName=f"{PREFIX}-webhook")
    url_id = answer["FunctionUrl"].split("//")[1].split(".")[0]
    names = {f"LAMBDA_{name.upper()}_FUNCTION": f"{PREFIX}-{name}" for name in ("trigger", "monitor", "cleanup")}
    key = boto3.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    environment = {**stage.environment, **names, "SCRIPT_LOCATION": f"s3://{BUCKET}/"}
    # Names of hosts need not be known here: the emulator takes the id as a path, too.
    return Deployed(stage, environment, f"{os.environ['AWS_ENDPOINT_URL']}/_aws/lambda-url/{url_id}/", key)


def _left() -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [one["Key"] for one in found if not one["Key"].startswith("glue-health-checks/_reports/")]


def _remove_own() -> None:
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.objects.delete()
    bucket.delete()
    for name in (SECRET, TOKEN):
        boto3.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
