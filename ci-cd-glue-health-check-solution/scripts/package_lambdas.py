#!/usr/bin/env python3
"""Packs what Terraform uploads: the code of the Lambdas with its pure-Python packages, and a layer of compiled ones.

The same sources give the same bytes, so Terraform sees no change where there is none. Packages come from pip as
wheels for Lambda, whatever this machine is; installed once per list of requirements, below build/packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from enum import Enum
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

HERE = Path(__file__).resolve().parents[1]
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
# Parts of packages that nothing here uses: a layer and its function may have 250 MB unpacked.
SKIPPED = (
    "*.pyc", "*.pyi", "*.pyx", "*.pxd", "*.pxi", "*.h", "*.dist-info/RECORD", "*.dist-info/direct_url.json",
    "*/tests/*", "bin/*", "pyarrow/include/*", "pyarrow/src/*", "pyarrow/*flight*",
    "pyarrow/libarrow_s3*", "pyarrow/*tests*", "adbc_driver_duckdb/*", "_duckdb-stubs/*",
)  # fmt: skip
PURE = ("--platform", "any", "--implementation", "py", "--abi", "none")
console = Console(highlight=False, soft_wrap=True)


class Architecture(str, Enum):
    """Processors that Lambda has."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


class PackageError(Exception):
    """Something can't be packed."""


def installed(requirements: Path, python: str, options: tuple[str, ...], cache: Path) -> Path:
    """A folder with the packages of a list; pip fills it unless an earlier run did.

    Raises:
        PackageError: pip can't.
    """
    key = f"{requirements.read_text(encoding='utf-8')} {python} {options}"
    folder = cache / f"{requirements.stem}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # Installed aside and moved when complete, so that a killed run leaves no half.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        target = Path(scratch, "target")
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--no-compile", "--only-binary=:all:", "--python-version", python, *options,
            "--target", str(target), "-r", str(requirements),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PackageError(f"pip could not install {requirements.name}:\n{done.stderr.strip()}")
        if not folder.is_dir():  # another run may have been quicker
            target.rename(folder)
    return folder


def files_of(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Files below a folder that are worth packing, with their names in the zip."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(fnmatch(name, pattern) for pattern in SKIPPED):
            yield f"{prefix}{name}", path


def put(target: Path, files: dict[str, Path]) -> None:
    """Write a zip whose bytes depend on names and contents alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")  # another run may be at it, too
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, path in sorted(files.items()):
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system, member.external_attr = 3, 0o644 << 16
            archive.writestr(member, path.read_bytes())
    part.replace(target)
    size, unpacked = target.stat().st_size, sum(path.stat().st_size for path in files.values())
    console.print(f"{target.name}: {size / 1e6:.1f} MB, unpacked {unpacked / 1e6:.0f} MB")


def main(
    output: Annotated[Path, typer.Option(help="Folder of the zips.")] = HERE / "build",
    architecture: Annotated[Architecture, typer.Option(help="Of the Lambdas, for the layer.")] = Architecture.ARM64,
    python: Annotated[str, typer.Option(help="Of the Lambdas.")] = "3.12",
    layer: Annotated[bool, typer.Option(help="Pack the layer; the local cloud needs none.")] = True,
    clean: Annotated[bool, typer.Option(help="Install the packages anew.")] = False,
) -> None:
    """Pack function.zip and layer-<architecture>.zip."""
    cache = output / "packages"
    if clean:
        shutil.rmtree(cache, ignore_errors=True)
    try:
        pure = installed(HERE / "terraform" / "function-requirements.txt", python, PURE, cache)
        own = dict(files_of(HERE / "src" / "glue_health_check", "glue_health_check/"))
        put(output / "function.zip", {**dict(files_of(pure)), **own})
        if layer:
            machine = "aarch64" if architecture is Architecture.ARM64 else "x86_64"
            # Lambda's Python 3.12 runs on Amazon Linux 2023, which has glibc 2.34.
            platforms = tuple(f"manylinux{glibc}_{machine}" for glibc in ("_2_34", "_2_28", "_2_27", "_2_17", "2014"))
            options = tuple(word for platform in platforms for word in ("--platform", platform))
            compiled = installed(HERE / "terraform" / "layer-requirements.txt", python, options, cache)
            put(output / f"layer-{architecture.value}.zip", dict(files_of(compiled, "python/")))
    except (PackageError, OSError) as error:
        console.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(3) from error


if __name__ == "__main__":
    typer.run(main)
