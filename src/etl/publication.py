"""Write, audit, publish: rows of a dataset with ``quality.publish: after_quality`` are seen when they have passed.

Processing puts such rows into the audit branch of the curated table (:mod:`etl.curated.branches`), quality checks the
branch, and when the score passes the table is brought up to it, then its aggregates for the days that the batches
touched, and the branch is dropped. Until then readers see the table as it was. Batches whose rows did not pass are
held: CHECKED, marked in the ledger, published together with what mends them.

The drop is the end of a publication. A run that is killed before it leaves a branch that the table has been brought up
to, and the next run does the rest; one that is killed after it leaves marks of batches whose rows wait nowhere, and the
next run takes them away. Whoever publishes holds the lease of processing, so the branch stands still meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from etl.aggregate_tables import aggregate_tables, refresh_aggregates
from etl.contracts import Contract
from etl.curated.branches import drop_audit, fast_forward, has_audit, heads, supports_branches
from etl.curated.tables import audit_of, refresh, row_count, snapshot_id, table_exists
from etl.curated.writer import current
from etl.errors import PublicationError
from etl.leases import Lease, lease
from etl.ledger import INGESTED, PROCESSED, Batch
from etl.names import AUDIT_BRANCH
from etl.pipeline import Pipeline
from etl.settings import Settings

PUBLISHED, HELD = "published", "held"
# The stage whose lease everybody holds who writes a dataset's tables.
WRITING = "processing"


def rows_of(settings: Settings, contract: Contract) -> str:
    """Where processing puts a dataset's rows: the curated table, or its audit branch.

    Args:
        settings: name the table.
        contract: the dataset's.
    """
    table = settings.table(contract.name)
    return audit_of(table) if contract.quality.waits else table


def prepare(pipeline: Pipeline, contract: Contract, writer: Lease) -> None:
    """Before a dataset's batches are put anywhere: what would fork its table is refused or settled.

    Args:
        pipeline: the run, in processing.
        contract: the dataset's.
        writer: its lease.

    Raises:
        PublicationError: rows are to wait, and this Iceberg has no branches; or rows that wait can't be published.
    """
    if contract.quality.waits and not supports_branches(pipeline.spark):
        raise PublicationError(
            f"{contract.name}: quality.publish: after_quality needs branches of Iceberg tables, which this version "
            "does not have; set glue_version to 5.0 or later, or say publish: at_once. Nothing was written"
        )
    Gate(pipeline, contract, writer).settle()


def record_table(pipeline: Pipeline, name: str, dataset: str) -> None:
    """Write down what readers of a curated table see now, for summaries that have no Spark.

    Args:
        pipeline: the run.
        name: of the table.
        dataset: whose it is.
    """
    table, location = pipeline.settings.table(name), pipeline.settings.table_location(name)
    facts = {"rows": row_count(pipeline.spark, table), "snapshot_id": snapshot_id(pipeline.spark, table)}
    pipeline.ledger.put("table", name, dataset=dataset, location=location, **facts)


@dataclass(frozen=True)
class Publication:
    """What became of the rows that were checked.

    Attributes:
        state: ``published`` or ``held``.
        words: the same for people.
        rows_held: curated rows of the batches that are held.
    """

    state: str
    words: str
    rows_held: int = 0

    @property
    def rows_wait(self) -> bool:
        """Whether they were not published."""
        return self.state == HELD

    def to_dict(self) -> dict[str, str]:
        """The publication as the report has it."""
        return {"state": self.state, "branch": AUDIT_BRANCH, "words": self.words}


def rows_in(batches: Iterable[Batch]) -> int:
    """How many rows of batches went into the curated table or its branch."""
    return sum(int(batch.facts.get("rows_curated", 0)) for batch in batches)


class Gate:
    """What stands between a dataset's rows and their readers.

    Args:
        pipeline: the run.
        contract: the dataset's.
        writer: the lease of its processing; asked for before every write.
    """

    def __init__(self, pipeline: Pipeline, contract: Contract, writer: Lease) -> None:
        self._pipeline, self._contract, self._writer = pipeline, contract, writer
        self._table = pipeline.settings.table(contract.name)
        self._checked: int | None = None

    def settle(self) -> None:
        """Finish what was begun: a publication that was cut off, or rows that wait though the contract waits no more.

        Raises:
            PublicationError: the rows can't be published; nothing was written.
        """
        main, audit = self._heads()
        if audit is not None and (main == audit or not self._contract.quality.waits):
            self._pipeline.log.info("%s: the rows of branch %s are published", self._contract.name, AUDIT_BRANCH)
            self._publish()
            audit = None
        if audit is None:
            self._release()

    def rows(self) -> str:
        """The name under which the rows to check are read: the branch's where rows wait, else the table's."""
        _, self._checked = self._heads()
        return audit_of(self._table) if self.waits else self._table

    @property
    def waits(self) -> bool:
        """Whether rows wait in the branch; once :meth:`rows` was asked."""
        return self._checked is not None

    def nothing_waits(self) -> Publication:
        """What is said where the rows had been published before: at once, or by a run that was cut off."""
        return Publication(PUBLISHED, "No rows wait: the table has all of them.")

    def publish(self, batches: Sequence[Batch]) -> Publication:
        """Let the rows that were checked be seen.

        Args:
            batches: whose rows they are.

        Raises:
            PublicationError: the branch is no longer what was checked, or the table has changed; nothing was written.
        """
        _, audit = self._heads()
        if audit != self._checked:
            raise PublicationError(
                f"{self._table}: its branch {AUDIT_BRANCH} was changed while it was checked, by something else than "
                "this pipeline; nothing was published. Start the job again, which checks what is there now"
            )
        self._publish()
        before = self._release()
        held = f", {before} of which had been held" if before else ""
        return Publication(
            PUBLISHED, f"{rows_in(batches):,} row(s) of {len(batches)} batch(es){held} passed and are published."
        )

    def held(self, batches: Sequence[Batch]) -> Publication:
        """What is said of rows that did not pass; they stay where they are.

        Args:
            batches: whose rows they are.
        """
        rows = rows_in(batches)
        words = f"{rows:,} row(s) of {len(batches)} batch(es) are held back; readers see the table as it was before."
        return Publication(HELD, words, rows)

    def mark(self, batches: Sequence[Batch]) -> None:
        """Mark batches as held, before the ledger says that they are checked."""
        for batch in batches:
            self._pipeline.ledger.hold(batch)

    def _heads(self) -> tuple[int | None, int | None]:
        spark = self._pipeline.spark
        if not supports_branches(spark) or not table_exists(spark, self._table):
            return None, None
        return heads(spark, self._table)

    def _publish(self) -> None:
        spark, settings, contract = self._pipeline.spark, self._pipeline.settings, self._contract
        dates = self._touched_dates()
        with self._writer.step("publish"):
            fast_forward(spark, self._table)
        refresh(spark, self._table)
        refresh_aggregates(current(spark, self._table, contract), contract, settings, dates, self._writer)
        for name in (contract.name, *aggregate_tables(contract)):
            if table_exists(spark, settings.table(name)):
                record_table(self._pipeline, name, contract.name)
        with self._writer.step("drop_branch"):
            drop_audit(spark, self._table)

    def _touched_dates(self) -> list[str]:
        """The days that differ between the table and its branch: those of all batches that may have rows in it."""
        ledger, name = self._pipeline.ledger, self._contract.name
        # INGESTED: processing was killed after it had put a batch's rows, and will do it again.
        waiting = [*ledger.held(name), *ledger.batches(name, PROCESSED), *ledger.batches(name, INGESTED)]
        return sorted({date for batch in waiting for date in batch.facts.get("touched_dates", ())})

    def _release(self) -> int:
        """Take away the marks of batches whose rows wait no more; how many there were."""
        ledger, name = self._pipeline.ledger, self._contract.name
        released = ledger.held(name)
        if released:
            tell_release(self._pipeline, released)
        for batch in released:
            ledger.let_go(ledger.note(batch, publication=PUBLISHED))
        return len(released)


def tell_release(pipeline: Pipeline, batches: Sequence[Batch]) -> None:
    """Queue the message that rows which were held are there now.

    Args:
        pipeline: the run.
        batches: that were held, oldest first.
    """
    name = batches[0].dataset
    subject = f"[{pipeline.settings.environment}] held rows of {name} are published"
    lines = [
        f"{rows_in(batches):,} row(s) of {len(batches)} batch(es) of {name} were held back by their quality check.",
        f"They are in the table {pipeline.settings.table(name)} now, and its aggregates are up to date. "
        "Nothing is left to do.",
        "",
        f"Batches: {', '.join(batch.id for batch in batches)}",
        f"Run: {pipeline.settings.run_id}",
    ]
    pipeline.alerts.queue(f"released#{name}#{batches[-1].id}", subject, "\n".join(lines))


@contextmanager
def gate(pipeline: Pipeline, contract: Contract) -> Iterator[Gate | None]:
    """The gate of a dataset whose rows wait for their check, with the right to write its tables; None for the others.

    Args:
        pipeline: the run.
        contract: the dataset's.

    Raises:
        LeaseHeldError: another run is processing the dataset.
    """
    ledger, settings = pipeline.ledger, pipeline.settings
    if not contract.quality.waits and not ledger.held(contract.name) and not _has_branch(pipeline, contract):
        yield None
        return
    with lease(ledger.state, contract.name, WRITING, ledger.owner, settings.lease_seconds) as writer:
        yield Gate(pipeline, contract, writer)


def _has_branch(pipeline: Pipeline, contract: Contract) -> bool:
    spark, table = pipeline.spark, pipeline.settings.table(contract.name)
    return table_exists(spark, table) and has_audit(spark, table)
