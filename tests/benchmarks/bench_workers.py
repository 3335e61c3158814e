"""The processes that do the measured work, seen from the one that asks for it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from bench_data import BenchmarkError
from bench_tasks import SessionKind, serve

_SAMPLE_SECONDS = 0.2
_STOP_SECONDS = 30


class Worker:
    """A process with a Spark session of its own. Use it with ``with``.

    Args:
        kind: of the session.
        logs: folder of the process's output.
    """

    def __init__(self, kind: SessionKind, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix="run-", suffix=".log", dir=logs)
        os.close(handle)
        self._log = Path(name)
        self._scratch = tempfile.TemporaryDirectory(prefix="benchmark-")
        # A forked process would share the parent's threads and moto's patches.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        arguments = (theirs, kind, self._log, Path(self._scratch.name))
        self._process = context.Process(target=serve, args=arguments, daemon=False)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        try:
            self._answer()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
        if error is None:
            self._log.unlink()

    def run(self, task: str, **arguments: Any) -> dict[str, Any]:
        """Do one task of :data:`bench_tasks.TASKS`.

        Returns:
            The task's measurements, with the peak memory of the JVM and of Python in MB while it ran.

        Raises:
            BenchmarkError: it failed; the message has the error and the place of the log.
        """
        self._connection.send({"task": task, **arguments})
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        peak = {"jvm": 0.0, "python": 0.0}
        while not self._connection.poll(_SAMPLE_SECONDS):
            for side, megabytes in self._memory().items():
                peak[side] = max(peak[side], megabytes)
        try:
            answer: dict[str, Any] = self._connection.recv()
        except EOFError:
            raise BenchmarkError(f"the process of the run ended without an answer; its log: {self._log}") from None
        if "error" in answer:
            raise BenchmarkError(f"{answer['error']}\nThe log of the run: {self._log}")
        return {**answer, "rss_jvm": peak["jvm"], "rss_python": peak["python"]}

    def _memory(self) -> dict[str, float]:
        """Resident memory of our Python processes and of the JVM, in MB.

        What the JVM forks is left out: for a moment such a process looks like a second JVM, whose memory it shares.
        """
        megabytes = {"jvm": 0.0, "python": 0.0}
        try:
            mine = psutil.Process(self._process.pid)
            for process in (mine, *mine.children(recursive=True)):
                if "python" in process.name():
                    megabytes["python"] += process.memory_info().rss / 1e6
                elif "java" in process.name() and process.ppid() == mine.pid:
                    megabytes["jvm"] += process.memory_info().rss / 1e6
        except psutil.NoSuchProcess:
            # One ended while it was looked at; there is another look soon.
            return {}
        return megabytes

    def close(self) -> None:
        """End the process and its JVM."""
        if self._process.is_alive():
            children = psutil.Process(self._process.pid).children(recursive=True)
            # Closed already when the process ended by itself.
            with contextlib.suppress(OSError):
                self._connection.send(None)
            self._process.join(_STOP_SECONDS)
            for process in children:
                if process.is_running():
                    process.kill()
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
        self._connection.close()
        self._scratch.cleanup()
