"""The secret that keys hashes and tokens of personal data: read from AWS Secrets Manager, once a run, when needed.

It is never logged, and stands in no error, no plan and no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyspark.sql import DataFrame, SparkSession

from etl.errors import SecretError
from etl.transform.privacy import keys_frame, missing_secret, needs_keys

# 32 random letters and digits hold 190 bits. Terraform makes 64.
LEAST_LENGTH = 32
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 10}, connect_timeout=5, read_timeout=10)
_HINTS = {
    "AccessDeniedException": "the job's role needs secretsmanager:GetSecretValue on it and kms:Decrypt on its key",
    "DecryptionFailure": "the job's role needs kms:Decrypt on the secret's KMS key, which must be enabled",
    "InvalidRequestException": "it may be marked for deletion: aws secretsmanager restore-secret brings it back",
    "ResourceNotFoundException": "no such secret, or it has no value yet: terraform apply makes both, or "
    "aws secretsmanager put-secret-value sets one",
}


def read_secret(client: Any, arn: str) -> str:
    """The text of a secret.

    Args:
        client: of Secrets Manager.
        arn: which secret.

    Raises:
        SecretError: it can't be read, or is no text of at least 32 characters.
    """
    try:
        text = client.get_secret_value(SecretId=arn).get("SecretString", "")
    except ClientError as error:
        hint = _HINTS.get(error.response["Error"]["Code"], "see the message of AWS")
        raise SecretError(f"the secret {arn} (--pii_secret) can't be read: {error}; {hint}") from error
    except BotoCoreError as error:
        raise SecretError(
            f"the secret {arn} (--pii_secret) can't be read: {error}; in a VPC without internet access the jobs need "
            "an interface endpoint for secretsmanager (modules/networking makes one)"
        ) from error
    if len(text.strip()) < LEAST_LENGTH:
        raise SecretError(
            f"the secret {arn} (--pii_secret) is too short, or no text: it must hold at least {LEAST_LENGTH} random "
            "characters (aws secretsmanager get-random-password makes some)"
        )
    return str(text)


class PiiKeys:
    """The keys of a run; the secret is read when they are first needed, and only then.

    Args:
        spark: the session.
        arn: of the secret; "" for none.
        client: of Secrets Manager; by default one is made when the secret is read.
    """

    def __init__(self, spark: SparkSession, arn: str, client: Any = None) -> None:
        self._spark, self._arn, self._client = spark, arn, client
        self._frame: DataFrame | None = None

    def of(self, treatments: Iterable[str], dataset: str) -> DataFrame | None:
        """The keys' frame (:func:`etl.transform.privacy.keys_frame`), or None where no treatment needs them.

        Args:
            treatments: hash, mask, tokenise or drop, of the dataset and of the references it is enriched from.
            dataset: named in errors.

        Raises:
            SecretError: the keys are needed and there is no secret, or it can't be used.
        """
        if not needs_keys(treatments):
            return None
        if self._frame is None:
            if not self._arn:
                raise SecretError(missing_secret(dataset))
            client = self._client or boto3.client("secretsmanager", config=_CONFIG)
            self._frame = keys_frame(self._spark, read_secret(client, self._arn))
        return self._frame
