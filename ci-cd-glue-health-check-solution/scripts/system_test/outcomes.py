"""What was tried and how it ended, as lines while it goes on, as a table, and as JUnit XML."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from junitparser import Failure, JUnitXml, TestCase, TestSuite
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Outcome:
    """How one case ended.

    Attributes:
        name: what was tried, as a sentence.
        seconds: how long it took.
        problem: what is wrong; "" when all is as it must be.
        shown: what the health check said, for the table.
    """

    name: str
    seconds: float
    problem: str = ""
    shown: str = ""


class CaseError(Exception):
    """Something is not as it must be; the message says what."""


@dataclass
class Told:
    """What a case shows of itself, and, once it is over, whether it failed."""

    shown: str = ""
    failed: bool = False


@dataclass
class Outcomes:
    """All cases so far; cases may run side by side."""

    console: Console
    started: float = field(default_factory=time.monotonic)
    all: list[Outcome] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def case(self, name: str) -> Iterator[Told]:
        """Inside, a case is tried. CaseError makes it fail; any other error does so too, with its type."""
        begun, told, problem = time.monotonic(), Told(), ""
        self.say(f"…  {name}", "dim")
        try:
            yield told
        except CaseError as failed:
            problem = str(failed)
        except Exception as error:  # noqa: BLE001 - a case that breaks must not hide the others
            problem = f"{type(error).__name__}: {error}"
        told.failed = bool(problem)
        outcome = Outcome(name, time.monotonic() - begun, problem, told.shown)
        with self._lock:
            self.all.append(outcome)
        self.say(f"{'✗' if problem else '✓'}  {name}  {outcome.seconds:.1f} s", "red" if problem else "green")
        if problem:
            self.say(problem, "")

    def say(self, text: str, style: str = "dim") -> None:
        """One line, with the seconds since the start."""
        with self._lock:
            self.console.print(Text(f"{time.monotonic() - self.started:5.0f} s  {text}", style))

    @property
    def failed(self) -> int:
        """How many cases did not end as they must."""
        return sum(bool(outcome.problem) for outcome in self.all)

    def show(self) -> None:
        """Print the table of all cases."""
        table = Table(title="Health check on the local cloud", title_justify="left")
        for heading in ("case", "", "seconds", "what the health check said"):
            table.add_column(heading, justify="right" if heading == "seconds" else "left", overflow="fold")
        for one in self.all:
            mark = Text("not ok", "red") if one.problem else Text("ok", "green")
            table.add_row(Text(one.name), mark, f"{one.seconds:.1f}", Text(one.shown))
        self.console.print(table)
        total = time.monotonic() - self.started
        self.console.print(f"{len(self.all) - self.failed} of {len(self.all)} cases as they must be, in {total:.0f} s")

    def write_junit(self, path: Path) -> None:
        """Write them as JUnit XML, one test case each."""
        suite = TestSuite("health-check-system")
        for one in self.all:
            case = TestCase(one.name, classname="health_check_system", time=round(one.seconds, 3))
            if one.problem:
                case.result = [Failure(one.problem)]
            if one.shown:
                case.system_out = one.shown
            suite.add_testcase(case)
        xml = JUnitXml()
        xml.add_testsuite(suite)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(xml.tostring())  # type: ignore[no-untyped-call]
