"""References: what a dataset's processing reads besides its own batch, curated tables and small files.

All of them are opened, and looked at, before anything is written. A curated table is read as of the snapshot that it
has when it is opened, so that all reads of one batch see the same rows whatever is written to the table meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from etl.contracts import Contract, Enrichment, inferred
from etl.curated.history import current_rows
from etl.curated.tables import table_exists
from etl.errors import MissingTableError
from etl.settings import Settings
from etl.transform.reference_files import ReferenceFiles
from utils.glue_utils import Storage


@dataclass(frozen=True)
class References:
    """What a contract's processing reads.

    Attributes:
        enrichments: a frame for each of the contract's ``enrich``, in their order.
        tables: dataset -> curated table, of the contract's ``uses``.
        snapshots: dataset -> id of the snapshot that is read; without tables that have none yet.
    """

    enrichments: Sequence[DataFrame]
    tables: Mapping[str, DataFrame]
    snapshots: Mapping[str, int]


@contextmanager
def opened_references(
    spark: SparkSession, storage: Storage, settings: Settings, contract: Contract, contracts: Mapping[str, Contract]
) -> Iterator[References]:
    """Everything that a contract's processing reads besides the batch; copies of files are removed at the end.

    Args:
        spark: the session.
        storage: where the files are.
        settings: name the tables and the folder of the contracts.
        contract: of the dataset that is processed.
        contracts: all of them, by dataset.

    Raises:
        MissingTableError: a table or file is not there.
        ExpressionError: a file's column is missing or has values that don't fit, or a reference has several rows for
            a key.
    """
    tables = _Tables(spark, settings, contract.name, contracts)
    with ReferenceFiles(spark, storage, settings, contract) as files:

        def opened(enrichment: Enrichment) -> DataFrame:
            if enrichment.file:
                return files.open(enrichment)
            return tables.open(enrichment.dataset, as_of=enrichment.as_of is not None)

        enrichments = [opened(enrichment) for enrichment in contract.processing.enrich]
        used = {name: tables.open(name) for name in contract.processing.uses}
        yield References(enrichments, used, dict(tables.snapshots))


class _Tables:
    """Curated tables, each as of one snapshot."""

    def __init__(
        self, spark: SparkSession, settings: Settings, dataset: str, contracts: Mapping[str, Contract]
    ) -> None:
        self._spark, self._settings, self._dataset, self._contracts = spark, settings, dataset, contracts
        self.snapshots: dict[str, int] = {}
        self._frames: dict[str, DataFrame] = {}

    def open(self, name: str, as_of: bool = False) -> DataFrame:
        """A dataset's table: current rows, or all versions for an as-of join."""
        if name not in self._frames:
            self._frames[name] = self._pinned(name)
        frame = self._frames[name]
        return frame if as_of else current_rows(frame, self._contracts.get(name, inferred(name)))

    def _pinned(self, name: str) -> DataFrame:
        table = self._settings.table(name)
        if not table_exists(self._spark, table):
            raise MissingTableError(
                f"{self._dataset} needs {name}, whose curated table is not there yet; bring files of {name} and start "
                "the workflow again. The batch waits."
            )
        snapshots = self._spark.table(f"{table}.refs").where("name = 'main'").select("snapshot_id").head(1)
        if not snapshots:
            return self._spark.table(table)
        self.snapshots[name] = int(snapshots[0]["snapshot_id"])
        return self._spark.sql(f"select * from {table} version as of {self.snapshots[name]}")  # noqa: S608 - the contract's names # nosec B608
