"""Other quality engines, each in an environment and a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from bench_data import BenchmarkError

SCRIPTS = Path(__file__).with_name("quality_peers")


@dataclass(frozen=True)
class Peer:
    """A quality engine.

    Attributes:
        name: of its script ``quality_peers/peer_<name>.py`` and of its environment.
        requirements: what pip installs beside pyspark and psutil.
        remarks: what it can't express of the twenty rules, or only otherwise.
    """

    name: str
    requirements: tuple[str, ...]
    remarks: str


PEERS = (
    Peer(
        "soda",
        ("soda-core-spark-df==3.5.6", "setuptools<81"),
        "dates, freshness, distinct counts and SQL are metrics by expression; its freshness takes timestamps",
    ),
    Peer(
        "cuallee",
        ("cuallee==0.15.4", "pandas"),
        "mean and sum are computed, but only compared with exact values; lengths and dates are SQL",
    ),
    Peer(
        "dqx",
        ("databricks-labs-dqx==0.17.0", "pandas"),
        "marks rows; shares of rows are judged from counts of the marks; the mean has an upper limit only",
    ),
    Peer("great_expectations", ("great_expectations==1.24.1",), "the primary key is two expectations"),
)


def environment(folder: Path, peer: Peer) -> Path:
    """The Python of a peer's environment, which is made the first time.

    Raises:
        BenchmarkError: pip could not install it.
    """
    home = folder / peer.name
    wanted = ["psutil", f"pyspark=={version('pyspark')}", *peer.requirements]
    done = home / "installed.json"
    if not done.exists() or json.loads(done.read_text()) != wanted:
        python = str(home / "bin" / "python")
        for command in ([sys.executable, "-m", "venv", str(home)], [python, "-m", "pip", "install", "-q", *wanted]):
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            if ended.returncode:
                raise BenchmarkError(f"{' '.join(command)} ended with {ended.returncode}: {ended.stderr[-2000:]}")
        done.write_text(json.dumps(wanted))
    return home / "bin" / "python"


class PeerProcess:
    """A peer with its Spark session; use it with ``with``.

    Args:
        peer: the engine.
        python: of its environment.
        request: ``spark`` (settings), ``master`` and ``file``.
        log: what it prints.
    """

    def __init__(self, peer: Peer, python: Path, request: dict[str, Any], log: Path) -> None:
        self.peer, self._request, self._log = peer, request, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [str(python), str(SCRIPTS / f"peer_{peer.name}.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
            )

    def __enter__(self) -> PeerProcess:
        try:
            self._ask(self._request)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def run(self) -> dict[str, Any]:
        """Hold the data against the rules once: wall and CPU seconds, Spark jobs, outcomes by the rule's position."""
        answer = self._ask({})
        outcomes = {int(number): outcome for number, outcome in answer.pop("outcomes").items()}
        return {**answer, "outcomes": outcomes}

    def close(self) -> None:
        """End the process, and its JVM with it."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("@@"):
                answer: dict[str, Any] = json.loads(line[2:])
                return answer
        raise BenchmarkError(f"{self.peer.name} ended without an answer; its log: {self._log}")
