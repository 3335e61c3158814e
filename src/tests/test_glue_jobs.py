"""The three jobs' flows on real files: Spark and the buckets are real, DynamoDB and the other services are moto's.

Every comparison is of multisets of rows: nothing lost, nothing twice.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from etl import attempt
from etl.contracts import parse_contracts
from etl.duplicates import DUPLICATE_REASON
from etl.errors import ContractError, DatasetsFailedError
from etl.ledger import CHECKED, INGESTED, PLANNED, PROCESSED
from etl.reading.batch_files import GONE, BatchReader
from etl.standardise import UNPARSED
from shop import ALL, CHECK, INGEST, ORDERS, PROCESS, Shop
from utils.glue_utils import Storage

# New work and known work -------------------------------------------------------------------------------------


def test_running_every_job_again_changes_nothing_and_writes_nothing(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,-1,2024-01-15", "3,x,2024-01-16", ",1,2024-01-16")
    shop.run(*ALL)
    before = [shop.rows("orders", without=()), shop.rows("daily_orders"), shop.batches(), shop.refused()]
    written = [shop.files(bucket) for bucket in ("processed", "quality")]
    versions = shop.versions("orders")
    shop.run(*ALL)
    assert [shop.rows("orders", without=()), shop.rows("daily_orders"), shop.batches(), shop.refused()] == before
    assert [shop.files(bucket) for bucket in ("processed", "quality")] == written
    assert shop.versions("orders") == versions


def test_a_file_that_comes_again_with_the_same_content_is_no_new_work(shop: Shop) -> None:
    path = shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST)
    shop.drop("a.csv", "1,5,2024-01-15")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    shop.run(INGEST)
    assert len(shop.batches()) == 1


def test_a_file_that_comes_again_with_other_content_is_new_work(shop: Shop) -> None:
    path = shop.drop("a.csv", "1,5,2024-01-15", "2,5,2024-01-15")
    shop.run(INGEST)
    shop.drop("a.csv", "1,6,2024-01-16")
    os.utime(path, (2_000_000_000, 2_000_000_000))
    shop.run(INGEST, PROCESS)
    assert [int(batch["rows_read"]) for batch in shop.batches()] == [2, 1]
    assert {row[:2] for row in shop.rows()} == {("1", "6.00"), ("2", "5.00")}


def test_a_file_in_the_folder_of_another_name_or_of_none_finds_its_dataset(shop: Shop, lake: Any) -> None:
    lake.put("raw", "data/incoming/2024/01/15/orders-7.csv", "id,amount,at\n1,5,2024-01-15\n")
    shop.run(INGEST)
    assert shop.states() == [INGESTED]


def test_two_runs_after_each_other_take_a_chunk_of_files_each_into_a_batch(shop: Shop) -> None:
    for number in range(3):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-15")
    shop.run(INGEST, PROCESS, max_files_per_batch="2")
    assert [int(batch["files"]) for batch in shop.batches()] == [2, 1]
    assert shop.keys() == Counter("012")


def test_a_run_limited_to_one_dataset_leaves_the_others_alone(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.drop("a.csv", "1", header="id", dataset="other")
    shop.run(INGEST, dataset="other")
    assert (shop.states("orders"), shop.states("other")) == ([], [INGESTED])


# Reading quickly ---------------------------------------------------------------------------------------------


def test_rows_that_do_not_parse_are_refused_one_by_one_and_the_next_batch_expects_them(shop: Shop) -> None:
    def ragged() -> Any:
        return (shop.open().ledger.get("dataset", "orders") or {}).get("ragged")

    shop.drop("a.csv", "1,5,2024-01-15", "2,5", "3,5,2024-01-15,more", "4,5,2024-01-15")
    shop.run(INGEST)
    assert (shop.refused(), ragged()) == (Counter({(UNPARSED, "2,5"): 1, (UNPARSED, "3,5,2024-01-15,more"): 1}), True)
    shop.drop("b.csv", "5,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert (shop.keys(), ragged()) == (Counter("145"), False)
    shop.drop("c.csv", "6", "7,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert (shop.keys(), len(shop.quarantine())) == (Counter("1457"), 3)


def test_a_broken_file_beside_rows_that_do_not_parse_costs_only_itself(shop: Shop, lake: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,5")
    whole = gzip.compress(b"id,amount,at\n3,5,2024-01-15\n" + b"4,5,2024-01-15\n" * 20_000)
    lake.put("raw", "data/incoming/orders/2024/01/15/cut.csv.gz", whole[:-20])
    shop.run(INGEST, PROCESS)
    [batch] = shop.batches()
    assert (shop.keys(), int(batch["files_refused"]), shop.refused()) == (Counter("1"), 1, Counter([(UNPARSED, "2,5")]))


# Files that change under our hands ---------------------------------------------------------------------------


def test_a_file_that_was_gone_when_it_was_to_be_read_is_new_again_when_it_comes_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, look_at = shop.drop("a.csv", "1,5,2024-01-15"), BatchReader.look_at
    shop.drop("b.csv", "2,5,2024-01-15")

    def late(reader: BatchReader, files: Any) -> Any:
        path.unlink()
        return look_at(reader, files)

    with monkeypatch.context() as patch:
        patch.setattr(BatchReader, "look_at", late)
        shop.run(INGEST, PROCESS)
    assert (shop.keys(), shop.batches()[0]["file_reasons"][0].endswith(GONE)) == (Counter("2"), True)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert shop.keys() == Counter("12")


def replacing(monkeypatch: pytest.MonkeyPatch, replace: Callable[[], None], times: int) -> None:
    """Let the file be replaced while a batch is read, so often."""
    real, left = attempt.write_batch, iter(range(times))

    def write(*arguments: Any) -> Any:
        counts = real(*arguments)
        if next(left, None) is not None:
            replace()
        return counts

    monkeypatch.setattr(attempt, "write_batch", write)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again_and_counted_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,5,2024-01-15", ",refused,")
    shop.drop("b.csv", "9,5,2024-01-15")
    replacing(monkeypatch, lambda: shop.drop("a.csv", "1,6,2024-01-15") and None, times=1)
    shop.run(INGEST, PROCESS)
    assert {row[:2] for row in shop.rows()} == {("1", "6.00"), ("9", "5.00")}
    assert shop.quarantine() == []
    shop.run(INGEST)
    assert len(shop.batches()) == 1


def test_a_file_that_changes_in_every_reading_fails_the_run_and_the_next_one_takes_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,0,2024-01-15")
    versions = iter(range(1, 100))
    replacing(monkeypatch, lambda: shop.drop("a.csv", f"1,{10 ** next(versions)},2024-01-15") and None, times=3)
    with pytest.raises(DatasetsFailedError, match="its files changed during each of 3 readings"):
        shop.run(INGEST)
    assert shop.states() == [PLANNED]
    shop.run(INGEST, PROCESS)
    assert {row[:2] for row in shop.rows()} == {("1", "1000.00")}


def test_a_file_that_is_replaced_and_then_taken_away_while_it_is_read_is_counted_as_it_was_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.drop("a.csv", "1,5,2024-01-15")
    replacing(monkeypatch, lambda: shop.drop("a.csv", "1,6,2024-01-15") and None, times=1)
    real = Storage.content_hashes

    def gone_when_hashed_again(self: Storage, uris: list[str]) -> dict[str, str]:
        if shop.states() == [PLANNED]:
            path.unlink()
        return real(self, uris)

    monkeypatch.setattr(Storage, "content_hashes", gone_when_hashed_again)
    shop.run(INGEST, PROCESS)
    assert {row[:2] for row in shop.rows()} == {("1", "5.00")}


def test_a_broken_file_is_kept_whole_with_its_reason_and_the_others_go_on(shop: Shop, lake: Any) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    lake.put("raw", "data/incoming/orders/2024/01/15/b.parquet", b"PAR1 cut off")
    shop.run(INGEST, PROCESS)
    assert shop.keys() == Counter("1")
    [listing] = shop.text("quality", "quarantine/orders/*/files.json")
    [entry] = json.loads(listing)
    assert "cut off" in entry["reason"]
    assert shop.text("quality", "quarantine/orders/*/files/data/incoming/orders/2024/01/15/b.parquet") == [
        "PAR1 cut off"
    ]


def test_a_batch_of_broken_files_only_goes_through_all_jobs(shop: Shop, lake: Any) -> None:
    lake.put("raw", "data/incoming/orders/2024/01/15/b.parquet", b"PAR1 cut off")
    shop.run(*ALL)
    assert shop.states() == [CHECKED]


@pytest.mark.parametrize(
    ("name", "content", "read"),
    [("a.csv", "id,amount,at\n", 0), ("a.json", "[]", 0), ("a.csv", "id,amount,at\n,5,\n,6,\n", 2)],
    ids=["header only", "empty array", "all refused"],
)
def test_a_batch_that_writes_no_row_goes_through_all_jobs(
    shop: Shop, lake: Any, name: str, content: str, read: int
) -> None:
    lake.put("raw", f"data/incoming/orders/2024/01/15/{name}", content)
    shop.run(*ALL)
    [batch] = shop.batches()
    assert (batch["status"], batch["rows_read"], batch["rows_refused"]) == (CHECKED, read, read)


# Datasets without a contract ---------------------------------------------------------------------------------


def test_a_dataset_without_a_contract_is_curated_with_inferred_types(shop: Shop) -> None:
    shop.drop("a.csv", "007,1.5,2024-01-15,1999", "8,2,2024-01-16,2001", header="Code,Price,Day,Year", dataset="things")
    shop.run(*ALL)
    assert shop.states("things") == [CHECKED]
    found = {row[:4] for row in shop.rows("things")}
    assert found == {("007", "1.5000", "2024-01-15", "1999"), ("8", "2.0000", "2024-01-16", "2001")}


def test_the_contract_suggested_for_a_dataset_is_valid(shop: Shop) -> None:
    shop.drop("a.csv", "007,1.5,2024-01-15,1999", header="Code,Price,Day,Year", dataset="things")
    shop.run(INGEST)
    [text] = shop.text("quality", "reports/things/suggested_contract.yml")
    columns = parse_contracts({"things.yml": text})["things"].columns
    expected = [("code", "string"), ("price", "decimal(18,4)"), ("source_day", "date"), ("source_year", "long")]
    assert [(column.name, column.type) for column in columns] == expected


def test_later_batches_are_held_to_the_inferred_types(shop: Shop) -> None:
    shop.drop("a.csv", "1", header="n", dataset="things")
    shop.run(INGEST)
    shop.drop("b.csv", "two", header="n", dataset="things")
    shop.run(INGEST, PROCESS)
    assert {row[0:4:3] for row in shop.rows("things")} == {("1", "None"), ("None", '{"n":"two"}')}


# Datasets that fail ------------------------------------------------------------------------------------------


def test_a_dataset_that_fails_stops_no_other_and_its_batch_waits(shop: Shop) -> None:
    rule = {"name": "wrong", "condition": "amuont > 0"}
    shop.contract(name="broken", processing={"rules": [rule]}, source={"patterns": ["broken*"]})
    for dataset in ("broken", "orders"):
        shop.drop("a.csv", "1,5,2024-01-15", dataset=dataset)
    shop.run(INGEST)
    with pytest.raises(DatasetsFailedError) as caught:
        shop.run(PROCESS)
    assert list(caught.value.failures) == ["broken"]
    assert "broken: rule 'wrong': 'amuont > 0' does not compile" in caught.value.failures["broken"]
    assert (shop.states("broken"), shop.states("orders")) == ([INGESTED], [PROCESSED])


def test_a_wrong_contract_fails_the_run_before_anything_is_written(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.contract(name="other", key=["nope"])
    for stage in ALL:
        with pytest.raises(ContractError, match=r"other.yml: key: no column 'nope'"):
            shop.run(stage)
    assert (shop.batches(), shop.files("processed"), shop.files("quality")) == ([], {}, {})


def test_a_batch_waits_for_the_table_that_it_is_enriched_from(shop: Shop) -> None:
    enrich = [{"dataset": "products", "keys": {"id": "id"}, "columns": ["price"], "how": "inner"}]
    shop.contract(processing={"enrich": enrich})
    columns = [*ORDERS["columns"][:1], {"name": "price", "type": "int"}]
    shop.contract(name="products", source=None, columns=columns, event_time=None, order_by=None, processing=None)
    shop.drop("a.csv", "1,5,2024-01-15", "2,5,2024-01-15")
    with pytest.raises(DatasetsFailedError, match=r"orders: .*needs products, whose curated table"):
        shop.run(INGEST, PROCESS)
    assert shop.states() == [INGESTED]
    shop.drop("a.csv", "1,3", header="id,price", dataset="products")
    shop.run(INGEST, PROCESS)
    assert shop.keys() == Counter("1")
    assert [(row["reason"], json.loads(row["record"])["id"]) for row in shop.quarantine()] == [
        ("id: no match in products", "2")
    ]


def test_a_table_that_cannot_take_a_changed_contract_is_left_as_it_is(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    before = shop.rows()
    shop.contract(columns=[*ORDERS["columns"][:1], {"name": "amount", "type": "string"}, ORDERS["columns"][2]])
    shop.drop("b.csv", "2,5,2024-01-15")
    with pytest.raises(DatasetsFailedError, match=r"TableSchemaError: .*amount is decimal"):
        shop.run(INGEST, PROCESS)
    assert shop.rows() == before
    assert shop.states() == [PROCESSED, INGESTED]


def test_duplicates_are_found_in_rows_with_maps_which_spark_can_not_hash(shop: Shop, lake: Any) -> None:
    columns = [*ORDERS["columns"], {"name": "tags", "type": "map<string,int>"}]
    shop.contract(columns=columns, processing={"derive": [{"name": "id", "expression": "upper(id)"}]})
    rows = [{"id": key, "amount": 1, "at": "2024-01-01", "tags": {"x": tag}} for key, tag in ("a1", "a2", "A3")]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    lake.put("raw", "data/incoming/orders/2024/01/15/a.jsonl", text)
    shop.run(INGEST, PROCESS)
    assert shop.keys() == Counter("A")
    assert [json.loads(row["record"])["id"] for row in shop.quarantine()] in (["a", "a"], ["a", "A"])
    assert {row["reason"] for row in shop.quarantine()} == {DUPLICATE_REASON}


# Processing --------------------------------------------------------------------------------------------------


def test_a_row_that_moves_to_another_day_leaves_the_aggregate_of_the_day_before(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,7,2024-01-15", "3,1,2024-01-20")
    shop.run(INGEST, PROCESS)
    shop.drop("b.csv", "1,6,2024-01-16", "3,2,2024-01-21")
    shop.run(INGEST, PROCESS)
    days = [("2024-01-15", "1", "7.00"), ("2024-01-16", "1", "6.00"), ("2024-01-21", "1", "2.00")]
    assert shop.rows("daily_orders") == Counter(days)


def test_a_late_older_row_changes_neither_the_table_nor_the_aggregate(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-16")
    shop.run(INGEST, PROCESS)
    before = shop.rows("daily_orders")
    shop.drop("b.csv", "1,4,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert {row[:2] for row in shop.rows()} == {("1", "5.00")}
    assert shop.rows("daily_orders") == before


def test_a_column_that_a_source_adds_reaches_the_curated_table(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    shop.drop("b.csv", "2,5,2024-01-15,hello", header="id,amount,at,note")
    pipeline = shop.run(INGEST, PROCESS)
    table = pipeline.spark.table(pipeline.settings.table("orders"))
    assert {(row["id"], row["note"]) for row in table.collect()} == {("1", None), ("2", "hello")}


# Quality -----------------------------------------------------------------------------------------------------

HARD: dict[str, Any] = {"rules": 'Rules = [ RowCount > 100, IsComplete "id" ]', "threshold": 90}


def test_the_report_is_there_as_json_and_html_with_score_and_refused_rows(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", "2,-1,2024-01-15", ",1,2024-01-15")
    shop.run(*ALL)
    [report], [page] = (shop.text("quality", f"reports/orders/*/*/*/jr_*.{kind}") for kind in ("json", "html"))
    content = json.loads(report)
    assert content["dataset"] == "orders"
    assert "RowCount" in report
    assert "rule positive: amount &gt; 0" in page
    assert "id: required value is missing" in report
    [batch] = shop.batches()
    assert (float(batch["score"]), batch["report"].endswith(".html")) == (100.0, True)


def test_a_score_below_the_threshold_is_told_once_and_does_not_fail_the_run(shop: Shop) -> None:
    shop.contract(quality=HARD)
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(*ALL)
    shop.run(*ALL)
    [(subject, message)] = shop.notifications()
    assert "quality of orders is " in subject
    assert "RowCount > 100" in message
    assert shop.states() == [CHECKED]


def test_a_breach_of_a_dataset_that_halts_fails_the_run_with_everything_reported(shop: Shop) -> None:
    shop.contract(quality={**HARD, "on_breach": "halt"})
    shop.drop("a.csv", "1,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    with pytest.raises(DatasetsFailedError, match=r"orders: QualityHaltError: score .* is below 90 .on_breach: halt."):
        shop.run(CHECK)
    assert shop.states() == [CHECKED]
    assert len(shop.text("quality", "reports/orders/*/*/*/jr_*.html")) == 1
    assert len(shop.notifications()) == 1


def test_refused_rows_are_told_once_with_their_reasons(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", ",5,2024-01-15")
    shop.run(INGEST, INGEST)
    [(subject, message)] = shop.notifications()
    assert "orders: 1 row(s), 0 file(s) refused" in subject
    assert "1 row(s): id: required value is missing" in message


def test_the_run_of_each_stage_is_written_down_with_its_end_and_its_numbers(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", ",5,2024-01-15")
    ledger = shop.run(*ALL).ledger
    [[ingested], [processed], [checked]] = (ledger.items(f"run#{stage}") for stage, _ in ALL)
    assert {run["status"] for run in (ingested, processed, checked)} == {"SUCCEEDED"}
    assert ingested["totals"].items() >= {"files": 1, "rows_in": 2, "rows_out": 1, "rows_refused": 1}.items()
    assert processed["totals"] == {"rows_in": 1, "rows_out": 1, "rows_refused": 0}
    assert [(each["dataset"], each["score"]) for each in checked["checks"]] == [("orders", 100)]
