"""Which stream a streaming job reads, and how, as the job's arguments say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from etl.arguments import flag, whole_number
from etl.errors import ArgumentError

KINESIS, KAFKA, FILES = "kinesis", "kafka", "files"
EARLIEST, LATEST = "earliest", "latest"
ARGUMENTS = (
    "stream_source",
    "stream",
    "stream_start",
    "stream_checkpoint",
    "stream_brokers",
    "stream_auth",
    "stream_trigger_seconds",
    "stream_most_per_epoch",
    "stream_until_caught_up",
    "stream_replaces",
)
# Glue's own default for streaming jobs; each epoch becomes files of its own.
TRIGGER_SECONDS = 100
_STREAM_ARN = re.compile(r"arn:[^:\s]+:kinesis:[^:\s]+:\d{12}:stream/[\w.-]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_LOOKS: dict[str, tuple[Callable[[str], object], str]] = {
    KINESIS: (_STREAM_ARN.fullmatch, "the ARN of a stream: arn:aws:kinesis:us-east-1:123456789012:stream/name"),
    KAFKA: (re.compile(r"[\w.-]+(,[\w.-]+)*").fullmatch, "one or more topics, with commas between them"),
    FILES: (re.compile(r"[a-z0-9]+://[^/]+/.+").fullmatch, "the URI of a folder, such as s3://bucket/folder/"),
}
_AUTH = ("none", "tls", "iam")


@dataclass(frozen=True)
class StreamSettings:
    """A stream and how it is read.

    Attributes:
        source: kinesis, kafka or files.
        stream: ARN of a Kinesis stream, Kafka topics with commas between them, or URI of a folder.
        start: where a new checkpoint begins: earliest, latest, or a time in ISO format with its offset from UTC.
        checkpoint: URI of the checkpoint's folder with a trailing slash; empty for the dataset's own place.
        brokers: Kafka's bootstrap servers.
        auth: how Kafka is spoken to: none, tls or iam.
        trigger_seconds: an epoch begins this long after the one before it began.
        most_per_epoch: records that an epoch takes at most (of Kinesis: of each shard; of files: files); None for
            whatever the source has.
        until_caught_up: end when everything is read that was there at the start.
        replaces: id of the query whose checkpoint is given up for a new one.
    """

    source: str
    stream: str
    start: str = EARLIEST
    checkpoint: str = ""
    brokers: str = ""
    auth: str = "none"
    trigger_seconds: int = TRIGGER_SECONDS
    most_per_epoch: int | None = None
    until_caught_up: bool = False
    replaces: str = ""


def stream_from(arguments: Mapping[str, str]) -> StreamSettings | None:
    """The stream of the job's arguments; None for a job that reads none.

    Raises:
        ArgumentError: an argument has a value that can't be used.
    """
    given = {name: value for name, value in arguments.items() if name in ARGUMENTS and value}
    if not given:
        return None
    source = _one_of(given, "stream_source", tuple(_LOOKS))
    fits, what = _LOOKS[source]
    stream = given.get("stream", "")
    if not fits(stream):
        raise ArgumentError(f"--stream is {stream!r}; with --stream_source {source} it must be {what}")
    if source == KAFKA and "stream_brokers" not in given:
        raise ArgumentError("--stream_brokers is missing; Kafka needs its bootstrap servers, host:port with commas")
    most = whole_number(given, "stream_most_per_epoch", 1) if "stream_most_per_epoch" in given else None
    checkpoint = given.get("stream_checkpoint", "")
    return StreamSettings(
        source=source,
        stream=stream,
        start=_start(given, source),
        checkpoint=f"{checkpoint.rstrip('/')}/" if checkpoint else "",
        brokers=given.get("stream_brokers", ""),
        auth=_one_of(given, "stream_auth", _AUTH, "none"),
        trigger_seconds=whole_number(given, "stream_trigger_seconds", TRIGGER_SECONDS),
        most_per_epoch=most,
        until_caught_up=flag(given, "stream_until_caught_up", False),
        replaces=given.get("stream_replaces", ""),
    )


def _one_of(given: Mapping[str, str], name: str, choices: tuple[str, ...], default: str = "") -> str:
    value = given.get(name, default)
    if value not in choices:
        raise ArgumentError(f"--{name} is {value!r}; it must be {', '.join(choices[:-1])} or {choices[-1]}")
    return value


def _start(given: Mapping[str, str], source: str) -> str:
    start = given.get("stream_start", EARLIEST)
    if start not in (EARLIEST, LATEST) and not _TIME.fullmatch(start):
        raise ArgumentError(f"--stream_start is {start!r}; it must be earliest, latest or like 2024-01-15T09:30:00Z")
    if source == FILES and start != EARLIEST:
        raise ArgumentError(f"--stream_start is {start!r}; with --stream_source files every file is read: earliest")
    return start
