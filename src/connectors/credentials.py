"""What a secret holds, as fields. Its text is never logged, and stands in no error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from connectors.errors import CredentialsError


def fields_of(name: str, text: str, plain: str = "") -> dict[str, str]:
    """The fields of a secret.

    Args:
        name: the secret's, for errors.
        text: a JSON object of texts and numbers, or just the one value.
        plain: field that a text which is no JSON object is; "": there must be an object.

    Raises:
        CredentialsError: it is neither.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, Mapping):
        return {str(key): str(value) for key, value in document.items()}
    if not plain or not text.strip():
        raise CredentialsError(f"the secret {name} is no JSON object; see docs/connectors.md for the fields it needs")
    return {plain: text.strip()}


def require(name: str, fields: Mapping[str, str], wanted: Iterable[str]) -> None:
    """Check that fields are there.

    Raises:
        CredentialsError: naming those that are missing.
    """
    missing = [field for field in wanted if not fields.get(field)]
    if missing:
        has = ", ".join(sorted(fields)) or "nothing"
        raise CredentialsError(f"the secret {name} has no field {', '.join(missing)}; its fields are: {has}")
