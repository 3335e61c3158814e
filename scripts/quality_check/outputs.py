"""What a check leaves: JSON, HTML, JUnit XML, and the rows with their outcomes."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StructType

from etl.page import shown_percent
from etl.report import render_html
from quality_check.errors import CheckError

ROW_SUFFIXES = (".parquet", ".csv")
# What XML 1.0 has no way to write.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Outputs:
    """The files that were asked for; None for those that were not."""

    json: Path | None = None
    html: Path | None = None
    junit: Path | None = None
    rows: Path | None = None
    history: Path | None = None

    @property
    def written(self) -> list[Path]:
        """Those that were."""
        return [path for path in (self.json, self.html, self.junit, self.rows, self.history) if path]

    def check(self) -> None:
        """Refuse files that can't be written, before anything is computed.

        Raises:
            CheckError: naming the file.
        """
        if self.rows and self.rows.suffix not in ROW_SUFFIXES:
            raise CheckError(f"{self.rows} has no format; --rows writes files *{' and *'.join(ROW_SUFFIXES)}")
        for path in self.written:
            if path.is_dir():
                raise CheckError(f"{path} is a folder; name a file in it")
            if not path.absolute().parent.is_dir():
                raise CheckError(f"the folder of {path} is not there; make it first")


def write_json(path: Path, report: Mapping[str, Any]) -> None:
    """The report as config/quality_report.schema.json describes it."""
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_html(path: Path, report: Mapping[str, Any]) -> None:
    """The same as a page."""
    path.write_text(render_html(report), encoding="utf-8")


def write_junit(path: Path, report: Mapping[str, Any], seconds: float) -> None:
    """A test case for each rule, as CI servers show them.

    Args:
        path: of the XML file.
        report: see etl.report.build_report.
        seconds: how long the check took.
    """
    suite = TestSuite(_text(report["dataset"]))
    for rule in report["rules"]:
        suite.add_testcase(_case(rule, report["dataset"]))
    for name in ("value", "threshold"):
        suite.add_property(name.replace("value", "score"), f"{report['score'][name]:g}")
    suite.add_property("rows", str(report["rows"]["read"]))
    suite.timestamp = report["generated_at"]
    document = JUnitXml("check_quality")
    document.add_testsuite(suite)
    document.update_statistics()
    # The rules share their Spark actions, so only all of them together take a time.
    suite.time = document.time = round(seconds, 3)
    document.write(str(path), pretty=True)


def _case(rule: Mapping[str, Any], dataset: str) -> TestCase:
    case = TestCase(_text(rule["rule"]), classname=_text(f"{dataset}.{rule['dimension']}"), time=0)
    kinds: dict[str, Callable[..., Any]] = {"Failed": Failure, "Error": Error}
    if rule["outcome"] in kinds:
        result = kinds[rule["outcome"]](_text(rule["message"]), rule["rule_type"])
        result.text = _text("\n".join(_details(rule)))
        case.result = [result]
    return case


def _details(rule: Mapping[str, Any]) -> list[str]:
    lines = [rule["rule"], rule["message"]]
    if rule["rows"]:
        lines.append(f"holds for {shown_percent(rule['ratio'])}; {rule['failed_rows']} of {rule['rows']} rows fail")
    return lines + [json.dumps(row, ensure_ascii=False) for row in rule["samples"]]


def _text(value: Any) -> str:
    return _NOT_XML.sub("\ufffd", str(value))


def write_rows(path: Path, rows: DataFrame) -> None:
    """Rows as one file; in CSV, arrays and other nested values are JSON.

    Args:
        path: a file ``*.parquet`` or ``*.csv``.
        rows: as RulesetResult.row_outcomes gives them.
    """
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".rows-") as folder:
        target = Path(folder, "rows")
        if path.suffix == ".csv":
            options: dict[str, Any] = {"header": True, "escape": '"', "emptyValue": '""', "nullValue": ""}
            _flat(rows).coalesce(1).write.options(**options).csv(target.as_uri())
        else:
            rows.coalesce(1).write.parquet(target.as_uri())
        [part] = target.glob("part-*")
        shutil.move(part, path)


def _flat(rows: DataFrame) -> DataFrame:
    nested = (ArrayType, MapType, StructType)
    names = {field.name: f"`{field.name}`" for field in rows.schema.fields}
    return rows.select(
        *(
            F.to_json(names[field.name]).alias(field.name) if isinstance(field.dataType, nested) else names[field.name]
            for field in rows.schema.fields
        )
    )
