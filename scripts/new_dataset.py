#!/usr/bin/env python3
"""Proposes a dataset's contract and quality rules from a sample of its files; docs/adding_a_dataset.md tells how."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from pyspark.sql import SparkSession
from rich.console import Console

from contract_validation.files import SUFFIXES, checked, read_texts
from contract_validation.session import quiet_spark
from dataset_proposal.model import Facts, Proposal
from dataset_proposal.proposing import Seen, propose
from dataset_proposal.sample import Wanted, read_sample, wanted, without_header
from dataset_proposal.show import next_steps, show_proposal, show_trial
from dataset_proposal.trial import Trial, tried, validated
from dataset_proposal.writing import as_yaml
from etl.contracts import Contract, Source
from etl.dqdl.frames import SPARK_ERRORS, spark_message
from etl.errors import PipelineError
from etl.names import dataset_from_file_name, standard_name
from local_cloud.settings import LocalCloudError
from quality_check.errors import CheckError
from quality_check.places import find
from quality_check.show import say

CONTRACTS = Path(__file__).resolve().parents[1] / "src" / "config" / "datasets"
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)
progress = Console(stderr=True)


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        chosen: the files and the share of their rows.
        name: of the dataset.
        options: reader options that were given.
        header: whether CSV files have one.
        texts: the contracts that are there, file name -> text.
        folder: where they lie.
        now: with a zone.
    """

    chosen: Wanted
    name: str
    options: dict[str, Any]
    header: bool
    texts: dict[str, str]
    folder: Path
    now: datetime


def main(
    data: Annotated[str, typer.Argument(help="a file, a folder (all files below it) or s3://bucket/key-or-prefix")],
    name: Annotated[str, typer.Option(help="the dataset's name; by default made of the file's or folder's")] = "",
    write: Annotated[bool, typer.Option("--write", help="write the contract; without it, it is only printed")] = False,
    force: Annotated[bool, typer.Option("--force", help="with --write: replace a contract that is there")] = False,
    contracts: Annotated[Path, typer.Option(help="the folder of the contracts")] = CONTRACTS,
    sheet: Annotated[str, typer.Option(help="of Excel files; the first one by default")] = "",
    header: Annotated[
        bool, typer.Option("--header/--no-header", help="--no-header: the first row of the CSV files is data")
    ] = True,
    everything: Annotated[
        bool, typer.Option("--everything", help="look at every row, however many; by default 64 MiB and 200 files")
    ] = False,
) -> None:
    """Propose a contract: columns, key, times, personal data and DQDL rules, each with its evidence.

    The proposal is validated, and the sample goes through it once, without writing anything.
    Exit codes: 0 proposed, 1 the proposal is not valid, 2 it can't be made.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="new-dataset-") as scratch:
            request = _request(data, name, sheet, header, everything, contracts, Path(scratch))
            file = contracts / f"{request.name}.yml"
            if write and not force and (there := _contract_there(contracts, request.name)):
                raise CheckError(f"{there} is there already; choose another --name, or replace it with --force")
            proposal, text, problems = _propose(request, Path(scratch))
            if problems:
                say(console, text)
                raise _invalid(problems)
            if write:
                file.write_text(text, encoding="utf-8")
            else:
                say(console, f"\n{text}")
    except (CheckError, PipelineError, LocalCloudError, OSError) as error:
        typer.echo(f"new_dataset: {error}", err=True)
        raise typer.Exit(2) from error
    except SPARK_ERRORS as error:
        typer.echo(f"new_dataset: Spark can't do it: {spark_message(error)}", err=True)
        raise typer.Exit(2) from error
    for line in next_steps(proposal, _shown(file), data, write):
        say(console, line)


def _request(
    data: str, name: str, sheet: str, header: bool, everything: bool, contracts: Path, scratch: Path
) -> Request:
    """What is wrong with it shows before Spark starts."""
    if name and standard_name(name) != name:
        raise CheckError(f"--name {name} is no dataset's name; write it as {standard_name(name)}")
    if not contracts.is_dir():
        raise CheckError(f"{contracts} is no folder; name the one of the contracts with --contracts")
    (copies := scratch / "copy").mkdir()
    place = find(data, copies)
    texts, unreadable = read_texts(sorted(each for each in contracts.iterdir() if each.suffix in SUFFIXES))
    if unreadable:
        raise CheckError("\n  ".join(unreadable))
    chosen = name or dataset_from_file_name(Path(data.rstrip("/")).resolve().name)
    others = {file: text for file, text in texts.items() if standard_name(Path(file).stem) != chosen}
    options = {"sheet": sheet} if sheet else {}
    now = datetime.now(timezone.utc)
    return Request(wanted(place, everything), chosen, options, header, others, contracts.resolve(), now)


def _propose(request: Request, scratch: Path) -> tuple[Proposal, str, list[str]]:
    """The proposal, its YAML, and what is wrong with it; tables are printed on the way."""
    with _told() as told, _session() as spark:
        proposal, facts = _looked_at(spark, request, scratch, told)
        text = as_yaml(proposal)
        told("validating the proposal")
        contract, problems = validated(spark, request.name, text, request.texts, request.folder)
        trial: Trial | None = None
        if contract and not problems:
            told("trying it on the sample")
            trial = tried(spark, request.chosen, contract, _folder(scratch, "trial"), request.now)
    show_proposal(console, proposal, facts)
    if trial:
        show_trial(console, trial)
    return proposal, text, problems


def _looked_at(
    spark: SparkSession, request: Request, scratch: Path, told: Callable[[str], None]
) -> tuple[Proposal, tuple[Facts, ...]]:
    told(f"reading {len(request.chosen.place.files)} file(s)")
    reading = Contract(request.name, source=Source(options=request.options))
    if not request.header:
        reading = without_header(spark, request.chosen, request.name, request.options, _folder(scratch, "width"))
    sample = read_sample(spark, request.chosen, reading, _folder(scratch, "sample"))
    seen = Seen(request.name, reading, request.options, checked(request.texts)[0], request.now)
    try:
        return propose(sample, request.chosen, seen, told)
    finally:
        sample.frame.unpersist()


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    """Tells each step on stderr: as a spinner on a terminal, else as lines."""
    if not progress.is_terminal:
        yield lambda text: say(progress, f"· {text}")
        return
    with progress.status("starting Spark") as status:
        yield status.update


@contextmanager
def _session() -> Iterator[SparkSession]:
    """This process's session where it has one already, else a quiet one of its own."""
    there = SparkSession.getActiveSession()
    if there is not None:
        yield there
        return
    settings = {"spark.master": "local[*]", "spark.sql.shuffle.partitions": "2", "spark.driver.memory": "2g"}
    with quiet_spark("new_dataset", True, settings) as spark:
        yield spark


def _contract_there(folder: Path, name: str) -> Path | None:
    return next(
        (each for each in folder.iterdir() if each.suffix in SUFFIXES and standard_name(each.stem) == name), None
    )


def _invalid(problems: list[str]) -> typer.Exit:
    typer.echo("\n  ".join(["new_dataset: the proposal is not valid, and was not written:", *problems]), err=True)
    return typer.Exit(1)


def _folder(scratch: Path, name: str) -> Path:
    (folder := scratch / name).mkdir()
    return folder


def _shown(path: Path) -> Path:
    """Relative to where the command was called, where it lies below."""
    here = Path.cwd()
    return path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path


if __name__ == "__main__":
    typer.run(main)
