"""What one load takes: a window over the cursor, how far it has come, and which rows of a page belong to it.

Rows at a window's ends are neither lost nor doubled:

- timestamp: a window is half open. It takes ``lower <= value < upper``, and the next one begins at ``upper``, which
  lies ``lag_seconds`` behind the present, where nothing is being written any more.
- number and text: there is no upper end. The next window begins at the highest value seen and takes it again; rows
  with just that value that were taken already are known by the hash of their content, and left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from connectors.errors import SourceError
from connectors.model import Incremental
from connectors.values import CursorType, cursor_type, json_line, row_hash

# Hashes of the rows at the end of a window are kept in its item, which holds at most 400 KB.
MOST_AT_BOUNDARY = 5_000


@dataclass(frozen=True)
class Cursor:
    """Up to where everything is in raw.

    Attributes:
        value: text of the cursor's type; "" before the first load.
        boundary: hashes of the rows with just this value that are in raw (numbers and texts).
    """

    value: str = ""
    boundary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """What one load takes, fixed before it begins; a load that was cut short is ended with the same one.

    Attributes:
        id: when it was opened, as YYYYmmddTHHMMSSfffZ; part of the names of its files.
        lower, upper: texts of the cursor's type; "" without an end.
        boundary: hashes of rows with the value ``lower`` that are in raw already.
    """

    id: str
    lower: str = ""
    upper: str = ""
    boundary: tuple[str, ...] = ()

    @property
    def day(self) -> str:
        """YYYY/mm/dd of its opening: the folder of its files."""
        return f"{self.id[:4]}/{self.id[4:6]}/{self.id[6:8]}"


@dataclass(frozen=True)
class Progress:
    """How far a window has come.

    Attributes:
        parts: files that are in raw.
        rows: rows in them.
        position: where the next page begins, in the source's own terms; None: at the beginning.
        done: whether everything is in raw.
        highest: text of the highest cursor value seen (numbers and texts).
        boundary: hashes of the rows with that value.
    """

    parts: int = 0
    rows: int = 0
    position: Any = None
    done: bool = False
    highest: str = ""
    boundary: tuple[str, ...] = ()


def to_text(item: Window | Progress) -> str:
    """As the state table keeps it."""
    return json.dumps(asdict(item), sort_keys=True)


def window_from(text: str) -> Window:
    """The window of a text of :func:`to_text`."""
    fields = json.loads(text)
    return Window(**{**fields, "boundary": tuple(fields["boundary"])})


def progress_from(text: str) -> Progress:
    """The progress of a text of :func:`to_text`."""
    fields = json.loads(text)
    return Progress(**{**fields, "boundary": tuple(fields["boundary"])})


def next_window(incremental: Incremental | None, cursor: Cursor, now: datetime) -> Window | None:
    """The window that follows a cursor; None while there is nothing between it and the present.

    Args:
        incremental: of the connector; None: everything.
        cursor: up to where everything is in raw.
        now: the present, with its zone.
    """
    name = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z"
    if incremental is None:
        return Window(name)
    kind = cursor_type(incremental.kind, incremental.format)
    lower = cursor.value
    if not lower and incremental.start is not None:
        lower = kind.dump(kind.parse(incremental.start))
    if incremental.kind != "timestamp":
        return Window(name, lower, "", cursor.boundary)
    # Whole seconds: APIs that know no fractions would cut the end off, and rows with it.
    upper = (now - timedelta(seconds=incremental.lag_seconds)).replace(microsecond=0)
    if lower and kind.load(lower) >= upper:
        return None
    if cursor.value:
        lower = kind.dump(kind.load(cursor.value) - timedelta(seconds=incremental.overlap_seconds))
    return Window(name, lower, kind.dump(upper))


def cursor_after(incremental: Incremental | None, window: Window, progress: Progress) -> Cursor:
    """The cursor when a window is done."""
    if incremental is None:
        return Cursor()
    if incremental.kind == "timestamp":
        return Cursor(window.upper)
    return Cursor(progress.highest, progress.boundary)


class Selection:
    """Picks a window's rows out of pages, and follows the highest cursor.

    Args:
        incremental: of the connector; None takes every row.
        window: what is taken.
        progress: how far it has come.
    """

    def __init__(self, incremental: Incremental | None, window: Window, progress: Progress) -> None:
        self._incremental, self._known = incremental, frozenset(window.boundary)
        self._type: CursorType | None = None
        if incremental is None:
            return
        self._type = cursor_type(incremental.kind, incremental.format)
        self._lower = self._type.load(window.lower) if window.lower else None
        self._upper = self._type.load(window.upper) if window.upper else None
        self._highest = self._type.load(progress.highest) if progress.highest else self._lower
        self._boundary = set(progress.boundary if progress.highest else window.boundary)

    def line(self, row: Any) -> str | None:
        """The row as a line of JSON; None if it is not of this window.

        Raises:
            SourceError: it is no object, or has no value to go by.
        """
        if not isinstance(row, Mapping):
            raise SourceError(f"a row is no object of fields but {row!r:.200}; see rest.records")
        text = json_line(row)
        if self._type is None:
            return text
        value = self._value_of(row)
        if self._lower is not None and value < self._lower:
            return None
        if self._upper is not None and value >= self._upper:
            return None
        return text if self._upper is not None else self._unless_known(value, text)

    def after(self, progress: Progress) -> Progress:
        """The progress with the highest cursor that was seen."""
        if self._type is None or self._upper is not None or self._highest is None:
            return progress
        return replace(progress, highest=self._type.dump(self._highest), boundary=tuple(sorted(self._boundary)))

    def _unless_known(self, value: Any, text: str) -> str | None:
        name = row_hash(text)
        if value == self._lower and name in self._known:
            return None
        if self._highest is None or value > self._highest:
            self._highest, self._boundary = value, set()
        if value == self._highest:
            self._boundary.add(name)
            if len(self._boundary) > MOST_AT_BOUNDARY:
                raise SourceError(
                    f"more than {MOST_AT_BOUNDARY} rows have the cursor value {value}; choose a cursor that tells "
                    "rows apart better, or one of type timestamp"
                )
        return text

    def _value_of(self, row: Mapping[str, Any]) -> Any:
        assert self._type is not None and self._incremental is not None  # noqa: S101 - for the type checker # nosec B101
        # A column's name may hold a dot; a dotted path leads into the objects of an API's row.
        cursor, value = self._incremental.cursor, row  # type: str, Any
        for name in [cursor] if cursor in row else cursor.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is None:
            raise SourceError(
                f"a row has no value in the cursor {self._incremental.cursor!r}: {json_line(row):.300}; without it the "
                "row belongs to no load. Choose a field that every row has"
            )
        try:
            return self._type.parse(value)
        except ValueError as error:
            raise SourceError(
                f"the cursor {self._incremental.cursor!r} is declared as {self._incremental.kind} "
                f"({self._incremental.format}), but {error}"
            ) from error
