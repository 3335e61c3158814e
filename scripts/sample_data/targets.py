"""Where a stream's files go: a bucket, of AWS or of the local cloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from quarantine.target import open_target

LOCAL = "local"
PROJECT = "glue-etl-pipeline"
INCOMING = "data/incoming"
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 8})


class TargetError(Exception):
    """Files can't be put there; the message says why, and what would be right."""


@dataclass(frozen=True)
class Target:
    """A folder of a bucket.

    Attributes:
        s3: client.
        bucket: its name.
        prefix: of keys, without slashes at its ends.
        is_local: the bucket is one of the local cloud.
    """

    s3: Any
    bucket: str
    prefix: str
    is_local: bool

    def key(self, path: str) -> str:
        """The key of a file by its path below the folder."""
        return f"{self.prefix}/{path}"

    def check(self) -> None:
        """Refuse a bucket that is not there, or not ours, before anything is made.

        Raises:
            TargetError: with what would be right.
        """
        self._speak(lambda: self.s3.head_bucket(Bucket=self.bucket))

    def put(self, file: Path, path: str) -> None:
        """Put a file.

        Args:
            file: on this machine.
            path: below the folder.

        Raises:
            TargetError: it did not arrive.
        """
        self._speak(lambda: self.s3.put_object(Bucket=self.bucket, Key=self.key(path), Body=file.read_bytes()))

    def _speak(self, call: Any) -> None:
        try:
            call()
        except (BotoCoreError, ClientError) as error:
            raise TargetError(f"s3://{self.bucket} can't be written to: {_reason(error, self.is_local)}") from error


def open_place(place: str) -> Target:
    """The target of ``local`` or of ``s3://bucket/prefix``.

    For ``local`` the raw bucket of the local cloud, found as ``./scripts/local_cloud.sh env`` names it; every AWS
    client of this process speaks to it from here on. A bucket goes with the AWS settings of the environment.

    Args:
        place: as it was asked for. A bucket alone means its folder of new files, ``data/incoming``.

    Raises:
        TargetError: it is neither.
    """
    if place == LOCAL:
        target = open_target(LOCAL, PROJECT, "")
        return Target(target.s3, target.raw, INCOMING, True)
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not place.startswith("s3://") or not bucket:
        raise TargetError(f"{place} is no place to stream to: write s3://bucket/prefix, or local")
    try:
        client = boto3.client("s3", config=_CONFIG)
    except (BotoCoreError, ValueError) as error:
        raise TargetError(f"{place}: {error}") from error
    return Target(client, bucket, prefix.strip("/") or INCOMING, False)


def _reason(error: BotoCoreError | ClientError, is_local: bool) -> str:
    if isinstance(error, EndpointConnectionError):
        hint = "./scripts/deploy.sh local starts it" if is_local else "check the network and AWS_ENDPOINT_URL"
        return f"it can't be reached; {hint}"
    if not isinstance(error, ClientError):
        return f"{error}; sign in (aws sso login, aws configure, or environment variables)"
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    if code in ("404", "NoSuchBucket"):
        return "there is no such bucket; " + ("run ./scripts/deploy.sh local" if is_local else "look at its name")
    if code in ("403", "AccessDenied"):
        return "access is denied; are these the credentials of the account?"
    return f"{code}: {details.get('Message', '')}"
