"""The Python packages of a job run: --extra-py-files and --additional-python-modules."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.arguments import listed
from local_cloud.environment import process_environment
from local_cloud.settings import LocalCloudError, Settings

_ABSENT = {"404", "NoSuchKey", "NoSuchBucket"}


def fetch(s3: Any, address: str, folder: Path, purpose: str) -> Path:
    """Copy one object to a folder, under its own file name.

    Args:
        s3: a boto3 client.
        address: ``s3://bucket/key``.
        folder: where to put it; made when it is not there.
        purpose: what names the object, for the message when it is not there.

    Raises:
        LocalCloudError: the address is not one, or nothing is there.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket or not key or key.endswith("/"):
        raise LocalCloudError(f"{purpose} is {address!r}; it must be s3://bucket/key")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / Path(key).name
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            raise LocalCloudError(f"{purpose} names {address}, which does not exist") from error
        raise
    with target.open("wb") as file:
        shutil.copyfileobj(body, file)
    return target


def python_path(
    settings: Settings, s3: Any, arguments: Mapping[str, str], folder: Path, note: Callable[[str], None]
) -> list[str]:
    """What goes on a run's PYTHONPATH, in order: its own libraries before those installed for it.

    Args:
        settings: of the local cloud.
        s3: a boto3 client.
        arguments: the merged arguments of the run.
        folder: where the libraries are copied to.
        note: writes a line into the run's error log.
    """
    paths: list[str] = []
    for number, address in enumerate(listed(arguments.get("--extra-py-files", ""))):
        file = fetch(s3, address, folder / str(number), "--extra-py-files")
        paths.append(str(file.parent if file.suffix == ".py" else file))
    modules = listed(arguments.get("--additional-python-modules", ""))
    if modules:
        options = shlex.split(arguments.get("--python-modules-installer-option", ""))
        paths.append(str(_installed(settings, s3, modules, options, note)))
    return paths


def _installed(
    settings: Settings, s3: Any, modules: list[str], options: list[str], note: Callable[[str], None]
) -> Path:
    """A folder with these modules: from the cache when a run before asked for the same ones."""
    wheels = settings.cache / f"wheels-{uuid.uuid4().hex}"
    try:
        wanted = [_local_wheel(s3, module, wheels) for module in modules]
        target = settings.cache / "modules" / _key(wanted, options)
        if not target.exists():
            _install(settings, wanted, options, target, note)
    finally:
        shutil.rmtree(wheels, ignore_errors=True)
    return target


def _install(
    settings: Settings, wanted: list[str], options: list[str], target: Path, note: Callable[[str], None]
) -> None:
    staging = target.with_name(f"{target.name}.{uuid.uuid4().hex}")
    command = [sys.executable, "-m", "pip", "install", "--target", str(staging), *options, *wanted]
    note(f"installing {', '.join(wanted)}")
    done = subprocess.run(command, capture_output=True, text=True, env=process_environment(settings))
    for line in (done.stdout + done.stderr).splitlines():
        note(line)
    if done.returncode != 0:
        shutil.rmtree(staging, ignore_errors=True)
        raise LocalCloudError(f"--additional-python-modules: pip could not install {', '.join(wanted)}")
    try:
        staging.rename(target)
    except OSError:  # another run installed the same modules meanwhile
        shutil.rmtree(staging)


def _local_wheel(s3: Any, module: str, folder: Path) -> str:
    if not module.startswith("s3://"):
        return module
    return str(fetch(s3, module, folder, "--additional-python-modules"))


def _key(wanted: list[str], options: list[str]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for word in [*sorted(wanted), "--", *options]:
        path = Path(word)
        digest.update(path.read_bytes() if path.suffix == ".whl" and path.exists() else word.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:32]
