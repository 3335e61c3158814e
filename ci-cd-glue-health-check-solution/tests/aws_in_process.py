"""What tests know of the AWS in their process (conftest.py), and read from it directly."""

from __future__ import annotations

from moto.glue.models import FakeJobRun, glue_backends

ACCOUNT, REGION, WORK_BUCKET = "123456789012", "us-east-1", "scratch"


def runs_of(job: str) -> list[FakeJobRun]:
    """The runs of a job, as moto has them."""
    return list(glue_backends[ACCOUNT][REGION].get_job(job).job_runs)
