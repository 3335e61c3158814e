#!/usr/bin/env python3
"""Checks, tries, starts and shows connectors, and sets their cursors by hand; docs/connectors.md tells how."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich import box
from rich.console import Console
from rich.table import Table

from connectors.credentials import fields_of
from connectors.errors import ConfigurationError, ConnectorError
from connectors.model import Connector, RestSource
from connectors.reading import parse_connectors
from connectors.values import cursor_type
from connectors.windows import Cursor, Progress, Selection, next_window
from deployment.environments import Environment
from quarantine.target import Target, explained, open_target

SOURCE = Path(__file__).resolve().parents[1] / "src"
FOLDER = SOURCE / "config" / "connectors"
# Without a terminal (CI, a pipe) rich takes 80 columns, which folds the tables.
console = Console(width=None if sys.stdout.isatty() else 160)
app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)


Name = Annotated[str, typer.Argument(help="the connector")]
Env = Annotated[Environment, typer.Option("--env", help="the environment")]
Project = Annotated[str, typer.Option(envvar="PROJECT_NAME", help="Terraform's project_name")]
Folder = Annotated[Path, typer.Option("--folder", help="where the connectors' YAML files are")]


@app.command()
def check(folder: Folder = FOLDER) -> None:
    """Tell everything that is wrong in connectors' files, without AWS and without asking any source."""
    with _told():
        table = Table("connector", "source", "dataset", "schedule", box=box.SIMPLE_HEAD)
        for one in _read(folder).values():
            source = one.source.url if isinstance(one.source, RestSource) else f"{one.source.url} {one.source.table}"
            table.add_row(one.name, source, one.dataset, one.schedule or "by hand")
        console.print(table if table.row_count else f"No connectors in {folder}; examples are in {FOLDER / 'examples'}")


@app.command()
def preview(
    name: Name,
    rows: Annotated[int, typer.Option("--rows", min=1, help="how many")] = 5,
    secret: Annotated[Path | None, typer.Option("--secret", help="file with the secret's text")] = None,
    folder: Folder = FOLDER,
) -> None:
    """Print rows that a first load would bring, as lines of JSON; nothing is written anywhere."""
    with _told():
        connector = _one(_read(folder), name)
        window = next_window(connector.incremental, Cursor(), datetime.now(timezone.utc))
        if window is None:
            raise ConnectorError(f"{name}: incremental.start lies in the future")
        selection = Selection(connector.incremental, window, Progress())
        source = _source(connector, secret.read_text(encoding="utf-8") if secret else "")
        with closing(source.pages(window, None)) as pages:
            lines = (line for page in pages for line in map(selection.line, page.rows) if line is not None)
            for line in islice(lines, rows):
                typer.echo(line)


@app.command()
def load(
    name: Name, env: Env = Environment.LOCAL, project_name: Project = "glue-etl-pipeline", folder: Folder = FOLDER
) -> None:
    """Load a connector now, in the environment."""
    with _told(target := open_target(env.value, project_name, "")):
        prefix = f"{project_name}-{env.value}"
        if isinstance(_one(_read(folder), name).source, RestSource):
            sqs = boto3.client("sqs", region_name=target.region)
            url = sqs.get_queue_url(QueueName=f"{prefix}-connectors")["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"connector": name}))
            console.print(f"Asked {prefix}-api-connector to load {name}.")
        else:
            arguments = {"--connector": name}
            run = target.glue.start_job_run(JobName=f"{prefix}-database-ingestion", Arguments=arguments)["JobRunId"]
            console.print(f"Started {prefix}-database-ingestion for {name}: {run}")


@app.command()
def status(env: Env = Environment.LOCAL, project_name: Project = "glue-etl-pipeline", folder: Folder = FOLDER) -> None:
    """Show up to where each connector has loaded, and what is under way."""
    with _told(target := open_target(env.value, project_name, "")):
        table = Table("connector", "loaded up to", "rows of the last load", "at", "under way", box=box.SIMPLE_HEAD)
        for name in _read(folder):
            item = _state(target).get_item(Key=_key(name), ConsistentRead=True).get("Item", {})
            rows = "" if "last_rows" not in item else f"{int(item['last_rows']):,}"
            table.add_row(name, item.get("cursor") or "-", rows, item.get("updated_at", "never"), _under_way(item))
        console.print(table)


@app.command()
def set_cursor(
    name: Name,
    value: Annotated[str, typer.Argument(help="a time, number or text from which the next load goes on; '' for all")],
    env: Env = Environment.LOCAL,
    project_name: Project = "glue-etl-pipeline",
    folder: Folder = FOLDER,
) -> None:
    """Let the next load go on from another place; rows that come again are made one by the contract's key."""
    with _told(target := open_target(env.value, project_name, "")):
        incremental = _one(_read(folder), name).incremental
        if incremental is None:
            raise ConnectorError(f"{name} has no cursor: every load takes everything")
        kind = cursor_type(incremental.kind)
        text = kind.dump(kind.parse(value)) if value else ""
        try:
            _state(target).update_item(
                Key=_key(name),
                UpdateExpression="SET #c = :c, boundary = :b REMOVE #w, progress",
                ConditionExpression="attribute_not_exists(#o) OR lease_until < :now",
                ExpressionAttributeNames={"#c": "cursor", "#w": "window", "#o": "owner"},
                ExpressionAttributeValues={":c": text, ":b": "[]", ":now": int(datetime.now(timezone.utc).timestamp())},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise ConnectorError(f"{name} is being loaded; try again when that has ended") from error
        console.print(f"The next load of {name} goes on from {text or 'the beginning'}.")


def _read(folder: Path) -> dict[str, Connector]:
    return parse_connectors({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")})


def _one(connectors: dict[str, Connector], name: str) -> Connector:
    if name not in connectors:
        raise ConfigurationError([f"there is no connector {name}; there are: {', '.join(connectors) or 'none'}"])
    return connectors[name]


def _source(connector: Connector, secret: str) -> Any:
    """The source of a connector, with the text of its secret."""
    if isinstance(connector.source, RestSource):
        sys.path.append(str(SOURCE / "lambda" / "api_connector"))
        from rest import PLAIN_FIELD, RestRows

        plain = PLAIN_FIELD.get(connector.source.authentication.kind, "") if connector.source.authentication else ""
        return RestRows(connector, fields_of(connector.secret, secret, plain) if connector.secret else {})
    from connectors.database import DatabaseRows, open_engine

    fields = fields_of(connector.secret, secret) if connector.secret else {}
    return DatabaseRows(connector, open_engine(connector.source, fields))


def _state(target: Target) -> Any:
    return boto3.resource("dynamodb", region_name=target.region).Table(target.state_table)


def _key(name: str) -> dict[str, str]:
    return {"entity": f"cursor#{name}", "id": "state"}


def _under_way(item: dict[str, Any]) -> str:
    if "window" not in item:
        return ""
    progress = json.loads(item["progress"])
    running = "loading" if "owner" in item else "waits for the next load"
    return f"{running}: {progress['parts']} file(s), {progress['rows']:,} row(s)"


@contextmanager
def _told(target: Target | None = None) -> Iterator[None]:
    """Errors as people can use them."""
    explain: Callable[[Any], str] = str
    try:
        yield
        return
    except (BotoCoreError, ClientError) as error:
        explain, problem = (lambda one: explained(target, one) if target else str(one)), error  # type: Any, Exception
    except (ConnectorError, ValueError) as error:
        problem = error
    console.print(explain(problem), style="red", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
