"""What an evaluation would do, without doing it: told from the very schedule that an evaluation runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame

from etl.dqdl.branches import KEYS, PROFILE, QUERIES, REFERENCE, VALUES, Branch
from etl.dqdl.engine import Prepared, prepare
from etl.dqdl.gathering import described
from etl.dqdl.model import Ruleset
from etl.dqdl.planner import Leaf


@dataclass(frozen=True)
class Part:
    """One part of the action.

    Args:
        kind: values, keys, reference, queries or profile.
        reads: what is read.
        readings: how often.
        computes: what comes out: numbers, keys or queries.
        why: why it is done like this.
        rules: the rules that are answered by it.
    """

    kind: str
    reads: str
    readings: int
    computes: Sequence[str]
    why: str
    rules: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON knows it."""
        return {
            "kind": self.kind,
            "reads": self.reads,
            "readings": self.readings,
            "computes": list(self.computes),
            "why": self.why,
            "rules": list(self.rules),
        }


@dataclass(frozen=True)
class Explanation:
    """What will run for a ruleset.

    Args:
        actions: the descriptions of the Spark actions, as Spark's user interface will show them.
        parts: what the action consists of.
        without_rows: rules that are answered from names and types, files or history alone.
        problems: rule -> why it cannot be evaluated.
    """

    actions: Sequence[str]
    parts: Sequence[Part]
    without_rows: Sequence[str]
    problems: Mapping[str, str]

    @property
    def readings(self) -> int:
        """How often the data is read, whole or single columns of it."""
        return sum(part.readings for part in self.parts if part.kind != REFERENCE)

    def to_dict(self) -> dict[str, Any]:
        """The explanation as JSON knows it."""
        return {
            "actions": list(self.actions),
            "readings": self.readings,
            "parts": [part.to_dict() for part in self.parts],
            "without_rows": list(self.without_rows),
            "problems": dict(self.problems),
        }

    def to_text(self) -> str:
        """The explanation for people."""
        rules = len({rule for part in self.parts for rule in part.rules})
        lines = [f"{len(self.actions)} Spark action answers {rules} rule(s); readings of the data: {self.readings}."]
        for number, part in enumerate(self.parts, 1):
            lines += ["", f"{number}. {_title(part)}", f"   {part.why}", *[f"     - {rule}" for rule in part.rules]]
        if self.without_rows:
            lines += ["", "Without reading any row:", *[f"     - {rule}" for rule in self.without_rows]]
        if self.problems:
            told = [f"     - {rule}: {reason}" for rule, reason in self.problems.items()]
            lines += ["", "Cannot be evaluated (outcome Error):", *told]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()


def explain(
    data: DataFrame,
    rules: str | Ruleset,
    references: Mapping[str, DataFrame] | None = None,
    now: datetime | None = None,
    composite: str = "COLUMN",
    files: Sequence[str] = (),
    profile: bool = False,
) -> Explanation:
    """Say which Spark action :func:`etl.dqdl.evaluate` would run, and which rule is answered by which part of it.

    Nothing runs; Spark only analyses the plans, so that wrong rules are told, too. An action that fails is done again
    in parts, which is not told here.

    Args:
        data: the data.
        rules: DQDL, as text or parsed.
        references: other data frames by the names under which rules speak of them.
        now: the time of ``now()``.
        composite: COLUMN or ROW, as for evaluate.
        files: URIs of the files that the data came from.
        profile: with the profile of all columns. Its most frequent values and patterns take one more, bounded action.

    Raises:
        DqdlSyntaxError: the text is not DQDL.
        ValueError: composite is neither COLUMN nor ROW.
    """
    prepared = prepare(data, rules, references, None, now, composite, files, profile)
    names = _names(prepared)
    branches = prepared.schedule.branches
    parts = [_part(branch, names) for branch in branches]
    answered = {id(leaf) for branch in branches for leaf in branch.leaves}
    leaves = prepared.schedule.leaves
    free = [names[id(leaf)] for leaf in leaves if leaf.plan and id(leaf) not in answered]
    problems = {names[id(leaf)]: leaf.problem for leaf in leaves if leaf.problem}
    return Explanation([described(branches)], parts, free, problems)


def _names(prepared: Prepared) -> dict[int, str]:
    """What the leaves are called; a composite that is combined row by row by its whole text."""
    nodes = zip(prepared.ruleset.rules, prepared.groups, strict=True)
    named = {id(leaf): node.text if leaf.by_row else leaf.rule.text for node, group in nodes for leaf in group}
    return named | {id(leaf): leaf.rule.text for leaf in prepared.analyzers}


def _part(branch: Branch, names: Mapping[int, str]) -> Part:
    rules = list(dict.fromkeys(_called(leaf, names) for leaf in branch.leaves))
    return Part(branch.kind, branch.subject or "the data", branch.readings, branch.what, _why(branch), rules)


def _called(leaf: Leaf, names: Mapping[int, str]) -> str:
    return names[id(leaf)]


def _title(part: Part) -> str:
    once = "1 reading" if part.readings == 1 else f"{part.readings} readings"
    what = {
        VALUES: f"Aggregation of {' and '.join(part.computes)}",
        KEYS: f"Counts of {len(part.computes)} key(s) ({'; '.join(part.computes)})",
        REFERENCE: f"Aggregation of {', '.join(part.computes)}",
        QUERIES: f"{len(part.computes)} SQL statement(s)",
        PROFILE: "Profile of all columns",
    }[part.kind]
    return f"{what}: {once} of {part.reads}."


def _why(branch: Branch) -> str:
    return {
        VALUES: "Every number comes from the same pass over the rows, however many rules there are.",
        KEYS: _why_keys(branch),
        REFERENCE: "What rules need to know of a reference comes from one pass over it.",
        QUERIES: "These are more than one aggregate of the data, so each runs as the query that it is.",
        PROFILE: "Beside the rules' numbers, since its sketches would keep Spark from compiling their aggregation.",
    }[branch.kind]


def _why_keys(branch: Branch) -> str:
    if len(branch.what) == 1:
        return "Whether values repeat can only be seen when equal ones meet: this needs a shuffle of the key."
    shared = "All keys share one shuffle, in which equal values meet"
    if branch.readings > 1:
        return f"{shared}; each is read by itself, since the data is stored in columns and only the key's are read."
    return f"{shared}; the data is not stored in columns, so it is read once and each row copied for each key."
