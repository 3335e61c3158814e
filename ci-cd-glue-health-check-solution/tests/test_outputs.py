"""Checks of what a job wrote, and of writes outside its places."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.names import Names, Places
from glue_health_check.cloud.writes import Place, buckets_named, snapshot, writes_outside
from glue_health_check.models import CheckResult, Status
from glue_health_check.output.checks import check_outputs
from glue_health_check.settings import OutputSpec

PLACES = Places(Names(1, "00000000", "scratch"), "job")
OUT = "glue-health-checks/pr1-00000000/output/"


def put_parquet(aws: Clients, key: str, **columns: pa.Array) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    aws.s3.put_object(Bucket="scratch", Key=key, Body=sink.getvalue())


def messages(aws: Clients, **spec: object) -> dict[str, list[str]]:
    results = check_outputs(aws, [OutputSpec("{output}/", **spec)], PLACES)  # type: ignore[arg-type]
    return {result.name: [finding.message for finding in result.findings] for result in results}


def test_a_right_output_passes(aws: Clients) -> None:
    put_parquet(
        aws, f"{OUT}day=1/a.parquet", id=pa.array([1, 2], pa.int32()), at=pa.array([0, 1], pa.timestamp("us", "UTC"))
    )
    aws.s3.put_object(Bucket="scratch", Key=f"{OUT}_SUCCESS", Body=b"")
    columns = {"id": "int", "at": "timestamp"}
    spec = OutputSpec(
        "{output}/", columns=columns, extra_columns="refuse", least_rows=2, most_rows=2, rules='IsUnique "id"'
    )
    results: list[CheckResult] = check_outputs(aws, [spec], PLACES)
    assert [(result.name, result.status) for result in results] == [
        ("schema", Status.PASSED), ("rows", Status.PASSED), ("rules", Status.PASSED),
    ]  # fmt: skip


def test_missing_wrong_and_unexpected_columns_are_told(aws: Clients) -> None:
    put_parquet(aws, f"{OUT}a.parquet", id=pa.array(["1"]), ID2=pa.array([1]))
    found = messages(aws, columns={"id": "int", "amount": "decimal(12,2)"}, extra_columns="refuse")
    assert found["schema"] == [
        "the column id is string, not int",
        "the column amount is missing; the columns are id, ID2",
        "the column ID2 was not expected",
    ]


def test_values_of_text_files_must_be_readable_as_their_type(aws: Clients) -> None:
    aws.s3.put_object(Bucket="scratch", Key=f"{OUT}a.csv", Body=b"id,day\n1,2024-01-01\nx,\n")
    found = messages(aws, format="csv", columns={"id": "int", "day": "date"})
    assert found["schema"] == ["the column id has 1 values that are no int, such as 'x'"]


def test_wrong_numbers_of_rows_are_told(aws: Clients) -> None:
    put_parquet(aws, f"{OUT}a.parquet", id=pa.array([1, 2, 3]))
    assert "has 3 rows; expected were exactly 4" in messages(aws, least_rows=4, most_rows=4)["rows"][0]
    assert "at most 2" in messages(aws, most_rows=2)["rows"][0]
    assert messages(aws, least_rows=3)["rows"] == []


def test_no_output_at_all_is_told_with_what_is_there_instead(aws: Clients) -> None:
    aws.s3.put_object(Bucket="scratch", Key=f"{OUT}a.csv", Body=b"id\n1\n")
    (message,) = messages(aws)["rows"]
    assert "wrote no parquet files" in message
    assert "a.csv" in message


def test_a_broken_file_is_told(aws: Clients) -> None:
    aws.s3.put_object(Bucket="scratch", Key=f"{OUT}a.parquet", Body=b"PAR1 and no more")
    assert "can't be read as parquet" in messages(aws)["schema"][0]


def test_rules_of_a_contract_hold_for_an_output(aws: Clients, tmp_path: Path) -> None:
    contract = tmp_path / "c.yml"
    contract.write_text("name: c\nquality: {rules: 'Rules = [ColumnValues \"id\" < 3]'}\n", encoding="utf-8")
    put_parquet(aws, f"{OUT}a.parquet", id=pa.array([1, 2, 3]))
    assert "1 of 3 rows" in messages(aws, rules_from=contract)["rules"][0]


def test_a_star_stands_for_one_part_of_a_path(aws: Clients) -> None:
    put_parquet(aws, f"{OUT}batch_id=7/a.parquet", id=pa.array([1]))
    put_parquet(aws, f"{OUT}other/a.parquet", id=pa.array([1]))
    (rows,) = [r for r in check_outputs(aws, [OutputSpec("{output}/batch_id=*/")], PLACES) if r.name == "rows"]
    assert next(iter(rows.facts["rows"].values())) == 1


def test_objects_written_changed_and_removed_outside_are_told(aws: Clients) -> None:
    aws.s3.create_bucket(Bucket="prod")
    for key in ("kept", "changed", "removed"):
        aws.s3.put_object(Bucket="prod", Key=key, Body=b"1")
    before = snapshot(aws, [Place("prod"), Place("scratch")])
    aws.s3.put_object(Bucket="prod", Key="changed", Body=b"2")
    aws.s3.put_object(Bucket="prod", Key="new", Body=b"1")
    aws.s3.delete_object(Bucket="prod", Key="removed")
    aws.s3.put_object(Bucket="scratch", Key=f"{OUT}a", Body=b"1")
    findings = writes_outside(before, snapshot(aws, [Place("prod"), Place("scratch")]), [Place("scratch", OUT)])
    assert [finding.message.split(",")[0] for finding in findings] == [
        "the job changed s3://prod/changed",
        "the job wrote s3://prod/new",
        "the job removed s3://prod/removed",
    ]


def test_a_version_that_was_put_over_the_same_content_is_seen(aws: Clients) -> None:
    aws.s3.create_bucket(Bucket="prod")
    aws.s3.put_bucket_versioning(Bucket="prod", VersioningConfiguration={"Status": "Enabled"})
    aws.s3.put_object(Bucket="prod", Key="a", Body=b"1")
    before = snapshot(aws, [Place("prod")])
    aws.s3.put_object(Bucket="prod", Key="a", Body=b"1")
    assert len(writes_outside(before, snapshot(aws, [Place("prod")]), [])) == 1


def test_a_place_that_cannot_be_watched_is_a_warning(aws: Clients) -> None:
    seen = snapshot(aws, [Place("no-such-bucket")])
    (finding,) = writes_outside(seen, seen, [])
    assert "was not watched" in finding.message


def test_buckets_are_read_from_arguments() -> None:
    arguments = {
        "--raw_bucket": "raw",
        "--out": "s3://out/x/",
        "--conf": "a=s3://ware/ --conf b=c",
        "--extra": "s3://l/a.zip,s3://m/b",
        "--name": "x",
    }
    assert buckets_named(arguments) == {"raw", "out", "ware", "l", "m"}
