#!/usr/bin/env python3
"""Tells everything that is wrong in dataset contracts, expressions included, without AWS and without any data."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contract_validation.files import NoContractsError, Wanted, checked, read_texts, wanted_files
from contract_validation.report import Report, as_json, report_of, show
from etl.contracts import Contract
from local_cloud.settings import LocalCloudError

CONTRACTS = Path(__file__).resolve().parents[1] / "src" / "config" / "datasets"
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)


def main(
    paths: Annotated[list[Path] | None, typer.Argument(help="a folder of contracts, or files of one folder")] = None,
    expressions: Annotated[
        bool, typer.Option("--expressions/--no-expressions", help="let Spark compile every expression (about 10 s)")
    ] = True,
    as_json_: Annotated[bool, typer.Option("--json", help="print JSON instead of a table")] = False,
) -> None:
    """Check dataset contracts: schema, names and types, and every SQL expression, step and aggregate.

    A contract file is checked together with those beside it, which it may need. The exit code is 1 when something is
    wrong.
    """
    try:
        report = _report(wanted_files(paths or [CONTRACTS]), expressions)
    except (NoContractsError, LocalCloudError) as error:
        typer.echo(f"validate_contracts: {error}", err=True)
        raise typer.Exit(2) from error
    if as_json_:
        typer.echo(json.dumps(as_json(report), indent=2))
    else:
        show(console, report)
    if not report.ok:
        raise typer.Exit(1)


def _report(wanted: Wanted, expressions: bool) -> Report:
    texts, unreadable = read_texts(wanted.files)
    contracts, problems = checked(texts)
    found = _analysed(contracts, wanted.folder) if expressions and contracts else []
    files = [file.name for file in wanted.files]
    return report_of(files, wanted.names, contracts, [*unreadable, *problems, *found], expressions)


def _analysed(contracts: Mapping[str, Contract], folder: Path) -> list[str]:
    # Spark takes a second to import.
    from contract_validation.session import quiet_spark
    from etl.analysis import analyse

    with quiet_spark() as spark:
        return analyse(contracts, spark, folder.as_uri(), quality=True)


if __name__ == "__main__":
    typer.run(main)
