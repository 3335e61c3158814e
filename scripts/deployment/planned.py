"""A plan of Terraform as people read it before they say yes: how much, what goes away, what changes where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

# Terraform's actions of one resource, as one word. Both ways to replace lose what was there.
ACTIONS = {
    ("create",): "create",
    ("update",): "change",
    ("delete",): "destroy",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}
COLOURS = {"create": "green", "change": "yellow", "replace": "red", "destroy": "red", "forget": "yellow"}
# These are named one by one, since they take something away or alter what runs.
_NAMED = ("destroy", "replace", "forget", "change")
# More of one kind of action are counted only; the log has them all.
_MOST_NAMED = 40


@dataclass(frozen=True)
class Change:
    """What would happen to one resource.

    Args:
        address: its address in Terraform.
        kind: its type.
        action: create, change, replace, destroy or forget.
        attributes: names of the top-level attributes that differ, for a change or replacement.
    """

    address: str
    kind: str
    action: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What an apply would do.

    Args:
        changes: one for each resource that is touched.
        drift: resources that were changed outside of Terraform since its last run.
        warnings: what the configuration's own checks have to say.
        outputs: names of the outputs that get another value; nothing in the account changes for them.
    """

    changes: tuple[Change, ...]
    drift: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not self.changes and not self.outputs

    def count(self, action: str) -> int:
        """How many resources get this action."""
        return sum(change.action == action for change in self.changes)

    @property
    def steps(self) -> int:
        """How many things are done in all: a replacement is a removal and a creation."""
        return len(self.changes) + self.count("replace")

    def __str__(self) -> str:
        counted = [f"{self.count(action)} to {action}" for action in COLOURS if self.count(action)]
        return ", ".join(counted) or ("outputs only" if self.outputs else "no changes")


def read_plan(plan: Mapping[str, Any]) -> Plan:
    """Read what ``terraform show -json`` says of a saved plan."""
    return Plan(
        changes=tuple(_changes(plan.get("resource_changes", []))),
        drift=tuple(_changes(plan.get("resource_drift", []))),
        warnings=tuple(_warnings(plan.get("checks", []))),
        outputs=tuple(name for name, one in plan.get("output_changes", {}).items() if one["actions"] != ["no-op"]),
    )


def show_changes(console: Console, plan: Plan) -> None:
    """Show a plan as tables: counts by type, then by name whatever changes, is replaced or goes away."""
    if plan.changes:
        console.print(_counts(plan))
    for action in _NAMED:
        _name(console, action, [change for change in plan.changes if change.action == action])
    if plan.drift:
        console.print(
            "\n[yellow]Changed outside of Terraform since its last run[/] (it would be set back, where it says so)"
        )
        for change in plan.drift[:_MOST_NAMED]:
            _line(console, change)
    for warning in plan.warnings:
        console.print("\n[yellow]Warning:[/] ", end="")
        console.print(warning, highlight=False, markup=False, soft_wrap=True)


def _warnings(checks: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for check in checks:
        for instance in check.get("instances", []) if check["status"] == "fail" else []:
            yield from (problem["message"] for problem in instance.get("problems", []))


def _changes(resources: Iterable[Mapping[str, Any]]) -> Iterable[Change]:
    for resource in resources:
        change = resource["change"]
        action = ACTIONS.get(tuple(change["actions"]))
        if action is not None and resource.get("mode", "managed") == "managed":
            yield Change(resource["address"], resource["type"], action, _differing(change))


def _differing(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after, unknown = change.get("before"), change.get("after"), change.get("after_unknown") or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ()
    # What the provider finds out only when it applies is marked in `after_unknown`, and missing in `after`.
    names = {name for name in after if before.get(name) != after[name]} | {
        name for name in unknown if unknown[name] is True
    }
    return tuple(sorted(names - {"tags_all"} or names))


def _counts(plan: Plan) -> Table:
    actions = [action for action in COLOURS if plan.count(action)]
    table = Table(title=f"What would change: {plan}", title_justify="left", title_style="bold")
    table.add_column("Resource")
    for action in actions:
        table.add_column(action, justify="right", style=COLOURS[action])
    counted = Counter((change.kind, change.action) for change in plan.changes)
    for kind in sorted({kind for kind, _ in counted}):
        table.add_row(kind, *(str(counted[kind, action] or "") for action in actions))
    return table


def _name(console: Console, action: str, changes: list[Change]) -> None:
    if not changes:
        return
    console.print(f"\n[{COLOURS[action]}]To {action}[/]", highlight=False)
    for change in changes[:_MOST_NAMED]:
        _line(console, change)
    if len(changes) > _MOST_NAMED:
        console.print(f"  and {len(changes) - _MOST_NAMED} more", highlight=False)


def _line(console: Console, change: Change) -> None:
    attributes = f"  ({', '.join(change.attributes)})" if change.attributes else ""
    console.print(f"  {change.address}{attributes}", highlight=False, markup=False, soft_wrap=True)
