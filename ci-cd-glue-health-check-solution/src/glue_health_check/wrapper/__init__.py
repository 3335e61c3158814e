"""Puts a script into a wrapper, so that it runs as a health check without being changed (docs/wrapper.md)."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import resources

from glue_health_check.errors import MisuseError

_SOURCE, _NAME, _ACCEPTED = 'SOURCE = ""\n', 'NAME = "script.py"\n', "ACCEPTED = None\n"


def wrapped(source: str, name: str, accepted: list[str] | None) -> str:
    """The text of a job that runs a script.

    Args:
        source: the script's text.
        name: its file name, for tracebacks.
        accepted: the only arguments that it takes, without dashes; None when it takes any.
    """
    text = resources.files(__name__).joinpath("run_script.py").read_text(encoding="utf-8")
    for line, value in ((_SOURCE, source), (_NAME, name), (_ACCEPTED, accepted)):
        variable = line.partition(" = ")[0]
        text = text.replace(line, f"{variable} = {value!r}\n", 1)
    return text


def replaced(source: str, texts: Mapping[str, str]) -> str:
    """A script with other texts in it, such as addresses that are written into it.

    Raises:
        MisuseError: a text is not in it, or it is no Python any more.
    """
    for old, new in sorted(texts.items(), key=lambda item: -len(item[0])):
        if old not in source:
            raise MisuseError(f"replace_in_script has {old!r}, which is not in the script")
        source = source.replace(old, new)
    try:
        ast.parse(source)
    except SyntaxError as error:
        raise MisuseError(f"with replace_in_script the script is no Python any more: {error}") from error
    return source


def accepted_options(tree: ast.Module) -> list[str]:
    """The options that a script declares by ``add_argument``, without dashes."""
    return sorted(
        {
            argument.value.lstrip("-")
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"
            for argument in node.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and argument.value.startswith("-")
        }
    )
