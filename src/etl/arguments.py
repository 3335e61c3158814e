"""A job's arguments are texts: each is turned into a value, or into an error that says what would be right."""

from __future__ import annotations

import re
from collections.abc import Mapping

from etl.errors import ArgumentError

_SECRET = re.compile(r"arn:[^:\s]+:secretsmanager:[^:\s]*:[^:\s]*:secret:\S+")
_FLAGS = {"true": True, "false": False}


def bucket_uri(arguments: Mapping[str, str], name: str) -> str:
    """The URI of a bucket given by its name, with a trailing slash.

    Raises:
        ArgumentError: it is no name.
    """
    bucket = arguments[name]
    if not bucket or "/" in bucket:
        raise ArgumentError(f"--{name} is {bucket!r}; it must be the name of a bucket, without s3:// and /")
    return f"s3://{bucket}/"


def whole_number(arguments: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """A whole number of at least ``least``.

    Raises:
        ArgumentError: it is none.
    """
    text = arguments.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,9}", text) or int(text) < least:
        raise ArgumentError(f"--{name} is {text!r}; it must be a whole number of at least {least}")
    return int(text)


def flag(arguments: Mapping[str, str], name: str, default: bool) -> bool:
    """``true`` or ``false``.

    Raises:
        ArgumentError: it is neither.
    """
    text = arguments.get(name)
    if text is None:
        return default
    if text.lower() not in _FLAGS:
        raise ArgumentError(f"--{name} is {text!r}; it must be true or false")
    return _FLAGS[text.lower()]


def secret_arn(arguments: Mapping[str, str], name: str) -> str:
    """The ARN of a secret, or an empty text where there is none.

    Raises:
        ArgumentError: it is no such ARN. The value is not repeated: it may be the secret itself, given by mistake.
    """
    text = arguments.get(name, "")
    if text and not _SECRET.fullmatch(text):
        raise ArgumentError(
            f"--{name} is not the ARN of a secret; it must look like "
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:name (modules/security of Terraform puts it out)"
        )
    return text
