"""The one look at a batch's rows before anything is written: what its rules found, and the days that it touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import functions as F

from etl.names import EVENT_DATE, REASON
from etl.transform.enrichment import UNMATCHED
from etl.transform.flow import Judged
from etl.transform.rules import broken
from etl.transform.steps import rows_counted


@dataclass(frozen=True)
class Survey:
    """What was found in rows that were judged.

    Attributes:
        rows: all of them.
        rejected: those that go to quarantine.
        hits: rule -> rows that break it, in the order of the rules.
        unmatched: reference -> rows without a match in it.
        dates: event dates of the accepted rows, as ISO texts.
        deletes: accepted rows that delete their key.
        of_steps: SQL step -> rows that came out of it; one whose rows nobody needed is missing.
    """

    rows: int
    rejected: int
    hits: Mapping[str, int]
    unmatched: Mapping[str, int]
    dates: frozenset[str]
    deletes: int
    of_steps: Mapping[str, int]

    @property
    def accepted(self) -> int:
        """Rows that go on."""
        return self.rows - self.rejected


def survey(judged: Judged, references: Sequence[str] = (), delete_when: str = "") -> Survey:
    """Count in one aggregation, whatever the number of rules.

    Args:
        judged: the rows.
        references: names of what the rows were joined with, as :attr:`etl.contracts.Enrichment.source` has them.
        delete_when: of the contract, for rows that go into the table.
    """
    rules = {f"hits_{position}": rule.name for position, rule in enumerate(judged.rules)}
    sources = {f"unmatched_{position}": source for position, source in enumerate(dict.fromkeys(references))}
    accepted_date = F.when(F.col(REASON).isNull(), F.col(EVENT_DATE).cast("string"))
    counts = judged.rows.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count(REASON).alias("rejected"),
        F.collect_set(accepted_date).alias("dates"),
        _count_if(F.col(REASON).isNull() & F.expr(delete_when or "false")).alias("deletes"),
        *(_count_if(F.col(broken(rule))).alias(f"hits_{n}") for n, rule in enumerate(judged.rules)),
        *(_count_if(F.array_contains(UNMATCHED, source)).alias(name) for name, source in sources.items()),
    )
    found = counts.collect()[0]
    return Survey(
        rows=int(found["rows"]),
        rejected=int(found["rejected"]),
        hits={rule: int(found[name]) for name, rule in rules.items()},
        unmatched={source: int(found[name]) for name, source in sources.items()},
        dates=frozenset(found["dates"]),
        deletes=int(found["deletes"]),
        of_steps=rows_counted(counts),
    )


def _count_if(condition: SparkColumn) -> SparkColumn:
    return F.count(F.when(condition, 1))
