"""What the estimate takes for granted: assumptions.yml, and what people give in its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cost.errors import CostError

FILE = Path(__file__).with_name("assumptions.yml")
# A value above one would be a mistake, and these must not be 0: something is divided by them.
SHARES = {"busy_share", "cores_per_vcpu", "failed_runs_share", "new_rows_share", "refused_share", "bucket_key_share"}
ABOVE_ZERO = {
    "runs_per_day",
    "busy_share",
    "cores_per_vcpu",
    "file_mb",
    "task_mb",
    "files_per_trigger_call",
    "record_kb",
    "firehose_object_mb",
}


@dataclass(frozen=True)
class Assumption:
    """One assumption.

    Attributes:
        value: a number of 0 or more.
        unit: of the value.
        origin: measured, documented, code or assumed; given, where somebody gave it.
        why: where it comes from, and what it means.
    """

    name: str
    value: float
    unit: str
    origin: str
    why: str


class Assumptions(Mapping[str, float]):
    """The values by name."""

    def __init__(self, entries: Mapping[str, Assumption]) -> None:
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> float:
        return self.entries[name].value

    def __iter__(self) -> Any:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def with_values(self, given: Mapping[str, Any], where: str) -> Assumptions:
        """The same, but for what is given.

        Args:
            given: values by name.
            where: it was given, for messages.

        Raises:
            CostError: there is no such assumption, or the value can't be one.
        """
        entries = dict(self.entries)
        for name, value in given.items():
            if name not in entries:
                close = ", ".join(each for each in entries if set(str(name).split("_")) & set(each.split("_")))
                raise CostError(
                    f"{where}: there is no assumption {name!r}; {'alike are ' + close if close else _known()}"
                )
            entries[name] = replace(entries[name], value=_number(name, value, where), origin="given")
        return Assumptions(entries)


def load_assumptions() -> Assumptions:
    """Those of assumptions.yml."""
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return Assumptions(
        {
            name: Assumption(name, _number(name, each["value"], FILE.name), each["unit"], each["origin"], each["why"])
            for name, each in raw.items()
        }
    )


def read_given(file: Path) -> dict[str, Any]:
    """A file of ``name: value`` lines.

    Raises:
        CostError: it can't be read, or is something else.
    """
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CostError(f"the assumptions {file} can't be read: {error}") from error
    if not isinstance(given, dict):
        raise CostError(f"the assumptions {file} must be lines of 'name: value', such as 'runs_per_day: 8'")
    return {str(name): value for name, value in given.items()}


def parse_given(texts: Iterable[str]) -> dict[str, str]:
    """``["runs_per_day=8"]`` -> ``{"runs_per_day": "8"}``.

    Raises:
        CostError: a text has no ``=``.
    """
    pairs = [text.partition("=") for text in texts]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise CostError(f"--assume {name}{sign}{value}: say it like --assume runs_per_day=8")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _known() -> str:
    return f"{FILE.name} has them all"


def _number(name: str, value: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    most = 1.0 if name in SHARES else math.inf
    if not math.isfinite(number) or number < 0 or number > most or (number == 0 and name in ABOVE_ZERO):
        least = "more than 0" if name in ABOVE_ZERO else "0 or more"
        raise CostError(
            f"{where}: {name} is {value!r}; it must be a number, {least}{' and at most 1' if name in SHARES else ''}"
        )
    return number
