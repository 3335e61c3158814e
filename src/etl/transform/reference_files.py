"""Reference files: small tables that people keep beside the contracts (rates, countries, tariffs).

They are read as raw files are, by content: CSV with a header, JSON, Parquet and what else ingestion reads. Their
values become the enrichment's types exactly, and one that doesn't fit is an error: nobody looks at rescued values of a
reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Column, Contract, Enrichment, Source
from etl.discovery import SourceFile
from etl.errors import ExpressionError, MissingTableError
from etl.names import CORRUPT, OF_READERS
from etl.reading.batch_files import BatchReader
from etl.settings import Settings
from etl.transform.enrichment import check_reference
from etl.typing_sql import value_sql
from utils.glue_utils import Storage, StoredFile
from utils.spark_versions import RUN_ERRORS

FOLDER = "reference"
# The first line is the header, whatever it looks like.
_OF_FILES = Contract(name=FOLDER, source=Source(options={"header": True}))


class ReferenceFiles:
    """Opens reference files; a context, since copies of files that Spark can't read as they lie must be removed.

    Args:
        spark: the session.
        storage: where the files are.
        settings: name the folder of the contracts.
        contract: of the dataset whose enrichments ask for the files.
    """

    def __init__(self, spark: SparkSession, storage: Storage, settings: Settings, contract: Contract) -> None:
        self._spark, self._storage, self._dataset = spark, storage, contract.name
        self._settings = settings
        self._personal = {column.name for column in contract.columns if column.pii}
        self._copies = f"{settings.processed}_staging/{contract.name}/_reference/"
        self._staging = f"{self._copies}{settings.run_id}/"

    def __enter__(self) -> ReferenceFiles:
        # What a run that was killed has left.
        self._storage.delete(self._copies)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._storage.delete(self._staging)

    def open(self, enrichment: Enrichment) -> DataFrame:
        """A file's columns that the enrichment names, typed; a hint tells Spark to broadcast a small one.

        Args:
            enrichment: of the dataset; ``file`` and ``types``.

        Raises:
            MissingTableError: the file is not there.
            ExpressionError: it can't be read, lacks a column, has values that don't fit or several rows for a key.
        """
        stored = self._found(enrichment)
        folder = stored.uri.rpartition("/")[0] + "/"
        reader = BatchReader(self._spark, self._storage, _OF_FILES, folder, self._staging)
        key = stored.uri.partition("://")[2].partition("/")[2]
        file = SourceFile(stored.uri, folder, key, self._dataset, stored.size, stored.modified_ms)
        opened = reader.open(reader.look_at([file]))
        if opened.frame is None:
            raise ExpressionError(f"{self._what(enrichment)}: {opened.files.refused[0].reason}")
        try:
            typed = self._typed(opened.frame, enrichment)
        except RUN_ERRORS as error:
            if not (refused := reader.unreadable(opened.files)):
                raise
            raise ExpressionError(f"{self._what(enrichment)}: {refused[0].reason}") from error
        check_reference(typed, enrichment, self._dataset, example=self._personal.isdisjoint(enrichment.keys))
        return F.broadcast(typed) if stored.size <= broadcast_threshold(self._spark) else typed

    def _what(self, enrichment: Enrichment) -> str:
        return f"{self._dataset}: enrichment from {enrichment.file}"

    def _found(self, enrichment: Enrichment) -> StoredFile:
        uri = reference_uri(self._settings, enrichment)
        folder, _, name = uri.rpartition("/")
        files = {file.uri.rpartition("/")[2]: file for file in self._storage.list_folder(f"{folder}/")}
        if name in files:
            return files[name]
        there = f"has {', '.join(sorted(files))}" if files else "has no file"
        raise MissingTableError(f"{self._what(enrichment)}: no file {name!r}; {folder}/ {there}")

    def _typed(self, text: DataFrame, enrichment: Enrichment) -> DataFrame:
        columns = wanted_columns(enrichment)
        present = [name for name in text.columns if name not in OF_READERS]
        if missing := [column.name for column in columns if column.name not in present]:
            raise ExpressionError(
                f"{self._what(enrichment)} needs column(s) {', '.join(missing)}; the file has {', '.join(present)}"
            )
        values = {column: F.expr(value_sql(column.name, column)) for column in columns}
        if problems := _problems(text, values):
            raise ExpressionError(f"{self._what(enrichment)}: {'; '.join(problems)}; mend the file or the types")
        return text.select(*(value.alias(column.name) for column, value in values.items()))


def _problems(text: DataFrame, values: Mapping[Column, SparkColumn]) -> list[str]:
    """Rows that do not parse and values that do not fit, counted."""
    unfit = {
        column: F.count(F.when(value.isNull() & (F.trim(column.name) != ""), 1)).alias(column.name)
        for column, value in values.items()
        if column.type != "string"
    }
    found = text.agg(F.count(CORRUPT).alias(CORRUPT), *unfit.values()).collect()[0]
    problems = [f"{found[CORRUPT]} row(s) do not parse"] if found[CORRUPT] else []
    return problems + [
        f"{column.name}: {found[column.name]} value(s) are no {column.type}" for column in unfit if found[column.name]
    ]


def reference_folder(contracts_path: str) -> str:
    """The folder of reference files: ``reference/`` beside that of the contracts.

    Args:
        contracts_path: URI of the folder of the contracts.

    Returns:
        Its URI, with a trailing slash.
    """
    return f"{contracts_path.rstrip('/').rpartition('/')[0]}/{FOLDER}/"


def reference_uri(settings: Settings, enrichment: Enrichment) -> str:
    """Where an enrichment's file is.

    Args:
        settings: name the folder of the contracts.
        enrichment: with ``file``.
    """
    return enrichment.file if "://" in enrichment.file else reference_folder(settings.contracts_path) + enrichment.file


def wanted_columns(enrichment: Enrichment) -> list[Column]:
    """The columns of a reference file that an enrichment names, with their types."""
    versions = [enrichment.as_of.valid_from, enrichment.as_of.valid_to] if enrichment.as_of else []
    names = dict.fromkeys([*enrichment.keys.values(), *enrichment.columns, *versions])
    return [Column(name, enrichment.types.get(name, "string")) for name in names]


def broadcast_threshold(spark: SparkSession) -> int:
    """Spark's own limit of what it sends to every executor, in bytes; -1 when that is switched off."""
    return int(spark._jsparkSession.sessionState().conf().autoBroadcastJoinThreshold())
