"""The Glue operations that the endpoint answers itself. All others go to the emulator."""

from __future__ import annotations

from collections.abc import Callable

from local_cloud import graph
from local_cloud.definitions import Definitions
from local_cloud.job_runs import JobRuns, JobStart, with_execution_time
from local_cloud.protocol import GlueError, JsonObject, invalid, page
from local_cloud.store import Store
from local_cloud.workflow_runs import WorkflowRuns

_RUN_OVERRIDES = ("WorkerType", "NumberOfWorkers", "MaxCapacity", "SecurityConfiguration", "ExecutionClass")
_BAD_ARGUMENT = "the name of an argument is empty"

Handler = Callable[[JsonObject], JsonObject]


class Operations:
    """One method for each operation; each takes a request and gives an answer, or raises GlueError."""

    def __init__(self, store: Store, definitions: Definitions, jobs: JobRuns, workflows: WorkflowRuns) -> None:
        self._store = store
        self._definitions = definitions
        self._jobs = jobs
        self._workflows = workflows
        self.handlers: dict[str, Handler] = {
            "StartJobRun": self._start_job_run,
            "GetJobRun": self._get_job_run,
            "GetJobRuns": self._get_job_runs,
            "BatchStopJobRun": self._batch_stop_job_run,
            "GetJob": self._get_job,
            "GetJobs": self._get_jobs,
            "ListJobs": self._list_jobs,
            "BatchGetJobs": self._batch_get_jobs,
            "GetTrigger": self._get_trigger,
            "GetTriggers": self._get_triggers,
            "BatchGetTriggers": self._batch_get_triggers,
            "GetWorkflow": self._get_workflow,
            "ListWorkflows": self._list_workflows,
            "BatchGetWorkflows": self._batch_get_workflows,
            "StartWorkflowRun": self._start_workflow_run,
            "GetWorkflowRun": self._get_workflow_run,
            "GetWorkflowRuns": self._get_workflow_runs,
            "StopWorkflowRun": self._stop_workflow_run,
            "ResumeWorkflowRun": self._resume_workflow_run,
            "GetWorkflowRunProperties": self._get_workflow_run_properties,
            "PutWorkflowRunProperties": self._put_workflow_run_properties,
        }

    def start_trigger(self, request: JsonObject) -> JsonObject | None:
        """Fire an ON_DEMAND trigger; None for the others, which the emulator activates."""
        trigger = self._definitions.trigger(request["Name"])
        if trigger["Type"] != "ON_DEMAND":
            return None
        self._workflows.fire(trigger)
        return {"Name": trigger["Name"]}

    def _start_job_run(self, request: JsonObject) -> JsonObject:
        arguments = request.get("Arguments") or {}
        if any(not name.strip("-") for name in arguments):
            raise invalid(_BAD_ARGUMENT)
        if request.get("Timeout", 1) < 1:
            raise invalid(f"Timeout is {request['Timeout']}; it must be at least 1 minute")
        previous = None
        if request.get("JobRunId"):
            previous = self._jobs.get(request["JobName"], request["JobRunId"])
            arguments = {**previous.get("Arguments", {}), **arguments}
        wish = JobStart(
            job=request["JobName"],
            arguments=arguments,
            timeout=request.get("Timeout"),
            overrides={name: request[name] for name in _RUN_OVERRIDES if name in request},
            previous=previous,
            queue=request.get("JobRunQueuingEnabled"),
        )
        return {"JobRunId": self._jobs.start(wish)}

    def _get_job_run(self, request: JsonObject) -> JsonObject:
        run = self._jobs.get(request["JobName"], request["RunId"])
        if not request.get("PredecessorsIncluded"):
            run.pop("PredecessorRuns", None)
        return {"JobRun": run}

    def _get_job_runs(self, request: JsonObject) -> JsonObject:
        name = request["JobName"]
        runs = self._store.job_runs(name)
        if not runs:
            self._definitions.job(name)  # an unknown job is an error, one that never ran is not
        chosen, token = page(runs, request, default=200)
        return {"JobRuns": [with_execution_time(run) for run in chosen], **token}

    def _batch_stop_job_run(self, request: JsonObject) -> JsonObject:
        name, stopped, errors = request["JobName"], [], []
        for run_id in request["JobRunIds"]:
            try:
                self._jobs.stop(name, run_id)
                stopped.append({"JobName": name, "JobRunId": run_id})
            except GlueError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def _get_job(self, request: JsonObject) -> JsonObject:
        return {"Job": _plain_times(self._definitions.job(request["JobName"]))}

    def _get_jobs(self, request: JsonObject) -> JsonObject:
        chosen, token = page(self._definitions.jobs(), request)
        return {"Jobs": [_plain_times(job) for job in chosen], **token}

    def _list_jobs(self, request: JsonObject) -> JsonObject:
        tags = request.get("Tags") or {}
        wanted = [job["Name"] for job in self._definitions.jobs()]
        if tags:
            wanted = [name for name in wanted if tags.items() <= self._definitions.job_tags(name).items()]
        names, token = page(sorted(wanted), request)
        return {"JobNames": names, **token}

    def _batch_get_jobs(self, request: JsonObject) -> JsonObject:
        jobs = {job["Name"]: _plain_times(job) for job in self._definitions.jobs()}
        names = request["JobNames"]
        return {
            "Jobs": [jobs[name] for name in names if name in jobs],
            "JobsNotFound": [name for name in names if name not in jobs],
        }

    def _get_trigger(self, request: JsonObject) -> JsonObject:
        return {"Trigger": self._definitions.trigger(request["Name"])}

    def _get_triggers(self, request: JsonObject) -> JsonObject:
        job = request.get("DependentJobName")
        triggers = self._definitions.triggers()
        if job:
            triggers = [t for t in triggers if any(a.get("JobName") == job for a in t.get("Actions", []))]
        chosen, token = page(triggers, request)
        return {"Triggers": chosen, **token}

    def _batch_get_triggers(self, request: JsonObject) -> JsonObject:
        triggers = {trigger["Name"]: trigger for trigger in self._definitions.triggers()}
        names = request["TriggerNames"]
        return {
            "Triggers": [triggers[name] for name in names if name in triggers],
            "TriggersNotFound": [name for name in names if name not in triggers],
        }

    def _get_workflow(self, request: JsonObject) -> JsonObject:
        name, include_graph = request["Name"], bool(request.get("IncludeGraph"))
        workflow = _plain_times(self._definitions.workflow(name))
        if not workflow.get("MaxConcurrentRuns"):
            workflow.pop("MaxConcurrentRuns", None)  # Glue shows no limit as no field
        runs = self._store.workflow_runs(name, limit=1)
        if runs:
            run_id = runs[0]["WorkflowRunId"]
            workflow["LastRun"] = self._workflows.get(name, run_id, include_graph=include_graph)
        if include_graph:
            workflow["Graph"] = graph.of_workflow(self._definitions.triggers(name))
        return {"Workflow": workflow}

    def _list_workflows(self, request: JsonObject) -> JsonObject:
        names, token = page(self._definitions.workflow_names(), request, default=25)
        return {"Workflows": names, **token}

    def _batch_get_workflows(self, request: JsonObject) -> JsonObject:
        found: list[JsonObject] = []
        missing = []
        for name in request["Names"]:
            try:
                asked = {"Name": name, "IncludeGraph": request.get("IncludeGraph")}
                found.append(self._get_workflow(asked)["Workflow"])
            except GlueError:
                missing.append(name)
        return {"Workflows": found, "MissingWorkflows": missing}

    def _start_workflow_run(self, request: JsonObject) -> JsonObject:
        return {"RunId": self._workflows.start(request["Name"], request.get("RunProperties"))}

    def _get_workflow_run(self, request: JsonObject) -> JsonObject:
        graph_wanted = bool(request.get("IncludeGraph"))
        return {"Run": self._workflows.get(request["Name"], request["RunId"], include_graph=graph_wanted)}

    def _get_workflow_runs(self, request: JsonObject) -> JsonObject:
        runs = self._workflows.runs_of(request["Name"], include_graph=bool(request.get("IncludeGraph")))
        chosen, token = page(runs, request)
        return {"Runs": chosen, **token}

    def _stop_workflow_run(self, request: JsonObject) -> JsonObject:
        self._workflows.stop(request["Name"], request["RunId"])
        return {}

    def _resume_workflow_run(self, request: JsonObject) -> JsonObject:
        run_id, nodes = self._workflows.resume(request["Name"], request["RunId"], request["NodeIds"])
        return {"RunId": run_id, "NodeIds": nodes}

    def _get_workflow_run_properties(self, request: JsonObject) -> JsonObject:
        run = self._workflows.get(request["Name"], request["RunId"])
        return {"RunProperties": run.get("WorkflowRunProperties", {})}

    def _put_workflow_run_properties(self, request: JsonObject) -> JsonObject:
        self._workflows.set_properties(request["Name"], request["RunId"], request["RunProperties"])
        return {}


def _plain_times(definition: JsonObject) -> JsonObject:
    """boto3 makes times of numbers; on the wire they are numbers."""
    return {name: value.timestamp() if hasattr(value, "timestamp") else value for name, value in definition.items()}
