"""What AWS Glue's versions have: Python, modules, support (data/glue_versions.json, with its sources)."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from glue_health_check.errors import MisuseError


@dataclass(frozen=True)
class GlueVersion:
    """One version of AWS Glue.

    Attributes:
        name: ``5.1``.
        python: major and minor version of its Python.
        modules: names under which its modules are imported, without the standard library.
        modules_source: where the list is from; "" when there is no list.
        end_of_support, end_of_life: days from which on it has no support, and no jobs can be started.
        note: what else speaks against it.
    """

    name: str
    python: tuple[int, int]
    modules: frozenset[str]
    modules_source: str
    end_of_support: date | None
    end_of_life: date | None
    note: str


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        resources.files("glue_health_check").joinpath("data/glue_versions.json").read_text(encoding="utf-8")
    )
    return loaded


def names() -> list[str]:
    """All known versions, oldest first."""
    return list(_data()["versions"])


def policy_source() -> str:
    """The page that says which versions AWS supports."""
    return str(_data()["policy_source"])


def glue_version(name: str) -> GlueVersion:
    """A version by its name.

    Raises:
        MisuseError: nobody knows it.
    """
    if name not in _data()["versions"]:
        raise MisuseError(f"the Glue version is {name!r}; it must be one of {', '.join(names())}")
    found = _data()["versions"][name]
    modules = {import_name for module in found["modules"] for import_name in import_names(module)}
    return GlueVersion(
        name,
        _python(found["python"]),
        frozenset(modules | set(_data()["always"])),
        found["modules_source"],
        _day(found.get("end_of_support")),
        _day(found.get("end_of_life")),
        found.get("note", ""),
    )


def import_names(distribution: str) -> tuple[str, ...]:
    """The names under which a distribution of PyPI is imported; its own name when nothing else is known."""
    name = re.sub(r"[-_.]+", "-", distribution).lower()
    known = _data()["import_names"].get(name)
    return tuple(known) if known else (distribution, name.replace("-", "_"))


def in_standard_library(module: str, python: tuple[int, int]) -> bool:
    """Whether a module is in the standard library of a Python version."""
    added, removed = _data()["stdlib_added"].get(module), _data()["stdlib_removed"].get(module)
    if added:
        return python >= _python(added)
    if removed:
        return python < _python(removed)
    return module in sys.stdlib_module_names


def removed_in(module: str) -> str:
    """The Python version that lost a module of the standard library, or ""."""
    return str(_data()["stdlib_removed"].get(module, ""))


def _python(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
