"""The policy documents of a plan, and every way to take something out of one of them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.terraform_plans import Plan

Statement = dict[str, Any]

# Where a plan has policies: the kind of document, and the attribute. What a document belongs to is its resource's key.
SOURCES = {
    "aws_iam_role": ("trust", "assume_role_policy"),
    "aws_iam_role_policy": ("role", "policy"),
    "aws_kms_key": ("key", "policy"),
    "aws_s3_bucket_policy": ("bucket", "policy"),
    "aws_sns_topic_policy": ("topic", "policy"),
    "aws_sqs_queue": ("queue", "policy"),
    "aws_vpc_endpoint": ("endpoint", "policy"),
}

# Attributes by which other resources could hold a policy that no test looks at.
POLICY_ATTRIBUTES = ("access_policy", "inline_policy", "policy", "resource_policy")


@dataclass
class Document:
    """The statements that are in force for one role, or on one bucket, key, queue, topic or endpoint."""

    kind: str
    owner: str
    statements: list[Statement]

    @property
    def name(self) -> str:
        return f"{self.kind} {self.owner}"

    def policy(self) -> dict[str, Any]:
        """Returns it as a policy."""
        return {"Version": "2012-10-17", "Statement": self.statements}


@dataclass(frozen=True)
class Cut:
    """A document without something: a statement, or one action, resource, principal or condition of it."""

    sid: str
    what: str
    statements: tuple[Statement, ...]

    def __str__(self) -> str:
        return f"{self.sid}: {self.what}"


def documents(plan: Plan) -> dict[str, Document]:
    """Every policy of a plan by name, such as `role data_quality`; fails for one that only an apply would tell."""
    found: dict[str, Document] = {}
    for one in plan.resources:
        values = one["values"]
        if one["type"] not in SOURCES:
            unknown = [name for name in POLICY_ATTRIBUTES if values.get(name)]
            assert not unknown, (
                f"{one['address']} has a {unknown[0]}: add the type to SOURCES in tests/iam/documents.py"
            )
            continue
        kind, attribute = SOURCES[one["type"]]
        assert values.get(attribute), (
            f"the {attribute} of {one['address']} is not known before it is applied: let it name what it refers to by "
            "its name, or add the type that it refers to to NAMES_ONCE_THERE in tests/terraform_plans.py"
        )
        owner = owner_of(one)
        document = found.setdefault(f"{kind} {owner}", Document(kind, owner, []))
        statements = json.loads(values[attribute])["Statement"]
        document.statements += statements if isinstance(statements, list) else [statements]
    return found


def owner_of(resource: dict[str, Any]) -> str:
    """What a document of the resource is called by: the resource's key; a queue has its own name."""
    return str(resource["values"]["name"] if resource["type"] == "aws_sqs_queue" else resource["index"])


def listed(value: Any) -> list[Any]:
    """A policy's value, which may stand alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]


def sid_of(statement: Statement) -> str:
    """The name of a statement; a statement without one is called by its actions."""
    return statement.get("Sid") or "+".join(listed(statement["Action"]))


def cuts(document: Document) -> Iterator[Cut]:
    """Yields the document without each statement, and without each single part of its statements."""
    for number, statement in enumerate(document.statements):
        before, after = document.statements[:number], document.statements[number + 1 :]
        yield Cut(sid_of(statement), "the statement", (*before, *after))
        for what, rest in _parts(statement):
            yield Cut(sid_of(statement), what, (*before, rest, *after))


def _parts(statement: Statement) -> Iterator[tuple[str, Statement]]:
    for path, value in _values(statement):
        place = statement
        for step in path[:-1]:
            place = place[step]
        if len(listed(place[path[-1]])) > 1:
            yield f"{' '.join(path)} {value}", _without(statement, path, value)
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            yield f"the condition {operator} {key}", _without(statement, ("Condition", operator, key))


def _values(statement: Statement) -> Iterator[tuple[tuple[str, ...], str]]:
    for element in ("Action", "Resource"):
        yield from (((element,), value) for value in listed(statement.get(element, [])))
    for element in ("Principal", "Condition"):
        block = statement.get(element, {})
        nested = block.items() if isinstance(block, dict) else ()
        for outer, inner in nested:
            if element == "Principal":
                yield from (((element, outer), value) for value in listed(inner))
            else:
                yield from (((element, outer, key), value) for key, values in inner.items() for value in listed(values))


def _without(statement: Statement, path: tuple[str, ...], value: str | None = None) -> Statement:
    """A copy of the statement without a value of a list, or without all that stands at the path."""
    rest = copy.deepcopy(statement)
    place = rest
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]].remove(value)
    return rest


def wildcards(document: Document) -> Iterator[tuple[str, str, str]]:
    """Yields statement, element and value of everything in the document that stands for more than one thing."""
    for statement in document.statements:
        for path, value in _values(statement):
            if path[0] != "Condition" and re.search(r"[*?]", value):
                yield sid_of(statement), path[0], value
        if statement.get("Principal") == "*":
            yield sid_of(statement), "Principal", "*"
        for element in ("NotAction", "NotResource", "NotPrincipal"):
            if element in statement:
                yield sid_of(statement), element, json.dumps(statement[element])
