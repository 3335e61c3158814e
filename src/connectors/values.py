"""Values of cursors and rows: compared exactly, and written as text that reads back the same."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import simplejson

_ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class CursorType(ABC):
    """One kind of cursor values.

    ``parse`` makes something comparable of a source's value, ``dump`` text of that, ``load`` reads the text back, and
    ``render`` writes it as the source writes it.
    """

    @abstractmethod
    def parse(self, value: Any) -> Any:
        """A source's value as something that can be compared.

        Raises:
            ValueError: it is none of this kind.
        """

    def dump(self, value: Any) -> str:
        """Text that :meth:`load` reads back."""
        return str(value)

    def load(self, text: str) -> Any:
        """The value of a text of :meth:`dump`."""
        return self.parse(text)

    def render(self, value: Any) -> str:
        """The value as the source writes it, as a lower bound: where it knows no fractions, never a later one."""
        return self.dump(value)

    def render_end(self, value: Any) -> str:
        """The value as an upper bound: never an earlier one."""
        return self.render(value)


class Timestamps(CursorType):
    """Times. Without a zone they are taken for UTC.

    Args:
        form: iso, date, epoch_seconds or epoch_milliseconds.
    """

    def __init__(self, form: str = "iso") -> None:
        self.form = form

    def parse(self, value: Any) -> datetime:
        """A time in UTC, of a time, a date, a text of ISO 8601, or (epoch formats) a number."""
        if isinstance(value, datetime):
            return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
        if isinstance(value, date):
            return datetime.combine(value, time(), timezone.utc)
        if self.form.startswith("epoch"):
            factor = 1 if self.form == "epoch_seconds" else 1000
            # Whole microseconds, by exact arithmetic: floats would round.
            return _EPOCH + timedelta(microseconds=int(Numbers().parse(value) * 1_000_000 / factor))
        return _from_iso(value)

    def dump(self, value: datetime) -> str:
        """ISO 8601 with microseconds and Z."""
        return value.astimezone(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def load(self, text: str) -> datetime:
        """The time of a text of :meth:`dump`, whatever the source's format is."""
        return _from_iso(text)

    def render(self, value: datetime) -> str:
        """As the API writes times; whole seconds without a fraction."""
        if self.form == "date":
            return value.strftime("%Y-%m-%d")
        if self.form.startswith("epoch"):
            unit = timedelta(seconds=1) if self.form == "epoch_seconds" else timedelta(milliseconds=1)
            return str((value - _EPOCH) // unit)
        return self.dump(value).replace(".000000Z", "Z")

    def render_end(self, value: datetime) -> str:
        """As the API writes times; of a day that has begun, the next one. Windows end on whole seconds."""
        return self.render(value + timedelta(days=1, microseconds=-1) if self.form == "date" else value)


class Numbers(CursorType):
    """Numbers, exact."""

    def parse(self, value: Any) -> Decimal:
        """The number of a number or of its text."""
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
            raise ValueError(f"{value!r} is no number")
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise ValueError(f"{value!r} is no number") from None
        if not number.is_finite():
            raise ValueError(f"{value!r} is no number that can be compared")
        return number


class Texts(CursorType):
    """Texts, compared character by character."""

    def parse(self, value: Any) -> str:
        """The text."""
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
        return value


def cursor_type(kind: str, form: str = "iso") -> CursorType:
    """The kind of a cursor's values.

    Args:
        kind: timestamp, number or text.
        form: of timestamps in a REST API.
    """
    return {"timestamp": Timestamps(form), "number": Numbers(), "text": Texts()}[kind]


def json_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON, without the line's end; decimals keep all their digits."""
    plain = {name: _plain(value) for name, value in row.items()}
    line: str = simplejson.dumps(plain, use_decimal=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Line ends of Unicode that some readers break lines at.
    return line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")


def row_hash(line: str) -> str:
    """A short name of a row's content."""
    return hashlib.sha256(line.encode()).hexdigest()[:24]


def _plain(value: Any) -> Any:
    """What JSON has no form for, as text: nothing is rounded and nothing left out."""
    if isinstance(value, (str, int, type(None))):
        return value
    if isinstance(value, (float, Decimal)):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    return str(value)


def _from_iso(value: Any) -> datetime:
    found = _ISO.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"{value!r} is no time of ISO 8601, such as 2024-01-15T09:30:00Z")
    day, minutes, seconds, fraction, zone = found.groups()
    text = f"{day}T{minutes or '00:00'}:{seconds or '00'}.{(fraction or '')[:6]:0<6}"
    moment = datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
    if zone and zone.upper() != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment += shift if zone[0] == "-" else -shift
    return moment
