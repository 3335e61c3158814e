"""Columns of a dataset without a contract, inferred so that nothing is changed by it.

A type is taken only when every value of the first batch has it and keeps its meaning in it; all else stays text:

- whole numbers of up to 18 digits are ``long``; with a leading zero (a code) or more digits (an id) they stay text;
- plain decimals are ``decimal``, which is exact, with room for longer ones; a value that needs more than there is room
  for is rescued with its text, where a double would round it in silence. Numbers as doubles write themselves
  (``1.5E-7``, ``NaN``) are ``double``;
- ``true`` and ``false``, ISO dates and ISO timestamps have their types; ``1``/``0``, ``yes``/``no``, ``01/02/2024``
  (whose day and month can't be told for sure), ``1e5``, ``+5``, ``0x1F``, ``1,000`` and mixed columns stay as they are.

All of it is found in one aggregation; what people may want to decide otherwise stands as a comment in the suggestion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from etl.contracts import Column
from etl.contracts.text import column_line
from etl.names import CORRUPT
from etl.standardise import free_name

# A kind's bit and the pattern of its values. \z and not $, which also stands before a line break at the end.
_LONG, _DECIMAL, _DOUBLE, _BOOLEAN, _DATE, _TIMESTAMP = 1, 2, 4, 8, 16, 32
_DIGITS, _SWITCH, _DAY_FIRST, _YEAR_FIRST = 64, 128, 256, 512
_PATTERNS = {
    _LONG: r"^(0|-?[1-9][0-9]{0,17})\z",
    _DECIMAL: r"^(?!-0\z)-?(?=[0-9.]{1,39}\z)(0|[1-9][0-9]*)(\.[0-9]+)?\z",
    # As Java and Spark write doubles; 15 digits are what a double keeps of any number.
    _DOUBLE: r"^(?!-0\z)(-?(?=[0-9.]{1,16}\z)(0|[1-9][0-9]*)(\.[0-9]+)?|-?[0-9]\.[0-9]{1,16}E-?[1-9][0-9]{0,2}"
    r"|NaN|-?Infinity)\z",
    _BOOLEAN: r"^(?i)(true|false)\z",
    _DATE: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\z",
    _TIMESTAMP: r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?\z",
    _DIGITS: r"^[0-9]+\z",
    _SWITCH: r"^(?i)(yes|no|y|n|t|f)\z",
    _DAY_FIRST: r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}\z",
    _YEAR_FIRST: r"^[0-9]{4}[/.][0-9]{1,2}[/.][0-9]{1,2}\z",
}
_BRANCHES = {
    "^-?[0-9]+([.][0-9]+)?$": (_LONG, _DECIMAL, _DOUBLE, _DIGITS),
    "^[-0-9NI].{2,40}$": (_DOUBLE, _DATE, _TIMESTAMP, _DAY_FIRST, _YEAR_FIRST),
    "^[a-zA-Z]{1,5}$": (_BOOLEAN, _SWITCH),
}
_CHECKED_BY_CAST = {_DATE: "date", _TIMESTAMP: "timestamp"}
_SIMPLE = {_LONG: "long", _DOUBLE: "double", _BOOLEAN: "boolean", _DATE: "date", _TIMESTAMP: "timestamp"}
# Decimals of up to 18 digits are as quick as longs, those of up to 38 are not.
_SHORT, _LONGEST = 18, 38
# Digits before the point that later batches may need more than the first.
_ROOM_BEFORE = 3
_SCALES = (4, 6, 9, 12, 18)
# The estimate of different values is right within 5 % (one standard deviation), and nearly exact for some hundred.
_UNIQUE = 0.9
_NOTHING = {"rows": 0, "values": 0, "kinds": 0}
UNIQUE = "looks unique"


@dataclass(frozen=True)
class InferredColumn(Column):
    """A column with what the first batch showed of it.

    Attributes:
        hints: remarks for the person who completes the contract.
        complete: every row has a value.
    """

    hints: tuple[str, ...] = ()
    complete: bool = False


def infer_columns(raw: DataFrame) -> tuple[Column, ...]:
    """The columns of a reader's frame with safe types, found in one aggregation.

    Args:
        raw: text columns, and the reader's own, whose names start with ``_``.

    Returns:
        A column per source column, in its order; each is an :class:`InferredColumn`.
    """
    # Standard names start with a letter.
    names = [name for name in raw.columns if not name.startswith("_")]
    if not names:
        return ()
    found = {row["position"]: row.asDict() for row in _looked_at(raw, names).collect()}
    return tuple(_column(name, names, found.get(position, _NOTHING)) for position, name in enumerate(names))


def _looked_at(raw: DataFrame, names: Sequence[str]) -> DataFrame:
    """A row per column: how many values it has and what they have in common.

    Values are put below each other first: the same few expressions then serve every column, where expressions of each
    column's own make a plan that takes minutes to compile for some hundred columns.
    """
    # Rows that don't parse are refused whole; their cells may stand in the wrong columns.
    cells = raw.where(F.col(CORRUPT).isNull()).select(
        F.posexplode(F.array(*(F.trim(name) for name in names))).alias("position", "text")
    )
    values = cells.select("position", F.expr("nullif(text, '')").alias("text"))
    point = "instr(text, '.')"
    digits = f"if({point} > 0, {point} - 1, length(text)) - if(text like '-%', 1, 0)"
    seen = values.selectExpr(
        "position",
        "text",
        f"{_kinds_sql()} as kinds",
        f"{digits} as before",
        f"if({point} > 0, length(text) - {point}, 0) as scale",
    )
    plain = f"filter (where kinds & {_DECIMAL} > 0)"
    # SQL, since bit_and is no function of Spark 3.3's Python.
    return seen.groupBy("position").agg(
        F.count(F.lit(1)).alias("rows"),
        F.count("text").alias("values"),
        F.expr("bit_and(kinds)").alias("kinds"),
        F.expr(f"max(before) {plain}").alias("before"),
        F.expr(f"max(scale) {plain}").alias("scale"),
        F.approx_count_distinct("text").alias("distinct"),
    )


def _kinds_sql() -> str:
    """SQL of the bits of all kinds that a text has; null where there is no value.

    One pattern rules most of the others out, so that few are tried on each value.
    """
    branches = " ".join(
        f"when text rlike '{first}' then {' | '.join(map(_bit_sql, kinds))}" for first, kinds in _BRANCHES.items()
    )
    return f"case {branches} when text is not null then 0 end"


def _bit_sql(bit: int) -> str:
    pattern = _PATTERNS[bit].replace("\\", "\\\\")
    fits = f"text rlike '{pattern}'"
    if bit in _CHECKED_BY_CAST:
        # 2024-02-31 looks like a date and is none.
        fits = f"({fits} and try_cast(text as {_CHECKED_BY_CAST[bit]}) is not null)"
    return f"if({fits}, {bit}, 0)"


def _column(name: str, names: list[str], found: Mapping[str, Any]) -> InferredColumn:
    """A column; one named like a column of the pipeline gets another name, and keeps its own as an alias."""
    free = free_name(name, [other for other in names if other != name])
    kind = _narrowest(found)
    return InferredColumn(
        free,
        kind,
        aliases=() if free == name else (name,),
        hints=tuple(_hints(kind, found)),
        complete=0 < found["rows"] == found["values"],
    )


def _narrowest(found: Mapping[str, Any]) -> str:
    """The first type that all values have; text when there are none."""
    kinds = found["kinds"] or 0
    if kinds & _LONG:
        return "long"
    if kinds & _DECIMAL and found["scale"]:
        exact = exact_decimal(found["before"], found["scale"])
        if exact:
            return exact
    return next((kind for bit, kind in _SIMPLE.items() if kinds & bit), "string")


def exact_decimal(before: int, scale: int) -> str:
    """A decimal with room for longer values than the first batch has; '' when there is none that holds these.

    Args:
        before: the most digits before the point.
        scale: the most digits behind it.
    """
    scale = next((each for each in _SCALES if each >= scale + 2), scale)
    if before + scale > _LONGEST:
        return ""
    return f"decimal({_SHORT if before + _ROOM_BEFORE + scale <= _SHORT else _LONGEST},{scale})"


def _hints(kind: str, found: Mapping[str, Any]) -> list[str]:
    kinds, values, rows = found["kinds"], found["values"], found["rows"]
    if not values:
        return ["no values in the first files"]
    hints = []
    if kind in ("string", "long") and values == rows > 1 and found["distinct"] >= _UNIQUE * rows:
        hints.append(UNIQUE)
    if kind.startswith("decimal"):
        hints.append(f"at most {found['scale']} digits behind the point so far")
    if kind != "string":
        return hints
    if kinds & _DIGITS:
        hints.append("digits only; text, since zeros at the front or all of many digits count")
    if kinds & _DAY_FIRST:
        hints.append("a date? then type date with formats, such as [dd/MM/yyyy] or [MM/dd/yyyy]")
    if kinds & _YEAR_FIRST:
        hints.append("a date? then type date with formats, such as [yyyy/MM/dd]")
    if kinds & _SWITCH:
        hints.append("type boolean takes these words")
    return hints


def described(column: Column) -> dict[str, Any]:
    """An inferred column as a contract has it."""
    aliases = {"aliases": list(column.aliases)} if column.aliases else {}
    return {"name": column.name, "type": column.type, **aliases}


def suggested_contract(dataset: str, columns: Sequence[Column]) -> str:
    """A contract in YAML for inferred columns, ready to be committed and completed.

    Args:
        dataset: the dataset's name.
        columns: as inferred; with none, the text is a comment only.
    """
    if not columns:
        return f"# The first files of {dataset} had no columns; there is nothing to suggest.\n"
    head = {
        "name": dataset,
        "description": "Suggested from the first files; give it a key, an event_time and quality rules.",
        "source": {"patterns": [f"{dataset}*"]},
    }
    lines = [str(yaml.safe_dump(head, sort_keys=False, width=10**6)).rstrip(), *_candidates(columns), "columns:"]
    for column in columns:
        described_column = described(column)
        line = column_line(described_column.pop("name"), described_column.pop("type"), **described_column)
        hints = "; ".join(getattr(column, "hints", ()))
        lines.append(f"  - {line}{f'  # {hints}' if hints else ''}")
    return "\n".join(lines) + "\n"


def _candidates(columns: Sequence[Column]) -> list[str]:
    """Comments that name what could be the key and the event's time."""
    lines = []
    keys = [column.name for column in columns if UNIQUE in getattr(column, "hints", ())]
    times = [c for c in columns if c.type in ("timestamp", "date") and getattr(c, "complete", False)]
    # The time of a row before its day.
    moments = sorted(times, key=lambda column: column.type != "timestamp")
    if keys:
        more = f"; so do {', '.join(keys[1:5])}" if len(keys) > 1 else ""
        lines += [f"# {keys[0]} {UNIQUE} in the first files{more}. A column of the key must be required: true."]
        lines += [f"# key: [{keys[0]}]"]
    if moments:
        lines += [f"# event_time: {moments[0].name}"]
        lines += [f"# order_by: [{moments[0].name}]"] if keys else []
    return lines
