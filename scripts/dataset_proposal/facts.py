"""Facts about every column of a sample: the inference of types, and one evaluation with a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataset_proposal.model import Facts
from etl.contracts import Column
from etl.dqdl import evaluate
from etl.dqdl.profile import MOST_COLUMNS
from etl.dqdl.result import PASSED
from etl.inference import UNIQUE

# Enough to tell what a column is about; a closer look at more would take longer and tell the same.
_TEXTS = 500
_NO_KEYS = ("float", "double", "boolean", "date", "timestamp")


def gather(rows: DataFrame, columns: Sequence[Column]) -> tuple[Facts, ...]:
    """What the columns hold, in one Spark action for the numbers and one for values and patterns.

    Args:
        rows: typed by the columns.
        columns: as inferred.
    """
    looked_at = list(columns)[:MOST_COLUMNS]
    analyzers = [f'ColumnLength "{column.name}"' for column in looked_at if column.type == "string"]
    analyzers += [f'Uniqueness "{column.name}"' for column in looked_at if UNIQUE in getattr(column, "hints", ())]
    ruleset = f"Rules = [ RowCount >= 0 ] Analyzers = [ {', '.join(analyzers)} ]" if analyzers else _ONLY_ROWS
    result = evaluate(rows, ruleset, profile=[column.name for column in looked_at])
    profile = {entry["column"]: entry for entry in result.profile}
    texts = _texts(rows, looked_at)
    return tuple(
        _facts(column, result.row_count, profile.get(column.name, {}), result.metrics, texts.get(column.name, ()))
        for column in columns
    )


def with_types(facts: Sequence[Facts], rows: DataFrame, types: Mapping[str, Column]) -> tuple[Facts, ...]:
    """The facts with columns whose type was found by a closer look, and what they hold as such.

    Args:
        facts: as gathered.
        rows: typed by the new types.
        types: the columns that changed, by name.
    """
    if not types:
        return tuple(facts)
    result = evaluate(rows, _ONLY_ROWS, profile=list(types))
    profile = {entry["column"]: entry for entry in result.profile}
    return tuple(
        _retyped(each, types[each.name], profile.get(each.name, {})) if each.name in types else each for each in facts
    )


def _retyped(facts: Facts, column: Column, profile: Mapping[str, Any]) -> Facts:
    """The same column with values that may be fewer: what does not fit is null."""
    complete = facts.complete and not profile.get("nulls", 0)
    key_like = complete and not column.type.startswith(_NO_KEYS)
    return replace(
        facts, column=column, profile=profile, lengths=None, complete=complete, unique=facts.unique and key_like
    )


def unique_pair(rows: DataFrame, names: Sequence[str]) -> tuple[str, str] | None:
    """The first two of some columns that together tell all rows apart; None where no two do.

    Args:
        rows: typed.
        names: columns that may be part of a key, the likeliest first.
    """
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    if not pairs:
        return None
    rules = ", ".join(f'IsPrimaryKey "{one}" "{other}"' for one, other in pairs)
    result = evaluate(rows, f"Rules = [ {rules} ]")
    return next((pair for pair, rule in zip(pairs, result.rules, strict=True) if rule.outcome == PASSED), None)


_ONLY_ROWS = "Rules = [ RowCount >= 0 ]"


def _texts(rows: DataFrame, columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Some values of the columns that may hold personal data."""
    names = [column.name for column in columns if column.type in ("string", "long")]
    if not names:
        return {}
    found = rows.select(*(F.col(f"`{name}`").cast("string").alias(name) for name in names)).limit(_TEXTS).collect()
    return {name: tuple(row[name] for row in found if row[name]) for name in names}


def _facts(
    column: Column, rows: int, profile: Mapping[str, Any], metrics: Mapping[str, float], texts: tuple[str, ...]
) -> Facts:
    prefix = f"Column.{column.name}"
    shortest, longest = (metrics.get(f"{prefix}.{name}") for name in ("MinimumLength", "MaximumLength"))
    return Facts(
        column=column,
        hints=tuple(getattr(column, "hints", ())),
        complete=bool(getattr(column, "complete", False)),
        rows=rows,
        profile=profile,
        unique=rows > 1 and metrics.get(f"{prefix}.Uniqueness") == 1 and not column.type.startswith(_NO_KEYS),
        lengths=(int(shortest), int(longest)) if shortest is not None and longest is not None else None,
        texts=texts,
    )
