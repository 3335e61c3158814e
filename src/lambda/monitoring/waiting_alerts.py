"""Alerts that jobs and Lambdas have put into the outbox and could not send: sent here; if that fails, it is told.

The jobs send their own alerts when they end (see etl/alerts.py), so none is sent here while it may be on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError
from job_runs import INDEX
from telling import News
from wording import one_line, time_text

# A job needs some seconds to send what it has put into the outbox at its end.
ON_ITS_WAY = timedelta(minutes=5)
# From then on people hear that something is wrong with the way.
OVERDUE = timedelta(minutes=15)
KEPT_DAYS = 90
MOST_PAGES = 5


class WaitingAlerts:
    """The PENDING part of the outbox.

    Args:
        table: boto3 Table of the pipeline's state.
        sns: boto3 SNS client.
        topic_arn: the topic of alerts.
        log: where failures are written.
    """

    def __init__(self, table: Any, sns: Any, topic_arn: str, log: Any = None) -> None:
        self._table, self._sns, self._topic_arn = table, sns, topic_arn
        self._log = log or logging.getLogger("waiting_alerts")

    def waiting(self) -> list[dict[str, Any]]:
        """What waits, oldest first."""
        arguments: dict[str, Any] = {
            "IndexName": INDEX,
            "KeyConditionExpression": Key("status").eq("PENDING"),
            "FilterExpression": Attr("entity").eq("outbox"),
        }
        found: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            answer = self._table.query(**arguments)
            found += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                break
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found

    def send(self, now: datetime) -> list[dict[str, Any]]:
        """Send what has waited for some minutes; what still waits, with failures logged.

        Args:
            now: UTC.
        """
        waiting = self.waiting()
        for number, item in enumerate(waiting):
            if now - _time(item) < ON_ITS_WAY:
                return waiting[number:]
            try:
                self._send(item, now)
            except (BotoCoreError, ClientError) as error:
                self._log.warning("%d alert(s) stay in the outbox: %s", len(waiting) - number, error)
                return waiting[number:]
        return []

    def _send(self, item: Mapping[str, Any], now: datetime) -> None:
        """Send one, unless it was sent since the index was written."""
        key = {"entity": item["entity"], "id": item["id"]}
        if self._table.get_item(Key=key, ConsistentRead=True).get("Item", {}).get("status") != "PENDING":
            return
        self._sns.publish(TopicArn=self._topic_arn, Subject=one_line(item["subject"]), Message=item["message"])
        self._table.update_item(
            Key=key,
            UpdateExpression="SET #status = :sent, updated_at = :now, expires_at = :expiry",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":sent": "SENT",
                ":now": now.isoformat(),
                ":expiry": int((now + timedelta(days=KEPT_DAYS)).timestamp()),
            },
        )


def news_of(waiting: list[dict[str, Any]], occurrence: str, at: datetime) -> News:
    """What is to be told of the outbox: that alerts can't be sent, or that they can (again).

    Args:
        waiting: from :meth:`WaitingAlerts.send`.
        occurrence: what made us look.
        at: when that was.
    """
    overdue = [item for item in waiting if at - _time(item) >= OVERDUE]
    if not overdue:
        return News(
            "system_health", "outbox", occurrence, at, "RECOVERED: alerts are sent again",
            "The alerts about data are sent again; nothing waits in the outbox.", is_problem=False,
            leaves_no_trace=True,
        )  # fmt: skip
    subjects = [f"- {item['subject']}" for item in overdue[:10]]
    more = [f"and {len(overdue) - 10} more"] if len(overdue) > 10 else []
    body = [
        *subjects, *more, "", "What to do",
        "1. See in the log of the monitoring Lambda why SNS refuses them: as a rule a permission, a key, or a topic",
        "   that somebody has changed (`terraform plan` shows it).",
        "2. Nothing more: they are sent with the next run of a job, or the next look at the health.",
    ]  # fmt: skip
    return News(
        "system_health", "outbox", occurrence, at, f"ALERTS WAIT: {len(overdue)} can't be sent",
        f"{len(overdue)} alert(s) about data could not be sent since {time_text(_time(overdue[0]))}:", "\n".join(body),
    )  # fmt: skip


def _time(item: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(item["updated_at"])
