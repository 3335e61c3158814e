"""DatasetMatch: the share of rows that are the same in a reference, found by key -> plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.column_rules import row_level
from etl.dqdl.dataset_rules import looked_up, reference, unique_name
from etl.dqdl.errors import RuleError
from etl.dqdl.frames import Field, Frame, quoted
from etl.dqdl.model import Rule
from etl.dqdl.plans import Facts, Frequency, Mark, Measurement, Plan, metric_name, row_count

Pairs = list[tuple[Field, Field]]


@dataclass(frozen=True)
class Match(Mark):
    """A mark that is true for rows whose values agree with those of the reference's row of the same key.

    Args:
        compared: the data's columns whose values are compared; in the frame they follow the keys.
        as_text: those among them that are compared as texts, since only one side is a text.
    """

    compared: tuple[str, ...] = field(default=())
    as_text: tuple[str, ...] = field(default=())

    def join(self, data: DataFrame) -> DataFrame:
        """The data with the mark; no row is added or dropped, whatever the reference holds."""
        keys = [f"{self.name}_k{position}" for position in range(len(self.keys))]
        others = [f"{self.name}_v{position}" for position in range(len(self.compared))]
        other = self.frame.toDF(*keys, *others).dropDuplicates(keys)
        pairs = zip(self.keys, keys, strict=True)
        condition = reduce(lambda a, b: a & b, [sf.col(quoted(ours)) == sf.col(theirs) for ours, theirs in pairs])
        joined = data.join(other, on=condition, how="left")
        agree = sf.col(keys[0]).isNotNull()
        for ours, theirs in zip(self.compared, others, strict=True):
            left, right = sf.col(quoted(ours)), sf.col(theirs)
            if ours in self.as_text:
                left, right = left.cast("string"), right.cast("string")
            agree = agree & left.eqNullSafe(right)
        return joined.withColumn(self.name, agree).drop(*keys, *others)


def dataset_match(rule: Rule, frame: Frame, references: Mapping[str, Frame]) -> Plan:
    """DatasetMatch: rows that have a row of the same key and the same values in the reference / rows."""
    name = rule.values[0]
    other = reference(name, references)
    keys = _pairs(rule.values[1], frame, other)
    compared = _pairs(rule.values[2], frame, other) if len(rule.values) > 2 else _remaining(keys, frame, other)
    _check_comparable(compared)
    mark = Match(
        unique_name("match", *rule.values),
        tuple(ours.name for ours, _ in keys),
        other.data.select(*[looked_up(*pair) for pair in keys], *[theirs.column for _, theirs in compared]),
        compared=tuple(ours.name for ours, _ in compared),
        as_text=tuple(ours.name for ours, theirs in compared if _is_text(ours) != _is_text(theirs)),
    )
    rows = row_level(rule, sf.col(mark.name), metric_name("Dataset", name, "DatasetMatch", rule), (mark,))
    frequency = Frequency(mark.keys)
    total, number = row_count(None)
    distinct = f"distinct {[theirs.name for _, theirs in keys]}"
    aggregates: dict[str, Column] = {
        total: number,
        distinct: sf.count_distinct(*[theirs.column for _, theirs in keys]),  # rows with a null are left out
    }

    def measure(facts: Facts) -> Measurement:
        counts, theirs = facts.counts[frequency], facts.references[name]
        if counts.complete < counts.rows:
            raise RuleError(_no_key([ours.name for ours, _ in keys], "the data"))
        if theirs[distinct] < theirs[total]:
            raise RuleError(_no_key([other_key.name for _, other_key in keys], f"the reference {name!r}"))
        return rows.measure(facts)

    return Plan(measure, rows.aggregates, (frequency,), {name: aggregates}, marks=rows.marks, test=rows.test)


def _pairs(text: str, frame: Frame, other: Frame) -> Pairs:
    """``id,code->ref_code``: columns of the data, and of the reference where they are named otherwise."""
    named = [part.partition("->") for part in text.split(",") if part.strip()]
    if not named:
        raise RuleError(f'{text!r} names no columns; write "id" or "id->reference_id,code"')
    ours = frame.fields([left.strip() for left, _, _ in named])
    theirs = other.fields([(right or left).strip() for left, _, right in named])
    return list(zip(ours, theirs, strict=True))


def _remaining(keys: Pairs, frame: Frame, other: Frame) -> Pairs:
    """All columns beside the keys, which must have the same names on both sides."""
    ours = [name for name in frame.names if name not in [key.name for key, _ in keys]]
    theirs = [name for name in other.names if name not in [key.name for _, key in keys]]
    missing = [name for name in ours if not other.has(name)] + [name for name in theirs if not frame.has(name)]
    if missing:
        raise RuleError(
            f"only one of the data and {other.name} has {', '.join(missing)}; name the columns to compare, as in "
            f'DatasetMatch "{other.name}" "key" "column,column->other_column" > 0.9'
        )
    return list(zip(frame.fields(ours), other.fields(ours), strict=True))


def _is_text(field: Field) -> bool:
    return isinstance(field.type, st.StringType)


def _check_comparable(pairs: Pairs) -> None:
    maps = [field.name for pair in pairs for field in pair if isinstance(field.type, st.MapType)]
    if maps:
        raise RuleError(f"maps cannot be compared: {', '.join(dict.fromkeys(maps))}; name the columns to compare")


def _no_key(names: Sequence[str], where: str) -> str:
    return f"{', '.join(names)} is no key of {where}: DatasetMatch needs columns that are unique and never null"
