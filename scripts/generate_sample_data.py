#!/usr/bin/env python3
"""Write sample customers and transactions, in every format the pipeline reads, with chosen defects; or stream them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from sample_data.columns import DATASETS, Row
from sample_data.defects import CATALOG
from sample_data.manifest import Manifest
from sample_data.plan import PlannedFile, RowSource, plan_files
from sample_data.rates import RateError, per_second, seconds
from sample_data.writers import WRITERS, write_broken

if TYPE_CHECKING:
    from sample_data.streaming import Flow, Sent

DEFAULT_TRANSACTIONS = 1000
DEFAULT_START, DEFAULT_RATE, DEFAULT_FILES = "2024-01-15", "50/s", "12/m"
DEFAULT_FORMATS = "csv,json,jsonl,parquet,orc,avro"
BROKEN_ROWS = 60
BROKEN_REASONS = {
    "parquet": "the end of the file with the Parquet footer is cut off",
    "csv.gz": "the gzip stream ends in the middle",
}
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class InputError(Exception):
    """What was asked for cannot be done; the message says what would be right."""


@dataclass(frozen=True)
class Request:
    """A checked request: what to write, and where."""

    out: Path
    manifest: Path
    rows: dict[str, int]
    first: dict[str, int]
    known_customers: int
    formats: list[str]
    files_per_format: int
    days: list[date]
    seed: int
    shares: dict[str, float]
    broken: str | None

    def options(self) -> dict[str, object]:
        """The part of the request that decides the content, for the manifest."""
        return {
            "seed": self.seed,
            "rows": self.rows,
            "first": self.first,
            "known_customers": self.known_customers,
            "formats": self.formats,
            "files_per_format": self.files_per_format,
            "days": [day.isoformat() for day in self.days],
            "shares": self.shares,
            "broken_file": self.broken,
        }


def parse_shares(defects: Sequence[str], clean: bool) -> dict[str, float]:
    """The share of each defect: the defaults, or none with clean, then name=share pairs on top."""
    shares = {name: 0.0 if clean else defect.share for name, defect in CATALOG.items()}
    for item in defects:
        name, _, text = item.partition("=")
        if name not in CATALOG:
            raise InputError(f"unknown defect '{name}' in --defect {item}: use one of {', '.join(CATALOG)}")
        try:
            shares[name] = float(text)
        except ValueError:
            raise InputError(f"--defect {item}: write {name}=SHARE, for example {name}=0.05") from None
        if not 0 <= shares[name] <= 1:
            raise InputError(f"--defect {item}: a share lies between 0 and 1")
    for dataset in DATASETS:
        total = sum(part for name, part in shares.items() if dataset in CATALOG[name].datasets)
        if total > 1:
            raise InputError(
                f"the shares of {dataset} add up to {total:g}: a row carries one defect, so at most 1 "
                "(--clean sets those not named to 0)"
            )
    return shares


def parse_formats(text: str) -> list[str]:
    """The formats of a comma-separated list, each once."""
    formats = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [fmt for fmt in formats if fmt not in WRITERS]
    if unknown or not formats:
        raise InputError(f"--formats {text}: use a comma-separated list of {', '.join(WRITERS)}")
    return formats


def parse_days(start: str, days: int) -> list[date]:
    """The days that the files are spread over."""
    try:
        first = date.fromisoformat(start)
        return [first + timedelta(days=offset) for offset in range(days)]
    except (ValueError, OverflowError):
        raise InputError(f"--start-date {start} --days {days}: write a date as YYYY-MM-DD") from None


def check(request: Request) -> None:
    """Refuse what cannot be written, before anything is."""
    check_numbers(request)
    for dataset in DATASETS:
        folder = request.out / dataset
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} already holds files: remove it first or choose another folder")


def check_numbers(request: Request) -> None:
    """Refuse numbers that make no sense, and transactions of nobody."""
    for name, number, least in (
        ("--customers", request.rows["customers"], 0),
        ("--transactions", request.rows["transactions"], 0),
        ("--known-customers", request.known_customers, 0),
        ("--first-transaction", request.first["transactions"], 1),
        ("--files-per-format", request.files_per_format, 1),
        ("--days", len(request.days), 1),
    ):
        if number < least:
            raise InputError(f"{name} must be at least {least}")
    if (request.rows["transactions"] or request.broken) and not request.known_customers:
        raise InputError("transactions belong to customers: give --customers or --known-customers above 0")
    if request.broken not in (None, *BROKEN_REASONS):
        raise InputError(f"--broken-file {request.broken}: use one of {', '.join(BROKEN_REASONS)}")


def generate(request: Request, progress: Progress) -> Manifest:
    """Write all files and the manifest, row by row."""
    source = RowSource(request.seed, request.shares, request.known_customers)
    with Manifest(request.manifest, request.options()) as manifest:
        for name, rows in request.rows.items():
            files = plan_files(name, rows, request.first[name], request.formats, request.files_per_format, request.days)
            task = progress.add_task(name, total=rows)
            for file in files:
                noted = manifest.record(file, source.rows_of(file, files))
                counted = _counted(noted, progress, task)
                WRITERS[file.fmt](_folder_made(request.out / file.path), DATASETS[name], counted)
        if request.broken:
            _write_broken_file(request, source, manifest)
    return manifest


def _write_broken_file(request: Request, source: RowSource, manifest: Manifest) -> None:
    """One more file of transactions, whose ids are in no other file, damaged after writing."""
    name, fmt = "transactions", str(request.broken)
    rows, first = request.rows[name], request.first[name]
    index = min(len(request.formats) * request.files_per_format, rows) + 1
    file = PlannedFile(name, fmt, request.days[-1], index, first + rows, BROKEN_ROWS)
    write_broken(_folder_made(request.out / file.path), DATASETS[name], source.sound_rows(file), fmt)
    manifest.record_broken(file, BROKEN_REASONS[fmt])


def _counted(rows: Iterable[Row], progress: Progress, task: TaskID) -> Iterator[Row]:
    """Pass rows on and move the progress bar, a hundred rows at a time (each move costs a lock)."""
    number = 0
    for number, row in enumerate(rows, start=1):
        if number % 100 == 0:
            progress.advance(task, 100)
        yield row
    progress.advance(task, number % 100)


def _folder_made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _print_summary(request: Request, manifest: Manifest) -> None:
    table = Table("dataset", "files", "rows", "sound rows", "distinct keys", "defects", box=None)
    for name, total in manifest.totals.items():
        defects = ", ".join(f"{defect} {count}" for defect, count in sorted(manifest.defects[name].items()))
        numbers = [f"{total[column]:,}" for column in ("files", "rows", "sound_rows", "distinct_keys")]
        table.add_row(name, *numbers, defects or "none")
    console = Console()
    console.print(table)
    if request.broken:
        console.print(f"and one broken file of transactions ({request.broken})")
    console.print(f"data: {request.out}   expected counts: {request.manifest}", soft_wrap=True)


def _fail(message: str, status: int = 2) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(status)


def _defects_help() -> str:
    parts = [f"{name} ({defect.share:g}: {defect.meaning})" for name, defect in CATALOG.items()]
    return "NAME=SHARE of rows with a defect, may be repeated. Defaults: " + "; ".join(parts)


@app.command()
def main(
    out: Annotated[Path | None, typer.Argument(help="Folder to write to: OUT/<dataset>/YYYY/MM/DD/<file>.")] = None,
    customers: Annotated[int, typer.Option(help="Rows of customers.")] = 200,
    transactions: Annotated[
        int | None, typer.Option(help="Rows of transactions. Default: 1000; a stream has no limit.")
    ] = None,
    formats: Annotated[str, typer.Option(help=f"Comma-separated, of {', '.join(WRITERS)}.")] = DEFAULT_FORMATS,
    files_per_format: Annotated[int, typer.Option(help="Files of each dataset in each format.")] = 1,
    start_date: Annotated[
        str | None, typer.Option(help=f"First day, YYYY-MM-DD. Default: {DEFAULT_START}; of a stream today, in UTC.")
    ] = None,
    days: Annotated[int, typer.Option(help="Days; the files take turns over them.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same data.")] = 42,
    defect: Annotated[list[str] | None, typer.Option(help=_defects_help(), metavar="NAME=SHARE")] = None,
    clean: Annotated[bool, typer.Option("--clean", help="No defects but those given by --defect.")] = False,
    broken_file: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Add a file that can't be read: parquet or csv.gz."),
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="Where to record the defects. Default: OUT/_expected.json; of a stream nowhere.")
    ] = None,
    first_transaction: Annotated[int, typer.Option(help="Number of the first transaction.")] = 1,
    known_customers: Annotated[
        int | None, typer.Option(help="Transactions refer to customers 1..N. Default: --customers.")
    ] = None,
    stream_to: Annotated[
        str | None,
        typer.Option(
            "--stream-to",
            "--stream",
            metavar="PLACE",
            help="Stream into s3://bucket[/prefix], or local: its raw bucket.",
        ),
    ] = None,
    rate: Annotated[str | None, typer.Option(help=f"Streamed rows, such as 50/s. Default: {DEFAULT_RATE}.")] = None,
    files: Annotated[str | None, typer.Option(help=f"Streamed files. Default: {DEFAULT_FILES}.")] = None,
    length: Annotated[
        str | None, typer.Option("--for", help="End the stream after, such as 2m. Default: Ctrl-C.")
    ] = None,
) -> None:
    """Write sample customers and transactions with the defects that real sources have, or stream them into a bucket."""
    try:
        if (out is None) == (stream_to is None):
            raise InputError("name a folder to write to, or a place to stream to with --stream-to; one of them")
        if out and (rate or files or length):
            raise InputError("--rate, --files and --for are about streams: give --stream-to")
        day = datetime.now(timezone.utc).date().isoformat() if stream_to else DEFAULT_START
        request = Request(
            out=out or Path(),
            manifest=manifest or (out or Path()) / "_expected.json",
            rows={
                "customers": customers,
                "transactions": DEFAULT_TRANSACTIONS if transactions is None else transactions,
            },
            first={"customers": 1, "transactions": first_transaction},
            known_customers=customers if known_customers is None else known_customers,
            formats=parse_formats(formats),
            files_per_format=files_per_format,
            days=parse_days(start_date or day, days),
            seed=seed,
            shares=parse_shares(defect or [], clean),
            broken=broken_file,
        )
        if stream_to:
            check_numbers(request)
            timing = (per_second(rate or DEFAULT_RATE), per_second(files or DEFAULT_FILES))
            _stream(request, stream_to, timing, seconds(length) if length else None, transactions, manifest)
            return
        check(request)
        with _progress() as progress:
            written = generate(request, progress)
    except (InputError, RateError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"cannot write {error.filename or out}: {error.strerror or error}")
    _print_summary(request, written)


def _stream(
    request: Request,
    place: str,
    timing: tuple[float, float],
    length: float | None,
    most: int | None,
    manifest: Path | None,
) -> None:
    """Stream as asked, with a line of progress, and tell what was sent; also after Ctrl-C."""
    # boto3 takes a while to import, and files on disk don't need it.
    from sample_data.streaming import Flow, on_signals, stream
    from sample_data.targets import TargetError, open_place

    if request.broken or request.files_per_format > 1:
        raise InputError("--broken-file and --files-per-format are about files in a folder, not about streams")
    rate, files = timing
    first = request.first["transactions"]
    flow = Flow(
        rate,
        files,
        length,
        most,
        tuple(request.formats),
        request.days[0],
        request.seed,
        first,
        request.rows["customers"],
    )
    source = RowSource(request.seed, request.shares, request.known_customers)
    options = {**request.options(), "rate": rate, "files": files, "length": length}
    sent: list[Sent] = []
    try:
        target = open_place(place)
        target.check()
        noted = Manifest(manifest, options) if manifest else nullcontext()
        with _progress() as progress, noted as record, on_signals() as stop:
            total = None if length is None and most is None else flow.total()
            task = progress.add_task("rows", total=total)
            update = _updater(progress, task, sent)
            stream(flow, source, target, record, stop, update)
    except TargetError as error:
        _print_sent(sent[-1:], place, flow)
        _fail(str(error), 1)
    _print_sent(sent[-1:], place, flow)


def _updater(progress: Progress, task: TaskID, sent: list[Sent]) -> Callable[[Sent], None]:
    """Moves the progress bar, and keeps what was sent so far."""

    def update(now: Sent) -> None:
        sent[:] = [now]
        pace = f"rows  {now.files:,} file(s), {now.transactions / now.took:,.0f} rows/s" if now.took else "rows"
        progress.update(task, completed=now.transactions, description=pace)

    return update


def _print_sent(sent: Sequence[Sent], place: str, flow: Flow) -> None:
    for found in sent:
        formats = ", ".join(f"{fmt} {number}" for fmt, number in found.formats.items())
        pace = f"{found.transactions / found.took:,.1f} rows/s of {flow.rate:g} asked" if found.took else "at once"
        console = Console()
        ended = "ended early: " if found.ended_early else ""
        console.print(
            f"{ended}{found.transactions:,} transactions and {found.rows - found.transactions:,} customers in "
            f"{found.files:,} file(s) ({formats}) to {place}, {found.took:.1f} s, {pace}",
            soft_wrap=True,
            highlight=False,
        )
        if found.transactions:
            console.print(f"to go on: --first-transaction {flow.first + found.transactions}", highlight=False)


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


if __name__ == "__main__":
    app()
