#!/usr/bin/env python3
"""Finds a folder from which Terraform can install the AWS provider without the registry.

Run, it prints the folder, for `terraform init -plugin-dir=...`, and fails when there is none.
"""

# ruff: noqa: T201 - a command line tool speaks by printing

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

PROVIDER = Path("registry.terraform.io", "hashicorp", "aws")

# Where Terraform itself looks for mirrors on Linux and macOS, best first.
MIRRORS = (
    "~/.terraform.d/plugins",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "~/Library/Application Support/io.terraform/plugins",
    "/Library/Application Support/io.terraform/plugins",
)

# Prefixes under which images and packages put a mirror; searched two levels deep, no deeper.
PREFIXES = ("/opt", "/usr/local/share", "/usr/local/lib", "/usr/share", "/usr/lib", "/var/lib")


class PluginDirError(Exception):
    """TF_PLUGIN_DIR names a folder that holds no AWS provider."""


def holds_provider(folder: Path) -> bool:
    """Says whether `folder` is laid out as a mirror, packed or unpacked, with the AWS provider in it."""
    try:
        return any((folder / PROVIDER).iterdir())
    except OSError:  # not there, not a folder, or not ours to read: no mirror for us
        return False


def candidates() -> Iterator[Path]:
    """Yields the folders that may be mirrors, best first."""
    yield from (Path(mirror).expanduser() for mirror in MIRRORS)
    for prefix in map(Path, PREFIXES):
        yield prefix
        for pattern in ("*", "*/*"):
            yield from sorted(path.parent for path in prefix.glob(f"{pattern}/registry.terraform.io"))


def find_plugin_dir() -> Path | None:
    """Returns the mirror to use, or None when there is none on this machine.

    TF_PLUGIN_DIR decides alone when it is set; raises PluginDirError when it names no mirror.
    """
    given = os.environ.get("TF_PLUGIN_DIR")
    if given:
        folder = Path(given).expanduser()
        if not holds_provider(folder):
            raise PluginDirError(
                f"TF_PLUGIN_DIR is {folder}, but there is no {PROVIDER}/ in it; "
                "set it to a folder made by `terraform providers mirror`, or unset it"
            )
        return folder
    return next((folder for folder in candidates() if holds_provider(folder)), None)


def main() -> int:
    """Prints the folder; returns the exit status."""
    try:
        folder = find_plugin_dir()
    except PluginDirError as error:
        print(f"plugin_dir: {error}", file=sys.stderr)
        return 2
    if folder is None:
        print(f"plugin_dir: no folder with {PROVIDER}/ found; set TF_PLUGIN_DIR to one", file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
