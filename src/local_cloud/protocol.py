"""Glue's wire format: AWS JSON 1.1 with the operation in a header, and its errors."""

from __future__ import annotations

import base64
import functools
import json
import re
import secrets
from collections.abc import Sequence
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

JsonObject = dict[str, Any]

_DEFAULT_PAGE = 100


class GlueError(Exception):
    """An error that Glue reports to its client.

    Args:
        code: Glue's name of the error, such as ``EntityNotFoundException``.
        message: what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(message: str) -> GlueError:
    """Something that is named does not exist."""
    return GlueError("EntityNotFoundException", message)


def invalid(message: str) -> GlueError:
    """The request is not one that Glue would take."""
    return GlueError("InvalidInputException", message)


def concurrent_runs_exceeded(what: str) -> GlueError:
    """A job or workflow has as many runs under way as it may."""
    return GlueError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {what}")


def error_body(error: GlueError) -> JsonObject:
    """The body of an error answer."""
    return {"__type": error.code, "Message": error.message, "message": error.message}


def operation_of(target: str) -> str:
    """The operation named by an ``X-Amz-Target`` header; empty when it names none of Glue's."""
    prefix, _, operation = target.partition(".")
    return operation if prefix == "AWSGlue" else ""


def parse_request(operation: str, body: bytes) -> JsonObject:
    """Read a request and check it against AWS's own model of the operation.

    Raises:
        GlueError: it is not JSON, or a parameter is missing or of the wrong type.
    """
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise GlueError("SerializationException", f"the request is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise GlueError("SerializationException", "the request is not a JSON object")
    shape = _service_model().operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise invalid(f"{operation}: {report.generate_report()}")
    return request


def job_run_id() -> str:
    """A new id of a job run, in Glue's form."""
    return f"jr_{secrets.token_hex(32)}"


def workflow_run_id() -> str:
    """A new id of a workflow run, in Glue's form."""
    return f"wr_{secrets.token_hex(32)}"


def attempt_id(first_id: str, attempt: int) -> str:
    """The id of a later attempt at a run: Glue appends the number of the attempt."""
    return f"{re.sub(r'_attempt_[0-9]+$', '', first_id)}_attempt_{attempt}"


def page(items: Sequence[Any], request: JsonObject, default: int = _DEFAULT_PAGE) -> tuple[list[Any], JsonObject]:
    """One page of a list.

    Returns:
        The items of this page, and ``{"NextToken": …}`` when there are more.

    Raises:
        GlueError: the token is not one of ours.
    """
    start = _offset(request.get("NextToken"))
    size = int(request.get("MaxResults") or default)
    chosen = list(items[start : start + size])
    if start + size >= len(items):
        return chosen, {}
    token = base64.urlsafe_b64encode(json.dumps({"offset": start + size}).encode()).decode()
    return chosen, {"NextToken": token}


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["offset"])
    except (ValueError, KeyError, TypeError) as error:
        raise invalid(f"NextToken {token!r} was not given by this endpoint") from error


@functools.cache
def _service_model() -> Any:
    return botocore.session.get_session().get_service_model("glue")
