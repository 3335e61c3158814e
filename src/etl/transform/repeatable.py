"""Expressions that give the same whenever they are computed: a batch's rows are judged more than once.

A row that one look accepts and the next one refuses would stand in curated and in quarantine, or in neither. So "now"
is the time at which the batch was planned, and what is random is refused.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone

from pyspark.sql import DataFrame

from etl.contracts import Contract
from etl.errors import ExpressionError

# Texts in quotes, names in backticks and comments are left as they are; then come the functions of the present time.
_TOKENS = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|/\*.*?\*/"""
    r"""|(?<![\w.])(?P<moment>now\s*\(\s*\)|current_timestamp\b(?:\s*\(\s*\))?)"""
    r"""|(?<![\w.])(?P<day>(?:current_date\b(?:\s*\(\s*\))?|curdate\s*\(\s*\)))""",
    re.IGNORECASE | re.DOTALL,
)


def at_time(text: str, moment: datetime) -> str:
    """SQL in which the present time stands still.

    Args:
        text: an expression or a statement.
        moment: what ``now()``, ``current_timestamp``, ``current_date`` and ``curdate()`` become.
    """
    utc = moment.astimezone(timezone.utc)

    def still(found: re.Match[str]) -> str:
        if found["moment"]:
            return f"timestamp'{utc:%Y-%m-%d %H:%M:%S.%f}Z'"
        return f"date'{utc:%Y-%m-%d}'" if found["day"] else found[0]

    return _TOKENS.sub(still, text)


def contract_at(contract: Contract, moment: datetime) -> Contract:
    """A contract whose rules, derived columns, SQL steps and ``delete_when`` all see one present time.

    Args:
        contract: as it was written.
        moment: of the batch.
    """
    steps = contract.processing
    rules = [
        replace(
            rule,
            condition=at_time(rule.condition, moment),
            values={name: at_time(text, moment) for name, text in rule.values.items()},
        )
        for rule in steps.rules
    ]
    derived = [replace(each, expression=at_time(each.expression, moment)) for each in steps.derive]
    sql = [replace(step, sql=at_time(step.sql, moment)) for step in steps.steps]
    processing = replace(steps, rules=tuple(rules), derive=tuple(derived), steps=tuple(sql))
    return replace(contract, processing=processing, delete_when=at_time(contract.delete_when, moment))


def require_repeatable(frame: DataFrame, what: str) -> None:
    """Refuse rows that would be others when they are computed again.

    Args:
        frame: the rows so far.
        what: dataset and what of its contract; begins the message.

    Raises:
        ExpressionError: an expression on the way to them is not deterministic.
    """
    if not is_repeatable(frame):
        raise ExpressionError(
            f"{what} gives other values each time it is computed (as rand, uuid and monotonically_increasing_id do), "
            "and rows are computed more than once; take a hash of the row's own columns instead, as xxhash64(id)"
        )


def is_repeatable(frame: DataFrame) -> bool:
    """Whether all expressions of a frame are deterministic, as Spark knows it."""
    return bool(frame._jdf.queryExecution().analyzed().deterministic())
