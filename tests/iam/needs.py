"""The needs of terraform/needs, as requests that the policies of a plan have to let through or to refuse."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from tests.iam.documents import Document, documents, owner_of
from tests.iam.requests import Policies, Request
from tests.terraform_plans import ACCOUNT, REGION, Plan
from tests.terraform_runs import TERRAFORM

NEEDS = TERRAFORM / "needs"
WITHOUT_REGION = {"iam", "s3"}

# What has a document of its own by which it can refuse, by type: its kind, and the ARN that requests name.
OWN_DOCUMENTS = {
    "aws_iam_role": ("trust", "arn:aws:iam::{account}:role/{name}"),
    "aws_kms_key": ("key", "{arn}"),
    "aws_s3_bucket": ("bucket", "{arn}"),
    "aws_sns_topic": ("topic", "{arn}"),
    "aws_sqs_queue": ("queue", "{arn}"),
}

# What AWS gives a name to, by type: {key.data} and so on in the files of needs, and the attribute that it stands for.
NUMBERED = {
    "aws_kms_key": ("key", "key_id"),
    "aws_security_group": ("group", "id"),
    "aws_subnet": ("subnet", "id"),
    "aws_vpc": ("vpc", "id"),
}


@dataclass(frozen=True)
class Check:
    """A request that has to be allowed, or refused, and where that is written down."""

    file: str
    reason: str
    request: Request
    allowed: bool

    def __str__(self) -> str:
        return f"terraform/needs/{self.file} ({self.reason}): {self.request}"


class Pipeline:
    """The policies of one plan, and what its resources are called there."""

    def __init__(self, plan: Plan) -> None:
        self.documents = documents(plan)
        self.names = _names(plan)
        self.policies = Policies(self.documents, _owners(plan))

    def arn(self, resource: str) -> str:
        """Returns the ARN for a resource as the files of needs have it, such as `sqs:{prefix}-data-events`."""
        if resource == "*":
            return resource
        service, _, rest = resource.partition(":")
        owner = {"s3": ":", "iam": f":{ACCOUNT}"}.get(service, f"{REGION}:{ACCOUNT}")
        return f"arn:aws:{service}:{owner}:{self.filled(rest)}"

    def short(self, arn: str) -> str:
        """Returns an ARN as the files of needs have it."""
        for start in (f":{REGION}:{ACCOUNT}:", f"::{ACCOUNT}:", ":::"):
            arn = arn.replace(start, ":", 1)
        for name, value in self.names.items():
            arn = arn.replace(value, f"{{{name}}}")
        return arn.removeprefix("arn:aws:")

    def filled(self, text: str) -> str:
        """Returns a text with the names of this plan for {prefix}, {database} and the others."""
        for name, value in self.names.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    @cached_property
    def checks(self) -> list[Check]:
        """All that terraform/needs wants allowed and refused."""
        return [check for file in sorted(NEEDS.glob("*.yml")) for check in self._checks_of(file)]

    def _checks_of(self, file: Path) -> Iterator[Check]:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for kind, allowed in (("needs", True), ("refused", False)):
            for entry in content.get(kind, []):
                for request in self._requests(entry, content):
                    yield Check(file.name, entry["for"], request, allowed)

    def _requests(self, entry: dict[str, Any], content: dict[str, Any]) -> Iterator[Request]:
        context = {key: self._context(value) for key, value in entry.get("with", {}).items()}
        from_vpc = entry.get("from_vpc", content.get("from_vpc", False))
        for who in entry.get("by", content.get("roles", [])):
            for resource in _flat(entry["resources"]):
                for action in entry["actions"]:
                    yield Request(who, action, self.arn(resource), context, from_vpc)

    def _context(self, value: Any) -> str | list[str]:
        if isinstance(value, list):
            return [self.filled(str(one)) for one in value]
        return self.filled(str(value))

    @cached_property
    def excused(self) -> list[Excuse]:
        """The wildcards that may be there."""
        content = yaml.safe_load((NEEDS / "wildcards.yml").read_text(encoding="utf-8"))
        return [
            Excuse(statement, one["element"], self.arn(value) if one["element"] == "Resource" else value)
            for one in content["wildcards"]
            for statement in one["in"]
            for value in one["values"]
        ]


@dataclass(frozen=True)
class Excuse:
    """A wildcard that may be there."""

    statement: str
    element: str
    value: str

    def covers(self, document: Document, sid: str, element: str, value: str) -> bool:
        """Says whether it is for a wildcard of a document's statement."""
        same = (element, value) == (self.element, self.value)
        return same and fnmatch.fnmatchcase(f"{document.name} {sid}", self.statement)


def _flat(values: list[Any]) -> Iterator[str]:
    for value in values:
        yield from _flat(value) if isinstance(value, list) else [value]


def _names(plan: Plan) -> dict[str, str]:
    variables = {name: one["value"] for name, one in plan.content["variables"].items()}
    prefix = f"{variables['project_name']}-{variables['environment']}"
    names = {"account": ACCOUNT, "region": REGION, "prefix": prefix, "database": prefix.replace("-", "_")}
    for one in plan.resources:
        if one["type"] in NUMBERED:
            kind, attribute = NUMBERED[one["type"]]
            index = one.get("index")
            names[f"{kind}.{index}" if isinstance(index, str) else kind] = one["values"][attribute]
    return names


def _owners(plan: Plan) -> dict[str, str]:
    return {
        template.format_map({"account": ACCOUNT, **one["values"]}): f"{kind} {owner_of(one)}"
        for one in plan.resources
        for kind, template in [OWN_DOCUMENTS.get(one["type"], ("", ""))]
        if kind
    }
