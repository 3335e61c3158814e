"""How AWS is asked about a part: clients, what a check is made of, and what a refusal means."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deployment_status.findings import Judgement, Problem, Verdict, judged

_CONFIG = Config(
    connect_timeout=5, read_timeout=20, max_pool_connections=16, retries={"mode": "standard", "max_attempts": 8}
)
# What services call a thing that is not there.
_ABSENT = (
    "404",
    "EntityNotFoundException",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ResourceNotFound",
    "ResourceNotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
)
_DENIED = ("403", "AccessDenied", "AuthorizationError", "Unauthorized", "UnrecognizedClient", "InvalidClientToken")

Answers = Mapping[str, Any]


class AbsentError(Exception):
    """A part that an answer does not list."""


class Clients:
    """Clients by service, made once; threads may ask at the same time.

    Args:
        region: where everything is.
        session: how AWS is spoken to; without one, as this process is configured.
    """

    def __init__(self, region: str, session: boto3.Session | None = None) -> None:
        self._session = session or boto3.Session(region_name=region)
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __call__(self, service: str) -> Any:
        """A client of a service; the same one for each who asks."""
        with self._lock:  # making a client is not safe in threads; using one is
            if service not in self._made:
                self._made[service] = self._session.client(service, config=_CONFIG)
            return self._made[service]

    def table(self, name: str) -> Any:
        """A DynamoDB table whose items come as plain values."""
        with self._lock:
            if "tables" not in self._made:
                self._made["tables"] = self._session.resource("dynamodb", config=_CONFIG)
            return self._made["tables"].Table(name)


@dataclass(frozen=True)
class Subject:
    """What a check looks at.

    Args:
        environment: name of the environment.
        now: the moment that ages are counted from, UTC.
        parts: the deployment's parts by kind and key, from Terraform's outputs.
        expected: what was asked for where it can be one or the other, from the same.
        key: which part of its kind; empty where a check looks at all of a kind together.
        name: its name, ARN or id.
    """

    environment: str
    now: datetime
    parts: Mapping[str, Mapping[str, str]]
    expected: Mapping[str, Any]
    key: str = ""
    name: str = ""

    @property
    def deploy(self) -> str:
        """The command that makes what is missing, and puts back what was changed."""
        return f"./scripts/deploy.sh {self.environment}"


Look = Callable[[Clients, Subject], Answers]
Judge = Callable[[Answers, Subject], "Judgement | Mapping[str, Judgement]"]


@dataclass(frozen=True)
class Check:
    """One kind of part.

    Args:
        part: the kind, a key of Terraform's output ``parts``.
        title: heading of its rows.
        look: asks AWS; nothing is judged there.
        judge: says what the answers mean; a function of its arguments alone.
        actions: IAM actions that ``look`` needs.
        resource: type of the Terraform resource that makes such a part.
        together: whether one look answers for all parts of the kind; ``judge`` then answers by key.
        folded: whether parts that are well are counted instead of listed.
    """

    part: str
    title: str
    look: Look
    judge: Judge
    actions: tuple[str, ...]
    resource: str = ""
    together: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Metric:
    """Where a number comes from in CloudWatch, over which time."""

    namespace: str
    name: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    statistic: str = "Sum"
    over: timedelta = timedelta(hours=24)


def measured(clients: Clients, metric: Metric, now: datetime) -> float | None:
    """A metric's value over a time until now: the sum or the maximum; None where there is none.

    Args:
        clients: for CloudWatch.
        metric: what to read.
        now: the end of the time.
    """
    points = clients("cloudwatch").get_metric_statistics(
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in metric.dimensions.items()],
        StartTime=now - metric.over,
        EndTime=now,
        Period=300,
        Statistics=[metric.statistic],
    )["Datapoints"]
    values = [point[metric.statistic] for point in points]
    return (sum(values) if metric.statistic == "Sum" else max(values)) if values else None


def unanswered(error: Exception, check: Check, subject: Subject) -> Judgement:
    """What an error says of a part: it is missing, or it can't be looked at and why.

    Args:
        error: what ``look`` raised.
        check: the check.
        subject: what it looked at.
    """
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    # Athena has no code of its own for it.
    absent = code == "InvalidRequestException" and "not found" in str(error)
    if isinstance(error, AbsentError) or code in _ABSENT or absent:
        return missing(subject, check.resource)
    if any(denied in code for denied in _DENIED):
        text, todo = f"may not be looked at: {error}", f"allow {', '.join(check.actions)} (docs/deployment.md)"
    elif isinstance(error, KeyError):
        text, todo = f"could not be looked at: AWS's answer has no field {error}", "tell the authors of this check"
    else:
        text, todo = f"could not be looked at: {error}", "try again"
    return judged("", [Problem(Verdict.UNKNOWN, " ".join(text.split()), todo)])


def missing(subject: Subject, resource: str) -> Judgement:
    """A part that is not there, and what would make it."""
    made_as = f" ({resource})" if resource else ""
    return judged("", [Problem(Verdict.MISSING, "is not there", f"{subject.deploy} makes it{made_as}")])


def age(since: datetime, now: datetime) -> str:
    """How long ago something was, in one unit."""
    seconds = max((now - since).total_seconds(), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


# What an answer that does not come is, besides a refusal.
FAILURES = (AbsentError, BotoCoreError, ClientError, KeyError)
