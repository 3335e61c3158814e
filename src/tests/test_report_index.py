"""The index of quality reports: order, links, and size."""

from __future__ import annotations

import re
from typing import Any

import pytest

from etl.report_index import render_index, report_link

NASTY = "<script>alert('x')</script>\"&"


def check(dataset: str, score: float, day: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"b{day}",
        "score": score,
        "threshold": 80.0,
        "passed": score >= 80,
        "rows": 1234 * day,
        "report": f"s3://quality/reports/{dataset}/2024/01/{day:02}/jr_{day}.html",
        "checked_at": f"2024-01-{day:02}T06:42:00+00:00",
        "run_id": f"jr_{day}",
        **more,
    }


def dataset(name: str, *scores: float, **more: Any) -> dict[str, Any]:
    checks = [check(name, score, day) for day, score in enumerate(scores, 1)]
    return {"dataset": name, "description": f"about {name}", "checks": checks, **more}


def order(page: str) -> list[str]:
    return re.findall(r'<div class="who"><b>(?:<a [^>]*>)?([^<]*)', page)


def test_what_needs_attention_comes_first() -> None:
    page = render_index(
        [
            dataset("b_fine", 90, 91),
            dataset("a_fine", 99, 98),
            dataset("fell", 99, 90),
            dataset("just_failed", 90, 79.99),
            dataset("all_wrong", 20, 10),
            dataset("recovered", 10, 90),
            dataset("never"),
        ]
    )
    assert order(page) == ["all_wrong", "just_failed", "fell", "a_fine", "b_fine", "recovered"]
    assert "2 of 7 datasets need attention" in page
    assert page.index("Below the threshold") < page.index("fell since the last run") < page.index(">Not checked yet")
    assert page.index(">Not checked yet") < page.index("<li>never</li>")


def test_a_dataset_shows_its_last_check_and_leads_to_the_reports_of_all() -> None:
    page = render_index([dataset("orders", 90, 85.5, 97.25)])
    assert 'href="orders/2024/01/03/jr_3.html"' in page
    assert page.count('href="orders/2024/01/01/jr_1.html"') == 1
    for expected in (
        "97.25",
        "of 80 needed",
        "3,702 rows",
        "2024-01-03 06:42 UTC",
        "▲ 11.75",
        "3 runs, 3 passed",
        "<polyline",
    ):
        assert expected in page, expected
    assert page.index("jr_3.html") < page.index("jr_2.html") < page.index("jr_1.html")
    assert "The dataset passes" in page


@pytest.mark.parametrize(
    ("name", "uri", "link"),
    [
        ("orders", "s3://b/reports/orders/2024/01/15/jr_1.html", "orders/2024/01/15/jr_1.html"),
        ("reports", "s3://reports/reports/reports/2024/01/15/x.html", "reports/2024/01/15/x.html"),
        ("orders", "file:///home/reports/lake/reports/orders/a b%.html", "orders/a%20b%25.html"),
        ("orders", "https://example.com/x.html", "https://example.com/x.html"),
        ("orders", "s3://b/elsewhere/x.html", ""),
        ("orders", "s3://b/myreports/orders/x.html", ""),
        ("orders", "javascript:alert(1)", ""),
        ("orders", None, ""),
    ],
)
def test_a_link_is_relative_to_the_index(name: str, uri: Any, link: str) -> None:
    assert report_link(name, uri) == link


def test_a_check_with_nothing_but_its_score_is_shown() -> None:
    page = render_index([{"dataset": "old", "checks": [{"score": 71}]}])
    assert order(page) == ["old"]
    assert ">71<" in page
    assert "first run" in page
    assert "href" not in page.split("</nav>")[1]


@pytest.mark.parametrize(
    ("datasets", "title"),
    [
        ([], "No datasets yet"),
        ([dataset("a")], "Nothing has been checked yet"),
        ([dataset("a", 90), dataset("b", 90)], "All 2 datasets pass"),
        ([dataset("a", 90), dataset("b")], "Every checked dataset passes"),
        ([dataset("a", 9)], "1 of 1 dataset needs attention"),
    ],
)
def test_the_title_says_how_things_are(datasets: list[dict[str, Any]], title: str) -> None:
    assert f"<h1>{title}</h1>" in render_index(datasets)


def test_whatever_comes_from_data_is_escaped_and_nothing_is_loaded() -> None:
    page = render_index(
        [{"dataset": NASTY, "description": NASTY, "checks": [check(NASTY, 5, run_id=NASTY, checked_at=NASTY)]}],
        generated_at=NASTY,
    )
    assert "<script" not in page
    assert "alert('x')" not in page
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|url|@import)\s*[=(]""", page)


def test_a_hundred_datasets_with_a_hundred_runs_each_fit_one_page() -> None:
    many = [dataset(f"d{number:03}", *[90.0 + number % 7] * 120) for number in range(100)]
    page = render_index(many)
    assert page.count("<article") == 100
    assert page.count("<li ") == 100 * 100
    assert len(page) < 3_000_000
    for tag in ("section", "article", "div", "span", "svg", "ol", "li", "details"):
        assert len(re.findall(rf"<{tag}[\s>]", page)) == page.count(f"</{tag}>"), tag
