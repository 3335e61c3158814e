"""State and secrets: DynamoDB on demand, KMS, Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator

from cost.lines import Case, Line
from cost.services.s3 import s3_requests

# modules/security: one for data, state and secrets, one for logs and messages.
_KEYS = 2
# AWS charges each key's first two rotations a dollar a month more, and no further ones.
_CHARGED_ROTATIONS = 2


def state_lines(case: Case) -> Iterator[Line]:
    """The lines of DynamoDB, KMS and Secrets Manager."""
    yield from _dynamodb(case)
    yield from _kms(case)
    secrets = 1 + len(case.environment["connector_secrets"])
    yield case.line(
        "Secrets Manager", "secrets", "secrets.secret", secrets, "personal data, and one for each of connector_secrets"
    )
    reads = case.work.workflow_runs * case.assume["secret_reads_per_run"]
    yield case.line("Secrets Manager", "reads", "secrets.request", reads, "by run")


def state_gb(case: Case) -> float:
    """What lies in the two tables."""
    work, assume = case.work, case.assume
    kb = work.files * assume["state_kb_per_file"] + work.dataset_runs * assume["state_kb_per_dataset_run"]
    return kb * assume["months_running"] / 1e6


def _dynamodb(case: Case) -> Iterator[Line]:
    work, assume = case.work, case.assume
    writes = (
        work.files * assume["state_writes_per_file"] + work.dataset_runs * 2 * assume["state_writes_per_dataset_run"]
    )
    reads = work.files * assume["state_reads_per_file"] + work.dataset_runs * assume["state_reads_per_dataset_run"]
    yield case.line(
        "DynamoDB",
        "write units",
        "dynamodb.write_unit",
        writes,
        "by file, dataset and run; twice where the index is written, too",
    )
    yield case.line("DynamoDB", "read units", "dynamodb.read_unit", reads, "by file, dataset and run")
    yield case.line("DynamoDB", "storage", "dynamodb.storage", state_gb(case), "claims and history")
    if case.environment["point_in_time_recovery"]:
        yield case.line("DynamoDB", "point-in-time recovery", "dynamodb.backup", state_gb(case), "as much as is stored")


def _kms(case: Case) -> Iterator[Line]:
    rotations = min(case.work.days_running // case.environment["kms_rotation_days"], _CHARGED_ROTATIONS)
    how = f"{_KEYS} keys, rotated {rotations:.0f} time(s) so far"
    yield case.line("KMS", "keys", "kms.key", _KEYS * (1 + rotations), how)
    requests = (
        case.work.workflow_runs * case.assume["kms_requests_per_run"]
        + sum(s3_requests(case)) * case.assume["bucket_key_share"]
    )
    yield case.line("KMS", "requests", "kms.request", requests, "by run, and a hundredth of S3's (bucket keys)")
