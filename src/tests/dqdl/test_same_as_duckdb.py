"""The metrics of one shared Spark action equal a plain computation by duckdb, for whatever values."""

from __future__ import annotations

import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as hs
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import evaluate

Row = tuple[Any, ...]

# Few different values, so that they repeat; null, NaN, negative zero and odd texts among them.
TEXTS = hs.sampled_from([None, "", " ", "a", "ab", "ß", "a\nb", "日本", "NULL"])
WHOLE = hs.sampled_from([None, -(2**62), -1, 0, 1, 2, 2**62])
FLOATS = hs.sampled_from([None, float("nan"), -1.5, -0.0, 0.0, 1.0, 1e300])
PLAIN_FLOATS = hs.sampled_from([None, -2.5, 0.0, 1.0, 3.25, 1e6])
MONEY = hs.sampled_from([None, Decimal("-1.10"), Decimal("0.00"), Decimal("2.20"), Decimal("99999999.99")])
ROWS = hs.lists(hs.tuples(TEXTS, WHOLE, FLOATS, PLAIN_FLOATS, MONEY), min_size=1, max_size=25)
SCHEMA = "t string, n bigint, f double, p double, m decimal(10,2)"

KEYS = [("t",), ("n",), ("f",), ("m",), ("t", "n"), ("n", "f", "m")]
FILTER = "n >= 0"
CONDITIONS = {
    'ColumnValues "n" > 0': "n > 0",
    'ColumnValues "n" != 1': "n is null or n <> 1",
    'ColumnValues "n" in [0, 1, NULL]': "n is null or n in (0, 1)",
    'ColumnValues "n" not in [0, NULL]': "n is not null and n <> 0",
    'ColumnValues "f" > 0': "f > 0 and not isnan(f)",
    'ColumnValues "f" <= 0': "f <= 0 and not isnan(f)",
    'ColumnValues "f" != 1': "f is null or isnan(f) or f <> 1",
    'ColumnValues "f" between -2 and 1': "f > -2 and f < 1",
    'ColumnValues "f" not between -1 and 0.5': "(f <= -1 or f >= 0.5) and not isnan(f)",
    'ColumnValues "m" >= 2.2': "m >= 2.2",
    'ColumnValues "t" in ["a", "ß"]': "t in ('a', 'ß')",
    'ColumnValues "t" in ["a", EMPTY, WHITESPACES_ONLY]': "t in ('a', '', ' ')",
    'ColumnValues "t" != "a"': "t is null or t <> 'a'",
    'ColumnValues "t" matches "a[a-z]*"': "regexp_full_match(t, 'a[a-z]*')",
    'ColumnLength "t" between 0 and 3': "length(coalesce(t, '')) between 1 and 2",
    'IsComplete "f"': "f is not null",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where frames are stored."""
    return tmp_path_factory.mktemp("frames")


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, stored=hs.booleans())
def test_metrics_equal_those_of_duckdb(spark: SparkSession, folder: Path, rows: list[Row], stored: bool) -> None:
    data = frame(spark, folder, rows, stored)
    result = evaluate(data, text())
    assert result.problems == []
    counted = result.rules[: len(result_rules())]
    assert {rule.text: rule.failed_rows for rule in counted} == {rule: failed(rows, rule) for rule in result_rules()}
    wanted = metrics(rows)
    for name, value in wanted.items():
        found = result.metrics.get(name)
        assert same(found, value), (name, found, value, rows)


def frame(spark: SparkSession, folder: Path, rows: list[Row], stored: bool) -> DataFrame:
    """The rows as a frame: read from Parquet, or from Python."""
    data = spark.createDataFrame(rows, SCHEMA)
    if not stored:
        return data
    path = f"file://{folder}/{len(list(folder.iterdir()))}"
    data.coalesce(1).write.parquet(path)
    return spark.read.parquet(path)


def result_rules() -> list[str]:
    """Rules about single rows, also with a filter."""
    return [*CONDITIONS, *[f'{rule} where "{FILTER}"' for rule in list(CONDITIONS)[:4]]]


def text() -> str:
    """The ruleset of everything that is compared."""
    quoted = [" ".join(f'"{column}"' for column in key) for key in KEYS]
    kinds = ("Uniqueness", "UniqueValueRatio", "DistinctValuesCount")
    analyzers = [f"{kind} {key}" for kind in kinds for key in quoted]
    analyzers += [f'Entropy "{key[0]}"' for key in KEYS if len(key) == 1]
    analyzers += [f'{kind} "{column}"' for kind in ("Mean", "Sum", "StandardDeviation") for column in ("n", "p", "m")]
    analyzers += ['ColumnLength "t"', 'ColumnValues "p"', 'ColumnCorrelation "p" "m"', 'Completeness "t"']
    filtered = [f'Uniqueness "t" >= 0 where "{FILTER}"', f'DistinctValuesCount "t" "n" >= 0 where "{FILTER}"']
    return f"Rules = [ {', '.join([*result_rules(), *filtered])} ] Analyzers = [ {', '.join(analyzers)} ]"


def ask(rows: list[Row], query: str) -> Row:
    """The one row that duckdb answers."""
    with duckdb.connect() as connection:
        connection.execute("create table data (t varchar, n bigint, f double, p double, m decimal(10,2))")
        connection.executemany("insert into data values (?, ?, ?, ?, ?)", rows)
        answer = connection.execute(query).fetchone()
    assert answer is not None
    return tuple(answer)


def failed(rows: list[Row], rule: str) -> int:
    """How many rows do not meet a rule."""
    bare, _, where = rule.partition(" where ")
    among = FILTER if where else "true"
    bad = f"{among} and not coalesce({CONDITIONS[bare]}, false)"
    return int(ask(rows, f"select count(*) from data where {bad}")[0])  # noqa: S608


def metrics(rows: list[Row]) -> dict[str, float | None]:
    """All metrics by AWS's names; None where there is none."""
    found: dict[str, float | None] = {}
    for key in KEYS:
        target = f"{'Column' if len(key) == 1 else 'Multicolumn'}.{','.join(key)}"
        about = about_key(rows, key, "true")
        found |= {f"{target}.{name}": value for name, value in about.items() if name != "Entropy" or len(key) == 1}
    filtered = about_key(rows, ("t",), FILTER)["Uniqueness"]
    found[f'Column.t.Uniqueness where "{FILTER}"'] = filtered
    found[f'Multicolumn.t,n.DistinctValuesCount where "{FILTER}"'] = about_key(rows, ("t", "n"), FILTER)[
        "DistinctValuesCount"
    ]
    for column in ("n", "p", "m"):
        wanted = f"avg({column}::double), sum({column}), stddev_pop({column}::double)"
        answer = ask(rows, f"select {wanted} from data")  # noqa: S608
        names = (f"Column.{column}.{name}" for name in ("Mean", "Sum", "StandardDeviation"))
        found |= dict(zip(names, answer, strict=True))
    answer = ask(
        rows,
        "select min(length(t)), max(length(t)), min(p), max(p), count(t) / count(*), corr(p, m::double) from data",
    )
    names = ("t.MinimumLength", "t.MaximumLength", "p.Minimum", "p.Maximum", "t.Completeness")
    found |= dict(zip((f"Column.{name}" for name in names), answer, strict=False))
    found["Multicolumn.p,m.ColumnCorrelation"] = answer[-1]
    return found


def about_key(rows: list[Row], key: tuple[str, ...], among: str) -> dict[str, float]:
    """Uniqueness and distribution of a key's values; a row without any value has none."""
    listed, valued = ", ".join(key), " or ".join(f"{column} is not null" for column in key)
    query = (
        f"with groups as (select {listed}, count(*) as c from data where {among} group by {listed}), "  # noqa: S608
        f"valued as (select c, sum(c) over () as total from groups where {valued}) "
        "select (select coalesce(sum(c), 0) from groups), count(*), count(*) filter (where c = 1), "
        "coalesce(-sum(c / total * ln(c / total)), 0) from valued"
    )
    total, distinct, unique, entropy = ask(rows, query)
    return {
        "Uniqueness": unique / float(total) if total else 1.0,
        "UniqueValueRatio": unique / distinct if distinct else 1.0,
        "DistinctValuesCount": distinct,
        "Entropy": entropy,
    }


def same(found: float | None, wanted: Any) -> bool:
    """Equal but for rounding; what cannot be computed has no metric."""
    if wanted is None or math.isnan(wanted):
        return found is None
    return found is not None and math.isclose(found, float(wanted), rel_tol=1e-9, abs_tol=1e-9)
