"""The sheet that tells what was converted, and the charts of columns that can be drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from xlsxwriter.worksheet import Worksheet

from csv_to_excel.kinds import Value
from csv_to_excel.source import Source
from csv_to_excel.survey import Column, Survey
from csv_to_excel.workbook import Book, write_header

SUMMARY, CHARTS = "Summary", "Charts"
BINS = 10
# A column with more different values than this is no set of groups.
MOST_GROUPS = 20
MOST_CHARTS = 24
_CHART_ROWS = 22


@dataclass
class Histogram:
    """How many numbers of a column lie in each of equal steps from its least to its greatest."""

    place: int
    column: Column
    counts: list[int] = field(default_factory=lambda: [0] * BINS)

    def add(self, text: str) -> None:
        """Count one more value; anything but a number is passed over."""
        value = self.column.kind.parse(text)
        if isinstance(value, (int, float)) and isinstance(self.column.low, (int, float)):
            share = (value - self.column.low) / self._span
            self.counts[min(int(share * BINS), BINS - 1)] += 1

    def steps(self) -> list[str]:
        """What each step is called: where it begins and ends."""
        low, width = float(self.column.low or 0), self._span / BINS
        return [f"{low + width * step:,.6g} to {low + width * (step + 1):,.6g}" for step in range(BINS)]

    @property
    def _span(self) -> float:
        return float(self.column.high - self.column.low)


def histograms(found: Survey) -> list[Histogram]:
    """An empty histogram for each column of numbers that has more values than can be shown one by one."""
    return [
        Histogram(place, column)
        for place, column in enumerate(found.columns)
        if column.kind.is_number and column.low != column.high and not _groups(column)
    ]


def counter(drawn: Sequence[Histogram]) -> Callable[[Sequence[str]], None]:
    """What counts a row's values in the histograms."""

    def count(row: Sequence[str]) -> None:
        for histogram in drawn:
            if histogram.place < len(row) and row[histogram.place]:
                histogram.add(row[histogram.place])

    return count


def write_summary(book: Book, source: Source, found: Survey) -> None:
    """Write the sheet of the file's facts and its columns."""
    sheet = book.book.add_worksheet(SUMMARY)
    write_header(book, sheet, ["what", "value"], [26, 60, *[16] * 8])
    row = 0
    for name, value in _facts(book, source, found):
        row += 1
        sheet.write_string(row, 0, name)
        _write(book, sheet, row, 1, value)
    row += 2
    headings = ["column", "type", "filled", "empty", "different values", "least", "greatest", "mean", "longest"]
    for place, heading in enumerate(headings):
        sheet.write_string(row, place, heading, book.format("header"))
    for column in found.columns:
        row += 1
        for place, fact in enumerate(_column_facts(column, found.rows)):
            _write(book, sheet, row, place, fact)


def write_charts(book: Book, found: Survey, drawn: Sequence[Histogram]) -> int:
    """Write the sheet of charts: groups by their number, numbers by their spread; how many were drawn."""
    bars = [(column.name, *_top(groups)) for column in found.columns if (groups := _groups(column))]
    bars += [(histogram.column.name, histogram.steps(), histogram.counts) for histogram in drawn]
    if not bars:
        return 0
    sheet = book.book.add_worksheet(CHARTS)
    write_header(book, sheet, ["column", "value", "rows"], [24, 40, 12])
    row = 0
    for number, (name, labels, counts) in enumerate(bars[:MOST_CHARTS]):
        first = row + 1
        for label, count in zip(labels, counts, strict=True):
            row += 1
            book.write_text(sheet, row, 0, name)
            book.write_text(sheet, row, 1, label)
            sheet.write_number(row, 2, count)
        chart = book.book.add_chart({"type": "bar"})
        chart.add_series({"categories": [CHARTS, first, 1, row, 1], "values": [CHARTS, first, 2, row, 2], "gap": 40})
        chart.set_title({"name": name[:255], "name_font": {"size": 12}})
        chart.set_legend({"none": True})
        chart.set_y_axis({"reverse": True})
        sheet.insert_chart(1 + number // 2 * _CHART_ROWS, 4 + number % 2 * 9, chart)
    return min(len(bars), MOST_CHARTS)


def _facts(book: Book, source: Source, found: Survey) -> list[tuple[str, Value]]:
    facts: list[tuple[str, Value]] = [
        ("file", source.path.name),
        ("converted at", f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"),
        ("encoding", source.encoding),
        ("delimiter", {"\t": "tab"}.get(source.dialect.delimiter, source.dialect.delimiter)),
        ("rows", found.rows),
        ("columns", len(found.columns)),
        *((f"rows of sheet {name}", rows) for name, rows in book.sheets.items() if len(book.sheets) > 1),
        ("rows with fewer values than the header", found.short),
        ("rows with more values than the header", found.long),
        ("texts kept from being formulas", book.guarded),
        ("values too long for a cell", book.long_values),
    ]
    return [(name, value) for name, value in facts if value != 0]


def _column_facts(column: Column, rows: int) -> list[Value | None]:
    mean = column.total / column.filled if column.kind.is_number else None
    facts: list[Value | None] = [column.name, column.kind.name, column.filled, rows - column.filled, column.distinct]
    return [*facts, column.low, column.high, mean, column.longest]


def _write(book: Book, sheet: Worksheet, row: int, place: int, value: Value | None) -> None:
    if isinstance(value, (int, float)):
        sheet.write_number(row, place, value)
    elif value is not None:
        book.write_text(sheet, row, place, str(value))


def _groups(column: Column) -> Counter[str] | None:
    """The values of a column that is a set of groups: a few, and each more than once on average."""
    values = column.values
    few = values is not None and 1 < len(values) <= MOST_GROUPS and column.filled >= 2 * len(values)
    return values if few else None


def _top(groups: Counter[str]) -> tuple[list[str], list[int]]:
    most = groups.most_common()
    return [value for value, _ in most], [count for _, count in most]
