"""What the Lambdas are asked: typed requests, checked against data/request.schema.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from glue_health_check.errors import MisuseError
from glue_health_check.settings import validate


@dataclass(frozen=True)
class Source:
    """Where a check comes from in GitHub.

    Attributes:
        repository: ``owner/name``.
        commit: its SHA.
        check_file: path of the check file in it.
    """

    repository: str
    commit: str
    check_file: str


@dataclass(frozen=True)
class CheckRequest:
    """Somebody wants a health check.

    Attributes:
        id: of the check; whoever asks chooses it, and asking again with it starts nothing anew.
        check: the content of a check file; None when it is in the source.
        source: in GitHub; None when the files lie in the work bucket.
        strict: whether warnings fail the check.
    """

    id: str
    check: dict[str, Any] | None = None
    source: Source | None = None
    strict: bool = False


@dataclass(frozen=True)
class LookRequest:
    """Somebody wants to know how a check goes."""

    id: str


@dataclass(frozen=True)
class CleanupRequest:
    """Somebody wants all of a check removed."""

    id: str


@dataclass(frozen=True)
class SweepRequest:
    """What crashed checks left is to be removed, as if it were the moment ``at``."""

    at: datetime


Request = CheckRequest | LookRequest | CleanupRequest | SweepRequest


def request_from(event: Any, *actions: str) -> Request:
    """A request of what a Lambda is called with.

    Args:
        event: the call's event.
        actions: those that this Lambda does.

    Raises:
        MisuseError: it is none, or for another Lambda; the message names the field.
    """
    problem = best_match(Draft202012Validator(_schema()).iter_errors(event))
    if problem is not None:
        where = ".".join(map(str, problem.absolute_path)) or "the top"
        raise MisuseError(f"the request is wrong at {where}: {problem.message}")
    if event["action"] not in actions:
        raise MisuseError(f"the request's action is {event['action']!r}; this Lambda does {' and '.join(actions)}")
    return _made(event)


def _made(event: Mapping[str, Any]) -> Request:
    if event["action"] == "sweep":
        return SweepRequest(_moment(event.get("at")))
    if event["action"] in ("look", "cleanup"):
        return (LookRequest if event["action"] == "look" else CleanupRequest)(event["id"])
    if "check" in event:
        validate(event["check"], "the request's check")
    source = Source(**event["source"]) if "source" in event else None
    return CheckRequest(event["id"], event.get("check"), source, event.get("strict", False))


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(timezone.utc)
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except ValueError as error:
        raise MisuseError(f"the request's at is {text!r}; it must be like 2024-01-15T10:20:30+00:00") from error


@cache
def _schema() -> dict[str, Any]:
    text = resources.files("glue_health_check").joinpath("data/request.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
