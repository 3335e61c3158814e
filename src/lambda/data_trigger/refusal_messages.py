"""Tells people what was refused: what has come together since the last message, in one message.

What is to be told lies in the state table (:mod:`refusals`). A message takes it from there and into the outbox in
one transaction, is sent at once, and marked as sent. What could not be sent stays PENDING in the outbox, from where
the next job or the next sweep sends it. So nothing is told of twice, but for a Lambda that is killed between sending
a message and marking it: then it is sent again, because the other way round it could be lost. (Also told again may
be what goes beyond the first 99 refusals of one message, if the Lambda is killed while it takes them away.)
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError
from refusals import REPORTED, UNTOLD
from trigger_services import sns, state
from trigger_settings import settings

from etl.dynamo import is_refusal, query, transact

logger = Logger(child=True)
# As etl.alerts has them: the jobs send what waits here, too.
OUTBOX, PENDING, SENT = "outbox", "PENDING", "SENT"
SUBJECT_LENGTH = 100
KEPT_SECONDS = 90 * 24 * 3600
# A transaction has up to 100 writes: the alert, and of what it tells the first.
MOST_WRITES = 100
MOST_TOLD = 2000
MOST_NAMED = 20


def tell(at_once: bool = False) -> int:
    """Send one message about everything that is refused and not told yet.

    Args:
        at_once: also if the last message was a short time ago; the sweep does so.

    Returns:
        How many objects were told of. What is left waits for the next call.
    """
    entries = list(islice(_untold(), MOST_TOLD))
    if not entries or not (_is_my_turn() or at_once):
        return 0
    alert = _alert(entries)
    table = state().name
    taken = [
        {"Delete": {"TableName": table, "Key": _key(entry), "ConditionExpression": "attribute_exists(id)"}}
        for entry in entries[: MOST_WRITES - 1]
    ]
    try:
        transact(state(), [{"Put": {"TableName": table, "Item": alert}}, *taken])
    except ClientError as error:
        if not is_refusal(error):
            raise
        return 0  # another call tells of them now; what it leaves is told by the next
    with state().batch_writer() as batch:
        for entry in entries[MOST_WRITES - 1 :]:
            batch.delete_item(Key=_key(entry))
    send(alert)
    return len(entries)


def send_waiting() -> int:
    """Send every alert of the outbox that could not be sent before; how many were sent."""
    found = query(state(), KeyConditionExpression=Key("entity").eq(OUTBOX), FilterExpression=Attr("status").eq(PENDING))
    sent = 0
    for alert in found:
        if not send(alert):
            break
        sent += 1
    return sent


def send(alert: Mapping[str, Any]) -> bool:
    """Send an alert of the outbox and mark it; whether it was sent. A topic out of reach is no error: it waits."""
    if not settings().alerts_topic:
        return False
    try:
        sns().publish(TopicArn=settings().alerts_topic, Subject=alert["subject"], Message=alert["message"])
    except (BotoCoreError, ClientError) as error:
        logger.warning("alert %s stays in the outbox: %s", alert["id"], error)
        return False
    state().put_item(Item={**alert, "status": SENT, "expires_at": int(time.time()) + KEPT_SECONDS})
    return True


def _untold() -> Iterable[dict[str, Any]]:
    return query(state(), KeyConditionExpression=Key("entity").eq(UNTOLD))


def _key(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"entity": UNTOLD, "id": entry["id"]}


def _is_my_turn() -> bool:
    """Whether the last message is long enough ago; if so, this is the message of the next while."""
    now = int(time.time())
    try:
        state().put_item(
            Item={"entity": "refusals_told", "id": "last", "at": now},
            ConditionExpression=Attr("id").not_exists() | Attr("at").lte(now - settings().told_every_seconds),
        )
    except ClientError as error:
        if not is_refusal(error):
            raise
        return False
    return True


def _alert(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = "\n".join(entry["id"] for entry in entries)
    now = int(time.time())
    return {
        "entity": OUTBOX,
        "id": f"refused_object#{now}-{hashlib.sha256(names.encode()).hexdigest()[:16]}",
        "updated_at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}+00:00",
        "status": PENDING,
        "subject": _subject(entries),
        "message": _message(entries),
    }


def _subject(entries: Sequence[Mapping[str, Any]]) -> str:
    refused = sum(entry["status"] != REPORTED for entry in entries)
    reported = len(entries) - refused
    datasets = sorted({entry["dataset"] for entry in entries})
    whose = datasets[0] if len(datasets) == 1 else f"{len(datasets)} datasets"
    told = [f"{count} new file(s) {what}" for count, what in ((refused, "refused"), (reported, "to look at")) if count]
    return f"[{settings().environment}] {whose}: {', '.join(told)}"[:SUBJECT_LENGTH]


def _message(entries: Sequence[Mapping[str, Any]]) -> str:
    """What, where, and what to do; of many of one kind the first are named."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[entry["dataset"], entry["kind"]].append(entry)
    lines = []
    for (dataset, _), group in groups.items():
        lines.append(f"{dataset}: {len(group)} file(s)")
        advice = Counter(entry["what_to_do"] for entry in group)
        for entry in group[:MOST_NAMED]:
            lines.append(f"- {_printable(entry['uri'])}: {entry['reason']}{_place(entry)}")
        if len(group) > MOST_NAMED:
            lines.append(f"- and {len(group) - MOST_NAMED} more")
        lines += [f"What to do: {text}." for text, _ in advice.most_common(3)]
        lines.append("")
    listed = '--key-condition-expression "entity = :e" --expression-attribute-values'
    example = next(iter(groups))[0]
    lines += [
        "Refused files are not ingested, and kept. All of a dataset with their reasons:",
        f"aws dynamodb query --table-name {settings().state_table} {listed} "
        f'\'{{":e": {{"S": "refused_object#{example}"}}}}\'',
    ]
    return "\n".join(lines)


def _place(entry: Mapping[str, Any]) -> str:
    if entry.get("claimed_by"):
        return f" (batch {entry['claimed_by']} had claimed it before)"
    if entry.get("quarantined_at"):
        return f" (moved to {_printable(entry['quarantined_at'])})"
    return " (ingested all the same)" if entry["status"] == REPORTED else ""


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
