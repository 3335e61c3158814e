"""Several health checks side by side, each a process of its own, so that one that is lost takes no other with it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from glue_health_check import signals
from glue_health_check.errors import INFRASTRUCTURE, MISUSE
from glue_health_check.models import Report
from glue_health_check.reporting import read_report
from glue_health_check.reporting.markdown import LONGEST, markdown, summary_row


@dataclass(frozen=True)
class Ended:
    """How one of several checks ended.

    Attributes:
        config: its check file.
        code: its exit code.
        report: its report; None when there is none, as after misuse.
        error: the last line that it printed, for then.
    """

    config: Path
    code: int
    report: Report | None
    error: str = ""


@dataclass
class Several:
    """Runs checks side by side.

    Attributes:
        reports: folder for <name>.json, <name>.xml and <name>.md of each.
        options: of ``run``, for all of them.
        workers: how many at once.
        progress: is told every line of every check, with its name.
    """

    reports: Path
    options: Sequence[str]
    workers: int
    progress: Callable[[str], None]
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)
    _over: bool = False

    def run(self, configs: Sequence[Path]) -> list[Ended]:
        """Run checks to their ends. When this process is told to end, they are, too, and remove what they made."""
        names = unique_names(configs)
        pool = ThreadPoolExecutor(self.workers)
        try:
            return list(pool.map(lambda config: self._one(config, names[config]), configs))
        except BaseException:
            self._over = True
            for process in list(self._processes):
                process.terminate()
            raise
        finally:
            with signals.held():
                pool.shutdown(wait=True, cancel_futures=True)

    def _one(self, config: Path, name: str) -> Ended:
        base = self.reports / name
        path = base.with_name(f"{name}.json")
        path.unlink(missing_ok=True)
        outputs = {"--json": path, "--junit": base.with_name(f"{name}.xml"), "--markdown": base.with_name(f"{name}.md")}
        more = [str(part) for pair in outputs.items() for part in pair]
        command = [sys.executable, "-m", "glue_health_check", "run", "--config", str(config), *more, *self.options]
        last = ""
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            self._processes.append(process)
            if self._over:
                process.terminate()
            for line in process.stderr or ():
                last = line.strip() or last
                self.progress(f"{name}: {line.rstrip()}")
        report = read_report(path) if path.exists() else None
        # A signal, or an end without any report but for misuse, says nothing about the job.
        known = process.returncode == MISUSE or (report is not None and process.returncode >= 0)
        return Ended(config, process.returncode if known else INFRASTRUCTURE, report, last)


def unique_names(configs: Sequence[Path]) -> dict[Path, str]:
    """A short name for each check file: its stem, with as many folders before it as tell it from the others."""
    names: dict[Path, str] = {}
    for config in configs:
        parts = config.resolve().with_suffix("").parts
        for length in range(1, len(parts)):
            name = "-".join(parts[-length:])
            if sum(other.resolve().with_suffix("").parts[-length:] == parts[-length:] for other in configs) == 1:
                break
        names[config] = name
    return names


def summary_markdown(ended: Sequence[Ended], pull_request: int) -> str:
    """All checks in one table, then the reports of those that did not pass."""
    bad = sum(one.code != 0 for one in ended)
    verdict = f"❌ {bad} of {len(ended)} did not pass" if bad else f"✅ {len(ended)} passed"
    lines = [f"## Glue health checks of pull request {pull_request}: {verdict}", ""]
    lines += ["| Check file | Result | Seconds | |", "|---|---|---:|---|"]
    lines += [summary_row(one.config.as_posix(), one.report, one.error) for one in ended]
    reports = [markdown(one.report) for one in ended if one.code and one.report is not None]
    return "\n".join([*lines, *(f"\n{text}" for text in reports)]).rstrip()[:LONGEST] + "\n"
