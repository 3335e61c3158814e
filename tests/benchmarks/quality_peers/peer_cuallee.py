"""The twenty rules as a cuallee check.

It counts the rows by itself (rule 1). Means and sums it only compares with exact values: rules 5 and 19 compute the
same but have no outcome of the same meaning.
"""

from __future__ import annotations

from typing import Any

from peer_session import FRESH_DAYS, INSTRUCTIONS, NOW, Outcomes, serve

INCOMPARABLE = {5, 19}


def check(spark: Any, data: Any) -> Outcomes:
    """One validation; rules are in the order of the twenty, without the first."""
    from cuallee import Check, CheckLevel

    rules = (
        Check(CheckLevel.WARNING, "lineitem")
        .is_complete("l_orderkey")
        .is_composite_key(("l_orderkey", "l_linenumber"))
        .is_between("l_quantity", (0.01, 50.99))
        .has_mean("l_discount", 0.05)
        .is_complete("l_receiptdate")
        .is_complete("l_comment", 0.95)
        .has_cardinality("l_shipmode", 7)
        .has_cardinality("l_returnflag", 3)
        .is_greater_or_equal_than("l_discount", 0.01, 0.95)
        .is_contained_in("l_linenumber", (1, 2, 3, 4, 5, 6, 7))
        .is_contained_in("l_linestatus", ("O", "F"))
        .is_contained_in("l_shipinstruct", tuple(INSTRUCTIONS))
        .has_pattern("l_shipmode", "^[A-Z ]+$")
        .satisfies("l_comment", "length(l_comment) between 10 and 43")
        .satisfies("l_returnflag", "length(l_returnflag) = 1")
        .satisfies("l_shipdate", "l_shipdate between date '1992-01-01' and date '1998-12-31'")
        .satisfies("l_receiptdate", f"l_receiptdate > date_sub(date '{NOW}', {FRESH_DAYS})")
        .has_sum("l_extendedprice", 1)
        .satisfies("l_receiptdate", "not (l_receiptdate < l_shipdate)")
    )
    rows = rules.validate(data).collect()
    found: Outcomes = {row["id"] + 1: row["status"] == "PASS" for row in rows}
    found[1] = rules.rows > 1000
    return {number: None if number in INCOMPARABLE else outcome for number, outcome in found.items()}


if __name__ == "__main__":
    serve(check)
