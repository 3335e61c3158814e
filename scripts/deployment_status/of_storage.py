"""Buckets, tables, keys and secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployment_status.findings import Judgement, Problem, bad, judged, warn
from deployment_status.questions import Answers, Clients, Subject

# What a bucket says that has no such setting.
_UNSET = ("ServerSideEncryptionConfigurationNotFoundError", "NoSuchPublicAccessBlockConfiguration")
# S3 writes access logs to no bucket with a KMS key.
_WITHOUT_KMS = "access_logs"


def look_at_bucket(clients: Clients, subject: Subject) -> Answers:
    """Ask for a bucket's protection."""
    s3, name = clients("s3"), {"Bucket": subject.name}
    s3.head_bucket(**name)
    return {
        "encryption": _unless_unset(lambda: s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]),
        "versioning": s3.get_bucket_versioning(**name),
        "public": _unless_unset(lambda: s3.get_public_access_block(**name)["PublicAccessBlockConfiguration"]),
    }


def _unless_unset(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNSET:
            raise
        return {}


def judge_bucket(answers: Answers, subject: Subject) -> Judgement:
    """A bucket is encrypted, keeps versions, and nobody outside gets in."""
    rules = answers["encryption"].get("Rules", [])
    algorithms = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules]
    algorithm = next(iter(algorithms), None)
    versioning = answers["versioning"].get("Status")
    closed = bool(answers["public"]) and all(answers["public"].values())
    versions, public = (versioning or "off").lower(), "not public" if closed else "open"
    return judged(
        f"{algorithm or 'no encryption'}, versions {versions}, {public}",
        _problems_of_bucket(subject, algorithm, versioning, closed),
        encryption=algorithm,
        versioning=versioning,
        public_access_blocked=closed,
    )


def _problems_of_bucket(
    subject: Subject, algorithm: str | None, versioning: str | None, closed: bool
) -> Iterator[Problem]:
    back = f"{subject.deploy} puts it back"
    if algorithm is None:
        yield bad("is not encrypted", back)
    elif algorithm == "AES256" and subject.key != _WITHOUT_KMS:
        yield bad("is not encrypted with a KMS key", back)
    if versioning != "Enabled":
        yield bad("keeps no versions", back)
    if not closed:
        yield bad("does not block public access", back)


def look_at_table(clients: Clients, subject: Subject) -> Answers:
    """Ask for a table's state and its backups."""
    dynamodb, name = clients("dynamodb"), {"TableName": subject.name}
    backups = dynamodb.describe_continuous_backups(**name)["ContinuousBackupsDescription"]
    return {"table": dynamodb.describe_table(**name)["Table"], "backups": backups}


def judge_table(answers: Answers, subject: Subject) -> Judgement:
    """A table is active, and protected as it was asked for."""
    table = answers["table"]
    recovery = answers["backups"].get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus", "DISABLED")
    protected, back = bool(table.get("DeletionProtectionEnabled")), f"{subject.deploy} puts it back"
    problems = []
    if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
        problems.append(bad(f"is {table['TableStatus']}"))
    if subject.expected["point_in_time_recovery"] and recovery != "ENABLED":
        problems.append(bad("has no point-in-time recovery", back))
    if subject.expected["deletion_protection"] and not protected:
        problems.append(bad("may be deleted", back))
    return judged(
        f"{table['TableStatus'].lower()}, point-in-time recovery {recovery.lower()}",
        problems,
        status=table["TableStatus"],
        point_in_time_recovery=recovery,
        deletion_protection=protected,
        items=table.get("ItemCount"),
    )


def look_at_key(clients: Clients, subject: Subject) -> Answers:
    """Ask for a KMS key's state and rotation."""
    kms, name = clients("kms"), {"KeyId": subject.name}
    return {"key": kms.describe_key(**name)["KeyMetadata"], "rotation": kms.get_key_rotation_status(**name)}


def judge_key(answers: Answers, subject: Subject) -> Judgement:
    """A key can be used, and rotates."""
    key, rotates = answers["key"], bool(answers["rotation"].get("KeyRotationEnabled"))
    problems = []
    if key["KeyState"] == "PendingDeletion":
        command = (
            f"aws kms cancel-key-deletion --key-id {subject.name}, then aws kms enable-key --key-id {subject.name}"
        )
        problems.append(bad(f"is going to be deleted on {key.get('DeletionDate')}: its data would be lost", command))
    elif key["KeyState"] != "Enabled":
        problems.append(bad(f"is {key['KeyState']}", f"aws kms enable-key --key-id {subject.name}"))
    elif not rotates:
        problems.append(warn("does not rotate", f"{subject.deploy} puts it back"))
    return judged(
        f"{key['KeyState'].lower()}, {'rotates' if rotates else 'no rotation'}", problems, state=key["KeyState"]
    )


def look_at_secret(clients: Clients, subject: Subject) -> Answers:
    """Ask whether a secret has a value; the value itself is not read."""
    return {"secret": clients("secretsmanager").describe_secret(SecretId=subject.name)}


def judge_secret(answers: Answers, subject: Subject) -> Judgement:
    """A secret has a value and is not going to be deleted."""
    secret = answers["secret"]
    filled = any("AWSCURRENT" in stages for stages in secret.get("VersionIdsToStages", {}).values())
    put = f"aws secretsmanager put-secret-value --secret-id {secret['Name']} --secret-string file://credentials.json"
    problems = []
    if secret.get("DeletedDate"):
        problems.append(bad("was deleted", f"aws secretsmanager restore-secret --secret-id {secret['Name']}"))
    elif not filled and subject.key == "pii":
        problems.append(bad("has no value", f"{subject.deploy} puts one"))
    elif not filled:
        problems.append(warn("has no value yet", put))
    return judged("has a value" if filled else "", problems, has_value=filled)
