#!/usr/bin/env python3
"""Make the environment of one Glue version's Spark and Python for the job tests, and print its folder.

What each version has stands in glue_versions.json. This runs before there is any environment: standard library only.
Other packages are those of constraints.txt, but for what the version pins by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

ROOT = Path(__file__).resolve().parents[1]
VERSIONS: dict[str, dict[str, Any]] = json.loads((ROOT / "scripts" / "glue_versions.json").read_text(encoding="utf-8"))
# Its wheel asks for the Python of its own Glue version, and is pure Python.
AWSGLUE = "AWSGlueDataplanePython"


class EnvironmentFailedError(Exception):
    """The environment cannot be made; the message says why and what would help."""


def python_candidates(version: str) -> Iterator[Path]:
    """Where the interpreter may be: on the PATH, among pyenv's versions, or where uv keeps it.

    Args:
        version: of Python, such as ``3.10``.
    """
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from sorted(versions.glob(f"{version}.*/bin/python{version}"), reverse=True)
    if uv := shutil.which("uv"):
        found = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            yield Path(found.stdout.strip())


def find_python(version: str) -> Path:
    """The interpreter of a version of Python.

    Args:
        version: such as ``3.10``.

    Raises:
        EnvironmentFailedError: there is none that runs.
    """
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in python_candidates(version):
        # A shim of pyenv is on the PATH for versions, too, that are not chosen here; it only prints an error.
        answer = subprocess.run([candidate, "-c", ask], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return candidate
    raise EnvironmentFailedError(
        f"Python {version} was found neither on the PATH nor among the versions of pyenv or uv. "
        f"Install it, for example with: pyenv install {version}, or: uv python install {version}"
    )


def constraints(pins: list[str]) -> str:
    """constraints.txt with a Glue version's own pins in place of its lines on the same packages.

    Args:
        pins: ``name==version`` each.
    """
    own = {package_name(pin) for pin in pins}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line and line[0] != "#" and package_name(line) not in own]
    return "\n".join([*kept, *pins]) + "\n"


def package_name(requirement: str) -> str:
    """The name as pip compares names."""
    return re.sub(r"[-_.]+", "-", requirement.partition("==")[0].strip()).lower()


def make(version: str) -> Path:
    """Make a Glue version's environment, unless it is there and up to date.

    Args:
        version: of Glue, a key of glue_versions.json.

    Returns:
        Its folder.

    Raises:
        EnvironmentFailedError: the interpreter is missing, or pip failed.
    """
    wanted, folder = VERSIONS[version], ROOT / f".venv-glue-{version}"
    text = constraints(wanted["pins"])
    mark = f"{crc32((text + (ROOT / 'pyproject.toml').read_text(encoding='utf-8')).encode())}\n"
    stamp = folder / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return folder
    python = find_python(wanted["python"])
    pins = {package_name(pin): pin for pin in wanted["pins"]}
    say(f"Making {folder.name}: {pins['pyspark']} on Python {wanted['python']} ({python}); once, for about two minutes")
    subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
    limits = folder / "constraints.txt"
    limits.write_text(text, encoding="utf-8")
    awsglue = pins[package_name(AWSGLUE)]
    iceberg = ["snowpark-connect-deps-iceberg"] if pins["pyspark"].startswith("pyspark==3.5") else []
    packages = ["-c", str(limits), "-e", f"{ROOT}[job-tests]", pins["pyspark"], *iceberg]
    install(folder, packages)
    install(folder, ["--no-deps", "--ignore-requires-python", awsglue])
    stamp.write_text(mark, encoding="utf-8")
    return folder


def install(folder: Path, arguments: list[str]) -> None:
    """Have pip install packages.

    Args:
        folder: of the environment.
        arguments: of ``pip install``.

    Raises:
        EnvironmentFailedError: with pip's own error.
    """
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        # From its first error on; why packages conflict stands below that.
        _, error, rest = done.stdout.partition("ERROR:")
        raise EnvironmentFailedError(f"pip failed: {error}{rest}" if error else f"pip failed: {done.stdout[-1000:]}")


def say(text: str) -> None:
    """Tell the person; standard output is for the folder."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Make the environment that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", choices=VERSIONS, help="version of Glue")
    version = parser.parse_args().version
    try:
        print(make(version))
    except EnvironmentFailedError as error:
        say(f"glue_environment: Glue {version}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
