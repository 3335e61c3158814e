"""OpenLineage events: each is held against the classes that the format's own Python client makes of its schemas."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

import attr
import fastjsonschema
import pytest
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    documentation_dataset,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    sql_job,
    storage_dataset,
    symlinks_dataset,
)
from openlineage.client.generated.base import RunEvent
from openlineage.client.serde import Serde

import etl
from etl.contracts import Contract, Processing, Rule, SqlStep
from etl.lineage.openlineage import OWN_FACET, OWN_SCHEMA, run_event, write_event
from etl.lineage.record import BatchRecord, Data, Step
from etl.settings import REQUIRED, Settings, settings_from
from shop import INGEST, PROCESS, Shop
from utils.glue_utils import Storage

AT = datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc)
FACETS: dict[str, type] = {
    "parent": parent_run.ParentRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "sql": sql_job.SQLJobFacet,
    "documentation": documentation_dataset.DocumentationDatasetFacet,
    "schema": schema_dataset.SchemaDatasetFacet,
    "storage": storage_dataset.StorageDatasetFacet,
    "symlinks": symlinks_dataset.SymlinksDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}
CONTRACT = Contract(
    "orders",
    description="What was ordered.",
    processing=Processing(
        rules=(Rule("positive", "amount > 0"), Rule("known", "region is not null", "flag")),
        steps=(
            SqlStep("ranked", "select *, row_number() over (order by at) as n from batch\n"),
            SqlStep("b", "select 1"),
        ),
    ),
)


@pytest.fixture
def settings() -> Settings:
    given = dict.fromkeys(REQUIRED, "x") | {
        "JOB_NAME": "glue-etl-pipeline-dev-data-processing",
        "JOB_RUN_ID": "jr_1",
        "WORKFLOW_RUN_ID": "wr_1",
        "environment": "dev",
        "quality_bucket": "quality",
        "alerts_topic_arn": "arn:aws:sns:us-east-1:000000000000:alerts",
    }
    return settings_from(given)


@pytest.fixture
def record() -> BatchRecord:
    record = BatchRecord("orders", "20240115T093000123-4f1c2a9b", "2024-01-15T09:30:00.123000+00:00", AT)
    record.rows_read, record.rows_rejected, record.rows_curated = 10, 1, 9
    record.inputs += [
        Data("s3://processed/orders/batch_id=1/", rows=10, columns={"id": "string", "amount": "decimal(12,2)"}),
        Data("s3://curated/db/customers", "glue_catalog.db.customers", 11, columns={"id": "string"}),
        Data("s3://scripts/config/reference/what?.csv"),
    ]
    record.outputs += [
        Data("s3://curated/db/orders", "glue_catalog.db.orders", 12, 9, 1, {"id": "string"}),
        Data("s3://curated/db/daily", "glue_catalog.db.daily", 13, 2),
    ]
    record.steps += [Step("survey", 1.25, 10, 9), Step("put", 0.5)]
    record.rule_hits |= {"positive": 1, "known": 0}
    record.unmatched["customers"] = 3
    return record


def structured(kind: Any, value: Any, place: str = "event") -> Any:
    """A value as the client's classes have it; whatever they don't know, or know with another type, is an error."""
    if get_origin(kind) in (Union, types.UnionType):
        [kind] = [option for option in get_args(kind) if option is not type(None)]
    if get_origin(kind) is list:
        return [structured(get_args(kind)[0], item, f"{place}[{n}]") for n, item in enumerate(value)]
    if get_origin(kind) is dict:
        return {name: structured(_facet_class(name, place), item, f"{place}.{name}") for name, item in value.items()}
    if get_origin(kind) is Literal:
        assert value in get_args(kind), place
        return value
    if not isinstance(kind, type) or not attr.has(kind):
        assert isinstance(value, str if issubclass(kind, Enum) else kind), f"{place}: {value!r} is no {kind}"
        return kind(value) if issubclass(kind, Enum) else value
    return _object(kind, value, place)


def _facet_class(name: str, place: str) -> type:
    assert name in FACETS, f"{place}: {name} is no facet of the specification that is used here"
    return FACETS[name]


def _object(kind: Any, value: Mapping[str, Any], place: str) -> Any:
    hints = get_type_hints(kind, include_extras=True)
    known = {field.name: field for field in attr.fields(kind) if get_origin(hints[field.name]) is not ClassVar}
    strange = set(value) - set(known)
    assert not strange, f"{place}: {sorted(strange)} not in {kind.__name__}"
    made = kind(**{
        known[name].alias: structured(hints[name], item, f"{place}.{name}")
        for name, item in value.items() if known[name].init
    })  # fmt: skip
    for name in ("_schemaURL", "schemaURL"):
        assert value.get(name) == getattr(made, name, None), f"{place}: {name} is not the client's"
    return made


def own_facet(event: dict[str, Any]) -> dict[str, Any]:
    """Take our own facet out of an event: the client has no class for it."""
    facet: dict[str, Any] = event["run"]["facets"].pop(OWN_FACET)
    return facet


def without_empty(value: Any) -> Any:
    """As the client writes it: without empty lists, mappings and nulls."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, {}, [])}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def held_against_the_client(event: dict[str, Any]) -> None:
    own_facet(event)
    written = json.loads(Serde.to_json(structured(RunEvent, event)))
    assert without_empty(written) == without_empty(event)


def test_an_event_of_a_batch_is_what_the_client_of_the_format_knows(settings: Settings, record: BatchRecord) -> None:
    event = run_event(settings, record, CONTRACT, AT)
    assert (event["eventType"], event["eventTime"]) == ("COMPLETE", "2024-01-15T10:00:00+00:00")
    held_against_the_client(event)


def test_an_event_without_workflow_counts_rules_and_description_is_one_too(settings: Settings) -> None:
    bare = BatchRecord("orders", "b1", "2024-01-15T09:30:00+00:00", inputs=[Data("s3://processed/orders/b1/")])
    given = {**vars(settings), "workflow_run_id": ""}
    held_against_the_client(run_event(Settings(**given), bare, Contract("orders"), AT))


def test_a_batch_that_failed_is_told_with_its_reason(settings: Settings, record: BatchRecord) -> None:
    record.error = "TableSchemaError: amount is a long in the table"
    event = run_event(settings, record, CONTRACT, AT)
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"] == record.error
    held_against_the_client(event)


def test_what_the_client_does_not_know_is_noticed_by_this_test(settings: Settings, record: BatchRecord) -> None:
    def changed(**changes: Any) -> dict[str, Any]:
        event = run_event(settings, record, CONTRACT, AT)
        event["outputs"][0]["facets"]["version"] |= changes
        return event

    for changes in ({"datasetVersion": 12}, {"version": "12"}, {"_schemaURL": "https://openlineage.io/spec/x.json"}):
        with pytest.raises(AssertionError, match=r"event\.outputs\[0\]\.facets\.version"):
            held_against_the_client(changed(**changes))


def test_our_own_facet_is_what_its_published_schema_says(settings: Settings, record: BatchRecord) -> None:
    schema = json.loads(Path(etl.__file__).with_name("lineage").joinpath("facets.schema.json").read_text())
    assert OWN_SCHEMA.partition("#")[0] == schema["$id"]
    facet = own_facet(run_event(settings, record, CONTRACT, AT))
    fastjsonschema.compile(schema)(facet)
    with pytest.raises(fastjsonschema.JsonSchemaException):
        fastjsonschema.compile(schema)({**facet, "rules": [{"name": "positive"}]})
    assert facet["rules"] == [
        {"name": "positive", "rows": 1, "onFailure": "reject", "condition": "amount > 0"},
        {"name": "known", "rows": 0, "onFailure": "flag", "condition": "region is not null"},
    ]
    assert facet["rows"] == {"read": 10, "rejected": 1, "curated": 9}
    assert facet["steps"][0] == {"name": "survey", "failed": False, "seconds": 1.25, "rowsIn": 10, "rowsOut": 9}


def test_datasets_are_named_by_bucket_and_path_and_tables_by_their_database_too(
    settings: Settings, record: BatchRecord
) -> None:
    event = run_event(settings, record, CONTRACT, AT)
    assert [(data["namespace"], data["name"]) for data in event["inputs"]] == [
        ("s3://processed", "orders/batch_id=1"),
        ("s3://curated", "db/customers"),
        ("s3://scripts", "config/reference/what?.csv"),
    ]
    [identifier] = event["outputs"][0]["facets"]["symlinks"]["identifiers"]
    assert identifier == {"namespace": "s3://curated", "name": "db.orders", "type": "TABLE"}
    assert (event["job"]["namespace"], event["job"]["name"]) == ("glue-etl-pipeline-dev", "data-processing.orders")


def test_batches_of_one_job_run_have_one_parent_and_runs_of_their_own(settings: Settings, record: BatchRecord) -> None:
    first = run_event(settings, record, CONTRACT, AT)["run"]
    again = run_event(settings, record, CONTRACT, AT)["run"]
    record.batch_id = "another"
    other = run_event(settings, record, CONTRACT, AT)["run"]
    assert first["runId"] == again["runId"] != other["runId"]
    assert first["facets"]["parent"] == other["facets"]["parent"]
    assert first["facets"]["parent"]["root"]["job"]["name"] == "glue-etl-pipeline-dev-etl-workflow"


def test_an_event_lies_with_the_reports_of_its_day_and_is_written_over_when_the_batch_is_done_again(
    settings: Settings, record: BatchRecord, storage: Storage, lake: Any
) -> None:
    own = Settings(**{**vars(settings), "quality": f"s3://{lake.bucket('quality')}/"})
    record.error = "no"
    uri = write_event(storage, own, record, CONTRACT)
    record.error = ""
    assert write_event(storage, own, record, CONTRACT) == uri
    assert uri == f"{own.quality}reports/orders/2024/01/15/lineage-20240115T093000123-4f1c2a9b.json"
    [file] = storage.list_files(own.quality)
    event = json.loads(storage.read_text(file.uri))
    assert event["eventType"] == "COMPLETE"
    held_against_the_client(event)


def test_the_events_of_a_run_of_the_jobs_are_what_the_client_of_the_format_knows(shop: Shop) -> None:
    shop.contract()
    shop.drop("orders-1.csv", "1,5,2024-01-15T10:00:00Z", "2,-5,2024-01-15T10:00:00Z")
    shop.run(INGEST, PROCESS)
    [batch] = shop.batches()
    [text] = shop.text("quality", "reports/orders/**/lineage-*.json")
    event = json.loads(text)
    facet = event["run"]["facets"][OWN_FACET]
    assert facet["batchId"] == batch["id"]
    assert facet["rows"] == {"read": 2, "rejected": 1, "curated": 1}
    assert [(rule["name"], rule["rows"]) for rule in facet["rules"]] == [("positive", 1)]
    assert [data["name"].rpartition("/")[2] for data in event["outputs"]] == ["orders", "daily_orders"]
    assert all("version" in data["facets"] and "schema" in data["facets"] for data in event["outputs"])
    held_against_the_client(event)
