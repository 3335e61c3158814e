"""Shows the messages of the inbox as text or as JSON."""

from __future__ import annotations

import contextlib
import json
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict

from local_cloud.inbox import Message, messages
from local_cloud.settings import Settings

_LOOK_SECONDS = 1.0


def show(settings: Settings, write: Callable[[Message], object], *, topic: str | None, last: int, follow: bool) -> None:
    """Write the last messages.

    Args:
        settings: of the local cloud.
        write: takes a message.
        topic: only of this one.
        last: how many.
        follow: go on until interrupted.
    """
    found = messages(settings, topic)
    for message in found[len(found) - last :] if last < len(found) else found:
        write(message)
    known = {message.id for message in found}
    with contextlib.suppress(KeyboardInterrupt):
        while follow:
            time.sleep(_LOOK_SECONDS)  # the emulator's list can only be looked at again
            for message in messages(settings, topic):
                if message.id not in known:
                    known.add(message.id)
                    write(message)


def as_text(message: Message) -> str:
    """A message for a person."""
    head = f"{message.at.astimezone():%Y-%m-%d %H:%M:%S}  {message.topic}  {message.subject}".rstrip()
    return f"{head}\n{textwrap.indent(message.text.rstrip(), '    ')}\n\n"


def as_json(message: Message) -> str:
    """A message for a program."""
    return json.dumps({**asdict(message), "at": message.at.isoformat()}, ensure_ascii=False) + "\n"
