"""Putting a batch into its curated table, as its contract says: replaced, merged by key, deleted, or with history.

Whatever it is, it can be done again, and gives the same table row for row in whichever order batches come: each is one
commit, or a commit of tombstones and then one of rows. Nothing is ever simply appended: a run that was paused and wakes
up finds its commit refused (Iceberg looks for conflicting files), or does again what another run has done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from etl.contracts import Contract
from etl.curated.branches import begin_audit
from etl.curated.deletes import keep_tombstones, same_key, without_older_than_tombstones
from etl.curated.history import begin_history, current_rows, merge_history, with_history_columns
from etl.curated.merge import merge_by_key, quoted
from etl.curated.replace import of_dates, replace_batch
from etl.curated.schema import aligned
from etl.curated.tables import (
    MadeColumns,
    TableChanges,
    check_table,
    iceberg_table,
    snapshot_id,
    table_exists,
    table_of,
)
from etl.errors import TableSchemaError
from etl.leases import Lease
from etl.names import BATCH, DELETE, EVENT_DATE, FLAGS, HISTORY_TYPES, METADATA

HISTORY_PROPERTY = "etl.history"
# Their keys, some dozens of bytes each, fit into the memory of any worker.
_FEW_ROWS = 1_000_000


def made_columns(contract: Contract, columns: Iterable[str], of_batch: Iterable[str] = ()) -> MadeColumns:
    """The columns of a dataset's rows that its contract makes.

    Args:
        contract: the dataset's; one without columns makes none, its columns are found in the files.
        columns: of the rows that will be put into the table.
        of_batch: columns that the batch has brought, known to the contract or not.
    """
    if not contract.columns:
        return MadeColumns()
    steps = contract.processing
    said = {column.name for column in contract.columns}
    computed = {one.name for one in steps.derive} | {name for one in steps.enrich for name in one.output_columns()}
    strangers = set(of_batch) - said - computed
    names = frozenset(set(columns) - strangers - {*METADATA, FLAGS, EVENT_DATE, DELETE})
    return MadeColumns(names, names & (said - computed))


def check_put(rows: DataFrame, contract: Contract, table: str, made: MadeColumns) -> TableChanges:
    """Find out what lets the curated table take a batch's rows; nothing is written (see :func:`check_table`).

    Args:
        rows: of the batch, perhaps with ``_delete``.
        contract: gives layout and history.
        table: full name, of the table or of its audit branch, which the changes then begin.
        made: see :func:`made_columns`.

    Raises:
        TableSchemaError: a column is refused, or the table keeps history and the contract does not.
    """
    spark, frame, into = rows.sparkSession, rows.drop(DELETE), table
    table = table_of(into)
    branch = () if into == table else (begin_audit(table),)
    is_there = table_exists(spark, table)
    has_history = is_there and iceberg_table(spark, table).properties().get(HISTORY_PROPERTY) == "true"
    if not contract.history:
        if has_history:
            raise TableSchemaError(
                f"{table} keeps every version of a key, and the contract says history: true no more; say it again, or "
                f"drop the table on purpose and send the dataset's files once more: DROP TABLE {table} PURGE. Nothing "
                "was written."
            )
        changes = check_table(frame, table, contract.table, made)
        return TableChanges(spark, table, (*changes.statements, *branch))
    if made.names:
        made = MadeColumns(made.names | set(HISTORY_TYPES), made.typed)
    changes = check_table(with_history_columns(frame), table, contract.table, made)
    if has_history:
        return TableChanges(spark, table, (*changes.statements, *branch))
    begin = [begin_history(contract, into)] if is_there else []
    known = f"alter table {table} set tblproperties ('{HISTORY_PROPERTY}' = 'true')"
    return TableChanges(spark, table, (*changes.statements, *branch, *begin, known))


def put(
    rows: DataFrame,
    contract: Contract,
    table: str,
    batch_id: str,
    held: Lease,
    *,
    deletes: int | None = None,
) -> None:
    """Put a batch's rows into the curated table.

    Args:
        rows: all rows of the batch that were accepted, one for each of :attr:`Contract.identity`; ``_delete`` tells
            those that delete their key.
        contract: key, order and history.
        table: full name, of the table or of its audit branch; it is up to the rows (:func:`check_put`).
        batch_id: the batch.
        held: the dataset's lease; asked for before each commit.
        deletes: how many rows delete their key, where that is known; for none, no tombstones are looked for in rows.

    Raises:
        LeaseLostError: another run has the dataset by now; nothing more was written.
    """
    if not contract.key:
        with held.step("put_rows"):
            replace_batch(rows, table, batch_id)
        return
    if DELETE in rows.columns:
        rows = rows.drop(DELETE) if deletes == 0 else rows.withColumn(DELETE, F.coalesce(DELETE, F.lit(False)))
    if DELETE in rows.columns:
        with held.step("put_tombstones"):
            keep_tombstones(rows, contract, table)
    with held.step("put_rows"):
        if contract.history:
            merge_history(rows, contract, table)
        else:
            merge_by_key(without_older_than_tombstones(rows, contract, table), table, contract.key, contract.order_by)


def current(spark: SparkSession, table: str, contract: Contract) -> DataFrame:
    """The rows of a curated table that hold now: what references, aggregates and quality see.

    Of a table with history these are the current versions, without ``valid_from``, ``valid_to`` and ``is_current``, so
    that the table looks as it would without history. As-of joins read the table itself.

    Args:
        spark: the session.
        table: full name, of the table or of its audit branch.
        contract: of the table's dataset.
    """
    return current_rows(spark.table(table), contract)


def touched_dates(
    rows: DataFrame,
    contract: Contract,
    table: str,
    batch_id: str,
    *,
    known: Collection[str] = (),
    count: int | None = None,
) -> set[str]:
    """The event dates that rows leave when a batch is put in: those of its keys' present rows.

    A row that moves to another date or is deleted touches the date that it leaves; without a key, what the batch has
    put in before is taken out. Only keys and dates are read.

    Args:
        rows: of the batch.
        contract: gives the key.
        table: full name, of the table or of its audit branch; it need not be there yet.
        batch_id: the batch.
        known: ISO dates that are touched anyway; their partitions are not read.
        count: rows of the batch, where that is known; the keys of few rows are sent to every worker, which spares
            shuffling and sorting the keys of the whole table.

    Returns:
        ISO dates.
    """
    spark = rows.sparkSession
    if not table_exists(spark, table) or snapshot_id(spark, table) is None:
        return set()
    present = current(spark, table, contract)
    if known:
        others = ~of_dates(sorted(known))
        present = present.where(F.col(EVENT_DATE).isNull() | others)
    if contract.key:
        keys = aligned(rows, present.select(*quoted(contract.key)).schema)
        if count is not None and count <= _FEW_ROWS:
            keys = F.broadcast(keys)
        left = present.alias("t").join(keys.alias("k"), same_key("t", "k", contract.key), "left_semi")
    else:
        left = present.where(F.col(BATCH) == batch_id)
    dates = left.select(F.col(EVENT_DATE).cast("string").alias(EVENT_DATE)).distinct().collect()
    return {row[EVENT_DATE] for row in dates if row[EVENT_DATE] is not None}
