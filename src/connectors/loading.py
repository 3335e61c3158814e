"""One load: everything of a window into raw, each row exactly once, whenever a run is killed.

The order of writes, and what a kill between two of them leaves behind:

1. The window is fixed in the state table. Whoever comes next takes the same one.
2. For each file: a record of what follows it, under the hash of its content; then the file, which is put only if no
   file of its name is there; then the progress in the state table. The file itself is the commit: a run that finds it
   there does not put its own, but goes on behind the one that is there, by the record of that one's content. So a
   file is never replaced, not even where the source has changed since, and none of its rows comes in another file.
3. The cursor moves in one conditional write when all files are there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

from connectors.cursors import Held
from connectors.model import Connector
from connectors.parts import Part, RawFolder, content_hash, part_progress
from connectors.windows import Progress, Selection, Window, cursor_after, next_window
from utils.faults import fault_points

_LOG = logging.getLogger("connectors")


@dataclass(frozen=True)
class Page:
    """Rows of a source. Attributes: ``next``: where the following page begins; None: this is the last one."""

    rows: list[Any]
    next: Any


class Source(Protocol):
    """Where rows are."""

    def pages(self, window: Window, position: Any) -> Iterator[Page]:
        """The pages of a window from a position on (None: all); at least one, and the last has no next."""


@dataclass(frozen=True)
class Result:
    """What a load came to. Attributes: rows and files of this run alone; ``is_complete``: the window is over."""

    connector: str
    rows: int
    files: int
    is_complete: bool
    cursor: str


class Load:
    """A load of one connector.

    Args:
        connector: what to load.
        source: where from.
        state: held by this run.
        folder: where to.
        deadline: when to stop, by ``clock``; what is left is for the next run. None: never.
        clock: seconds.
    """

    def __init__(
        self,
        connector: Connector,
        source: Source,
        state: Held,
        folder: RawFolder,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector, self._source, self._state, self._folder = connector, source, state, folder
        self._deadline, self._clock = deadline, clock
        self._rows = self._files = 0

    def run(self, now: datetime | None = None) -> Result:
        """Load until the window is done or the time is up.

        Args:
            now: the present; for tests.

        Raises:
            ConnectorError: the source or the state stopped it; the next run goes on from the last file.
        """
        if self._state.window is None:
            window = next_window(self._connector.incremental, self._state.cursor, now or datetime.now(timezone.utc))
            if window is None:
                _LOG.info("%s: nothing to load yet", self._connector.name)
                return self._result(True)
            with fault_points("connector.open"):
                self._state.open(window)
        window = self._window()
        while not self._state.progress.done:
            if not self._go_through_pages(window):
                return self._result(False)
        progress = self._state.progress
        with fault_points("connector.finish"):
            self._state.finish(cursor_after(self._connector.incremental, window, progress), progress.rows)
        return self._result(True)

    def _window(self) -> Window:
        assert self._state.window is not None  # noqa: S101 - for the type checker # nosec B101
        return self._state.window

    def _go_through_pages(self, window: Window) -> bool:
        """Fetch and put until the end; False when the time is up first.

        Also True when a file of another run was found: the progress is then behind that file, and pages begin anew.
        """
        part, selection = self._new_part(), Selection(self._connector.incremental, window, self._state.progress)
        for page in self._source.pages(window, self._state.progress.position):
            self._state.renew()
            for line in map(selection.line, page.rows):
                if line is not None:
                    part.add(line)
            is_late = self._deadline is not None and self._clock() >= self._deadline
            if part.is_full or is_late or page.next is None:
                wanted = part_progress(selection.after(self._state.progress), part, page.next, page.next is None)
                if not self._commit(window, part, wanted):
                    return True
                part = self._new_part()
            if is_late and page.next is not None:
                _LOG.info("%s: the time is up; the next run goes on from here", self._connector.name)
                return False
        return True

    def _new_part(self) -> Part:
        return Part(self._connector.max_rows, self._connector.max_megabytes)

    def _commit(self, window: Window, part: Part, wanted: Progress) -> bool:
        """Put a part and note the progress; False when another's file was there."""
        if part.rows == 0:
            self._state.advance(wanted)
            return True
        number, content = wanted.parts, part.content()
        ours = content_hash(content)
        with fault_points("connector.record"):
            self._state.record_part(window, number, ours, wanted)
        found = self._folder.put(window, number, content)
        progress = wanted if found == ours else self._state.part_progress(window, number, found)
        with fault_points("connector.advance"):
            self._state.advance(progress)
        if found == ours:
            self._rows, self._files = self._rows + part.rows, self._files + 1
        else:
            _LOG.info("%s was put by an earlier run, and stays", self._folder.key(window, number))
        return found == ours

    def _result(self, is_complete: bool) -> Result:
        return Result(self._connector.name, self._rows, self._files, is_complete, self._state.cursor.value)
