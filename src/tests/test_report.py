"""The quality report: content as JSON, and the page made from it."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from etl.report import build_report, headline, render_html
from etl.report_charts import column_value, metric_value, metric_words, range_chart
from etl.scoring import score
from report_samples import BAD, BROKEN, COLUMN, GOOD, NASTY, SILENT, UNUSUAL, Rules, full, rule


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
