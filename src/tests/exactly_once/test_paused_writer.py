"""A run that stands still past its lease, while another does its work: it wakes up and can do no harm."""

from __future__ import annotations

import pytest

from exactly_once.site import Site

pytestmark = pytest.mark.timeout(300)

# Where a run is paused, each with a dataset of its own: before it plans, claims, writes and commits.
PAUSES = {
    "planning": "ledger.plan.before",
    "claiming": "ledger.claim.before",
    "writing": "ingestion.write_batch.before",
    "committing": "ledger.advance.before",
}


def test_a_run_paused_past_its_lease_commits_nothing_and_touches_nothing_that_is_committed(site: Site) -> None:
    for dataset in PAUSES:
        site.publish(dataset)
        site.drop_usual("a", dataset)
    changing = site.drop("changing.csv", ("1", "1", "first"), dataset="claiming")
    paused = [site.start_paused_at(point, dataset=dataset) for dataset, point in PAUSES.items()]
    for run in paused:
        run.wait_until_paused()
    site.replace(changing, ("1", "1", "second"), ("2", "2", "second"), dataset="claiming")

    site.run()
    site.assert_every_row_is_there_once(*PAUSES)
    committed = {dataset: site.batches(dataset) for dataset in PAUSES}
    files = site.committed_files(*PAUSES)
    for run in paused:
        run.resume()
        assert run.wait() == 1, run.text()
        assert "LeaseLostError" in run.text()

    assert {dataset: site.batches(dataset) for dataset in PAUSES} == committed
    assert site.committed_files(*PAUSES) == files
    site.run()
    assert {dataset: site.batches(dataset) for dataset in PAUSES} == committed
    site.assert_every_row_is_there_once(*PAUSES)
