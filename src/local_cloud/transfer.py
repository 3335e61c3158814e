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
_DELETE_AT_ONCE = 1000
_DENIED = ("403", "AccessDenied", "AccessDeniedException")


class NotAllowedError(LocalCloudError):
    """The role of a run may not do something to some objects."""

    def __init__(self, verb: str, bucket: str, keys: list[str]) -> None:
        more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
        super().__init__(f"the job's role may not {verb} s3://{bucket}/{keys[0]}{more}")
        self.keys = keys


class Transfer:
    """Downloads and uploads objects between S3 and files.

    Args:
        settings: of the local cloud.
        s3: a boto3 client.
        credentials: environment variables with the credentials of the same client, where it has others than
            the local cloud's own.
    """

    def __init__(self, settings: Settings, s3: Any, credentials: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._credentials = credentials or {}
        self.s3 = s3

    def download(self, bucket: str, places: Mapping[str, Path]) -> list[str]:
        """Copy objects to files.

        Args:
            bucket: where they are.
            places: the file for each key.

        Returns:
            The keys that were copied; one that was deleted meanwhile is left out.

        Raises:
            LocalCloudError: an object that is there could not be copied.
            NotAllowedError: some may not be read; all others were copied.
        """
        self._run([(_quoted_address(bucket, key), shlex.quote(str(place))) for key, place in _plain(places).items()])
        refused = []
        for key, place in places.items():
            # Named so oddly that s5cmd cannot take it, or deleted meanwhile, or failed: ask S3 itself.
            if not place.exists() and not self._download_one(bucket, key, place):
                refused.append(key)
        if refused:
            raise NotAllowedError("read", bucket, refused)
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
            NotAllowedError: some may not be written; all others were copied.
        """
        plain = _plain(files)
        failure = self._run([(shlex.quote(str(file)), _quoted_address(bucket, key)) for key, file in plain.items()])
        odd = {key: file for key, file in files.items() if failure or key not in plain}
        refused = []
        for key, file in odd.items():
            try:
                self.s3.upload_file(str(file), bucket, key)
            except FileNotFoundError:
                continue
            except (ClientError, Boto3Error) as error:
                if is_denied(error):
                    refused.append(key)
                    continue
                raise LocalCloudError(f"{file} was not sent to s3://{bucket}/{key}: {error}; {failure}") from error
        if refused:
            raise NotAllowedError("write", bucket, refused)
        return [key for key, file in files.items() if file.exists()]

    def delete(self, bucket: str, keys: list[str]) -> None:
        """Delete objects.

        Raises:
            NotAllowedError: some may not be deleted; all others were.
        """
        refused = []
        for start in range(0, len(keys), _DELETE_AT_ONCE):
            objects = [{"Key": key} for key in keys[start : start + _DELETE_AT_ONCE]]
            answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            refused += [error["Key"] for error in answer.get("Errors", [])]
        if refused:
            raise NotAllowedError("delete", bucket, refused)

    def _download_one(self, bucket: str, key: str, place: Path) -> bool:
        """Copy one object that is there; False when it may not be read."""
        try:
            self.s3.download_file(bucket, key, str(place))
        except ClientError as error:
            if is_denied(error):
                return False
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise LocalCloudError(f"s3://{bucket}/{key} was not brought in: {error}") from error
        return True

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
            env={**process_environment(self._settings), **self._credentials},
        )
        return done.stderr.strip() if done.returncode != 0 else ""


def is_denied(error: Exception) -> bool:
    """Whether S3 refused a call because the caller may not make it."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _DENIED
    return "(AccessDenied)" in str(error)  # boto3's own errors of uploads have no code


def _plain(places: Mapping[str, Path]) -> dict[str, Path]:
    """Those that fit on one line of s5cmd's commands."""
    return {key: place for key, place in places.items() if key.isprintable() and str(place).isprintable()}


def _quoted_address(bucket: str, key: str) -> str:
    return shlex.quote(f"s3://{bucket}/{key}")
