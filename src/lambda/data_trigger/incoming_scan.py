"""The scan of new files: reads the beginning of a text file, and keeps what it found: each version is scanned once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from object_rules import PERSONAL_DATA, SECRET, Refusal
from raw_objects import RawObject
from run_starts import OutOfTimeError, once_only
from text_scan import Finding, findings_in
from trigger_services import s3
from trigger_settings import settings

# Messages of one file come back while a run is under way, for ten hours at most.
_REMEMBERED_SECONDS = 12 * 3600
# So much of a call's time must be left for a scan to begin; what is not begun comes back.
LEAST_SECONDS = 15
_GZIP = b"\x1f\x8b"
_BOMS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def scan(found: RawObject, context: LambdaContext) -> Refusal | None:
    """What speaks against a file's content; None where nothing was found, or the file is gone.

    Args:
        found: the version.
        context: of this call; tells the time left.

    Raises:
        OutOfTimeError: there is not enough time left.
    """
    if context.get_remaining_time_in_millis() < LEAST_SECONDS * 1000:
        raise OutOfTimeError(f"no time left to scan {found.uri}; its message comes back")

    def scan_object(version: dict[str, Any]) -> dict[str, Any]:
        text = text_of(head_of(found), settings().scan_bytes)
        personal = not may_be_personal(found.dataset)
        # Not the list alone: Powertools gives an empty result back as None.
        return {"findings": [[one.kind, one.what, one.count] for one in findings_in(text, personal)]}

    once = once_only(scan_object, "version", _REMEMBERED_SECONDS, context)
    version = {"uri": found.uri, "version": found.id, "etag": found.etag, "bytes": settings().scan_bytes}
    listed = once(version=version)["findings"]
    return refusal_for([Finding(kind, what, int(count)) for kind, what, count in listed])


def refusal_for(findings: Sequence[Finding]) -> Refusal | None:
    """The refusal that findings amount to: it names them and their number, and repeats nothing of the file."""
    if not findings:
        return None
    secret = any(finding.kind == SECRET for finding in findings)
    advice = {
        SECRET: "change these credentials now, for they were sent as data; then upload the file again without them",
        PERSONAL_DATA: "if the dataset holds personal data, mark its columns with pii in the contract; then upload the "
        "file again",
    }
    named = ", ".join(str(finding) for finding in findings)
    kind = SECRET if secret else PERSONAL_DATA
    return Refusal(kind, f"its content looks like {named}", advice[kind])


def head_of(found: RawObject) -> bytes:
    """The first bytes of an object; none if it was replaced or deleted, since an event tells of that, too."""
    try:
        answer = s3().get_object(
            Bucket=found.bucket, Key=found.key, IfMatch=found.etag, Range=f"bytes=0-{settings().scan_bytes - 1}"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "PreconditionFailed", "412"):
            return b""
        raise
    return bytes(answer["Body"].read())


def text_of(head: bytes, limit: int) -> str:
    """The text of the first bytes of a file, unpacked where they are gzip; "" for what is no text.

    Args:
        head: the first bytes.
        limit: how many bytes of unpacked text are wanted at most.
    """
    if head.startswith(_GZIP):
        head = _unpacked(head, limit)
    encoding = next((name for mark, name in _BOMS.items() if head.startswith(mark)), "")
    if not encoding and b"\x00" in head[:4096]:
        return ""
    return head.decode(encoding or "utf-8", errors="replace")


def _unpacked(packed: bytes, limit: int) -> bytes:
    """As much as the bytes hold, member after member; damage ends it (ingestion will say what is wrong)."""
    text = b""
    while packed.startswith(_GZIP) and len(text) < limit:
        stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            text += stream.decompress(packed, limit - len(text))
        except zlib.error:
            break
        packed = stream.unused_data
    return text


@lru_cache(maxsize=256)
def may_be_personal(dataset: str) -> bool:
    """Whether the dataset's contract marks a column as personal, as etl.hiding asks: then such values are expected.

    Args:
        dataset: its name; one without a contract has no marks.
    """
    bucket, _, folder = settings().contracts.removeprefix("s3://").partition("/")
    try:
        content = s3().get_object(Bucket=bucket, Key=f"{folder}{dataset}.json")["Body"].read()
    except ClientError as error:
        # Without the right to list, S3 answers AccessDenied for what is not there.
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return False
        raise
    return any(column.get("pii") for column in json.loads(content).get("columns", ()))
