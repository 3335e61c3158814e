"""check_quality.py as its users meet it: what it reads, tells and writes, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet
import pytest
import typer
import yaml
from jsonschema import Draft202012Validator
from junitparser import JUnitXml
from moto import mock_aws
from typer.testing import CliRunner, Result

# The one session of a run; a second kind of session in the same process would lack Iceberg.
from conftest import spark  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import check_quality  # noqa: E402
from quality_check.errors import CheckError  # noqa: E402
from quality_check.history import MOST_RUNS, Past, read_history, write_history  # noqa: E402
from quality_check.outputs import write_junit  # noqa: E402
from quality_check.places import find  # noqa: E402

SCHEMA = json.loads((ROOT / "src" / "config" / "quality_report.schema.json").read_text())
ORDERS = """Order ID,customer_id,zip,amount
1,C1,01067,10.50
2,C2,80331,20.00
3,C1,00501,
4,C9,10115,-3.25
"""
CUSTOMERS = '{"customer_id": "C1"}\n{"customer_id": "C2"}\n'
CONTRACT: dict[str, Any] = {
    "name": "orders",
    "description": "One row per order.",
    "columns": [
        {"name": "order_id", "type": "int", "required": True},
        {"name": "customer_id", "type": "string", "pii": "hash"},
        {"name": "zip", "type": "string"},
        {"name": "amount", "type": "decimal(10,2)"},
    ],
    "quality": {"threshold": 60, "rules": 'Rules = [ RowCount > 2, ColumnValues "amount" > 0 ]'},
}


def put(path: Path, content: str | bytes) -> Path:
    """A file, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rules(place: Path, *lines: str) -> Path:
    return put(place / "rules.dqdl", f"Rules = [\n  {', '.join(lines)}\n]")


def run(*arguments: object) -> Result:
    """The command in this process, with the session that is there."""
    app = typer.Typer()
    app.command()(check_quality.main)
    check_quality.console.width = 200
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result, code: int) -> str:
    """What the command said; it ended with the code, and not by accident."""
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.usefixtures("spark")
def test_a_file_that_passes_is_told_and_written_in_every_form(tmp_path: Path) -> None:
    data = put(tmp_path / "orders.csv", ORDERS)
    customers = put(tmp_path / "customers.jsonl", CUSTOMERS)
    wanted = rules(
        tmp_path,
        "RowCount = 4",
        'IsPrimaryKey "order_id"',
        # Leading zeros are kept.
        'ColumnLength "zip" = 5',
        'ReferentialIntegrity "customer_id" "customers.customer_id" >= 0.75',
        'Mean "amount" between 9 and 10',
    )
    outputs = {name: tmp_path / f"out.{name}" for name in ("json", "html", "junit", "history")}
    told_of = told(
        run(data, "--rules", wanted, "--reference", f"customers={customers}", "--rows", tmp_path / "rows.parquet",
            *(part for name, path in outputs.items() for part in (f"--{name}", path))),
        0,
    )  # fmt: skip
    assert "orders: 4 row(s) of 1 file(s)" in told_of
    assert "Score 100 of 100, threshold 100: passed" in told_of
    assert told_of.count("Passed") == 5
    report = json.loads(outputs["json"].read_text())
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(report)] == []
    assert [rule["outcome"] for rule in report["rules"]] == ["Passed"] * 5
    assert {entry["column"]: entry["type"] for entry in report["profile"]}["zip"] == "string"
    assert report["source_files"] == [str(data)]
    assert "Data quality report" in outputs["html"].read_text()
    [suite] = JUnitXml.fromfile(str(outputs["junit"]))
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("orders", 5, 0, 0)
    rows = pa.parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert [row["zip"] for row in rows] == ["01067", "80331", "00501", "10115"]
    assert {row["DataQualityEvaluationResult"] for row in rows} == {"Passed", "Failed"}
    assert [row["order_id"] for row in rows if row["DataQualityEvaluationResult"] == "Failed"] == [4]
    assert "RowCount = 4" in rows[0]["DataQualityRulesSkip"]


@pytest.mark.usefixtures("spark")
def test_rules_that_fail_or_cannot_be_evaluated_end_in_exit_code_1_and_history_is_carried_on(tmp_path: Path) -> None:
    data = put(tmp_path / "orders.csv", ORDERS)
    wanted = rules(
        tmp_path, 'ColumnValues "amount" > 0 labels=["critical"="true"]', "RowCount > 0.5 * last()", 'IsComplete "nope"'
    )
    history, junit = tmp_path / "history.json", tmp_path / "out.xml"
    options = ("--rules", wanted, "--history", history)
    output = told(run(data, *options, "--junit", junit, "--rows", tmp_path / "rows.csv"), 1)
    assert "Failed" in output
    assert 'ColumnValues "amount" > 0  (critical)' in output
    assert "Of 3 rules, 1 failed and 1 could not be evaluated, 1 of them critical" in output
    [suite] = JUnitXml.fromfile(str(junit))
    assert (suite.tests, suite.failures, suite.errors) == (3, 1, 1)
    [failure] = next(iter(suite)).result
    assert '"amount": "-3.2500"' in failure.text
    rows = pa.csv.read_csv(tmp_path / "rows.csv").to_pylist()
    assert json.loads(rows[3]["DataQualityRulesFail"]) == ['ColumnValues "amount" > 0']

    # The next day most rows are missing, and a column is new.
    put(data, "Order ID,customer_id,zip,amount,note\n1,C1,01067,10.50,x\n")
    report_file = tmp_path / "report.json"
    output = told(run(data, *options, "--json", report_file, "--samples", 0), 1)
    report = json.loads(report_file.read_text())
    assert {rule["rule"]: rule["outcome"] for rule in report["rules"]}["RowCount > 0.5 * last()"] == "Failed"
    assert "changed: note: new, string" in output
    assert len(report["trend"]) == 2
    assert [run["rows"] for run in json.loads(history.read_text())["runs"]] == [4, 1]


@pytest.mark.usefixtures("spark")
def test_a_contract_types_the_columns_refuses_rows_hides_personal_data_and_has_rules(tmp_path: Path) -> None:
    contract = put(tmp_path / "datasets" / "orders.yml", yaml.safe_dump(CONTRACT))
    data = put(tmp_path / "today.csv", ORDERS + "no number,C1,12345,5\n6,C1,12345,five\n")
    report_file = tmp_path / "report.json"
    output = told(run(data, "--contract", contract, "--json", report_file), 0)
    assert "refused: 1 row(s): order_id: not a int" in output
    assert "null: 1 row(s) have a value that does not fit" in output
    assert "threshold 60: passed" in output
    report = json.loads(report_file.read_text())
    assert (report["dataset"], report["description"]) == ("orders", "One row per order.")
    assert report["rows"] == {"read": 6, "written": None, "refused": 1}
    samples = report["rules"][1]["samples"]
    assert {row["customer_id"] for row in samples} == {"(hidden)"}
    assert "-3.25" in {row["amount"] for row in samples}
    assert "C9" not in report_file.read_text()

    # The contract's file serves as rules, too; a threshold of the command counts before its own.
    assert "threshold 100: failed" in told(run(data, "--rules", contract, "--threshold", 100), 1)


@pytest.mark.usefixtures("spark")
def test_a_folder_of_all_formats_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    put(folder / "a" / "1.csv", "id;name\n1;x\n")
    put(folder / "2.json", '[{"id": 2, "name": "ä"}]')
    table = pa.table({"id": [3], "name": ["z"]})
    pa.parquet.write_table(table, folder / "3.parquet")
    pa.orc.write_table(table, folder / "4.orc")
    fields = [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]
    with (folder / "5.avro").open("wb") as out:
        fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, [{"id": 5, "name": "y"}])
    put(folder / "_SUCCESS", "")
    put(folder / ".hidden" / "6.csv", "other\n1\n")
    wanted = rules(tmp_path, "RowCount = 4", "ColumnCount = 2", 'Sum "id" = 10')
    output = told(run(folder, "--rules", wanted, "--where", "id != 3 or name = 'ä'"), 1)
    assert "in: 6 row(s) of 5 file(s)" not in output
    assert "5 file(s)" in output
    assert "RowCount = 4" in output
    told(run(folder, "--rules", rules(tmp_path, "RowCount = 5", 'Sum "id" = 14')), 0)


@pytest.mark.usefixtures("spark")
def test_what_cannot_be_read_ends_in_exit_code_2_with_the_files_name_and_reason(tmp_path: Path) -> None:
    wanted = rules(tmp_path, "RowCount > 0")
    put(tmp_path / "in" / "good.csv", "a\n1\n")
    put(tmp_path / "in" / "broken.parquet", b"PAR1 and nothing more")
    put(tmp_path / "in" / "empty.csv", "")
    output = told(run(tmp_path / "in", "--rules", wanted), 2)
    assert "in/broken.parquet: " in output
    assert "in/empty.csv: the file is empty" in output
    assert "good.csv" not in output
    output = told(run(tmp_path / "in" / "good.csv", "--rules", wanted, "--where", "nope = 1"), 2)
    assert "--where nope = 1: " in output


@pytest.mark.usefixtures("spark")
def test_the_plan_is_explained_without_a_check(tmp_path: Path) -> None:
    data, history = put(tmp_path / "orders.csv", ORDERS), tmp_path / "history.json"
    output = told(run(data, "--rules", rules(tmp_path, "RowCount > 100"), "--explain", "--history", history), 0)
    assert "1 Spark action answers 1 rule(s)" in output
    assert "- RowCount > 100" in output
    assert "Profile of all columns" in output
    assert "Score" not in output
    assert not history.exists()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket of moto in this process."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="lake")
        yield client


@pytest.mark.usefixtures("spark")
def test_objects_below_a_prefix_are_one_table_and_references_may_lie_in_s3(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="lake", Key="in/2024/a b%.csv", Body=ORDERS.encode())
    s3.put_object(Bucket="lake", Key="in/2024/ü/two.csv", Body=ORDERS.encode())
    s3.put_object(Bucket="lake", Key="other/customers.jsonl", Body=CUSTOMERS.encode())
    wanted = rules(tmp_path, "RowCount = 8", 'ReferentialIntegrity "customer_id" "customers.customer_id" = 0.75')
    reference = "customers=s3://lake/other/customers.jsonl"
    report_file = tmp_path / "report.json"
    told(run("s3://lake/in", "--rules", wanted, "--reference", reference, "--json", report_file), 0)
    report = json.loads(report_file.read_text())
    assert report["dataset"] == "in"
    assert report["source_files"] == ["s3://lake/in/2024/a b%.csv", "s3://lake/in/2024/ü/two.csv"]


def test_an_address_of_s3_names_one_object_or_all_below_it(s3: Any, tmp_path: Path) -> None:
    keys = (
        "in/a.csv",
        "in/a.csv.bak",
        "in/b/../c.csv",
        "in/b//d.csv",
        "in/_SUCCESS",
        "in/.x/e.csv",
        "in/f/",
        "inn/g.csv",
    )
    for key in keys:
        s3.put_object(Bucket="lake", Key=key, Body=key.encode())

    def found(address: str) -> list[str]:
        scratch = tmp_path / str(len(list(tmp_path.iterdir())))
        scratch.mkdir()
        place = find(address, scratch)
        for file, uri in place.files.items():
            assert file.read_text() == uri.removeprefix("s3://lake/")
            assert file.is_relative_to(scratch)
            assert abs(file.stat().st_mtime - datetime.now(timezone.utc).timestamp()) < 60
        return sorted(uri.removeprefix("s3://lake/") for uri in place.files.values())

    assert found("s3://lake/in/a.csv") == ["in/a.csv"]
    assert found("s3://lake/in/a.csv.bak") == ["in/a.csv.bak"]
    assert found("s3://lake/in/") == found("s3://lake/in")
    assert found("s3://lake/in") == ["in/a.csv", "in/a.csv.bak", "in/b//d.csv"]
    for address, reason in (
        ("s3://lake/no/such", "is not there"),
        ("s3://missing/in", "there is no such bucket"),
        ("s3:///in", "names no bucket"),
    ):
        with pytest.raises(CheckError, match=reason):
            find(address, tmp_path)


MISUSES: dict[str, tuple[tuple[str, ...], str]] = {
    "no such data": (("nope.csv", "--rules", "rules.dqdl"), "nope.csv is not there; name a file, a folder or s3://"),
    "an empty folder": (("empty", "--rules", "rules.dqdl"), "the folder empty holds no file"),
    "no rules": (("orders.csv",), "there are no rules; name a file of DQDL with --rules"),
    "no such rules": (("orders.csv", "--rules", "nope.dqdl"), "nope.dqdl is not there"),
    "rules that are no DQDL": (("orders.csv", "--rules", "bad.dqdl"), "bad.dqdl: line 2, column 14: found"),
    "rules that are no text": (("orders.csv", "--rules", "binary.dqdl"), "binary.dqdl can't be read as text"),
    "a contract without rules": (("orders.csv", "--contract", "bare.yml"), "bare.yml has no rules under quality.rules"),
    "a wrong contract": (("orders.csv", "--contract", "wrong.yml"), "wrong.yml can't be used"),
    "no such contract": (("orders.csv", "--contract", "nope.yml"), "nope.yml is not there"),
    "a reference that nobody names": (
        ("orders.csv", "--rules", "refers.dqdl"), "needs the reference 'customers'; add --reference customers=PATH",
    ),
    "a reference that is not there": (
        ("orders.csv", "--rules", "refers.dqdl", "--reference", "customers=nope.csv"), "nope.csv is not there",
    ),
    "a reference without a name": (
        ("orders.csv", "--rules", "rules.dqdl", "--reference", "nope.csv"), "is not NAME=PATH",
    ),
    "rows of no format": (("orders.csv", "--rules", "rules.dqdl", "--rows", "out.xlsx"), "out.xlsx has no format"),
    "a folder that is not there": (
        ("orders.csv", "--rules", "rules.dqdl", "--json", "no/out.json"), "the folder of no/out.json is not there",
    ),
    "a folder for a file": (("orders.csv", "--rules", "rules.dqdl", "--html", "empty"), "empty is a folder"),
    "no history": (
        ("orders.csv", "--rules", "rules.dqdl", "--history", "rules.dqdl"), "rules.dqdl is no history of this command",
    ),
    "a threshold beyond 100": (("orders.csv", "--rules", "rules.dqdl", "--threshold", "101"), "--threshold"),
}  # fmt: skip


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_ends_in_exit_code_2_and_says_what_would_be_right(
    misuse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "orders.csv", ORDERS)
    put(tmp_path / "rules.dqdl", "Rules = [ RowCount > 0 ]")
    put(tmp_path / "refers.dqdl", 'Rules = [ ReferentialIntegrity "customer_id" "customers.customer_id" = 1 ]')
    put(tmp_path / "bad.dqdl", "Rules = [\n  RowCount > >\n]")
    put(tmp_path / "binary.dqdl", b"\xff\xfe\x00")
    put(tmp_path / "bare.yml", yaml.safe_dump({"name": "bare", "columns": [{"name": "a", "type": "string"}]}))
    put(tmp_path / "wrong.yml", "name: wrong\n")
    (tmp_path / "empty").mkdir()
    arguments, words = MISUSES[misuse]
    output = told(run(*arguments), 2)
    assert words in output
    assert not (tmp_path / "out.xlsx").exists()


def test_the_history_keeps_the_last_runs_and_only_what_json_has_numbers_for(tmp_path: Path) -> None:
    file, past = tmp_path / "history.json", Past()
    for number in range(MOST_RUNS + 5):
        past = past.with_run(
            {"Dataset.*.RowCount": number, "Column.x.Mean": float("nan")}, [{"column": "x"}],
            checked_at="2024-01-15T06:00:00+00:00", run_id=str(number), score=90.0, passed=True, rows=number,
        )  # fmt: skip
    write_history(file, past)
    again = read_history(file)
    assert len(again.runs) == MOST_RUNS
    assert again.history().values("Dataset.*.RowCount")[-1] == MOST_RUNS + 4
    assert again.history().points("Column.x.Mean") == ()
    assert again.history().points("Dataset.*.RowCount")[0].at == datetime(2024, 1, 15, 6, tzinfo=timezone.utc)
    assert again.profile == [{"column": "x"}]
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]
    assert read_history(tmp_path / "none.json") == Past() == read_history(None)
    file.write_text('{"version": 9, "runs": []}')
    with pytest.raises(CheckError, match="its version is 9, not 1"):
        read_history(file)


def test_junit_xml_stays_xml_whatever_stands_in_the_data(tmp_path: Path) -> None:
    rule = {
        "rule": 'ColumnValues "a" matches "<&]]>"', "rule_type": "ColumnValues", "dimension": "validity",
        "outcome": "Failed", "message": "not\x00 this \x1b[31m", "ratio": 0.5, "rows": 2, "failed_rows": 1,
        "samples": [{"a": "\ud800<b>ü"}],
    }  # fmt: skip
    report = {
        "dataset": "a\x01b", "rules": [rule], "score": {"value": 50.0, "threshold": 80.0}, "rows": {"read": 2},
        "generated_at": "2024-01-15T06:00:00+00:00",
    }  # fmt: skip
    write_junit(tmp_path / "out.xml", report, 1.5)
    [suite] = JUnitXml.fromfile(str(tmp_path / "out.xml"))
    [case] = suite
    assert (suite.name, suite.failures, suite.time) == ("a\ufffdb", 1, 1.5)
    assert case.name == rule["rule"]
    assert case.classname == "a\ufffdb.validity"
    assert case.result[0].message == "not\ufffd this \ufffd[31m"
    assert "holds for 50%; 1 of 2 rows fail" in case.result[0].text


def test_the_command_runs_as_a_program_of_its_own_and_is_quiet(tmp_path: Path) -> None:
    data = put(tmp_path / "orders.csv", ORDERS)
    wanted = rules(tmp_path, "RowCount = 4", 'IsComplete "amount"')
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "check_quality.py"), str(data), "--rules", str(wanted)],
        capture_output=True, text=True, timeout=300, env=clean, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == ""
    assert "Score 87.5 of 100, threshold 100: failed" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "rules.dqdl"]
