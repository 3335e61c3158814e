"""The quality report: content as JSON, and the page made from it."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import zipfile
from datetime import date, datetime, timezone
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from etl.report import build_report, headline, render_html
from etl.report_charts import column_value, metric_value, metric_words, range_chart
from etl.scoring import score

NASTY = "<script>alert('x')</script>\"&"
SCHEMA = json.loads((Path(__file__).parents[1] / "config" / "quality_report.schema.json").read_text())
COLUMN = {
    "column": "amount", "type": "decimal(10,2)", "rows": 100, "nulls": 5, "distinct": 90, "min": Decimal("0.10"),
    "max": 99.5, "mean": 12.3456, "stddev": 4.5,
    "quantiles": {"p5": 1.0, "p25": 5.0, "p50": 12.0, "p75": 20.0, "p95": 90.0},
    "histogram": [{"from": 0.1, "to": 50.0, "rows": 80}, {"from": 50.0, "to": 99.5, "rows": 15}],
    "top": [{"value": "12.50", "rows": 20, "share": 0.2}], "patterns": [{"pattern": "99.99", "rows": 70, "share": 0.7}],
    "sampled": 1000,
}  # fmt: skip
UNUSUAL = {
    "metric": "Column.amount.Mean", "value": 12.3456, "low": 5.0, "high": 8.0, "points": 14, "unusual": True,
    "words": "the mean is far above the usual",
}  # fmt: skip
SILENT = {
    "metric": "Dataset.*.RowCount", "value": 100, "low": None, "high": None, "points": 4, "unusual": False,
    "words": "4 runs are too few to tell",
}  # fmt: skip
HELD = {"state": "held", "branch": "audit_b_2", "words": "The rows wait on a branch."}


class Rules:
    """A ruleset's result with plain rules."""

    def __init__(self, *rules: dict[str, Any]) -> None:
        self.rules = [type("Rule", (), {**rule, "text": rule["rule"]}) for rule in rules]


def rule(text: str, outcome: str = "Passed", ratio: float = 1.0, **more: Any) -> dict[str, Any]:
    plain = {
        "rule": text,
        "rule_type": text.split()[0],
        "columns": ["amount"],
        "dimension": "validity",
        "outcome": outcome,
        "metrics": {},
        "ratio": ratio,
        "message": f"message of {text}",
        "failed_rows": None,
        "rows": None,
        "labels": {},
        "critical": False,
        "row_level": False,
    }
    return {**plain, **more}


GOOD = rule('IsComplete "id"', dimension="completeness")
BAD = rule('ColumnValues "amount" > 0', "Failed", 0.75, failed_rows=25, rows=100, critical=True)
BROKEN = rule('Mean "gone" > 1', "Error", 0.0, dimension="accuracy", labels={"team": "sales"})


def full(**changes: Any) -> dict[str, Any]:
    rules = changes.pop("rules", [GOOD, BAD, BROKEN])
    inputs: dict[str, Any] = {
        "dataset": "orders",
        "run_id": "jr_1",
        "generated_at": datetime(2024, 1, 15, 6, 42, tzinfo=timezone.utc),
        "score": score(Rules(*rules), threshold=80),
        "rules": rules,
        "rows_read": 1234567,
        "rows_written": 1234467,
        "refused": {"amount: not a number": 30, "id is missing": 70},
        "batches": ["b-1", {"id": "b-2", "rows": 7}],
        "source_files": ["s3://raw/a.csv", "s3://raw/b.csv"],
        "table": "glue_catalog.db.orders",
        "quarantine": "s3://quality/quarantine/orders/",
        "trend": [90.0, {"score": 95.5, "generated_at": "2024-01-14T06:42:00+00:00", "run_id": "jr_0"}],
        "profile": [COLUMN],
        "drift": [{"column": "note", "what": "added", "before": None, "now": "string", "words": "note: new, string"}],
        "observations": [UNUSUAL, SILENT],
        "publication": HELD,
        "links": {
            "All datasets": "../../../../index.html",
            "Runbook": "https://example.com/?a=b&c",
            "Bucket": "s3://b/",
        },
        "samples": {BAD["rule"]: [{"id": 7, "amount": Decimal("-1.50"), "at": date(2024, 1, 1), "note": None}]},
        "description": "One row per order.",
    }
    return build_report(**{**inputs, **changes})


def visible(page: str) -> str:
    """The page's text, without markup and style."""
    parts: list[str] = []

    class Reader(HTMLParser):
        hidden = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.hidden = tag == "style"

        def handle_endtag(self, tag: str) -> None:
            self.hidden = False

        def handle_data(self, data: str) -> None:
            if not self.hidden:
                parts.append(data)

    Reader().feed(page)
    return " ".join(" ".join(parts).split())


def test_the_content_is_json_and_counts_what_it_holds() -> None:
    report = full()
    assert json.loads(json.dumps(report)) == report
    assert report["rows"] == {"read": 1234567, "written": 1234467, "refused": 100}
    assert report["outcomes"] == {"Passed": 1, "Failed": 1, "Error": 1}
    assert [entry["reason"] for entry in report["refused"]] == ["id is missing", "amount: not a number"]
    assert report["rules"][1]["samples"] == [{"id": 7, "amount": "-1.50", "at": "2024-01-01", "note": None}]
    assert [point["score"] for point in report["trend"]] == [90.0, 95.5, report["score"]["value"]]
    assert report["batches"] == [{"id": "b-1"}, {"id": "b-2", "rows": 7}]
    assert report["version"] == 2


def test_the_page_shows_all_of_the_content() -> None:
    text = visible(render_html(full()))
    for expected in (
        "orders",
        "One row per order.",
        "2024-01-15 06:42 UTC",
        "jr_1",
        "1,234,567",
        "1,234,467",
        "1 / 3",
        'ColumnValues "amount" > 0',
        "message of",
        "critical",
        "team: sales",
        "-1.50",
        "null",
        "1 of 25 failing row(s)",
        "amount: not a number",
        "id is missing",
        "s3://quality/quarantine/orders/",
        "glue_catalog.db.orders",
        "b-2",
        "7 rows",
        "s3://raw/b.csv",
        "decimal(10,2)",
        "~90",
        "95%",
        "12.35",
        "since the last run",
        "Completeness".lower(),
        "0 of 1 rule passed",
        "threshold 80",
        "amount: mean",
        "usual: 5 – 8",  # noqa: RUF001
        "the mean is far above the usual",
        "1 unusual of 2 metrics",
        "4 runs are too few to tell",
        "new, string",
        "Held back The rows wait on a branch.",
        "audit_b_2",
        "Median",
        "99.99",
        "in a sample of 1,000 rows",
        "0.1 to 50: 80 rows",
        "All datasets",
    ):
        assert expected in text, expected


def test_the_page_comes_the_same_from_content_that_was_stored_as_json() -> None:
    assert render_html(json.loads(json.dumps(full()))) == render_html(full())


def test_whatever_comes_from_data_is_escaped() -> None:
    nasty_rule = rule(
        f'ColumnValues "{NASTY}" > 0',
        "Failed",
        0.5,
        columns=[NASTY],
        message=NASTY,
        labels={NASTY: NASTY},
        failed_rows=1,
        rows=2,
    )
    page = render_html(
        full(
            rules=[nasty_rule],
            dataset=NASTY, run_id=NASTY, generated_at=NASTY, description=NASTY, table=NASTY, quarantine=NASTY,
            refused={NASTY: 1}, batches=[NASTY], source_files=[NASTY], problems=[NASTY],
            trend=[{"score": 1, "generated_at": NASTY, "run_id": NASTY}],
            samples={nasty_rule["rule"]: [{NASTY: NASTY}]},
            profile=[{"column": NASTY, "type": NASTY, "rows": 1, "nulls": 0, "distinct": 1,
                      "min": NASTY, "max": NASTY, "mean": None, "sampled": 1,
                      "top": [{"value": NASTY, "rows": 2, "share": 1.0}],
                      "patterns": [{"pattern": NASTY, "rows": 1, "share": 1.0}],
                      "histogram": [{"from": NASTY, "to": NASTY, "rows": 1}]}],
            drift=[{"column": NASTY, "what": NASTY, "before": NASTY, "now": NASTY, "words": NASTY}],
            observations=[{**UNUSUAL, "metric": NASTY, "words": NASTY}],
            publication={"state": "held", "branch": NASTY, "words": NASTY}, links={NASTY: NASTY},
        )
    )  # fmt: skip
    assert "<script" not in page
    assert "alert('x')" not in page
    assert page.count("&lt;script&gt;") > 25
    assert 'aria-label="&lt;script' in page


def test_the_page_needs_no_network_and_no_script() -> None:
    page = render_html(full())
    assert not re.findall(r"""(?:src|url|@import)\s*[=(]""", page)
    # Ways to other places of the page and to other pages: nothing that is loaded.
    ways = re.findall(r'href="([^"]*)"', page)
    assert {way for way in ways if way[0] != "#"} == {"../../../../index.html", "https://example.com/?a=b&amp;c"}
    assert {way[1:] for way in ways if way[0] == "#"} <= set(re.findall(r'id="([^"]*)"', page))
    assert "<script" not in page
    assert "default-src 'none'" in page
    tags = set(re.findall(r"<([a-z0-9]+)", page))
    assert not tags & {"link", "img", "iframe", "object", "script", "form"}


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//elsewhere.example/x", "s3://bucket/key"]
)
def test_an_address_that_a_report_must_not_lead_to_is_text(address: str) -> None:
    page = render_html(full(links={"x": address}))
    assert f"<code>{address}</code>" in page
    assert f'href="{address}"' not in page


def test_tags_are_closed() -> None:
    page = render_html(full())
    for tag in ("section", "article", "table", "tr", "svg", "div", "span", "ul", "dl", "details", "main"):
        assert len(re.findall(rf"<{tag}[\s>]", page)) == page.count(f"</{tag}>"), tag


def test_what_needs_attention_comes_first_and_critical_rules_before_all() -> None:
    rules = [GOOD, BROKEN, rule("RowCount > 5", "Failed", 0.0), BAD]
    page = render_html(full(rules=rules))
    attention = page[page.index("Needs attention") : page.index("All rules")]
    places = [attention.index(f"<code>{text}") for text in ("ColumnValues", "RowCount", "Mean")]
    assert places == sorted(places)
    assert "IsComplete" not in attention


def test_a_report_of_a_first_run_without_anything_is_a_page_too() -> None:
    report = build_report(dataset="new", run_id="r", generated_at="now", score=score(Rules()), rules=[])
    text = visible(render_html(report))
    assert "No rules were evaluated." in text
    assert "This is the first run" in text
    assert "Where it comes from" not in text
    assert "no rules · threshold 80" in text
    for heading in ("Changes since", "Compared with", "Held back", "Published", "Needs attention"):
        assert heading not in text


def problems(report: dict[str, Any]) -> list[str]:
    """What the published schema has against a report."""
    stored = json.loads(json.dumps(report))
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SCHEMA).iter_errors(stored)]


def objects(part: Any) -> list[dict[str, Any]]:
    """Every object with fields that the schema describes."""
    if isinstance(part, list):
        return [found for each in part for found in objects(each)]
    if not isinstance(part, dict):
        return []
    own = [part] if "properties" in part and isinstance(part.get("type"), str) else []
    return own + [found for each in part.values() for found in objects(each)]


def test_the_schema_is_one_and_describes_every_field() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    found = objects(SCHEMA)
    assert len(found) > 10
    for each in found:
        assert each["additionalProperties"] is False
        assert each["description"]
        assert [name for name, field in each["properties"].items() if not field.get("description")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rules": [], "trend": [], "profile": [], "samples": {}, "observations": [], "publication": None},
        {"rows_read": None, "rows_written": None, "refused": None, "quarantine": None, "table": None, "batches": ()},
        {"rules": [rule("Mean x > 1", "Failed", 0.0, metrics={"Column.x.Mean": float("nan"), "y": Decimal("1.50")})]},
        {"profile": [{"column": "x", "type": "map<string,int>", "rows": 0, "nulls": 0, "distinct": None}]},
        {"profile": [{**COLUMN, "mean": float("inf"), "min": float("-inf"), "stddev": float("nan"), "top": []}]},
        {"profile": [{**COLUMN, "min": False, "max": True, "mean": None, "quantiles": None, "distinct": 2}]},
        {"profile": [{**COLUMN, "min": date(2024, 1, 1), "max": datetime(2024, 1, 2), "top": [], "sampled": None}]},
        {"samples": {BAD["rule"]: [{"a": {"b": [1, None]}, "c": b"\x00", "d": float("nan"), "e": "x" * 1000}]}},
        {"publication": {"state": "published", "words": "The rows are in the table."}, "problems": ["x: y"]},
    ],
)  # fmt: skip
def test_what_the_schema_promises_holds_for_reports_of_all_kinds(changes: dict[str, Any]) -> None:
    report = full(**changes)
    assert problems(report) == []
    assert "</html>" in render_html(report)


def test_the_schema_finds_what_does_not_belong_into_a_report() -> None:
    report = full()
    assert problems({**report, "more": 1})
    assert problems({**report, "version": 1})
    assert problems({**report, "rules": [{**report["rules"][0], "outcome": "Skipped"}]})
    assert problems({**report, "publication": {"state": "lost", "branch": None, "words": ""}})


def test_a_dataset_without_trouble_has_no_section_for_it() -> None:
    page = render_html(full(rules=[GOOD], samples={}, observations=[SILENT], drift=[], refused={}))
    text = visible(page)
    assert "nothing unusual of 1 metrics" in text
    assert "Needs attention" not in text
    assert "Changes since" not in text
    assert 'class="good"' in page


def test_a_sample_row_shows_the_columns_of_its_rule_first_and_not_two_hundred() -> None:
    row = {f"c{position}": position for position in range(200)} | {"amount": -1, "empty": ""}
    report = full(samples={BAD["rule"]: [row]})
    page = render_html(report)
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", page[page.index('class="samples"') : page.index('id="rules"')])
    assert heads[:2] == ["amount", "c0"]
    assert len(heads) == 12
    assert "12 of 202 columns" in visible(page)
    assert report["rules"][1]["samples"] == [row]


def test_a_value_that_would_fill_the_page_is_cut() -> None:
    [sample] = full(samples={BAD["rule"]: [{"note": "x" * 10_000}]})["rules"][1]["samples"]
    assert len(sample["note"]) == 300
    assert sample["note"].endswith("x…")


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        ("1226.7700", "decimal(18,4)", "1,226.77"),
        ("0.1000", "decimal(18,4)", "0.1"),
        ("100", "bigint", "100"),
        ("-9223372036854775808", "bigint", "-9223372036854775808"),
        ("1234567", "int", "1,234,567"),
        ("1.5E-20", "double", "1.5E-20"),
        ("1.5E4", "double", "15,000"),
        ("NaN", "double", "NaN"),
        ("0.0", "double", "0"),
        ("00100", "string", "00100"),
        (True, "boolean", "True"),
        (99.5, "decimal(10,2)", "99.5"),
        (None, "int", "–"),  # noqa: RUF001
    ],
)
def test_numbers_of_a_column_are_shown_as_people_write_them(value: Any, kind: str, shown: str) -> None:
    assert column_value(value, kind) == shown


@pytest.mark.parametrize(
    ("metric", "value", "words", "shown"),
    [
        ("Column.amount.Completeness", 0.98, "amount: share of filled values", "98%"),
        ("Column.a.b.Mean", 1234.5, "a.b: mean", "1,234.50"),
        ("Dataset.*.RowCount", 48211.0, "Row count", "48,211"),
        ("Column.at.Freshness", 31.4, "at: age of the newest value", "31.4 h"),
        ("Column.x.StandardDeviation", "nan", "x: standard deviation", "nan"),
        ("Something else", 1, "Something else", "1"),
    ],
)
def test_metrics_have_names_and_units_for_people(metric: str, value: Any, words: str, shown: str) -> None:
    assert (metric_words(metric), metric_value(value, metric)) == (words, shown)


@pytest.mark.parametrize(
    ("low", "high", "value"), [(5, 8, 12), (5, 8, 1), (5, 8, 6), (5, 5, 5), (0, 0, 0), (-3, -1, 7), (0, 1e300, -1e300)]
)
def test_a_range_has_its_value_on_the_right_side_of_the_band(low: float, high: float, value: float) -> None:
    place = range_chart({"low": low, "high": high, "value": value})
    assert place is not None
    end = place["from"] + place["width"]
    assert 0 <= place["from"] < end <= 100.1
    assert 0 <= place["value"] <= 100
    assert (place["value"] < place["from"]) == (value < low)
    assert (place["value"] > end) == (value > high)
    assert range_chart({"low": None, "high": high, "value": value}) is None


def test_many_rules_and_columns_stay_readable() -> None:
    rules = [rule(f'IsComplete "c{i}"') for i in range(150)]
    page = render_html(full(rules=rules, samples={}, profile=[{**COLUMN, "column": f"c{i}"} for i in range(200)]))
    assert "<summary>150 passed, 0 did not</summary>" in page
    assert 'class="profile many"' in page
    assert page.count("<summary") == 1 + 200 + 1 + 1
    assert len(page) < 900_000


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([GOOD], "The rule passed. The score reaches the threshold of 80."),
        ([GOOD, GOOD], "All 2 rules passed. The score reaches the threshold of 80."),
        ([GOOD, BAD], "Of 2 rules, 1 failed, 1 of them critical. The score is below the threshold of 80."),
        ([BROKEN], "The rule could not be evaluated. The score is below the threshold of 80."),
    ],
)
def test_the_result_in_one_sentence(rules: list[dict[str, Any]], said: str) -> None:
    assert headline(full(rules=rules)) == said


def test_long_lists_are_cut_and_say_so() -> None:
    report = full(
        source_files=[f"s3://raw/{i}.csv" for i in range(1000)], samples={BAD["rule"]: [{"id": i} for i in range(50)]}
    )
    text = visible(render_html(report))
    assert "1,000 files" in text
    assert "and 800 more" in text
    assert len(report["rules"][1]["samples"]) == 10


def test_nearly_all_is_not_shown_as_all() -> None:
    almost = rule("ColumnValues x", "Failed", 0.999999, failed_rows=1, rows=1_000_000)
    assert "99.99%" in visible(render_html(full(rules=[almost])))


def test_the_library_works_from_a_zip(tmp_path: Path) -> None:
    source = Path(importlib.import_module("etl").__file__ or "").parent
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in source.rglob("*"):
            if path.suffix in {".py", ".lark", ".j2", ".css"}:
                packed.write(path, Path("etl") / path.relative_to(source))
    content = tmp_path / "report.json"
    content.write_text(json.dumps(full()))
    code = (
        "import json, sys, pathlib; sys.path.insert(0, sys.argv[1]);"
        "from etl.report import render_html; from etl.dqdl import parse_ruleset; import etl.dqdl as d;"
        "assert '.zip' in d.__file__;"
        "assert '</html>' in render_html(json.loads(pathlib.Path(sys.argv[2]).read_text()));"
        "print(parse_ruleset('Rules = [ RowCount > 1 ]').rules[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(archive), str(content)],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == "RowCount > 1"
