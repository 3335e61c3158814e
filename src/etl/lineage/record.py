"""What a run of processing did, collected while it does it: plain values, without Spark or AWS.

One :class:`BatchRecord` for each batch; all of a run's stand in a :class:`RunRecord`, whose :meth:`RunRecord.facts` go
into the run's item of the state table. :mod:`etl.lineage.openlineage` makes an event of each.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from etl.ledger import utc_now

# An item of the state table holds 400 KB; other facts of the run stand in it, too.
ITEM_BYTES = 300_000
# What one batch may take of it, so that one of very many rules leaves room for the others.
BATCH_BYTES = 60_000
# Checks of datasets that a run's item lists; each takes some 300 bytes.
MOST_CHECKS = 200


@dataclass(frozen=True)
class Data:
    """Something that was read or written.

    Attributes:
        uri: of the folder, the file, or a table's place.
        table: full name of a curated table; empty for files.
        snapshot: id of the snapshot that was read or made; None where there is none.
        rows: that were read, or put in; None where nobody counted them.
        files: how many there were; None where that is not known.
        columns: name -> Spark SQL type.
    """

    uri: str
    table: str = ""
    snapshot: int | None = None
    rows: int | None = None
    files: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """What is known of it, without its columns."""
        known = {"table": self.table or None, "snapshot": self.snapshot, "rows": self.rows, "files": self.files}
        return {"uri": self.uri, **{name: value for name, value in known.items() if value is not None}}


@dataclass
class Step:
    """One step of a batch.

    Attributes:
        name: e.g. ``survey`` or ``put``.
        seconds: how long it took; None while it is under way.
        rows_in, rows_out: None where counting would have cost another look at the rows.
        failed: it ended with an error.
    """

    name: str
    seconds: float | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    failed: bool = False

    def facts(self) -> dict[str, Any]:
        """What is known of it."""
        known = {"seconds": self.seconds, "rows_in": self.rows_in, "rows_out": self.rows_out}
        facts = {"name": self.name, **{name: value for name, value in known.items() if value is not None}}
        return {**facts, "failed": True} if self.failed else facts


@dataclass
class BatchRecord:
    """What was done with one batch.

    Attributes:
        dataset: whose batch.
        batch_id: the batch.
        planned_at: when ingestion planned it, in ISO format; names the folder of its event.
        started: when processing began with it, UTC.
        rows_read: of the processed batch.
        rows_rejected: that went to quarantine.
        rows_curated: that were put into the curated table.
        inputs: the processed folder first, then reference tables and files.
        outputs: the curated table first, then others, such as aggregates.
        steps: in the order in which they were begun.
        rule_hits: rule -> rows.
        unmatched: reference -> rows without a match in it.
        error: why the batch failed; empty where it did not.
    """

    dataset: str
    batch_id: str
    planned_at: str
    started: datetime = field(default_factory=utc_now)
    rows_read: int | None = None
    rows_rejected: int | None = None
    rows_curated: int | None = None
    inputs: list[Data] = field(default_factory=list)
    outputs: list[Data] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    rule_hits: dict[str, int] = field(default_factory=dict)
    unmatched: dict[str, int] = field(default_factory=dict)
    error: str = ""

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Measure a step; its counts are set on what this gives. Steps don't stand within each other.

        Args:
            name: of the step.
        """
        step, begun = Step(name), time.monotonic()
        self.steps.append(step)
        try:
            yield step
        except BaseException:
            step.failed = True
            raise
        finally:
            step.seconds = round(time.monotonic() - begun, 3)

    def summary(self) -> dict[str, Any]:
        """The batch in a few words: name, rows, seconds, error."""
        known = {"rows_read": self.rows_read, "rows_rejected": self.rows_rejected, "rows_curated": self.rows_curated}
        seconds = round(sum(step.seconds or 0 for step in self.steps), 3)
        facts = {"dataset": self.dataset, "batch_id": self.batch_id, "seconds": seconds}
        facts |= {name: value for name, value in known.items() if value is not None}
        return {**facts, "error": self.error} if self.error else facts

    def facts(self) -> dict[str, Any]:
        """All of it but the columns."""
        return {
            **self.summary(),
            "inputs": [data.facts() for data in self.inputs],
            "outputs": [data.facts() for data in self.outputs],
            "steps": [step.facts() for step in self.steps],
            "rule_hits": dict(self.rule_hits),
            "unmatched": dict(self.unmatched),
        }


@dataclass
class RunRecord:
    """What a run did: processing's record for each batch, in the order in which they were begun; and numbers.

    Attributes:
        batches: of processing.
        totals: what the run did with its batches all in all: ``rows_in``, ``rows_out``, ``rows_refused``, ``files``,
            ``files_refused``, ``bytes``, as far as its stage knows them. Monitoring tells them.
        checks: of quality: dataset, score, whether it passed, report.
    """

    batches: list[BatchRecord] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    checks: list[dict[str, Any]] = field(default_factory=list)

    def batch(self, dataset: str, batch_id: str, planned_at: str) -> BatchRecord:
        """Begin the record of a batch.

        Args:
            dataset: whose batch.
            batch_id: the batch.
            planned_at: when ingestion planned it, in ISO format.
        """
        record = BatchRecord(dataset, batch_id, planned_at)
        self.batches.append(record)
        return record

    def numbers(self) -> dict[str, Any]:
        """Totals and checks, for the run's item in the state table; none of what the run had nothing of."""
        found = {"totals": dict(self.totals), "checks": self.checks[:MOST_CHECKS]}
        return {name: value for name, value in found.items() if value}

    def facts(self) -> dict[str, Any]:
        """What the run's item in the state table holds of its batches; floats are for :func:`etl.dynamo.storable`.

        An item has a limit: first the details of batches are left out, then batches, and ``batches_note`` says so. The
        lineage event of a batch always has everything.
        """
        listed: list[dict[str, Any]] = []
        left, short = ITEM_BYTES, 0
        for batch in self.batches:
            facts = batch.facts()
            if _size(facts) > min(left, BATCH_BYTES):
                facts, short = batch.summary(), short + 1
            left -= _size(facts)
            if left < 0:
                break
            listed.append(facts)
        facts = {"batch_count": len(self.batches), "batches": listed}
        if not short:
            return facts
        note = (
            f"an item of the state table holds 400 KB: of {len(self.batches)} batches, "
            f"{len(listed)} are listed, some of them without details; lineage events have everything"
        )
        return {**facts, "batches_note": note}


def _size(facts: Mapping[str, Any]) -> int:
    """Bytes of facts as JSON, which is more than they take in DynamoDB."""
    return len(json.dumps(facts, ensure_ascii=False).encode())
