#!/usr/bin/env python3
"""Converts CSV files of any size to Excel workbooks; docs/convert_csv_to_excel.md tells how."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from csv_to_excel.errors import ConversionError
from csv_to_excel.source import Source, open_source
from csv_to_excel.summary import counter, histograms, write_charts, write_summary
from csv_to_excel.survey import Survey, survey
from csv_to_excel.workbook import MOST_ROWS, Book, new_book, write_rows

console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)


def main(
    files: Annotated[list[Path], typer.Argument(help="CSV files, plain or packed with gzip")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="the workbook, or a folder for several; default: beside each file"),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="e.g. utf-8, cp1252; found out by default")] = None,
    delimiter: Annotated[str | None, typer.Option(help="one character, or tab; found out by default")] = None,
    quote: Annotated[str | None, typer.Option(help="one character; found out by default")] = None,
    header: Annotated[bool, typer.Option(help="the first row names the columns")] = True,
    text: Annotated[
        list[str], typer.Option("--text", help="a column that stays text whatever it looks like; may be given again")
    ] = [],  # noqa: B006
    charts: Annotated[bool, typer.Option(help="draw groups and numbers on a sheet of their own")] = False,
    summary: Annotated[bool, typer.Option(help="add a sheet of facts about the file and its columns")] = True,
    rows_per_sheet: Annotated[int, typer.Option(help="rows of a sheet at most", min=1, max=MOST_ROWS)] = MOST_ROWS,
    force: Annotated[bool, typer.Option("--force", "-f", help="write over a workbook that is there")] = False,
) -> None:
    """Convert CSV files to Excel workbooks. Exit status 1 when a file cannot be converted; the others are."""
    failed = 0
    for path in files:
        try:
            target = target_of(path, output, len(files) > 1, force)
            source = open_source(
                path, encoding, one_character("--delimiter", delimiter), one_character("--quote", quote), header
            )
            found, book = convert(source, target, text, charts, summary, rows_per_sheet)
        except (ConversionError, OSError) as error:
            console.print(f"[red]{path.name} was not converted[/]: {error}", highlight=False, soft_wrap=True)
            failed += 1
        else:
            _tell(target, found, book)
    raise typer.Exit(1 if failed else 0)


def convert(
    source: Source, target: Path, as_text: list[str], charts: bool, summary: bool, rows_per_sheet: int
) -> tuple[Survey, Book]:
    """Convert one file.

    Args:
        source: the CSV file.
        target: the workbook; it is there when it is whole, and not before.
        as_text: names of columns that stay text.
        charts: whether to draw.
        summary: whether to add the sheet of facts.
        rows_per_sheet: without the header.

    Returns:
        What the file holds, and what was written.

    Raises:
        ConversionError: the file cannot be read.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        size = source.path.stat().st_size
        reading = progress.add_task(f"{source.path.name}: read", total=size)
        found = survey(source.rows(lambda count: progress.advance(reading, count)), source.has_header, as_text)
        writing = progress.add_task(f"{source.path.name}: write", total=size)
        drawn = histograms(found) if charts else []
        with new_book(target, source.path.name.split(".")[0]) as book:
            rows = source.rows(lambda count: progress.advance(writing, count))
            write_rows(book, rows, found, source.has_header, rows_per_sheet, counter(drawn))
            if charts:
                write_charts(book, found, drawn)
            if summary:
                write_summary(book, source, found)
    return found, book


def target_of(path: Path, output: Path | None, several: bool, force: bool) -> Path:
    """Where the workbook of a file goes.

    Raises:
        ConversionError: it is there already, its folder is not, or one workbook is named for several files.
    """
    name = f"{path.name.removesuffix('.gz').rpartition('.')[0] or path.name}.xlsx"
    target = path.parent / name if output is None else output / name if output.is_dir() else output
    if several and output is not None and not output.is_dir():
        raise ConversionError(f"--output {output}: for several files this has to be a folder that is there")
    if target.suffix.lower() != ".xlsx":
        raise ConversionError(f"--output {target}: the name of a workbook ends with .xlsx")
    if not target.parent.is_dir():
        raise ConversionError(f"--output {target}: there is no folder {target.parent}; make it first")
    if target.exists() and not force:
        raise ConversionError(f"{target} is there already; --force writes over it")
    return target


def one_character(option: str, given: str | None) -> str | None:
    """What an option that takes one character was given; ``tab`` or ``\\t`` for a tab.

    Raises:
        ConversionError: it is more than one.
    """
    meant = {"tab": "\t", "\\t": "\t"}.get(given or "", given)
    if meant is not None and len(meant) != 1:
        raise ConversionError(f"{option} {given!r}: this takes one character, or tab")
    return meant


def _tell(target: Path, found: Survey, book: Book) -> None:
    sheets = f" on {len(book.sheets)} sheets" if len(book.sheets) > 1 else ""
    console.print(f"[bold]{target}[/]: {found.rows:,} rows, {len(found.columns)} columns{sheets}", soft_wrap=True)
    notes = {
        "row(s) have fewer values than the header: their last cells are empty": found.short,
        "row(s) have more values than the header: in columns of their own": found.long,
        "text(s) begin like a formula: kept as text": book.guarded,
        "value(s) are too long for a cell: whole in the sheet 'Long values'": book.long_values,
    }
    for note, count in notes.items():
        if count:
            console.print(f"  {count:,} {note}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
