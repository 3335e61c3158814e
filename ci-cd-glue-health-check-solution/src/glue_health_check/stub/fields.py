"""What stub data are made from: columns with types and limits, whatever they were read from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glue_health_check.errors import MisuseError

SCALARS = ("string", "int", "long", "float", "double", "boolean", "date", "timestamp", "binary")
_DECIMAL = re.compile(r"decimal\((\d+), ?(\d+)\)")
_HINT = "it must be a scalar type, decimal(p,s), array<type>, map<string,type> or struct<name:type,...>"


@dataclass(frozen=True)
class Type:
    """A column's type.

    Attributes:
        kind: one of SCALARS, or decimal, array, map, struct.
        precision, scale: of decimals.
        items: of an array (one), a map (one: its values), a struct (its fields).
    """

    kind: str
    precision: int = 0
    scale: int = 0
    items: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Field:
    """A column, or a part of one.

    Attributes:
        name: its name; "" for items of arrays and maps.
        type: its type.
        required: whether it always has a value.
        unique: whether no two rows have the same value.
        choices: all the values that it may have, when they are known.
        least, most: limits of numbers; of lengths for texts and arrays.
        pattern: a regular expression that its texts match.
        form: email, uuid, uri, ipv4, date-time, date: what its texts are.
    """

    name: str
    type: Type
    required: bool = False
    unique: bool = False
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None
    pattern: str = ""
    form: str = ""


@dataclass(frozen=True)
class Table:
    """What a file of stub data holds."""

    name: str
    fields: tuple[Field, ...]


def parse_type(text: str) -> Type:
    """A type as contracts write it.

    Raises:
        MisuseError: it is none.
    """
    text = text.strip()
    if text in SCALARS:
        return Type(text)
    if decimal := _DECIMAL.fullmatch(text):
        return Type("decimal", int(decimal[1]), int(decimal[2]))
    kind, _, rest = text.partition("<")
    if not rest.endswith(">") or kind not in ("array", "map", "struct"):
        raise MisuseError(f"{text!r} is no type; {_HINT}")
    parts = _split(rest[:-1])
    if kind == "array" and len(parts) == 1:
        return Type("array", items=(Field("", parse_type(parts[0])),))
    if kind == "map" and len(parts) == 2 and parts[0] == "string":
        return Type("map", items=(Field("", parse_type(parts[1])),))
    named = [part.partition(":") for part in parts]
    if kind == "struct" and all(colon for _, colon, _ in named):
        return Type("struct", items=tuple(Field(name.strip(), parse_type(of)) for name, _, of in named))
    raise MisuseError(f"{text!r} is no type; {_HINT}")


def type_text(of: Type) -> str:
    """A type as contracts write it."""
    inner = [type_text(item.type) for item in of.items]
    if of.kind == "decimal":
        return f"decimal({of.precision},{of.scale})"
    if of.kind == "array":
        return f"array<{inner[0]}>"
    if of.kind == "map":
        return f"map<string,{inner[0]}>"
    if of.kind == "struct":
        fields = zip(of.items, inner, strict=True)
        return f"struct<{','.join(f'{item.name}:{text}' for item, text in fields)}>"
    return of.kind


def _split(text: str) -> Sequence[str]:
    """Parts between commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for end, sign in enumerate(text):
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and depth == 0:
            parts.append(text[start:end].strip())
            start = end + 1
    return [*parts, text[start:].strip()]
