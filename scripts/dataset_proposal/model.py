"""What was found in a sample, and what is proposed for it: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from etl.contracts import Column


@dataclass(frozen=True)
class Facts:
    """What a column of the sample holds.

    Attributes:
        column: name and type as inferred.
        hints: what the inference remarked.
        complete: no row lacks a value; blank text is none.
        rows: of the sample.
        profile: the column's entry of :func:`etl.dqdl.profile.profile_columns`; empty where it was not profiled.
        unique: every row has a value of its own.
        lengths: of the shortest and the longest text; None for other types.
        texts: some values as text, for a closer look; none of them is ever shown of personal data.
    """

    column: Column
    hints: tuple[str, ...]
    complete: bool
    rows: int
    profile: Mapping[str, Any] = field(default_factory=dict)
    unique: bool = False
    lengths: tuple[int, int] | None = None
    texts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the column."""
        return self.column.name

    @property
    def type(self) -> str:
        """Of the column, as a contract has it."""
        return self.column.type

    @property
    def filled(self) -> int:
        """Rows with a value (empty text is one)."""
        return self.rows - int(self.profile.get("nulls", 0))

    @property
    def has_nulls(self) -> bool:
        """Whether a row has no value."""
        return self.filled < self.rows

    @property
    def values(self) -> dict[str, int]:
        """Every different value and its number of rows; empty where there are more than a profile lists."""
        top = self.profile.get("top") or []
        whole = self.profile.get("sampled") is None and sum(each["rows"] for each in top) == self.filled
        return {each["value"]: each["rows"] for each in top} if whole else {}

    @property
    def shapes(self) -> tuple[str, ...]:
        """The forms that all texts have (9 for a digit, a for a letter); empty where there are too many to list."""
        found = self.profile.get("patterns") or []
        whole = self.profile.get("sampled") is None and sum(each["rows"] for each in found) == self.filled
        return tuple(each["pattern"] for each in found) if whole else ()

    def end(self, which: str) -> str | None:
        """The smallest (``min``) or largest (``max``) value as text."""
        value = self.profile.get(which)
        return None if value is None else str(value)


@dataclass(frozen=True)
class ColumnProposal:
    """A column of the contract.

    Attributes:
        column: name, type, aliases, formats, required and pii as proposed.
        why: evidence, phrase by phrase.
    """

    column: Column
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleProposal:
    """A DQDL rule.

    Attributes:
        text: the rule.
        why: its evidence.
        commented: it stands as a comment only, since it needs a decision or other data.
    """

    text: str
    why: str
    commented: bool = False


@dataclass(frozen=True)
class Identity:
    """What tells rows apart and puts them in order; empty where nothing does.

    Attributes:
        why: field -> evidence.
        notes: what else may serve.
    """

    key: tuple[str, ...] = ()
    event_time: str = ""
    order_by: tuple[str, ...] = ()
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Happened:
    """When the rows of a sample happened, by event_time.

    Attributes:
        days: with rows, up to now.
        oldest, newest: the first and the last of these days.
        later: rows that lie in the future.
    """

    days: int
    oldest: date
    newest: date
    later: int


@dataclass(frozen=True)
class Proposal:
    """A whole contract.

    Attributes:
        source: the contract's ``source``.
        source_why: what it was made of, field by field.
        seen: in words, what was looked at.
        notes: what people should know and no single line of the contract can say.
    """

    name: str
    columns: tuple[ColumnProposal, ...]
    identity: Identity
    source: Mapping[str, Any]
    source_why: Mapping[str, str]
    rules: tuple[RuleProposal, ...]
    seen: str
    notes: tuple[str, ...] = ()
