"""What ``status`` shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from local_cloud.cloud import emulator, glue_endpoint
from local_cloud.environment import client
from local_cloud.job_runs import with_execution_time
from local_cloud.processes import running_process
from local_cloud.settings import Settings
from local_cloud.store import Store
from local_cloud.workflow_runs import statistics

_LAST = 8
_ID_LENGTH = 15  # enough to tell runs apart, and `logs` takes the beginning of an id
_COLOURS = {"SUCCEEDED": "green", "COMPLETED": "green", "FAILED": "red", "ERROR": "red", "TIMEOUT": "red"}


def show(console: Console, settings: Settings) -> None:
    """Print endpoints, processes, the last runs, and the depths of queues."""
    console.print(_processes(settings))
    if settings.database.exists():
        store = Store(settings.database)
        try:
            console.print(_workflow_runs(store))
            console.print(_job_runs(store))
        finally:
            store.close()
    if running_process(emulator(settings)) is not None:
        console.print(_queues(settings))
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
    table = _table("Last workflow runs", "Workflow", "Status", "Started", "Actions", "Run")
    for run in store.workflow_runs(limit=_LAST):
        counts = statistics(run.get("TotalActions", 0), store.job_runs_of_workflow_run(run["WorkflowRunId"]))
        actions = f"{counts['SucceededActions']} of {counts['TotalActions']} succeeded"
        status = _coloured(run["Status"])
        table.add_row(run["Name"], status, _time(run["StartedOn"]), actions, run["WorkflowRunId"][:_ID_LENGTH])
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


def _queues(settings: Settings) -> Table:
    table = _table("Queues", "Queue", "Waiting", "In flight")
    sqs: Any = client(settings, "sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    try:
        for url in sqs.list_queues().get("QueueUrls", []):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            table.add_row(url.rpartition("/")[2], *(found[name] for name in names))
    except (BotoCoreError, ClientError) as error:
        table.add_row(f"the queues could not be read: {error}", "", "")
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
