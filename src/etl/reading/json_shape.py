"""What JSON text is: lines, one document, or something that can't be read without losing a part of it."""

from __future__ import annotations

import json
import re

from etl.errors import UnreadableFileError

_BLANK = " \t\r\n"
_ARRAY_START = re.compile(r"""\[\s*([\[{"\]0-9-]|true|false|null|$)""")
_OBJECT_START = re.compile(r"""\{\s*(["}]|$)""")
_LONG_LINE = 32 * 1024
_WRITE = "write one object a line without commas, or one array of objects"


def is_json(text: str, named_json: bool) -> bool:
    """Whether text is JSON and not CSV that starts with a bracket (``[id],name``).

    Args:
        text: the file's first characters.
        named_json: the file's name says JSON, so that broken JSON is named as such.
    """
    start = text.lstrip(_BLANK)
    if start[:1] not in ("[", "{"):
        return False
    return named_json or bool(_ARRAY_START.match(start) or _OBJECT_START.match(start))


def is_one_document(text: str, whole: bool) -> bool:
    """Whether the file is one JSON array or object; else it is JSON lines.

    Args:
        text: the file's first characters.
        whole: the text is the whole file.

    Raises:
        UnreadableFileError: several documents follow each other and are not one a line, or it holds no objects.
    """
    document = text.lstrip(_BLANK)
    if _first_line_is_object(document):
        return False
    if document.startswith("["):
        _refuse_arrays_of_others(document, whole)
    try:
        _, end = json.JSONDecoder().raw_decode(document)
    except (ValueError, RecursionError):
        return True
    if document[end:].strip():
        # Spark would read the first and silently leave out the others.
        raise UnreadableFileError(f"text follows the first JSON document; {_WRITE}")
    return True


def _first_line_is_object(text: str) -> bool:
    """Whether the file is JSON lines: its first line is a whole JSON object."""
    first = text.split("\n", 1)[0].strip()
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        # A line longer than the head is a line as well: arrays and pretty-printed objects break early.
        return first.startswith("{") and len(text) >= _LONG_LINE and "\n" not in text.strip()


def _refuse_arrays_of_others(document: str, whole: bool) -> None:
    """Refuse an array a line, and one array whose items are no objects: they have no columns."""
    lines = [line for line in document.split("\n", 2)[:2] if line.strip()]
    if len(lines) == 2 and all(_is_whole_array(line) for line in lines):
        raise UnreadableFileError(f"each line is an array, whose items have no column names; {_WRITE}")
    try:
        first, _ = json.JSONDecoder().raw_decode(document[1:].lstrip(_BLANK))
    except (ValueError, RecursionError):
        return
    # A number that the head has cut is no item yet; what it would be is no object either.
    if not isinstance(first, dict):
        raise UnreadableFileError(
            f"the array's items are {_kind(first)}s and not objects, so they have no column names"
        )
    if whole:
        _refuse_mixed_items(document)


def _refuse_mixed_items(document: str) -> None:
    try:
        items, _ = json.JSONDecoder().raw_decode(document)
    except (ValueError, RecursionError):
        return
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise UnreadableFileError(f"item {place + 1} of the array is a {_kind(item)} and not an object")


def _is_whole_array(line: str) -> bool:
    try:
        return isinstance(json.loads(line), list)
    except (ValueError, RecursionError):
        return False


def _kind(value: object) -> str:
    if value is None:
        return "null"
    return {bool: "boolean", int: "number", float: "number", str: "text", list: "array"}.get(type(value), "value")
