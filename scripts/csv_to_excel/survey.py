"""The first reading of a file: what each column holds, how wide it is, and what is worth saying of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from csv_to_excel.errors import ConversionError
from csv_to_excel.kinds import AS_TEXT, INTEGER, KINDS, Kind, Value

MOST_COLUMNS = 16_384
# So many different values are counted; of a column that has more, none can be drawn.
MOST_VALUES = 1_000


@dataclass
class Column:
    """What one column holds, as far as it was read.

    Attributes:
        name: of the header, or made up.
        kinds: those that all values so far are.
        filled: values that are not empty.
        longest: characters of the longest value.
        low, high, total: of a column of numbers; low and high of dates, too.
        values: how often each value comes; no longer kept once there are too many.
    """

    name: str
    kinds: list[Kind] = field(default_factory=lambda: list(KINDS))
    filled: int = 0
    longest: int = 0
    low: Value | None = None
    high: Value | None = None
    total: float = 0.0
    values: Counter[str] | None = field(default_factory=Counter)

    @property
    def kind(self) -> Kind:
        """What the column is."""
        return self.kinds[0] if self.kinds and self.filled else AS_TEXT

    @property
    def distinct(self) -> str:
        """How many different values, as text."""
        return f"{len(self.values):,}" if self.values is not None else f"over {MOST_VALUES:,}"

    def add(self, text: str) -> None:
        """Take one more value in."""
        if not text:
            return
        self.filled += 1
        self.longest = max(self.longest, len(text))
        if self.values is not None:
            self.values[text] += 1
            if len(self.values) > MOST_VALUES:
                self.values = None
        value = self.kinds[0].parse(text) if self.kinds else None
        if self.kinds and value is None:
            value = self._find_kind(text)
        self._measure(value)

    def _find_kind(self, text: str) -> Value | None:
        """Take the first other kind that this value and all before it are; the value."""
        held, others = self.kinds[0], self.kinds[1:]
        if self.filled > 1:
            # The only values that are of several kinds are whole numbers.
            others = [kind for kind in others if held.name == INTEGER and kind.is_number]
        self.kinds = [kind for kind in others if kind.parse(text) is not None]
        if self.kinds:
            return self.kinds[0].parse(text)
        self.low = self.high = None
        return None

    def _measure(self, value: Value | None) -> None:
        if value is None or isinstance(value, (str, bool)):
            return
        self.low = value if self.low is None or value < self.low else self.low
        self.high = value if self.high is None or value > self.high else self.high
        if isinstance(value, (int, float)):
            self.total += value


@dataclass
class Survey:
    """What a file holds.

    Attributes:
        columns: in the order of the file.
        rows: without the header.
        short, long: rows with fewer or more values than the header has names.
    """

    columns: list[Column]
    rows: int = 0
    short: int = 0
    long: int = 0


def survey(rows: Iterable[Sequence[str]], has_header: bool, as_text: Sequence[str] = ()) -> Survey:
    """Read a file once.

    Args:
        rows: every row, the header first if there is one.
        has_header: the first row names the columns.
        as_text: names of columns that stay text whatever they look like.

    Raises:
        ConversionError: no row, more columns than a sheet has, or a name in as_text that no column has.
    """
    found: Survey | None = None
    named = 0
    for row in rows:
        if found is None:
            found = Survey([Column(name) for name in _names(row, has_header)])
            named = len(row)
            _leave_as_text(found.columns, as_text)
            if has_header:
                continue
        found.rows += 1
        found.short += len(row) < named
        found.long += len(row) > named
        _widen(found, len(row))
        for column, text in zip(found.columns, row, strict=False):
            column.add(text)
    if found is None:
        raise ConversionError("the file holds nothing but blank lines")
    return found


def _names(row: Sequence[str], has_header: bool) -> list[str]:
    _check_width(len(row))
    return [(text.strip() if has_header else "") or f"Column {place}" for place, text in enumerate(row, start=1)]


def _leave_as_text(columns: Sequence[Column], names: Sequence[str]) -> None:
    unknown = set(names) - {column.name for column in columns}
    if unknown:
        known = ", ".join(column.name for column in columns[:20])
        raise ConversionError(f"--text {', '.join(sorted(unknown))}: no column has this name; there are: {known}")
    for column in columns:
        if column.name in names:
            column.kinds.clear()


def _widen(found: Survey, width: int) -> None:
    """A row that is wider than the header brings columns of its own, so that nothing of it is lost."""
    _check_width(width)
    while len(found.columns) < width:
        found.columns.append(Column(f"Column {len(found.columns) + 1}"))


def _check_width(width: int) -> None:
    if width > MOST_COLUMNS:
        raise ConversionError(f"a row has {width:,} values, and a sheet of Excel has {MOST_COLUMNS:,} columns at most")
