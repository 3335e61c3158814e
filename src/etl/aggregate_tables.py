"""Aggregate tables: what a batch has touched is computed again and put in place of what was there, in one commit.

An aggregate per event date is computed again for the touched dates only. One over the whole table is rolled up from
partial results per date, which are kept in a table ``<aggregate>__by_date``, as far as its measures allow it; then only
the partial results of the touched dates are computed from rows. A row that changes or goes away is thus never
subtracted: its date is computed again.

A table remembers how it was computed. When that changes (a measure more, another group, a wider type), the whole of it
is computed again, so that no date shows a measure as null only because no batch has touched it since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from pyspark.sql import DataFrame

from etl.contracts import Aggregate, Contract
from etl.curated.recreate import create_or_replace, replace_all
from etl.curated.replace import of_dates, replace_dates
from etl.curated.tables import iceberg_table, table_exists
from etl.leases import Lease
from etl.names import BY_DATE, EVENT_DATE
from etl.settings import Settings
from etl.transform.aggregates import aggregate, can_be_merged, partials, rolled_up

DEFINITION = "etl.definition"
Compute = Callable[[DataFrame], DataFrame]


def check_aggregates(rows: DataFrame, contract: Contract) -> None:
    """Compile every aggregate before anything is written.

    Args:
        rows: as they will stand in the curated table.
        contract: the dataset's.

    Raises:
        ExpressionError: a measure or group does not compile; says which and why.
    """
    for definition in contract.processing.aggregates:
        aggregate(rows, definition, contract.name)


def aggregate_tables(contract: Contract) -> list[str]:
    """The names of all tables that a dataset's aggregates may be kept in."""
    definitions = contract.processing.aggregates
    return [f"{each.name}{suffix}" for each in definitions for suffix in ("", BY_DATE)]


def refresh_aggregates(
    curated: DataFrame, contract: Contract, settings: Settings, dates: Sequence[str], held: Lease
) -> None:
    """Bring all aggregates of a dataset up to its curated table.

    Args:
        curated: the dataset's rows as they are now.
        contract: the dataset's.
        settings: name the tables.
        dates: ISO dates whose rows have changed.
        held: asked for before every write.

    Raises:
        LeaseLostError: another run has the dataset by now.
    """
    for definition in contract.processing.aggregates:
        _Refresh(curated, definition, contract.name, settings, held).refresh(dates)


class _Refresh:
    """One aggregate, brought up to its curated table."""

    def __init__(
        self, curated: DataFrame, definition: Aggregate, dataset: str, settings: Settings, held: Lease
    ) -> None:
        self._curated, self._definition, self._dataset, self._held = curated, definition, dataset, held
        self._spark = curated.sparkSession
        self._table = settings.table(definition.name)

    def refresh(self, dates: Sequence[str]) -> None:
        if self._definition.over == EVENT_DATE:
            self._refresh_dates(self._whole, self._table, dates)
            return
        if not can_be_merged(self._curated, self._definition, self._dataset):
            self._replace(self._whole(self._curated))
            return
        by_date = f"{self._table}{BY_DATE}"
        self._refresh_dates(self._per_date, by_date, dates)
        self._replace(rolled_up(self._spark.table(by_date), self._definition))

    def _whole(self, rows: DataFrame) -> DataFrame:
        return aggregate(rows, self._definition, self._dataset)

    def _per_date(self, rows: DataFrame) -> DataFrame:
        return partials(rows, self._definition, self._dataset)

    def _refresh_dates(self, compute: Compute, table: str, dates: Sequence[str]) -> None:
        everything = compute(self._curated)
        if not self._is_made_so(table, everything):
            self._make(everything, table, (EVENT_DATE,))
        elif dates:
            touched = self._curated.where(of_dates(dates))
            with self._held.step("replace_dates"):
                replace_dates(compute(touched), table, dates)

    def _replace(self, rows: DataFrame) -> None:
        if not self._is_made_so(self._table, rows):
            self._make(rows, self._table, ())
            return
        with self._held.step("replace_all"):
            replace_all(rows, self._table)

    def _make(self, rows: DataFrame, table: str, partition_by: tuple[str, ...]) -> None:
        with self._held.step("make_aggregate"):
            create_or_replace(rows, table, partition_by, {DEFINITION: self._digest(rows)})

    def _is_made_so(self, table: str, rows: DataFrame) -> bool:
        if not table_exists(self._spark, table):
            return False
        return bool(iceberg_table(self._spark, table).properties().get(DEFINITION) == self._digest(rows))

    def _digest(self, rows: DataFrame) -> str:
        """What stands for the way a table is computed: the expressions, and the types that they give."""
        definition = self._definition
        parts = [definition.over, list(definition.group_by), sorted(definition.measures.items())]
        return hashlib.sha256(json.dumps([*parts, rows.schema.simpleString()]).encode()).hexdigest()
