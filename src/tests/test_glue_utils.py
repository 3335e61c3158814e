"""The Glue runtime: arguments as Glue passes them, and files by URI through Hadoop."""

from __future__ import annotations

import hashlib
import logging
import time

import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession

from utils.glue_utils import SESSION_SETTINGS, MissingArgumentError, job_logger, resolve_arguments, spark_session

# Bytes, not characters; and names that a URI would have to encode.
ODD_NAME = "ä b%20+&#1 {x}[y].csv"


# Arguments -----------------------------------------------------------------------------------------------


def test_required_and_optional_arguments_are_read_and_the_rest_is_left() -> None:
    argv = ["job.py", "--JOB_NAME", "ingestion", "--environment", "dev", "--dataset", "orders", "--TempDir", "s3://t/"]
    arguments = resolve_arguments(argv, ["JOB_NAME", "environment"], ["dataset", "lease_seconds"])
    assert arguments == {"JOB_NAME": "ingestion", "environment": "dev", "dataset": "orders"}


def test_what_glue_itself_passes_is_read_too() -> None:
    argv = ["job.py", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--JOB_NAME", "x", "--WORKFLOW_RUN_ID", "wr_1"]
    arguments = resolve_arguments(argv, ["JOB_NAME"], ["JOB_RUN_ID", "WORKFLOW_NAME", "WORKFLOW_RUN_ID"])
    assert arguments == {"JOB_NAME": "x", "JOB_RUN_ID": "jr_1", "WORKFLOW_RUN_ID": "wr_1"}


def test_an_argument_s_value_may_hold_anything_but_a_leading_dash() -> None:
    argv = ["job.py", "--path=s3://a/b=c/", "--conf", "spark.a=b --conf spark.c=d", "--text", "two words"]
    assert resolve_arguments(argv, ["path", "text"]) == {"path": "s3://a/b=c/", "text": "two words"}


def test_an_argument_whose_name_begins_like_another_is_not_mistaken_for_it() -> None:
    argv = ["job.py", "--data", "wrong", "--dataset", "orders", "--datalake-formats", "iceberg"]
    assert resolve_arguments(argv, ["dataset"], ["database"]) == {"dataset": "orders"}


def test_every_missing_argument_is_named_with_where_it_comes_from() -> None:
    with pytest.raises(
        MissingArgumentError, match=r"missing job argument\(s\): --state_table, --database\. .*terraform"
    ):
        resolve_arguments(["job.py", "--environment", "dev"], ["environment", "state_table", "database"])


def test_an_argument_without_a_value_is_told() -> None:
    with pytest.raises(MissingArgumentError, match=r"cannot be read.*environment"):
        resolve_arguments(["job.py", "--environment"], ["environment"])


# Session and logging -------------------------------------------------------------------------------------


def test_a_session_has_the_settings_that_every_job_needs(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.session.timeZone", "Europe/Berlin")
    session = spark_session("x")
    for name, value in SESSION_SETTINGS.items():
        assert session.conf.get(name) == value
    assert session.sql("select current_timezone()").first()[0] == "UTC"


def test_a_logger_is_named_and_writes_information() -> None:
    logger = job_logger("a stage")
    assert logger is logging.getLogger("a stage")
    assert logging.getLogger().handlers


# Storage -------------------------------------------------------------------------------------------------


def test_files_are_listed_recursively_with_size_and_time(lake, storage) -> None:
    begun = int(time.time() * 1000)
    lake.put("raw", "data/2024/a.csv", "äb")
    lake.put("raw", f"data/2024/01/{ODD_NAME}", "x")
    lake.put("raw", "elsewhere/c.csv", "x")
    root = f"s3://{lake.bucket('raw')}/data/"
    files = {file.uri.removeprefix(root): file for file in storage.list_files(root)}
    assert {name: file.size for name, file in files.items()} == {"2024/a.csv": 3, f"2024/01/{ODD_NAME}": 1}
    assert all(begun - 2000 <= file.modified_ms <= time.time() * 1000 + 2000 for file in files.values())


def test_a_folder_that_is_not_there_has_no_files(lake, storage) -> None:
    assert list(storage.list_files(f"s3://{lake.bucket('raw')}/nothing/")) == []


def test_a_file_exists_until_it_is_gone(lake, storage) -> None:
    path = lake.put("raw", f"data/{ODD_NAME}", "abc")
    [listed] = storage.list_files(f"s3://{lake.bucket('raw')}/data/")
    assert storage.exists(listed.uri)
    path.unlink()
    assert not storage.exists(listed.uri)


def test_bytes_are_read_from_where_to_where(lake, storage) -> None:
    content = bytes(range(256)) * 10
    lake.put("raw", "x.bin", content)
    uri = f"s3://{lake.bucket('raw')}/x.bin"
    assert storage.read_bytes(uri, 0, len(content)) == content
    assert storage.read_bytes(uri, 250, 20) == content[250:270]
    assert storage.read_bytes(uri, 5, 0) == b""


def test_reading_beyond_the_end_is_an_error(lake, storage) -> None:
    lake.put("raw", "x.bin", b"abc")
    with pytest.raises(Py4JJavaError, match="xpected read size"):
        storage.read_bytes(f"s3://{lake.bucket('raw')}/x.bin", 0, 4)


@pytest.mark.parametrize("text", ["", "ä€😀\r\nx\n", "x" * 100_000])
def test_text_comes_back_as_it_was_written(lake, storage, text: str) -> None:
    uri = f"s3://{lake.bucket('raw')}/folder/{ODD_NAME}"
    storage.write_text(uri, "what was there before")
    storage.write_text(uri, text)
    assert storage.read_text(uri) == text
    assert (lake.folder("raw") / "folder" / ODD_NAME).read_bytes() == text.encode()


def test_a_file_is_copied_between_buckets_byte_for_byte_over_what_was_there(lake, storage) -> None:
    content = bytes(range(256))
    lake.put("raw", ODD_NAME, content)
    target = lake.put("quality", f"kept/{ODD_NAME}", b"old")
    storage.copy(f"s3://{lake.bucket('raw')}/{ODD_NAME}", f"s3://{lake.bucket('quality')}/kept/{ODD_NAME}")
    assert target.read_bytes() == content
    assert (lake.folder("raw") / ODD_NAME).read_bytes() == content


def test_a_folder_is_removed_whole_and_its_neighbour_stays(lake, storage) -> None:
    lake.put("raw", "a/1/x.csv", "x")
    lake.put("raw", "a/2.csv", "x")
    neighbour = lake.put("raw", "ab/x.csv", "x")
    storage.delete(f"s3://{lake.bucket('raw')}/a/")
    assert not (lake.folder("raw") / "a").exists()
    assert neighbour.exists()
    storage.delete(f"s3://{lake.bucket('raw')}/a/")


def test_contents_are_hashed_by_uri(lake, storage) -> None:
    contents = {f"{number}-{ODD_NAME}": b"x" * number for number in (0, 1, 100_000)}
    for name, content in contents.items():
        lake.put("raw", name, content)
    root = f"s3://{lake.bucket('raw')}/"
    hashes = storage.content_hashes([root + name for name in contents])
    assert hashes == {root + name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    assert storage.content_hashes([]) == {}


def test_a_file_that_is_gone_has_no_hash_and_stops_no_other(lake, storage) -> None:
    lake.put("raw", "there.csv", b"a,b")
    root = f"s3://{lake.bucket('raw')}/"
    hashes = storage.content_hashes([f"{root}gone.csv", f"{root}there.csv"])
    assert hashes == {f"{root}there.csv": hashlib.sha256(b"a,b").hexdigest()}
