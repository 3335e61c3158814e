"""Sends dead letters back to their queue: by the service's own move where it can, else one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError
from tenacity import retry, retry_if_result, wait_fixed

from dead_letters.letters import Letter, Queue, chunks

# What services answer that have no such call.
_NO_SUCH_CALL = {
    "AWS.SimpleQueueService.UnsupportedOperation",
    "InvalidAction",
    "NotImplemented",
    "UnknownOperation",
    "UnknownOperationException",
    "UnsupportedOperation",
}
# What EventBridge writes beside a message that it could not deliver.
_OF_EVENTBRIDGE = {
    "ERROR_CODE",
    "ERROR_MESSAGE",
    "EXHAUSTED_RETRY_CONDITION",
    "RETRY_ATTEMPTS",
    "RULE_ARN",
    "TARGET_ARN",
}
_UNDER_WAY = ("RUNNING", "CANCELLING")


class RedriveError(Exception):
    """Letters could not be sent back; what was not sent is still among the dead letters."""


def move_all(sqs: Any, queue: Queue, tell: Callable[[str], None]) -> int | None:
    """Let SQS move everything; how many it moved, or None if the service can't do that.

    Args:
        sqs: client.
        queue: whose dead letters.
        tell: hears how far it is.

    Raises:
        RedriveError: SQS ended the move early.
    """
    try:
        # EventBridge's own letters have no queue they came from, so the destination has to be named.
        handle = sqs.start_message_move_task(SourceArn=queue.dead_arn, DestinationArn=queue.arn)["TaskHandle"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NO_SUCH_CALL:
            raise
        return None

    def look() -> dict[str, Any]:
        tasks = sqs.list_message_move_tasks(SourceArn=queue.dead_arn, MaxResults=1)["Results"]
        task = dict(next((one for one in tasks if one.get("TaskHandle", handle) == handle), {}))
        tell(f"{task.get('ApproximateNumberOfMessagesMoved', 0):,} message(s)")
        return task

    ended = retry(retry=retry_if_result(lambda task: task.get("Status") in _UNDER_WAY), wait=wait_fixed(1))(look)()
    moved = int(ended.get("ApproximateNumberOfMessagesMoved", 0))
    if ended.get("Status") != "COMPLETED":
        why = ended.get("FailureReason") or ended.get("Status") or "SQS knows nothing of the move"
        raise RedriveError(f"SQS moved {moved} message(s) and stopped: {why}; the rest is still there, call this again")
    return moved


def send_back(sqs: Any, queue: Queue, letters: Sequence[Letter], tell: Callable[[str], None]) -> int:
    """Send letters to their queue and delete each once it is there; how many.

    A letter is deleted only after SQS has taken its copy. Stopped in between, both are there: a message that comes
    twice changes nothing.

    Args:
        sqs: client.
        queue: where to.
        letters: taken, and still held.
        tell: hears how far it is.

    Raises:
        RedriveError: SQS did not take some of them.
    """
    sent, refused = 0, ""
    for chunk in chunks(letters):
        entries = [
            {"Id": str(n), "MessageBody": one.body, "MessageAttributes": _sendable(one.attributes)}
            for n, one in enumerate(chunk)
        ]
        answer = sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)
        there = [int(taken["Id"]) for taken in answer.get("Successful", ())]
        if there:
            gone = [{"Id": str(n), "ReceiptHandle": chunk[n].handle} for n in there]
            sqs.delete_message_batch(QueueUrl=queue.dead_url, Entries=gone)
        sent += len(there)
        tell(f"{sent:,} message(s)")
        refused = next((f"{no['Code']} {no.get('Message', '')}".strip() for no in answer.get("Failed", ())), refused)
    if refused:
        raise RedriveError(f"{len(letters) - sent} message(s) were not taken ({refused}) and are still dead letters")
    return sent


def _sendable(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes without what EventBridge wrote of its failure: that is over once the message is sent."""
    names = ("StringValue", "BinaryValue", "DataType")
    return {
        name: {part: value[part] for part in names if part in value}
        for name, value in attributes.items()
        if name
        not in ("ERROR_CODE", "ERROR_MESSAGE", "RULE_ARN", "TARGET_ARN", "EXHAUSTED_RETRY_CONDITION", "RETRY_ATTEMPTS")
    }
