"""Glue job: curated tables -> DQDL rules -> score from 0 to 100, reports, alerts."""

import sys

from etl.pipeline import run_job
from etl.quality import STAGE, check

if __name__ == "__main__":
    run_job(sys.argv, STAGE, check)
