"""Glue streaming job: records of a Kinesis or Kafka stream -> standardised, partitioned Parquet in processed.

Every micro-batch becomes a batch of the ledger, as files do in data_ingestion; processing and quality then take it as
any other. It runs until it is stopped; killed and started again, it goes on where its checkpoint says.

    --dataset orders              whose records
    --stream_source kinesis       kinesis, kafka, or files (a folder of JSON lines: for tests and the laptop)
    --stream <where>              ARN of the Kinesis stream, topics with commas between them, or URI of the folder
    --stream_start earliest       where a new checkpoint begins: earliest, latest, or 2024-01-15T09:30:00Z
    --stream_brokers <servers>    Kafka's bootstrap servers
    --stream_auth iam             how Kafka is spoken to: none, tls or iam
    --stream_trigger_seconds 100  how often an epoch begins
    --stream_most_per_epoch <n>   records of an epoch at most (Kinesis: of each shard; files: files)
    --stream_until_caught_up true end when everything is read that was there at the start
    --stream_checkpoint <folder>  instead of _streams/<dataset>/checkpoint/ in processed
    --stream_replaces <query>     give up the checkpoint of this query for a new one
"""

import sys

from etl.pipeline import run_job
from etl.streaming.query import STAGE, stream

if __name__ == "__main__":
    run_job(sys.argv, STAGE, stream)
