"""The secret for personal data: read once and only when needed; what is wrong with it is said without showing it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from pyspark.sql import SparkSession

from etl.errors import SecretError
from etl.secrets import PiiKeys, read_secret
from etl.transform.privacy import KEY_COLUMNS, derived_keys

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
NOWHERE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nowhere-AbCdEf"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield boto3.Session().client("secretsmanager")


def _secret(client: Any, **value: Any) -> str:
    return str(client.create_secret(Name="pii", **value)["ARN"])


def test_the_secret_is_read_by_its_arn(client: Any) -> None:
    assert read_secret(client, _secret(client, SecretString=SECRET)) == SECRET


def test_the_keys_are_those_of_the_secret_and_read_once(client: Any, spark: SparkSession) -> None:
    keys = PiiKeys(spark, _secret(client, SecretString=SECRET), client)
    frame = keys.of(["mask", "hash"], "people")
    assert frame is not None
    assert dict(zip(KEY_COLUMNS, map(bytes, frame.collect()[0]), strict=True)) == derived_keys(SECRET)
    client.delete_secret(SecretId="pii", ForceDeleteWithoutRecovery=True)
    assert keys.of(["tokenise"], "orders") is frame


@pytest.mark.parametrize("treatments", [[], ["mask"], ["drop", "mask"]])
def test_a_run_that_needs_no_secret_reads_none(client: Any, spark: SparkSession, treatments: list[str]) -> None:
    assert PiiKeys(spark, "", client).of(treatments, "people") is None
    assert PiiKeys(spark, NOWHERE, client).of(treatments, "people") is None


def test_a_run_without_the_argument_says_which_dataset_needs_it(spark: SparkSession) -> None:
    with pytest.raises(SecretError, match=r"people: .* --pii_secret with the ARN of the secret"):
        PiiKeys(spark, "").of(["hash"], "people")


def test_a_secret_that_is_not_there_is_told_with_what_to_do(client: Any) -> None:
    with pytest.raises(SecretError, match=rf"{NOWHERE} .*can't be read: .*no such secret.*terraform apply"):
        read_secret(client, NOWHERE)


def test_a_secret_that_is_marked_for_deletion_is_told(client: Any) -> None:
    arn = _secret(client, SecretString=SECRET)
    client.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    with pytest.raises(SecretError, match="restore-secret brings it back"):
        read_secret(client, arn)


def test_a_service_that_can_not_be_reached_is_told() -> None:
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    once = Config(retries={"total_max_attempts": 1})
    nobody = boto3.Session(**credentials).client("secretsmanager", endpoint_url="http://127.0.0.1:9", config=once)
    with pytest.raises(SecretError, match=r"Could not connect.*interface endpoint for secretsmanager"):
        read_secret(nobody, NOWHERE)


@pytest.mark.parametrize("value", [{"SecretString": "short-and-sweet"}, {"SecretBinary": b"x" * 64}])
def test_a_secret_that_is_no_long_text_is_told_without_being_shown(client: Any, value: dict[str, Any]) -> None:
    with pytest.raises(SecretError, match="at least 32 random characters") as caught:
        read_secret(client, _secret(client, **value))
    assert "sweet" not in str(caught.value)
