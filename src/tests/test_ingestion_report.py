"""The ingestion report: content as JSON, and the page made from it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from etl.ingestion_report import IngestedBatch, ReadFile, headline, ingestion_report, render_html

NASTY = "</pre><script>alert('x')</script>\"&"
FOLDER = "s3://raw/data/incoming/2024/01/15/"
GOOD = ReadFile(f"{FOLDER}a.csv", 1234, "csv", "UTF-8", ";")
DISGUISED = ReadFile(f"{FOLDER}b.csv", 5_600_000, "parquet", notes=("named .csv, holds Parquet",))
BROKEN = ReadFile(f"{FOLDER}c.csv.gz", 99, refused="the gzip data is damaged")
FULL = IngestedBatch(
    dataset="orders",
    batch_id="20240115T093000123-4f1c2a9b",
    run_id="jr_1",
    environment="dev",
    generated_at=datetime(2024, 1, 15, 9, 31, tzinfo=timezone.utc),
    rows_read=1000,
    rows_written=960,
    rows_refused=40,
    rows_late=7,
    late_after_days=3,
    reasons={"order_id: required value is missing": 10, "the row does not parse": 30},
    files=(GOOD, DISGUISED, BROKEN),
    schema_changes=({"kind": "added", "column": "gift", "file": GOOD.uri}, {"kind": "missing", "column": "note"}),
    samples=(
        {"reason": "the row does not parse", "source_file": GOOD.uri, "position": "line 17", "record": "1;2;3;4"},
        {"reason": "order_id: required value is missing", "source_file": GOOD.uri, "record": '{"amount": "1"}'},
    ),
    prefix="s3://processed/orders/batch_id=1/",
    quarantine="s3://quality/quarantine/orders/batch_id=1/",
    suggested_contract="name: orders\ncolumns:\n  - {name: id, type: long}  # looks unique\n",
    notes=("two files spell a column otherwise",),
    seconds=2.5,
    description="What people bought.",
)
EMPTY = IngestedBatch("orders", "b", "jr", "dev", "2024-01-15T09:31:00+00:00", 0, 0, 0)


class Page(HTMLParser):
    """A page's text and tags."""

    EMPTY_TAGS = frozenset({"meta", "rect", "line", "path", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in self.EMPTY_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())


def shown(batch: IngestedBatch) -> str:
    return Page(render_html(ingestion_report(batch))).text


def test_the_content_is_json_and_counts_what_it_holds() -> None:
    content = ingestion_report(FULL)
    assert json.loads(json.dumps(content)) == content
    assert content["rows"] == {"read": 1000, "written": 960, "refused": 40, "late": 7, "balanced": True}
    assert content["reasons"][0] == {"reason": "the row does not parse", "rows": 30}
    assert (content["file_count"], content["files_refused"], content["bytes"]) == (3, 1, 5_601_333)
    assert content["formats"] == {"csv": 1, "parquet": 1}


def test_the_page_shows_all_of_the_content_and_closes_its_tags() -> None:
    page = Page(render_html(ingestion_report(FULL)))
    assert page.open == []
    for part in (
        "Ingestion report orders What people bought.",
        "40 of 1,000 rows and 1 of 3 files refused and kept in quarantine; all else is written.",
        "2024-01-15 09:31 UTC · dev · batch 20240115T093000123-4f1c2a9b · run jr_1 · 2.5 s",
        "1,000 read = 960 written + 40 refused ✓",
        "7 row(s) came later than 3 day(s) after their date (0.7%).",
        "the row does not parse 30 order_id: required value is missing 10",
        "2 of 40 refused row(s)",
        "line 17 1;2;3;4",
        f"{FOLDER}c.csv.gz the gzip data is damaged 99 B",
        f"gift added new; added to the tables as text {GOOD.uri}",
        "note missing of the contract, and in no file; null",
        "named .csv, holds Parquet",
        "a.csv csv UTF-8 ; 1.23 KB",
        "b.csv parquet 5.6 MB",
        "two files spell a column otherwise",
        "name: orders columns: - {name: id, type: long} # looks unique",
        "Processed rows s3://processed/orders/batch_id=1/",
        "Copies are kept in s3://quality/quarantine/orders/batch_id=1/files/",
    ):
        assert part in page.text


def test_the_page_comes_the_same_from_content_that_was_stored_as_json() -> None:
    content = ingestion_report(FULL)
    assert render_html(json.loads(json.dumps(content))) == render_html(content)


def test_the_page_needs_no_network_and_no_script() -> None:
    page = render_html(ingestion_report(FULL))
    assert not {"script", "link", "img", "iframe"} & Page(page).tags
    assert re.findall(r"(?:https?:)?//[a-z]", page.replace("s3://", "")) == []
    assert "default-src 'none'" in page and "prefers-color-scheme: dark" in page


def test_whatever_comes_from_data_is_escaped() -> None:
    file = ReadFile(NASTY, 1, NASTY, NASTY, NASTY, (NASTY,))
    batch = IngestedBatch(
        dataset=NASTY,
        batch_id=NASTY,
        run_id=NASTY,
        environment=NASTY,
        generated_at=NASTY,
        rows_read=1,
        rows_written=0,
        rows_refused=1,
        reasons={NASTY: 1},
        files=(file, replace(file, refused=NASTY)),
        schema_changes=({"kind": NASTY, "column": NASTY, "file": NASTY},),
        samples=({"reason": NASTY, "source_file": NASTY, "position": NASTY, "record": NASTY},),
        prefix=NASTY,
        quarantine=NASTY,
        suggested_contract=NASTY,
        notes=(NASTY,),
        description=NASTY,
    )
    page = render_html(ingestion_report(batch))
    assert "<script" not in page
    assert Page(page).open == []


def test_rows_that_do_not_add_up_are_the_headline() -> None:
    text = shown(replace(FULL, rows_written=959))
    assert "written and refused rows do not add up" in text
    assert "1,000 read ≠ 959 written + 40 refused ✕ the batch must not be trusted" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows_written": 1000, "rows_refused": 0, "files": (GOOD,)}, "Every row of 1 file is written."),
        ({"rows_written": 1000, "rows_refused": 0, "files": (GOOD, GOOD)}, "Every row of 2 files is written."),
        ({"files": (GOOD,)}, "40 of 1,000 rows refused and kept in quarantine; all else is written."),
        (
            {"rows_written": 1000, "rows_refused": 0},
            "1 of 3 files refused and kept in quarantine; all else is written.",
        ),
    ],
)
def test_the_result_in_one_sentence(changes: dict[str, Any], said: str) -> None:
    assert headline(ingestion_report(replace(FULL, **changes))) == said


def test_a_batch_of_which_nothing_is_known_is_a_page_too() -> None:
    text = shown(EMPTY)
    assert "Every row of 0 files is written." in text
    assert "Schema changes" not in text and "came later" not in text


def test_long_lists_are_cut_say_so_and_show_the_refused_files_first() -> None:
    files = [replace(GOOD, uri=f"{FOLDER}{number}.csv") for number in range(10_000)]
    files.append(BROKEN)
    content = ingestion_report(
        replace(
            FULL,
            files=files,
            reasons={f"reason {number}": 1 for number in range(60)},
            samples=FULL.samples * 50,
            notes=["note"] * 300,
        )
    )
    assert len(content["files"]) == 200 and content["files"][0]["name"] == "c.csv.gz"
    assert len(content["samples"]) == 20
    text = Page(render_html(content)).text
    assert "Files 10,001" in text and "and 9,801 more" in text
    assert "60 reasons" in text and "and 10 more reasons" in text and "and 100 more" in text


def test_the_number_of_files_may_be_larger_than_those_that_are_named() -> None:
    content = ingestion_report(replace(FULL, file_count=5000))
    assert "and 4,997 more" in Page(render_html(content)).text


def test_a_delimiter_that_can_not_be_seen_is_named() -> None:
    assert "csv UTF-8 tab 1.23 KB" in shown(replace(FULL, files=(replace(GOOD, delimiter="\t"),)))


def test_the_page_is_made_from_a_zip_too(tmp_path: Path) -> None:
    source = Path(__file__).parents[1]
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in (source / "etl").rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                packed.write(path, path.relative_to(source))
    script = (
        "import etl.ingestion_report as r; assert '.zip' in r.__file__;"
        "print(len(r.render_html(r.ingestion_report(r.IngestedBatch('d', 'b', 'r', 'e', '', 0, 0, 0)))))"
    )
    environment = {"PYTHONPATH": str(archive), "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 1000
