"""Glue job: ingested batches -> business rules, enrichment and aggregates -> curated Iceberg tables.

With ``--maintain true`` it looks after the tables instead: compaction, expiry of snapshots, vacuum.
"""

import sys

from etl.pipeline import run_job
from etl.processing import STAGE, process

if __name__ == "__main__":
    run_job(sys.argv, STAGE, process)
