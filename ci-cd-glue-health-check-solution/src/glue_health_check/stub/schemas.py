"""Reads what a table looks like: from a dataset contract (YAML), a JSON Schema or an Avro schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastavro
import yaml
from fastavro.schema import SchemaParseException

from glue_health_check.errors import MisuseError
from glue_health_check.output.dqdl import Rule, parse_rules
from glue_health_check.stub.fields import Field, Table, Type, parse_type

_JSON_TYPES = {"string": "string", "integer": "long", "number": "double", "boolean": "boolean"}
_AVRO_TYPES = {
    "string": "string", "bytes": "binary", "fixed": "binary", "int": "int", "long": "long",
    "float": "float", "double": "double", "boolean": "boolean", "enum": "string", "null": "string",
}  # fmt: skip
_AVRO_LOGICAL = {
    "date": "date", "timestamp-millis": "timestamp", "timestamp-micros": "timestamp", "uuid": "string",
}  # fmt: skip


def read_table(path: Path) -> Table:
    """What a schema file describes.

    Args:
        path: a contract (it has ``columns``), a JSON Schema (it has ``properties``), or an Avro schema (a ``record``).

    Raises:
        MisuseError: it is none of them.
    """
    try:
        # YAML takes JSON, too.
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MisuseError(f"the schema {path} can't be read: {error}") from error
    try:
        if isinstance(loaded, dict) and isinstance(loaded.get("columns"), list):
            return from_contract(loaded)
        if isinstance(loaded, dict) and loaded.get("type") == "record":
            return from_avro(loaded)
        if isinstance(loaded, dict) and isinstance(loaded.get("properties"), dict):
            return from_json_schema(loaded, path.stem.split(".")[0])
    except (KeyError, TypeError, AttributeError) as error:
        raise MisuseError(f"the schema {path} is not complete: {type(error).__name__} {error}") from error
    except MisuseError as error:
        raise MisuseError(f"the schema {path}: {error}") from error
    raise MisuseError(
        f"{path} is no schema: it must be a dataset contract with columns, a JSON Schema with properties, "
        "or an Avro schema of type record"
    )


def from_contract(contract: Mapping[str, Any]) -> Table:
    """The table of a dataset contract.

    Its DQDL rules limit the values, so that stub data pass them. Rules about personal data don't: they speak of what
    has been hashed or masked.
    """
    key = contract.get("key") or []
    rules = parse_rules((contract.get("quality") or {}).get("rules", "")).rules
    fields = []
    for column in contract["columns"]:
        name = column["name"]
        unique = list(key) == [name]
        one = Field(name, parse_type(column["type"]), bool(column.get("required")) or name in key, unique)
        fields.append(one if column.get("pii") else _limited(one, rules))
    return Table(str(contract["name"]), tuple(fields))


def from_json_schema(schema: Mapping[str, Any], name: str) -> Table:
    """The table of a JSON Schema of one row."""
    required = set(schema.get("required", ()))
    fields = [_json_field(column, of, schema, column in required) for column, of in schema["properties"].items()]
    return Table(schema.get("title", name), tuple(fields))


def from_avro(schema: Mapping[str, Any]) -> Table:
    """The table of an Avro schema.

    Raises:
        MisuseError: it is not valid.
    """
    try:
        parsed: Any = fastavro.parse_schema(dict(schema))
    except SchemaParseException as error:
        raise MisuseError(f"is no valid Avro schema: {error}") from error
    return Table(str(schema["name"]), tuple(_avro_field(field["name"], field["type"]) for field in parsed["fields"]))


def _limited(field: Field, rules: tuple[Rule, ...]) -> Field:
    for rule in rules:
        if rule.columns != (field.name,):
            continue
        if rule.kind in ("IsUnique", "IsPrimaryKey"):
            field = replace(field, unique=True)
        if rule.kind in ("IsComplete", "IsPrimaryKey"):
            field = replace(field, required=True)
        if rule.kind == "ColumnValues" and rule.choices:
            field = replace(field, choices=rule.choices)
        if rule.kind == "ColumnValues" and rule.pattern:
            field = replace(field, pattern=rule.pattern)
        if rule.kind == "ColumnLength" or (
            rule.kind == "ColumnValues" and field.type.kind not in ("date", "timestamp")
        ):
            low, high = rule.limits()
            field = replace(
                field,
                least=low if low is not None else field.least,
                most=high if high is not None else field.most,
            )
    return field


def _json_field(name: str, schema: Mapping[str, Any], root: Mapping[str, Any], required: bool) -> Field:
    schema = _resolved(schema, root)
    kinds = schema.get("type", "string" if "enum" not in schema else _kind_of(schema["enum"]))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    kind = next((kind for kind in kinds if kind != "null"), "string")
    form = schema.get("format", "")
    if kind == "object":
        needed = set(schema.get("required", ()))
        parts = [_json_field(part, of, root, part in needed) for part, of in schema.get("properties", {}).items()]
        of = Type("struct", items=tuple(parts)) if parts else Type("map", items=(Field("", Type("string")),))
    elif kind == "array":
        of = Type("array", items=(_json_field("", schema.get("items", {"type": "string"}), root, True),))
    else:
        of = Type({"date-time": "timestamp", "date": "date"}.get(form, _JSON_TYPES.get(kind, "string")))
    choices = (schema["const"],) if "const" in schema else tuple(v for v in schema.get("enum", ()) if v is not None)
    low = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    high = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    low = schema["exclusiveMinimum"] + 1 if _is_number(schema.get("exclusiveMinimum")) else low
    high = schema["exclusiveMaximum"] - 1 if _is_number(schema.get("exclusiveMaximum")) else high
    always = required and "null" not in kinds
    return Field(name, of, always, False, choices, low, high, schema.get("pattern", ""), form)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    for _ in range(10):
        reference = schema.get("$ref", "")
        if not reference:
            return schema
        if not reference.startswith("#/"):
            raise MisuseError(f"$ref {reference!r} leads out of the file; only #/… can be followed")
        target: Any = root
        for step in reference[2:].split("/"):
            target = target[step]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    raise MisuseError("$ref leads in a circle, which stub data can't follow")


def _kind_of(values: list[Any]) -> str:
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(_is_number(value) for value in values):
        return "integer" if all(isinstance(value, int) for value in values) else "number"
    return "string"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _avro_field(name: str, of: Any, required: bool = True) -> Field:
    if isinstance(of, list):  # a union: the first that is not null
        rest = [one for one in of if one != "null"]
        return _avro_field(name, rest[0] if rest else "null", required=len(rest) == len(of))
    schema: Mapping[str, Any] = of if isinstance(of, dict) else {"type": of}
    kind, logical = schema["type"], schema.get("logicalType", "")
    if isinstance(kind, dict | list):
        return _avro_field(name, kind, required)
    if logical == "decimal":
        return Field(name, Type("decimal", int(schema["precision"]), int(schema.get("scale", 0))), required)
    if kind == "array":
        return Field(name, Type("array", items=(_avro_field("", schema["items"]),)), required)
    if kind == "map":
        return Field(name, Type("map", items=(_avro_field("", schema["values"]),)), required)
    if kind == "record":
        parts = tuple(_avro_field(part["name"], part["type"]) for part in schema["fields"])
        return Field(name, Type("struct", items=parts), required)
    if kind not in _AVRO_TYPES:
        raise MisuseError(f"the field {name} has the type {kind!r}, which stub data can't be made of")
    choices = tuple(schema.get("symbols", ()))
    form = "uuid" if logical == "uuid" else ""
    return Field(name, Type(_AVRO_LOGICAL.get(logical, _AVRO_TYPES[kind])), required, choices=choices, form=form)
