"""Reports and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from glue_health_check.errors import MisuseError
from glue_health_check.models import CheckResult, Finding, Report, Severity, Status, exit_code_of, judged
from glue_health_check.reporting import read_report, report_json
from glue_health_check.reporting.junit import junit_xml
from glue_health_check.reporting.markdown import github_annotations, markdown

FINDING = Finding("imports x|<y>, which Glue\nlacks", "add it", Severity.ERROR, "src/a.py", 7)
REPORT = Report(
    "pr42-0a", "src/a.py", 42, "2024-01-15T10:00:00+00:00", 12.5,
    (
        judged("syntax", ()),
        judged("imports", [FINDING]),
        judged("glue-version", [Finding("old", severity=Severity.WARNING)]),
        CheckResult("run", Status.ERROR, (Finding("throttled"),)),
        CheckResult("rows", Status.SKIPPED),
    ),
    job={"run_id": "jr_1"}, log=("one", "two \x00 ````"), left=("bucket b: denied",),
)  # fmt: skip


def test_a_report_is_the_same_after_json(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(report_json(REPORT), encoding="utf-8")
    assert read_report(path) == REPORT


def test_what_is_no_report_is_misuse(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"version": 1}), encoding="utf-8")
    with pytest.raises(MisuseError, match="is no report"):
        read_report(path)


@pytest.mark.parametrize(
    ("statuses", "strict", "code"),
    [
        ([Status.PASSED, Status.SKIPPED], False, 0),
        ([Status.WARNED], False, 0),
        ([Status.WARNED], True, 1),
        ([Status.FAILED], False, 1),
        ([Status.FAILED, Status.ERROR], False, 3),
    ],
)
def test_exit_codes(statuses: list[Status], strict: bool, code: int) -> None:
    assert exit_code_of([CheckResult("x", status) for status in statuses], strict) == code


def test_junit_has_a_case_for_each_check() -> None:
    (suite,) = JUnitXml.fromstring(junit_xml(REPORT).encode())
    kinds = {case.name: [type(result) for result in case.result] for case in suite}
    assert kinds == {"syntax": [], "imports": [Failure], "glue-version": [], "run": [Error], "rows": [Skipped]}


def test_markdown_names_the_place_and_breaks_no_table() -> None:
    text = markdown(REPORT)
    assert "`src/a.py:7`" in text
    assert "imports x\\|&lt;y>, which Glue lacks" in text
    assert "bucket b: denied" in text
    assert text.count("````") == 2


def test_annotations_stand_at_their_lines() -> None:
    first = github_annotations(REPORT).splitlines()[0]
    assert first.startswith(
        "::error file=src/a.py,line=7,title=glue-health-check imports::imports x|<y>, which Glue%0Alacks"
    )


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from glue_health_check.cli import main; main()"
    source = Path(__file__).parents[1] / "src"
    command = [sys.executable, "-c", code, str(source), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_line_has_an_exit_code_for_each_end(tmp_path: Path, script: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import no_such_module\n", encoding="utf-8")
    out = tmp_path / "out/report.json"
    assert cli("static", "--script", str(script), "--json", str(out)).returncode == 0
    assert read_report(out).verdict == "passed"
    assert cli("static", "--script", str(bad)).returncode == 1
    assert cli("static", "--nonsense").returncode == 2
    assert cli("run", "--script", str(script)).returncode == 2


def test_a_report_keeps_its_exit_code_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(report_json(REPORT), encoding="utf-8")
    done = cli("report", str(path), "--format", "markdown")
    assert (done.returncode, done.stdout) == (3, markdown(REPORT))
