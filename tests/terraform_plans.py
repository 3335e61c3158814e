"""Plans of the environments as Terraform's own JSON, made without AWS and without its network.

The provider is the real one. What it asks AWS for a plan (whose account is this, which zones are there, some random
characters) moto's server answers.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer
from terraform.scripts import package
from tests.terraform_runs import REPO, Checkout, terraform_checkout

ACCOUNT = "123456789012"
REGION = "us-east-1"

# What a resource of each type is called once it is there: {hex} comes from its address, the rest from its own values.
# A VPC can't be changed afterwards, so what lies in it has to name the one that it will lie in.
NAMES_ONCE_THERE = {
    "aws_cloudwatch_event_rule": {"arn": "arn:aws:events:{owner}:rule/{name}", "id": "{name}"},
    "aws_kinesis_stream": {"arn": "arn:aws:kinesis:{owner}:stream/{name}", "id": "{arn}"},
    "aws_kms_key": {"key_id": "{hex}", "arn": "arn:aws:kms:{owner}:key/{hex}", "id": "{hex}"},
    "aws_s3_bucket": {"arn": "arn:aws:s3:::{bucket}", "id": "{bucket}"},
    "aws_secretsmanager_secret": {
        "arn": "arn:aws:secretsmanager:{owner}:secret:{name}-a1B2c3",
        "id": "{arn}",
    },
    "aws_security_group": {
        "vpc_id": "vpc-{vpc}",
        "arn": "arn:aws:ec2:{owner}:security-group/sg-{hex}",
        "id": "sg-{hex}",
    },
    "aws_sns_topic": {"arn": "arn:aws:sns:{owner}:{name}", "id": "{arn}"},
    "aws_sqs_queue": {
        "arn": "arn:aws:sqs:{owner}:{name}",
        "url": "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "id": "{url}",
    },
    "aws_subnet": {
        "vpc_id": "vpc-{vpc}",
        "arn": "arn:aws:ec2:{owner}:subnet/subnet-{hex}",
        "id": "subnet-{hex}",
    },
    "aws_vpc": {"arn": "arn:aws:ec2:{owner}:vpc/vpc-{hex}", "id": "vpc-{hex}"},
}

Resource = dict[str, Any]


class Plan:
    """A plan as `terraform show -json` prints it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.content: dict[str, Any] = json.loads(text)

    @cached_property
    def resources(self) -> list[Resource]:
        """All that is to be there, with the values that are known by now; `module` is the address of its module."""
        return list(_resources(self.content["planned_values"]["root_module"]))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The values of the resources of a type, by address."""
        return {one["address"]: one["values"] for one in self.resources if one["type"] == kind}


def _resources(module: dict[str, Any]) -> Iterator[Resource]:
    for one in module.get("resources", []):
        if one["mode"] == "managed":
            yield {**one, "module": module.get("address")}
    for child in module.get("child_modules", []):
        yield from _resources(child)


class Planner:
    """Makes plans in the environments of a copy of terraform/."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout = checkout
        self.folder = folder
        self._pack(folder / "build")

    def _pack(self, build: Path) -> None:
        (build / "lambda").mkdir(parents=True)
        lambdas = [f"lambda/{name}.zip" for name in (*package.LAMBDAS, package.CONNECTOR_LAMBDA)]
        for name in ("glue_etl_library.zip", package.CONNECTOR_WHEEL, *lambdas):
            (build / name).write_bytes(b"The plan needs only its hash.")

    def plan(self, environment: str, values: str = "", state: dict[str, Any] | None = None) -> Plan:
        """Plans an environment with its own values and those of `values`, which is what a tfvars file holds.

        With `state` it is planned as if those resources were there, and nobody looks how they are. Errors and warnings
        fail the test.
        """
        folder, file = f"environments/{environment}", self.folder / "planned"
        (self.checkout.root / folder / "terraform.tfstate").write_text(json.dumps(state) if state else "")
        done = self.try_plan(environment, values, f"-out={file}", "-refresh=false")
        assert done.returncode == 0 and "Warning" not in done.stdout, f"{environment}:\n{done.stdout}{done.stderr}"
        shown = self.checkout.run(folder, "show", "-json", str(file))
        assert shown.returncode == 0, shown.stderr
        return Plan(shown.stdout)

    def try_plan(self, environment: str, values: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs `terraform plan` in an environment, whatever comes of it."""
        file = self.folder / "values.tfvars"
        places = {"source_dir": REPO / "src", "build_dir": self.folder / "build"}
        lines = [f'{name} = "{place}"' for name, place in places.items()]
        file.write_text("\n".join([*lines, values, ""]), encoding="utf-8")
        fixed = ("-input=false", "-no-color", "-lock=false", "-compact-warnings", f"-var-file={file}")
        return self.checkout.run(f"environments/{environment}", "plan", *fixed, *options)

    def plan_with_names(self, environment: str, values: str = "") -> Plan:
        """A plan in which all that others refer to is there, so that no policy is unknown until it is applied."""
        first = self.plan(environment, values)
        return self.plan(environment, values, state=state_of(first))


def state_of(plan: Plan) -> dict[str, Any]:
    """Terraform's state as it would be if the plan's resources of NAMES_ONCE_THERE had been made."""
    version = plan.content["terraform_version"]
    vpc = next((_number(address) for address in plan.of("aws_vpc")), None)
    resources = [_in_state(one, vpc) for one in plan.resources if one["type"] in NAMES_ONCE_THERE]
    return {"version": 4, "terraform_version": version, "serial": 1, "lineage": "planned", "resources": resources}


def _number(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:17]


def _in_state(resource: Resource, vpc: str | None) -> dict[str, Any]:
    values = dict(resource["values"])
    known = {
        "owner": f"{REGION}:{ACCOUNT}",
        "region": REGION,
        "account": ACCOUNT,
        "vpc": vpc,
        "hex": _number(resource["address"]),
    }
    for key, template in NAMES_ONCE_THERE[resource["type"]].items():
        values[key] = template.format_map(known | values)
    instance = {"schema_version": resource["schema_version"], "attributes": values}
    if "index" in resource:
        instance["index_key"] = resource["index"]
    return {
        **{key: resource[key] for key in ("module", "mode", "type", "name")},
        "provider": f'provider["{resource["provider_name"]}"]',
        "instances": [instance],
    }


@contextmanager
def terraform_planner(folder: Path) -> Iterator[Planner]:
    """Something that plans in a new copy of terraform/ in `folder`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        account = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        with terraform_checkout(folder, AWS_ENDPOINT_URL=f"http://{host}:{port}", **account) as checkout:
            yield Planner(checkout, folder)
    finally:
        server.stop()
