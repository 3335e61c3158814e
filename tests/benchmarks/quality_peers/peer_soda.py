"""The twenty rules in SodaCL. Freshness goes by ``now``, so its limit is counted to a variable of that name."""

from __future__ import annotations

from typing import Any

from peer_session import FRESH_DAYS, INSTRUCTIONS, NOW, Outcomes, serve

# Name -> check; the number before the dot is the rule's.
CHECKS = f"""
checks for lineitem:
  - row_count > 1000: {{name: "1"}}
  - missing_count(l_orderkey) = 0: {{name: "2"}}
  - duplicate_count(l_orderkey, l_linenumber) = 0: {{name: "3.a"}}
  - missing_count(l_linenumber) = 0: {{name: "3.b"}}
  - invalid_count(l_quantity) = 0: {{name: "4", valid min: 0.01, valid max: 50.99}}
  - avg(l_discount) between 0.04 and 0.06: {{name: "5"}}
  - missing_count(l_receiptdate) = 0: {{name: "6"}}
  - missing_percent(l_comment) < 5: {{name: "7"}}
  - modes = 7: {{name: "8", modes expression: COUNT(DISTINCT l_shipmode)}}
  - flags = 3: {{name: "9", flags expression: COUNT(DISTINCT l_returnflag)}}
  - invalid_percent(l_discount) < 5: {{name: "10", valid min: 0.01}}
  - invalid_count(l_linenumber) = 0: {{name: "11", valid values: [1, 2, 3, 4, 5, 6, 7]}}
  - invalid_count(l_linestatus) = 0: {{name: "12", valid values: ["O", "F"]}}
  - invalid_count(l_shipinstruct) = 0: {{name: "13", valid values: {INSTRUCTIONS}}}
  - invalid_count(l_shipmode) = 0: {{name: "14", valid regex: '^[A-Z ]+$'}}
  - invalid_count(l_comment) = 0: {{name: "15", valid min length: 10, valid max length: 43}}
  - invalid_count(l_returnflag) = 0: {{name: "16", valid length: 1}}
  - odd_days = 0:
      name: "17"
      odd_days expression: SUM(CASE WHEN l_shipdate BETWEEN '1992-01-01' AND '1998-12-31' THEN 0 ELSE 1 END)
  - stale = 0:
      name: "18"
      stale expression: SUM(CASE WHEN l_receiptdate > DATE '{NOW}' - INTERVAL {FRESH_DAYS} DAY THEN 0 ELSE 1 END)
  - sum(l_extendedprice) > 0: {{name: "19"}}
  - early = 0: {{name: "20", early expression: SUM(CASE WHEN l_receiptdate < l_shipdate THEN 1 ELSE 0 END)}}
"""


def check(spark: Any, data: Any) -> Outcomes:
    """One scan."""
    from soda.sampler.sampler import Sampler
    from soda.scan import Scan

    class NoSamples(Sampler):
        def store_sample(self, sample_context: Any) -> None:
            return None

    data.createOrReplaceTempView("lineitem")
    scan = Scan()
    scan.set_data_source_name("spark_df")
    scan.add_spark_session(spark, data_source_name="spark_df")
    scan.sampler = NoSamples()
    scan.add_sodacl_yaml_str(CHECKS)
    scan.execute()
    if scan.has_error_logs():
        raise RuntimeError(scan.get_error_logs_text())
    found: Outcomes = {}
    for one in scan.get_scan_results()["checks"]:
        number = int(one["name"].partition(".")[0])
        found[number] = found.get(number, True) and one["outcome"] == "pass"
    return found


if __name__ == "__main__":
    serve(check)
