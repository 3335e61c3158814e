"""The sample data generator as a stream into a bucket, with a clock of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from tenacity import Retrying, stop_after_delay, wait_fixed
from tests.generated_samples import (
    ALL_FORMATS,
    SCRIPT,
    csv_rows,
    format_of,
    generated,
    read,
    run,
)

BUCKET = "raw-of-somebody"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """moto's S3 over HTTP, as another process meets it, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    yield s3
    # The buckets are moto's, which other tests of this process share.
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=60).raise_for_status()
    server.stop()


def taken(s3: Any, place: Path) -> list[Path]:
    """Everything that lies in the bucket, in order, as files."""
    place.mkdir()
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        (place / found["Key"]).parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(BUCKET, found["Key"], str(place / found["Key"]))
    return sorted(place.rglob("*.*"))


STREAM = ("--stream-to", f"s3://{BUCKET}", "--start-date", "2024-01-15", "--seed", 7)


def test_a_stream_sends_its_rows_at_a_rate_in_all_formats_with_a_last_file_of_fewer(
    bucket: Any, tmp_path: Path
) -> None:
    expected = tmp_path / "expected.json"
    started = time.monotonic()
    done = run(*STREAM, "--rate", "100/s", "--files", "4/s", "--for", "1.9s", "--customers", 20,
               "--formats", ALL_FORMATS, "--manifest", expected)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started >= 1.9
    assert "190 transactions and 20 customers in 9 file(s)" in done.stdout
    files = taken(bucket, tmp_path / "one")
    folder = tmp_path / "one" / "data" / "incoming"
    assert [str(file.relative_to(folder)) for file in files][:3] == [
        "customers/2024/01/15/customers-s7-000000001.csv",
        "transactions/2024/01/15/transactions-s7-000000001.csv.gz",
        "transactions/2024/01/15/transactions-s7-000000026.json",
    ]
    assert [len(read(file)) for file in files] == [20, *[25] * 7, 15]
    assert {format_of(file) for file in files} == set(ALL_FORMATS.split(","))
    manifest = json.loads(expected.read_text())
    assert manifest["totals"]["transactions"]["rows"] == 190
    assert sum(manifest["totals"]["transactions"]["defects"].values()) > 0
    noted = {str(file["path"]) for file in manifest["files"]}
    assert noted == {str(file.relative_to(folder)) for file in files}


def test_the_same_seed_streams_the_same_bytes_and_the_rows_that_a_folder_would_get(bucket: Any, tmp_path: Path) -> None:
    options = ("--customers", 0, "--known-customers", 50, "--transactions", 60, "--formats", "csv")
    for place in ("one", "two"):
        done = run(*STREAM, *options, "--rate", "600/s", "--files", "20/s")
        assert done.returncode == 0, done.stderr
        taken(bucket, tmp_path / place)
    first, second = (sorted((tmp_path / place).rglob("*.csv")) for place in ("one", "two"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    generated(tmp_path / "three", *options, "--seed", 7, "--days", 1)
    [whole] = (tmp_path / "three" / "transactions").rglob("*.csv")
    assert [row for file in first for row in csv_rows(file)[1:]] == csv_rows(whole)[1:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_a_stream_sends_what_is_due_and_says_how_to_go_on(
    bucket: Any, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, str(SCRIPT), *map(str, STREAM), "--rate", "200/s", "--files", "2/m", "--customers", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as streaming:
        try:
            # The customers come first; from then on transactions become due.
            for attempt in Retrying(stop=stop_after_delay(60), wait=wait_fixed(0.05), reraise=True):
                with attempt:
                    assert bucket.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
            with pytest.raises(subprocess.TimeoutExpired):
                streaming.wait(0.5)
            streaming.send_signal(number)
            out, error = streaming.communicate(timeout=60)
        finally:
            streaming.kill()
    assert (streaming.returncode, error) == (0, "")
    files = taken(bucket, tmp_path / "files")
    rows = len(read(files[1]))
    assert len(files) == 2
    assert rows >= 60
    assert f"ended early: {rows} transactions and 5 customers in 2 file(s)" in out
    assert f"to go on: --first-transaction {rows + 1}" in out


def test_a_bucket_that_is_not_there_is_told_before_anything_is_made(bucket: Any) -> None:
    done = run("--stream-to", "s3://nobody/data/incoming", "--for", "1s")
    assert done.returncode == 1
    assert done.stderr == "error: s3://nobody can't be written to: there is no such bucket; look at its name\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a folder to write to, or a place to stream to with --stream-to; one of them"),
        (("{out}", "--stream", "local"), "one of them"),
        (("{out}", "--rate", "5/s"), "--rate, --files and --for are about streams"),
        (("--stream", "local", "--rate", "fast"), "'fast' is no rate: write a number above 0 a second, minute or hour"),
        (("--stream", "local", "--for", "0s"), "'0s' is no duration"),
        (("--stream", "local", "--broken-file", "parquet"), "not about streams"),
    ],
)
def test_a_stream_that_makes_no_sense_gets_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run(*(each.format(out=tmp_path / "out") for each in arguments))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
