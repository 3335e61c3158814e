"""How problems of contracts are told: one line each, with the field, what it holds, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from etl.contracts.column_types import TYPES, TypeTextError, parse_type


def schema_problem(error: Any) -> str:
    """A JSON Schema error as one line: the field, what it holds, and what would be right.

    Args:
        error: fastjsonschema's ``JsonSchemaValueException``.
    """
    field = ".".join(error.path[1:]) or "the contract"
    if error.rule == "additionalProperties":
        known = sorted(error.definition.get("properties", {}))
        # YAML has keys that are no text, such as the unquoted on (true).
        unknown = sorted(str(name) for name in error.value if name not in known)
        return f"{field}: unknown field {quoted(unknown)}{suggestion(unknown[0], known)}; known: {', '.join(known)}"
    if error.rule == "required":
        missing = [name for name in error.rule_definition if name not in error.value]
        return f"{field}: field {quoted(missing)} is missing"
    if error.rule == "enum":
        choices = ", ".join(str(each).lower() if isinstance(each, bool) else each for each in error.rule_definition)
        return f"{field}: {error.value!r} is not one of {choices}"
    if error.rule == "pattern" and error.path[-1] == "type":
        return f"{field}: {type_problem(error.value) or f'{error.value!r} is not a type; use {TYPES}'}"
    if error.rule == "pattern":
        return f"{field}: {error.value!r} must be lower case letters, digits and _, starting with a letter"
    # fastjsonschema names types by a list where there are several.
    told = error.message.split(" ", 1)[1].replace("['", "").replace("']", "").replace("', '", " or ")
    return f"{field}: {told}, found {error.value!r}{_quoting_hint(error)}"


def _quoting_hint(error: Any) -> str:
    """YAML makes other things than text of what looks like a switch, a number or a date."""
    if error.rule != "type" or error.rule_definition != "string" or isinstance(error.value, Mapping | list):
        return ""
    if isinstance(error.value, bool):
        return ' (YAML reads an unquoted yes, no, on and off as true or false; for text put it in quotes, as "no")'
    if error.value is None:
        return '; for an SQL null write "null", in quotes' if "set" in error.path else ""
    return "; for text put it in quotes"


def type_problem(text: str) -> str:
    """Why a text is no type, or ''."""
    try:
        parse_type(text)
    except TypeTextError as error:
        return str(error)
    return ""


def twice(where: str, names: list[str]) -> Iterator[str]:
    """A problem for each name that stands more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{where}: the name {name!r} is given twice"


def quoted(names: Iterable[str]) -> str:
    """Names as a list in a message."""
    return ", ".join(repr(name) for name in names)


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for a name that is nearly known, else ''."""
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
