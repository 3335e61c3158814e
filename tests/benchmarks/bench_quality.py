"""Twenty rules on lineitem, and both sides that run in one session: the engine, and the same numbers by hand.

**The rules** are a mix as contracts have it: completeness, a primary key, distinct counts, lists, ranges, a pattern,
lengths, dates, freshness, statistics and SQL. One fails, for there is no discount in every eleventh row.

**By hand** is what an engineer who knows the data writes: one aggregation of all numbers that need no key, one group-by
for the primary key, and one aggregation of both distinct counts. Inside the first aggregation they were tried, too:
``countDistinct`` copies every row for each of them and takes 1.6 times the CPU, and ``collect_set`` keeps Spark from
compiling the aggregation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from bench_tasks import observed

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
FRESH_DAYS = 20_000
INSTRUCTIONS = ("COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN")
KEY = ("l_orderkey", "l_linenumber")
RULES = (
    "RowCount > 1000",
    'IsComplete "l_orderkey"',
    'IsPrimaryKey "l_orderkey" "l_linenumber"',
    'ColumnValues "l_quantity" between 0 and 51',
    'Mean "l_discount" between 0.04 and 0.06',
    'IsComplete "l_receiptdate"',
    'Completeness "l_comment" > 0.95',
    'DistinctValuesCount "l_shipmode" = 7',
    'DistinctValuesCount "l_returnflag" = 3',
    'ColumnValues "l_discount" >= 0.01 with threshold > 0.95',
    'ColumnValues "l_linenumber" in [1, 2, 3, 4, 5, 6, 7]',
    'ColumnValues "l_linestatus" in ["O", "F"]',
    f'ColumnValues "l_shipinstruct" in [{", ".join(map(repr, INSTRUCTIONS))}]'.replace("'", '"'),
    'ColumnValues "l_shipmode" matches "[A-Z ]+"',
    'ColumnLength "l_comment" between 9 and 44',
    'ColumnLength "l_returnflag" = 1',
    'ColumnValues "l_shipdate" between "1991-12-31" and "1999-01-01"',
    f'DataFreshness "l_receiptdate" < {FRESH_DAYS} days',
    'Sum "l_extendedprice" > 0',
    'CustomSql "select count(*) from primary where l_receiptdate < l_shipdate" = 0',
)
_NUMBERS = ("l_partkey", "l_suppkey", "l_quantity", "l_extendedprice", "l_discount", "l_tax")
_TEXTS = ("l_shipinstruct", "l_shipmode", "l_linestatus", "l_returnflag")
# As many again and more, with new columns, new keys and new filters.
MORE_RULES = (
    *(f'IsComplete "{name}"' for name in (*_NUMBERS, *_TEXTS)),
    *(f'ColumnValues "{name}" >= 0' for name in _NUMBERS),
    *(f'Mean "{name}" > 0' for name in _NUMBERS),
    *(f'StandardDeviation "{name}" > 0' for name in _NUMBERS),
    *(f'ColumnLength "{name}" between 0 and 30' for name in _TEXTS),
    *(f'Entropy "{name}" >= 0' for name in _TEXTS),
    'DistinctValuesCount "l_linenumber" <= 7',
    'Uniqueness "l_suppkey" < 0.5 where "l_linenumber = 1"',
    'ColumnCorrelation "l_quantity" "l_extendedprice" > 0.5',
    'CustomSql "select max(l_tax) from primary" < 1',
)
RULESETS = {5: RULES[:5], 20: RULES, 60: (*RULES, *MORE_RULES)}


def ruleset(count: int = 20) -> str:
    """The ruleset of so many rules."""
    rules = RULESETS[count]
    if len(rules) != count:
        raise ValueError(f"the ruleset of {count} rules has {len(rules)}")
    return f"Rules = [ {', '.join(rules)} ]"


def by_hand(data: Any) -> dict[str, float]:
    """The numbers of the twenty rules, by the names that the engine gives them."""
    from pyspark.sql import functions as F

    c = F.col

    def where(condition: Any) -> Any:
        return F.count(F.when(condition, 1))

    rows = {
        "rows": F.count(F.lit(1)),
        "orderkey": F.count("l_orderkey"),
        "receiptdate": F.count("l_receiptdate"),
        "comment": F.count("l_comment"),
        "quantity": where((c("l_quantity") > 0) & (c("l_quantity") < 51)),
        "discount": where(c("l_discount") >= 0.01),
        "linenumber": where(c("l_linenumber").isin(1, 2, 3, 4, 5, 6, 7)),
        "linestatus": where(c("l_linestatus").isin("O", "F")),
        "shipinstruct": where(c("l_shipinstruct").isin(*INSTRUCTIONS)),
        "shipmode": where(c("l_shipmode").rlike("^[A-Z ]+$")),
        "comment length": where((F.length("l_comment") > 9) & (F.length("l_comment") < 44)),
        "returnflag length": where(F.length("l_returnflag") == 1),
        "shipdate": where((c("l_shipdate") > F.lit("1991-12-31")) & (c("l_shipdate") < F.lit("1999-01-01"))),
        "fresh": where(c("l_receiptdate") > F.date_sub(F.lit(NOW.date()), FRESH_DAYS)),
        "mean": F.avg(c("l_discount").cast("double")),
        "sum": F.sum("l_extendedprice"),
        "sql": where(c("l_receiptdate") < c("l_shipdate")),
    }
    found = data.agg(*[column.alias(name) for name, column in rows.items()]).first().asDict()
    keys = data.groupBy(*KEY).count()
    unique = (c("count") == 1) & c(KEY[0]).isNotNull() & c(KEY[1]).isNotNull()
    found |= keys.agg(F.sum(F.when(unique, c("count"))).alias("key")).first().asDict()
    names = ("l_shipmode", "l_returnflag")
    found |= data.agg(*[F.countDistinct(name).alias(f"distinct {name}") for name in names]).first().asDict()
    return {name: float(value) for name, value in found.items()}


def run_by_hand(spark: Any, task: Mapping[str, Any]) -> dict[str, Any]:
    """The floor."""
    data = spark.read.parquet(task["file"])
    before = _last_job(spark)
    with observed(spark, task) as (measured, profiled):
        numbers = by_hand(data)
    jobs = _last_job(spark) - before
    return {**measured.numbers(), **profiled.numbers(), "jobs": jobs, "numbers": numbers}


def run_engine(spark: Any, task: Mapping[str, Any]) -> dict[str, Any]:
    """Our engine, with everything from the text of the rules to the results."""
    from etl.dqdl import evaluate

    data = spark.read.parquet(task["file"])
    before = _last_job(spark)
    with observed(spark, task) as (measured, profiled):
        result = evaluate(data, ruleset(task.get("rules", 20)), now=NOW)
    jobs = _last_job(spark) - before
    outcomes = {rule.text: rule.outcome for rule in result.rules}
    numbers = _numbers(result) if task.get("rules", 20) == 20 else {}
    return {**measured.numbers(), **profiled.numbers(), "jobs": jobs, "numbers": numbers, "outcomes": outcomes}


def _numbers(result: Any) -> dict[str, float]:
    """What :func:`by_hand` computes, from the engine's results."""
    counts = {
        rule.text: rule.rows - rule.failed_rows if rule.rows is not None else next(iter(rule.metrics.values()))
        for rule in result.rules
    }
    names = (
        "rows", "orderkey", "key", "quantity", "mean", "receiptdate", "comment", "distinct l_shipmode",
        "distinct l_returnflag", "discount", "linenumber", "linestatus", "shipinstruct", "shipmode", "comment length",
        "returnflag length", "shipdate", "fresh", "sum", "sql",
    )  # fmt: skip
    return {name: float(value) for name, value in zip(names, counts.values(), strict=True)}


def _last_job(spark: Any) -> int:
    """How many jobs have been started in the session."""
    return int(spark.sparkContext._jsc.sc().statusStore().jobsList(None).size())


TASKS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "quality-floor": run_by_hand,
    "quality-ours": run_engine,
}
