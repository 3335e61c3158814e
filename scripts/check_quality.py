#!/usr/bin/env python3
"""Checks any file, folder or S3 prefix against DQDL rules, without AWS Glue; docs/check_quality.md tells how."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from pyspark.sql import SparkSession
from rich.console import Console

from contract_validation.session import quiet_spark
from etl.dqdl.frames import SPARK_ERRORS, spark_message
from etl.errors import PipelineError
from local_cloud.settings import LocalCloudError
from quality_check.check import Checked, Request, check, explained, open_all
from quality_check.errors import CheckError
from quality_check.history import read_history, write_history
from quality_check.outputs import Outputs, write_html, write_json, write_junit, write_rows
from quality_check.places import Place, find
from quality_check.rules import check_references, demands, read_contracts
from quality_check.show import say, show

# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)
# Data of this size and more are worth Java's slower start and more memory.
LARGE = 64 * 1024 * 1024
MEMORY_GIB = (2, 16)


class Format(str, Enum):
    """What text files are; all other kinds tell themselves."""

    AUTO = "auto"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    ORC = "orc"
    AVRO = "avro"


def main(
    data: Annotated[str, typer.Argument(help="a file, a folder (all files below it) or s3://bucket/key-or-prefix")],
    rules: Annotated[Path | None, typer.Option("--rules", help="DQDL, or a contract whose quality.rules count")] = None,
    reference: Annotated[
        list[str], typer.Option("--reference", help="NAME=PATH of data that rules speak of; may be given again")
    ] = [],  # noqa: B006
    contract: Annotated[
        Path | None, typer.Option("--contract", help="a contract: names and types of the columns, and the rules")
    ] = None,
    history: Annotated[
        Path | None, typer.Option("--history", help="JSON of earlier checks; this one is added to it")
    ] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="write the report as JSON")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write the report as one HTML page")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="write JUnit XML, a test case for each rule")] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", help="write every row with its outcome (*.parquet or *.csv)")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="tell which Spark actions run; nothing is checked")
    ] = False,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0, max=100, help="the score to reach; by default all rules hold")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="read the files as")] = Format.AUTO,
    where: Annotated[str, typer.Option("--where", help="check only rows for which this Spark SQL is true")] = "",
    samples: Annotated[int, typer.Option("--samples", min=0, max=10, help="failing rows shown for each rule")] = 5,
) -> None:
    """Check data against DQDL rules.

    Exit codes: 0 passed, 1 rules failed (the score is below the threshold), 2 the check can't be made.
    """
    outputs = Outputs(json_, html, junit, rows, history)
    try:
        outputs.check()
        with tempfile.TemporaryDirectory(prefix="check-quality-") as scratch:
            request = _request(data, rules, reference, contract, threshold, Path(scratch))
            request = replace(request, file_format=format_.value, where=where, samples=samples)
            passed = _run(request, outputs, explain, Path(scratch))
    except (CheckError, PipelineError, LocalCloudError, OSError) as error:
        typer.echo(f"check_quality: {error}", err=True)
        raise typer.Exit(2) from error
    except SPARK_ERRORS as error:
        typer.echo(f"check_quality: Spark can't do it: {spark_message(error)}", err=True)
        raise typer.Exit(2) from error
    if not passed:
        raise typer.Exit(1)


def _request(
    data: str, rules: Path | None, reference: list[str], contract: Path | None, threshold: float | None, scratch: Path
) -> Request:
    """What is asked for; what is wrong with it shows before anything is copied, and that before Spark starts."""
    own, contracts = read_contracts(contract) if contract else (None, {})
    wanted = demands(rules, own, contract, threshold)
    named = dict(_named(each) for each in reference)
    check_references(wanted.ruleset, named)
    place = find(data, _folder(scratch, "copy"))
    references = {name: find(path, _folder(scratch, f"copy-{name}")) for name, path in named.items()}
    return Request(place, wanted, datetime.now(timezone.utc), own, contracts, references)


def _named(reference: str) -> tuple[str, str]:
    name, equals, path = reference.partition("=")
    if not (equals and name.isidentifier() and path):
        raise CheckError(f"--reference {reference} is not NAME=PATH, such as customers=data/customers.csv")
    return name, path


def _folder(scratch: Path, name: str) -> Path:
    folder = scratch / name
    folder.mkdir()
    return folder


def _run(request: Request, outputs: Outputs, explain: bool, scratch: Path) -> bool:
    """Whether the data pass."""
    started, past = time.monotonic(), read_history(outputs.history)
    with _session([request.place, *request.references.values()]) as spark:
        opened = open_all(spark, request, scratch)
        if explain:
            say(console, explained(request, opened))
            return True
        checked = check(request, opened, past)
        if outputs.rows:
            write_rows(outputs.rows, checked.result.row_outcomes(opened.data))
    _write(outputs, checked, time.monotonic() - started)
    show(console, checked.report, opened.table)
    for path in outputs.written:
        say(console, f"wrote {path}")
    return bool(checked.report["score"]["passed"])


def _write(outputs: Outputs, checked: Checked, seconds: float) -> None:
    if outputs.json:
        write_json(outputs.json, checked.report)
    if outputs.html:
        write_html(outputs.html, checked.report)
    if outputs.junit:
        write_junit(outputs.junit, checked.report, seconds)
    if outputs.history:
        write_history(outputs.history, checked.past)


@contextmanager
def _session(places: list[Place]) -> Iterator[SparkSession]:
    """This process's session where it has one already, else a quiet one of its own that suits the data."""
    there = SparkSession.getActiveSession()
    if there is not None:
        yield there
        return
    quick = sum(place.size for place in places) < LARGE
    cores = os.cpu_count() or 1
    settings = {"spark.master": "local[*]", "spark.sql.shuffle.partitions": str(2 if quick else 2 * cores)}
    if not quick:
        settings["spark.driver.memory"] = f"{_memory_gib()}g"
    with quiet_spark("check_quality", quick, settings) as spark:
        yield spark


def _memory_gib() -> int:
    """Half of the machine's memory, within limits."""
    least, most = MEMORY_GIB
    return min(max(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**31, least), most)


if __name__ == "__main__":
    typer.run(main)
