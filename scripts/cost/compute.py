"""The same work on other engines: EMR and EC2 against Glue.

One DPU is 4 vCPU and 16 GB, which is what an m5.xlarge has, so a DPU hour is taken to be an m5.xlarge hour: the same
Spark, equally fast. AWS says that the runtimes of Glue and EMR are faster than open-source Spark; that is not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from cost.assumptions import Assumptions
from cost.estimate import Estimate
from cost.lines import Case
from cost.prices import Prices
from cost.services.glue import dpu_hours
from cost.values import WORKER_VCPUS, Environment
from cost.volume import HOURS_PER_MONTH
from cost.workload import Workload, workload

VCPUS, MEMORY_GB = WORKER_VCPUS["G.1X"], 16
_LEAST_GB, _MOST_GB, _STEPS = 0.01, 100_000.0, 60


@dataclass(frozen=True)
class Work:
    """What an engine has to do in a month.

    Attributes:
        dpu_hours: that Glue charges for it.
        hours: in which the workflow runs.
        workflow_runs: and maintenance runs.
        job_runs: of them.
        nodes: the most DPUs of a job, as m5.xlarge nodes.
    """

    dpu_hours: float
    glue_usd: float
    hours: float
    workflow_runs: float
    job_runs: float
    nodes: float


@dataclass(frozen=True)
class Engine:
    """What an engine costs a month.

    Attributes:
        usd: to AWS.
        operation_usd: the hours of the people who operate it.
        even_gb_per_day: volume from which it is cheaper than Glue, people included; None: at none.
        fits: the environment's workers get through that volume in a day.
    """

    name: str
    usd: float
    operation_usd: float
    even_gb_per_day: float | None
    fits: bool
    how: str

    @property
    def sum_usd(self) -> float:
        """Both."""
        return self.usd + self.operation_usd


def engines(base: Estimate) -> list[Engine]:
    """Glue and what could stand in its place, for an estimate's work; an engine without a price there is left out."""
    case = base.case
    work = _work(base)
    found = []
    for name, (price, operation, how) in _ENGINES.items():
        if name == "EMR Serverless" and not case.prices.has("emr.serverless_vcpu_hour"):
            continue
        even = None if name == "Glue" else _break_even(base, name)
        people = case.assume[operation] * case.assume["engineer_usd_per_hour"]
        found.append(
            Engine(
                name,
                price(work, case.prices, case.assume),
                people,
                even,
                even is None or fits_in_a_day(base, even),
                how,
            )
        )
    return found


def _glue(work: Work, prices: Prices, assume: Assumptions) -> float:
    return work.glue_usd


def emr_serverless(work: Work, prices: Prices, assume: Assumptions) -> float:
    """vCPU and memory by the second, with each worker's start."""
    hours = work.dpu_hours + work.job_runs * work.nodes * assume["serverless_start_seconds"] / 3600
    each = VCPUS * prices["emr.serverless_vcpu_hour"].amount + MEMORY_GB * prices["emr.serverless_gb_hour"].amount
    return hours * each


def emr_transient(work: Work, prices: Prices, assume: Assumptions) -> float:
    """A cluster for each run: its nodes, a primary node, and the time in which it starts."""
    start = work.workflow_runs * assume["cluster_start_seconds"] / 3600
    nodes = work.dpu_hours + work.hours + start * (work.nodes + 1)
    return nodes * (_node_hour(prices, assume) + prices["emr.m5_xlarge_hour"].amount)


def emr_always_on(work: Work, prices: Prices, assume: Assumptions) -> float:
    """A cluster that stays: as many nodes as the largest job has, and a primary node, day and night."""
    return (work.nodes + 1) * HOURS_PER_MONTH * (_node_hour(prices, assume) + prices["emr.m5_xlarge_hour"].amount)


def ec2_always_on(work: Work, prices: Prices, assume: Assumptions) -> float:
    """The same machines with Spark of one's own."""
    return (work.nodes + 1) * HOURS_PER_MONTH * _node_hour(prices, assume)


def _node_hour(prices: Prices, assume: Assumptions) -> float:
    disk = assume["node_disk_gb"] * prices["ebs.gp3_gb_month"].amount / HOURS_PER_MONTH
    return prices["ec2.m5_xlarge_hour"].amount + disk


_ENGINES: dict[str, tuple[Callable[[Work, Prices, Assumptions], float], str, str]] = {
    "Glue": (_glue, "glue_operation_hours", "the estimate's jobs"),
    "EMR Serverless": (emr_serverless, "emr_serverless_operation_hours", "vCPU and memory by the second"),
    "EMR on EC2, a cluster for each run": (
        emr_transient,
        "emr_operation_hours",
        "m5.xlarge on demand, with the cluster's start",
    ),
    "EMR on EC2, always on": (emr_always_on, "emr_operation_hours", "as many nodes as the largest job"),
    "EC2 with Spark of one's own, always on": (ec2_always_on, "ec2_operation_hours", "the same machines, no EMR"),
}


def _work(base: Estimate, gb_per_day: float | None = None) -> Work:
    case = base.case
    done = case.work if gb_per_day is None else workload(case.environment, gb_per_day, case.assume)
    again = base if gb_per_day is None else Estimate(_with(base, done), ())
    jobs = case.environment.jobs()
    hours = {job.key: sum(dpu_hours(again.case, job).values()) for job in jobs}
    usd = sum(
        hours[job.key] * case.prices["glue.flex_dpu_hour" if job.flex else "glue.dpu_hour"].amount for job in jobs
    )
    runs = done.workflow_runs + done.maintenance_runs
    return Work(sum(hours.values()), usd, _hours(done), runs, done.job_runs, _nodes(case.environment))


def _with(base: Estimate, done: Workload) -> Case:
    return replace(base.case, work=done)


def _hours(done: Workload) -> float:
    maintenance = done.runs_of["data_processing maintenance"].seconds * done.maintenance_runs / 3600
    return done.hours_per_day * HOURS_PER_MONTH / 24 + maintenance


def _nodes(environment: Environment) -> float:
    return max(job.dpus for job in environment.jobs())


def _break_even(base: Estimate, name: str) -> float | None:
    """GB a day from which an engine is cheaper, by halving the interval on a logarithmic scale.

    An engine that is always on is compared as far as its nodes can do the work.
    """
    price, operation, _ = _ENGINES[name]
    case = base.case
    people = (case.assume[operation] - case.assume["glue_operation_hours"]) * case.assume["engineer_usd_per_hour"]

    def dearer(gb: float) -> bool:
        work = _work(base, gb)
        return price(work, case.prices, case.assume) + people > work.glue_usd

    if not dearer(_LEAST_GB):
        return 0.0
    if dearer(_MOST_GB):
        return None
    low, high = _LEAST_GB, _MOST_GB
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if dearer(middle) else (low, middle)
    return high


def fits_in_a_day(base: Estimate, gb_per_day: float) -> bool:
    """Whether the workflow gets through a volume, one run at a time."""
    return workload(base.case.environment, gb_per_day, base.case.assume).hours_per_day <= 24
