"""Maintenance of curated tables: small files made large, old snapshots let go, files that nobody knows removed.

All of it is Iceberg's own procedures, table by table, while the dataset's processing stands still (its lease). Readers
see no difference: every procedure is a commit, and files go only when no snapshot that is kept needs them. Killed
anywhere, the next run does what is left.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pyspark.sql import SparkSession

from etl.aggregate_tables import aggregate_tables
from etl.claims import utc_now
from etl.contracts import Contract, inferred
from etl.curated.branches import has_audit
from etl.curated.deletes import tombstone_table
from etl.curated.tables import iceberg_table, refresh, table_exists
from etl.leases import Lease, lease
from etl.ledger import INGESTED, PLANNED
from etl.names import AUDIT_BRANCH
from etl.pipeline import Pipeline, each_dataset
from etl.settings import LEAST_ORPHAN_RETENTION_DAYS

# Of the processing stage: while one run has it, no other writes the dataset's tables.
LEASE_STAGE = "processing"
# Kept however old they are, so that a table that changes rarely can be gone back in.
KEPT_SNAPSHOTS = 5


@dataclass(frozen=True)
class Maintained:
    """What maintenance did to one table.

    Attributes:
        files_before, files_after: data files of the current snapshot.
        snapshots_expired: snapshots that can no longer be read.
        orphans_removed: files in the table's folder that no snapshot knew.
    """

    files_before: int
    files_after: int
    snapshots_expired: int
    orphans_removed: int


def maintain(pipeline: Pipeline) -> dict[str, str]:
    """Maintain every curated table: those of datasets, their aggregates, and what lies beside these.

    What was done is logged and written down in the state table (``maintenance``, by table).

    Args:
        pipeline: the run; its settings say how long snapshots and unknown files are kept.

    Returns:
        dataset -> reason, for those that failed; one that another run is processing is among them.
    """
    contracts = pipeline.contracts()

    def work(dataset: str) -> None:
        contract = contracts.get(dataset, inferred(dataset))
        settings, ledger = pipeline.settings, pipeline.ledger
        tables = [
            name for name in table_names(pipeline, contract) if table_exists(pipeline.spark, settings.table(name))
        ]
        if not tables:
            return
        with lease(ledger.state, dataset, LEASE_STAGE, ledger.owner, settings.lease_seconds) as held:
            for name in tables:
                _maintain_one(pipeline, contract, name, held)

    return each_dataset(pipeline, sorted({*contracts, *pipeline.ledger.datasets()}), work)


def table_names(pipeline: Pipeline, contract: Contract) -> list[str]:
    """The tables that a dataset may have: its own, its deletes', its aggregates', and those of earlier aggregates."""
    recorded = (item["id"] for item in pipeline.ledger.items("table") if item.get("dataset") == contract.name)
    own = (contract.name, tombstone_table(contract.name))
    return [*dict.fromkeys((*own, *aggregate_tables(contract), *recorded))]


def _maintain_one(pipeline: Pipeline, contract: Contract, name: str, held: Lease) -> None:
    settings, ledger = pipeline.settings, pipeline.ledger
    # replace_batch takes whole files, and looks for them by the least and the greatest batch id in each. So no files of
    # several batches are made while there is a batch that may still be put in, whose id may lie in between.
    is_replaced = name == contract.name and not contract.key
    compacts = not is_replaced or not any(ledger.batches(contract.name, status) for status in (PLANNED, INGESTED))
    if not compacts:
        pipeline.log.info("%s: files are left as they are, since a batch is not processed yet", name)
    waits = has_audit(pipeline.spark, settings.table(name))
    if waits:
        pipeline.log.info(
            "%s: rows wait in its branch %s; files and snapshots are left as they are", name, AUDIT_BRANCH
        )
    before = settings.started - timedelta(days=settings.snapshot_retention_days)
    done = maintain_table(
        pipeline.spark, settings.table(name), held, before, settings.orphan_retention_days, compacts, waits
    )
    ledger.put("maintenance", name, dataset=contract.name, **asdict(done))
    pipeline.log.info(
        "%s: %d data files became %d, %d snapshots expired, %d unknown files removed",
        name,
        done.files_before,
        done.files_after,
        done.snapshots_expired,
        done.orphans_removed,
    )


def maintain_table(
    spark: SparkSession,
    table: str,
    held: Lease,
    expire_before: datetime,
    orphan_days: int,
    compacts: bool = True,
    waits: bool = False,
) -> Maintained:
    """Maintain one table.

    Args:
        spark: the session.
        table: full name.
        held: asked for before each procedure.
        expire_before: snapshots that are older go, but for the newest :data:`KEPT_SNAPSHOTS`.
        orphan_days: how old a file must be that no snapshot knows; at least :data:`LEAST_ORPHAN_RETENTION_DAYS`.
        compacts: whether data files may be put together.
        waits: whether rows wait in the table's audit branch. It can be published only while the table is where the
            branch began, so nothing is committed, and every snapshot in between stays.

    Raises:
        LeaseLostError: another run has the dataset by now; nothing more was done.
    """
    refresh(spark, table)
    catalog, _, name = table.partition(".")
    files_before, snapshots_before = _data_files(spark, table), _snapshots(spark, table)
    if compacts and not waits:
        # A table with an order is sorted over all files of a partition that are rewritten.
        strategy = "sort" if iceberg_table(spark, table).sortOrder().isSorted() else "binpack"
        with held.step("rewrite_data_files"):
            spark.sql(f"call {catalog}.system.rewrite_data_files(table => '{name}', strategy => '{strategy}')")
    if not waits:
        with held.step("rewrite_manifests"):
            spark.sql(f"call {catalog}.system.rewrite_manifests(table => '{name}', use_caching => false)")
        with held.step("expire_snapshots"):
            spark.sql(
                f"call {catalog}.system.expire_snapshots(table => '{name}', older_than => {_timestamp(expire_before)}, "
                f"retain_last => {KEPT_SNAPSHOTS}, stream_results => true)"
            )
    # By this machine's clock, as files' times are. Only files below the table's own folder are looked at; one that is
    # listed by another scheme or bucket than the table knows it by (s3 and s3a are one) makes the procedure fail.
    old = utc_now() - timedelta(days=max(orphan_days, LEAST_ORPHAN_RETENTION_DAYS))
    with held.step("remove_orphan_files"):
        orphans = spark.sql(
            f"call {catalog}.system.remove_orphan_files(table => '{name}', older_than => {_timestamp(old)})"
        ).count()
    expired = snapshots_before - _snapshots(spark, table)
    return Maintained(files_before, _data_files(spark, table), len(expired), orphans)


def _data_files(spark: SparkSession, table: str) -> int:
    current = iceberg_table(spark, table).currentSnapshot()
    return int(current.summary().get("total-data-files")) if current else 0


def _snapshots(spark: SparkSession, table: str) -> set[int]:
    return {int(snapshot.snapshotId()) for snapshot in iceberg_table(spark, table).snapshots()}


def _timestamp(moment: datetime) -> str:
    # The session's time zone is UTC.
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'"
