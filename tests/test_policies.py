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
from tests.iam.documents import Cut, Document, cuts, listed, sid_of, wildcards
from tests.iam.needs import Check, Pipeline
from tests.terraform_plans import Plan, terraform_planner
from tests.terraform_runs import REPO, TERRAFORM

pytestmark = pytest.mark.terraform

AUDIT = TERRAFORM / "scripts" / "audit.sh"

# All that is off or empty in prod, so that every policy is there. Something new to switch on belongs here.
EVERYTHING = f"""
connectors_dir         = "{REPO / "src" / "config" / "connectors" / "examples"}"
crawlers               = {{ raw = {{ prefix = "data/incoming/" }} }}
table_optimizers       = {{ orders = {{}} }}
connector_secrets      = {{ shop = {{
  description = "The shop's", jobs = ["api_connector", "data_ingestion", "database_ingestion"]
}} }}
enable_nat_gateway     = true
enable_schema_registry = true
incoming_scan          = "quarantine"
streaming = {{ job = {{
  dataset        = "orders"
  stream_arn     = "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"
  stream_key_arn = "arn:aws:kms:us-east-1:123456789012:key/of-clicks"
  cluster_arn    = "arn:aws:kafka:us-east-1:123456789012:cluster/events/0a1b"
  topics         = ["orders"]
}} }}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    with terraform_planner(tmp_path_factory.mktemp("checkout")) as planner:
        return planner.plan_with_names("prod", EVERYTHING)


@pytest.fixture(scope="module")
def pipeline(plan: Plan) -> Pipeline:
    return Pipeline(plan)


def test_what_is_needed_is_allowed_and_what_must_not_be_is_refused(pipeline: Pipeline) -> None:
    wrong = [check for check in pipeline.checks if pipeline.policies.allows(check.request) is not check.allowed]
    missing = [f"{check}\n  needed: grant it in {grants(check.request.who)}" for check in wrong if check.allowed]
    too_much = [f"{check}\n  must be refused, but is allowed" for check in wrong if not check.allowed]
    assert not wrong, "\n".join([*missing, *too_much])


def grants(who: str) -> str:
    """The files that say what somebody may do."""
    where = "terraform/modules/security/grants_*.tf"
    return f"{where}, {who}" if not who.endswith(".amazonaws.com") else "the policy of what it is done to"


def test_nothing_can_be_taken_out_of_a_policy_unnoticed(pipeline: Pipeline) -> None:
    deciding: dict[str, list[Check]] = defaultdict(list)
    for check in pipeline.checks:
        for name in pipeline.policies.involved(check.request).values():
            deciding[name].append(check)
    found = [
        advice(pipeline, document, cut)
        for name, document in pipeline.documents.items()
        for cut in unnoticed(pipeline, document, deciding[name])
    ]
    assert not found, f"{len(found)} parts of policies are needed by nothing:\n" + "\n".join(found)


def unnoticed(pipeline: Pipeline, document: Document, deciding: list[Check]) -> Iterator[Cut]:
    """The parts of a document without which every check comes out the same."""
    for cut in cuts(document):
        instead = {document.name: cut.statements}
        if all(pipeline.policies.allows(check.request, instead) is check.allowed for check in deciding):
            yield cut


def advice(pipeline: Pipeline, document: Document, cut: Cut) -> str:
    """Says what nothing needs, and what to write where if it is needed after all."""
    statement = next(one for one in document.statements if sid_of(one) == cut.sid)
    grants_more = statement["Effect"] == "Allow" and "condition" not in cut.what
    own = TERRAFORM / "needs" / f"{document.owner}.yml"
    file = own.name if own.is_file() else "the file for it"
    resources = [pipeline.short(one) for one in listed(statement.get("Resource", f"iam:role/{document.owner}"))]
    return (
        f"{document.name}, {pipeline.short(str(cut))}\n  take it away, or add to terraform/needs/{file}, "
        f"under {'needs' if grants_more else 'refused'}:\n"
        f"  - for: <{'what needs it' if grants_more else 'what must not be done'}>\n"
        f"    actions: {json.dumps(listed(statement['Action']))}\n    resources: {json.dumps(resources)}"
    )


def test_a_superfluous_right_is_found_and_said_where_to_explain(pipeline: Pipeline) -> None:
    document = pipeline.documents["role data_trigger"]
    more = {
        "Sid": "More",
        "Effect": "Allow",
        "Action": ["glue:DeleteTable"],
        "Resource": [pipeline.arn("glue:catalog")],
    }
    changed = Document(document.kind, document.owner, [*document.statements, more])
    deciding = [check for check in pipeline.checks if check.request.who == "data_trigger"]
    (cut,) = unnoticed(pipeline, changed, deciding)
    told = advice(pipeline, changed, cut)
    assert told.splitlines()[1] == "  take it away, or add to terraform/needs/data_trigger.yml, under needs:"
    assert '    actions: ["glue:DeleteTable"]\n    resources: ["glue:catalog"]' in told


def test_every_wildcard_is_there_for_a_reason_and_no_reason_is_left_over(pipeline: Pipeline) -> None:
    found = [(document, *one) for document in pipeline.documents.values() for one in wildcards(document)]
    unexplained = [
        f"{one[0].name} {one[1]}: {one[2]} {pipeline.short(one[3])}"
        for one in found
        if not any(excuse.covers(*one) for excuse in pipeline.excused)
    ]
    unused = [excuse for excuse in pipeline.excused if not any(excuse.covers(*one) for one in found)]
    assert not unexplained, "name what is meant, or say why not in terraform/needs/wildcards.yml:\n" + (
        "\n".join(unexplained)
    )
    assert not unused, "no policy has these any more, take them out of terraform/needs/wildcards.yml:\n" + (
        "\n".join(map(str, unused))
    )


def test_roles_grant_by_allowances_alone_and_none_can_raise_its_own_rights(pipeline: Pipeline) -> None:
    raising = re.compile(r"(iam|sts|organizations|lambda):.*|kms:(PutKeyPolicy|CreateGrant)|s3:PutBucketPolicy")
    roles = [document for document in pipeline.documents.values() if document.kind == "role"]
    assert len(roles) >= 10
    for document in roles:
        for statement in document.statements:
            assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}, (document.name, statement)
            assert statement["Effect"] == "Allow", (document.name, statement)
            assert not [action for action in statement["Action"] if raising.fullmatch(action)], document.name


def test_the_page_of_permissions_is_written_from_the_needs() -> None:
    assert permissions_page.main(["--check"]) == 0


def audit(*arguments: object) -> str:
    """Runs the programs of the security audit, which have an environment of their own, and returns what they say."""
    command = [str(AUDIT), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_parliament_and_cloudsplaining_find_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    for document in pipeline.documents.values():
        if document.kind == "role":
            (tmp_path / f"{document.owner}.json").write_text(json.dumps(document.policy()), encoding="utf-8")
    audit("policies", tmp_path)


def test_checkov_finds_nothing_in_a_plan_of_everything(plan: Plan, tmp_path: Path) -> None:
    assert (
        plan.of("aws_nat_gateway") and plan.of("aws_glue_crawler") and plan.of("aws_kinesis_firehose_delivery_stream")
    )
    (tmp_path / "plan.json").write_text(plan.text, encoding="utf-8")
    passed = re.search(r"Passed checks: (\d+), Failed checks: 0", audit("plan", tmp_path / "plan.json"))
    assert passed and int(passed[1]) > 300
