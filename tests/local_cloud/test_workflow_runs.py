"""Workflow runs, by boto3 over the wire."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.local_cloud.helpers import Cloud, conditional, on_demand, open_gate, waiting_script

OK = "print('ok')"
THROWS = "raise ValueError('no')"


def test_a_chain_of_jobs_runs_in_order_and_the_run_is_completed(cloud: Cloud) -> None:
    first, second, third = cloud.job(OK), cloud.job(OK), cloud.job(OK)
    name = cloud.workflow(
        on_demand(first),
        conditional("ANY", [(first, "SUCCEEDED"), (first, "FAILED")], second),
        conditional("AND", [(second, "SUCCEEDED")], third),
        MaxConcurrentRuns=1,
        DefaultRunProperties={"a": "default", "b": "default"},
    )
    run = cloud.run_workflow(name, RunProperties={"b": "of this run"})
    assert run["Status"] == "COMPLETED"
    assert re.fullmatch(r"wr_[0-9a-f]{64}", run["WorkflowRunId"])
    assert run["WorkflowRunProperties"] == {"a": "default", "b": "of this run"}
    assert run["Statistics"] == {
        "TotalActions": 3,
        "SucceededActions": 3,
        "FailedActions": 0,
        "TimeoutActions": 0,
        "StoppedActions": 0,
        "RunningActions": 0,
        "ErroredActions": 0,
        "WaitingActions": 0,
    }
    runs = [cloud.runs(job)[0] for job in (first, second, third)]
    assert all(before["CompletedOn"] <= after["StartedOn"] for before, after in itertools.pairwise(runs))
    assert all(
        (after["StartedOn"] - before["CompletedOn"]).total_seconds() < 1 for before, after in itertools.pairwise(runs)
    )


def test_a_job_of_a_workflow_sees_the_names_of_workflow_and_run(cloud: Cloud) -> None:
    job = cloud.job("import sys\nprint(sys.argv)")
    name = cloud.workflow(on_demand(job, Arguments={"--mode": "of the trigger"}))
    run = cloud.run_workflow(name)
    log = cloud.log(cloud.runs(job)[0])
    assert f"'--WORKFLOW_NAME', '{name}', '--WORKFLOW_RUN_ID', '{run['WorkflowRunId']}'" in log
    assert "'--mode', 'of the trigger'" in log


def test_and_waits_for_all_of_its_jobs(cloud: Cloud, gate: Path) -> None:
    fast, slow, after = cloud.job(OK), cloud.job(waiting_script(gate)), cloud.job(OK)
    name = cloud.workflow(on_demand(fast, slow), conditional("AND", [(fast, "SUCCEEDED"), (slow, "SUCCEEDED")], after))
    run_id = cloud.glue.start_workflow_run(Name=name)["RunId"]
    cloud.wait(fast, cloud.runs(fast)[0]["Id"])
    assert cloud.runs(after) == []
    open_gate(gate)
    assert cloud.wait_workflow(name, run_id)["Statistics"]["SucceededActions"] == 3
    predecessors = cloud.glue.get_job_run(JobName=after, RunId=cloud.runs(after)[0]["Id"], PredecessorsIncluded=True)[
        "JobRun"
    ]["PredecessorRuns"]
    assert {one["JobName"] for one in predecessors} == {fast, slow}


def test_and_does_not_fire_when_one_of_its_jobs_failed(cloud: Cloud) -> None:
    good, bad, after = cloud.job(OK), cloud.job(THROWS), cloud.job(OK)
    name = cloud.workflow(on_demand(good, bad), conditional("AND", [(good, "SUCCEEDED"), (bad, "SUCCEEDED")], after))
    run = cloud.run_workflow(name)
    assert (run["Status"], run["Statistics"]["FailedActions"]) == ("COMPLETED", 1)
    assert cloud.runs(after) == []


def test_any_fires_once_though_all_of_its_conditions_are_met(cloud: Cloud) -> None:
    one, other, after = cloud.job(OK), cloud.job(OK), cloud.job(OK)
    name = cloud.workflow(on_demand(one, other), conditional("ANY", [(one, "SUCCEEDED"), (other, "SUCCEEDED")], after))
    assert cloud.run_workflow(name)["Statistics"]["SucceededActions"] == 3
    assert len(cloud.runs(after)) == 1


def test_a_trigger_waits_for_the_last_attempt_of_a_job(cloud: Cloud, tmp_path: Path) -> None:
    mark = tmp_path / "tried"
    flaky = cloud.job(
        f"import pathlib\np = pathlib.Path({str(mark)!r})\n"
        "if not p.exists():\n    p.touch()\n    raise ValueError('first time')",
        MaxRetries=1,
    )
    after_failure, after_success = cloud.job(OK), cloud.job(OK)
    name = cloud.workflow(
        on_demand(flaky),
        conditional("ANY", [(flaky, "FAILED")], after_failure),
        conditional("ANY", [(flaky, "SUCCEEDED")], after_success),
    )
    run = cloud.run_workflow(name)
    assert run["Statistics"]["SucceededActions"] == 2
    assert run["Statistics"]["FailedActions"] == 0
    assert (len(cloud.runs(after_failure)), len(cloud.runs(after_success))) == (0, 1)


def test_a_trigger_that_is_not_active_does_not_fire(cloud: Cloud) -> None:
    first, after = cloud.job(OK), cloud.job(OK)
    name = cloud.workflow(
        on_demand(first), {**conditional("ANY", [(first, "SUCCEEDED")], after), "StartOnCreation": False}
    )
    assert cloud.run_workflow(name)["Status"] == "COMPLETED"
    assert cloud.runs(after) == []


def test_a_workflow_has_no_more_runs_at_once_than_it_may(cloud: Cloud, gate: Path) -> None:
    name = cloud.workflow(on_demand(cloud.job(waiting_script(gate))), MaxConcurrentRuns=1)
    run_id = cloud.glue.start_workflow_run(Name=name)["RunId"]
    with pytest.raises(ClientError) as refused:
        cloud.glue.start_workflow_run(Name=name)
    assert refused.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    open_gate(gate)
    assert cloud.wait_workflow(name, run_id)["Status"] == "COMPLETED"
    assert len(cloud.glue.get_workflow_runs(Name=name)["Runs"]) == 1


def test_a_job_that_is_busy_elsewhere_is_an_errored_action(cloud: Cloud, gate: Path) -> None:
    job = cloud.job(waiting_script(gate))
    alone = cloud.start(job)
    run = cloud.run_workflow(cloud.workflow(on_demand(job)))
    assert (run["Status"], run["Statistics"]["ErroredActions"]) == ("COMPLETED", 1)
    assert "ConcurrentRunsExceededException" in cloud.runs(job)[0]["ErrorMessage"]
    open_gate(gate)
    cloud.wait(job, alone)


def test_a_stopped_workflow_run_stops_its_job_and_starts_no_other(cloud: Cloud, gate: Path) -> None:
    slow, after = cloud.job(waiting_script(gate)), cloud.job(OK)
    name = cloud.workflow(on_demand(slow), conditional("ANY", [(slow, "STOPPED")], after))
    run_id = cloud.glue.start_workflow_run(Name=name)["RunId"]
    cloud.glue.stop_workflow_run(Name=name, RunId=run_id)
    run = cloud.wait_workflow(name, run_id)
    assert (run["Status"], run["Statistics"]["StoppedActions"]) == ("STOPPED", 1)
    assert cloud.runs(after) == []
    with pytest.raises(ClientError, match="IllegalWorkflowStateException"):
        cloud.glue.stop_workflow_run(Name=name, RunId=run_id)


def test_a_workflow_shows_its_last_run_and_its_graph(cloud: Cloud) -> None:
    first, second = cloud.job(OK), cloud.job(OK)
    name = cloud.workflow(on_demand(first), conditional("ANY", [(first, "SUCCEEDED")], second))
    run = cloud.run_workflow(name)
    shown = cloud.glue.get_workflow(Name=name, IncludeGraph=True)["Workflow"]
    assert shown["LastRun"]["WorkflowRunId"] == run["WorkflowRunId"]
    assert sorted(node["Type"] for node in shown["Graph"]["Nodes"]) == ["JOB", "JOB", "TRIGGER", "TRIGGER"]
    assert len(shown["Graph"]["Edges"]) == 3
    graph = cloud.glue.get_workflow_run(Name=name, RunId=run["WorkflowRunId"], IncludeGraph=True)["Run"]["Graph"]
    states = {
        node["Name"]: node["JobDetails"]["JobRuns"][0]["JobRunState"]
        for node in graph["Nodes"]
        if node["Type"] == "JOB"
    }
    assert states == {first: "SUCCEEDED", second: "SUCCEEDED"}


def test_workflows_are_listed_though_the_emulator_cannot(cloud: Cloud) -> None:
    name = cloud.workflow(on_demand(cloud.job(OK)))
    pages = cloud.glue.get_paginator("list_workflows").paginate(PaginationConfig={"PageSize": 3})
    assert name in [one for answer in pages for one in answer["Workflows"]]
    found = cloud.glue.batch_get_workflows(Names=[name, "none"])
    assert ([one["Name"] for one in found["Workflows"]], found["MissingWorkflows"]) == ([name], ["none"])
    cloud.glue.delete_workflow(Name=name)
    assert cloud.glue.batch_get_workflows(Names=[name])["MissingWorkflows"] == [name]


def test_a_workflow_run_resumes_at_a_job_that_failed(cloud: Cloud, tmp_path: Path) -> None:
    mark = tmp_path / "mended"
    first, last = cloud.job(OK), cloud.job(OK)
    broken = cloud.job(f"import os\nassert os.path.exists({str(mark)!r}), 'not mended yet'")
    name = cloud.workflow(
        on_demand(first),
        conditional("ANY", [(first, "SUCCEEDED")], broken),
        conditional("AND", [(first, "SUCCEEDED"), (broken, "SUCCEEDED")], last),
    )
    failed = cloud.run_workflow(name)
    mark.touch()
    nodes = cloud.glue.get_workflow(Name=name, IncludeGraph=True)["Workflow"]["Graph"]["Nodes"]
    node = next(one["UniqueId"] for one in nodes if one["Name"] == broken)
    answer = cloud.glue.resume_workflow_run(Name=name, RunId=failed["WorkflowRunId"], NodeIds=[node])
    run = cloud.wait_workflow(name, answer["RunId"])
    assert run["PreviousRunId"] == failed["WorkflowRunId"]
    assert run["Statistics"]["SucceededActions"] == 2
    assert [len(cloud.runs(job)) for job in (first, broken, last)] == [1, 2, 1]


def test_properties_of_a_run_can_be_read_and_added_to(cloud: Cloud) -> None:
    name = cloud.workflow(on_demand(cloud.job(OK)))
    run = cloud.run_workflow(name, RunProperties={"a": "1"})
    names = {"Name": name, "RunId": run["WorkflowRunId"]}
    cloud.glue.put_workflow_run_properties(**names, RunProperties={"b": "2"})
    assert cloud.glue.get_workflow_run_properties(**names)["RunProperties"] == {"a": "1", "b": "2"}


def test_starting_an_on_demand_trigger_starts_its_workflow(cloud: Cloud) -> None:
    job = cloud.job(OK)
    name = cloud.workflow({**on_demand(job), "Name": f"start-{job}"})
    cloud.glue.start_trigger(Name=f"start-{job}")
    run = cloud.glue.get_workflow_runs(Name=name)["Runs"][0]
    assert cloud.wait_workflow(name, run["WorkflowRunId"])["Status"] == "COMPLETED"


def test_triggers_outside_of_workflows_chain_jobs_too(cloud: Cloud) -> None:
    first, second = cloud.job(OK), cloud.job(OK)
    cloud.glue.create_trigger(Name=f"free-{first}", **on_demand(first))
    cloud.glue.create_trigger(
        Name=f"free-{second}", StartOnCreation=True, **conditional("ANY", [(first, "SUCCEEDED")], second)
    )
    cloud.glue.start_trigger(Name=f"free-{first}")
    cloud.wait(first, cloud.runs(first)[0]["Id"])
    assert cloud.wait(second, cloud.runs(second)[0]["Id"])["JobRunState"] == "SUCCEEDED"


def test_a_trigger_is_shown_without_the_empty_fields_of_the_emulator(cloud: Cloud) -> None:
    job = cloud.job(OK)
    cloud.workflow({**on_demand(job), "Name": f"plain-{job}"})
    shown = cloud.glue.get_trigger(Name=f"plain-{job}")["Trigger"]
    assert not {"Schedule", "Predicate", "Description"} & set(shown)
