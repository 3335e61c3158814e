"""What a column's values are, in Excel's terms, and how a text becomes such a value without losing a digit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

TEXT, INTEGER, DECIMAL, DECIMAL_COMMA, BOOLEAN, DATE, DATETIME = (
    "text", "integer", "decimal", "decimal (comma)", "boolean", "date", "date and time",
)  # fmt: skip
Value = str | int | float | bool | date | datetime
# Excel counts in doubles, of which 15 digits are safe; a longer number is an identifier, and stays text.
_SAFE_DIGITS = 15
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+([eE][+-]?\d{1,2})?")
_DECIMAL_COMMA = re.compile(r"-?(0|[1-9]\d*),\d+")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DOTTED_DATE = re.compile(r"\d\d\.\d\d\.\d{4}")
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?")
# Excel's days are numbered from 1900, and its 29 February 1900 never was.
_FIRST_DAY = date(1900, 3, 1)


@dataclass(frozen=True)
class Kind:
    """A kind of column.

    Attributes:
        name: as people are told it.
        parse: the value of a text; None if the text is none of this kind.
        number_format: how Excel shows it.
        is_number: whether it can be summed up.
    """

    name: str
    parse: Callable[[str], Value | None]
    number_format: str = "General"
    is_number: bool = False


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) and text != "-0" else None


def _decimal(text: str) -> float | None:
    if not _DECIMAL.fullmatch(text):
        return _integer(text)
    return float(text) if _digits(text) <= _SAFE_DIGITS else None


def _decimal_comma(text: str) -> float | None:
    if not _DECIMAL_COMMA.fullmatch(text):
        return _integer(text)
    return float(text.replace(",", ".")) if _digits(text) <= _SAFE_DIGITS else None


def _digits(text: str) -> int:
    return sum(sign.isdigit() for sign in re.split("[eE]", text)[0].lstrip("-0.,"))


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


def _date(text: str) -> date | None:
    form = "%Y-%m-%d" if _ISO_DATE.fullmatch(text) else "%d.%m.%Y" if _DOTTED_DATE.fullmatch(text) else None
    found = _parsed(text, form) if form else None
    return found.date() if found and found.date() >= _FIRST_DAY else None


def _datetime(text: str) -> datetime | None:
    if not _ISO_TIME.fullmatch(text):
        return None
    form = "%Y-%m-%dT%H:%M" + (":%S" if text.count(":") == 2 else "") + (".%f" if "." in text else "")
    found = _parsed(text.replace(" ", "T", 1), form)
    # Excel knows milliseconds and no more.
    return found if found and found.date() >= _FIRST_DAY and not found.microsecond % 1000 else None


def _parsed(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


# A column is of the first kind that all its values are.
KINDS = (
    Kind(INTEGER, _integer, "0", is_number=True),
    Kind(DECIMAL, _decimal, "General", is_number=True),
    Kind(DECIMAL_COMMA, _decimal_comma, "General", is_number=True),
    Kind(BOOLEAN, _boolean),
    Kind(DATE, _date, "yyyy-mm-dd"),
    Kind(DATETIME, _datetime, "yyyy-mm-dd hh:mm:ss.000"),
)
AS_TEXT = Kind(TEXT, lambda text: text)
