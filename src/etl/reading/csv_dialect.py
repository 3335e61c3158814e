"""How a CSV file is written, told by its first rows: delimiter, quote, escape, header, line breaks inside values.

Each candidate reads the head; the one that gives the most rows as wide as the first row wins, and of equally good
ones the one with the most columns. Names that the contract knows in the first row count more than anything.
What the contract sets is taken as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl.contracts import Column
from etl.errors import UnreadableFileError
from etl.names import standard_name

_USUAL_DELIMITERS = (",", ";", "\t", "|")
# Only where two rows or more are all as wide as the header, and no usual delimiter parts it.
_RARE_DELIMITERS = ("^", "~", "\x01", "\x1f", ":")
_LINE_END = re.compile(r"\r\n|\n|\r")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_YEAR = re.compile(r"(19|20)\d\d")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ]\d\d?:\d\d.*)?|\d\d?[./]\d\d?[./]\d{4}")
_BOOLEANS = ("true", "false", "t", "f", "yes", "no", "y", "n")
# Of the rows of the best candidate, how many another must read to be as good.
_AS_GOOD = 0.9
# What Spark takes for blank: a line of nothing else is no row.
_BLANKS = "".join(map(chr, range(33)))
Rows = list[list[str]]


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote, and what escapes a quote inside quotes: the quote itself or another character."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'

    def rows(self, text: str) -> Rows:
        """The rows of a text without the blank ones.

        Raises:
            UnreadableFileError: Python's csv can't read with these characters.
        """
        doubled = self.escape == self.quote
        try:
            reader = csv.reader(
                io.StringIO(text, newline=""),
                delimiter=self.delimiter,
                quotechar=self.quote,
                doublequote=doubled,
                escapechar=None if doubled else self.escape,
            )
            return [row for row in reader if row and (len(row) > 1 or row[0].strip(_BLANKS))]
        except (csv.Error, TypeError, ValueError) as error:
            raise UnreadableFileError(f"the CSV header can't be read: {error}") from error


@dataclass(frozen=True)
class Sniffed:
    """What :func:`sniff` found.

    Attributes:
        header: the first row's cells; empty when it is data.
        multiline: a value in the head holds a line break.
        notes: what the report should say.
    """

    dialect: Dialect
    header: tuple[str, ...]
    multiline: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Reading:
    """A candidate and what it makes of the head."""

    dialect: Dialect
    rows: Rows
    good: int
    known: int

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0


def sniff(text: str, whole: bool, options: Mapping[str, Any], columns: Sequence[Column] = ()) -> Sniffed:
    """Tell how a CSV file is written.

    Args:
        text: its first characters, without a byte order mark.
        whole: the text is the whole file; else its last row is not counted.
        options: of the contract; each that is set wins over what the text looks like.
        columns: of the contract; empty for a dataset without one.

    Raises:
        UnreadableFileError: the first row is data and nothing names the columns, or it can't be read.
    """
    if marker := re.match(r"[\r\n]*sep=(.)\r?\n", text, re.IGNORECASE):
        raise UnreadableFileError(
            f"the first line is Excel's 'sep={marker[1]}', which is no part of CSV; remove that line"
        )
    names = {name for column in columns for name in (column.name, *column.aliases)}
    best = _best_reading(text, whole, options, names)
    multiline, rows, notes = _line_breaks(text, best)
    header = _header(rows, whole, options, columns, names)
    return Sniffed(best.dialect, header, multiline, notes)


def _best_reading(text: str, whole: bool, options: Mapping[str, Any], names: set[str]) -> _Reading:
    """The candidate that reads most; doubled double quotes unless another is better or evident."""
    best: _Reading | None = None
    for quote, escape in _quotings(text, options):
        readings = [
            _reading(Dialect(delimiter, quote, escape), text, whole, names) for delimiter in _delimiters(text, options)
        ]
        found = _of_delimiters(readings, "delimiter" in options)
        if best is None or _is_better(found, best, text):
            best = found
    if best is None:
        raise AssertionError("there is always one way of quoting")
    return best


def _quotings(text: str, options: Mapping[str, Any]) -> list[tuple[str, str]]:
    declared = options.get("quote")
    quotes = [declared] if declared else ['"', "'"] if "'" in text else ['"']
    pairs = []
    for quote in quotes:
        escapes = [options["escape"]] if options.get("escape") else [quote, "\\"] if f"\\{quote}" in text else [quote]
        pairs += [(quote, escape) for escape in escapes]
    return pairs


def _delimiters(text: str, options: Mapping[str, Any]) -> list[str]:
    if options.get("delimiter"):
        return [options["delimiter"]]
    return [",", *(found for found in (*_USUAL_DELIMITERS[1:], *_RARE_DELIMITERS) if found in text)]


def _reading(dialect: Dialect, text: str, whole: bool, names: set[str]) -> _Reading:
    rows = dialect.rows(text)
    counted = rows if whole or len(rows) < 2 else rows[:-1]
    width = len(rows[0]) if rows else 0
    known = sum(standard_name(cell) in names for cell in rows[0]) if names and rows else 0
    return _Reading(dialect, rows, sum(len(row) == width for row in counted), known)


def _of_delimiters(readings: Sequence[_Reading], declared: bool) -> _Reading:
    if declared:
        return readings[0]
    several = [reading for reading in readings if reading.width > 1]
    usual = [reading for reading in several if reading.dialect.delimiter in _USUAL_DELIMITERS]
    clear = [reading for reading in several if reading.good == len(reading.rows) > 2 or reading.known > 1]
    if candidates := usual or clear:
        known = max(reading.known for reading in candidates)
        candidates = [reading for reading in candidates if reading.known == known]
        most = max(reading.good for reading in candidates)
        good = [reading for reading in candidates if reading.good >= _AS_GOOD * most]
        return max(good, key=lambda reading: reading.width)
    return _one_column(readings)


def _one_column(readings: Sequence[_Reading]) -> _Reading:
    """A header of one cell: the comma, or where values hold commas, something that they don't hold."""
    comma = readings[0]
    rest = [len(row) for row in comma.rows[1:]]
    # Rows alike but wider than the header are a table with a title above it: no column may swallow whole rows.
    if all(width == 1 for width in rest) or (len(set(rest)) == 1 and len(rest) > 1):
        return comma
    taken = {reading.dialect.delimiter for reading in readings}
    free = next((unit for unit in (*_USUAL_DELIMITERS, *_RARE_DELIMITERS) if unit not in taken), None)
    if free is None:
        return comma
    dialect = Dialect(free, comma.dialect.quote, comma.dialect.escape)
    rows = [[free.join(row)] for row in comma.rows]
    return _Reading(dialect, rows, len(rows), comma.known)


def _is_better(found: _Reading, best: _Reading, text: str) -> bool:
    # What is read as one column is read whole whatever it holds.
    score, to_beat = ((reading.known, reading.width > 1, reading.good) for reading in (found, best))
    if score != to_beat:
        return score > to_beat
    dialect, other = found.dialect, best.dialect
    if dialect.quote != other.quote:
        return _is_quoted(other, text, best.rows) == 0 and _is_quoted(dialect, text, found.rows) > 0
    return bool(re.search(_escaped_quote(dialect), text))


def _escaped_quote(dialect: Dialect) -> str:
    r"""``\"`` where it can't be a backslash at a value's end: within a value, before something other than its end."""
    end = re.escape(dialect.delimiter)
    return rf"{re.escape(dialect.escape + dialect.quote)}(?![{end}\r\n{re.escape(dialect.quote)}]|$)"


def _is_quoted(dialect: Dialect, text: str, rows: Rows) -> int:
    """How many cells are quoted for a reason: a cell that merely stands in apostrophes may mean them."""
    quote, end = re.escape(dialect.quote), re.escape(dialect.delimiter)
    cells = re.findall(rf"(?:^|(?<=[{end}\r\n])){quote}((?:[^{quote}]|{quote}{quote})*){quote}(?=[{end}\r\n]|$)", text)
    needed = sum(dialect.delimiter in cell or dialect.quote in cell or "\n" in cell for cell in cells)
    # Quoted everywhere, or at least in the header and wherever there is text.
    first_line = text.lstrip("\r\n")[:1] == dialect.quote
    everywhere = len(cells) >= 0.5 * sum(len(row) for row in rows)
    return needed or (len(cells) if first_line or everywhere else 0)


def _line_breaks(text: str, reading: _Reading) -> tuple[bool, Rows, tuple[str, ...]]:
    """Whether values hold line breaks, by trying: reading line by line, or whole, whichever gives more whole rows."""
    dialect = reading.dialect
    ends = _LINE_END.findall(text)
    joined = any("\n" in cell or "\r" in cell for row in reading.rows for cell in row)
    if not joined and len(set(ends)) < 2:
        return False, reading.rows, ()
    # Spark's multi-line reader knows one line end: the first one of the file.
    end = ends[0]
    one_end = _LINE_END.sub(lambda found: "\n" if found[0] == end else "\x1a", text)
    values, lines = dialect.rows(one_end), _by_line(dialect, text)
    width = reading.width
    if joined and width == 1 and text.count(dialect.quote) % 2 == 0:
        # Pieces of a value are as wide as rows here, so their number tells nothing.
        return True, reading.rows, ()
    in_values, in_lines = (sum(len(row) == width for row in rows) for rows in (values, lines))
    if joined and in_values >= in_lines:
        return True, reading.rows, ()
    if joined:
        return False, lines, ("a quote is never closed; read line by line",)
    return in_values > in_lines, reading.rows, ()


def _by_line(dialect: Dialect, text: str) -> Rows:
    return [row for line in _LINE_END.split(text) for row in dialect.rows(line)]


def _header(
    rows: Rows, whole: bool, options: Mapping[str, Any], columns: Sequence[Column], names: set[str]
) -> tuple[str, ...]:
    """The header's cells, or nothing when the first row is data.

    With a contract: no cell is a name that it knows, there are as many cells as columns, and what stands at the place
    of a number, date or boolean is one. Without: a cell is a number or date, as all below it are; then nothing names
    the columns, and the file is refused rather than a row made a header.
    """
    if not rows:
        raise UnreadableFileError("the file holds nothing but blank lines")
    if not options.get("header", True):
        return ()
    first = rows[0]
    if "header" in options or any(standard_name(cell) in names for cell in first):
        return tuple(first)
    if columns:
        return () if _fits_columns(first, columns) else tuple(first)
    if _looks_like_data(rows if whole or len(rows) < 3 else rows[:-1]):
        raise UnreadableFileError(
            f"the first row ({', '.join(first[:5])}) looks like data and not like a header; send the file with a "
            "header, list its columns in a contract, or set source.options.header to true there"
        )
    return tuple(first)


def _fits_columns(cells: Sequence[str], columns: Sequence[Column]) -> bool:
    if len(cells) != len(columns):
        return False
    typed = [(cell.strip(), column) for cell, column in zip(cells, columns, strict=True) if column.type != "string"]
    filled = [(cell, column) for cell, column in typed if cell]
    return bool(filled) and all(_may_be(cell, column) for cell, column in filled)


def _may_be(cell: str, column: Column) -> bool:
    """Whether a cell may be a value of the column: generous, since names hardly ever look like numbers or dates."""
    if column.type == "boolean":
        return cell.lower() in (*_BOOLEANS, "0", "1")
    if column.type in ("date", "timestamp"):
        return cell[:1].isdigit() or (bool(column.formats) and any(sign.isdigit() for sign in cell))
    return bool(_NUMBER.fullmatch(cell))


def _looks_like_data(rows: Rows) -> bool:
    return any(_continues(cell, rows, place) for place, cell in enumerate(rows[0]))


def _continues(cell: str, rows: Rows, place: int) -> bool:
    """Whether a first cell is one more of the numbers or dates below it; years and dates may head other numbers."""
    kind = next((known for known in (_DATE, _YEAR, _NUMBER) if known.fullmatch(cell.strip())), None)
    if kind is None:
        return False
    values = [value for row in rows[1:] if len(row) > place and (value := row[place].strip())]
    return bool(values) and all(kind.fullmatch(value) for value in values)
