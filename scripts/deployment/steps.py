"""Steps of a deployment: what is going on, how long it took, and what to do when one fails."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


class DeploymentError(Exception):
    """A step can't be done; the message says why and what would be right.

    Args:
        message: for the user.
        log: where to read more, or None.
    """

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class StepFailedError(Exception):
    """A step failed; carries what the last words of the run are made of.

    Args:
        title: the step's.
        error: why it failed.
        state: what state things are in now, and how to go on; empty where the error says so itself.
    """

    def __init__(self, title: str, error: Exception, state: str = "") -> None:
        super().__init__(f"{title}: {error}")
        self.title = title
        self.error = error
        self.state = state


class Step:
    """One step while it runs; ``detail`` is what is shown behind its title."""

    def __init__(self, console: Console, title: str) -> None:
        self._status = console.status(f"[bold]{title}[/]")
        self._title = title
        self._note = ""
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long the step has taken until now."""
        return time.monotonic() - self._begun

    def progress(self, text: str) -> None:
        """Show how far the step is, and for how long it has run."""
        self._status.update(f"[bold]{self._title}[/]  {text}  [dim]{self.seconds:.0f} s[/]")

    def note(self, text: str) -> None:
        """What is written behind the title when the step is done."""
        self._note = text

    def _begin(self) -> None:
        self._status.start()

    def _end(self) -> str:
        self._status.stop()
        return self._note


@contextmanager
def step(console: Console, title: str) -> Iterator[Step]:
    """Run a block as a step.

    Args:
        console: where it is shown.
        title: what is done, as an imperative.

    Raises:
        StepFailedError: whatever the block raised, with the step's title.
    """
    current = Step(console, title)
    current._begin()
    try:
        yield current
    except Exception as error:
        current._end()
        console.print(f"[red]✗[/] [bold]{title}[/]")
        raise StepFailedError(title, error) from error
    note = current._end()
    console.print(
        f"[green]✓[/] [bold]{title}[/]  {note} [dim]{current.seconds:.1f} s[/]", highlight=False, soft_wrap=True
    )


def show_commands(console: Console, commands: Iterable[str]) -> None:
    """The commands to try next, unfolded so that they can be copied."""
    console.print("\nNext, for example:")
    for command in commands:
        console.print(f"  {command}", highlight=False, markup=False, soft_wrap=True)
