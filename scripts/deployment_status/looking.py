"""Looks at all parts of a deployment at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from deployment_status.checks import CHECKS, STATE
from deployment_status.findings import Finding, Judgement
from deployment_status.questions import FAILURES, Check, Clients, Subject, unanswered

_AT_ONCE = 12
Progress = Callable[[int, int], None]


def _unheard(done: int, planned: int) -> None:
    """Progress that nobody wants to hear of."""


def look_at_all(
    outputs: Mapping[str, Any],
    clients: Clients,
    environment: str,
    *,
    checks: Sequence[Check] = CHECKS,
    on_progress: Progress = _unheard,
) -> list[Finding]:
    """Make every check of every part, and say what was found in the order of the checks.

    Args:
        outputs: Terraform's: ``parts`` and ``expected``.
        clients: how AWS is asked.
        environment: its name.
        checks: which.
        on_progress: called with looks done and looks planned.
    """
    subject = Subject(environment, datetime.now(timezone.utc), outputs["parts"], outputs["expected"])
    looks = [(check, one) for check in checks for one in _subjects(check, subject)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(_found, check, one, clients) for check, one in looks]
        _tell(futures, on_progress)
        return [finding for future in futures for finding in future.result()]


def _tell(futures: Sequence[Future[list[Finding]]], on_progress: Progress) -> None:
    for done, _ in enumerate(as_completed(futures), start=1):
        on_progress(done, len(futures))


def _subjects(check: Check, subject: Subject) -> Iterator[Subject]:
    parts = subject.parts.get(check.part, {})
    if check.together and (parts or check.part == STATE):
        yield subject
    elif not check.together:
        for key, name in parts.items():
            yield replace(subject, key=key, name=name)


def _found(check: Check, subject: Subject, clients: Clients) -> list[Finding]:
    judgement = _judged(check, subject, clients)
    if isinstance(judgement, Judgement):
        return [Finding(check.part, subject.key or "all", subject.name, judgement)]
    names = subject.parts.get(check.part, {})
    return [Finding(check.part, key, names.get(key, ""), one) for key, one in judgement.items()]


def _judged(check: Check, subject: Subject, clients: Clients) -> Judgement | Mapping[str, Judgement]:
    try:
        return check.judge(check.look(clients, subject), subject)
    except FAILURES as error:
        return unanswered(error, check, subject)
