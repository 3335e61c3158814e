"""Check files and options."""

from __future__ import annotations

from pathlib import Path

import pytest

from glue_health_check.choices import Choices, check_of, pair, work_bucket_of
from glue_health_check.errors import MisuseError
from glue_health_check.settings import OutputSpec, TableSpec, read_check

FULL = """
script: jobs/a.py
job: {base: b, arguments: {input: '{input}/', deep: true}, extra_py_files: [lib], arguments_from: ['lib/s.py:REQUIRED']}
before: [{script: jobs/first.py}]
buckets: [raw]
tables: {state: {hash_key: entity, range_key: id}, marks: {like: prod-marks}}
inputs: [{schema: c.yml, rows: 5, last_day: 2024-02-01, to: 's3://{bucket.raw}/x.csv'}]
outputs: [{path: 's3://{bucket.raw}/out/', rows: 5, columns: {id: string}, rules: ['RowCount > 0', 'IsComplete "id"']}]
timeout_minutes: 5
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "check.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_check_file_is_read_with_paths_beside_it(tmp_path: Path) -> None:
    check = read_check(write(tmp_path, FULL))
    assert check.job.script == tmp_path / "jobs/a.py"
    assert check.job.arguments == {"--input": "{input}/", "--deep": "true"}
    assert check.job.arguments_from == (f"{tmp_path}/lib/s.py:REQUIRED",)
    assert check.before[0].script == tmp_path / "jobs/first.py"
    assert check.tables == {
        "state": TableSpec(hash_key="entity", range_key="id"),
        "marks": TableSpec(like="prod-marks"),
    }
    assert str(check.inputs[0].last_day) == "2024-02-01"
    assert check.outputs[0].least_rows == check.outputs[0].most_rows == 5
    assert check.outputs[0].rules == 'RowCount > 0,\nIsComplete "id"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("script: a.py\nnope: 1\n", "nope"),
        ("job: {}\n", "has no script"),
        ("script: a.py\njob: {worker_type: X}\n", r"job\.worker_type"),
        ("script: a.py\ninputs: [{to: 's3://b/x'}]\n", r"inputs\.0"),
        ("script: a.py\ntables: {t: {like: a, hash_key: b}}\n", r"tables\.t"),
        ("script: [", "can't be read"),
    ],
)
def test_a_wrong_check_file_is_misuse_that_names_the_field(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(MisuseError, match=message):
        read_check(write(tmp_path, text))


def test_options_win_over_the_check_file(tmp_path: Path) -> None:
    path = write(tmp_path, FULL)
    check = check_of(Choices(path, glue_version="4.0", arguments=("input=x", "--more=a=b"), timeout=9))
    assert (check.job.glue_version, check.timeout_minutes, check.job.base) == ("4.0", 9, "b")
    assert check.job.arguments == {"--input": "x", "--deep": "true", "--more": "a=b"}


def test_options_alone_make_a_check(tmp_path: Path) -> None:
    schema = write(tmp_path, "name: orders\ncolumns: [{name: id, type: int}]\n")
    check = check_of(Choices(script=Path("a.py"), schema=schema, rows=7, expect=schema))
    assert (check.inputs[0].to, check.inputs[0].rows) == ("{input}/orders.csv", 7)
    assert check.outputs == (OutputSpec("{output}/", schema=schema),)


def test_a_ttl_within_the_time_limit_is_misuse() -> None:
    with pytest.raises(MisuseError, match="at least 45"):
        check_of(Choices(script=Path("a.py"), timeout=30, ttl=40)).checked()


def test_the_work_bucket_is_named_or_that_of_the_scripts() -> None:
    assert work_bucket_of("b", "s3://other/x") == "b"
    assert work_bucket_of("", "s3://other/scripts/") == "other"
    with pytest.raises(MisuseError, match="SCRIPT_LOCATION"):
        work_bucket_of("", "")


@pytest.mark.parametrize("text", ["a", "=b", "--=b"])
def test_an_argument_without_name_or_value_is_misuse(text: str) -> None:
    with pytest.raises(MisuseError, match="NAME=VALUE"):
        pair(text)
