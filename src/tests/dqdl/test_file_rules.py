"""Rules about files: of folders, of single files, and of the data's own files."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from etl.dqdl import RuleResult, evaluate

NOW = datetime(2024, 1, 10, 12, tzinfo=timezone.utc)
# name -> content, hours before NOW
FILES = {
    "orders_1.csv": ("a" * 100, 1),
    "orders_2.csv": ("b" * 2048, 30),
    "deep/orders_3.csv": ("a" * 100, 50),
    "deep/notes.tmp": ("c", 0.5),
    "_SUCCESS": ("", 0),
}


def digest(text: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder ``in`` with files of known ages, a folder ``twin`` with the same contents, and a folder ``empty``."""
    root = tmp_path_factory.mktemp("files")
    for folder, names in (("in", FILES), ("twin", {name.upper(): kept for name, kept in FILES.items()})):
        for name, (content, hours) in names.items():
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            modified = (NOW - timedelta(hours=hours)).timestamp()
            os.utime(path, (modified, modified))
    (root / "empty").mkdir()
    return root


# rule, with IN, TWIN and EMPTY for the folders; outcome; ratio
CASES: list[tuple[str, str, float]] = [
    ('FileSize "IN" > 0 B', "Passed", 1),  # _SUCCESS is hidden
    ('FileSize "IN" >= 1 KB', "Failed", 0.25),
    ('FileSize "IN" < 1 KB with threshold > 0.7', "Passed", 1),
    ('FileSize "IN" between 50 and 3 KB with threshold >= 0.75', "Passed", 1),
    ('FileSize "IN/orders_2.csv" = 2 KB', "Passed", 1),
    ('FileSize "IN/_SUCCESS" = 0 B', "Passed", 1),  # named, it is not hidden
    ('FileSize "IN" > 1 B with recentFiles = 2', "Failed", 0.5),
    (r'FileSize "IN" > 1 B with uriRegex = "\.csv$"', "Passed", 1),
    (r'FileSize "IN" > 1 B with uriRegex = "(?!.*\.tmp$).*"', "Passed", 1),
    (r'FileSize "IN" > 9 B with recentFiles = 1 with uriRegex = "csv$" with filterOrder = ["uriRegex", "recentFiles"]',
     "Passed", 1),
    ('FileSize "IN" < 1 KB with threshold > 0.1 with failFast = "true"', "Failed", 0),
    ('FileSize "IN" < 1 TB with failFast = "true"', "Passed", 1),
    ("FileSize in [100, 2 KB]", "Passed", 1),  # the data's own files
    ('FileFreshness "IN" > (now() - 24 hours)', "Failed", 0.5),
    ('FileFreshness "IN" > (now() - 24 hours) with threshold >= 0.5', "Passed", 1),
    ('FileFreshness "IN" >= (now() - 3 days)', "Passed", 1),
    ('FileFreshness "IN/orders_1.csv" between now() and (now() - 90 minutes)', "Passed", 1),
    ('FileFreshness "IN" not between "2024-01-09" and now() with threshold = 0.25', "Passed", 1),
    ('FileFreshness "IN" > "2024-01-08"', "Passed", 1),
    ('FileFreshness "IN/orders_1.csv" > "10:59 AM"', "Passed", 1),
    ('FileFreshness "IN/orders_1.csv" > "11:01"', "Failed", 0),
    ('FileFreshness "IN/orders_1.csv" > "11:59 AM" with timeZone = "Europe/Paris"', "Passed", 1),
    ("FileFreshness > (now() - 31 hours)", "Passed", 1),
    ('FileUniqueness "IN" = 0.5', "Passed", 1),
    ('FileUniqueness "IN" > 0.5', "Failed", 0.5),
    (r'FileUniqueness "IN" = 1 with uriRegex = "/orders_[12]"', "Passed", 1),
    ("FileUniqueness = 1", "Passed", 1),
    ('FileMatch "IN/orders_1.csv" in ["nothing", "A_SHA256"]', "Passed", 1),
    ('FileMatch "IN/orders_1.csv" in ["A_MD5"] with hashAlgorithm = "MD5"', "Passed", 1),
    ('FileMatch "IN/orders_1.csv" in ["A_SHA1"] with hashAlgorithm = "SHA-1"', "Passed", 1),
    ('FileMatch "IN/orders_1.csv" in ["A_MD5"]', "Failed", 0),
    ('FileMatch "IN" in ["A_SHA256"]', "Failed", 0.5),
    ('FileMatch "IN" in ["A_SHA256"] with threshold >= 0.5', "Passed", 1),
    ('FileMatch in ["A_SHA256"] with recentFiles = 1', "Passed", 1),
    ('FileMatch "IN" "TWIN"', "Passed", 1),
    ('FileMatch "IN" "TWIN" with matchFileName = "true"', "Failed", 0),
    ('FileMatch "IN/orders_1.csv" "IN/deep/orders_3.csv"', "Passed", 1),
    ('FileMatch "IN" "IN/deep"', "Failed", 4 / 6),
    ('(FileSize "IN" > 1 TB) or (FileUniqueness = 1)', "Passed", 1),
]  # fmt: skip
ERRORS = [
    ('FileSize "EMPTY" > 0 B', "there are no files in"),
    ('FileSize "IN/gone" > 0 B', "there are no files in"),
    ('FileMatch "IN" "EMPTY"', "there are no files in"),
    ('FileSize "IN" > 0 B with uriRegex = "parquet"', "none of the 4 file(s) is left by uriRegex = 'parquet'"),
    ('FileSize "IN" > 0 B with recentFiles = 1 with uriRegex = "csv"', "none of the 4 file(s) is left by uriRegex"),
    ('FileSize "IN" > 3 days', "3 days is not a size"),
    ('FileFreshness "IN" > 3 days', "3 days is not a moment"),
    ('FileFreshness "IN" > "yesterday"', '"yesterday" is not a moment'),
    ('FileFreshness "IN" matches "2024-01-01"', "'matches' cannot be used here"),
]


@pytest.fixture(scope="module")
def results(root: Path, orders: DataFrame) -> dict[str, RuleResult]:
    texts = [text for text, *_ in CASES] + [text for text, _ in ERRORS]
    files = [(root / "in" / name).as_uri() for name in ("orders_1.csv", "orders_2.csv")]
    found = evaluate(orders, f"Rules = [ {', '.join(placed(text, root) for text in texts)} ]", now=NOW, files=files)
    return dict(zip(texts, found.rules, strict=True))


def placed(text: str, root: Path) -> str:
    for name in ("EMPTY", "TWIN", "IN"):
        text = text.replace(f'"{name}', f'"{(root / name.lower()).as_uri()}')
    for name in ("sha256", "md5", "sha1"):
        text = text.replace(f"A_{name.upper()}", digest("a" * 100, name).upper())
    return text


@pytest.mark.parametrize(("rule", "outcome", "ratio"), CASES)
def test_files_are_fresh_large_unique_and_matching_or_not(
    results: dict[str, RuleResult], rule: str, outcome: str, ratio: float
) -> None:
    result = results[rule]
    assert result.outcome == outcome, result.message
    assert result.ratio == pytest.approx(ratio)
    assert result.failed_rows is None  # it is not about rows


@pytest.mark.parametrize(("rule", "said"), ERRORS)
def test_a_rule_about_files_that_are_not_there_is_an_error(
    results: dict[str, RuleResult], rule: str, said: str
) -> None:
    assert results[rule].outcome == "Error"
    assert said in results[rule].message


def test_metrics_have_the_names_of_aws_and_messages_name_the_files(results: dict[str, RuleResult]) -> None:
    own = results["FileSize in [100, 2 KB]"].metrics
    assert own == {
        "Dataset.*.FileSize.Compliance in [100, 2 KB]": 1.0,
        "Dataset.*.FileCount": 2,
        "Dataset.*.MinimumFileSize": 100,
        "Dataset.*.MaximumFileSize": 2048,
    }
    assert results["FileUniqueness = 1"].metrics == {"Dataset.*.FileUniquenessRatio": 1.0, "Dataset.*.FileCount": 2}
    old = results['FileFreshness "IN" > (now() - 24 hours)'].message
    assert old.startswith("the share of files that meet it is 0.5; not met by file:")
    assert "orders_2.csv (modified 2024-01-09 06:00:00 UTC)" in old
    assert "orders_1.csv" not in old
    assert "orders_3.csv" in results['FileUniqueness "IN" > 0.5'].message


def test_files_of_the_data_that_are_gone_or_not_known_are_told(root: Path, orders: DataFrame) -> None:
    (gone,) = evaluate(orders, "Rules = [ FileSize > 1 B ]", files=[(root / "in/gone.csv").as_uri()]).rules
    (unknown,) = evaluate(orders, "Rules = [ FileUniqueness = 1 ]").rules
    assert (gone.outcome, unknown.outcome) == ("Error", "Error")
    assert "files of the data are gone" in gone.message
    assert "gone.csv" in gone.message
    assert "name a path" in unknown.message


def test_rules_about_files_start_no_spark_job(spark: SparkSession, root: Path, orders: DataFrame) -> None:
    def jobs(rules: list[str]) -> int:
        spark.sparkContext.setJobGroup(f"files {len(rules)}", "counted by a test")
        evaluate(orders, f"Rules = [ {', '.join(rules)} ]")
        spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)  # type: ignore[arg-type]
        return len(spark.sparkContext.statusTracker().getJobIdsForGroup(f"files {len(rules)}"))

    rules = ["RowCount > 0", *[placed(text, root) for text, *_ in CASES[:3]]]
    assert jobs(rules) == jobs(rules[:1]) > 0
