"""Glue Job State Change events, delivered to the targets of matching EventBridge rules.

The emulator, like AWS, refuses ``PutEvents`` with a source that begins with ``aws.``. So the endpoint asks the
emulator which rules' patterns match (``TestEventPattern``), and calls their targets itself.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.protocol import JsonObject
from local_cloud.settings import ACCOUNT, Settings

_SEVERITY = {"SUCCEEDED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN", "STOPPED": "INFO"}
_MESSAGE = {"SUCCEEDED": "Job run succeeded", "TIMEOUT": "Job run timed out", "STOPPED": "Job run stopped"}
_PLACEHOLDER = re.compile(r"<([\w.-]+)>")
_QUEUE_END = None

_LOG = logging.getLogger(__name__)


def job_state_change(run: JsonObject, region: str) -> JsonObject | None:
    """The event that AWS sends when a job run ends, or None for a state it sends none for."""
    state = run["JobRunState"]
    if state not in _SEVERITY:
        return None
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": ACCOUNT,
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [],
        "detail": {
            "jobName": run["JobName"],
            "severity": _SEVERITY[state],
            "state": state,
            "jobRunId": run["Id"],
            "message": run.get("ErrorMessage") or _MESSAGE.get(state, "Job run failed"),
        },
    }


class EventSender:
    """Delivers events one after another, on a thread of its own.

    Args:
        settings: of the local cloud.
        clients: makes a boto3 client of the emulator from a service's name.
    """

    def __init__(self, settings: Settings, clients: Callable[[str], Any]) -> None:
        self._settings = settings
        self._clients = clients
        self._queue: queue.Queue[JsonObject | None] = queue.Queue()
        self._thread = threading.Thread(target=self._deliver_all, name="events", daemon=True)
        self._thread.start()

    def job_ended(self, run: JsonObject) -> None:
        """Send the event of a job run that ended."""
        event = job_state_change(run, self._settings.region)
        if event is not None:
            self._queue.put(event)

    def close(self, seconds: float = 10.0) -> None:
        """Deliver what is left and end."""
        self._queue.put(_QUEUE_END)
        self._thread.join(seconds)

    def _deliver_all(self) -> None:
        while (event := self._queue.get()) is not _QUEUE_END:
            try:
                for rule in self._matching_rules(event):
                    self._call_targets(rule, event)
            except (BotoCoreError, ClientError):
                _LOG.exception("the event %s was not delivered", event)

    def _matching_rules(self, event: JsonObject) -> Iterator[JsonObject]:
        events = self._clients("events")
        for answer in _pages(events.list_rules, {}):
            for rule in answer["Rules"]:
                if rule.get("State", "ENABLED") == "DISABLED" or not rule.get("EventPattern"):
                    continue
                if events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]:
                    yield rule

    def _call_targets(self, rule: JsonObject, event: JsonObject) -> None:
        for answer in _pages(self._clients("events").list_targets_by_rule, {"Rule": rule["Name"]}):
            for target in answer["Targets"]:
                try:
                    self._call(target, target_input(target, event))
                except (BotoCoreError, ClientError):
                    _LOG.exception("rule %s: target %s was not called", rule["Name"], target["Arn"])

    def _call(self, target: JsonObject, text: str) -> None:
        arn = target["Arn"]
        service, name = arn.split(":")[2], arn.split(":", 5)[5]
        if service == "sqs":
            sqs = self._clients("sqs")
            group = target.get("SqsParameters", {}).get("MessageGroupId")
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=text, **({"MessageGroupId": group} if group else {}))
        elif service == "sns":
            self._clients("sns").publish(TopicArn=arn, Message=text)
        elif service == "lambda":
            self._clients("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
        else:
            _LOG.warning("the target %s is of a kind that the local cloud does not call", arn)


def target_input(target: JsonObject, event: JsonObject) -> str:
    """What a target is called with: the event, or what its Input, InputPath or InputTransformer makes of it."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(at_path(event, target["InputPath"]))
    if "InputTransformer" not in target:
        return json.dumps(event)
    paths = target["InputTransformer"].get("InputPathsMap", {})
    values = {name: at_path(event, path) for name, path in paths.items()}
    return _transformed(target["InputTransformer"]["InputTemplate"], values)


def at_path(event: JsonObject, path: str) -> Any:
    """The value at a path like ``$.detail.jobName``; None where there is none."""
    value: Any = event
    for part in path.removeprefix("$").strip(".").split("."):
        if part:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _transformed(template: str, values: JsonObject) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found[1] not in values:
            return found[0]
        value = values[found[1]]
        inside_string = template[: found.start()].count('"') % 2 == 1
        if isinstance(value, str):
            return json.dumps(value)[1:-1] if inside_string else json.dumps(value)
        return "" if value is None else json.dumps(value)

    return _PLACEHOLDER.sub(replaced, template)


def _pages(operation: Callable[..., JsonObject], parameters: JsonObject) -> Iterator[JsonObject]:
    token: str | None = None
    while True:
        answer = operation(**parameters, **({"NextToken": token} if token else {}))
        yield answer
        token = answer.get("NextToken")
        if not token:
            return
