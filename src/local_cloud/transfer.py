"""Copies many objects at once, with s5cmd."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import ClientError

from local_cloud.environment import process_environment, scripts_folder
from local_cloud.settings import LocalCloudError, Settings

_WORKERS = 16
_PART_MIB = 50  # s5cmd's own; bigger files go in parts


class Transfer:
    """Downloads and uploads objects between S3 and files."""

    def __init__(self, settings: Settings, s3: Any) -> None:
        self._settings = settings
        self._s3 = s3

    def download(self, bucket: str, places: Mapping[str, Path]) -> list[str]:
        """Copy objects to files.

        Args:
            bucket: where they are.
            places: the file for each key.

        Returns:
            The keys that were copied; one that was deleted meanwhile is left out.

        Raises:
            LocalCloudError: an object that is there could not be copied.
        """
        self._run([(_quoted_address(bucket, key), shlex.quote(str(place))) for key, place in _plain(places).items()])
        for key, place in places.items():
            # Named so oddly that s5cmd cannot take it, or deleted meanwhile, or failed: ask S3 itself.
            if not place.exists():
                self._download_one(bucket, key, place)
        return [key for key, place in places.items() if place.exists()]

    def upload(self, bucket: str, files: Mapping[str, Path]) -> list[str]:
        """Copy files to objects.

        Args:
            bucket: where they go.
            files: the file for each key.

        Returns:
            The keys that were copied; a file that was removed meanwhile is left out.

        Raises:
            LocalCloudError: a file that is there could not be copied.
        """
        plain = _plain(files)
        failure = self._run([(shlex.quote(str(file)), _quoted_address(bucket, key)) for key, file in plain.items()])
        odd = {key: file for key, file in files.items() if failure or key not in plain}
        for key, file in odd.items():
            try:
                self._s3.upload_file(str(file), bucket, key)
            except FileNotFoundError:
                continue
            except (ClientError, Boto3Error) as error:
                raise LocalCloudError(f"{file} was not sent to s3://{bucket}/{key}: {error}; {failure}") from error
        return [key for key, file in files.items() if file.exists()]

    def _download_one(self, bucket: str, key: str, place: Path) -> None:
        try:
            self._s3.download_file(bucket, key, str(place))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise LocalCloudError(f"s3://{bucket}/{key} was not brought in: {error}") from error

    def _run(self, pairs: list[tuple[str, str]]) -> str:
        """Run one copy for each pair. Returns what s5cmd says of failures; the caller looks what is missing."""
        if not pairs:
            return ""
        commands = "".join(f"cp --raw {source} {target}\n" for source, target in pairs)
        done = subprocess.run(
            [
                str(scripts_folder() / "s5cmd"),
                "--endpoint-url",
                self._settings.endpoint,
                "--numworkers",
                str(_WORKERS),
                "--log",
                "error",
                "run",
            ],
            input=commands,
            capture_output=True,
            text=True,
            env=process_environment(self._settings),
        )
        return done.stderr.strip() if done.returncode != 0 else ""


def _plain(places: Mapping[str, Path]) -> dict[str, Path]:
    """Those that fit on one line of s5cmd's commands."""
    return {key: place for key, place in places.items() if key.isprintable() and str(place).isprintable()}


def _quoted_address(bucket: str, key: str) -> str:
    return shlex.quote(f"s3://{bucket}/{key}")
