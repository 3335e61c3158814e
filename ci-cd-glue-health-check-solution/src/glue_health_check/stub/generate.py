"""Makes rows of stub data. The same table, number, seed and day give the same rows on every machine."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from rstr import Rstr

from glue_health_check.errors import MisuseError
from glue_health_check.stub.fields import Field, Table

# Stub data end on this day, unless told otherwise: the present would make them differ from day to day.
LAST_DAY = date(2024, 1, 15)
_DAYS = 30
_NULL_SHARE = 0.05
_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbor", "island", "juniper", "kelp",
    "lagoon", "meadow", "north", "orchid", "prairie",
)  # fmt: skip
_NAMES = (
    "Ada", "Ben", "Clara", "David", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Leo", "Mira",
    "Nils", "Olga", "Paul",
)  # fmt: skip
# What columns usually hold, by a part of their name. Only texts without limits of their own are made so.
_BY_NAME: tuple[tuple[str, Sequence[str]], ...] = (
    ("currency", ("USD", "EUR", "GBP")),
    ("country", ("US", "DE", "GB", "FR")),
    ("city", ("Berlin", "Boston", "Leeds", "Lyon")),
    ("status", ("active", "pending", "closed")),
    ("name", _NAMES),
)
_CHARACTERS = string.ascii_lowercase + string.digits


def rows(table: Table, number: int, seed: int = 0, last_day: date = LAST_DAY) -> list[dict[str, Any]]:
    """Rows of stub data.

    Args:
        table: what they look like.
        number: how many.
        seed: other seeds give other rows.
        last_day: dates and times are within 30 days before it.

    Returns:
        Column -> value: text, int, float, Decimal, bool, date, datetime, bytes, list, dict, or None.

    Raises:
        MisuseError: a unique column has fewer possible values than there are rows.
    """
    columns = {field.name: _column(table.name, field, number, seed, last_day) for field in table.fields}
    return [{name: values[index] for name, values in columns.items()} for index in range(number)]


def _column(table: str, field: Field, number: int, seed: int, last_day: date) -> list[Any]:
    # One source of chance per column: a new column changes no other.
    chance = random.Random(f"{seed}:{table}:{field.name}")  # noqa: S311 - stub data are no secrets
    if field.unique:
        return _unique(table, field, number, chance, last_day)
    return [
        None if not field.required and chance.random() < _NULL_SHARE else _value(field, chance, last_day)
        for _ in range(number)
    ]


def _unique(table: str, field: Field, number: int, chance: random.Random, last_day: date) -> list[Any]:
    if field.type.kind in ("int", "long") and not field.choices:
        first = int(field.least) if field.least is not None else 1
        return list(range(first, first + number))
    found: dict[Any, None] = {}
    for _ in range(number * 100):
        if len(found) == number:
            break
        found[_value(field, chance, last_day)] = None
    if len(found) < number:
        raise MisuseError(
            f"{table}.{field.name} must be unique, and has only {len(found)} possible values for {number} rows: "
            "ask for fewer rows"
        )
    return list(found)


def _value(field: Field, chance: random.Random, last_day: date) -> Any:
    kind = field.type.kind
    if field.choices:
        return chance.choice(field.choices)
    if kind in ("int", "long"):
        low, high = _range(field, 0, 1000)
        return chance.randint(int(low), int(high))
    if kind in ("float", "double"):
        low, high = _range(field, 0.0, 1000.0)
        return round(chance.uniform(low, high), 4)
    if kind == "decimal":
        return _decimal(field, chance)
    if kind == "boolean":
        return chance.random() < 0.5
    if kind in ("date", "timestamp"):
        return _moment(kind, chance, last_day)
    if kind == "binary":
        return chance.randbytes(8)
    if kind == "string":
        return _text(field, chance, last_day)
    return _nested(field, chance, last_day)


def _nested(field: Field, chance: random.Random, last_day: date) -> Any:
    parts = field.type.items
    if field.type.kind == "struct":
        return {part.name: _value(part, chance, last_day) for part in parts}
    low, high = _range(field, 1, 3)
    size = chance.randint(int(low), int(high))
    if field.type.kind == "array":
        return [_value(parts[0], chance, last_day) for _ in range(size)]
    return {f"key_{index}": _value(parts[0], chance, last_day) for index in range(size)}


def _range(field: Field, low: float, high: float) -> tuple[float, float]:
    """The field's limits; where one is missing, as far from the other as usual."""
    span = high - low
    if field.least is not None and field.most is not None:
        return field.least, field.most
    if field.least is not None:
        return field.least, field.least + span
    if field.most is not None:
        return min(low, field.most - span) if field.most < low else low, field.most
    return low, high


def _decimal(field: Field, chance: random.Random) -> Decimal:
    scale = int(10**field.type.scale)
    fits = (10**field.type.precision - 1) / scale
    low, high = _range(field, 0, min(1000, fits))
    low, high = max(low, -fits), min(high, fits)
    return Decimal(chance.randint(int(low * scale), max(int(low * scale), int(high * scale)))) / scale


def _moment(kind: str, chance: random.Random, last_day: date) -> date | datetime:
    day = last_day - timedelta(days=chance.randint(0, _DAYS))
    if kind == "date":
        return day
    return datetime.combine(day, time()) + timedelta(seconds=chance.randint(0, 86_399))


def _text(field: Field, chance: random.Random, last_day: date) -> str:
    if field.pattern:
        return _text_matching(field, chance)
    name, form = field.name.lower(), field.form
    if form == "email" or (not form and ("email" in name or name.endswith("mail"))):
        return f"{chance.choice(_NAMES).lower()}{chance.randint(1, 9999)}@example.com"
    if form == "uuid" or "uuid" in name:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))
    if form in ("uri", "url") or name.endswith("url"):
        return f"https://example.com/{chance.choice(_WORDS)}/{chance.randint(1, 9999)}"
    if form == "ipv4":
        return f"192.0.2.{chance.randint(1, 254)}"
    if form == "time":
        return str((datetime.combine(last_day, time()) + timedelta(seconds=chance.randint(0, 86_399))).time())
    low, high = _range(field, 1, 12)
    limited = field.least is not None or field.most is not None
    usual = next((values for part, values in _BY_NAME if part in name), ())
    if usual and (not limited or all(low <= len(value) <= high for value in usual)):
        return chance.choice(usual)
    if limited:
        return "".join(chance.choices(_CHARACTERS, k=chance.randint(int(low), int(high))))
    if "zip" in name or "postal" in name:
        return f"{chance.randint(501, 99_950):05d}"
    if name.endswith(("id", "key", "code", "number")):
        return f"{name[:1].upper()}{chance.randint(0, 99_999_999):08d}"
    if "phone" in name:
        return f"+1-555-{chance.randint(0, 9_999_999):07d}"
    return f"{chance.choice(_WORDS)} {chance.choice(_WORDS)}"


def _text_matching(field: Field, chance: random.Random) -> str:
    hint = "list its values (enum), or give a file instead"
    for _ in range(100):
        try:
            # What stands for any sign may be a line break: no stub data should have one.
            text = "".join(sign if sign.isprintable() else "x" for sign in Rstr(chance).xeger(field.pattern))
        except (re.error, KeyError, ValueError) as error:
            raise MisuseError(
                f"the pattern {field.pattern!r} of {field.name} can't be used: {error}; {hint}"
            ) from error
        # Look-around and the like are not heeded when the text is made.
        if re.search(field.pattern, text):
            return text
    raise MisuseError(f"no text was found that matches the pattern {field.pattern!r} of {field.name}; {hint}")
