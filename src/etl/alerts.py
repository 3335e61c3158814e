"""Alerts by an outbox: written to the state table with the work they speak of, sent to SNS afterwards.

SNS being down delays a message and never a commit: what could not be sent stays PENDING, and the next job of
any stage sends it. An alert has an id made of what it is about, so the same finding is told once; only a run that is
killed between sending and writing that down makes the next one send it again.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl.ledger import Ledger
from utils.faults import fault_points

_LOG = logging.getLogger("alerts")
OUTBOX = "outbox"
PENDING, SENT = "PENDING", "SENT"
# SNS refuses longer subjects, and messages of more than 256 KiB (a character of UTF-8 has up to 4 bytes).
SUBJECT_LENGTH = 100
MESSAGE_LENGTH = 60_000
# Sent alerts are kept this long (DynamoDB TTL), so that a finding is not told again.
KEPT_SECONDS = 90 * 24 * 3600


class Alerts:
    """Queues alerts and sends what is queued.

    Args:
        ledger: holds the outbox.
        sns: boto3 SNS client.
        topic_arn: the topic of quality and refused-data alerts; empty sends nothing and keeps all PENDING.
    """

    def __init__(self, ledger: Ledger, sns: Any, topic_arn: str) -> None:
        self._ledger = ledger
        self._sns = sns
        self._topic_arn = topic_arn

    def queue(self, alert_id: str, subject: str, message: str) -> None:
        """Put an alert in the outbox unless the same one is there.

        Args:
            alert_id: what it is about, e.g. ``quality#orders#<batch>``.
            subject: one line.
            message: plain text for a person: what, where, what to do.
        """
        line = " ".join(subject.split())[:SUBJECT_LENGTH]
        self._ledger.put_once(OUTBOX, alert_id, status=PENDING, subject=line, message=message[:MESSAGE_LENGTH])

    def send_pending(self) -> int:
        """Send everything PENDING; how many were sent. Failures are logged and left for the next time."""
        try:
            waiting = [item for item in self._ledger.items(OUTBOX) if item["status"] == PENDING and self._topic_arn]
        except (BotoCoreError, ClientError) as error:
            _LOG.warning("the outbox can't be read, and what is in it waits for the next run: %s", error)
            return 0
        sent = 0
        for number, item in enumerate(waiting):
            try:
                sent += self._send(item)
            except _OutOfReachError as error:
                # Each try takes as long as the SDK's own tries together; a job with a full outbox must not hang on it.
                _LOG.warning("%d alert(s) stay in the outbox: %s", len(waiting) - number, error)
                break
        return sent

    def _send(self, item: dict[str, Any]) -> int:
        try:
            with fault_points("alerts.publish"):
                self._sns.publish(TopicArn=self._topic_arn, Subject=item["subject"], Message=item["message"])
            facts = {name: item[name] for name in ("subject", "message")}
            self._ledger.put(OUTBOX, item["id"], status=SENT, expires_at=int(time.time()) + KEPT_SECONDS, **facts)
        except BotoCoreError as error:
            raise _OutOfReachError(str(error)) from error
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:
                raise _OutOfReachError(str(error)) from error
            _LOG.warning("alert %s stays in the outbox: %s", item["id"], error)
            return 0
        return 1


class _OutOfReachError(Exception):
    """A service did not answer, or only that it can't."""
