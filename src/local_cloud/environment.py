"""The environment variables of each process of the local cloud, and of the user's shell."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import boto3
from botocore.config import Config

from local_cloud.cli_configuration import write_cli_configuration
from local_cloud.settings import ACCESS_KEY, ACCOUNT, HOST, SECRET_KEY, Settings

# What would point a client or Spark somewhere else than at this local cloud.
FOREIGN_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CA_BUNDLE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_FOREIGN_PREFIXES = ("AWS_", "SPARK_", "PYSPARK_", "HADOOP_", "HIVE_", "YARN_", "S3_", "MINISTACK_", "LOCALSTACK_")
_FOREIGN_TO_PROCESSES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "JAVA_TOOL_OPTIONS",
    "USE_SSL",
    "SERVICES",
)


def scripts_folder() -> Path:
    """The folder of this interpreter's programs (``.venv/bin``): aws, s5cmd, ministack."""
    return Path(sys.executable).parent


def aws_variables(settings: Settings) -> dict[str, str]:
    """What every AWS client needs to reach the local cloud."""
    return {
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_ENDPOINT_URL_GLUE": settings.glue_endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        **({"AWS_CA_BUNDLE": str(settings.certificate)} if settings.enforce_iam else {}),
    }


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of a process of the local cloud: the user's, without what leads elsewhere.

    The user's ``~/.aws`` is out of reach, since both of its files are named and do not exist.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_PREFIXES) and name not in _FOREIGN_TO_PROCESSES
    }
    env.update(aws_variables(settings))
    env["AWS_CONFIG_FILE"] = str(settings.home / "no-aws-config")
    env["AWS_SHARED_CREDENTIALS_FILE"] = str(settings.home / "no-aws-credentials")
    env["AWS_EC2_METADATA_DISABLED"] = "true"
    env["PATH"] = _with_scripts_first(env.get("PATH", os.defpath))
    env["NO_PROXY"] = env["no_proxy"] = _no_proxy(env)
    env["PYTHONUNBUFFERED"] = "1"
    if sys.platform == "linux":
        env["LC_ALL"] = "C.UTF-8"  # names of objects become names of files, whatever the user's locale
    return env


def emulator_environment(settings: Settings) -> dict[str, str]:
    """The environment of ministack: its settings, and the endpoints that its Lambda handlers call."""
    state = settings.home / "emulator"
    return {
        **process_environment(settings),
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": HOST,
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state / "s3"),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state / "state"),
        "TMPDIR": str(state / "tmp"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "MINISTACK_REGION": settings.region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        **(_enforcing(settings) if settings.enforce_iam else {}),
        # Without a Docker socket nothing in the emulator starts containers.
        "DOCKER_HOST": f"unix://{state / 'no-docker.sock'}",
    }


def _enforcing(settings: Settings) -> dict[str, str]:
    """What makes the emulator check every call, over TLS, which policies of buckets and queues demand."""
    return {
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(settings.certificate),
        "MINISTACK_SSL_KEY": str(settings.certificate_key),
    }


def shell_lines(settings: Settings) -> list[str]:
    """Lines for ``eval`` in a shell, after which the plain AWS CLI reaches the local cloud."""
    lines = [f"unset {' '.join(FOREIGN_VARIABLES)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in aws_variables(settings).items()]
    # A configuration of our own, so that the user's ~/.aws is not read; it also adds `aws logs tail`.
    lines.append(f"export AWS_CONFIG_FILE={shlex.quote(str(write_cli_configuration(settings)))}")
    lines.append(f"export AWS_SHARED_CREDENTIALS_FILE={shlex.quote(str(settings.home / 'no-aws-credentials'))}")
    lines.append(f"export NO_PROXY={shlex.quote(_no_proxy(dict(os.environ)))}")
    lines.append('export no_proxy="$NO_PROXY"')
    lines.append(f'export PATH={shlex.quote(str(scripts_folder()))}:"$PATH"')
    return lines


def client(
    settings: Settings, service: str, *, endpoint: str | None = None, credentials: Mapping[str, str] | None = None
) -> object:
    """A boto3 client of the local cloud, whatever the user's own AWS configuration says.

    Args:
        settings: the local cloud to reach.
        service: boto3's name of the service.
        endpoint: another URL than the emulator's.
        credentials: others than the local cloud's own, as environment variables.
    """
    given = credentials or {}
    session = boto3.session.Session(
        aws_access_key_id=given.get("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        aws_session_token=given.get("AWS_SESSION_TOKEN"),
        region_name=settings.region,
    )
    config = Config(
        s3={"addressing_style": "path"},
        proxies={},
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=32,
        connect_timeout=5,
    )
    verify = str(settings.certificate) if settings.enforce_iam else False
    return session.client(service, endpoint_url=endpoint or settings.endpoint, config=config, verify=verify)


def _with_scripts_first(path: str) -> str:
    return os.pathsep.join([str(scripts_folder()), path])


def _no_proxy(env: dict[str, str]) -> str:
    present = [part for part in (env.get("NO_PROXY") or env.get("no_proxy") or "").split(",") if part]
    return ",".join(present + [host for host in (HOST, "localhost") if host not in present])
