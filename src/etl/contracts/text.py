"""A contract's text as a document, and what YAML and JSON let pass in silence: keys twice, keys that are no text."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import yaml

_KINDS = {bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}
_MERGE = "tag:yaml.org,2002:merge"


def read_yaml(text: str) -> tuple[Any, list[str]]:
    """The document and the problems of its keys, each with its line.

    Args:
        text: YAML.

    Raises:
        yaml.YAMLError: the text is no YAML.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data(), loader.problems
    finally:
        loader.dispose()


def read_json(text: str) -> tuple[Any, list[str]]:
    """The document and the keys that it gives twice.

    Args:
        text: JSON.

    Raises:
        ValueError: the text is no JSON.
    """
    problems: list[str] = []

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        problems.extend(f"the key {name!r} is given twice in one object; keep one" for name in twice)
        return dict(pairs)

    return json.loads(text, object_pairs_hook=checked), problems


def column_line(name: str, kind: str = "string", **fields: Any) -> str:
    """A column as one line of YAML, ready to be pasted: ``{name: zip, type: string}``.

    Args:
        name: standard name; quoted where YAML would take it for something else than text.
        kind: contract type.
        fields: further fields of the column, such as aliases.
    """
    column = {"name": name, "type": kind, **fields}
    return str(yaml.safe_dump(column, default_flow_style=True, sort_keys=False, width=10**6)).strip()


class _Loader(yaml.SafeLoader):
    """Notes keys that YAML itself takes without a word: of two with one name the last would win."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.problems: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping; its own keys are looked at before those of merged ones (``<<``) join them."""
        lines: dict[Hashable, int] = {}
        for key_node, _ in node.value:
            if key_node.tag != _MERGE and isinstance(key_node, yaml.ScalarNode):
                self._look_at(key_node, lines)
        return super().construct_mapping(node, deep)

    def _look_at(self, node: yaml.ScalarNode, lines: dict[Hashable, int]) -> None:
        key = self.construct_object(node)
        line = node.start_mark.line + 1
        if key in lines:
            self.problems.append(f"line {line}: the key {key!r} is given twice (first in line {lines[key]}); keep one")
        lines.setdefault(key, line)
        if not isinstance(key, str):
            kind = _KINDS.get(type(key), type(key).__name__)
            self.problems.append(
                f"line {line}: to YAML the key {node.value or '(empty)'} is {kind} and no name; put it in quotes: "
                f'"{node.value}"'
            )
