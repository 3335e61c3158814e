#!/usr/bin/env python3
"""Packs what Terraform uploads: the library of the Glue jobs, and the code of the Lambdas.

The zips hold their pure-Python dependencies at the versions of constraints.txt, so nothing is installed
when a job starts. The same sources always give the same bytes, so Terraform sees no change where there is
none. Runs on any Python from 3.10 on that has pip; needs no other package.
"""

# ruff: noqa: T201 - a command line tool speaks by printing

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

LIBRARY_PACKAGES = ("config", "etl", "utils")
LIBRARY_DEPENDENCIES = ("et_xmlfile", "fastjsonschema", "jinja2", "lark", "markupsafe", "openpyxl")
# The X-Ray SDK (with wrapt) is what Powertools traces with.
LAMBDA_DEPENDENCIES = ("aws-lambda-powertools", "aws-xray-sdk", "jmespath", "typing-extensions", "wrapt")
# What one Lambda needs besides: the scan of new files has detect-secrets (which imports requests) and stdnum.
OWN_DEPENDENCIES = {
    "data_trigger": ("certifi", "charset-normalizer", "detect-secrets", "idna", "python-stdnum", "requests", "urllib3"),
}
# Modules of the jobs' library that need nothing but Python and boto3, and that a Lambda shares.
SHARED_MODULES = {
    "data_trigger": ("etl/__init__.py", "etl/dynamo.py", "etl/markers.py", "etl/names.py"),
    "monitoring": ("etl/__init__.py", "etl/dynamo.py"),
}
LAMBDAS = ("data_trigger", "monitoring")
# Only where there is a connector. The Lambda for APIs has dlt, for its REST client, and what that imports; the wheel is
# for Glue's Python shell, which installs wheels and no zips, and has Python 3.9: later versions of these need another.
CONNECTOR_LAMBDA = "api_connector"
CONNECTOR_LAMBDA_DEPENDENCIES = (
    "certifi", "charset-normalizer", "croniter", "dlt", "fastjsonschema", "fsspec", "giturlparse", "humanize", "idna",
    "jsonpath-ng", "packaging", "pathvalidate", "pendulum", "python-dateutil", "pytz", "pyyaml", "requests", "semver",
    "simplejson", "six", "sqlglot", "tenacity", "tomlkit", "tzdata", "urllib3",
)  # fmt: skip
CONNECTOR_WHEEL = "glue_etl_connectors-1-py3-none-any.whl"
CONNECTOR_WHEEL_VERSIONS = {"fastjsonschema": "2.21.2", "simplejson": "4.3.0"}

# The earliest time a zip can hold: the same for every file, whenever it was checked out.
EPOCH = (1980, 1, 1, 0, 0, 0)

SKIPPED_FOLDERS = {"__pycache__", "bin", "tests"}
# Compiled speed-ups run on one platform only (MarkupSafe does without them); RECORD, WHEEL and the like
# name the platform and the installer.
SKIPPED_SUFFIXES = {".c", ".pyc", ".pyi", ".pyd", ".so"}
SKIPPED_NAMES = {"INSTALLER", "RECORD", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json"}


class PackageError(Exception):
    """Something that is to be packed is missing or wrong."""


def canonical(name: str) -> str:
    """Returns a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned_versions(constraints: Path) -> dict[str, str]:
    """Returns the versions of a constraints file by canonical name."""
    if not constraints.is_file():
        raise PackageError(f"{constraints} is missing; it pins the versions of what is packed")
    lines = (line.split("#")[0].strip() for line in constraints.read_text(encoding="utf-8").splitlines())
    pins = (line.partition("==") for line in lines if "==" in line)
    return {canonical(name): version.strip() for name, _, version in pins}


def vendored(name: str, versions: dict[str, str], cache: Path) -> Path:
    """Returns a folder that holds one dependency, installed there by pip unless it is there already."""
    version = versions.get(canonical(name))
    if version is None:
        raise PackageError(f"{name} has no version in constraints.txt; add a line {name}==<version>")
    folder = cache / f"{canonical(name)}-{version}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    # Installed aside and moved when complete, so that a killed run leaves no half of a package.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        target = Path(scratch, "target")
        options = [
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-compile",
            "--only-binary=:all:",
        ]
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target)]
        command.append(f"{name}=={version}")
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise PackageError(f"pip could not install {name}=={version}:\n{result.stderr.strip()}")
        if not folder.is_dir():  # another run may have been quicker
            target.rename(folder)
    return folder


def files_of(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Yields the files below `folder` that are worth packing, with their names in the zip."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        wanted = path.is_file() and path.suffix not in SKIPPED_SUFFIXES and path.name not in SKIPPED_NAMES
        if wanted and not SKIPPED_FOLDERS.intersection(inside.parts[:-1]):
            yield f"{prefix}{inside.as_posix()}", path


def connector_entries(source: Path) -> dict[str, Path]:
    """Returns what the Lambda and the job of connectors share, by name in the zip."""
    names = ["config/__init__.py", "config/connector.schema.json", "utils/__init__.py", "utils/faults.py"]
    names += [f"connectors/{path.name}" for path in sorted((source / "connectors").glob("*.py"))]
    return {name: source / name for name in names}


def wheel_entries(source: Path, dependencies: list[Path]) -> dict[str, Path | bytes]:
    """Returns what goes into the wheel of the database connectors, with what pip wants to know of it."""
    packages = {name: path for folder in dependencies for name, path in files_of(folder) if ".dist-info/" not in name}
    entries: dict[str, Path | bytes] = {**packages, **connector_entries(source)}
    name, version, *_ = CONNECTOR_WHEEL.split("-")
    about = f"{name}-{version}.dist-info"
    entries[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    tags = "Wheel-Version: 1.0\nGenerator: package.py\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries[f"{about}/WHEEL"] = tags.encode()
    lines = [f"{entry},sha256={_digest(content)}," for entry, content in sorted(entries.items())]
    entries[f"{about}/RECORD"] = "\n".join([*lines, f"{about}/RECORD,,", ""]).encode()
    return entries


def _digest(content: Path | bytes) -> str:
    """SHA-256 as the record of a wheel writes it."""
    data = content if isinstance(content, bytes) else content.read_bytes()
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def zipped(entries: Mapping[str, Path | bytes]) -> bytes:
    """Returns a zip of the entries whose bytes depend on their names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, on whichever system this runs
            info.external_attr = 0o644 << 16
            content = entries[name]
            archive.writestr(info, content if isinstance(content, bytes) else content.read_bytes())
    return buffer.getvalue()


def check_imports(archive: Path, modules: Iterable[str]) -> None:
    """Imports `modules` from the zip in a Python that sees nothing but the zip and its standard library."""
    code = [f"import sys; sys.path.insert(0, {str(archive)!r})"]
    for module in modules:
        code.append(f"import {module}")
        code.append(f"assert {module}.__file__.startswith({str(archive)!r}), {module}.__file__")
    command = [sys.executable, "-I", "-S", "-c", "\n".join(code)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackageError(f"{archive} cannot be imported from:\n{result.stderr.strip()}")


def put(path: Path, content: bytes, modules: Iterable[str]) -> bool:
    """Writes a zip, once `modules` can be imported from it; returns whether the file had to change."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        scratch.write_bytes(content)
        check_imports(scratch, modules)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return True


def library_entries(source: Path, dependencies: list[Path]) -> dict[str, Path]:
    """Returns what goes into the library of the Glue jobs, by name in the zip."""
    entries = {name: path for folder in dependencies for name, path in files_of(folder)}
    for package in LIBRARY_PACKAGES:
        if not (source / package / "__init__.py").is_file():
            raise PackageError(f"{source / package} is not a Python package: its __init__.py is missing")
        entries.update(files_of(source / package, f"{package}/"))
    # Contracts and connectors are published beside the library, as JSON, where they change without it.
    beside = ("config/connectors/", "config/datasets/")
    return {name: path for name, path in entries.items() if not name.startswith(beside)}


def lambda_entries(source: Path, name: str, dependencies: list[Path]) -> dict[str, Path]:
    """Returns what goes into the zip of one Lambda, by name in the zip."""
    handler = source / "lambda" / name / "handler.py"
    if not handler.is_file():
        raise PackageError(f"{handler} is missing; it must define handler(event, context)")
    entries = {entry: path for folder in dependencies for entry, path in files_of(folder)}
    entries.update((path.name, path) for path in sorted(handler.parent.glob("*.py")))
    for shared in SHARED_MODULES.get(name, ()):
        if not (source / shared).is_file():
            raise PackageError(f"{source / shared} is missing; the Lambda {name} imports it")
        entries[shared] = source / shared
    return entries


def build(source: Path, output: Path, constraints: Path) -> dict[Path, bool]:
    """Makes all zips in `output`; returns for each whether it had to change."""
    versions = pinned_versions(constraints)
    cache = output / "vendor"
    library = output / "glue_etl_library.zip"
    for_jobs = [vendored(name, versions, cache) for name in LIBRARY_DEPENDENCIES]
    for_lambdas = [vendored(name, versions, cache) for name in LAMBDA_DEPENDENCIES]

    content = zipped(library_entries(source, for_jobs))
    results = {library: put(library, content, [*LIBRARY_DEPENDENCIES, *LIBRARY_PACKAGES])}
    for name in LAMBDAS:
        archive = output / "lambda" / f"{name}.zip"
        own = [vendored(dependency, versions, cache) for dependency in OWN_DEPENDENCIES.get(name, ())]
        content = zipped(lambda_entries(source, name, [*for_lambdas, *own]))
        # The handler itself needs boto3, which only the Lambda runtime has.
        results[archive] = put(archive, content, ["jmespath", "typing_extensions"])
    if any((source / "config" / "connectors").glob("*.yml")):
        results.update(build_connectors(source, output, versions))
    return results


def build_connectors(source: Path, output: Path, versions: dict[str, str]) -> dict[Path, bool]:
    """Makes the Lambda's zip and the job's wheel; returns for each whether it had to change."""
    cache = output / "vendor"
    names = (*LAMBDA_DEPENDENCIES, *CONNECTOR_LAMBDA_DEPENDENCIES)
    for_lambda = [vendored(name, versions, cache) for name in names]
    for_wheel = [vendored(name, CONNECTOR_WHEEL_VERSIONS, cache) for name in CONNECTOR_WHEEL_VERSIONS]
    archive, wheel = output / "lambda" / f"{CONNECTOR_LAMBDA}.zip", output / CONNECTOR_WHEEL
    content = zipped({**lambda_entries(source, CONNECTOR_LAMBDA, for_lambda), **connector_entries(source)})
    results = {archive: put(archive, content, ["dlt.sources.helpers.rest_client", "fastjsonschema"])}
    modules = [*CONNECTOR_WHEEL_VERSIONS, "connectors.reading"]
    return {**results, wheel: put(wheel, zipped(wheel_entries(source, for_wheel)), modules)}


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line, packs, and prints one line per zip; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option, default, text in (
        ("--source", REPO / "src", "folder of the sources"),
        ("--output", REPO / "build", "folder of the zips"),
        ("--constraints", REPO / "constraints.txt", "file of pinned versions"),
    ):
        parser.add_argument(option, type=Path, default=default, help=f"{text} (default: %(default)s)")
    parser.add_argument("--clean", action="store_true", help="install the dependencies anew")
    options = parser.parse_args(arguments)
    try:
        if options.clean:
            shutil.rmtree(options.output / "vendor", ignore_errors=True)
        for archive, changed in build(options.source, options.output, options.constraints).items():
            state = "packed" if changed else "unchanged"
            print(f"{state:9}  {archive.stat().st_size / 1024:5.0f} KiB  {archive}")
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
