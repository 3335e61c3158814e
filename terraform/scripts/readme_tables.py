#!/usr/bin/env python3
"""Writes the tables of inputs and outputs into the READMEs of the modules, from variables.tf and outputs.tf, and the
table of values into that of the environments, from their terraform.tfvars.

With --check it changes nothing, names the READMEs whose tables are not up to date, and fails if there are any.
It reads files as `terraform fmt` leaves them; needs nothing but Python.
"""

# ruff: noqa: T201 - a command line tool speaks by printing

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[1]
MODULES = TERRAFORM / "modules"
ENVIRONMENTS = TERRAFORM / "environments"

BLOCK = re.compile(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"^  description\s*= <<-EOT\n(.*?)^\s*EOT$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r'^  description\s*= "(.*)"$', re.MULTILINE)
VALUE = re.compile(r"^(\w+)\s*= (.+(?:\n(?:  .*|[\])}].*))*)", re.MULTILINE)
# An attribute goes on for as long as its lines are indented further than its name, or close what it opened.
ATTRIBUTE = r"^  {name}\s*= (.+(?:\n(?:    .*|  [\])}}].*|\s*))*)"


def blocks(file: Path) -> Iterator[tuple[str, str]]:
    """Yields the name and the body of each variable or output of a file, in its order."""
    yield from BLOCK.findall(file.read_text(encoding="utf-8"))


def attribute(body: str, name: str) -> str | None:
    """Returns the value of one attribute of a block on one line, or None when it is not there."""
    found = re.search(ATTRIBUTE.format(name=name), body, re.MULTILINE)
    return " ".join(found[1].split()) if found else None


def description(body: str) -> str:
    """Returns a block's description on one line, as a cell of a table may hold it."""
    found = HEREDOC.search(body) or LINE.search(body)
    text = " ".join(found[1].split()) if found else ""
    return text.replace('\\"', '"').replace("|", "\\|").replace("<", "&lt;")


def type_of(body: str) -> str:
    """Returns a variable's type: only the outermost word of those that go on for lines."""
    text = attribute(body, "type") or "any"
    inner = re.match(r"(map|list|set)\(object\(", text)
    short = f"{inner[1]}(object)" if inner else "object" if text.startswith("object(") else text
    return f"{short}, ephemeral" if attribute(body, "ephemeral") == "true" else short


def default_of(body: str) -> str:
    """Returns a variable's default as a cell of a table, or `required`."""
    text = attribute(body, "default")
    return "required" if text is None else f"`{text}`"


def tables(module: Path) -> str:
    """Returns the section of a module's README that this script writes."""
    lines = ["## Inputs", "", "| Name | Type | Default | Description |", "|---|---|---|---|"]
    for name, body in blocks(module / "variables.tf"):
        lines.append(f"| `{name}` | {type_of(body)} | {default_of(body)} | {description(body)} |")
    lines += ["", "## Outputs", "", "| Name | Description |", "|---|---|"]
    for name, body in blocks(module / "outputs.tf"):
        lines.append(f"| `{name}` | {description(body)} |")
    return "\n".join(lines) + "\n"


def cell(value: str) -> str:
    """Returns a value of a tfvars file as a cell of a table: on one line, with commas between entries."""
    text = " ".join(value.split())
    return "`" + re.sub(r"(?<![{\[(,=]) (?=\w+ += )", ", ", text) + "`"


def values_table(environments: Path, inputs: Path) -> str:
    """Returns the section of the environments' README: every value that some environment gives, and the default."""
    folders = [environments / name for name in ("local", "dev", "staging", "prod")]
    given = {folder.name: dict(VALUE.findall((folder / "terraform.tfvars").read_text("utf-8"))) for folder in folders}
    lines = ["## Values", "", f"| Variable | Default | {' | '.join(given)} |", "|---|---|" + "---|" * len(given)]
    for name, body in blocks(inputs):
        if name != "environment" and any(name in values for values in given.values()):
            cells = [cell(values[name]) if name in values else "" for values in given.values()]
            lines.append(f"| `{name}` | {default_of(body)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def updated(readme: str, section: str) -> str:
    """Returns a README with its section replaced: from its first heading to the next one of others, or the end."""
    own = "|".join(re.findall(r"^## (\w+)$", section, re.MULTILINE))
    first = own.split("|")[0]
    found = re.search(rf"^## {first}$.*?(?=^## (?!(?:{own})$)|\Z)", readme, re.MULTILINE | re.DOTALL)
    if found is None:
        return f"{readme.rstrip()}\n\n{section}"
    rest = readme[found.end() :]
    return f"{readme[: found.start()]}{section}" + (f"\n{rest}" if rest else "")


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line and writes or checks the READMEs; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a README is not up to date")
    parser.add_argument("modules", nargs="*", type=Path, help="folders of modules (default: all of them)")
    options = parser.parse_args(arguments)
    modules = options.modules or sorted(path.parent for path in MODULES.glob("*/main.tf"))
    sections = {module / "README.md": tables(module) for module in modules}
    if not options.modules:
        inputs = ENVIRONMENTS / "dev" / "variables.tf"
        sections[ENVIRONMENTS / "README.md"] = values_table(ENVIRONMENTS, inputs)
    stale = []
    for readme, section in sections.items():
        before = readme.read_text(encoding="utf-8")
        after = updated(before, section)
        if after == before:
            continue
        stale.append(readme)
        if not options.check:
            readme.write_text(after, encoding="utf-8")
            print(f"updated  {readme}")
    if stale and options.check:
        print("run terraform/scripts/readme_tables.py; not up to date:", *stale, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
