"""One batch from processed to curated. Each write is safe to repeat, so a run that is killed is simply done again.

What can be refused without looking at a row is refused first: expressions, and a contract that the curated table can't
follow. Then the rows are judged and counted in one pass, the days that the batch touches are noted in the ledger before
the table can hide them, refused rows go to a folder of this try's own, and the table and its aggregates change, each in
a commit of its own. Rows of a dataset that is published after its quality check go to the table's audit branch, and
its aggregates wait for the publication (:mod:`etl.publication`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.aggregate_tables import check_aggregates, refresh_aggregates
from etl.contracts import Contract
from etl.curated.tables import TableChanges
from etl.curated.writer import check_put, current, made_columns, put, touched_dates
from etl.errors import RowBalanceError
from etl.folders import delete_earlier_tries, rejected_folder
from etl.leases import Lease
from etl.ledger import Batch
from etl.lineage.record import BatchRecord, Step
from etl.names import DELETE
from etl.pipeline import Pipeline
from etl.publication import rows_of
from etl.quarantine import keep_rows
from etl.transform.flow import BatchContext, Transformed, transform
from etl.transform.privacy import treat, treatments
from etl.transform.references import References
from etl.transform.survey import Survey, survey

STAGE = "processing"


@dataclass(frozen=True)
class Outcome:
    """What became of a batch.

    Attributes:
        surveys: what each judgement found, in their order.
        reasons: why rows were refused -> rows.
        rejected_to: folder of the refused rows.
    """

    surveys: tuple[Survey, ...]
    reasons: Mapping[str, int]
    rejected_to: str

    @property
    def rows(self) -> int:
        """Rows of the batch."""
        return self.surveys[0].rows

    @property
    def curated(self) -> int:
        """Rows that went into the curated table."""
        return self.surveys[-1].accepted

    @property
    def rejected(self) -> int:
        """Rows that went to quarantine."""
        return sum(found.rejected for found in self.surveys)

    @property
    def hits(self) -> dict[str, int]:
        """Rule -> rows that break it."""
        return {rule: count for found in self.surveys for rule, count in found.hits.items()}

    @property
    def unmatched(self) -> dict[str, int]:
        """Reference -> rows without a match in it."""
        return dict(self.surveys[0].unmatched)


class Curating:
    """The way of one batch into its curated table.

    Args:
        pipeline: the run.
        contract: the dataset's.
        batch: INGESTED, owned by this run.
        held: the lease; asked for before every write.
        references: what the rows are joined with.
        record: is told every step.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        contract: Contract,
        batch: Batch,
        held: Lease,
        references: References,
        record: BatchRecord,
    ) -> None:
        self._pipeline, self._contract, self._batch, self._held = pipeline, contract, batch, held
        self._references, self._record = references, record
        self._table = rows_of(pipeline.settings, contract)
        self._rejected_to = rejected_folder(pipeline.settings, batch)

    def curate(self, rows: DataFrame, context: BatchContext) -> Outcome:
        """Do everything up to the commit in the ledger.

        Args:
            rows: the batch as it stands in processed.
            context: which batch it is.

        Raises:
            ExpressionError: something of the contract does not compile; nothing was written.
            TableSchemaError: the curated table can't take the batch; nothing was written.
            RowBalanceError: the steps have lost or multiplied rows; nothing was written.
            LeaseLostError: another run has the dataset by now.
        """
        contract, record = self._contract, self._record
        with record.step("compile"):
            transformed = transform(rows, contract, self._references, context)
            treated = treat(transformed.accepted, treatments(contract), context.pii_keys, contract.name)
            check_aggregates(treated.drop(DELETE), contract)
            made = made_columns(contract, treated.columns, rows.columns)
            changes = check_put(treated, contract, self._table, made)
        surveys = self._surveyed(transformed)
        with record.step("note_dates"):
            dates = self._noted_dates(treated, changes, surveys[-1])
        with record.step("quarantine") as step:
            reasons = self._quarantine(transformed, sum(found.rejected for found in surveys))
            step.rows_out = sum(reasons.values())
        with record.step("put") as step:
            put(treated, contract, self._table, self._batch.id, self._held, deletes=surveys[-1].deletes)
            step.rows_in = surveys[-1].accepted
        if not contract.quality.waits:
            with record.step("aggregates"):
                curated = current(self._pipeline.spark, self._table, contract)
                refresh_aggregates(curated, contract, self._pipeline.settings, dates, self._held)
        delete_earlier_tries(self._pipeline.storage, self._pipeline.settings, self._batch)
        return Outcome(surveys, reasons, self._rejected_to)

    def _surveyed(self, transformed: Transformed) -> tuple[Survey, ...]:
        """What the rules find: in the rows of the batch, and in those that SQL and Python steps have made of them."""
        sources = [enrichment.source for enrichment in self._contract.processing.enrich]
        first, *later = transformed.judged
        wanted = transformed.delete_when
        with self._record.step("survey") as step:
            surveys = [survey(first, sources, "" if later else wanted)]
            step.rows_in, step.rows_out = surveys[0].rows, surveys[0].accepted
        expected = self._batch.facts["rows_written"]
        if surveys[0].rows != expected:
            raise RowBalanceError(
                f"batch {self._batch.dataset}/{self._batch.id}: {expected} rows in processed, {surveys[0].rows} after "
                "enrichment and rules, which neither add nor drop rows"
            )
        for judged in later:
            with self._record.step("survey_of_steps") as step:
                found = survey(judged, (), wanted)
                step.rows_in, step.rows_out = found.rows, found.accepted
            self._record.steps += [Step(f"sql {name}", rows_out=rows) for name, rows in found.of_steps.items()]
            surveys.append(found)
        return tuple(surveys)

    def _noted_dates(self, treated: DataFrame, changes: TableChanges, found: Survey) -> Sequence[str]:
        """The days whose aggregates this batch changes, written down before the table is changed.

        A row that moves to another day touches the day that it leaves, too; once it has moved nobody could tell.
        """
        with self._held.step("ensure_table"):
            changes.apply()
        dates = {*self._batch.facts.get("touched_dates", ()), *found.dates}
        if self._contract.processing.aggregates:
            known, count = frozenset(dates), found.accepted
            dates |= touched_dates(treated, self._contract, self._table, self._batch.id, known=known, count=count)
        self._batch = self._pipeline.ledger.note(self._batch, touched_dates=sorted(dates))
        return sorted(dates)

    @property
    def batch(self) -> Batch:
        """The batch as it was last noted."""
        return self._batch

    def _quarantine(self, transformed: Transformed, rejected: int) -> Mapping[str, int]:
        if not rejected:
            return {}
        refused = reduce(DataFrame.unionByName, (judged.refused() for judged in transformed.judged))
        with self._held.step("quarantine"):
            return keep_rows(refused.withColumn("batch_id", F.lit(self._batch.id)), self._rejected_to, rejected)
