"""What the health check of a pull request costs (ci-cd-glue-health-check-solution): its temporary Glue jobs."""

from __future__ import annotations

from dataclasses import dataclass

from cost.assumptions import Assumptions
from cost.prices import Prices
from cost.values import Environment

# As the health check makes its jobs: two workers of the base job's type (glue_health_check/cloud/job.py).
WORKERS = 2


@dataclass(frozen=True)
class HealthCheckCost:
    """US dollars of Glue; what else it uses (S3, logs, Lambdas) stays below a cent.

    Attributes:
        job: of one temporary job.
        check: of one check, all its jobs.
        pull_request: with all its pushes.
        month: of all pull requests.
    """

    job: float
    check: float
    pull_request: float
    month: float


def health_check_cost(environment: Environment, assume: Assumptions, prices: Prices) -> HealthCheckCost:
    """DPUs by seconds (a minute at least) by price, for jobs, pushes and pull requests.

    Args:
        environment: whose jobs are the base jobs: the temporary ones have workers of the same type.
        assume: the assumptions.
        prices: of the region.
    """
    dpus = WORKERS * max(job.dpus_per_worker for job in environment.jobs())
    seconds = max(assume["health_check_seconds"], assume["billed_seconds_least"])
    job = dpus * seconds / 3600 * prices["glue.dpu_hour"].amount
    check = job * assume["health_check_jobs"]
    request = check * assume["health_check_pushes"]
    return HealthCheckCost(job, check, request, request * assume["pull_requests_per_month"])
