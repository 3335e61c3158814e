"""Personal data through all jobs: treated in curated, and in the clear nowhere but in processed and quarantine."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from etl.contracts import Column, Contract, Derived, Processing
from etl.discovery import SourceFile
from etl.errors import DatasetsFailedError
from etl.hiding import (
    HIDDEN,
    HIDDEN_LINE,
    shape,
    shown_files,
    shown_message,
    shown_profile,
    shown_reason,
    shown_rows,
    shown_samples,
)
from etl.quarantine import RefusedFile
from etl.transform.privacy import keys_frame, resolved
from shop import ALL, INGEST, PROCESS, Shop
from spark_lacks import told_otherwise

SECRET = "a-secret-of-more-than-thirty-two-characters"
PEOPLE: dict[str, Any] = {
    "name": "people",
    "source": {"patterns": ["people*"]},
    "key": ["id"],
    "event_time": "at",
    "order_by": ["at"],
    "columns": [
        {"name": "id", "type": "string", "required": True, "pii": "hash"},
        {"name": "mail", "type": "string", "required": True, "aliases": ["e_mail"], "pii": "tokenise"},
        {"name": "card", "type": "string", "pii": "mask"},
        {"name": "born", "type": "date", "pii": "drop"},
        {"name": "visits", "type": "int", "required": True},
        {"name": "at", "type": "timestamp"},
    ],
    "processing": {
        "derive": [{"name": "whole", "expression": "concat(id, mail)", "pii": "hash"}],
        "rules": [{"name": "visited", "condition": "visits > 0"}],
    },
    "quality": {"rules": 'Rules = [ RowCount > 0, IsUnique "id", ColumnLength "mail" > 100, IsComplete "born" ]'},
}
HEADER = "id,e_mail,card,born,visits,at"
ROWS = (
    "id-ada,ada@example.com,4111111111111111,1815-12-10,3,2024-01-15T10:00:00Z",
    "id-bob,bob@example.com,4222222222222222,born-never,5,2024-01-15T10:00:00Z",
    # Refused by ingestion: a missing address, a value that shifted, a line that does not parse, an earlier version.
    "id-cyd,,4333333333333333,1815-12-11,3,2024-01-15T10:00:00Z",
    "id-dan,dan@example.com,4444444444444444,1815-12-12,Dan Smith,2024-01-15T10:00:00Z",
    "id-eve,eve@example.com,4555555555555555,1815-12-13,3,2024-01-15T10:00:00Z,Eve Smith",
    "id-ada,ada@earlier.example,4666666666666666,1815-12-10,3,2024-01-14T10:00:00Z",
    # Refused by processing.
    "id-fay,fay@example.com,4777777777777777,1815-12-14,0,2024-01-15T10:00:00Z",
)
CLEAR = (
    *("id-ada", "id-bob", "id-cyd", "id-dan", "id-eve", "id-fay", "@example", "@earlier", "Dan Smith", "Eve Smith"),
    *("1815-12", "born-never", "411111", "422222", "433333", "444444", "455555", "466666", "477777", "Gus"),
)


@pytest.fixture
def people(shop: Shop) -> Shop:
    shop.contract(**PEOPLE)
    shop.drop("people-1.csv", *ROWS, header=HEADER, dataset="people")
    return shop


@pytest.fixture
def arn(people: Shop) -> str:
    return str(boto3.client("secretsmanager").create_secret(Name="pii", SecretString=SECRET)["ARN"])


@pytest.fixture
def spark_log(spark: SparkSession) -> Iterator[Callable[[], str]]:
    """What Spark writes into its log meanwhile: on Glue, that is CloudWatch."""
    jvm: Any = spark._jvm
    text = jvm.java.io.StringWriter()
    log4j = jvm.org.apache.logging.log4j
    appender = log4j.core.appender.WriterAppender.newBuilder().setTarget(text).setName("test").build()
    appender.start()
    root = log4j.LogManager.getRootLogger()
    root.addAppender(appender)
    spark.sparkContext.setLogLevel("INFO")
    yield lambda: str(text.toString())
    spark.sparkContext.setLogLevel("ERROR")
    root.removeAppender(appender)


def _found(*texts: str) -> list[str]:
    return [clear for clear in (*CLEAR, SECRET) if any(clear.lower() in text.lower() for text in texts)]


def _told(people: Shop) -> list[str]:
    """All of the quality bucket but the quarantine, all messages, and the state table."""
    kept = [name for name in people.files("quality") if not name.startswith("quarantine/")]
    files = [text for name in kept for text in people.text("quality", name)]
    state = boto3.resource("dynamodb").Table("state").scan()["Items"]
    return [*files, *map(str, people.notifications()), str(state)]


def test_nothing_in_the_clear_is_told_by_reports_messages_logs_or_the_state(
    people: Shop, arn: str, caplog: pytest.LogCaptureFixture, spark_log: Callable[[], str]
) -> None:
    caplog.set_level(logging.INFO)
    # A header that is a row of data; a JSON file whose text an error message would repeat.
    people.drop("people-2.csv", *ROWS[:1], header="Gus,gus@example.com,1,2,3,4,5", dataset="people")
    people.drop("people-3.json", '{"id": "id-ada", "mail": Gus@example.com}', header="[", dataset="people")
    pipeline = people.run(*ALL, pii_secret=arn)
    counts = people.batches("people")[0]
    assert (counts["rows_read"], counts["rows_refused"], counts["files_refused"]) == (7, 4, 2)
    assert (counts["rows_curated"], counts["rows_rejected"]) == (2, 1)
    told = _told(people)
    assert any("visits: not a int" in text for text in told)
    assert _found(*told) == []
    assert _found(caplog.text) == []
    assert _found(spark_log()) == []
    # Of the treated values, too, a report shows none: each is still one person's.
    assert any('"failed_rows": 2' in text for text in told), "a rule of which samples are shown"
    treated = pipeline.spark.table(pipeline.settings.table("people")).select("id", "mail", "card", "whole")
    values = [value for row in treated.collect() for value in row]
    assert [value for value in values if any(value in text for text in told)] == []


def test_curated_holds_treated_values_only(people: Shop, arn: str, spark: SparkSession) -> None:
    pipeline = people.run(INGEST, PROCESS, pii_secret=arn)
    table = spark.table(pipeline.settings.table("people"))
    assert "born" not in table.columns
    rows = table.orderBy("card").collect()
    assert [row["card"] for row in rows] == ["xxxxxxxxxxxx1111", "xxxxxxxxxxxx2222"]
    assert [len(row["id"]) for row in rows] == [len(row["whole"]) for row in rows] == [64, 64]
    assert [row["_rescued_data"] for row in rows] == [None, None]
    assert _found(*map(str, rows)) == []
    mails = resolved(table.select("mail"), "mail", keys_frame(spark, SECRET)).collect()
    assert sorted(row["mail"] for row in mails) == ["ada@example.com", "bob@example.com"]


def test_a_key_that_is_hashed_still_finds_its_row(people: Shop, arn: str) -> None:
    people.run(INGEST, PROCESS, pii_secret=arn)
    later = "id-ada,ada@later.example,4888888888888888,1815-12-10,9,2024-01-16T10:00:00Z"
    people.drop("people-4.csv", later, header=HEADER, dataset="people")
    pipeline = people.run(INGEST, PROCESS, pii_secret=arn)
    rows = pipeline.spark.table(pipeline.settings.table("people")).select("card", "visits").collect()
    assert sorted(map(tuple, rows)) == [("xxxxxxxxxxxx2222", 5), ("xxxxxxxxxxxx8888", 9)]


def test_the_quarantine_keeps_the_rows_as_they_came(people: Shop, arn: str) -> None:
    people.run(INGEST, PROCESS, pii_secret=arn)
    records = [row["record"] for row in people.quarantine("people")]
    assert sum("dan@example.com" in record for record in records) == 1
    assert sum("fay@example.com" in record for record in records) == 1


def test_a_run_without_the_secret_fails_before_anything_is_written(people: Shop) -> None:
    people.run(INGEST)
    with pytest.raises(DatasetsFailedError, match=r"people: SecretError: .*--pii_secret with the ARN"):
        people.run(PROCESS)
    assert people.files("curated") == {}
    assert people.states("people") == ["INGESTED"]


CONTRACT = Contract(
    "people", columns=(Column("mail", aliases=("e_mail",), pii="hash"), Column("city"), Column("n", "int"))
)
PLAIN = Contract("cities", columns=(Column("city"),))


def _sample(record: str, contract: Contract = CONTRACT) -> Any:
    return shown_samples([{"reason": "r", "record": record}], contract)[0]["record"]


def test_samples_show_shapes_of_values_and_nothing_of_personal_ones() -> None:
    record = {"e_mail": "ada@example.com", "city": "Zürich 8001", "n": 12, "ada_lovelace": "x", "bob": "y"}
    shown = json.loads(_sample(json.dumps(record)))
    assert shown == {"e_mail": HIDDEN, "city": "aaaaaa 9999", "n": "99", "(2 more)": HIDDEN}


@pytest.mark.parametrize("line", ["ada@example.com,1,2", '"ada@example.com"', "[1]", "{", "[" * 100_000])
def test_a_line_that_does_not_parse_is_hidden(line: str) -> None:
    assert _sample(line) == HIDDEN_LINE


def test_datasets_without_personal_data_are_shown_as_they_are() -> None:
    assert _sample('{"city": "Rome"}', PLAIN) == '{"city": "Rome"}'
    refused = RefusedFile(SourceFile.__new__(SourceFile), "not valid JSON: Unrecognized token 'Rome'")
    assert shown_files([refused], PLAIN) == [refused]
    assert shown_files([refused], CONTRACT)[0].reason == "not valid JSON: Unrecognized token '…'"


REPORTED = Contract(
    "people",
    columns=(Column("mail", aliases=("e_mail",), pii="hash"), Column("city")),
    processing=Processing(derive=(Derived("initials", "left(city, 1)", pii="mask"), Derived("size", "length(city)"))),
)


def test_sample_rows_hide_marked_columns_derived_ones_aliases_and_what_could_not_be_read() -> None:
    row = {"mail": "9f", "e_mail": "9f", "city": "Rome", "initials": "x", "size": 4, "_rescued_data": "{}", "n": None}
    shown = {"mail": HIDDEN, "e_mail": HIDDEN, "city": "Rome", "initials": HIDDEN, "size": 4, "_rescued_data": HIDDEN}
    assert shown_rows([row], REPORTED) == [{**shown, "n": None}]
    assert shown_rows([{"mail": None}], REPORTED) == [{"mail": None}]
    assert shown_rows([row], PLAIN) == [row]


def test_profiles_show_counts_of_marked_columns_and_no_value() -> None:
    entry = {
        "column": "mail", "type": "string", "rows": 9, "nulls": 1, "distinct": 8, "min": "0a", "max": "9f", "mean": 1.0,
        "stddev": 1.0, "quantiles": {"p50": 1.0}, "histogram": [{"from": 0, "to": 1, "rows": 9}],
        "top": [{"value": "9f", "rows": 1, "share": 0.1}], "patterns": [{"pattern": "9a", "rows": 9, "share": 1.0}],
        "sampled": None,
    }  # fmt: skip
    counts = {"column": "mail", "type": "string", "rows": 9, "nulls": 1, "distinct": 8, "sampled": None}
    nothing = {"mean": None, "stddev": None, "quantiles": None, "histogram": None, "top": [], "patterns": []}
    assert shown_profile([entry], REPORTED) == [{**counts, **nothing, "min": HIDDEN, "max": HIDDEN}]
    assert shown_profile([{**entry, "min": None, "max": None}], REPORTED)[0]["min"] is None
    city = {**entry, "column": "city"}
    assert shown_profile([city], REPORTED) == [city]


def test_errors_of_rules_name_columns_and_repeat_no_value() -> None:
    message = "the value 'ada@example.com' of 'city' can't be cast to \"INT\""
    assert shown_message(message, REPORTED, ["city"]) == "the value '…' of 'city' can't be cast to '…'"
    assert shown_message(message, PLAIN, ["city"]) == message


def test_shapes_keep_what_tells_formats_apart() -> None:
    assert shape("-12,50 EUR\t2024-01-15T10:00Z ½ é 李") == "-99,99 aaa\t9999-99-99a99:99a 9 a a"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "no column of the header Ada, a@b.c … is in the contract (id …)",
            "no column of the header {} is in the contract (id …)",
        ),
        (
            "can't be read: org.apache.spark.SparkException: bad [ada]",
            "can't be read: org.apache.spark.SparkException: {}",
        ),
        (
            "the gzip data ends too early (was the upload cut off?)",
            "the gzip data ends too early (was the upload cut off?)",
        ),
    ],
)
def test_reasons_repeat_nothing_of_a_file(reason: str, shown: str) -> None:
    assert shown_reason(reason) == shown.format(HIDDEN)


@told_otherwise
def test_the_log_of_this_test_would_show_a_value(
    spark: SparkSession, spark_log: Callable[[], str], tmp_path: Any
) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2,ada@example.com\n")
    with pytest.raises(Py4JError):
        spark.read.schema("a string").options(header=True, mode="FAILFAST").csv(str(tmp_path)).collect()
    assert _found(spark_log()) == ["@example"]
