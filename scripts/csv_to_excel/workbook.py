"""The second reading of a file: its rows as sheets of a workbook, written as a stream."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from csv_to_excel.survey import Column, Survey

# With the header's row, Excel's 1,048,576.
MOST_ROWS = 1_048_575
LONGEST_CELL = 32_767
LONG_VALUES = "Long values"
# Text that Excel would take for a formula once somebody edits its cell.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CONTINUED = f" … (whole in the sheet {LONG_VALUES})"
_WIDEST, _NARROWEST, _ROOM = 60, 6, 3
_HEADER = {"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F4E78", "valign": "vcenter", "border": 1}


@dataclass
class Book:
    """A workbook while it is written.

    Attributes:
        book: the library's.
        name: stem of the sheets' names.
        sheets: name -> rows, without the header.
        guarded: cells whose text looks like a formula.
        long_values: texts that are longer than a cell may be.
    """

    book: Workbook
    name: str
    sheets: dict[str, int] = field(default_factory=dict)
    guarded: int = 0
    long_values: int = 0
    _long: Worksheet | None = None
    _long_row: int = 0
    _formats: dict[str, Format] = field(default_factory=dict)

    def format(self, name: str, **properties: object) -> Format:
        """A cell format, made once."""
        if name not in self._formats:
            self._formats[name] = self.book.add_format(properties)
        return self._formats[name]

    def write_text(self, sheet: Worksheet, row: int, column: int, text: str) -> None:
        """Write a text as it is: never as a formula, a link or a number, and never cut without a trace."""
        shown = text
        if len(text) > LONGEST_CELL:
            self._keep_long(sheet, row, column, text)
            shown = text[: LONGEST_CELL - len(_CONTINUED)] + _CONTINUED
        if text.startswith(FORMULA_STARTS):
            self.guarded += 1
            # The mark of a leading apostrophe: Excel then leaves the cell text even after it was edited.
            sheet.write_string(row, column, shown, self.format("guarded", quote_prefix=True))
        else:
            sheet.write_string(row, column, shown)

    def _keep_long(self, sheet: Worksheet, row: int, column: int, text: str) -> None:
        self.long_values += 1
        if self._long is None:
            self._long = self.book.add_worksheet(LONG_VALUES)
            write_header(self, self._long, ["sheet", "row", "column", "part", "text"], [20, 10, 10, 6, 60])
        for part, start in enumerate(range(0, len(text), LONGEST_CELL), start=1):
            self._long_row += 1
            self._long.write_string(self._long_row, 0, sheet.get_name())
            for place, number in ((1, row + 1), (2, column + 1), (3, part)):
                self._long.write_number(self._long_row, place, number)
            # Parts follow each other without a gap, so that the text can be put together again.
            cut = text[start : start + LONGEST_CELL]
            self._long.write_string(self._long_row, 4, cut, self.format("guarded", quote_prefix=True))


@contextmanager
def new_book(path: Path, name: str) -> Iterator[Book]:
    """A workbook that appears under its path once it is whole.

    Args:
        path: of the .xlsx file.
        name: stem of the sheets' names.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # The rows of each sheet go through a scratch file on the disk, which then had better be this one.
        with tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as scratch:
            book = Workbook(str(part), {"constant_memory": True, "use_zip64": True, "tmpdir": scratch})
            yield Book(book, _sheet_name(name))
            book.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_rows(
    book: Book,
    rows: Iterable[Sequence[str]],
    found: Survey,
    has_header: bool,
    rows_per_sheet: int = MOST_ROWS,
    on_row: Callable[[Sequence[str]], None] = lambda row: None,
) -> None:
    """Write all rows, over as many sheets as they need.

    Args:
        book: where.
        rows: every row, the header first if there is one.
        found: what the first reading told.
        has_header: the first row is the header.
        rows_per_sheet: without the header.
        on_row: called with each row.
    """
    total = -(-max(found.rows, 1) // rows_per_sheet)
    sheet = _new_sheet(book, found, 1, total)
    remaining = iter(rows)
    if has_header:
        next(remaining, None)
    writers = [_writer(book, column) for column in found.columns]
    at = 0
    for row in remaining:
        if at == rows_per_sheet:
            _finish(book, sheet, found, at)
            sheet, at = _new_sheet(book, found, len(book.sheets) + 1, total), 0
        at += 1
        for place, text in enumerate(row):
            if text:
                writers[place](sheet, at, place, text)
        on_row(row)
    _finish(book, sheet, found, at)


def write_header(book: Book, sheet: Worksheet, names: Sequence[str], widths: Sequence[float]) -> None:
    """The first row in its style, frozen, and the widths of the columns."""
    sheet.freeze_panes(1, 0)
    for place, width in enumerate(widths):
        sheet.set_column(place, place, width)
    style = book.format("header", **_HEADER, quote_prefix=True)
    for place, name in enumerate(names):
        sheet.write_string(0, place, name[:LONGEST_CELL], style)


def _writer(book: Book, column: Column) -> Callable[[Worksheet, int, int, str], None]:
    kind = column.kind
    style = None if kind.number_format == "General" else book.format(kind.name, num_format=kind.number_format)

    def write(sheet: Worksheet, row: int, place: int, text: str) -> None:
        value = kind.parse(text)
        if isinstance(value, bool):
            sheet.write_boolean(row, place, value)
        elif isinstance(value, (int, float)):
            sheet.write_number(row, place, value, style)
        elif value is None or isinstance(value, str):
            book.write_text(sheet, row, place, text)
        else:
            sheet.write_datetime(row, place, value, style)

    return write


def _new_sheet(book: Book, found: Survey, number: int, total: int) -> Worksheet:
    suffix = f" {number}" if total > 1 else ""
    sheet = book.book.add_worksheet(book.name[: 31 - len(suffix)] + suffix)
    book.sheets[sheet.get_name()] = 0
    write_header(book, sheet, [column.name for column in found.columns], [_width(column) for column in found.columns])
    return sheet


def _finish(book: Book, sheet: Worksheet, found: Survey, rows: int) -> None:
    book.sheets[sheet.get_name()] = rows
    sheet.autofilter(0, 0, rows, len(found.columns) - 1)


def _width(column: Column) -> float:
    shown = len(column.kind.number_format) if "yyyy" in column.kind.number_format else column.longest
    return max(_NARROWEST, min(_WIDEST, max(shown, len(column.name) + _ROOM) + 1))


def _sheet_name(stem: str) -> str:
    """A name that Excel takes: 31 characters, none of ``[]:*?/\\``, no apostrophe at its ends."""
    clean = "".join("_" if sign in "[]:*?/\\" or not sign.isprintable() else sign for sign in stem)
    taken = clean.lower() in ("summary", "charts", LONG_VALUES.lower(), "history")
    return (f"{clean}_" if taken else clean).strip("' ")[:31].rstrip("' ") or "Data"
