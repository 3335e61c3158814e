"""Excel: one sheet of an .xlsx file becomes CSV with the text that Excel's own export would hold."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError  # the exception alone, nothing is parsed with it # nosec B405

from etl.errors import UnreadableFileError

# What a spreadsheet shows of a number; the digits behind are the noise of binary fractions (0.1 + 0.2).
_SHOWN_DIGITS = 15
_BROKEN = (zipfile.BadZipFile, ParseError, KeyError, ValueError, EOFError, OSError)


def sheet_to_csv(
    book: Path, target: Path, sheet: str | None = None, with_header: bool = True
) -> tuple[tuple[str, ...], bool]:
    """Write a sheet's rows as UTF-8 CSV (comma, doubled quotes, no header line); blank rows are left out.

    Each line starts with the row's number in the sheet. Rows shorter than the header are filled up; a longer row
    stays longer, so that the CSV reader sets it apart as it does for CSV files.

    Args:
        book: the .xlsx file.
        target: the file to write.
        sheet: a sheet's name; the first one by default.
        with_header: whether the first row that is not blank names the columns.

    Returns:
        The header's cells (none without a header), and whether a value holds a line break.

    Raises:
        UnreadableFileError: the file is damaged, has no such sheet, or the sheet holds nothing.
    """
    header: list[str] | None = None if with_header else []
    width, multiline, any_row = 0, False, False
    with target.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        for number, cells in _rows(book, sheet):
            any_row = True
            if header is None:
                header, width = cells, len(cells)
                continue
            width = width or len(cells)
            multiline = multiline or any("\n" in cell or "\r" in cell for cell in cells)
            writer.writerow([number, *cells, *[""] * (width - len(cells))])
    if not any_row:
        raise UnreadableFileError(f"the sheet {sheet or '(the first one)'} holds no row")
    return tuple(header or ()), multiline


def _rows(book: Path, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    """Number and texts of every row that is not blank, without the empty cells at its end."""
    # Only needed where there is an Excel file: loading it takes a quarter of a second.
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(book, read_only=True, data_only=True)
    except _BROKEN as error:
        raise UnreadableFileError(f"the Excel file can't be opened: {error}") from error
    try:
        chosen = _chosen(workbook, sheet)
        # Some writers declare a smaller area than they fill.
        chosen.reset_dimensions()
        for number, row in enumerate(chosen.iter_rows(values_only=True), start=1):
            cells = [_text(value) for value in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells
    except _BROKEN as error:
        raise UnreadableFileError(f"the Excel file is damaged: {error}") from error
    finally:
        workbook.close()


def _chosen(workbook: Any, sheet: str | None) -> Any:
    sheets = {found.title: found for found in workbook.worksheets}
    if not sheets:
        raise UnreadableFileError("the Excel file has no sheet of cells")
    if sheet is None:
        return next(iter(sheets.values()))
    if sheet not in sheets:
        raise UnreadableFileError(f"the Excel file has no sheet {sheet}; it has {', '.join(sheets)}")
    return sheets[sheet]


def _text(value: Any) -> str:
    """A cell's value as text: ISO dates, ``true``/``false``, and numbers as the sheet shows them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.{_SHOWN_DIGITS}g}"
    if isinstance(value, datetime):
        # Excel has no dates without a time.
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return _duration(value) if isinstance(value, timedelta) else str(value)


def _duration(value: timedelta) -> str:
    """Hours, which may be more than a day's, minutes and seconds."""
    seconds = round(value.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
