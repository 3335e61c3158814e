"""The part of a profile that looks at single values: one Spark job over a bounded number of rows.

Top values, patterns, quantiles and histograms of all columns come from one ``explode`` of the rows' cells that is
grouped twice. Exact up to :data:`MOST_ROWS` rows; beyond, from a sample that is the same for the same files. Quantiles
are here, not among the aggregates: percentile_approx over all rows costs as much as all of them together, and at the
accuracy that it would be given it is off by more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf
from pyspark.sql import types as st

from etl.dqdl.frames import Field

TEXT_LENGTH = 60
# With 100,000 rows a quantile is off by 0.16 percent of the rows (one standard error, sqrt(p(1-p)/n) at the median).
MOST_ROWS = 100_000
MOST_CELLS = 2_000_000  # fewer rows of very wide frames: 200 columns are sampled in 10,000 rows
SEED = 20240229
TOP, BINS = 10, 20
# Values rarer than 1 in 2,000 are not collected: no executor holds more of a column than so many.
RAREST = 2_000
QUANTILES = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
EVERY_ROW, VALUE, PATTERN = -1, 0, 1


@dataclass(frozen=True)
class Bins:
    """Equal bins of a column's numbers; the last one has its upper edge, the others not.

    Args:
        low: the lower edge of the first.
        width: of one bin; 0 when all numbers are the same.
        count: how many.
        high: the upper edge of the last.
    """

    low: float
    width: float
    count: int
    high: float

    def edges(self, position: int) -> tuple[float, float]:
        """Lower and upper edge of a bin."""
        return self._edge(position), self._edge(position + 1)

    def _edge(self, position: int) -> float:
        if position == self.count:
            return self.high
        if math.isfinite(self.high - self.low):
            return self.low + position * self.width
        # The difference of the largest and the smallest double is no double.
        part = position / self.count
        return self.low * (1 - part) + self.high * part

    def position(self, number: Column) -> Column:
        """The bin of a number, from 0."""
        if not self.width:
            return sf.lit(0)
        place = sf.floor(number / sf.lit(self.width) - sf.lit(self.low / self.width)).cast("int")
        return sf.greatest(sf.lit(0), sf.least(sf.lit(self.count - 1), place))


@dataclass(frozen=True)
class ValueCounts:
    """What was found of one column; empty for columns without values."""

    top: list[dict[str, Any]] = field(default_factory=list)
    patterns: list[dict[str, Any]] = field(default_factory=list)
    quantiles: dict[str, float] | None = None
    histogram: list[dict[str, Any]] | None = None


def bins_between(low: float, high: float, whole: bool) -> Bins:
    """At most :data:`BINS` bins from low to high; those of whole numbers have whole edges.

    Args:
        low: the smallest number, finite.
        high: the largest number, finite.
        whole: whether the numbers are whole.
    """
    if whole and high - low < 2**53:
        width = float(math.ceil((high - low + 1) / BINS))
        count = math.ceil((high - low + 1) / width)
        return Bins(low, width, count, low + count * width)
    width = high / BINS - low / BINS
    return Bins(low, width, BINS if width else 1, high)


def as_text(field: Field, column: Column) -> Column:
    """A value of the column as text, uncut. Timestamps are told in UTC, whatever the session's time zone."""
    if field.type.typeName() == "timestamp":
        column = sf.to_utc_timestamp(column, sf.expr("current_timezone()"))
    return column.cast("string")


def has_texts(field: Field) -> bool:
    """Whether values of the type can be shown and counted as texts: not nested, not binary."""
    return isinstance(field.type, st.AtomicType) and field.type.typeName() not in ("binary", "variant")


def finite(field: Field) -> Column:
    """The number as double; null for NaN and the infinities."""
    number = field.column.cast("double")
    return sf.when(sf.abs(number) < sf.lit(math.inf), number) if field.is_floating else number


def count_values(
    data: DataFrame, fields: Mapping[int, Field], bins: Mapping[int, Bins], rows: int
) -> tuple[dict[int, ValueCounts], int | None]:
    """Look at the values of a bounded number of rows.

    Args:
        data: the data.
        fields: the columns by their position in the profile, those for which :func:`has_texts`.
        bins: the bins of numeric columns with finite values, by position.
        rows: rows of the data.

    Returns:
        What was found by position, and the number of rows of the sample; None when all rows were looked at.
    """
    if not fields or not rows:
        return {}, None
    most = min(MOST_ROWS, MOST_CELLS // len(fields))
    sampled = rows > most
    # By position in the files, not by rand(): the same files give the same rows.
    seen = data.sample(withReplacement=False, fraction=most / rows, seed=SEED) if sampled else data
    cells = [cell for position, each in fields.items() for cell in _cells(position, each, bins.get(position))]
    cells.append(_cell(EVERY_ROW, EVERY_ROW, sf.lit("")))
    found = {
        (row["c"], row["kind"]): row.asDict(recursive=True) for row in _grouped(seen, cells, min(rows, most)).collect()
    }
    counts = {position: _counts(position, found, bins.get(position)) for position in fields}
    return counts, found.get((EVERY_ROW, EVERY_ROW), {"n": 0})["n"] if sampled else None


def _cells(position: int, field: Field, bins: Bins | None) -> list[Column]:
    """What a row has to say of a column: its value, and the pattern of a text."""
    text = as_text(field, field.column)
    cut = sf.substring(text, 1, TEXT_LENGTH)
    if isinstance(field.type, st.StringType):
        # Two long texts with the same beginning are two values.
        rest = sf.when(sf.length(text) > TEXT_LENGTH, sf.xxhash64(text))
        return [_cell(position, VALUE, cut, rest), _cell(position, PATTERN, _shape(cut))]
    number = bin_of = None
    if bins is not None:
        number = finite(field)
        bin_of = sf.when(number.isNotNull(), bins.position(number))
    return [_cell(position, VALUE, cut, None, number, bin_of)]


def _cell(
    position: int,
    kind: int,
    text: Column,
    rest: Column | None = None,
    number: Column | None = None,
    bin_of: Column | None = None,
) -> Column:
    def given(column: Column | None, kind: str) -> Column:
        return (sf.lit(None) if column is None else column).cast(kind)

    return sf.struct(
        sf.lit(position).alias("c"),
        sf.lit(kind).alias("kind"),
        text.alias("text"),
        given(rest, "bigint").alias("rest"),
        given(number, "double").alias("number"),
        given(bin_of, "int").alias("bin"),
    )


def _shape(text: Column) -> Column:
    """9 for each digit, a for each letter; etl.hiding.shape is the same in Python."""
    return sf.regexp_replace(sf.regexp_replace(text, r"\p{N}", "9"), r"[\p{L}\p{M}]", "a")


def _grouped(data: DataFrame, cells: Sequence[Column], rows: int) -> DataFrame:
    """One row per column and kind: the commonest values, how often there is any, quantiles and bins."""
    values = (
        data.select(sf.explode(sf.array(*cells)).alias("cell"))
        .select("cell.*")
        .where(sf.col("text").isNotNull())
        .groupBy("c", "kind", "text", "rest")
        .agg(sf.count(sf.lit(1)).alias("n"), sf.max("number").alias("number"), sf.max("bin").alias("bin"))
    )
    often = sf.when(sf.col("n") >= max(1, rows // RAREST), sf.struct((-sf.col("n")).alias("n"), sf.col("text")))
    shares = ", ".join(f"{share}D" for share in QUANTILES.values())
    in_bins = [sf.sum(sf.when(sf.col("bin") == position, sf.col("n"))) for position in range(BINS)]
    return values.groupBy("c", "kind").agg(
        sf.sum("n").alias("n"),
        sf.slice(sf.sort_array(sf.collect_list(often)), 1, TOP).alias("top"),
        sf.expr(f"percentile(number, array({shares}), n)").alias("quantiles"),
        sf.array(*in_bins).alias("bins"),
    )


def _counts(position: int, found: Mapping[tuple[int, int], Mapping[str, Any]], bins: Bins | None) -> ValueCounts:
    values, patterns = found.get((position, VALUE)), found.get((position, PATTERN))
    if values is None:
        return ValueCounts()
    quantiles = dict(zip(QUANTILES, values["quantiles"] or (), strict=False)) if bins else {}
    return ValueCounts(
        top=_commonest(values, "value"),
        patterns=_commonest(patterns, "pattern") if patterns else [],
        # Between the largest and the smallest double Spark finds no number.
        quantiles=quantiles if quantiles and all(map(math.isfinite, quantiles.values())) else None,
        histogram=_histogram(bins, values["bins"]) if bins else None,
    )


def _commonest(row: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Each with its share of the rows that have a value."""
    return [{name: each["text"], "rows": -each["n"], "share": round(-each["n"] / row["n"], 6)} for each in row["top"]]


def _histogram(bins: Bins, counts: Sequence[int | None]) -> list[dict[str, Any]]:
    edges = [bins.edges(position) for position in range(bins.count)]
    return [{"from": low, "to": high, "rows": n or 0} for (low, high), n in zip(edges, counts, strict=False)]
