"""What is done about a run that has ended: written down, measured, told. Every step can be done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import messages
import workflow_runs
from job_runs import JobRun, RunHistory
from messages import Place
from run_numbers import RunNumbers, numbers_of
from telling import News, Teller
from usual import MOST_RUNS, is_slow, usual_of
from waiting_alerts import WaitingAlerts, news_of
from workflow_runs import LAST_JOB, WorkflowRun


@dataclass(frozen=True)
class Watch:
    """Everything that is needed to deal with a run.

    Attributes:
        table: boto3 Table of the pipeline's state.
        glue: boto3 Glue client.
        history: of the runs.
        teller: tells people.
        outbox: alerts that wait.
        price: of a DPU hour, US dollars.
        workflow: the pipeline's.
        log_group: the jobs' log of errors.
        reports: URI of the page that leads to all quality reports.
        measure: writes metrics: dimensions, then metrics.
    """

    table: Any
    glue: Any
    history: RunHistory
    teller: Teller
    outbox: WaitingAlerts
    price: float
    workflow: str
    log_group: str
    reports: str
    measure: Callable[[dict[str, str], dict[str, float | None]], None]

    def see(self, run: JobRun) -> bool:
        """Deal with the state that a run has reached.

        Telling is marked after it is done: if anything fails before, the message comes back and people are told
        then; nobody is left untold.

        Args:
            run: with Glue's details.

        Returns:
            Whether it was news.

        Raises:
            WorkflowUnderWayError: its workflow run is not over yet, though no job comes after this one.
        """
        numbers = numbers_of(self.table, run.job, run.id)
        if not run.workflow_run_id and numbers.workflow_run_id:
            # The job was told by its arguments, which Glue need not show.
            run = replace(run, workflow=self.workflow, workflow_run_id=numbers.workflow_run_id)
        news = self.history.record(run, numbers)
        if not run.has_ended:
            return news
        if news:
            self._measure_job(run, numbers)
        if self.history.is_done(run):
            return news
        for each in self._news_of(run, numbers):
            self.teller.tell(each)
        now = datetime.now(timezone.utc)
        self.teller.tell(news_of(self.outbox.send(now), f"{run.id}#{run.state}", now))
        if run.workflow and run.workflow_run_id and workflow_runs.ends_the_workflow(run):
            self._see_workflow(run)
        self.history.mark_told(run)
        return news

    def place(self, run: JobRun) -> Place:
        """Where a run's pipeline is."""
        return Place(run.account, run.region, self.log_group, self.reports)

    def _news_of(self, run: JobRun, numbers: RunNumbers) -> list[News]:
        place = self.place(run)
        if run.state != "SUCCEEDED":
            return [messages.failure(run, place)]
        told = [messages.success(run, place)]
        if run.job.endswith(LAST_JOB) and not (run.workflow and run.workflow_run_id):
            told.append(messages.last_job_through(run, place))
        usual = usual_of(self.history.earlier(run, MOST_RUNS), numbers)
        if usual:
            slow = is_slow(run, numbers, usual)
            told.append(messages.slow(run, numbers, usual, place) if slow else messages.quick(run, usual))
        return told

    def _see_workflow(self, run: JobRun) -> None:
        found = workflow_runs.workflow_run(self.glue, self.table, run, self.price)
        if found is None:
            return
        if workflow_runs.record(self.table, found):
            self._measure_workflow(found)
        if found.not_started or found.status != "COMPLETED":
            self.teller.tell(messages.workflow_broken_off(found, self.place(run)))
            return
        self.teller.tell(messages.workflow_whole(found))
        if found.succeeded:
            self.teller.tell(messages.workflow_through(found, self.place(run)))

    def _measure_job(self, run: JobRun, numbers: RunNumbers) -> None:
        totals = numbers.totals
        self.measure(
            {"JobName": run.job},
            {
                "JobSuccesses": int(run.state == "SUCCEEDED"),
                "JobFailures": int(run.has_failed),
                "JobDuration": run.seconds,
                "JobDpuHours": run.dpu_hours,
                "JobCost": run.cost_usd,
                "JobRowsIn": totals.get("rows_in"),
                "JobRowsOut": totals.get("rows_out"),
                "JobRowsRefused": totals.get("rows_refused"),
                "JobFiles": totals.get("files"),
                "JobBytes": totals.get("bytes"),
                "JobLowestScore": numbers.lowest_score,
            },
        )

    def _measure_workflow(self, run: WorkflowRun) -> None:
        self.measure(
            {"WorkflowName": run.name},
            {
                "WorkflowSuccesses": int(run.succeeded),
                "WorkflowFailures": int(not run.succeeded and run.status != "STOPPED"),
                "WorkflowDuration": run.seconds,
                "WorkflowDpuHours": run.dpu_hours,
                "WorkflowCost": run.cost_usd,
            },
        )
