"""The Glue Python-shell job that loads databases: arguments in, one load after another."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from connectors.credentials import fields_of
from connectors.cursors import held
from connectors.database import DatabaseRows, open_engine
from connectors.errors import BusyError, ConfigurationError, ConnectorError, CredentialsError
from connectors.loading import Load, Result
from connectors.model import Connector, DatabaseSource
from connectors.parts import RawFolder
from connectors.reading import parse_connectors

_LOG = logging.getLogger("connectors")
_REQUIRED = ("connectors_path", "raw_bucket", "state_table", "secret_prefix")


class LoadsFailedError(ConnectorError):
    """Some connectors of a run failed; the others were loaded."""


def main(argv: Sequence[str]) -> list[Result]:
    """Load the connector that the arguments name, or every published one of a database.

    Args:
        argv: the job's arguments, without the script's name.

    Returns:
        What each load came to.

    Raises:
        ConfigurationError: there is no such connector, or it is wrong.
        LoadsFailedError: naming those that failed, and why.
    """
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = _arguments(argv)
    results, failures = [], {}
    for connector in _published(settings.connectors_path, settings.connector):
        try:
            results.append(_load(connector, settings))
        except BusyError as error:
            _LOG.info("nothing done: %s", error)
        except (ConnectorError, BotoCoreError, ClientError) as error:
            _LOG.exception("%s failed", connector.name)
            failures[connector.name] = str(error)
    for result in results:
        _LOG.info("loaded %s", json.dumps(vars(result)))
    if failures:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise LoadsFailedError(f"{len(failures)} connector(s) failed: {reasons}")
    return results


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Glue adds arguments of its own, which are passed over."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in _REQUIRED:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--connector", default="")
    parser.add_argument("--JOB_RUN_ID", default="")
    return parser.parse_known_args(argv)[0]


def _published(folder: str, name: str) -> list[Connector]:
    """The connectors of databases below s3://…/config/connectors/, or the one of that name.

    Raises:
        ConfigurationError: there is none, or one is wrong.
    """
    place = urlsplit(folder.rstrip("/") + "/")
    client, bucket, prefix = boto3.client("s3"), place.netloc, place.path.lstrip("/")
    keys = [f"{prefix}{name}.json"] if name else _keys(client, bucket, prefix)
    texts = {}
    for key in keys:
        try:
            texts[key[len(prefix) :]] = client.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        except client.exceptions.NoSuchKey as error:
            problem = f"there is no s3://{bucket}/{key}; terraform apply publishes src/config/connectors"
            raise ConfigurationError([problem]) from error
    connectors = parse_connectors(texts).values()
    found = [connector for connector in connectors if isinstance(connector.source, DatabaseSource)]
    if not found:
        raise ConfigurationError([f"{name or folder}: no connector of a database"])
    return found


def _keys(client: Any, bucket: str, prefix: str) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ()) if item["Key"].endswith(".json")]


def _load(connector: Connector, settings: argparse.Namespace) -> Result:
    assert isinstance(connector.source, DatabaseSource)  # noqa: S101 - for the type checker # nosec B101
    credentials = _credentials(f"{settings.secret_prefix}{connector.source.secret}") if connector.source.secret else {}
    engine = open_engine(connector.source, credentials)
    folder = RawFolder(boto3.client("s3"), settings.raw_bucket, connector.dataset, connector.name)
    table = boto3.resource("dynamodb").Table(settings.state_table)
    try:
        # Not the run's id alone: Glue's second attempt may begin while the first one still holds what it has.
        with held(table, connector.name, f"{settings.JOB_RUN_ID}/{uuid.uuid4()}") as state:
            return Load(connector, DatabaseRows(connector, engine), state, folder).run()
    finally:
        engine.dispose()


def _credentials(name: str) -> dict[str, str]:
    try:
        text = boto3.client("secretsmanager").get_secret_value(SecretId=name).get("SecretString", "")
    except (BotoCoreError, ClientError) as error:
        raise CredentialsError(
            f"the secret {name} can't be read: {error}. It must be in connector_secrets of Terraform, name "
            "database_ingestion among its jobs, and have a value (aws secretsmanager put-secret-value)"
        ) from error
    return fields_of(name, text)
