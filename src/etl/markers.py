"""Objects that carry no data: what Spark, Hadoop and consoles leave beside it.

Needs nothing but Python: ingestion and the Lambda that hears of new objects go by the same rules.
"""

from __future__ import annotations

# Where Spark and Hadoop keep what they have not finished; the finished files are moved out.
_UNFINISHED = ("/_temporary/", "/.spark-staging")
_MARKERS = ("_SUCCESS", "_started", "_committed", "_$folder$")


def marks_no_data(key: str, size: int) -> bool:
    """Whether an object is a tool's empty marker or its unfinished output.

    Args:
        key: its key.
        size: bytes.
    """
    if any(folder in key for folder in _UNFINISHED):
        return True
    return (size == 0 and key.rpartition("/")[2].startswith(_MARKERS)) or key.endswith("_$folder$")
