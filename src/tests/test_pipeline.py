"""The frame of a stage: history, alerts, and one dataset after another whatever happens to the one before."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from etl.alerts import OUTBOX, SENT
from etl.errors import ContractError, DatasetsFailedError, ExpressionError
from etl.pipeline import METRIC_NAMESPACE, Pipeline, each_dataset, run_job, run_stage
from utils.glue_utils import MissingArgumentError

Start = Callable[..., Pipeline]


@pytest.fixture
def pipeline(start: Start) -> Pipeline:
    return start()


def history(pipeline: Pipeline) -> dict[str, Any]:
    item = pipeline.ledger.get("run#ingestion", pipeline.settings.run_id)
    assert item is not None
    return item


def nothing_fails(pipeline: Pipeline) -> dict[str, str]:
    return {}


def throwing(error: Exception) -> Callable[[Any], Any]:
    def throw(_: Any) -> Any:
        raise error

    return throw


# Stages --------------------------------------------------------------------------------------------------


def test_a_stage_is_running_while_it_works_and_succeeded_after_it(start: Start) -> None:
    pipeline = start(WORKFLOW_RUN_ID="wr_1")
    during: list[str] = []

    def work(given: Pipeline) -> dict[str, str]:
        assert given is pipeline
        during.append(history(pipeline)["status"])
        return {}

    run_stage(pipeline, "ingestion", work)
    assert during == ["RUNNING"]
    item = history(pipeline)
    assert (item["status"], item["job_name"], item["workflow_run_id"]) == ("SUCCEEDED", "job", "wr_1")
    assert item["started_at"] == pipeline.settings.started.isoformat()
    assert 0 <= float(item["seconds"]) < 60


def test_a_stage_with_failed_datasets_fails_and_says_which(pipeline: Pipeline) -> None:
    with pytest.raises(
        DatasetsFailedError, match=r"ingestion failed for 2 dataset\(s\): a: why; b: for this"
    ) as caught:
        run_stage(pipeline, "ingestion", lambda _: {"b": "for this", "a": "why"})
    assert caught.value.failures == {"a": "why", "b": "for this"}
    item = history(pipeline)
    assert item["status"] == "FAILED"
    assert item["reason"] == "DatasetsFailedError: ingestion failed for 2 dataset(s): a: why; b: for this"


def test_a_run_that_throws_is_recorded_as_failed_with_the_first_line_of_the_reason(pipeline: Pipeline) -> None:
    with pytest.raises(RuntimeError):
        run_stage(
            pipeline, "ingestion", throwing(RuntimeError("\n\nthe disk is full\n at java.lang.Thread" + "x" * 999))
        )
    assert (history(pipeline)["status"], history(pipeline)["reason"]) == ("FAILED", "RuntimeError: the disk is full")


def test_a_reason_of_our_own_is_recorded_whole_up_to_a_length(pipeline: Pipeline) -> None:
    with pytest.raises(ContractError):
        run_stage(pipeline, "ingestion", throwing(ContractError(["a.yml: key: no column 'x'", "y" * 600])))
    reason = history(pipeline)["reason"]
    assert reason.startswith("ContractError: 2 problem(s) in the dataset contracts: - a.yml: key: no column 'x' - yyy")
    assert len(reason) == 500


@pytest.mark.parametrize("failures", [{}, {"orders": "halted"}])
def test_alerts_are_sent_at_the_end_of_a_stage_also_when_it_fails(pipeline: Pipeline, failures: dict[str, str]) -> None:
    def work(given: Pipeline) -> dict[str, str]:
        given.alerts.queue("a", "subject", "message")
        return failures

    try:
        run_stage(pipeline, "ingestion", work)
    except DatasetsFailedError:
        assert failures
    assert pipeline.ledger.get(OUTBOX, "a")["status"] == SENT  # type: ignore[index]


def test_a_run_leaves_the_history_of_other_runs_alone(start: Start) -> None:
    first, second = start(), start()
    run_stage(first, "ingestion", nothing_fails)
    with pytest.raises(RuntimeError):
        run_stage(second, "ingestion", throwing(RuntimeError("x")))
    assert [history(run)["status"] for run in (first, second)] == ["SUCCEEDED", "FAILED"]


def test_a_job_without_its_arguments_does_nothing_but_say_so() -> None:
    with pytest.raises(MissingArgumentError, match="--raw_bucket"):
        run_job(["job.py", "--JOB_NAME", "x"], "ingestion", throwing(AssertionError("it must not come to work")))


# Datasets ------------------------------------------------------------------------------------------------


def test_every_dataset_is_worked_on_in_order_and_one_that_fails_stops_no_other(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def work(dataset: str) -> None:
        done.append(dataset)
        if dataset == "b":
            raise ExpressionError("rule x\ndoes not compile")
        if dataset == "c":
            raise ValueError("unexpected\nand long")

    with caplog.at_level(logging.ERROR):
        failures = each_dataset(pipeline, ["a", "b", "c", "d"], work)
    assert done == ["a", "b", "c", "d"]
    assert failures == {"b": "ExpressionError: rule x does not compile", "c": "ValueError: unexpected"}
    # The stack of what nobody foresaw, and no stack of what has a good message.
    assert caplog.text.count("Traceback") == 1
    assert "c failed: ValueError: unexpected" in caplog.text


def test_a_run_that_is_limited_to_a_dataset_works_on_no_other(start: Start) -> None:
    done: list[str] = []
    assert each_dataset(start(dataset="b"), iter(["a", "b", "c"]), done.append) == {}
    assert done == ["b"]


def test_a_run_limited_to_a_dataset_that_is_not_there_fails_and_says_which_are(start: Start) -> None:
    done: list[str] = []
    failures = each_dataset(start(dataset="ordres"), ["customers", "orders"], done.append)
    assert failures == {"ordres": "there is nothing of it at this stage; datasets are customers, orders"}
    assert done == []


# Contracts and metrics -----------------------------------------------------------------------------------


def test_contracts_are_read_from_their_folder_and_other_files_are_left(start: Start, lake: Any) -> None:
    lake.put("scripts", "config/datasets/a.json", '{"name": "a", "columns": [{"name": "x", "type": "long"}]}')
    lake.put("scripts", "config/datasets/b.yml", "{name: b, columns: [{name: x, type: long}]}")
    lake.put("scripts", "config/datasets/c.yaml", "{name: c, columns: [{name: x, type: long}]}")
    lake.put("scripts", "config/datasets/README.md", "not a contract")
    pipeline = start(contracts_path=f"s3://{lake.bucket('scripts')}/config/datasets")
    assert sorted(pipeline.contracts()) == ["a", "b", "c"]


def test_a_wrong_contract_stops_the_run_by_name(start: Start, lake: Any) -> None:
    lake.put("scripts", "config/datasets/a.json", '{"name": "a"}')
    pipeline = start(contracts_path=f"s3://{lake.bucket('scripts')}/config/datasets")
    with pytest.raises(ContractError, match=r"a\.json: the contract: field 'columns' is missing"):
        pipeline.contracts()


def test_no_contracts_are_none(start: Start, lake: Any) -> None:
    assert start(contracts_path=f"s3://{lake.bucket('scripts')}/nothing").contracts() == {}


def test_metrics_carry_environment_and_dataset(pipeline: Pipeline) -> None:
    pipeline.emit("orders", RowsRead=7, Score=97.5)
    found = boto3.client("cloudwatch").list_metrics(Namespace=METRIC_NAMESPACE)["Metrics"]
    dimensions = [{"Name": "Environment", "Value": "test"}, {"Name": "Dataset", "Value": "orders"}]
    assert {metric["MetricName"] for metric in found} == {"RowsRead", "Score"}
    assert all(metric["Dimensions"] == dimensions for metric in found)


class CloudWatchDown:
    """CloudWatch that refuses everything."""

    def put_metric_data(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "PutMetricData")


def test_metrics_that_can_not_be_sent_are_logged_and_stop_nothing(
    pipeline: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        replace(pipeline, cloudwatch=CloudWatchDown()).emit("orders", RowsRead=7)
    assert "metrics of orders were not sent" in caplog.text
