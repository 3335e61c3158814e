"""Connector files: read from YAML (by tools) or JSON (as published), and checked before anything is fetched."""

from __future__ import annotations

import difflib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import fastjsonschema

from connectors.errors import ConfigurationError
from connectors.model import Connector, connector_from
from connectors.values import cursor_type

_PATTERNS = {
    "name": "lower-case letters, digits and _, starting with a letter",
    "dataset": "lower-case letters, digits and _, starting with a letter",
    "schedule": "rate(15 minutes) or cron(0 2 * * ? *)",
    "secret": "a name of connector_secrets: lower-case letters, digits and hyphens",  # an explanation # nosec B105
    "records": "a dotted path such as data.items, or $ where the answer is the list itself",
    "token_url": "an http(s) URL without user and password",  # an explanation # nosec B105
}
_URLS = {
    "rest": "an http(s) URL without user and password, which belong into the secret",
    "database": "an SQLAlchemy URL without user and password, which belong into the secret, such as "
    "postgresql+psycopg2://db.example.com:5432/shop",
}
# What each kind of paging needs, and what else it takes. Every API may be told how many rows a page is to have.
_SIZE = {"size", "size_parameter"}
_PAGING: dict[str, tuple[set[str], set[str]]] = {
    "none": (set(), set()),
    "next_link": ({"path"}, _SIZE),
    "header_link": (set(), {"relation"} | _SIZE),
    "token": ({"path", "parameter"}, _SIZE),
    "page": ({"parameter"}, {"first", "path"} | _SIZE),
    "offset": ({"parameter"} | _SIZE, {"path"}),
}


def parse_connectors(texts: Mapping[str, str]) -> dict[str, Connector]:
    """Read connectors and check each.

    Args:
        texts: file name -> YAML or JSON text.

    Returns:
        name -> connector.

    Raises:
        ConfigurationError: with every problem found in any of them.
    """
    problems: list[str] = []
    connectors: dict[str, Connector] = {}
    for file, text in sorted(texts.items()):
        document, found = _document(text, file.endswith(".json"))
        if not found:
            found = list(_problems(PurePosixPath(file).stem, document))
        problems += [f"{file}: {problem}" for problem in found]
        if not found:
            connectors[document["name"]] = connector_from(document)
    if problems:
        raise ConfigurationError(problems)
    return connectors


def _document(text: str, is_json: bool) -> tuple[Any, list[str]]:
    """The parsed text, or why it can't be parsed."""
    if is_json:
        try:
            return json.loads(text), []
        except ValueError as error:
            return None, [f"is not readable as JSON: {error}"]
    import yaml  # Lambda and Glue's Python shell read published JSON, and have no YAML

    try:
        return yaml.safe_load(text), []
    except yaml.YAMLError as error:
        return None, [f"is not readable as YAML: {error}"]


def _problems(stem: str, document: Any) -> Iterator[str]:
    if not isinstance(document, dict):
        yield f"holds {type(document).__name__}, and a connector is a mapping of fields"
        return
    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        yield _schema_problem(error)
        return
    if document["name"] != stem:
        yield f"name: {document['name']!r} must be the file's name, {stem!r}"
    if ("rest" in document) == ("database" in document):
        yield "a connector has exactly one source: give it either rest or database"
    if "database" in document and document.get("schedule", "").startswith("rate"):
        yield "schedule: Glue's triggers know no rate(…); write cron(…), such as cron(0/15 * * * ? *)"
    if "rest" in document:
        yield from _rest_problems(document["rest"])
    if "incremental" in document:
        yield from _incremental_problems(document["incremental"], "rest" in document)


def _rest_problems(rest: Mapping[str, Any]) -> Iterator[str]:
    paging = rest.get("paging", {"type": "none"})
    needs, takes = _PAGING[paging["type"]]
    given = set(paging) - {"type"}
    for name in sorted(needs - given):
        yield f"rest.paging: type {paging['type']} needs the field {name!r}"
    for name in sorted(given - needs - takes):
        yield f"rest.paging: type {paging['type']} takes no field {name!r}"
    authentication = rest.get("authentication", {})
    if (authentication.get("type") == "oauth2_client_credentials") != ("token_url" in authentication):
        yield "rest.authentication: token_url belongs to type oauth2_client_credentials, which needs it"
    if authentication.get("type") != "api_key" and set(authentication) & {"name", "place"}:
        yield "rest.authentication: name and place belong to type api_key"
    hidden = [name for name in rest.get("headers", {}) if name.lower() in ("authorization", "x-api-key", "cookie")]
    if hidden:
        yield f"rest.headers: {hidden[0]!r} is a secret; put it into Secrets Manager and use authentication"


def _incremental_problems(section: Mapping[str, Any], is_rest: bool) -> Iterator[str]:
    kind = section["type"]
    if kind != "timestamp":
        for name in sorted(set(section) & {"format", "lag_seconds", "overlap_seconds", "until_parameter"}):
            yield f"incremental.{name}: belongs to type timestamp, and the type is {kind}"
    if not is_rest:
        for name in sorted(set(section) & {"format", "parameter", "until_parameter"}):
            yield f"incremental.{name}: belongs to rest; a database is asked by its columns"
    if "start" in section:
        try:
            cursor_type(kind, section.get("format", "iso")).parse(section["start"])
        except ValueError as error:
            yield f"incremental.start: {error}"


@lru_cache(maxsize=1)
def _validator() -> Callable[[Any], Any]:
    schema = pkgutil.get_data("config", "connector.schema.json")
    if schema is None:
        raise FileNotFoundError("config/connector.schema.json is missing from the package")
    compiled: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema), use_default=False)
    return compiled


def _schema_problem(error: Any) -> str:
    """A JSON Schema error as one line: the field, what it holds, and what would be right."""
    field = ".".join(str(part) for part in error.path[1:]) or "the connector"
    if error.rule == "additionalProperties":
        known = sorted(error.definition.get("properties", {}))
        unknown = sorted(str(name) for name in error.value if name not in known)
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return f"{field}: unknown field {', '.join(map(repr, unknown))}{hint}; known: {', '.join(known)}"
    if error.rule == "required":
        missing = [name for name in error.rule_definition if name not in error.value]
        return f"{field}: field {', '.join(map(repr, missing))} is missing"
    if error.rule == "enum":
        return f"{field}: {error.value!r} is not one of {', '.join(error.rule_definition)}"
    if error.rule == "pattern":
        last, parent = error.path[-1], error.path[-2]
        wanted = _URLS.get(parent, "") if last == "url" else _PATTERNS.get(last, f"like {error.rule_definition}")
        return f"{field}: {_without_password(error.value)!r} must be {wanted}"
    hint = "; to YAML that is a date, for text put it in quotes" if isinstance(error.value, date) else ""
    told = error.message.split(" ", 1)[1].replace("['", "").replace("']", "").replace("', '", " or ")
    return f"{field}: {told}, found {str(error.value)!r}{hint}"


def _without_password(text: str) -> str:
    return re.sub(r"//[^@/]*@", "//***@", text)
