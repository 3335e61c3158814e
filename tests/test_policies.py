"""Every policy of every role, as Terraform makes it with everything switched on: no wildcard, and each is documented.

What the local cloud's emulator does not enforce is held here.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.terraform_runs import REPO, TERRAFORM, terraform_checkout

# AWS has no other form of these; docs/security.md has the reason of each.
WITHOUT_RESOURCE = {
    "Metrics": {"cloudwatch:PutMetricData"},
    "DescribeNetwork": {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
    },
    "FindGroup": {"logs:DescribeLogGroups"},
    "Tracing": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
}


@dataclass(frozen=True)
class Statement:
    """One statement of a role's policy."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.role} {self.sid}"


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The resources of modules/security with everything switched on, made by a mocked provider."""
    with terraform_checkout(tmp_path_factory.mktemp("checkout")) as terraform:
        done = terraform.run("modules/security", "test", "-json", "-verbose", "-filter=tests/policies.tftest.hcl")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    state = next(line for line in done.stdout.splitlines() if '"type":"test_state"' in line)
    found: list[dict[str, Any]] = json.loads(state)["test_state"]["root_module"]["resources"]
    return found


def values(resources: list[dict[str, Any]], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((one["index"], one["values"]) for one in resources if one["type"] == kind)


@pytest.fixture(scope="module")
def statements(resources: list[dict[str, Any]]) -> list[Statement]:
    return [
        Statement(role, found["Sid"], tuple(found["Action"]), tuple(found["Resource"]))
        for role, policy in values(resources, "aws_iam_role_policy")
        for found in json.loads(policy["policy"])["Statement"]
    ]


def test_all_statements_are_allowances_of_named_actions(
    resources: list[dict[str, Any]], statements: list[Statement]
) -> None:
    assert len({one.role for one in statements}) == 9
    for _, policy in values(resources, "aws_iam_role_policy"):
        for found in json.loads(policy["policy"])["Statement"]:
            assert set(found) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, (
                found
            )  # no NotAction, NotResource
            assert found["Effect"] == "Allow"
    wild = [
        str(one) for one in statements if any(not re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", name) for name in one.actions)
    ]
    assert not wild


def test_only_what_has_no_resources_is_granted_on_every_resource(statements: list[Statement]) -> None:
    on_all = [one for one in statements if "*" in one.resources]
    assert {one.sid for one in on_all} == set(WITHOUT_RESOURCE)
    for one in on_all:
        assert set(one.actions) <= WITHOUT_RESOURCE[one.sid], str(one)


def test_every_resource_is_the_pipeline_s_own_or_glue_s(statements: list[Statement]) -> None:
    shared = re.compile(
        r"arn:aws:(logs:us-east-1:123456789012:log-group:/aws-glue/.+"
        r"|glue:us-east-1:123456789012:(catalog|database/default|database/global_temp)"
        r"|kms:us-east-1:123456789012:key/.+"
        r"|ec2:us-east-1:123456789012:(network-interface/\*|subnet/subnet-0a|security-group/sg-0b|vpc/vpc-0c))"
    )
    foreign = [
        f"{one}: {resource}"
        for one in statements
        for resource in one.resources
        if resource != "*" and not shared.fullmatch(resource) and not re.search(r"demo[-_]test", resource)
    ]
    assert not foreign


def test_a_role_can_be_used_by_one_service_and_no_principal(resources: list[dict[str, Any]]) -> None:
    for role, found in values(resources, "aws_iam_role"):
        (statement,) = json.loads(found["assume_role_policy"])["Statement"]
        assert statement["Action"] == "sts:AssumeRole"
        assert list(statement["Principal"]) == ["Service"], role
        assert isinstance(statement["Principal"]["Service"], str)


def test_no_role_can_raise_its_own_rights(statements: list[Statement]) -> None:
    raising = re.compile(r"(iam|sts|organizations|lambda):.*|kms:(PutKeyPolicy|CreateGrant)|s3:PutBucketPolicy")
    assert not [str(one) for one in statements if any(raising.fullmatch(action) for action in one.actions)]


def documented() -> dict[tuple[str, str], set[str]]:
    """The tables of roles in docs/security.md: the actions by role and statement."""
    text = (REPO / "docs" / "security.md").read_text(encoding="utf-8")
    found: dict[tuple[str, str], set[str]] = {}
    for section in re.split(r"^#{2,3} ", text, flags=re.MULTILINE)[1:]:
        roles = re.findall(r"`([a-z_]+)`", section.splitlines()[0])
        for sid, actions in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", section, re.MULTILINE):
            for role in roles:
                found.setdefault((role, sid), set()).update(re.findall(r"`([a-z0-9]+:\w+)`", actions))
    return found


def test_the_security_page_tells_of_every_statement_and_of_no_other(statements: list[Statement]) -> None:
    granted: dict[tuple[str, str], set[str]] = {}
    for one in statements:
        granted.setdefault((one.role, one.sid), set()).update(one.actions)
    told = documented()
    assert sorted(granted) == sorted(told)
    assert {key: sorted(actions) for key, actions in granted.items()} == {
        key: sorted(actions) for key, actions in told.items()
    }


def test_key_policies_name_their_actions_and_services(resources: list[dict[str, Any]]) -> None:
    keys = dict(values(resources, "aws_kms_key"))
    assert set(keys) == {"data", "telemetry"}
    for use, key in keys.items():
        for statement in json.loads(key["policy"])["Statement"]:
            assert not [action for action in statement["Action"] if "*" in action], (use, statement["Sid"])
            assert "*" not in json.dumps(statement["Principal"])
            assert "Service" not in statement["Principal"] or statement["Condition"], (use, statement["Sid"])


@pytest.fixture(scope="module")
def auditors() -> Path:
    """The programs of the security audit, in an environment of their own (terraform/scripts/audit.sh)."""
    return REPO / "terraform" / "scripts" / "audit.sh"


def test_parliament_and_cloudsplaining_find_nothing(
    auditors: Path, resources: list[dict[str, Any]], tmp_path: Path
) -> None:
    for role, policy in values(resources, "aws_iam_role_policy"):
        name = re.sub(r"\W", "-", role)
        (tmp_path / f"{name}.json").write_text(policy["policy"], encoding="utf-8")
    done = subprocess.run([str(auditors), "policies", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_whatever_checkov_skips_has_a_reason() -> None:
    skips = [
        (file.relative_to(TERRAFORM), line.strip())
        for file in TERRAFORM.rglob("*.tf")
        for line in file.read_text(encoding="utf-8").splitlines()
        if "checkov:skip" in line
    ]
    assert skips
    assert not [skip for skip in skips if not re.fullmatch(r"#checkov:skip=CKV2?_AWS_\d+:\S.{20,}\.", skip[1])]
    assert not list(TERRAFORM.rglob(".checkov*"))


def test_checkov_finds_nothing(auditors: Path) -> None:
    done = subprocess.run([str(auditors), "terraform"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"Passed checks: (\d+), Failed checks: 0", done.stdout)
    assert passed and int(passed[1]) > 100, done.stdout
