"""What version 1 of the AWS CLI, which is the one on PyPI, lacks here: ``aws logs tail``, and SQS of the local cloud.

The CLI loads this module as a plugin named in the configuration file that ``local_cloud.sh env`` sets. The
options and the output are those of version 2 of the CLI.
"""

from __future__ import annotations

import os
import re
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

from awscli.customizations.commands import BasicCommand  # type: ignore[import-untyped]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LOOK_AGAIN_SECONDS = 1.0
_SHORT_TIME = "%Y-%m-%dT%H:%M:%S"


def awscli_initialize(cli: Any) -> None:
    """Called by the AWS CLI: add the command to ``aws logs``, and let ``aws sqs`` reach the local cloud."""
    cli.register("building-command-table.logs", _add_command)
    cli.register("top-level-args-parsed", _keep_endpoint_of_sqs)


def _keep_endpoint_of_sqs(parsed_args: Namespace, **_: Any) -> None:
    """Version 1 puts AWS's own address in place of AWS_ENDPOINT_URL for SQS (its overridesslcommonname)."""
    if parsed_args.command == "sqs" and parsed_args.endpoint_url is None:
        parsed_args.endpoint_url = os.environ.get("AWS_ENDPOINT_URL_SQS") or os.environ.get("AWS_ENDPOINT_URL")


def _add_command(command_table: dict[str, Any], session: Any, **_: Any) -> None:
    command_table.setdefault("tail", TailCommand(session))


class TailCommand(BasicCommand):  # type: ignore[misc]
    """``aws logs tail``."""

    NAME = "tail"
    DESCRIPTION = "Tails the logs of a CloudWatch Logs group."
    ARG_TABLE = (
        {"name": "group_name", "positional_arg": True, "help_text": "The log group."},
        {"name": "since", "default": "10m", "help_text": "From when: 5m, 1h, 2d or an ISO time."},
        {"name": "follow", "action": "store_true", "default": False, "help_text": "Go on as logs come in."},
        {"name": "format", "default": "detailed", "choices": ["detailed", "short"]},
        {"name": "filter-pattern", "help_text": "Only events that match."},
        {"name": "log-stream-names", "nargs": "+", "help_text": "Only these streams."},
        {"name": "log-stream-name-prefix", "help_text": "Only streams whose name begins so."},
    )

    def _run_main(self, parsed_args: Namespace, parsed_globals: Namespace) -> int:
        client = self._session.create_client(
            "logs",
            region_name=parsed_globals.region,
            endpoint_url=parsed_globals.endpoint_url,
            verify=parsed_globals.verify_ssl,
        )
        start = start_of(parsed_args.since, datetime.now(timezone.utc))
        parameters = {"logGroupName": parsed_args.group_name, "startTime": int(start.timestamp() * 1000)}
        for name, value in (
            ("filterPattern", parsed_args.filter_pattern),
            ("logStreamNames", parsed_args.log_stream_names),
            ("logStreamNamePrefix", parsed_args.log_stream_name_prefix),
        ):
            if value:
                parameters[name] = value
        try:
            for event in _events(client.filter_log_events, parameters, follow=parsed_args.follow):
                sys.stdout.write(line_of(event, parsed_args.format))
                sys.stdout.flush()
        except KeyboardInterrupt:
            return 130
        return 0


def start_of(since: str, now: datetime) -> datetime:
    """The moment that ``--since`` names.

    Raises:
        ValueError: it is neither a length of time nor a time.
    """
    found = re.fullmatch(r"(\d+)([smhdw])", since)
    if found:
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(since.replace("Z", "+00:00"))
    except ValueError as error:
        raise ValueError(f"--since is {since!r}; it must be like 30s, 5m, 1h, 2d, 1w, or an ISO time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def line_of(event: dict[str, Any], form: str) -> str:
    """One event as a line."""
    moment = datetime.fromtimestamp(event["timestamp"] / 1000, timezone.utc)
    if form == "short":
        return f"{moment.strftime(_SHORT_TIME)} {event['message']}\n"
    return f"{moment.isoformat()} {event['logStreamName']} {event['message']}\n"


def _events(
    filter_log_events: Callable[..., dict[str, Any]], parameters: dict[str, Any], *, follow: bool
) -> Iterator[dict[str, Any]]:
    seen: set[object] = set()
    token: dict[str, str] = {}
    while True:
        answer = filter_log_events(**parameters, **token)
        fresh = [event for event in answer["events"] if _identity(event) not in seen]
        # The emulator takes a prefix of streams and gives the events of all streams.
        prefix = parameters.get("logStreamNamePrefix", "")
        seen.update(_identity(event) for event in fresh)
        yield from (event for event in fresh if event["logStreamName"].startswith(prefix))
        if answer.get("nextToken"):
            token = {"nextToken": answer["nextToken"]}
            continue
        token = {}
        if fresh:  # the emulator gives 10,000 events and no token: go on from the last one
            parameters = {**parameters, "startTime": fresh[-1]["timestamp"]}
        elif follow:
            time.sleep(_LOOK_AGAIN_SECONDS)  # CloudWatch Logs can only be asked again
        else:
            return


def _identity(event: dict[str, Any]) -> object:
    """What tells an event from others; the emulator gives the events of Lambdas no id."""
    return event.get("eventId", (event["logStreamName"], event["timestamp"], event["message"]))
