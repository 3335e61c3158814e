"""The twenty rules as an expectation suite, with the shortest form of results."""

from __future__ import annotations

import datetime
import os
from typing import Any

from peer_session import FRESH_DAYS, INSTRUCTIONS, NOW, Outcomes, serve

os.environ["GX_ANALYTICS_ENABLED"] = "False"


def check(spark: Any, data: Any) -> Outcomes:
    """One validation of a batch."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_spark("spark")
    whole = source.add_dataframe_asset("lineitem").add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch(batch_parameters={"dataframe": data})
    results = batch.validate(
        gx.ExpectationSuite("twenty", expectations=_expectations(gx)), result_format="BOOLEAN_ONLY"
    )
    found: Outcomes = {}
    for result in results.results:
        number = result.expectation_config.meta["rule"]
        found[number] = found.get(number, True) and result.success
    return found


def _expectations(gx: Any) -> list[Any]:
    e = gx.expectations
    day = datetime.date
    oldest = day.fromisoformat(NOW) - datetime.timedelta(days=FRESH_DAYS - 1)
    key = ["l_orderkey", "l_linenumber"]
    early = "SELECT * FROM {batch} WHERE l_receiptdate < l_shipdate"
    rules: list[tuple[int, Any, dict[str, Any]]] = [
        (1, e.ExpectTableRowCountToBeBetween, {"min_value": 1001}),
        (2, e.ExpectColumnValuesToNotBeNull, {"column": "l_orderkey"}),
        (3, e.ExpectCompoundColumnsToBeUnique, {"column_list": key}),
        (3, e.ExpectColumnValuesToNotBeNull, {"column": "l_linenumber"}),
        (4, e.ExpectColumnValuesToBeBetween, {"column": "l_quantity", "min_value": 0, "max_value": 51, **_open()}),
        (5, e.ExpectColumnMeanToBeBetween, {"column": "l_discount", "min_value": 0.04, "max_value": 0.06}),
        (6, e.ExpectColumnValuesToNotBeNull, {"column": "l_receiptdate"}),
        (7, e.ExpectColumnValuesToNotBeNull, {"column": "l_comment", "mostly": 0.95}),
        (8, e.ExpectColumnUniqueValueCountToBeBetween, {"column": "l_shipmode", "min_value": 7, "max_value": 7}),
        (9, e.ExpectColumnUniqueValueCountToBeBetween, {"column": "l_returnflag", "min_value": 3, "max_value": 3}),
        (10, e.ExpectColumnValuesToBeBetween, {"column": "l_discount", "min_value": 0.01, "mostly": 0.95}),
        (11, e.ExpectColumnValuesToBeInSet, {"column": "l_linenumber", "value_set": [1, 2, 3, 4, 5, 6, 7]}),
        (12, e.ExpectColumnValuesToBeInSet, {"column": "l_linestatus", "value_set": ["O", "F"]}),
        (13, e.ExpectColumnValuesToBeInSet, {"column": "l_shipinstruct", "value_set": INSTRUCTIONS}),
        (14, e.ExpectColumnValuesToMatchRegex, {"column": "l_shipmode", "regex": "^[A-Z ]+$"}),
        (15, e.ExpectColumnValueLengthsToBeBetween, {"column": "l_comment", "min_value": 10, "max_value": 43}),
        (16, e.ExpectColumnValueLengthsToEqual, {"column": "l_returnflag", "value": 1}),
        (17, e.ExpectColumnValuesToBeBetween, {"column": "l_shipdate", **_between(day(1992, 1, 1), day(1998, 12, 31))}),
        (18, e.ExpectColumnValuesToBeBetween, {"column": "l_receiptdate", "min_value": oldest}),
        (19, e.ExpectColumnSumToBeBetween, {"column": "l_extendedprice", "min_value": 0, "strict_min": True}),
        (20, e.UnexpectedRowsExpectation, {"unexpected_rows_query": early}),
    ]
    return [kind(**arguments, meta={"rule": number}) for number, kind, arguments in rules]


def _open() -> dict[str, bool]:
    return {"strict_min": True, "strict_max": True}


def _between(low: Any, high: Any) -> dict[str, Any]:
    return {"min_value": low, "max_value": high}


if __name__ == "__main__":
    serve(check)
