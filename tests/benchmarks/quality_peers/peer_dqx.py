"""The twenty rules as DQX checks, and the count of failed rows of each.

DQX marks rows; what a share of rows must meet (rules 7 and 10) is judged from the counts here. Its workspace client is
a stand-in: checks on a local session ask no workspace for anything.
"""

from __future__ import annotations

import datetime
from typing import Any
from unittest.mock import create_autospec

from peer_session import FRESH_DAYS, INSTRUCTIONS, NOW, Outcomes, serve

SHARES = {7: 0.05, 10: 0.05}


def check(spark: Any, data: Any) -> Outcomes:
    """Mark the rows, and count the marks."""
    from databricks.labs.dqx.engine import DQEngine
    from databricks.sdk import WorkspaceClient
    from pyspark.sql import functions as F

    engine = DQEngine(create_autospec(WorkspaceClient), spark)
    rules = _rules()
    marked = engine.apply_checks(data, rules)
    names = marked.select(F.explode("_errors.name").alias("name"))
    failed = {row["name"]: row["count"] for row in names.groupBy("name").count().collect()}
    rows = data.count()
    return {number: failed.get(str(number), 0) <= SHARES.get(number, 0.0) * rows for number in range(1, len(rules) + 1)}


def _rules() -> list[Any]:
    from databricks.labs.dqx import check_funcs as f
    from databricks.labs.dqx.rule import DQDatasetRule, DQRowRule
    from pyspark.sql import functions as F

    def row(number: int, function: Any, column: str | None = None, **arguments: Any) -> Any:
        return DQRowRule(
            name=str(number), criticality="error", check_func=function, column=column, check_func_kwargs=arguments
        )

    def whole(number: int, function: Any, column: str, **arguments: Any) -> Any:
        return DQDatasetRule(
            name=str(number), criticality="error", check_func=function, column=column, check_func_kwargs=arguments
        )

    def sql(number: int, expression: str) -> Any:
        return row(number, f.sql_expression, expression=expression)

    day = datetime.date
    oldest = day.fromisoformat(NOW) - datetime.timedelta(days=FRESH_DAYS)
    return [
        whole(1, f.is_aggr_not_less_than, "l_orderkey", aggr_type="count", limit=1001),
        row(2, f.is_not_null, "l_orderkey"),
        DQDatasetRule(name="3", criticality="error", check_func=f.is_unique, columns=["l_orderkey", "l_linenumber"]),
        sql(4, "l_quantity > 0 and l_quantity < 51"),
        whole(5, f.is_aggr_not_greater_than, "l_discount", aggr_type="avg", limit=0.06),
        row(6, f.is_not_null, "l_receiptdate"),
        row(7, f.is_not_null, "l_comment"),
        whole(8, f.is_aggr_equal, "l_shipmode", aggr_type="count_distinct", limit=7),
        whole(9, f.is_aggr_equal, "l_returnflag", aggr_type="count_distinct", limit=3),
        sql(10, "l_discount >= 0.01"),
        row(11, f.is_in_list, "l_linenumber", allowed=[1, 2, 3, 4, 5, 6, 7]),
        row(12, f.is_in_list, "l_linestatus", allowed=[F.lit("O"), F.lit("F")]),
        row(13, f.is_in_list, "l_shipinstruct", allowed=[F.lit(text) for text in INSTRUCTIONS]),
        row(14, f.regex_match, "l_shipmode", regex="^[A-Z ]+$"),
        sql(15, "length(l_comment) between 10 and 43"),
        sql(16, "length(l_returnflag) = 1"),
        row(17, f.is_in_range, "l_shipdate", min_limit=day(1992, 1, 1), max_limit=day(1998, 12, 31)),
        row(18, f.is_not_less_than, "l_receiptdate", limit=oldest),
        whole(19, f.is_aggr_not_less_than, "l_extendedprice", aggr_type="sum", limit=1),
        sql(20, "not (l_receiptdate < l_shipdate)"),
    ]


if __name__ == "__main__":
    serve(check)
