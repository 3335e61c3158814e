#!/usr/bin/env python3
"""Estimates what an environment costs on AWS in a month, from Terraform's values; docs/cost tells how."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "src")]

from cost.assumptions import load_assumptions, parse_given, read_given  # noqa: E402
from cost.charts import money  # noqa: E402
from cost.errors import CostError  # noqa: E402
from cost.estimate import Estimate, estimate  # noqa: E402
from cost.pages import FOLDER, stale, write  # noqa: E402
from cost.prices import TABLE, load_prices  # noqa: E402
from cost.report import as_html, as_json, as_markdown, signed, table  # noqa: E402
from cost.values import read_environment  # noqa: E402
from cost.volume import gb_per_day  # noqa: E402
from cost.whatif import what_ifs  # noqa: E402

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)
errors = Console(stderr=True, soft_wrap=True)


@contextmanager
def explained() -> Iterator[None]:
    """An error of the estimate is said in a line, and ends with 2."""
    try:
        yield
    except CostError as error:
        errors.print(f"[red]✗[/red] {escape(str(error))}")
        raise typer.Exit(2) from error


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    env: Annotated[str, typer.Option("--env", help="a folder of terraform/environments")] = "prod",
    volume: Annotated[str, typer.Option("--volume", help="what arrives: '50 GB/day', '1 TB/month'")] = "",
    region: Annotated[str, typer.Option("--region", help="whose prices are taken")] = "us-east-1",
    assume: Annotated[list[str], typer.Option("--assume", help="NAME=VALUE of an assumption; may be given again")] = [],  # noqa: B006
    assumptions: Annotated[Path | None, typer.Option("--assumptions", help="YAML file of name: value")] = None,
    prices: Annotated[Path, typer.Option("--prices", help="another price table")] = TABLE,
    what_if: Annotated[bool, typer.Option("--what-if", help="also show what would be otherwise")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="also show each assumption and where it comes from")
    ] = False,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="write a page in Markdown")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write one HTML page with its chart")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="write JSON; - prints it, and nothing else")] = None,
) -> None:
    """Estimate what an environment costs in a month.

    Exit codes: 0 done, 2 wrong use.
    """
    if context.invoked_subcommand:
        return
    with explained():
        if not volume:
            raise CostError("--volume is missing: say how much arrives, such as --volume '50 GB/day'")
        given = load_assumptions()
        if assumptions:
            given = given.with_values(read_given(assumptions), str(assumptions))
        given = given.with_values(parse_given(assume), "--assume")
        done = estimate(read_environment(env), gb_per_day(volume), given, load_prices(region, prices))
        _write(done, {markdown: as_markdown, html: as_html})
        if json_ == Path("-"):
            print(json.dumps(as_json(done), indent=2))
            return
        _write(done, {json_: lambda each: json.dumps(as_json(each), indent=2) + "\n"})
        _show(done, what_if, explain)


@app.command()
def docs(check: Annotated[bool, typer.Option("--check", help="write nothing; 1 if a page is stale")] = False) -> None:
    """Make the pages of docs/cost.

    Exit codes: 0 done, 1 a page is stale (--check), 2 an estimate can't be made.
    """
    with explained():
        changed = stale() if check else write()
    for name in changed:
        console.print(f"{'stale' if check else 'written'}: {FOLDER.relative_to(ROOT) / name}")
    if check and changed:
        errors.print("[red]✗[/red] make them again: .venv/bin/python scripts/estimate_cost.py docs")
        raise typer.Exit(1)


def _write(done: Estimate, outputs: dict[Path | None, object]) -> None:
    for path, made in outputs.items():
        if path is not None and callable(made):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(made(done), encoding="utf-8")
            except OSError as error:
                raise CostError(f"{path} can't be written: {error}") from error


def _show(done: Estimate, what_if: bool, explain: bool) -> None:
    console.print(table(done))
    if done.unconfirmed():
        console.print("* no published text was found that confirms this price; it is AWS's well-known list price")
    for note in done.notes():
        console.print(f"[yellow]![/yellow] {escape(note)}")
    if what_if:
        shown = Table(
            "",
            "Change",
            "Monthly",
            "Difference",
            "What comes with it",
            title="What would be otherwise",
            title_justify="left",
        )
        for each in what_ifs(done):
            shown.add_row(each.topic, escape(each.what), money(each.usd), signed(each.change), escape(each.remark))
        console.print(shown)
    if explain:
        shown = Table("Assumption", "Value", "Origin", "What it means", title="Assumptions", title_justify="left")
        for entry in done.case.assume.entries.values():
            shown.add_row(entry.name, f"{entry.value:g} {entry.unit}", entry.origin, escape(entry.why))
        console.print(shown)
    else:
        console.print("Half of this is assumption: --explain shows each, --assume NAME=VALUE changes it.")


if __name__ == "__main__":
    app()
