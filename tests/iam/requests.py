"""Whether the policies of a plan let a request through, as IAM decides it.

Statements are matched by the evaluator of the local cloud's emulator, which is also what the end-to-end tests with IAM
enforced run against; how the policies of a role, a resource and an endpoint go together is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ministack.core.iam_evaluator import EvalContext, evaluate, evaluate_resource_policy, parse_policy_document
from tests.iam.documents import Document, Statement
from tests.terraform_plans import ACCOUNT, REGION

ELSEWHERE = "999999999999"

# Who may do everything in their own account, so that only policies of resources and endpoints can stop them.
ALL_RIGHTS = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
PEOPLE = {"operator": ACCOUNT, "stranger": ELSEWHERE}

# The interface endpoint that a service is called by, where it has another name.
ENDPOINT_NAMES = {"cloudwatch": "monitoring", "kinesis": "kinesis-streams"}


@dataclass(frozen=True)
class Request:
    """One call of one action on one resource, by `who`: a role's key, a person of PEOPLE, or a service."""

    who: str
    action: str
    resource: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)
    from_vpc: bool = False

    def __str__(self) -> str:
        situation = f" with {dict(self.context)}" if self.context else ""
        return f"{self.who}: {self.action} on {self.resource}{situation}"


class Policies:
    """The documents of a plan, and the names of the resources that they are for."""

    def __init__(self, documents: Mapping[str, Document], owners: Mapping[str, str]) -> None:
        """`owners` has the document's name by the ARN of a resource (of a bucket also for what is in it)."""
        self.documents = documents
        self.owners = owners

    def involved(self, request: Request) -> dict[str, str]:
        """Returns the names of the documents that decide on a request, by what they are to it."""
        found = {"identity": f"role {request.who}"}
        owner = request.resource.split("/")[0] if request.resource.startswith("arn:aws:s3:::") else request.resource
        found["resource"] = self.owners.get(owner, "")
        service = request.action.partition(":")[0]
        if request.from_vpc and not _is_service(request.who):
            found["endpoint"] = f"endpoint {ENDPOINT_NAMES.get(service, service)}"
        return {part: name for part, name in found.items() if name in self.documents}

    def allows(self, request: Request, instead: Mapping[str, Sequence[Statement]] | None = None) -> bool:
        """Says whether the request gets through; documents that `instead` names have those statements instead."""
        statements = {
            part: list((instead or {}).get(name, self.documents[name].statements))
            for part, name in self.involved(request).items()
        }
        return _allowed(request, statements)


def _allowed(request: Request, statements: Mapping[str, list[Statement]]) -> bool:
    context = _context(request)
    service = request.who if _is_service(request.who) else None
    own = ALL_RIGHTS if request.who in PEOPLE else statements.get("identity", [])
    decisions = {"identity": evaluate(context, [parse_policy_document({"Statement": own})]).decision}
    for part in ("resource", "endpoint"):
        if part in statements:
            policy = {"Statement": statements[part]}
            decisions[part] = evaluate_resource_policy(policy, context, service=service).decision
    if "Deny" in decisions.values() or decisions.get("endpoint", "Allow") != "Allow":
        return False
    if service or (context.principal_account != ACCOUNT and "resource" in statements):
        needed = {"resource"}  # IAM of this account says nothing about them
    elif "resource" in statements and request.action.startswith(("kms:", "sts:")):
        needed = {"identity", "resource"}  # keys and roles say themselves whether policies of IAM count
    else:
        needed = {"identity"}
    return all(decisions.get(part) == "Allow" for part in needed)


def _is_service(who: str) -> bool:
    return who.endswith(".amazonaws.com")


def _context(request: Request) -> EvalContext:
    account = PEOPLE.get(request.who, ACCOUNT)
    values = {key.lower(): value for key, value in request.context.items()}
    arn = f"service:{request.who}" if _is_service(request.who) else f"arn:aws:iam::{account}:role/{request.who}"
    return EvalContext(
        principal_arn=arn,
        principal_type="AssumedRole",
        principal_account=account,
        action=request.action,
        resource_arn=request.resource,
        region=REGION,
        source_ip="10.0.0.1",
        secure_transport=values.pop("aws:securetransport", "true") == "true",
        service_context={"s3:tlsversion": "1.3", "aws:tagkeys": None, **values},
    )
