"""What an object in the incoming folder must be to be ingested: its key, its extension and its size."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from etl.markers import marks_no_data

EMPTY, TOO_LARGE, NAME, EXTENSION = "empty", "too_large", "name", "extension"
SECRET, PERSONAL_DATA = "secret", "personal_data"
ANY_EXTENSION = "*"
# Hadoop's local file system, on which the same jobs run, has no longer names.
MAX_NAME_BYTES = 255
# S3 takes 1,024 bytes; quarantine and staging put up to this many before and behind a key.
MAX_KEY_BYTES = 1024 - 174
_PACKED = (".gz", ".bz2", ".zst")
# What stands behind the last point counts only if it looks like an extension: "orders.2024-01-15" and "v1.2" have none.
_EXTENSION = re.compile(r"\.([a-z][a-z0-9_]{0,15})$")


@dataclass(frozen=True)
class Rules:
    """What is allowed.

    Attributes:
        prefix: under which files arrive.
        extensions: without the point, in lower case; "" for none, "*" for any.
        max_bytes: the largest size.
    """

    prefix: str
    extensions: frozenset[str]
    max_bytes: int


@dataclass(frozen=True)
class Refusal:
    """Why an object is refused.

    Attributes:
        kind: one of the kinds above; messages are folded by it.
        reason: what is wrong, for a person.
        advice: what to do.
    """

    kind: str
    reason: str
    advice: str


def is_no_file(key: str, size: int | None) -> bool:
    """Whether an object is a folder's mark, a tool's marker or unfinished output."""
    return key.endswith("/") or marks_no_data(key, 1 if size is None else size)


def refusal_of(key: str, size: int | None, rules: Rules) -> Refusal | None:
    """Why an object is refused; None if nothing is wrong with it.

    Args:
        key: its key, below the prefix.
        size: bytes; None if it is not known.
        rules: what is allowed.
    """
    wrong_name = _wrong_name(key)
    if wrong_name:
        return Refusal(NAME, wrong_name, "upload it again under another name")
    if size == 0:
        return Refusal(EMPTY, "the file is empty (0 bytes)", "upload it again with its content")
    extension = extension_of(key)
    if ANY_EXTENSION not in rules.extensions and extension not in rules.extensions:
        named = ", ".join(sorted(rules.extensions - {""}))
        return Refusal(
            EXTENSION,
            f"files that end in .{extension} are not taken"
            if extension
            else "files without an extension are not taken",
            f"convert or rename it (taken are: {named}), or add its extension to allowed_extensions and send it again",
        )
    if size is not None and size > rules.max_bytes:
        return Refusal(
            TOO_LARGE,
            f"the file has {size:,} bytes, and the limit is {rules.max_bytes:,}",
            "split it, or raise max_object_size_gb and upload it again",
        )
    return None


def extension_of(key: str) -> str:
    """The extension of a key in lower case, without that of a packing: ``a.CSV.gz`` -> ``csv``; "" if there is none."""
    name = key.rpartition("/")[2].lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    found = _EXTENSION.search(name)
    return found[1] if found else ""


def _wrong_name(key: str) -> str:
    name = key.rpartition("/")[2]
    parts = key.split("/")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in key):
        return "the key has control characters, which no listing shows"
    if len(key.encode()) > MAX_KEY_BYTES:
        return f"the key has {len(key.encode())} bytes; with more than {MAX_KEY_BYTES} no copy of it could be kept"
    if any(part in ("", ".", "..") for part in parts):
        return "the key has an empty part, '.' or '..' between its slashes, which Spark would read as another path"
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        return f"a part of the key has more than {MAX_NAME_BYTES} bytes"
    if name.startswith(("_", ".")):
        return "names that begin with _ or . are hidden to Spark"
    return ""
