"""The example of the CI role's policy allows every call that a check or a sweep makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CALL = re.compile(
    r'\baws\.(s3|glue|logs|dynamodb)\.(?:get_paginator\(\s*"(\w+)"|(?!get_paginator|get_waiter|meta)(\w+)\()'
)
# Where S3's permissions are called otherwise than its operations.
OTHERWISE = {
    "s3:DeleteObjects": "s3:DeleteObjectVersion", "s3:DownloadFile": "s3:GetObject", "s3:UploadFile": "s3:PutObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets", "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions", "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}  # fmt: skip


def called() -> set[str]:
    """Permissions of all calls in cloud/ and output/."""
    found = set()
    for folder in ("cloud", "output"):
        for path in (PACKAGE / "src" / "glue_health_check" / folder).glob("*.py"):
            for service, paged, plain in CALL.findall(path.read_text(encoding="utf-8").replace("self._aws", "aws")):
                operation = "".join(part.capitalize() for part in (paged or plain).split("_"))
                found.add(OTHERWISE.get(f"{service}:{operation}", f"{service}:{operation}"))
    return found


def test_the_ci_role_may_make_every_call() -> None:
    policy = json.loads((PACKAGE / "examples" / "iam" / "ci-role.json").read_text(encoding="utf-8"))
    actions = [statement["Action"] for statement in policy["Statement"]]
    allowed = {action for one in actions for action in ([one] if isinstance(one, str) else one)}
    assert len(called()) > 25
    assert called() - allowed == set()
    # What these need besides: tags at creation, a role for the job.
    assert {"glue:TagResource", "dynamodb:TagResource", "iam:PassRole", "s3:DeleteObject"} <= allowed
