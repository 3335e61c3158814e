"""Which arguments a script demands, and whether the job's definition has them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from glue_health_check.errors import MisuseError
from glue_health_check.models import Finding, Severity
from glue_health_check.static.source import Source

# Glue itself gives these to every Spark job.
GIVEN_BY_GLUE = frozenset({"JOB_NAME", "JOB_ID", "JOB_RUN_ID"})
_FLAG_ACTIONS = {"store_true", "store_false", "store_const", "count", "append", "help", "version"}


@dataclass(frozen=True)
class Demand:
    """An argument that a script can't do without.

    Attributes:
        name: without dashes before it.
        file, line: where it is demanded.
    """

    name: str
    file: str
    line: int


def arguments(
    source: Source, declared: Iterable[Demand], defined: Mapping[str, str], *, python_shell: bool = False
) -> list[Finding]:
    """Arguments that the job needs and the definition lacks.

    Args:
        source: the script.
        declared: further demands, of libraries that read the arguments for it.
        defined: the job's default arguments, with those of the check.
        python_shell: such a job gets no arguments from Glue itself.
    """
    have = {_canonical(name) for name in defined} | (set() if python_shell else set(GIVEN_BY_GLUE))
    seen: set[str] = set()
    findings = []
    for demand in (*demanded(source), *declared):
        if _canonical(demand.name) in have or demand.name in seen:
            continue
        seen.add(demand.name)
        remedy = f"add --{demand.name} to the job's default arguments, or give it with --argument {demand.name}=value"
        message = f"the script demands --{demand.name}, which the job's definition lacks"
        findings.append(Finding(message, remedy, Severity.ERROR, demand.file, demand.line))
    return findings


def demanded(source: Source) -> list[Demand]:
    """What a script demands by getResolvedOptions or argparse."""
    constants = _constants(source.tree)
    found = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        called = _called(node)
        if called == "getResolvedOptions" and len(node.args) > 1:
            found += [Demand(name, source.file, node.lineno) for name in _texts(node.args[1], constants)]
        elif called == "add_argument":
            found += [Demand(name, source.file, node.lineno) for name in _required_option(node)]
    return found


def refuses_unknown(source: Source) -> bool:
    """Whether a script ends with an error when it gets an argument that it does not know (argparse's parse_args)."""
    known = {keyword for node in ast.walk(source.tree) if isinstance(node, ast.Call) for keyword in _options(node)}
    strict = any(isinstance(node, ast.Call) and _called(node) == "parse_args" for node in ast.walk(source.tree))
    return strict and "health_check" not in known


def declared_in(place: str) -> list[Demand]:
    """Demands that a library declares as a list of names.

    Args:
        place: ``file.py:NAME``, where NAME is a tuple, list or set of texts.

    Raises:
        MisuseError: there is no such list.
    """
    path, _, name = place.rpartition(":")
    hint = "arguments_from takes file.py:NAME, where NAME is a tuple, list or set of texts at the top of the file"
    try:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise MisuseError(f"{place} can't be read: {error}; {hint}") from error
    constants = _constants(tree)
    if name not in constants:
        raise MisuseError(f"{path} has no {name}; {hint}")
    value = constants[name]
    return [Demand(text, path, value.lineno) for text in _texts(value, constants)]


def _canonical(name: str) -> str:
    # argparse, and so getResolvedOptions, lets - and _ stand for each other.
    return name.lstrip("-").replace("-", "_")


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            found.update({target.id: node.value for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
            found[node.target.id] = node.value
    return found


def _texts(node: ast.expr, constants: Mapping[str, ast.expr], depth: int = 0) -> Iterator[str]:
    """Texts of a list that is written out, also by names of other lists, ``*others`` and ``one + other``."""
    if depth > 10:  # a name that stands for itself
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Name) and node.id in constants:
        yield from _texts(constants[node.id], constants, depth + 1)
    elif isinstance(node, ast.Starred):
        yield from _texts(node.value, constants, depth + 1)
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        for item in node.elts:
            yield from _texts(item, constants, depth + 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from _texts(node.left, constants, depth + 1)
        yield from _texts(node.right, constants, depth + 1)


def _options(node: ast.Call) -> list[str]:
    if _called(node) != "add_argument":
        return []
    texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return [_canonical(text) for text in texts if text.startswith("--")]


def _required_option(node: ast.Call) -> list[str]:
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    required, action = keywords.get("required"), keywords.get("action")
    if isinstance(action, ast.Constant) and action.value in _FLAG_ACTIONS - {"append"}:
        return []
    if isinstance(required, ast.Constant) and required.value is True:
        return _options(node)[:1]
    return []
