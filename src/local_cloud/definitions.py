"""Jobs, triggers and workflows as Terraform made them in the emulator."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local_cloud.protocol import GlueError, JsonObject
from local_cloud.settings import ACCOUNT
from local_cloud.store import Store

# What the emulator accepts in a definition and does not keep. The endpoint keeps it beside the emulator, so
# that MaxConcurrentRuns is obeyed and Terraform sees no drift. (Tags of a job it drops at CreateJob only.)
EXTRA_FIELDS = {
    "job": (
        "ExecutionProperty",
        "ExecutionClass",
        "NotificationProperty",
        "LogUri",
        "JobMode",
        "JobRunQueuingEnabled",
        "MaintenanceWindow",
        "SourceControlDetails",
    ),
    "trigger": ("EventBatchingCondition",),
    "workflow": (),  # the emulator cannot list workflows; the endpoint keeps their names
}
_DEFAULTS: dict[str, JsonObject] = {"job": {"ExecutionProperty": {"MaxConcurrentRuns": 1}}, "trigger": {}}


class Definitions:
    """Reads definitions from the emulator, completed by what it does not keep."""

    def __init__(self, glue: Any, store: Store, region: str) -> None:
        self._glue = glue
        self._store = store
        self._region = region

    def job(self, name: str) -> JsonObject:
        """A job by its name.

        Raises:
            GlueError: there is none.
        """
        return self.complete("job", _call(self._glue.get_job, JobName=name)["Job"])

    def jobs(self) -> list[JsonObject]:
        """All jobs."""
        return [self.complete("job", job) for job in _call(self._glue.get_jobs)["Jobs"]]

    def trigger(self, name: str) -> JsonObject:
        """A trigger by its name.

        Raises:
            GlueError: there is none.
        """
        return self.complete("trigger", _call(self._glue.get_trigger, Name=name)["Trigger"])

    def triggers(self, workflow: str | None = None) -> list[JsonObject]:
        """All triggers, or those of one workflow (an empty name: those of none)."""
        found = [self.complete("trigger", one) for one in _call(self._glue.get_triggers)["Triggers"]]
        return [one for one in found if workflow is None or one.get("WorkflowName", "") == workflow]

    def workflow(self, name: str) -> JsonObject:
        """A workflow by its name.

        Raises:
            GlueError: there is none.
        """
        found: JsonObject = _call(self._glue.get_workflow, Name=name)["Workflow"]
        return {key: value for key, value in found.items() if key != "LastRun"}

    def workflow_names(self) -> list[str]:
        """The names of all workflows that were made through the endpoint or have triggers."""
        named = {trigger.get("WorkflowName", "") for trigger in self.triggers()} - {""}
        return sorted(named | set(self._store.names_with_extras("workflow")))

    def complete(self, kind: str, definition: JsonObject) -> JsonObject:
        """Add what the emulator dropped, and drop the empty values that Glue would not show."""
        shown = {key: value for key, value in definition.items() if value not in ({}, [], "", None)}
        return {**_DEFAULTS[kind], **shown, **self._store.extras(kind, definition["Name"])}

    def keep(self, kind: str, name: str, definition: JsonObject) -> None:
        """Keep those parts of a new or changed definition that the emulator drops."""
        kept = {key: definition[key] for key in EXTRA_FIELDS[kind] if key in definition}
        self._store.set_extras(kind, name, kept)
        if kind == "job" and definition.get("Tags"):
            _call(self._glue.tag_resource, ResourceArn=self._job_arn(name), TagsToAdd=definition["Tags"])

    def job_tags(self, name: str) -> dict[str, str]:
        """The tags of a job."""
        return dict(_call(self._glue.get_tags, ResourceArn=self._job_arn(name))["Tags"])

    def forget(self, kind: str, name: str) -> None:
        """Forget what was kept about a definition that was deleted."""
        self._store.delete_extras(kind, name)
        if kind == "job":
            tags = list(self.job_tags(name))
            _call(self._glue.untag_resource, ResourceArn=self._job_arn(name), TagsToRemove=tags)

    def _job_arn(self, name: str) -> str:
        return f"arn:aws:glue:{self._region}:{ACCOUNT}:job/{name}"


def _call(operation: Any, **parameters: Any) -> JsonObject:
    try:
        answer: JsonObject = operation(**parameters)
    except ClientError as error:
        detail = error.response["Error"]
        raise GlueError(detail["Code"], detail["Message"]) from error
    return answer
