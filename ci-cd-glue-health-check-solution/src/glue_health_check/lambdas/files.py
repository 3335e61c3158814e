"""A check and its files on their way to a Lambda: the check as a document, the files as objects of the work bucket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from glue_health_check.cloud.clients import Clients, aws_errors
from glue_health_check.cloud.names import Names
from glue_health_check.errors import MisuseError
from glue_health_check.settings import Check, InputSpec, JobSpec, OutputSpec

_OUTSIDE = "_outside"


class Packing:
    """Names of files as a Lambda sees them, relative to one folder.

    Args:
        folder: what names are relative to; what lies elsewhere gets a name of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self.files: dict[str, Path] = {}

    def name(self, path: Path, pattern: str = "*") -> str:
        """The name of a file or folder; its files are noted.

        Args:
            path: the file or folder.
            pattern: of the files of a folder that are needed.

        Raises:
            MisuseError: there is nothing.
        """
        real = path.resolve()
        inside = real.is_relative_to(self._folder)
        number = len({name.split("/")[1] for name in self.files if name.startswith(f"{_OUTSIDE}/")})
        name = real.relative_to(self._folder).as_posix() if inside else f"{_OUTSIDE}/{number}/{real.name}"
        found = [real] if real.is_file() else sorted(one for one in real.rglob(pattern) if one.is_file())
        if not found:
            raise MisuseError(f"the check needs {path}, which is not there, or an empty folder")
        for one in found:
            self.files[str(PurePosixPath(name, one.relative_to(real).as_posix()))] = one
        return name


def document_of(check: Check, packing: Packing) -> dict[str, Any]:
    """A check as the content of a check file (data/check.schema.json).

    Args:
        check: the check.
        packing: names its files.
    """
    document: dict[str, Any] = _job(check.job, packing)
    document |= {
        name: list(value)
        for name in ("buckets", "databases", "guard", "guard_ignore")
        if (value := getattr(check, name))
    }
    if check.before:
        document["before"] = [_job(spec, packing) for spec in check.before]
    if check.tables:
        document["tables"] = {role: _said(vars(spec)) for role, spec in check.tables.items()}
    if check.inputs:
        document["inputs"] = [_input(one, packing) for one in check.inputs]
    if check.outputs:
        document["outputs"] = [_output(one, packing) for one in check.outputs]
    return {**document, "timeout_minutes": check.timeout_minutes, "ttl_minutes": check.ttl_minutes}


def send(aws: Clients, names: Names, files: dict[str, Path]) -> None:
    """Put a check's files where its Lambdas look for them.

    Raises:
        InfrastructureError: the work bucket takes none.
    """
    for name, path in files.items():
        with aws_errors(f"{path} can't be put into the work bucket {names.work_bucket}"):
            aws.s3.upload_file(str(path), names.work_bucket, f"{names.state_prefix}files/{name}")


def fetch(aws: Clients, names: Names, folder: Path) -> int:
    """Bring a check's files into a folder.

    Returns:
        How many there were.

    Raises:
        MisuseError: a name leads out of the folder.
        InfrastructureError: S3 failed.
    """
    prefix, number = f"{names.state_prefix}files/", 0
    with aws_errors(f"the files of check {names.id} can't be read"):
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=names.work_bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                target = (folder / found["Key"].removeprefix(prefix)).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise MisuseError(f"the file {found['Key']} leads out of its folder; names must have no ..")
                target.parent.mkdir(parents=True, exist_ok=True)
                aws.s3.download_file(names.work_bucket, found["Key"], str(target))
                number += 1
    return number


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, so that findings show paths as the repository has them."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """What is not empty, as JSON has it."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in fields.items()
        if value not in ("", 0, None, (), {})
    }


def _job(spec: JobSpec, packing: Packing) -> dict[str, Any]:
    plain = {
        name: value for name, value in vars(spec).items() if name not in ("script", "extra_py_files", "arguments_from")
    }
    job = _said(plain)
    if spec.connections == ():  # says that the base's connections are not wanted
        job["connections"] = []
    if spec.extra_py_files:
        job["extra_py_files"] = [packing.name(path, "*.py") for path in spec.extra_py_files]
    if spec.arguments_from:
        pairs = [place.rpartition(":") for place in spec.arguments_from]
        job["arguments_from"] = [f"{packing.name(Path(file))}:{name}" for file, _, name in pairs]
    return {"script": packing.name(spec.script), "job": job}


def _input(spec: InputSpec, packing: Packing) -> dict[str, Any]:
    if spec.file is not None:
        return {"to": spec.to, "file": packing.name(spec.file)}
    day = {"last_day": spec.last_day.isoformat()} if spec.last_day else {}
    made = {name: getattr(spec, name) for name in ("to", "rows", "seed", "format")}
    return {**made, **day, **({"schema": packing.name(spec.schema)} if spec.schema else {})}


def _output(spec: OutputSpec, packing: Packing) -> dict[str, Any]:
    document = _said({name: getattr(spec, name) for name in ("path", "format", "columns", "extra_columns", "rules")})
    rows = {"least": spec.least_rows, "most": spec.most_rows}
    document["rows"] = {name: number for name, number in rows.items() if number is not None} or {"least": 0}
    for name in ("schema", "rules_from"):
        if (path := getattr(spec, name)) is not None:
            document[name] = packing.name(path)
    return document
