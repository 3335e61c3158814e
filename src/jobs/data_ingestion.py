"""Glue job: raw files (CSV, JSON, Parquet, ORC, Avro) -> standardised, partitioned Parquet in processed."""

import sys

from etl.ingestion import STAGE, ingest
from etl.pipeline import run_job

if __name__ == "__main__":
    run_job(sys.argv, STAGE, ingest)
