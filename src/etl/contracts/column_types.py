"""The types a contract may give a column: scalars, and arrays, maps and structs of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

SCALARS = ("string", "int", "long", "float", "double", "boolean", "date", "timestamp")
MAX_DECIMAL_PRECISION = 38
# What can be read by a person; Spark itself sets no limit.
MAX_DEPTH = 20
TYPES = f"{', '.join(SCALARS)}, decimal(precision,scale), array<type>, map<string,type> or struct<name:type,...>"
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|[0-9]+|\S)")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPARK_NAMES = {"long": "bigint"}


class TypeTextError(ValueError):
    """A text that is no type; the message says where and what would be right."""


@dataclass(frozen=True)
class ColumnType:
    """A type of a contract.

    Attributes:
        text: as contracts spell it, without spaces.
        spark: as Spark SQL and Hive spell it, without spaces.
        is_complex: an array, a map or a struct.
    """

    text: str
    spark: str
    is_complex: bool


@lru_cache(maxsize=1024)
def parse_type(text: str) -> ColumnType:
    """Read a type.

    Args:
        text: e.g. ``long``, ``decimal(12,2)``, ``array<struct<sku:string,quantity:int>>``.

    Raises:
        TypeTextError: the text is no type.
    """
    plain = _Parser(text, {}).whole()
    return ColumnType(plain, _Parser(text, _SPARK_NAMES).whole(), "<" in plain)


class _Parser:
    """Recursive descent over ``scalar | decimal(p,s) | array<t> | map<string,t> | struct<name:t,...>``."""

    def __init__(self, text: str, renamed: Mapping[str, str]) -> None:
        self._text = text
        self._renamed = renamed
        self._tokens: Iterator[re.Match[str]] = _TOKEN.finditer(text)
        self._word, self._place = "", 1
        self._next()

    def whole(self) -> str:
        found = self._type(0)
        if self._word:
            self._fail("the end")
        return found

    def _next(self) -> str:
        """The present token; the one after it becomes present. '' stands for the end."""
        present = self._word
        match = next(self._tokens, None)
        self._word = match.group(1) if match else ""
        self._place = match.start(1) + 1 if match else len(self._text) + 1
        return present

    def _take(self, token: str) -> None:
        if self._word != token:
            self._fail(repr(token))
        self._next()

    def _fail(self, expected: str) -> None:
        found = repr(self._word) if self._word else "the end"
        raise TypeTextError(f"{self._text!r} is not a type: at character {self._place}, {found}; expected {expected}")

    def _type(self, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise TypeTextError(f"{self._text!r} nests types more than {MAX_DEPTH} deep; keep the inner ones as string")
        if self._word in SCALARS:
            word = self._next()
            return self._renamed.get(word, word)
        if self._word not in ("decimal", "array", "map", "struct"):
            if depth:
                self._fail(f"one of {', '.join((*SCALARS, 'decimal', 'array', 'map', 'struct'))}")
            raise TypeTextError(f"{self._text!r} is not a type; use {TYPES}")
        word = self._next()
        if word == "decimal":
            return self._decimal()
        self._take("<")
        if word == "map" and self._word != "string":
            self._fail("string: the keys of a map are texts")
        inner = self._fields(depth) if word == "struct" else self._type(depth + 1)
        if word == "map":
            self._take(",")
            inner = f"{inner},{self._type(depth + 1)}"
        self._take(">")
        return f"{word}<{inner}>"

    def _fields(self, depth: int) -> str:
        fields: dict[str, str] = {}
        while True:
            if not _WORD.fullmatch(self._word):
                self._fail("a field's name (letters, digits and _)")
            name = self._next()
            if name.lower() in (known.lower() for known in fields):
                raise TypeTextError(f"{self._text!r}: the field {name!r} stands twice in a struct (case doesn't count)")
            self._take(":")
            fields[name] = self._type(depth + 1)
            if self._word != ",":
                return ",".join(f"{name}:{kind}" for name, kind in fields.items())
            self._next()

    def _decimal(self) -> str:
        self._take("(")
        precision = self._number()
        self._take(",")
        scale = self._number()
        self._take(")")
        if not 1 <= precision <= MAX_DECIMAL_PRECISION or scale > precision:
            raise TypeTextError(
                f"'decimal({precision},{scale})' needs 1 <= precision <= {MAX_DECIMAL_PRECISION} and "
                "0 <= scale <= precision"
            )
        return f"decimal({precision},{scale})"

    def _number(self) -> int:
        if not self._word.isdecimal() or len(self._word) > 4:
            self._fail("a whole number")
        return int(self._next())
