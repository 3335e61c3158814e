"""Whether people are told of something again: repeats of a finding are counted, what is new is told at once.

A finding is something that may hold for a while, such as that a job fails. Pure decisions; :mod:`telling` keeps
what they need in the state table.

- The first occurrence is told at once. So is one of another kind: the job fails, but for another reason.
- Repeats are counted, and told again after growing intervals, with their number.
- That it is well again is told once. A finding that comes back is told at once; one that comes and goes keeps people
  waiting for good news only, so they never believe that all is well when it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

INTERVALS = tuple(timedelta(minutes=minutes) for minutes in (30, 60, 120, 240, 480, 720))
# What comes back this soon is the same finding as before.
RELAPSE = timedelta(hours=1)
MOST_KINDS = 50

FIRST, CHANGED, AGAIN, BACK, PAST, RECOVERED, SILENT = (
    "first", "changed", "again", "back", "past", "recovered", "silent",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """How a finding stands, and what people believe.

    Attributes:
        is_open: whether it holds now.
        said_open: whether people were last told that it holds.
        last_at: time of the newest occurrence that is known.
        since: when it began; None if it has never held.
        over_at: when it was last well again.
        count: how often it occurred since then.
        told_at: time of the occurrence that people were last told of.
        level: which of the intervals has to pass before it is told again.
        relapses: how often it came back.
        kinds: the kinds that people have been told of.
    """

    is_open: bool
    said_open: bool
    last_at: datetime
    since: datetime | None = None
    over_at: datetime | None = None
    count: int = 0
    told_at: datetime | None = None
    level: int = 0
    relapses: int = 0
    kinds: tuple[str, ...] = ()

    @property
    def wait(self) -> timedelta:
        """How long people are left in peace after the last message."""
        return INTERVALS[min(self.level, len(INTERVALS) - 1)]

    def is_due(self, at: datetime) -> bool:
        """Whether enough time has passed since the last message."""
        return self.told_at is None or at - self.told_at >= self.wait


def problem(before: Standing | None, at: datetime, kind: str) -> tuple[Standing, str]:
    """What an occurrence of a finding changes.

    Args:
        before: how the finding stood; None if it has never been heard of.
        at: when it occurred.
        kind: what it is in particular; people are told of each kind.

    Returns:
        How it stands now, and why people are told (or SILENT).
    """
    if before is None:
        return _begun(at, kind), FIRST
    if at < before.last_at and not before.is_open:
        return _late(before, at, kind)
    if not before.said_open:
        fresh = before.over_at is None or at - before.over_at > RELAPSE
        return (_begun(at, kind), FIRST) if fresh else (_told(_again(before, at), at, kind, relapse=1), BACK)
    after = _again(before, at)
    if kind not in before.kinds:
        return _told(after, at, kind), CHANGED
    if before.is_due(at):
        return _told(after, at, kind, level=1), AGAIN
    return after, SILENT


def well(before: Standing | None, at: datetime) -> tuple[Standing, str]:
    """What it changes that a finding does not hold (any more); arguments and answer as of :func:`problem`."""
    if before is None:
        return Standing(is_open=False, said_open=False, last_at=at), SILENT
    if at < before.last_at:
        return before, SILENT
    after = replace(before, is_open=False, last_at=at, over_at=at if before.is_open else before.over_at)
    if not before.said_open:
        return after, SILENT
    if before.relapses and not before.is_due(at):
        return after, SILENT
    level = before.level + 1 if before.relapses else before.level
    return replace(after, said_open=False, told_at=at, level=level), RECOVERED


def is_overdue(standing: Standing, now: datetime) -> bool:
    """Whether good news was kept back, and the finding has not come back since."""
    over_at = standing.over_at
    return standing.said_open and not standing.is_open and over_at is not None and now - over_at >= RELAPSE


def recovered(standing: Standing, now: datetime) -> Standing:
    """The standing once people have been told that it is over."""
    return replace(standing, said_open=False, told_at=now)


def _begun(at: datetime, kind: str) -> Standing:
    return Standing(True, True, last_at=at, since=at, count=1, told_at=at, kinds=(kind,))


def _again(before: Standing, at: datetime) -> Standing:
    since = min(before.since, at) if before.since else at
    return replace(before, is_open=True, since=since, count=before.count + 1, last_at=max(before.last_at, at))


def _told(standing: Standing, at: datetime, kind: str, *, level: int = 0, relapse: int = 0) -> Standing:
    kinds = tuple(dict.fromkeys((*standing.kinds, kind)))[-MOST_KINDS:]
    return replace(
        standing,
        said_open=True,
        told_at=max(at, standing.told_at) if standing.told_at else at,
        kinds=kinds,
        level=standing.level + level,
        relapses=standing.relapses + relapse,
    )


def _late(before: Standing, at: datetime, kind: str) -> tuple[Standing, str]:
    """One that is heard of when it is known to be well since: told if it is of a new kind, and nothing is wrong now."""
    since = min(before.since, at) if before.since else at
    after = replace(before, since=since, count=before.count + 1, over_at=before.over_at or before.last_at)
    if kind in before.kinds:
        return after, SILENT
    kinds = (*before.kinds, kind)[-MOST_KINDS:]
    return replace(after, kinds=kinds, told_at=before.told_at or at), PAST
