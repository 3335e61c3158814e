"""Puts the parts of the Glue endpoint together, and ends what a crash left behind."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from local_cloud.class_archive import ArchiveMaker
from local_cloud.definitions import Definitions
from local_cloud.environment import client
from local_cloud.events import EventSender
from local_cloud.inbox import InboxKeeper
from local_cloud.job_runs import JobRuns
from local_cloud.lake import Lake
from local_cloud.operations import Operations
from local_cloud.processes import kill_group
from local_cloud.runner import MARKER, JobRunner
from local_cloud.schedule import Scheduler
from local_cloud.settings import Settings
from local_cloud.store import Store
from local_cloud.workflow_runs import WorkflowRuns

_STOPPED = "the local cloud was stopped during this run"
_CRASHED = "the local cloud ended during this run without being stopped"

_LOG = logging.getLogger(__name__)


class Clients:
    """boto3 clients of the emulator, one of each service."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of a service."""
        with self._lock:
            if service not in self._made:
                self._made[service] = client(self._settings, service)
            return self._made[service]


class ControlPlane:
    """Everything behind the Glue endpoint."""

    def __init__(self, settings: Settings) -> None:
        lock = threading.RLock()
        self.clients = Clients(settings)
        self.store = Store(settings.database)
        self.definitions = Definitions(self.clients("glue"), self.store, settings.region)
        self.lake = Lake(settings, self.clients("s3"))
        runner = JobRunner(settings, self.lake, self.clients)
        self.jobs = JobRuns(self.store, self.definitions, runner, lock)
        self.workflows = WorkflowRuns(self.store, self.definitions, self.jobs, lock)
        self.operations = Operations(self.store, self.definitions, self.jobs, self.workflows)
        self.scheduler = Scheduler(self.definitions.triggers, self.workflows.fire)
        self._events = EventSender(settings, self.clients)
        self.jobs.on_ended.append(lambda run, _final: self._events.job_ended(run))
        self._inbox = InboxKeeper(self.clients)
        self._archive = ArchiveMaker(settings)

    def start(self) -> None:
        """End what a crash left behind, then begin to watch schedules."""
        end_interrupted_runs(self.store, _CRASHED)
        self.workflows.interrupted(_CRASHED)
        self.scheduler.start()
        self._inbox.start()
        self._archive.start()

    def close(self) -> None:
        """End all runs and threads, and close the files."""
        self.scheduler.stop()
        self._inbox.stop()
        self._archive.stop()
        self.workflows.interrupted(_STOPPED)
        self.jobs.close(_STOPPED)
        self._events.close()
        self.lake.close()
        self.store.close()


def end_interrupted_runs(store: Store, reason: str) -> None:
    """Mark the runs that nobody runs any more as failed, and end what is left of their processes."""
    groups = store.process_groups()
    for run in store.active_job_runs():
        run_id = run["Id"]
        if run_id in groups:
            ended = kill_group(groups[run_id], f"{MARKER}={run_id}")
            _LOG.warning("%s was interrupted; %d processes of it were ended", run_id, ended)
        store.change_job_run(run_id, JobRunState="FAILED", ErrorMessage=reason, CompletedOn=time.time())
