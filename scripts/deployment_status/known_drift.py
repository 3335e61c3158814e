"""What a plan right after an apply shows on the local cloud: the emulator does not give back what it was told."""

from __future__ import annotations

from collections.abc import Iterable

from deployment.planned import Change

# (type of the resource, action of the plan) -> what differs.
KNOWN_DRIFT = {
    ("aws_cloudwatch_composite_alarm", "replace"): "actions_enabled",
    ("aws_cloudwatch_metric_alarm", "change"): "most fields, in the protocol that the provider speaks",
    ("aws_glue_job", "change"): "execution_class, execution_property, notification_property; later the tags",
    ("aws_iam_role", "change"): "who may use a job's role: the local cloud adds itself",
}


def without_known(changes: Iterable[Change]) -> list[Change]:
    """The changes of a plan that the emulator does not explain."""
    return [change for change in changes if (change.kind, change.action) not in KNOWN_DRIFT]
