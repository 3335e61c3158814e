"""What becomes of one message: whether its object is new work, known, refused, or not for this Lambda."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from arrivals import Arrival, SweepDue, is_covered, message_from
from aws_lambda_powertools.utilities.typing import LambdaContext
from incoming_scan import scan
from object_rules import Refusal, is_no_file, refusal_of
from quarantining import move_to_quarantine, quarantine_uri
from raw_objects import RawObject, claim_of, raw_object
from refusals import is_refused, refuse, report
from trigger_settings import OFF, QUARANTINE, settings

NEW, CLAIMED, NOT_OURS, REFUSED, SWEEP = "new", "claimed", "not_ours", "refused", "sweep"


@dataclass(frozen=True)
class Verdict:
    """What is to be done about a message, and why.

    Attributes:
        kind: NEW, CLAIMED, NOT_OURS, REFUSED or SWEEP.
        reason: for the log.
        key: of the object, if it tells of one.
    """

    kind: str
    reason: str
    key: str = ""


def verdict_on(body: str, context: LambdaContext) -> Verdict:
    """Judge a message; what is refused is recorded and kept out of ingestion before this returns.

    Args:
        body: of the SQS message.
        context: of this call.

    Raises:
        ValueError: the message is nothing that is known here.
        OutOfTimeError: no time is left to scan the object.
    """
    message = message_from(body)
    if isinstance(message, SweepDue):
        return Verdict(SWEEP, "a sweep is due")
    if message is None:
        return Verdict(NOT_OURS, "the event tells of no new object")
    passed_over = _not_ours(message)
    if passed_over:
        return Verdict(NOT_OURS, passed_over, message.key)
    claim = claim_of(message.folder, message.key)
    if is_covered(message, claim) and not is_refused(claim):
        return Verdict(CLAIMED, f"batch {(claim or {}).get('batch_id', '?')} has claimed this version", message.key)
    acceptable = refusal_of(message.key, message.size, settings().rules) is None
    if acceptable and claim and not is_refused(claim) and _is_as_claimed(message.key, claim):
        return Verdict(CLAIMED, f"batch {claim.get('batch_id', '?')} has claimed it as it is now", message.key)
    if acceptable and settings().scan == OFF:
        return Verdict(NEW, "no batch has claimed this version", message.key)
    found = raw_object(message.key)
    if found is None:
        return Verdict(NOT_OURS, "the object is gone", message.key)
    return examine(found, context)


def examine(found: RawObject, context: LambdaContext) -> Verdict:
    """Judge an object as it lies in raw now, whatever led to it.

    Args:
        found: the object.
        context: of this call.

    Raises:
        OutOfTimeError: no time is left to scan the object.
    """
    refusal = refusal_of(found.key, found.size, settings().rules)
    if refusal is not None:
        return _refused(found, refusal)
    content = scan(found, context) if settings().scan != OFF else None
    if content is None:
        return Verdict(NEW, "no batch has claimed this version", found.key)
    if settings().scan == QUARANTINE:
        return _refused(found, content, move=True)
    report(found, content)
    return Verdict(NEW, f"reported, and to be ingested: {content.reason}", found.key)


def _is_as_claimed(key: str, claim: dict[str, Any]) -> bool:
    """Whether the object is still what was claimed. Events may be dated later than S3 dates their objects.

    In a burst some always are, and each of them would start a run that finds nothing to do.
    """
    found = raw_object(key)
    return found is not None and found.is_claimed_by(claim)


def _refused(found: RawObject, refusal: Refusal, move: bool = False) -> Verdict:
    facts = {"quarantined_at": quarantine_uri(found)} if move else {}
    batch = refuse(found, refusal, **facts)
    if batch:
        return Verdict(REFUSED, f"{refusal.reason}; batch {batch} has claimed it already", found.key)
    if move:
        move_to_quarantine(found)
    return Verdict(REFUSED, refusal.reason, found.key)


def _not_ours(arrival: Arrival) -> str:
    """Why an event is none of this Lambda's; "" if it is."""
    wanted = settings()
    if arrival.bucket != wanted.bucket:
        return f"bucket {arrival.bucket} is not {wanted.bucket}"
    if not arrival.key.startswith(wanted.rules.prefix):
        return f"the key does not begin with {wanted.rules.prefix}"
    if is_no_file(arrival.key, arrival.size):
        return "the object only marks a folder or the end of a tool's work"
    return ""
