"""Tells people of findings, by SNS: each occurrence once, repeats folded, and nobody is left untold.

Entity ``told#<topic>`` of the state table has two kinds of items. ``finding#<finding>`` is how a finding stands;
``message#<finding>#<occurrence>`` is what was decided about one occurrence, with the text to send. Both are written in
one transaction, so an event that comes again finds its decision and changes nothing. The text is sent after that, and
marked after it was sent: whatever fails in between, the event comes back and the text is sent then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import folding
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from folding import AGAIN, BACK, CHANGED, FIRST, PAST, RECOVERED, SILENT, Standing
from wording import one_line, period, time_text

from etl.dynamo import is_refusal, query, transact

# Longer than a dead-letter queue keeps an event, so that a decision is there when the event is sent back.
MESSAGE_DAYS = 30
FINDING_DAYS = 400
TRIES = 10
_TIMES = ("last_at", "since", "over_at", "told_at")
_NUMBERS = ("count", "level", "relapses")


@dataclass(frozen=True)
class News:
    """Something that happened.

    Attributes:
        topic: who is to hear of it: alerts, notifications, performance or system_health.
        finding: what may hold for a while, e.g. ``failed#<job>``.
        occurrence: this one's id: the same when its event comes again.
        at: when it happened.
        subject: one line.
        headline: the text's first sentence.
        body: the rest of the text.
        is_problem: whether the finding holds; else it is well.
        kind: what it is in particular; a kind that people have not heard of is told at once.
        is_routine: good news: repeats are counted from the last message on.
        leaves_no_trace: of a finding that does not hold, and did not, nothing is written.
    """

    topic: str
    finding: str
    occurrence: str
    at: datetime
    subject: str
    headline: str
    body: str = ""
    is_problem: bool = True
    kind: str = ""
    is_routine: bool = False
    leaves_no_trace: bool = False


@dataclass(frozen=True)
class Finding:
    """A finding of a topic as it stands, with the subject that it was last told by."""

    topic: str
    name: str
    title: str
    standing: Standing


class Teller:
    """Tells news.

    Args:
        table: boto3 Table of the pipeline's state.
        sns: boto3 SNS client.
        topic_arns: the topics' ARNs by their names in :class:`News`.
    """

    def __init__(self, table: Any, sns: Any, topic_arns: dict[str, str]) -> None:
        self._table, self._sns, self._topic_arns = table, sns, topic_arns

    def tell(self, news: News) -> str:
        """Decide whether people are told, and tell them.

        Returns:
            Why they were told, now or by an earlier try; or that they were not: see :mod:`folding`.

        Raises:
            ClientError: a service refused; telling again goes on where it stopped.
        """
        for _ in range(TRIES):
            decided = self._get(news.topic, _message_id(news))
            if decided:
                self._send(decided)
                return str(decided["why"])
            item = self._get(news.topic, f"finding#{news.finding}")
            before = _standing(item) if item else None
            if news.leaves_no_trace and not news.is_problem and not (before and before.said_open):
                return SILENT
            after, why = (
                folding.problem(before, news.at, news.kind) if news.is_problem else folding.well(before, news.at)
            )
            self._decide(news, after, why, item)
        raise RuntimeError(f"{news.finding} of {news.topic} changed {TRIES} times while it was looked at")

    def findings(self, topic: str) -> list[Finding]:
        """All findings of a topic that people believe to hold."""
        key = Key("entity").eq(f"told#{topic}") & Key("id").begins_with("finding#")
        items = query(self._table, KeyConditionExpression=key, FilterExpression=Attr("said_open").eq(True))
        found = (Finding(topic, item["id"].removeprefix("finding#"), item["title"], _standing(item)) for item in items)
        return [each for each in found if each.standing.count]

    def tell_overdue(self, now: datetime) -> list[Finding]:
        """Tell the good news that was kept back, because the finding came and went; the findings it was about."""
        told = []
        for topic in self._topic_arns:
            for each in self.findings(topic):
                if folding.is_overdue(each.standing, now):
                    self._tell_end(each, now)
                    told.append(each)
        return told

    def unsent(self) -> int:
        """How many messages are decided and not sent."""
        unsent = Attr("text").exists() & Attr("notified_at").not_exists()
        keys = [Key("entity").eq(f"told#{topic}") & Key("id").begins_with("message#") for topic in self._topic_arns]
        return sum(1 for key in keys for _ in query(self._table, KeyConditionExpression=key, FilterExpression=unsent))

    def _tell_end(self, each: Finding, now: datetime) -> None:
        over_at = each.standing.over_at or now
        name = each.name.partition("#")[2] or each.name
        news = News(
            each.topic, each.name, f"over#{over_at.isoformat()}", now, f"RECOVERED: {name}",
            f"This has not come back since {time_text(over_at)}: {each.title}", is_problem=False,
        )  # fmt: skip
        item = self._get(each.topic, f"finding#{each.name}")
        if item and _standing(item) == each.standing:
            self._decide(news, folding.recovered(each.standing, now), RECOVERED, item)
        decided = self._get(news.topic, _message_id(news))
        if decided:
            self._send(decided)

    def _decide(self, news: News, after: Standing, why: str, item: dict[str, Any] | None) -> None:
        """Write the decision, and how the finding stands; nothing, if another event was quicker."""
        entity, version = f"told#{news.topic}", int(item["version"]) if item else 0
        message = {
            "entity": entity,
            "id": _message_id(news),
            "why": why,
            "at": news.at.isoformat(),
            "expires_at": _in_days(news.at, MESSAGE_DAYS),
        }
        if why != SILENT:
            message |= {"subject": subject(news, after, why), "text": text(news, after, why)}
        if news.is_routine and why == AGAIN:
            after = replace(after, since=news.at, count=0)
        title = one_line(news.subject) if news.is_problem else (item or {}).get("title", "")
        facts = {"title": title, "version": version + 1, "expires_at": _in_days(news.at, FINDING_DAYS), **_facts(after)}
        new = {"ConditionExpression": "attribute_not_exists(id)"}
        unchanged = {
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": version},
        }
        finding = {"entity": entity, "id": f"finding#{news.finding}", **facts}
        puts = [{"Item": message, **new}, {"Item": finding, **(unchanged if item else new)}]
        try:
            transact(self._table, [{"Put": {"TableName": self._table.name, **put}} for put in puts])
        except ClientError as error:
            if not is_refusal(error):
                raise

    def _send(self, decided: dict[str, Any]) -> None:
        if "text" not in decided or "notified_at" in decided:
            return
        topic = self._topic_arns[decided["entity"].removeprefix("told#")]
        self._sns.publish(TopicArn=topic, Subject=decided["subject"], Message=decided["text"])
        self._table.update_item(
            Key={"entity": decided["entity"], "id": decided["id"]},
            UpdateExpression="SET notified_at = :now",
            ExpressionAttributeValues={":now": datetime.now(timezone.utc).isoformat()},
        )

    def _get(self, topic: str, item_id: str) -> dict[str, Any] | None:
        key = {"entity": f"told#{topic}", "id": item_id}
        item: dict[str, Any] | None = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return item


def subject(news: News, standing: Standing, why: str) -> str:
    """One line of ASCII, as SNS wants it, with the number of repeats."""
    repeats = why in (AGAIN, CHANGED, BACK) and standing.count > 1
    return one_line(news.subject, f" ({_times(standing, short=True)})" if repeats else "")


def text(news: News, standing: Standing, why: str) -> str:
    """The whole message."""
    lines = [news.headline, *_history(news, standing, why)]
    return "\n".join([*lines, "", news.body] if news.body else lines).rstrip("\n") + "\n"


def _history(news: News, standing: Standing, why: str) -> list[str]:
    """What became of the finding so far, for whoever gets the message."""
    times = _times(standing)
    silence = f"Repeats are counted in silence: the next message of them comes after {period(standing.wait)}."
    if why == AGAIN:
        news_too = "" if news.is_routine else " What is new, and that it is well again, is told at once."
        return [f"This has happened {times}. {silence}{news_too}"]
    if why == CHANGED:
        return [f"This is another problem than the last one; with the earlier ones it has happened {times}."]
    if why == BACK:
        return [f"It is back, though it was well in between: it has happened {times}."]
    if why == PAST:
        return [f"It was at {time_text(news.at)}, and this is told late: it has been well since."]
    if why == RECOVERED:
        return [f"Before that, it had happened {times}."]
    return [] if why in (FIRST, SILENT) else [why]


def _times(standing: Standing, *, short: bool = False) -> str:
    since = standing.since or standing.last_at
    when = f"{since:%Y-%m-%d %H:%M} UTC" if short else time_text(since)
    return f"{standing.count} times since {when}" if standing.count != 1 else f"once, at {when}"


def _message_id(news: News) -> str:
    return f"message#{news.finding}#{news.occurrence}"


def _standing(item: dict[str, Any]) -> Standing:
    times = {name: datetime.fromisoformat(item[name]) for name in _TIMES if item.get(name)}
    numbers = {name: int(item[name]) for name in _NUMBERS}
    return Standing(
        is_open=item["is_open"], said_open=item["said_open"], kinds=tuple(item["kinds"]), **{**times, **numbers}
    )


def _facts(standing: Standing) -> dict[str, Any]:
    facts = {**vars(standing), "kinds": list(standing.kinds)}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def _in_days(at: datetime, days: int) -> int:
    return int((at + timedelta(days=days)).timestamp())
