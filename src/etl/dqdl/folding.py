"""CustomSql that is one aggregate of the data -> an expression for the shared aggregation, with no reading of its own.

``select count(*) from primary where a > b`` is ``count(*) filter (where a > b)``. Only texts of exactly this shape are
taken apart; all others, and those that Spark then refuses, run as the query that they are.
"""

from __future__ import annotations

import re

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from etl.dqdl.frames import SPARK_ERRORS

# Aggregates that need no more than a few numbers of memory.
FUNCTIONS = "count|count_if|sum|avg|mean|min|max"
QUERY = re.compile(
    rf"\s*select\s+(?P<call>(?:{FUNCTIONS})\s*\((?P<inner>.*)\))(?:\s+as\s+\w+)?"
    r"\s+from\s+primary(?:\s+where\s+(?P<where>.+?))?[\s;]*",
    re.IGNORECASE | re.DOTALL,
)
QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`""", re.DOTALL)
# Other queries inside, a second clause, names that only mean something in a query, and comments.
TOO_MUCH = re.compile(r"\b(select|from|where|distinct|all|primary|over|filter|within)\b|--|/\*|;", re.IGNORECASE)


def folded(text: str, data: DataFrame) -> Column | None:
    """The query as an aggregate over the data, or None when it is more than one aggregate.

    Args:
        text: the SQL.
        data: the data that the SQL calls ``primary``.
    """
    found = QUERY.fullmatch(text)
    if found is None:
        return None
    parts = [found["inner"], found["where"] or ""]
    if not all(_stands_alone(part) for part in parts):
        return None
    column = sf.expr(f"{found['call']} filter (where {found['where']})") if found["where"] else sf.expr(found["call"])
    try:
        data.agg(column)
    except SPARK_ERRORS:
        return None
    return column


def _stands_alone(sql: str) -> bool:
    """Whether an expression's parentheses are its own and nothing in it needs a query around it."""
    bare = QUOTED.sub("", sql)
    if TOO_MUCH.search(bare) or any(quote in bare for quote in "'\"`"):
        return False
    depth = 0
    for character in bare:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0
