"""What was found out about the parts of a deployment, and what it comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class Verdict(str, Enum):
    """How a part is, from good to bad."""

    OK = "ok"
    # Nobody wanted it looked at, or there is nothing to look at.
    NOT_CHECKED = "not_checked"
    WARN = "warn"
    # It was to be looked at, and could not be: health can't be vouched for.
    UNKNOWN = "unknown"
    BAD = "bad"
    MISSING = "missing"


_ORDER = list(Verdict)
UNHEALTHY = (Verdict.UNKNOWN, Verdict.BAD, Verdict.MISSING)


class About(str, Enum):
    """What a problem is about: whether the part is as it was made, or how its work goes."""

    SETUP = "setup"
    OPERATION = "operation"


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Args:
        verdict: how bad it is.
        text: what it is.
        todo: what would put it right.
        about: see :class:`About`.
    """

    verdict: Verdict
    text: str
    todo: str = ""
    about: About = About.SETUP


@dataclass(frozen=True)
class Judgement:
    """What the answers about one part say.

    Args:
        text: how it is, in a few words.
        problems: what is wrong with it.
        facts: what was read, for JSON.
    """

    text: str
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One part and how it is.

    Args:
        part: its kind, such as ``queues``.
        key: which one, as Terraform knows it.
        name: its name, ARN or id.
        judgement: what was found.
    """

    part: str
    key: str
    name: str
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """That of the worst problem."""
        return max((problem.verdict for problem in self.judgement.problems), key=_ORDER.index, default=Verdict.OK)

    @property
    def problems_of_setup(self) -> tuple[Problem, ...]:
        """What is not there, or not as it was made."""
        found = self.judgement.problems
        return tuple(one for one in found if one.about is About.SETUP and one.verdict in (Verdict.BAD, Verdict.MISSING))

    @property
    def text(self) -> str:
        """What is wrong, then how it is."""
        return "; ".join([*(problem.text for problem in self.judgement.problems), *filter(None, [self.judgement.text])])

    @property
    def todo(self) -> str:
        """What would put it right, as far as that is known."""
        return "; ".join(dict.fromkeys(problem.todo for problem in self.judgement.problems if problem.todo))


@dataclass(frozen=True)
class Report:
    """Everything that was found out about one environment.

    Args:
        environment: its name.
        account: AWS account.
        region: AWS region.
        at: when it was looked at, UTC.
        findings: one for each part.
    """

    environment: str
    account: str
    region: str
    at: datetime
    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is bad or missing, and everything could be looked at; warnings are no ill health."""
        return not any(finding.verdict in UNHEALTHY for finding in self.findings)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many parts have which verdict."""
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in Verdict}


def judged(text: str, problems: Iterable[Problem] = (), **facts: Any) -> Judgement:
    """A judgement, facts that are None left out."""
    return Judgement(text, tuple(problems), {name: fact for name, fact in facts.items() if fact is not None})


def bad(text: str, todo: str = "", about: About = About.SETUP) -> Problem:
    """A part that is not as it was made, or does not work."""
    return Problem(Verdict.BAD, text, todo, about)


def warn(text: str, todo: str = "", about: About = About.OPERATION) -> Problem:
    """Something to look at, that keeps nothing from working."""
    return Problem(Verdict.WARN, text, todo, about)
