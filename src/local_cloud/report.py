"""What ``status`` shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from local_cloud.cloud import emulator, glue_endpoint
from local_cloud.environment import client
from local_cloud.inbox import is_inbox, messages
from local_cloud.job_runs import with_execution_time
from local_cloud.processes import running_process
from local_cloud.settings import LocalCloudError, Settings
from local_cloud.store import Store
from local_cloud.workflow_runs import statistics

_LAST = 8
_SHORT = 12
_ID_LENGTH = 15  # enough to tell runs apart, and `logs` takes the beginning of an id
_STATE_TABLE = "-job-state"
_PENDING: dict[str, Any] = {
    "KeyConditionExpression": "entity = :outbox",
    "FilterExpression": "#status = :pending",
    "ExpressionAttributeNames": {"#status": "status"},
    "ExpressionAttributeValues": {":outbox": {"S": "outbox"}, ":pending": {"S": "PENDING"}},
}
_COLOURS = {"SUCCEEDED": "green", "COMPLETED": "green", "FAILED": "red", "ERROR": "red", "TIMEOUT": "red"}


def show(console: Console, settings: Settings) -> None:
    """Print endpoints, processes, the last runs, queues, waiting alerts, and the last messages."""
    console.print(_processes(settings))
    if settings.database.exists():
        store = Store(settings.database)
        try:
            console.print(_workflow_runs(store))
            console.print(_job_runs(store))
        finally:
            store.close()
    if running_process(emulator(settings)) is not None:
        for part in (_queues, _alerts, _messages):
            console.print(part(settings))
    console.print(f"State folder: {settings.home}", highlight=False, soft_wrap=True)


def _processes(settings: Settings) -> Table:
    table = _table("Local cloud", "Service", "Endpoint", "Process")
    for service, url in (
        (emulator(settings), settings.endpoint),
        (glue_endpoint(settings), settings.glue_endpoint),
    ):
        process = running_process(service)
        table.add_row(service.name, url, "[red]down[/]" if process is None else f"{process.pid}")
    return table


def _workflow_runs(store: Store) -> Table:
    table = _table("Last workflow runs", "Workflow", "Status", "Started", "By", "Actions", "Run")
    for run in store.workflow_runs(limit=_LAST):
        counts = statistics(run.get("TotalActions", 0), store.job_runs_of_workflow_run(run["WorkflowRunId"]))
        actions = f"{counts['SucceededActions']} of {counts['TotalActions']} succeeded"
        status = _coloured(run["Status"])
        reason = escape(started_by(run.get("WorkflowRunProperties", {})))
        table.add_row(run["Name"], status, _time(run["StartedOn"]), reason, actions, run["WorkflowRunId"][:_ID_LENGTH])
    return table


def _job_runs(store: Store) -> Table:
    table = _table("Last job runs", "Job", "State", "Started", "Seconds", "Message", "Run")
    for run in map(with_execution_time, store.job_runs(limit=_LAST)):
        table.add_row(
            run["JobName"],
            _coloured(run["JobRunState"]),
            _time(run["StartedOn"]),
            str(run["ExecutionTime"]),
            run.get("ErrorMessage", "").partition("\n")[0],
            run["Id"][:_ID_LENGTH],
        )
    return table


def started_by(properties: Mapping[str, str]) -> str:
    """What started a workflow run, as its properties tell: the trigger, and what else fits a column."""
    others = [f"{name} {value}" for name, value in properties.items() if name != "trigger" and len(value) <= _SHORT]
    trigger = properties.get("trigger", "hand or schedule")
    return f"{trigger}, {', '.join(others)}" if others else trigger


def _queues(settings: Settings) -> Table:
    table = _table("Queues", "Queue", "Waiting", "In flight", "Dead letters")
    sqs: Any = client(settings, "sqs")

    def fill() -> None:
        urls = [url for page in sqs.get_paginator("list_queues").paginate() for url in page.get("QueueUrls", [])]
        found = {url.rpartition("/")[2]: _attributes(sqs, url) for url in urls if not is_inbox(url)}
        dead = {name: _dead_letter_queue(attributes) for name, attributes in found.items()}
        for name in sorted(found.keys() - set(dead.values())):
            depth = _waiting(found[dead[name]]) if dead[name] in found else ""
            colour = "red" if depth not in ("", "0") else "default"
            in_flight = found[name]["ApproximateNumberOfMessagesNotVisible"]
            table.add_row(name, _waiting(found[name]), in_flight, f"[{colour}]{depth}[/]")

    return _filled(table, fill)


def _attributes(sqs: Any, url: str) -> dict[str, str]:
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def _waiting(attributes: Mapping[str, str]) -> str:
    return attributes["ApproximateNumberOfMessages"]


def _dead_letter_queue(attributes: Mapping[str, str]) -> str:
    policy = json.loads(attributes.get("RedrivePolicy") or "{}")
    return str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]


def _alerts(settings: Settings) -> Table:
    """What the pipeline has to tell and could not yet: the PENDING items of its outbox."""
    table = _table("Alerts waiting", "Alert", "Subject")
    dynamodb: Any = client(settings, "dynamodb")

    def fill() -> None:
        pages = dynamodb.get_paginator("list_tables").paginate()
        tables = [name for page in pages for name in page["TableNames"] if name.endswith(_STATE_TABLE)]
        for name in tables:
            for page in dynamodb.get_paginator("query").paginate(TableName=name, **_PENDING):
                for item in page["Items"]:
                    table.add_row(escape(item["id"]["S"]), escape(item.get("subject", {}).get("S", "")))

    return _filled(table, fill)


def _messages(settings: Settings) -> Table:
    table = _table("Last messages (all of them: inbox)", "At", "Topic", "Subject")

    def fill() -> None:
        for message in messages(settings)[-_LAST:]:
            table.add_row(_time(message.at.timestamp()), message.topic, escape(message.subject))

    return _filled(table, fill)


def _filled(table: Table, fill: Callable[[], None]) -> Table:
    """A table with its rows, or with why there are none: one service that fails must not hide the others."""
    try:
        fill()
    except (BotoCoreError, ClientError, LocalCloudError) as error:
        table.add_row(f"could not be read: {error}")
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _coloured(state: str) -> str:
    return f"[{_COLOURS[state]}]{state}[/]" if state in _COLOURS else state


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")
