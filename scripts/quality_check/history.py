"""The history file: what earlier checks measured, so that last() and DetectAnomalies work without a state table."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from etl.dqdl import History, Point
from quality_check.errors import CheckError

VERSION = 1
# Rules and trends look back no further (see etl.checking), and the file stays small enough to be committed.
MOST_RUNS = 400


@dataclass(frozen=True)
class Past:
    """What a history file holds.

    Attributes:
        runs: oldest first: ``checked_at``, ``run_id``, ``score``, ``passed``, ``rows`` and ``metrics``.
        profile: of the last run.
    """

    runs: Sequence[Mapping[str, Any]] = ()
    profile: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    def history(self) -> History:
        """As rules take it."""
        points: dict[str, list[Point]] = {}
        for run in self.runs:
            at = datetime.fromisoformat(run["checked_at"])
            for name, value in run["metrics"].items():
                points.setdefault(name, []).append(Point(float(value), at))
        return History(points)

    def trend(self) -> list[dict[str, Any]]:
        """As a report takes it."""
        return [{"score": r["score"], "generated_at": r["checked_at"], "run_id": r["run_id"]} for r in self.runs]

    def with_run(self, metrics: Mapping[str, float], profile: Sequence[Mapping[str, Any]], **facts: Any) -> Past:
        """The same with one run more; what JSON has no number for is left out."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        return replace(self, runs=[*self.runs, {**facts, "metrics": finite}][-MOST_RUNS:], profile=profile)


def read_history(path: Path | None) -> Past:
    """The history of a file; an empty one where there is none yet.

    Args:
        path: of the file; None for a check without history.

    Raises:
        CheckError: the file holds something else.
    """
    if path is None or not path.exists():
        return Past()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise ValueError(f"its version is {content['version']!r}, not {VERSION}")
        past = Past(content["runs"], content.get("profile", []))
        # Both would fail only after the check.
        past.history()
        past.trend()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CheckError(f"{path} is no history of this command ({reason}); remove it to start anew") from error
    return past


def write_history(path: Path, past: Past) -> None:
    """Replace the file as a whole, so that a reader never meets half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    content = {"version": VERSION, "runs": past.runs, "profile": past.profile}
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)
