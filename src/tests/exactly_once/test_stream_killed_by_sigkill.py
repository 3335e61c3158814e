"""A streaming job killed by SIGKILL in the middle of its epochs, again and again: every record is there once."""

from __future__ import annotations

import pytest

from exactly_once.site import STREAM, Site

pytestmark = pytest.mark.timeout(600)

JOB = "streaming_ingestion"
KILLS = {
    "streaming.land.after:2": "the second epoch is landed, and no batch of it planned: it is read again",
    "ledger.plan.after": "its batch is planned: it is done again from what was landed",
    "streaming.write_batch.after": "it was being done again, before Spark came to it",
    "ledger.advance.after": "it is committed, and Spark, which does not know it, runs the epoch once more",
}


def test_a_stream_killed_in_the_middle_of_epochs_loses_no_record_and_doubles_none(site: Site) -> None:
    arguments = {
        "dataset": "orders", "stream_source": "files", "stream": f"s3://{site.bucket('raw').name}/{STREAM}",
        "stream_until_caught_up": "true", "stream_most_per_epoch": "1",
    }  # fmt: skip
    for name in ("a", "b", "c"):
        site.send(f"{name}.jsonl", (f"{name}1", "1", "t1"), (f"{name}1", "2", "t2"), ("", "3", name))
    for point in KILLS:
        site.kill_at(point, JOB, **arguments)
    assert [batch["status"] for batch in site.batches()] == ["INGESTED"] * 2
    site.run(JOB, **arguments)
    site.assert_every_row_is_there_once()
    committed = site.batches()
    assert [int(batch["stream_epoch"]) for batch in committed] == [0, 1, 2]
    assert [int(batch["attempt"]) for batch in committed] == [1, 3, 1]
    site.run(JOB, **arguments)
    assert site.batches() == committed
