"""The audit branch of a curated table: rows that wait for their quality check, where no reader of the table sees them.

Iceberg knows a branch by the table's name and ``.branch_<name>``, and reads and writes it as it does a table. All of
:mod:`etl.curated` takes such a name where it takes that of a table; what is the table's alone (its columns, its
layout, the tombstones beside it) is found by :func:`etl.curated.tables.table_of`. Names are said everywhere and nothing
is left to the session (``spark.wap.branch`` would turn every read of every table that has a branch of this name).

The branch is there if and only if rows wait or are held: it begins at the table's present state, takes batch after
batch, and is dropped once the table has been brought up to it.
"""

from __future__ import annotations

from typing import Any

from py4j.java_gateway import JavaClass
from pyspark.sql import SparkSession

from etl.curated.tables import iceberg_table, refresh
from etl.errors import PublicationError
from etl.names import AUDIT_BRANCH
from utils.spark_versions import RUN_ERRORS

MAIN = "main"
# Whatever expires snapshots (our maintenance, the table optimisers of AWS Glue) keeps all of the branch's: without its
# whole way from main it could not be published. So many batches never wait.
_KEPT_SNAPSHOTS = 100_000


def begin_audit(table: str) -> str:
    """SQL that begins a table's audit branch where its rows are now; nothing where the branch is there."""
    return (
        f"alter table {table} create branch if not exists {AUDIT_BRANCH} "
        f"with snapshot retention {_KEPT_SNAPSHOTS} snapshots"
    )


def drop_audit(spark: SparkSession, table: str) -> None:
    """Drop a table's audit branch; its rows stay where a snapshot of the table has them."""
    spark.sql(f"alter table {table} drop branch if exists {AUDIT_BRANCH}")


def supports_branches(spark: SparkSession) -> bool:
    """Whether this Iceberg has what publishing needs (1.4 or later; AWS Glue 4.0 has 1.0)."""
    jvm: Any = spark._jvm
    return isinstance(jvm.org.apache.iceberg.spark.procedures.FastForwardBranchProcedure, JavaClass)


def heads(spark: SparkSession, table: str) -> tuple[int | None, int | None]:
    """The newest snapshots of a table and of its audit branch, as they are in the catalog.

    Args:
        spark: the session.
        table: full name of the table, which is there.

    Returns:
        None for a table that nothing was ever put in, and for a branch that is not there.
    """
    refresh(spark, table)
    there = iceberg_table(spark, table)
    main, audit = there.snapshot(MAIN), there.snapshot(AUDIT_BRANCH)
    return (int(main.snapshotId()) if main else None), (int(audit.snapshotId()) if audit else None)


def has_audit(spark: SparkSession, table: str) -> bool:
    """Whether a table, which is there, has an audit branch: whether rows of it wait or are held."""
    return supports_branches(spark) and heads(spark, table)[1] is not None


def fast_forward(spark: SparkSession, table: str) -> None:
    """Bring a table up to its audit branch, in one commit of its metadata.

    Args:
        spark: the session.
        table: full name of the table.

    Raises:
        PublicationError: the table was changed since the branch began; nothing was written.
    """
    catalog, _, name = table.partition(".")
    try:
        spark.sql(f"call {catalog}.system.fast_forward('{name}', '{MAIN}', '{AUDIT_BRANCH}')").collect()
    except RUN_ERRORS as error:
        if "not an ancestor" not in str(error):
            raise
        raise PublicationError(
            f"{table}: rows wait in its branch {AUDIT_BRANCH} and can't be published, since something else has written "
            f"to the table after the branch began. Nothing was written and nothing is lost. Take the other change back "
            f"(CALL {catalog}.system.set_current_snapshot('{name}', {_fork(spark, table)})), bring its rows as a file, "
            "and start the job again"
        ) from error


def _fork(spark: SparkSession, table: str) -> int:
    """The newest snapshot that a table and its branch have in common; the branch's first where there is none."""
    there = iceberg_table(spark, table)
    of_main, of_audit = (_ancestors(there, there.snapshot(branch)) for branch in (MAIN, AUDIT_BRANCH))
    known = set(of_main)
    return next((each for each in of_audit if each in known), of_audit[-1])


def _ancestors(there: Any, snapshot: Any) -> list[int]:
    """The ids of a snapshot and of all before it, newest first."""
    found = []
    while snapshot is not None:
        found.append(int(snapshot.snapshotId()))
        parent = snapshot.parentId()
        snapshot = there.snapshot(parent) if parent is not None else None
    return found
