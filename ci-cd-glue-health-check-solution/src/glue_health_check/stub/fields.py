"""What stub data are made from: columns with types and limits, whatever they were read from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
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


@dataclass(frozen=True)
class Spelling:
    """How a language writes types. Texts hold {0} for what is inside, {0} and {1} for two things.

    Attributes:
        scalars: kind -> text; a kind that is not there is written as it is.
        decimal: of precision and scale.
        array, map, struct: of the type of the items, of the values, of all fields.
        field: of a name and a type.
        between: two fields.
        name: writes the name of a field.
    """

    scalars: Mapping[str, str]
    decimal: str
    array: str
    map: str
    struct: str
    field: str
    between: str = ","
    name: Callable[[str], str] = str


CONTRACTS = Spelling({}, "decimal({0},{1})", "array<{0}>", "map<string,{0}>", "struct<{0}>", "{0}:{1}")


def type_text(of: Type, spelling: Spelling = CONTRACTS) -> str:
    """A type as contracts write it, or another language."""
    inner = [type_text(item.type, spelling) for item in of.items]
    if of.kind == "decimal":
        return spelling.decimal.format(of.precision, of.scale)
    if of.kind in ("array", "map"):
        return (spelling.array if of.kind == "array" else spelling.map).format(inner[0])
    if of.kind == "struct":
        fields = zip(of.items, inner, strict=True)
        texts = [spelling.field.format(spelling.name(item.name), text) for item, text in fields]
        return spelling.struct.format(spelling.between.join(texts))
    return spelling.scalars.get(of.kind, of.kind)


def _split(text: str) -> Sequence[str]:
    """Parts between commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for end, sign in enumerate(text):
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and depth == 0:
            parts.append(text[start:end].strip())
            start = end + 1
    return [*parts, text[start:].strip()]
