"""References: current rows of curated tables as of one snapshot, and files whose values are right or refused."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from pyspark.sql import DataFrame, SparkSession

from etl.contracts import AsOf, Column, Contract, Enrichment, Processing
from etl.errors import ExpressionError, MissingTableError
from etl.pipeline import Pipeline
from etl.transform.enrichment import enrich
from etl.transform.references import References, opened_references

Frame = Callable[..., DataFrame]
Opened = Callable[..., list[Any]]
RATES = Enrichment(
    keys={"currency": "currency"}, columns=("rate", "since"), file="rates.csv",
    types={"rate": "decimal(6,4)", "since": "date"},
)  # fmt: skip
EXPECTED = [("EUR", Decimal("1.0900"), date(2024, 1, 2)), ("USD", Decimal("1.0000"), None)]
CSV = "Currency,Rate,since,note\nEUR,1.09,2024-01-02,x\nUSD,1,,y\n"


@pytest.fixture
def pipeline(start: Callable[..., Pipeline], lake: Any) -> Pipeline:
    """A run whose contracts lie in s3://scripts-…/config/datasets/."""
    return start(contracts_path=f"s3://{lake.bucket('scripts')}/config/datasets/")


@pytest.fixture
def put(lake: Any) -> Callable[[str, bytes | str], Path]:
    """Puts a reference file."""
    return lambda name, content: lake.put("scripts", f"config/reference/{name}", content)


@pytest.fixture
def read(pipeline: Pipeline) -> Opened:
    """Opens one reference of orders and returns its rows in order."""

    def read(enrichment: Enrichment) -> list[Any]:
        contract = Contract("orders", processing=Processing(enrich=(enrichment,)))
        with opened_references(pipeline.spark, pipeline.storage, pipeline.settings, contract, {}) as found:
            return sorted(tuple(row) for row in found.enrichments[0].collect())

    return read


@pytest.fixture
def table(pipeline: Pipeline, frame: Frame) -> Callable[..., str]:
    """Makes a curated table of rows, or appends to it."""

    def make(name: str, schema: str, *rows: tuple[Any, ...]) -> str:
        full_name = pipeline.settings.table(name)
        writer = frame(schema, *rows).writeTo(full_name).using("iceberg")
        if pipeline.spark.catalog.tableExists(full_name):
            writer.append()
        else:
            pipeline.spark.sql(f"create namespace if not exists {full_name.rpartition('.')[0]}")
            writer.create()
        return full_name

    return make


# Files -------------------------------------------------------------------------------------------------------


def test_a_csv_file_beside_the_contracts_is_read_with_standard_names_and_the_types_of_the_enrichment(
    put: Any, read: Opened
) -> None:
    put("rates.csv", CSV)
    assert read(RATES) == EXPECTED


@pytest.mark.parametrize(
    ("name", "content"),
    [("rates.jsonl", '{"currency":"EUR","rate":1.09,"since":"2024-01-02"}\n{"currency":"USD","rate":1}\n'),
     ("rates.json", '[{"currency":"EUR","rate":1.09,"since":"2024-01-02"},{"currency":"USD","rate":1}]'),
     ("rates.csv.gz", gzip.compress(CSV.encode())), ("rates.txt", CSV.replace(",", ";").encode("utf-8-sig")),
     ("rates.csv", CSV.encode("utf-16"))],
)  # fmt: skip
def test_a_file_is_what_its_content_says(put: Any, read: Opened, name: str, content: bytes | str) -> None:
    put(name, content)
    changed = Enrichment(keys=RATES.keys, columns=RATES.columns, file=name, types=RATES.types)
    assert read(changed) == EXPECTED


def test_a_parquet_file_keeps_its_values(put: Any, read: Opened, frame: Frame, tmp_path: Path) -> None:
    rows = frame("Currency string, rate double, since date", ("EUR", 1.09, date(2024, 1, 2)), ("USD", 1.0, None))
    rows.coalesce(1).write.parquet(str(tmp_path / "rates"))
    put("rates.parquet", next((tmp_path / "rates").glob("*.parquet")).read_bytes())
    assert read(Enrichment(keys=RATES.keys, columns=RATES.columns, file="rates.parquet", types=RATES.types)) == EXPECTED


def test_an_excel_sheet_is_read_and_its_copy_removed(
    pipeline: Pipeline, put: Any, read: Opened, tmp_path: Path
) -> None:
    book = Workbook()
    for row in (["Currency", "Rate", "Since"], ["EUR", 1.09, date(2024, 1, 2)], ["USD", 1, None]):
        book.active.append(row)
    book.save(tmp_path / "rates.xlsx")
    put("rates.xlsx", (tmp_path / "rates.xlsx").read_bytes())
    assert read(Enrichment(keys=RATES.keys, columns=RATES.columns, file="rates.xlsx", types=RATES.types)) == EXPECTED
    assert list(pipeline.storage.list_files(f"{pipeline.settings.processed}_staging/")) == []


def test_a_file_may_lie_anywhere(lake: Any, read: Opened) -> None:
    lake.put("elsewhere", "finance/the rates (1).csv", CSV)
    file = f"s3://{lake.bucket('elsewhere')}/finance/the rates (1).csv"
    assert read(Enrichment(keys=RATES.keys, columns=RATES.columns, file=file, types=RATES.types)) == EXPECTED


def test_the_first_line_is_the_header_whatever_it_looks_like(put: Any, read: Opened) -> None:
    put("stores.csv", "1,2\n3,4\n")
    assert read(Enrichment(keys={"c_1": "c_1"}, columns=("c_2",), file="stores.csv")) == [("3", "4")]


def test_text_keeps_its_leading_zeros(put: Any, read: Opened) -> None:
    put("stores.csv", "store,city\n007,Bonn\n")
    assert read(Enrichment(keys={"store": "store"}, columns=("city",), file="stores.csv")) == [("007", "Bonn")]


def test_values_that_do_not_fit_are_counted_by_column(put: Any, read: Opened) -> None:
    put("rates.csv", "currency,rate,since\nEUR,one,2024-01-02\nUSD,two,2024\nGBP,1.27,\nCHF, ,\nDKK,1.23456,\n")
    message = "orders: enrichment from rates.csv: rate: 3 value(s) are no decimal(6,4); since: 1 value(s) are no date; "
    with pytest.raises(ExpressionError, match=f"^{re.escape(message)}"):
        read(RATES)


def test_rows_that_do_not_parse_are_counted(put: Any, read: Opened) -> None:
    put("rates.csv", "currency,rate,since\nEUR,1.09,2024-01-02\nUSD,1,2024-01-02,more,and more\n")
    with pytest.raises(ExpressionError, match=r"^orders: enrichment from rates.csv: 1 row\(s\) do not parse; "):
        read(RATES)


def test_a_missing_column_is_named_with_those_that_are_there(put: Any, read: Opened) -> None:
    put("rates.csv", "currency,Kurs\nEUR,1.09\n")
    with pytest.raises(
        ExpressionError, match=r"^orders: .* rates.csv needs column\(s\) rate, since; the file has curr"
    ):
        read(RATES)


def test_a_missing_file_is_named_with_those_that_are_there(put: Any, read: Opened) -> None:
    put("rate.csv", CSV)
    with pytest.raises(MissingTableError, match=r"^orders: .*: no file 'rates.csv'; s3://.*/reference/ has rate.csv$"):
        read(RATES)


def test_without_any_file_the_message_says_so(read: Opened) -> None:
    with pytest.raises(MissingTableError, match=r"reference/ has no file$"):
        read(RATES)


TRUNCATED = gzip.compress("".join(f"C{n},{n},\n" for n in range(200_000)).encode())[:-1000]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [("rates.csv", "", "empty"), ("rates.parquet", b"PAR1 broken PAR1", "a Parquet file without its footer"),
     ("rates.csv.gz", gzip.compress(b"currency,rate,since\n") + TRUNCATED, "can't be read: ")],
)  # fmt: skip
def test_a_file_that_can_not_be_read_is_named_with_the_reason(
    put: Any, read: Opened, name: str, content: bytes | str, reason: str
) -> None:
    put(name, content)
    with pytest.raises(ExpressionError, match=rf"^orders: enrichment from {name}: .*{reason}"):
        read(Enrichment(keys=RATES.keys, columns=RATES.columns, file=name, types=RATES.types))


def test_a_file_with_two_rows_for_a_key_is_refused(put: Any, read: Opened) -> None:
    put("rates.csv", CSV + "EUR,1.10,2024-02-01,z\n")
    with pytest.raises(
        ExpressionError, match=r'rates.csv: 1 key\(s\) of currency have .*, such as {"currency":"EUR"}; '
    ):
        read(RATES)


def test_a_key_that_is_personal_data_is_not_shown(put: Any, pipeline: Pipeline) -> None:
    put("rates.csv", CSV + "EUR,1.10,2024-02-01,z\n")
    hidden = Contract("orders", (Column("currency", pii="hash"),), processing=Processing(enrich=(RATES,)))
    with (
        pytest.raises(ExpressionError, match=r"1 key\(s\) of currency have several rows; a reference must") as caught,
        opened_references(pipeline.spark, pipeline.storage, pipeline.settings, hidden, {}),
    ):
        pass
    assert "EUR" not in str(caught.value)


def test_versions_of_a_file_are_found_as_of_a_time(pipeline: Pipeline, put: Any, frame: Frame) -> None:
    put("rates.csv", "currency,rate,since,until\nEUR,1.1,,2024-01-01\nEUR,1.2,2024-01-01,\n")
    enrichment = Enrichment(
        keys={"currency": "currency"}, columns=("rate",), file="rates.csv", as_of=AsOf("at", "since", "until"),
        types={"since": "date", "until": "timestamp", "rate": "double"},
    )  # fmt: skip
    contract = Contract("orders", processing=Processing(enrich=(enrichment,)))
    rows = frame("currency string, at timestamp", ("EUR", datetime(2023, 6, 1)), ("EUR", datetime(2024, 1, 1)))
    with opened_references(pipeline.spark, pipeline.storage, pipeline.settings, contract, {}) as found:
        enriched = enrich(rows, enrichment, found.enrichments[0], "orders")
        assert sorted(row["rate"] for row in enriched.collect()) == [1.1, 1.2]


@pytest.mark.parametrize(("threshold", "hinted"), [("10m", True), ("10b", False), ("-1", False)])
def test_a_file_below_sparks_threshold_is_broadcast(
    pipeline: Pipeline, put: Any, spark: SparkSession, threshold: str, hinted: bool
) -> None:
    put("rates.csv", CSV)
    contract = Contract("orders", processing=Processing(enrich=(RATES,)))
    before = spark.conf.get("spark.sql.autoBroadcastJoinThreshold")
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", threshold)
    try:
        with opened_references(spark, pipeline.storage, pipeline.settings, contract, {}) as found:
            plan = found.enrichments[0]._jdf.queryExecution().analyzed().toString()
    finally:
        spark.conf.set("spark.sql.autoBroadcastJoinThreshold", before)
    assert ("strategy=broadcast" in plan) == hinted


# Tables ------------------------------------------------------------------------------------------------------


def references(pipeline: Pipeline, processing: Processing, *contracts: Contract) -> References:
    by_name = {contract.name: contract for contract in contracts}
    orders = Contract("orders", processing=processing)
    with opened_references(pipeline.spark, pipeline.storage, pipeline.settings, orders, by_name) as found:
        return found


CUSTOMERS = Enrichment("customers", {"customer": "id"}, ("name",))


def test_a_table_that_is_not_there_yet_makes_the_batch_wait(pipeline: Pipeline) -> None:
    for processing in (Processing(enrich=(CUSTOMERS,)), Processing(uses=("customers",))):
        with pytest.raises(MissingTableError, match=r"^orders needs customers, whose .* bring files of customers"):
            references(pipeline, processing)


def test_tables_are_read_as_of_the_snapshot_that_they_had_when_they_were_opened(pipeline: Pipeline, table: Any) -> None:
    full_name = table("customers", "id string, name string", ("c", "Ann"))
    found = references(pipeline, Processing(enrich=(CUSTOMERS,), uses=("customers",)))
    table("customers", "id string, name string", ("d", "Dan"))
    assert [row["name"] for row in found.enrichments[0].collect()] == ["Ann"]
    assert [row["name"] for row in found.tables["customers"].collect()] == ["Ann"]
    first = pipeline.spark.table(f"{full_name}.snapshots").orderBy("committed_at").first()
    assert found.snapshots == {"customers": first["snapshot_id"]}
    again = references(pipeline, Processing(uses=("customers",)))
    assert {row["name"] for row in again.tables["customers"].collect()} == {"Ann", "Dan"}


def test_a_table_without_any_snapshot_has_no_rows(pipeline: Pipeline, table: Any) -> None:
    full_name = pipeline.settings.table("customers")
    pipeline.spark.sql(f"create namespace if not exists {full_name.rpartition('.')[0]}")
    pipeline.spark.sql(f"create table {full_name} (id string, name string) using iceberg")
    found = references(pipeline, Processing(enrich=(CUSTOMERS,)))
    assert (found.enrichments[0].count(), found.snapshots) == (0, {})


def test_of_a_table_with_history_the_current_rows_are_seen_and_by_an_as_of_join_all_versions(
    pipeline: Pipeline, table: Any
) -> None:
    schema = "id string, name string, valid_from timestamp, valid_to timestamp, is_current boolean"
    change = datetime(2024, 1, 1)
    table("customers", schema, ("c", "Ann", datetime(2023, 1, 1), change, False), ("c", "Anne", change, None, True))
    versions = Enrichment("customers", {"customer": "id"}, ("name",), as_of=AsOf("at"))
    processing = Processing(enrich=(CUSTOMERS, versions), uses=("customers",))
    found = references(pipeline, processing, Contract("customers", key=("id",), history=True))
    assert [row["name"] for row in found.enrichments[0].collect()] == ["Anne"]
    assert {row["name"] for row in found.enrichments[1].collect()} == {"Ann", "Anne"}
    assert [tuple(row) for row in found.tables["customers"].collect()] == [("c", "Anne")]
