"""``python -m local_cloud start|stop|status|env|logs|inbox|reset``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

import typer
from rich.console import Console

from local_cloud import cloud, inbox_view, log_view, report
from local_cloud.environment import shell_lines
from local_cloud.settings import LocalCloudError, Settings, settings_from_environment

app = typer.Typer(
    help="The laptop's AWS: an emulator, and a Glue endpoint that really runs jobs and workflows.",
    no_args_is_help=True,
    add_completion=False,
)
_P = ParamSpec("_P")
_R = TypeVar("_R")


def _readable(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Show an error that the user can put right as one message, without a traceback."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except LocalCloudError as error:
            sys.stderr.write(f"local cloud: {error}\n")
            raise typer.Exit(1) from error

    return run


@app.command()
@_readable
def start() -> None:
    """Start the local cloud; does nothing when it runs."""
    settings = settings_from_environment()
    console = Console()
    if cloud.was_interrupted(settings):
        console.print(
            "[yellow]The emulator was not stopped properly the last time: what was made since it was last "
            "stopped may be missing. Deploy again, or reset.[/]"
        )
    with console.status("Starting the local cloud…"):
        started = cloud.start(settings)
    console.print(f"Started: {', '.join(started)}." if started else "The local cloud runs already.")
    _print_endpoints(console, settings)


@app.command()
@_readable
def stop() -> None:
    """Stop it; all state is kept. Job runs under way end as FAILED."""
    settings = settings_from_environment()
    stopped = cloud.stop(settings)
    Console().print(f"Stopped: {', '.join(stopped)}." if stopped else "The local cloud does not run.")


@app.command()
@_readable
def status() -> None:
    """Show endpoints, processes, runs, queues, alerts and messages. Exit status 1 when it is down."""
    settings = settings_from_environment()
    # Without a terminal rich takes 80 columns, which folds every name.
    report.show(Console(width=None if sys.stdout.isatty() else 140), settings)
    if not cloud.is_running(settings):
        raise typer.Exit(1)


@app.command()
@_readable
def env() -> None:
    """Print lines for a shell: eval "$(./scripts/local_cloud.sh env)"."""
    sys.stdout.write("\n".join(shell_lines(settings_from_environment())) + "\n")


@app.command()
@_readable
def logs(
    what: Annotated[
        str, typer.Argument(help="emulator, glue, the id of a job run (jr_…), or a job's name: its last run")
    ] = "glue",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as the log grows")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="how many of the last lines", min=0)] = 100,
) -> None:
    """Show the end of a log."""
    settings = settings_from_environment()
    log_view.show(log_view.files_of(settings, what), sys.stdout.write, lines=lines, follow=follow)


@app.command()
@_readable
def inbox(
    topic: Annotated[str | None, typer.Option("--topic", "-t", help="only of this topic: its name or its end")] = None,
    lines: Annotated[int, typer.Option("--last", "-n", help="how many of the last messages", min=0)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as messages come")] = False,
) -> None:
    """Show what was published to the SNS topics, newest last."""
    settings = settings_from_environment()
    if not cloud.is_running(settings):
        raise LocalCloudError("it does not run; start it first")
    write = inbox_view.as_json if as_json else inbox_view.as_text
    inbox_view.show(settings, lambda message: sys.stdout.write(write(message)), topic=topic, last=lines, follow=follow)


@app.command()
@_readable
def reset(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Stop it, end running jobs, and remove all its state."""
    settings = settings_from_environment()
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Remove {settings.home} with all buckets, tables and runs?", abort=True)
    cloud.reset(settings)
    Console().print(f"Removed {settings.home}.")


def _print_endpoints(console: Console, settings: Settings) -> None:
    console.print(f"  AWS   {settings.endpoint}", highlight=False)
    console.print(f"  Glue  {settings.glue_endpoint}", highlight=False)
    console.print(f"  State {settings.home}", highlight=False, soft_wrap=True)
    console.print('Next: eval "$(./scripts/local_cloud.sh env)", then for example: aws s3 ls', highlight=False)
