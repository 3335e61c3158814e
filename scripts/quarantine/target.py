"""The environment whose quarantine is replayed: its names and AWS clients. Names are those of Terraform's names.tf."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from quarantine.errors import ReplayError

DEFAULT_REGION = "us-east-1"
# Threads that release files share the client.
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Target:
    """One environment.

    Attributes:
        environment: local, dev, staging or prod.
        project: its project_name.
        bucket_suffix: what Terraform adds to bucket names; '' for nothing.
        region: AWS region.
    """

    environment: str
    project: str
    bucket_suffix: str = ""
    region: str = DEFAULT_REGION

    @property
    def raw(self) -> str:
        """The raw bucket."""
        return self._bucket("raw")

    @property
    def quality(self) -> str:
        """The bucket that holds the quarantine."""
        return self._bucket("quality")

    @property
    def bookmarks_table(self) -> str:
        """The table of claims."""
        return f"{self._prefix}-job-bookmarks"

    @property
    def state_table(self) -> str:
        """The table of batches and replays."""
        return f"{self._prefix}-job-state"

    @property
    def workflow(self) -> str:
        """The Glue workflow."""
        return f"{self._prefix}-etl-workflow"

    @cached_property
    def s3(self) -> Any:
        """S3 client."""
        return boto3.client("s3", region_name=self.region, config=_CONFIG)

    @cached_property
    def tables(self) -> Any:
        """DynamoDB client that takes and gives Python values; unlike the resource it may be shared by threads."""
        return boto3.resource("dynamodb", region_name=self.region, config=_CONFIG).meta.client

    @cached_property
    def glue(self) -> Any:
        """Glue client."""
        return boto3.client("glue", region_name=self.region, config=_CONFIG)

    @property
    def _prefix(self) -> str:
        return f"{self.project}-{self.environment}"

    def _bucket(self, layer: str) -> str:
        return "-".join(part for part in (self._prefix, layer, self.bucket_suffix) if part)

    def who(self) -> str:
        """Who replays: the ARN of the credentials, and the user of this machine.

        Raises:
            ReplayError: there are no working credentials.
        """
        arn = speaking_to_aws(
            self, lambda: boto3.client("sts", region_name=self.region, config=_CONFIG).get_caller_identity()["Arn"]
        )
        return f"{arn} ({getpass.getuser()})"


def open_target(environment: str, project: str, bucket_suffix: str) -> Target:
    """The environment; for local, every AWS client of this process speaks to the local cloud from here on."""
    if environment == "local":
        return Target(environment, project, bucket_suffix, _enter_local_cloud())
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    return Target(environment, project, bucket_suffix, region)


def _enter_local_cloud() -> str:
    # Elsewhere than on a laptop only boto3 is needed.
    from local_cloud.environment import FOREIGN_VARIABLES, aws_variables
    from local_cloud.settings import settings_from_environment

    settings = settings_from_environment()
    for name in FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(aws_variables(settings))
    return settings.region


def speaking_to_aws(target: Target, call: Callable[[], _T]) -> _T:
    """What a call returns; errors of AWS are told with what to do.

    Raises:
        ReplayError: no credentials, no connection, no such bucket or table, no permission.
    """
    try:
        return call()
    except (BotoCoreError, ClientError) as error:
        raise ReplayError(explained(target, error)) from error


def explained(target: Target, error: BotoCoreError | ClientError) -> str:
    """An error of AWS with what to do about it."""
    if isinstance(error, EndpointConnectionError):
        hint = "start it: ./scripts/local_cloud.sh start" if target.environment == "local" else "check the network"
        return f"{target.environment} can't be reached ({error}); {hint}"
    if not isinstance(error, ClientError):
        return f"AWS can't be used ({error}); sign in (aws sso login, aws configure, or environment variables)"
    code = error.response["Error"]["Code"]
    if code in ("ResourceNotFoundException", "NoSuchBucket"):
        return (
            f"{error}. Is {target.environment} deployed in {target.region} under these names: {target.state_table}, "
            f"{target.raw}, {target.quality}? Other names: --project-name, --bucket-suffix, AWS_REGION"
        )
    if code in ("AccessDenied", "AccessDeniedException"):
        return f"{error}. docs/replay.md lists the permissions that a replay needs"
    if code in ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"):
        return f"the AWS credentials don't work ({error}); sign in again (aws sso login, aws configure)"
    return str(error)
