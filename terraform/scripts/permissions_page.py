#!/usr/bin/env python3
"""Writes docs/permissions.md, who may do what and why, from terraform/needs.

With --check it changes nothing, and fails when the page is not up to date.
"""

# ruff: noqa: T201 - a command line tool speaks by printing

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
NEEDS = REPO / "terraform" / "needs"
PAGE = REPO / "docs" / "permissions.md"

# The order of the page; a file that is not named comes before those of what refuses.
FIRST = ["jobs", "network", "data_ingestion", "data_processing", "data_quality", "streaming_ingestion", "lambdas"]
LAST = ["services", "buckets", "queues_and_topics", "keys", "endpoints"]

HEAD = """# Permissions

<!-- Written by terraform/scripts/permissions_page.py from terraform/needs; what is changed here gets lost. -->

Who needs what, and why. The tests hold these lists against every policy that Terraform makes, with everything switched
on: each need is allowed, each call under "Refused" is refused, and no part of any policy can be taken away without one
of them changing, so there is no right that no row here needs. [Security](security.md) says how that is checked.

`…` stands for the pipeline's prefix, `<project>-<environment>`. A resource is one example of its kind.
"""


def listing(values: Any) -> str:
    """Returns values, which may be lists of lists, as code with commas."""
    return ", ".join(f"`{shortened(value)}`" for value in flat(values))


def flat(values: Any) -> Iterator[str]:
    """Yields the values of lists of lists."""
    for value in values:
        yield from flat(value) if isinstance(value, list) else [value]


def shortened(value: Any) -> str:
    """Returns a text of the needs as the page has it."""
    return str(value).replace("{prefix}", "…").replace("{database}", "…")


def row(entry: dict[str, Any], roles: list[str]) -> str:
    """Returns one need as a row: who, what, to what, and why."""
    who = "" if entry.get("by", roles) == roles else f"{listing(entry['by'])}: "
    given = "; ".join(f"`{key}` is {listing(flat([value]))}" for key, value in entry.get("with", {}).items())
    what = f"{who}{listing(entry['actions'])}" + (f", where {given}" if given else "")
    return f"| {what} | {listing(entry['resources'])} | {entry['for']} |"


def section(content: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of one file's tables."""
    roles = content["roles"]
    yield f"\n## {content['title']}" + (f": {listing(roles)}" if roles else "")
    for kind, heading in (("needs", "Needed"), ("refused", "Refused")):
        if content.get(kind):
            yield f"\n| {heading} | To | For |\n|---|---|---|"
            yield from (row(entry, roles) for entry in content[kind])


def wildcards(content: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of the table of wildcards."""
    yield "\n## Wildcards, and why\n\n| | In | Reason |\n|---|---|---|"
    for entry in content["wildcards"]:
        yield f"| {entry['element']} {listing(entry['values'])} | {listing(entry['in'])} | {entry['because']} |"


def page() -> str:
    """Returns the whole page."""
    files = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(NEEDS.glob("*.yml"))}
    reasons = files.pop("wildcards")
    between = [name for name in files if name not in {*FIRST, *LAST}]
    lines = [line for name in [*FIRST, *between, *LAST] for line in section(files[name])]
    return HEAD + "\n".join([*lines, *wildcards(reasons), ""])


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line and writes or checks the page; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the page is not up to date")
    options = parser.parse_args(arguments)
    text = page()
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        print(f"run terraform/scripts/permissions_page.py; not up to date: {PAGE}", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    print(f"updated  {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
