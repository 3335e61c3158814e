"""The end of a workflow run, which AWS tells nobody of; runs slower than usual; alerts that wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from botocore.stub import Stubber

from .conftest import Context, job_state_change, metrics_in, sqs_event
from .watched import Inbox, make_state_table, monitoring_handler

PREFIX = "pipeline-test"
WORKFLOW = f"{PREFIX}-etl-workflow"
WORKFLOW_RUN = "wr_6a2f0e9d47b1c3558e0f9a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f809"
STAGES = ("ingestion", "processing", "quality")
JOBS = {stage: f"{PREFIX}-data-{stage}" for stage in STAGES}
STARTED = datetime(2024, 1, 15, 10, 0, tzinfo=timezone.utc)


@pytest.fixture
def table(aws: None) -> Any:
    return make_state_table()


@pytest.fixture
def inbox(aws: None) -> Inbox:
    return Inbox()


@pytest.fixture
def monitoring(table: Any, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return monitoring_handler(inbox, monkeypatch, WORKFLOW_NAME=WORKFLOW, REPORTS_URI="s3://quality/reports/index.html")


@pytest.fixture
def glue(monitoring: ModuleType) -> Iterator[Stubber]:
    """Glue's answers, in order; a call that is not expected is an error."""
    stubber = Stubber(monitoring.glue())
    with stubber:
        yield stubber


def job_run(stage: str, state: str = "SUCCEEDED", **facts: Any) -> dict[str, Any]:
    """A JobRun as GetJobRun and the graph of GetWorkflowRun give it."""
    begun = STARTED + timedelta(minutes=5 * STAGES.index(stage))
    return {
        "Id": f"jr_{stage}",
        "Attempt": 0,
        "TriggerName": f"{PREFIX}-start",
        "JobName": JOBS[stage],
        "StartedOn": begun,
        "LastModifiedOn": begun + timedelta(minutes=4),
        "CompletedOn": begun + timedelta(minutes=4),
        "JobRunState": state,
        "Arguments": {"--WORKFLOW_NAME": WORKFLOW, "--WORKFLOW_RUN_ID": WORKFLOW_RUN},
        "PredecessorRuns": [],
        "AllocatedCapacity": 2,
        "ExecutionTime": 225,
        "Timeout": 60,
        "MaxCapacity": 2.0,
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "LogGroupName": "/aws-glue/jobs",
        "GlueVersion": "5.1",
        "ExecutionClass": "STANDARD",
        **facts,
    }


def expect_job(glue: Stubber, run: dict[str, Any]) -> None:
    glue.add_response("get_job_run", {"JobRun": run}, {"JobName": run["JobName"], "RunId": run["Id"]})


def expect_workflow(glue: Stubber, runs: list[dict[str, Any]], status: str = "COMPLETED", running: int = 0) -> None:
    """What GetWorkflowRun answers: a node for each trigger and job, with the runs that there were."""
    states = [run["JobRunState"] for run in runs]
    nodes = [{"Type": "JOB", "Name": JOBS[stage], "UniqueId": f"wnode_{stage}", "JobDetails": {"JobRuns": [
        run for run in runs if run["JobName"] == JOBS[stage]
    ]}} for stage in STAGES]  # fmt: skip
    answer = {
        "Name": WORKFLOW,
        "WorkflowRunId": WORKFLOW_RUN,
        "WorkflowRunProperties": {"trigger": "file arrival", "object_count": "3", "first_key": "data/incoming/a.csv"},
        "StartedOn": STARTED,
        "Status": status,
        "Statistics": {
            "TotalActions": 3,
            "SucceededActions": states.count("SUCCEEDED"),
            "FailedActions": states.count("FAILED"),
            "StoppedActions": states.count("STOPPED"),
            "RunningActions": running,
        },
        "Graph": {"Nodes": [{"Type": "TRIGGER", "Name": f"{PREFIX}-start", "UniqueId": "wnode_start"}, *nodes]},
        **({} if status == "RUNNING" else {"CompletedOn": STARTED + timedelta(minutes=14)}),
    }
    asked = {"Name": WORKFLOW, "RunId": WORKFLOW_RUN, "IncludeGraph": True}
    glue.add_response("get_workflow_run", {"Run": answer}, asked)


def write_stages(table: Any) -> None:
    """What the jobs write of their runs."""
    ingested = {"files": 3, "files_refused": 1, "bytes": 3_400_000, "rows_in": 1200, "rows_out": 1100}
    totals = {
        "ingestion": {**ingested, "rows_refused": 100},
        "processing": {"rows_in": 1100, "rows_out": 1090, "rows_refused": 10},
    }
    orders = {"dataset": "orders", "score": Decimal("98.2"), "passed": True, "report": "s3://quality/reports/o.html"}
    customers = {"dataset": "customers", "score": Decimal(71), "passed": False, "report": "s3://quality/reports/c.html"}
    for stage in STAGES:
        facts = {"totals": totals[stage]} if stage in totals else {"checks": [orders, customers]}
        item = {"entity": f"run#{stage}", "id": f"jr_{stage}", "status": "SUCCEEDED", "updated_at": "2024-01-15"}
        table.put_item(Item={**item, "workflow_run_id": WORKFLOW_RUN, **facts})


def end(stage: str, state: str = "SUCCEEDED") -> dict[str, Any]:
    return sqs_event(job_state_change(JOBS[stage], f"jr_{stage}", state, time="2024-01-15T10:14:00Z"))


def test_a_workflow_run_is_recorded_measured_and_told_with_all_that_it_did(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_stages(table)
    runs = [job_run(stage) for stage in STAGES]
    expect_job(glue, runs[-1])
    expect_workflow(glue, runs)
    assert monitoring.handler(end("quality"), context) == {"batchItemFailures": []}
    [message] = inbox.messages()
    console = "https://console.aws.amazon.com"
    assert (message["Subject"], message["TopicArn"].rpartition(":")[2]) == (f"SUCCEEDED: {WORKFLOW}", "notifications")
    assert message["Message"] == (
        "The pipeline is through: 3 job(s) succeeded in 14 min 0 s.\n"
        "\n"
        "Where:    account 123456789012, region us-east-1\n"
        f"Run:      {WORKFLOW_RUN}\n"
        "Because:  file arrival: 3 file(s), the first data/incoming/a.csv\n"
        "Started:  2024-01-15 10:00:00 UTC\n"
        "Ended:    2024-01-15 10:14:00 UTC\n"
        "Duration: 14 min 0 s\n"
        "Files:    3 (3.4 MB), 1 of them refused\n"
        "Rows:     1,200 read, 1,090 curated, 110 refused\n"
        "Quality:  customers 71.00 (below its threshold), orders 98.20\n"
        "Cost:     about 0.17 USD (0.38 DPU hours)\n"
        f"Console:  {console}/glue/home?region=us-east-1#/v2/etl-configuration/workflows/view/{WORKFLOW}\n"
        f"Reports:  {console}/s3/object/quality?region=us-east-1&prefix=reports/index.html\n"
    )
    item = table.get_item(Key={"entity": f"workflow_run#{WORKFLOW}", "id": WORKFLOW_RUN})["Item"]
    assert (item["status"], item["succeeded"], item["seconds"]) == ("COMPLETED", True, 840)
    assert item["jobs"] == dict.fromkeys(JOBS.values(), "SUCCEEDED")
    assert (item["dpu_hours"], item["cost_usd"]) == (Decimal("0.375"), Decimal("0.165"))
    job, workflow = metrics_in(capsys.readouterr().out)
    assert (job["JobName"], job["JobLowestScore"], job["JobDpuHours"]) == (JOBS["quality"], [71.0], [0.125])
    assert workflow["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["WorkflowName"]]
    assert (workflow["WorkflowName"], workflow["WorkflowSuccesses"]) == (WORKFLOW, [1.0])
    assert (workflow["WorkflowDuration"], workflow["WorkflowCost"]) == ([840.0], [0.165])


def test_what_a_job_did_is_measured_with_its_run_and_once(
    monitoring: ModuleType, glue: Stubber, table: Any, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stages(table)
    for _ in range(2):
        expect_job(glue, job_run("ingestion"))
        monitoring.handler(end("ingestion"), context)
    [metrics] = metrics_in(capsys.readouterr().out)
    names = ("JobRowsIn", "JobRowsOut", "JobRowsRefused", "JobFiles", "JobBytes", "JobCost")
    assert [metrics[name] for name in names] == [[1200.0], [1100.0], [100.0], [3.0], [3_400_000.0], [0.055]]
    item = table.get_item(Key={"entity": f"glue_run#{JOBS['ingestion']}", "id": "jr_ingestion"})["Item"]
    assert (item["workflow_run_id"], item["totals"]["rows_in"]) == (WORKFLOW_RUN, 1200)


def test_a_workflow_run_with_a_job_that_failed_is_told_by_that_job_alone(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [job_run("ingestion", "FAILED"), job_run("processing"), job_run("quality")]
    expect_job(glue, runs[0])
    monitoring.handler(end("ingestion", "FAILED"), context)
    expect_job(glue, runs[-1])
    expect_workflow(glue, runs)
    monitoring.handler(end("quality"), context)
    assert inbox.subjects() == [f"notifications FAILED: {JOBS['ingestion']}"]
    assert metrics_in(capsys.readouterr().out)[-1]["WorkflowFailures"] == [1.0]


def test_the_workflow_run_is_known_from_the_job_where_glue_does_not_show_its_arguments(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    write_stages(table)
    expect_job(glue, job_run("quality", Arguments={}))
    expect_workflow(glue, [job_run(stage) for stage in STAGES])
    monitoring.handler(end("quality"), context)
    assert inbox.subjects() == [f"notifications SUCCEEDED: {WORKFLOW}"]


def test_a_workflow_run_that_broke_off_says_what_is_missing(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, context: Context
) -> None:
    runs = [job_run("ingestion", "STOPPED")]
    expect_job(glue, runs[0])
    expect_workflow(glue, runs, status="STOPPED")
    monitoring.handler(end("ingestion", "STOPPED"), context)
    stopped, broken = inbox.messages()
    assert stopped["Subject"] == f"STOPPED: {JOBS['ingestion']}"
    assert broken["Subject"] == f"STOPPED: {WORKFLOW}"
    assert f"Missing: {JOBS['processing']}, {JOBS['quality']}." in broken["Message"]
    assert f"aws glue start-workflow-run --name {WORKFLOW} --region us-east-1" in broken["Message"]


def test_a_workflow_run_that_glue_has_not_closed_yet_is_asked_for_again(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, table: Any, context: Context
) -> None:
    runs = [job_run("ingestion"), job_run("processing"), job_run("quality", "RUNNING")]
    expect_job(glue, job_run("quality"))
    expect_workflow(glue, runs, status="RUNNING", running=1)
    answer = monitoring.handler(end("quality"), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}  # and no error: Lambda's alarm stays silent
    assert inbox.messages() == []
    expect_job(glue, job_run("quality"))
    expect_workflow(glue, [*runs[:2], job_run("quality")], status="RUNNING")
    assert monitoring.handler(end("quality"), context) == {"batchItemFailures": []}
    assert inbox.subjects() == [f"notifications SUCCEEDED: {WORKFLOW}"]


def test_a_workflow_run_that_never_closes_is_left_to_the_health_summary(
    monitoring: ModuleType, glue: Stubber, inbox: Inbox, context: Context
) -> None:
    event = end("quality")
    event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "3"
    expect_job(glue, job_run("quality"))
    expect_workflow(glue, [job_run("quality", "RUNNING")], status="RUNNING", running=1)
    assert monitoring.handler(event, context) == {"batchItemFailures": []}


# Slower than usual -------------------------------------------------------------------------------------------


def write_history(table: Any, stage: str, seconds: list[int], rows: int = 1200) -> None:
    for day, took in enumerate(seconds, 1):
        facts = {"seconds": took, "totals": {"rows_in": rows}, "updated_at": f"2023-12-{day:02}T10:00:00+00:00"}
        table.put_item(Item={"entity": f"glue_run#{JOBS[stage]}", "id": f"jr_{day}", "status": "SUCCEEDED", **facts})


@pytest.mark.parametrize(
    ("seconds", "rows", "took", "is_told"),
    [
        ([100, 110, 90, 105, 95, 100, 100, 900, 100, 100], 1200, 225, True),
        ([100] * 9, 1200, 225, False),
        ([100, 300, 50, 200, 150, 250, 60, 400, 100, 350], 1200, 225, False),
        ([100] * 10, 1200, 155, False),
        ([100] * 10, 400, 225, False),
    ],
    ids=[
        "slower than its own usual, which one slow run does not change", "too few runs to say", "durations vary",
        "a little slower", "three times the rows take twice as long",
    ],
)  # fmt: skip
def test_a_run_slower_than_its_own_usual_is_told(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    seconds: list[int],
    rows: int,
    took: int,
    is_told: bool,
) -> None:
    write_stages(table)
    write_history(table, "ingestion", seconds, rows)
    expect_job(glue, job_run("ingestion", ExecutionTime=took))
    monitoring.handler(end("ingestion"), context)
    messages = inbox.messages("performance")
    assert bool(messages) == is_told
    if is_told:
        assert messages[0]["Subject"] == f"SLOW: {JOBS['ingestion']} took 2.2 times as long as usual"
        text = messages[0]["Message"]
        assert f"The Glue job {JOBS['ingestion']} took 3 min 45 s; usual is 1 min 40 s." in text.replace(
            "A run of t", "T"
        )
        assert "the median of the last 10 successful runs; slow from 2 min 40 s on" in text
        assert "Read:     1,200 rows, usually 1,200\n" in text


def test_a_job_as_fast_as_usual_again_is_told_once(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context
) -> None:
    write_stages(table)
    write_history(table, "ingestion", [100] * 20)
    for number, took in enumerate((225, 100, 100)):
        run = f"jr_again_{number}"
        item = {"entity": "run#ingestion", "id": run, "totals": {"rows_in": 1200}}
        table.put_item(Item=item)
        expect_job(glue, job_run("ingestion", Id=run, ExecutionTime=took))
        event = job_state_change(JOBS["ingestion"], run, "SUCCEEDED", time=f"2024-01-15T1{number}:00:00Z")
        monitoring.handler(sqs_event(event), context)
    assert [subject.split(":")[0] for subject in inbox.subjects()] == ["performance SLOW", "performance RECOVERED"]


# Alerts that wait --------------------------------------------------------------------------------------------


def write_alert(table: Any, minutes: float) -> None:
    """An alert in the outbox that has waited for some minutes."""
    at = (datetime.now(timezone.utc) - timedelta(minutes=minutes)).isoformat()
    alert = {"subject": "quality of orders is 71", "message": "the report", "status": "PENDING", "updated_at": at}
    table.put_item(Item={"entity": "outbox", "id": "quality#orders#b1", **alert})


@pytest.mark.parametrize(("minutes", "sent"), [(1, []), (6, ["alerts quality of orders is 71"])])
def test_an_alert_that_its_job_could_not_send_is_sent_and_one_on_its_way_is_left_alone(
    monitoring: ModuleType,
    glue: Stubber,
    table: Any,
    inbox: Inbox,
    context: Context,
    minutes: float,
    sent: list[str],
) -> None:
    write_alert(table, minutes)
    expect_job(glue, job_run("ingestion"))
    monitoring.handler(end("ingestion"), context)
    assert inbox.subjects() == sent
    item = table.get_item(Key={"entity": "outbox", "id": "quality#orders#b1"})["Item"]
    assert item["status"] == ("SENT" if sent else "PENDING")


def test_alerts_that_cannot_be_sent_are_told_to_those_who_mind_the_system(
    monitoring: ModuleType, glue: Stubber, table: Any, inbox: Inbox, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_alert(table, 20)
    outbox = monitoring.watch().outbox
    topic, outbox._topic_arn = outbox._topic_arn, "arn:aws:sns:us-east-1:123456789012:gone"
    for number in range(2):
        expect_job(glue, job_run("ingestion", Id=f"jr_{number}"))
        event = job_state_change(JOBS["ingestion"], f"jr_{number}", "SUCCEEDED", time=f"2024-01-15T1{number}:00:00Z")
        monitoring.handler(sqs_event(event), context)
    assert inbox.subjects() == ["system_health ALERTS WAIT: 1 can't be sent"]
    outbox._topic_arn = topic
    expect_job(glue, job_run("ingestion", Id="jr_9"))
    monitoring.handler(sqs_event(job_state_change(JOBS["ingestion"], "jr_9", "SUCCEEDED")), context)
    assert inbox.subjects() == [
        "alerts quality of orders is 71", "system_health RECOVERED: alerts are sent again",
    ]  # fmt: skip
