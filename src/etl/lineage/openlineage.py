"""A processed batch as an OpenLineage event, written as JSON next to the reports (https://openlineage.io, spec 2-0-2).

One event tells one batch: COMPLETE when it is in the curated tables, FAIL when it is not. It names what was read and
written, with schemas, snapshots and counts, in the format's own facets; rows, steps and rule hits stand in a facet of
our own, whose schema is ``facets.schema.json`` beside this module. Column lineage is left out: what Spark would have to
tell for it (the plan of every expression, SQL step and Python step) is not asked for, and a guess would be worse.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

import pyspark

from etl.contracts import Contract
from etl.ledger import utc_now
from etl.lineage.record import BatchRecord, Data
from etl.settings import Settings
from utils.glue_utils import Storage

# No address, since each team has its own copy of this pipeline.
PRODUCER = "urn:glue-etl-pipeline"
OWN_FACET = "glueEtl_processing"
OWN_SCHEMA = f"{PRODUCER}:lineage:1#/$defs/ProcessingRunFacet"
_SPEC = "https://openlineage.io/spec"
_EVENT_SCHEMA = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
# The versions of the facets that are used.
_VERSIONS = {
    "ParentRunFacet": "1-2-0",
    "ProcessingEngineRunFacet": "1-1-1",
    "ErrorMessageRunFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "SQLJobFacet": "1-1-0",
    "DocumentationDatasetFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "StorageDatasetFacet": "1-0-1",
    "SymlinksDatasetFacet": "1-0-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "InputStatisticsInputDatasetFacet": "1-0-0",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
}
_JOB_SUFFIX = "-data-processing"


def write_event(storage: Storage, settings: Settings, record: BatchRecord, contract: Contract) -> str:
    """Write the event of a batch; a batch that is done again has the same file.

    Args:
        storage: of the quality bucket.
        settings: of the run.
        record: the batch, with ``error`` where it failed.
        contract: the dataset's.

    Returns:
        The URI of the file.
    """
    uri = event_uri(settings, record)
    event = run_event(settings, record, contract, utc_now())
    storage.write_text(uri, json.dumps(event, indent=1, ensure_ascii=False))
    return uri


def event_uri(settings: Settings, record: BatchRecord) -> str:
    """Where the event of a batch is: by the day of its planning, so that it does not move when it is done again."""
    planned = datetime.fromisoformat(record.planned_at)
    return f"{settings.quality}reports/{record.dataset}/{planned:%Y/%m/%d}/lineage-{record.batch_id}.json"


def run_event(settings: Settings, record: BatchRecord, contract: Contract, at: datetime) -> dict[str, Any]:
    """The event itself, ready for ``json.dumps``.

    Args:
        settings: of the run; job and run ids come from it.
        record: the batch.
        contract: the dataset's.
        at: when the batch was done or had failed, with its time zone.
    """
    run_id = _uuid("batch", settings.run_id, record.dataset, record.batch_id)
    return {
        "eventType": "FAIL" if record.error else "COMPLETE",
        "eventTime": at.isoformat(),
        "producer": PRODUCER,
        "schemaURL": _EVENT_SCHEMA,
        "run": {"runId": run_id, "facets": _run_facets(settings, record, contract)},
        "job": {
            "namespace": _namespace(settings),
            "name": f"data-processing.{record.dataset}",
            "facets": _job_facets(contract),
        },
        "inputs": [_input(data) for data in record.inputs],
        "outputs": [_output(data, contract, position == 0) for position, data in enumerate(record.outputs)],
    }


def _namespace(settings: Settings) -> str:
    """The pipeline and its environment, e.g. ``glue-etl-pipeline-dev``."""
    return settings.job_name.removesuffix(_JOB_SUFFIX)


def _uuid(*names: str) -> str:
    """OpenLineage knows runs by UUID, Glue by texts of its own: the same text always gives the same UUID."""
    return str(uuid5(NAMESPACE_URL, ":".join((PRODUCER, *names))))


def _facet(kind: str, **content: Any) -> dict[str, Any]:
    url = f"{_SPEC}/facets/{_VERSIONS[kind]}/{kind}.json#/$defs/{kind}"
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def _run_facets(settings: Settings, record: BatchRecord, contract: Contract) -> dict[str, Any]:
    facets = {
        "parent": _parent(settings),
        "processing_engine": _facet("ProcessingEngineRunFacet", name="spark", version=pyspark.__version__),
        OWN_FACET: _own_facet(settings, record, contract),
    }
    if record.error:
        facets["errorMessage"] = _facet("ErrorMessageRunFacet", message=record.error, programmingLanguage="PYTHON")
    return facets


def _parent(settings: Settings) -> dict[str, Any]:
    """The job run that did the batch and, at the root, the workflow run that started it."""
    namespace = _namespace(settings)

    def reference(kind: str, run_id: str, job: str) -> dict[str, Any]:
        return {"run": {"runId": _uuid(kind, run_id)}, "job": {"namespace": namespace, "name": job}}

    job_run = reference("job", settings.run_id, settings.job_name)
    if not settings.workflow_run_id:
        return _facet("ParentRunFacet", **job_run)
    workflow = reference("workflow", settings.workflow_run_id, f"{namespace}-etl-workflow")
    return _facet("ParentRunFacet", **job_run, root=workflow)


def _own_facet(settings: Settings, record: BatchRecord, contract: Contract) -> dict[str, Any]:
    rules = {rule.name: rule for rule in contract.processing.rules}
    rows = {"read": record.rows_read, "rejected": record.rows_rejected, "curated": record.rows_curated}
    steps = [
        {
            "name": step.name,
            "failed": step.failed,
            **_known(seconds=step.seconds, rowsIn=step.rows_in, rowsOut=step.rows_out),
        }
        for step in record.steps
    ]
    hits = [
        {
            "name": name,
            "rows": count,
            **({"onFailure": rules[name].on_failure, "condition": rules[name].condition} if name in rules else {}),
        }
        for name, count in record.rule_hits.items()
    ]
    return {
        "_producer": PRODUCER,
        "_schemaURL": OWN_SCHEMA,
        "batchId": record.batch_id,
        "plannedAt": record.planned_at,
        "startedAt": record.started.isoformat(),
        "jobRunId": settings.run_id,
        **_known(workflowRunId=settings.workflow_run_id or None),
        "rows": _known(**rows),
        "steps": steps,
        "rules": hits,
        "unmatched": [{"reference": name, "rows": count} for name, count in record.unmatched.items()],
    }


def _job_facets(contract: Contract) -> dict[str, Any]:
    facets = {"jobType": _facet("JobTypeJobFacet", processingType="BATCH", integration="SPARK", jobType="JOB")}
    steps = contract.processing.steps
    if steps:
        query = ";\n".join(f"-- {step.name}\n{step.sql.strip()}" for step in steps)
        facets["sql"] = _facet("SQLJobFacet", query=query, dialect="spark")
    return facets


def _input(data: Data) -> dict[str, Any]:
    statistics = _known(rowCount=data.rows, fileCount=data.files)
    facets = {"inputStatistics": _facet("InputStatisticsInputDatasetFacet", **statistics)} if statistics else {}
    return {**_dataset(data), "inputFacets": facets}


def _output(data: Data, contract: Contract, is_curated: bool) -> dict[str, Any]:
    dataset = _dataset(data)
    if is_curated and contract.description:
        dataset["facets"]["documentation"] = _facet("DocumentationDatasetFacet", description=contract.description)
    statistics = _known(rowCount=data.rows, fileCount=data.files)
    facets = {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", **statistics)} if statistics else {}
    return {**dataset, "outputFacets": facets}


def _dataset(data: Data) -> dict[str, Any]:
    """A dataset under the name that OpenLineage gives to what lies in S3: bucket and path."""
    place = urlsplit(data.uri, allow_fragments=False)
    namespace = f"{place.scheme}://{place.netloc}"
    facets: dict[str, Any] = {}
    if data.columns:
        fields = [{"name": name, "type": kind} for name, kind in data.columns.items()]
        facets["schema"] = _facet("SchemaDatasetFacet", fields=fields)
    if data.table:
        # As OpenLineage's own Spark integration names tables of Iceberg: the warehouse, database and table.
        identifier = {"namespace": namespace, "name": data.table.partition(".")[2], "type": "TABLE"}
        facets["symlinks"] = _facet("SymlinksDatasetFacet", identifiers=[identifier])
        facets["storage"] = _facet("StorageDatasetFacet", storageLayer="iceberg", fileFormat="parquet")
    if data.snapshot is not None:
        facets["version"] = _facet("DatasetVersionDatasetFacet", datasetVersion=str(data.snapshot))
    # A key may have a question mark, which is no query.
    name = f"{place.path}?{place.query}" if place.query else place.path
    return {"namespace": namespace, "name": name.strip("/") or "/", "facets": facets}


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
