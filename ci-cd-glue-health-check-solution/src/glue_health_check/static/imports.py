"""Which modules a script imports, and whether the job will have them."""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

from glue_health_check.models import Finding, Severity
from glue_health_check.static.source import Source
from glue_health_check.versions import GlueVersion, import_names, in_standard_library, removed_in

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_WHEEL = re.compile(r"([A-Za-z0-9._]+)-[^/]+\.whl")
_MISSING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Provided:
    """What a job has beside its Glue version.

    Attributes:
        modules: names that can be imported.
        unknown: places that could not be looked into; they may hold more.
    """

    modules: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()

    def __or__(self, other: Provided) -> Provided:
        return Provided(self.modules | other.modules, self.unknown + other.unknown)


def imports(source: Source, glue: GlueVersion, provided: Provided) -> list[Finding]:
    """Modules that a script imports and the job will not have.

    Args:
        source: the script.
        glue: the job's Glue version.
        provided: what the job has beside it.
    """
    if not glue.modules_source:  # a version that is no more; its own check tells
        return []
    findings = []
    for module, line in imported(source.tree):
        if module in glue.modules or module in provided.modules or in_standard_library(module, source.python):
            continue
        findings.append(_missing(module, line, source, glue, provided))
    return findings


def imported(tree: ast.Module) -> list[tuple[str, int]]:
    """Top-level names of modules that a script can't do without, each with the line of its first import.

    Imports that the script itself guards by ``try … except ImportError`` or ``if TYPE_CHECKING`` don't count.
    """
    first: dict[str, int] = {}
    for node in _unguarded(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first.setdefault(alias.name.split(".")[0], node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            first.setdefault(node.module.split(".")[0], node.lineno)
    return list(first.items())


def additional_modules(value: str) -> Provided:
    """What ``--additional-python-modules`` provides.

    Args:
        value: requirements and wheels, separated by commas.
    """
    modules: set[str] = set()
    unknown = []
    for item in (item.strip() for item in value.split(",")):
        wheel, requirement = _WHEEL.fullmatch(PurePosixPath(item).name), _REQUIREMENT.match(item)
        if wheel:
            modules.update(import_names(wheel[1]))
        elif item.startswith(("s3://", "-r", "git+", "http")):
            unknown.append(item)
        elif requirement:
            modules.update(import_names(requirement[1]))
    return Provided(frozenset(modules), tuple(unknown))


def library_file(path: str | Path, content: bytes | None = None) -> Provided:
    """What a file of ``--extra-py-files`` provides.

    Args:
        path: ends in .py, .zip, .egg or .whl; read when no content is given.
        content: what is in it.
    """
    name = PurePosixPath(str(path)).name
    if name.endswith(".py"):
        return Provided(frozenset({name.removesuffix(".py")}))
    try:
        with zipfile.ZipFile(Path(path) if content is None else BytesIO(content)) as archive:
            return Provided(frozenset(_top_level(archive.namelist())))
    except (OSError, zipfile.BadZipFile):
        return Provided(unknown=(str(path),))


def _top_level(members: Iterable[str]) -> Iterator[str]:
    for member in members:
        parts = PurePosixPath(member).parts
        if len(parts) > 1 and member.endswith((".py", ".so")):
            yield parts[0]
        elif member.endswith(".py"):
            yield member.removesuffix(".py")


def _missing(module: str, line: int, source: Source, glue: GlueVersion, provided: Provided) -> Finding:
    if removed := removed_in(module):
        remedy = f"it left Python's standard library with {removed}; use what its documentation names instead"
    else:
        remedy = "add it to --additional-python-modules, or to a file of --extra-py-files"
    message = f"imports {module}, which Glue {glue.name} does not have"
    if provided.unknown:
        places = ", ".join(provided.unknown)
        message += f"; {places} could not be looked into and may have it"
        return Finding(message, remedy, Severity.WARNING, source.file, line)
    return Finding(message, remedy, Severity.ERROR, source.file, line)


def _unguarded(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Try) and any(_catches_missing(handler) for handler in child.handlers):
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                # What stands in for a missing module may itself be missing: only one of them must be there.
                if not isinstance(part, ast.ExceptHandler):
                    yield part
                    yield from _unguarded(part)
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _unguarded(child)


def _catches_missing(handler: ast.ExceptHandler) -> bool:
    caught: Sequence[ast.expr] = (
        handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    )
    return not caught or any(isinstance(name, ast.Name) and name.id in _MISSING for name in caught)
