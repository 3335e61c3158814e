"""Every policy that Terraform makes with everything switched on: all that is needed is allowed, and nothing else is.

What is needed, and why, is in terraform/needs; the policies come from one plan of prod, and a real evaluator decides.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from terraform.scripts import permissions_page
from tests.iam.documents import Cut, Document, cuts, sid_of, wildcards
from tests.iam.needs import Check, Pipeline
from tests.terraform_plans import Plan, terraform_planner
from tests.terraform_runs import REPO, TERRAFORM

AUDIT = TERRAFORM / "scripts" / "audit.sh"

# All that is off or empty in prod, so that every policy is there. Something new to switch on belongs here.
EVERYTHING = """
crawlers               = { raw = { prefix = "data/incoming/" } }
table_optimizers       = { orders = {} }
streaming              = {}
connector_secrets      = { shop = { description = "The shop's database", jobs = ["data_ingestion"] } }
enable_schema_registry = true
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    with terraform_planner(tmp_path_factory.mktemp("checkout")) as planner:
        return planner.plan_with_names("prod", EVERYTHING)


@pytest.fixture(scope="module")
def pipeline(plan: Plan) -> Pipeline:
    return Pipeline(plan)


@pytest.fixture(scope="module")
def deciding(pipeline: Pipeline) -> dict[str, list[Check]]:
    """The checks that hang on each document, by its name."""
    found: dict[str, list[Check]] = defaultdict(list)
    for check in pipeline.checks:
        for name in pipeline.policies.involved(check.request).values():
            found[name].append(check)
    return found


def test_what_is_needed_is_allowed_and_what_must_not_be_is_refused(pipeline: Pipeline) -> None:
    wrong = [check for check in pipeline.checks if pipeline.policies.allows(check.request) is not check.allowed]
    missing = [str(check) for check in wrong if check.allowed]
    open_ = [str(check) for check in wrong if not check.allowed]
    assert not missing, "needed, but no policy allows it (grant it in terraform/modules/security/grants_*.tf):\n" + (
        "\n".join(missing)
    )
    assert not open_, "must be refused, but the policies allow it:\n" + "\n".join(open_)


def unnoticed(pipeline: Pipeline, document: Document, deciding: list[Check]) -> Iterator[Cut]:
    """The parts of a document without which every check comes out the same."""
    for cut in cuts(document):
        instead = {document.name: cut.statements}
        if all(pipeline.policies.allows(check.request, instead) is check.allowed for check in deciding):
            yield cut


def test_nothing_can_be_taken_out_of_a_policy_unnoticed(pipeline: Pipeline, deciding: dict[str, list[Check]]) -> None:
    found = {
        document: list(unnoticed(pipeline, document, deciding[document.name]))
        for document in map(pipeline.documents.__getitem__, pipeline.documents)
    }
    told = [advice(pipeline, document, cut) for document, cut_list in found.items() for cut in cut_list]
    assert not told, f"{len(told)} parts of policies that nothing needs:\n" + "\n".join(told)


def advice(pipeline: Pipeline, document: Document, cut: Cut) -> str:
    """Says what nothing needs, and what to write where if it is needed after all."""
    statement = next(one for one in document.statements if sid_of(one) == cut.sid)
    file = f"terraform/needs/{document.owner}.yml" if document.kind == "role" else "the file of terraform/needs for it"
    text = f"{document.name}, {pipeline.short(str(cut))}\n  take it out of the policy, or say in {file} "
    values = {
        name: [pipeline.short(one) for one in listed]
        for name in ("Action", "Resource")
        if (listed := statement[name] if isinstance(statement[name], list) else [statement[name]])
    }
    if "condition" in cut.what:
        return f"{text}(under refused:) what must not be done:\n    - for: …\n      do: {values['Action']}\n      on: {values['Resource']}"
    return text
