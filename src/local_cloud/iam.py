"""IAM that is enforced: the certificate that TLS needs for it, and the credentials of a job's own role.

With ``LOCAL_CLOUD_ENFORCE_IAM=1`` the emulator checks every call against policies. Policies of buckets and queues deny
plain HTTP, so it also speaks TLS, with a certificate that is made here.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.settings import ACCOUNT, HOST, LocalCloudError, Settings

_DAYS = 3650
_MOST_SESSION_NAME = 64
# Glue renews a job's credentials; here they have to last.
_SESSION_SECONDS = 12 * 3600
_ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def make_certificate(settings: Settings) -> None:
    """Make the emulator's certificate, unless it is there.

    Raises:
        LocalCloudError: the program openssl is missing or fails.
    """
    if settings.certificate.exists():
        return
    if shutil.which("openssl") is None:
        raise LocalCloudError("LOCAL_CLOUD_ENFORCE_IAM=1 needs TLS, and for that the program openssl: install it")
    scratch = settings.certificate.with_suffix(".part")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-days", str(_DAYS), "-subj", "/CN=localhost", "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}"]
    command += ["-keyout", str(settings.certificate_key), "-out", str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalCloudError(f"openssl made no certificate for the emulator: {done.stderr.strip()}")
    settings.certificate_key.chmod(0o600)
    scratch.replace(settings.certificate)


def role_credentials(job: Mapping[str, Any], run_id: str, clients: Callable[[str], Any]) -> dict[str, str]:
    """Environment variables with which a process has the rights of its job's role, and no others.

    On AWS the Glue service takes the role. The emulator lets no service do so from outside, so the local cloud adds its
    own account to those that may.

    Args:
        job: its definition.
        run_id: names the session.
        clients: makes a boto3 client of the emulator from a service's name.
    """
    iam, arn = clients("iam"), str(job["Role"])
    name = arn.rpartition("/")[2]
    role = iam.get_role(RoleName=name)["Role"]
    trust = trusting_account(role["AssumeRolePolicyDocument"])
    if trust is not None:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
    session = clients("sts").assume_role(
        RoleArn=role["Arn"], RoleSessionName=run_id[:_MOST_SESSION_NAME], DurationSeconds=_SESSION_SECONDS
    )
    credentials = session["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }


def trusting_account(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """A role's trust policy with the local cloud's own account added; None where it is there already."""
    statements = list(document["Statement"])
    if any(statement["Principal"] == _ROOT for statement in statements):
        return None
    added = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": _ROOT}
    return {**document, "Statement": [*statements, added]}
