"""Quality: curated rows against their contracts' DQDL rules -> score, report, metric history, alerts, publication.

Batches move PROCESSED -> CHECKED. :mod:`etl.checking` finds out, :mod:`etl.publication` lets rows be seen or holds them
back where the contract says ``publish: after_quality``, :mod:`etl.telling` tells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from etl.checking import Check, check_rows
from etl.contracts import Contract, inferred
from etl.errors import QualityHaltError
from etl.leases import lease
from etl.ledger import CHECKED, PROCESSED, Batch
from etl.pipeline import Pipeline, each_dataset
from etl.processing import in_order_of_need
from etl.publication import Gate, Publication, gate
from etl.telling import emit_metrics, queue_alerts, remember, write_index, write_report

STAGE = "quality"


@dataclass(frozen=True)
class _Run:
    """What all datasets of a run share."""

    pipeline: Pipeline
    contracts: Mapping[str, Contract]
    checked: list[str] = field(default_factory=list)


def check(pipeline: Pipeline) -> dict[str, str]:
    """Check every dataset with PROCESSED batches; with ``--recheck true`` the others, too.

    Args:
        pipeline: the run.

    Returns:
        dataset -> reason, for those that failed; a breach of a dataset with ``on_breach: halt`` is a failure.
    """
    run = _Run(pipeline, pipeline.contracts())

    def work(dataset: str) -> None:
        _check_dataset(run, run.contracts.get(dataset, inferred(dataset)))

    failures = each_dataset(pipeline, in_order_of_need(run.contracts, pipeline.ledger.datasets()), work)
    if run.checked:
        write_index(pipeline, run.contracts)
    return failures


def _check_dataset(run: _Run, contract: Contract) -> None:
    settings, ledger, name = run.pipeline.settings, run.pipeline.ledger, contract.name
    if not (settings.recheck or ledger.batches(name, PROCESSED) or ledger.held(name)):
        return
    with lease(ledger.state, name, STAGE, ledger.owner, settings.lease_seconds), gate(run.pipeline, contract) as opened:
        if opened:
            opened.settle()
        batches = [ledger.take_over(batch) for batch in ledger.batches(name, PROCESSED)]
        if not batches and not settings.recheck:
            if held := len(ledger.held(name)):
                run.pipeline.log.info("%s: %d batch(es) are held; --recheck true checks them again", name, held)
            return
        found = _checked(run, contract, batches, opened)
    # Last, so that every rule has been reported and every batch is CHECKED.
    if found and not found.score.passed and contract.quality.on_breach == "halt":
        raise QualityHaltError(
            f"score {found.score.value:.2f} is below {found.score.threshold:.0f} (on_breach: halt); the report is in "
            f"{settings.quality}reports/{name}/"
        )


def _checked(run: _Run, contract: Contract, new: Sequence[Batch], opened: Gate | None) -> Check | None:
    """Check the rows of new batches, with those that are held; None where there is nothing to check."""
    pipeline = run.pipeline
    last = None if new else _last_checked(pipeline, contract.name)
    batches = [*pipeline.ledger.held(contract.name), *new] or ([last] if last else [])
    if not batches:
        pipeline.log.info("%s: nothing of it was checked before, so there is nothing to check again", contract.name)
        return None
    check_id = (last or batches[-1]).id
    rows = opened.rows() if opened else pipeline.settings.table(contract.name)
    found = check_rows(pipeline, run.contracts, contract, rows, batches, check_id)
    publication = _published_or_held(opened, found, batches) if contract.quality.waits and opened else None
    location = write_report(pipeline, found, publication)
    remember(pipeline, found, location, publication)
    queue_alerts(pipeline, found, location, publication)
    _commit(pipeline, opened, new, found, location, publication)
    run.checked.append(contract.name)
    check = {"dataset": contract.name, "score": found.score.value, "passed": found.score.passed, "report": location}
    pipeline.record.checks.append(check)
    pipeline.log.info("%s: score %.2f of 100, threshold %.0f", contract.name, found.score.value, found.score.threshold)
    emit_metrics(pipeline, found, publication)
    return found


def _published_or_held(opened: Gate, found: Check, batches: Sequence[Batch]) -> Publication:
    if not opened.waits:
        return opened.nothing_waits()
    return opened.publish(batches) if found.score.passed else opened.held(batches)


def _commit(
    pipeline: Pipeline,
    opened: Gate | None,
    new: Sequence[Batch],
    found: Check,
    location: str,
    publication: Publication | None,
) -> None:
    """Write down that the new batches are checked; of held ones, first that they are held."""
    state = {"publication": publication.state} if publication else {}
    if opened and publication and publication.rows_wait:
        opened.mark(new)
    for batch in new:
        pipeline.ledger.advance(batch, CHECKED, score=found.score.value, report=location, **state)


def _last_checked(pipeline: Pipeline, dataset: str) -> Batch | None:
    """The batch that the dataset's last check stands for; None before the first."""
    found = pipeline.ledger.newest(f"metrics#{dataset}", 1, only=("id",))
    return pipeline.ledger.batch(dataset, found[0]["id"]) if found else None
