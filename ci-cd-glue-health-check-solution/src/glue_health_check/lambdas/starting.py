"""Starts a check: its files, static checks, places, temporary job, first run. Safe to be done again at any point."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from glue_health_check.cloud.cleanup import clean
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.manifest import put_manifest
from glue_health_check.cloud.names import names_of
from glue_health_check.cloud.writes import snapshot
from glue_health_check.errors import HealthCheckError, MisuseError
from glue_health_check.lambdas.files import Packing, document_of, fetch, inside, send
from glue_health_check.lambdas.following import Follower
from glue_health_check.lambdas.requests import CheckRequest, Source
from glue_health_check.lambdas.state import Keeper, State, timed
from glue_health_check.models import CheckResult, Finding, Report, Status
from glue_health_check.settings import Check, check_from, read_check
from glue_health_check.steps import cleanup_result, guarded, make, plan_of, static_checks

Unpack = Callable[[Source, Path], None]
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Starter:
    """Starts checks.

    Attributes:
        aws: the services.
        work_bucket: of the checks.
        unpack: brings the files of a commit into a folder.
        progress: is told what happens.
    """

    aws: Clients
    work_bucket: str
    unpack: Unpack
    progress: Progress

    def start(self, request: CheckRequest) -> dict[str, Any]:
        """Start a check, or go on with one that an earlier call began and did not end.

        Returns:
            What :meth:`Follower.look` does.

        Raises:
            MisuseError: the check can't be made as it was asked for; nothing of it is left.
            InfrastructureError: AWS or GitHub failed before anything was made.
        """
        keeper = Keeper(self.aws, names_of(request.id, self.work_bucket))
        follower = Follower(self.aws, keeper, self.progress)
        if keeper.report() is None and keeper.state() is None:
            try:
                with self._checked(request, keeper) as (check, document):
                    self._prepare(replace(request, check=document), check, keeper)
            except MisuseError:
                follower.remove()
                raise
            if keeper.state() is None:  # it ended here, with its report
                follower.remove()
        return follower.look()

    @contextmanager
    def _checked(self, request: CheckRequest, keeper: Keeper) -> Iterator[tuple[Check, dict[str, Any]]]:
        """The check, in a folder with its files."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if request.source is not None:
                self.unpack(request.source, folder)
            else:
                fetch(self.aws, keeper.names, folder)
            with inside(folder):
                if request.source is not None:
                    check = read_check(Path(request.source.check_file))
                else:
                    check = check_from(request.check or {}, Path())
                packing = Packing(Path())
                document = document_of(check.checked(), packing)
                manifest = keeper.manifest()
                if manifest is not None:
                    self.progress(f"an earlier call began check {request.id} and was cut off; what it made is removed")
                    clean(self.aws, manifest)
                if manifest is not None or request.source is not None:
                    send(self.aws, keeper.names, packing.files)
                yield check, document

    def _prepare(self, request: CheckRequest, check: Check, keeper: Keeper) -> None:
        started = datetime.now(timezone.utc)
        checks = static_checks(check, self.aws)
        report = _report(request, check, started, checks)
        if any(result.status is Status.FAILED for result in checks):
            keeper.put_report(timed(report))
            return
        plan = plan_of(check, keeper.names, self.aws)
        manifest = plan.manifest(started)
        put_manifest(self.aws, manifest)
        try:
            make(plan, self.aws, started, self.progress)
            watched, ignored = guarded(plan)
            before = snapshot(self.aws, watched)
            keeper.put_state(State(request, report, tuple(watched), tuple(ignored)), before)
        except HealthCheckError as error:
            cleaning = clean(self.aws, manifest)
            if isinstance(error, MisuseError):
                raise
            failed = CheckResult("infrastructure", Status.ERROR, (Finding(str(error)),))
            done = replace(report, removed=tuple(cleaning.removed), left=tuple(cleaning.left))
            keeper.put_report(timed(done, failed, cleanup_result(cleaning)))


def misuse_report(request: CheckRequest, error: HealthCheckError) -> Report:
    """The report of a check that could not be started, for whoever waits for one."""
    what = "misuse" if isinstance(error, MisuseError) else "infrastructure"
    script = request.source.check_file if request.source else (request.check or {}).get("script", "")
    failed = CheckResult(what, Status.ERROR, (Finding(str(error)),))
    return Report(request.id, script, _number(request), _text(datetime.now(timezone.utc)), 0.0, (failed,))


def _report(request: CheckRequest, check: Check, started: datetime, checks: Sequence[CheckResult]) -> Report:
    script = check.job.script.as_posix()
    return Report(request.id, script, _number(request), _text(started), 0.0, tuple(checks), strict=request.strict)


def _number(request: CheckRequest) -> int:
    return names_of(request.id, "").pull_request


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
