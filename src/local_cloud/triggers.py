"""When a conditional trigger fires. Pure: definitions and states in, an answer out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from local_cloud.protocol import JsonObject

START_TYPES = ("ON_DEMAND", "SCHEDULED", "EVENT")


def start_trigger(triggers: Iterable[JsonObject]) -> JsonObject | None:
    """The trigger that a run of a workflow starts with."""
    return next((trigger for trigger in triggers if trigger["Type"] in START_TYPES), None)


def fires(trigger: JsonObject, states: Mapping[str, str]) -> bool:
    """Whether a conditional trigger's predicate holds.

    Args:
        trigger: its definition.
        states: the final state of each job that has ended, by the job's name.
    """
    if trigger["Type"] != "CONDITIONAL" or trigger.get("State") != "ACTIVATED":
        return False
    conditions = watched(trigger)
    if not conditions:
        return False
    met = [states.get(condition["JobName"]) == condition["State"] for condition in conditions]
    return any(met) if logical(trigger) == "ANY" else all(met)


def logical(trigger: JsonObject) -> str:
    """``AND`` or ``ANY``; with one condition Glue leaves it out, and it does not matter."""
    return str(trigger.get("Predicate", {}).get("Logical") or "AND")


def watched(trigger: JsonObject) -> list[JsonObject]:
    """The conditions of a trigger that are about jobs."""
    conditions = trigger.get("Predicate", {}).get("Conditions", [])
    return [condition for condition in conditions if condition.get("JobName")]


def job_actions(trigger: JsonObject) -> list[JsonObject]:
    """The actions of a trigger that start jobs. Crawlers are not run by the local cloud."""
    return [action for action in trigger.get("Actions", []) if action.get("JobName")]
