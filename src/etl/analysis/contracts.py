"""Contracts are tried on tables without rows: whatever of them does not compile is told before anything is read.

Each dataset's empty batch goes through the steps of :mod:`etl.transform.flow`, those of personal data, and the
aggregates; what comes out has the columns of the curated table, and stands in for it where other datasets need it. A
contract for which this fails is gone through once more, part by part (:mod:`etl.analysis.faults`), so that one fault
doesn't hide the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from graphlib import TopologicalSorter

from pyspark.sql import DataFrame, SparkSession

from etl.analysis.faults import REFUSALS, Faults, of_dataset, reason
from etl.analysis.quality import quality_problems
from etl.analysis.table_shape import column_problems, layout_problems
from etl.contracts import Contract, Enrichment
from etl.curated.history import current_rows
from etl.curated.schema import sql_type
from etl.names import DELETE, HISTORY_TYPES, INGESTED_AT, METADATA, PARTITIONS
from etl.transform.aggregates import aggregate
from etl.transform.flow import BatchContext, transform
from etl.transform.privacy import KEY_COLUMNS, key_treatments, treat, treatments
from etl.transform.reference_files import reference_folder, wanted_columns
from etl.transform.references import References
from utils.glue_utils import Storage

_NEVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class _Table:
    """A curated table as the contracts promise it.

    Attributes:
        rows: none, with its columns.
        certain: whether it has just these columns; not when what makes them is faulty.
        right: whether nothing of its contract is faulty, so that the columns have their types.
    """

    rows: DataFrame
    certain: bool
    right: bool


def analyse(
    contracts: Mapping[str, Contract],
    spark: SparkSession,
    contracts_path: str = "",
    *,
    only: Collection[str] | None = None,
    quality: bool = False,
) -> list[str]:
    """Everything in the contracts that Spark can't compile. No data is read, and nothing is written.

    Args:
        contracts: dataset -> contract; all that they need are among them.
        spark: any session; it needs neither catalogs nor AWS.
        contracts_path: URI of the folder of the contracts, beside which reference files are looked for; '' for not.
        only: the datasets to look at, with those that they need; by default all.
        quality: whether the rules of quality are tried, too.

    Returns:
        A line for each problem: dataset, what of its contract, and Spark's reason.
    """
    files = _Files(spark, contracts_path)
    tables: dict[str, _Table] = {}
    problems: list[str] = []
    for name in _with_needs(contracts, contracts if only is None else only):
        missing = list(files.problems(contracts[name]))
        tables[name], found = _Analysis(contracts, tables, spark).of(contracts[name])
        problems += [*missing, *found]
    if quality:
        shown = {name: current_rows(table.rows, contracts[name]) for name, table in tables.items() if table.right}
        for name in shown:
            problems += quality_problems(contracts[name], shown, contracts.keys() - shown.keys())
    return list(dict.fromkeys(problems))


def _with_needs(contracts: Mapping[str, Contract], wanted: Collection[str]) -> list[str]:
    """The wanted datasets and all that they need, each after those it needs."""
    needs = {name: contract.processing.needs() for name, contract in contracts.items()}
    taken: set[str] = set()
    left = set(wanted)
    while left:
        taken |= left
        left = {other for name in left for other in needs.get(name, ())} - taken
    return [name for name in TopologicalSorter(needs).static_order() if name in taken and name in contracts]


class _Analysis:
    """Tries datasets whose needs have been tried."""

    def __init__(self, contracts: Mapping[str, Contract], tables: Mapping[str, _Table], spark: SparkSession) -> None:
        self._contracts, self._tables, self._spark = contracts, tables, spark

    def of(self, contract: Contract) -> tuple[_Table, list[str]]:
        """The table of a dataset, and the problems of its contract."""
        rows, references = empty_batch(self._spark, contract), self._references(contract)
        keys = empty_frame(self._spark, dict.fromkeys(KEY_COLUMNS, "binary"))
        batch = BatchContext("", _NEVER, key_treatments=key_treatments(contract, self._contracts), pii_keys=keys)
        try:
            frame, found = self._whole(rows, contract, references, batch)
            certain = True
        except REFUSALS as error:
            faults = Faults(contract, references, batch, self._uncertain(contract))
            frame, certain = faults.look(rows), faults.certain
            # Should the parts be right one by one, the whole has told what is wrong.
            told = faults.problems if faults.problems or faults.withheld else [reason(error)]
            found = [*told, *column_problems(frame, faults.columns)]
        found += layout_problems(frame, contract, certain)
        table = _Table(self._table_of(frame, contract), certain, not found)
        return table, [of_dataset(contract.name, each) for each in found]

    def _whole(
        self, rows: DataFrame, contract: Contract, references: References, batch: BatchContext
    ) -> tuple[DataFrame, list[str]]:
        """What goes into the curated table, and the columns of it and of the aggregates that no table can store.

        Raises:
            PipelineError: something does not compile; says what and why.
        """
        accepted = transform(rows, contract, references, batch).accepted
        treated = treat(accepted, treatments(contract), batch.pii_keys, contract.name).drop(DELETE)
        problems = list(column_problems(treated))
        for definition in contract.processing.aggregates:
            table = aggregate(treated, definition, contract.name)
            problems += [f"aggregate {definition.name!r}: {problem}" for problem in column_problems(table)]
        return treated, problems

    def _references(self, contract: Contract) -> References:
        return References(
            [self._reference(enrichment) for enrichment in contract.processing.enrich],
            {name: self._current_of(name) for name in contract.processing.uses},
            {},
        )

    def _reference(self, enrichment: Enrichment) -> DataFrame:
        if enrichment.dataset:
            return self._tables[enrichment.dataset].rows if enrichment.as_of else self._current_of(enrichment.dataset)
        return empty_frame(self._spark, {column.name: column.spark_type for column in wanted_columns(enrichment)})

    def _current_of(self, name: str) -> DataFrame:
        return current_rows(self._tables[name].rows, self._contracts[name])

    def _uncertain(self, contract: Contract) -> set[str]:
        """The datasets that it needs whose tables may have other columns."""
        return {name for name in contract.processing.needs() if not self._tables[name].certain}

    def _table_of(self, frame: DataFrame, contract: Contract) -> DataFrame:
        """The table as others see it; its plan is short whatever made the frame."""
        kinds = {field.name: sql_type(field.dataType) for field in frame.schema.fields}
        return empty_frame(self._spark, kinds | (HISTORY_TYPES if contract.history else {}))


def empty_frame(spark: SparkSession, kinds: Mapping[str, str]) -> DataFrame:
    """No rows of some columns. One text for all of them: a call into Java for each would take a second for hundreds.

    Args:
        spark: the session.
        kinds: column -> type as Spark SQL spells it.
    """
    columns = ", ".join(f"cast(null as {kind}) as `{name}`" for name, kind in kinds.items())
    return spark.sql(f"select {columns} from range(0)")  # noqa: S608 - names and types of contracts, not of users' data # nosec B608


def empty_batch(spark: SparkSession, contract: Contract) -> DataFrame:
    """A batch of the processed layer, as :func:`etl.processed.read_batch` gives it, without rows.

    Args:
        spark: the session.
        contract: the dataset's; a source's other columns are not in it.
    """
    values = {column.name: column.spark_type for column in contract.columns}
    metadata = {name: "timestamp" if name == INGESTED_AT else "string" for name in METADATA}
    return empty_frame(spark, values | metadata | dict.fromkeys(("batch_id", *PARTITIONS), "string"))


class _Files:
    """Looks for reference files."""

    def __init__(self, spark: SparkSession, contracts_path: str) -> None:
        self._storage, self._path = Storage(spark), contracts_path

    def problems(self, contract: Contract) -> Iterator[str]:
        """A problem for each file of the contract that isn't there."""
        if not self._path:
            return
        folder = reference_folder(self._path)
        for file in dict.fromkeys(enrichment.file for enrichment in contract.processing.enrich if enrichment.file):
            uri = file if "://" in file else folder + file
            # A file elsewhere may be out of this machine's reach.
            if uri.partition("://")[0] == folder.partition("://")[0] and not self._storage.exists(uri):
                there = self._names(uri.rpartition("/")[0])
                yield f"{contract.name}: enrichment from {file}: there is no file {uri}; beside it {there}"

    def _names(self, folder: str) -> str:
        names = sorted(found.uri.rpartition("/")[2] for found in self._storage.list_folder(folder + "/"))
        return f"are {_listed(names)}" if names else "is none"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
