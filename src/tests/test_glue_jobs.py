"""The three jobs' flows on real files: Spark and the buckets are real, DynamoDB and the other services are moto's.

Every comparison is of multisets of rows: nothing lost, nothing twice.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import boto3
import fastavro
import pyarrow.orc
import pyarrow.parquet
import pytest
import yaml
from moto.sns.models import sns_backends
from pyspark.sql import SparkSession

from etl import ingestion, processing, quality
from etl.alerts import Alerts
from etl.catalog import Catalog
from etl.contracts import parse_contracts
from etl.errors import ContractError, DatasetsFailedError
from etl.ledger import CHECKED, INGESTED, PLANNED, PROCESSED, Ledger
from etl.names import standard_name
from etl.pipeline import Pipeline, run_stage
from etl.standardise import DUPLICATE_REASON

SAMPLE = Path(__file__).parents[2] / "sample-data"
INGEST = (ingestion.STAGE, ingestion.ingest)
PROCESS = (processing.STAGE, processing.process)
CHECK = (quality.STAGE, quality.check)
ALL = (INGEST, PROCESS, CHECK)
# What differs between two runs that did the same.
OF_THE_RUN = ("_batch_id", "_ingested_at")
ORDERS: dict[str, Any] = {
    "name": "orders",
    "source": {"patterns": ["orders*"]},
    "key": ["id"],
    "event_time": "at",
    "order_by": ["at"],
    "columns": [
        {"name": "id", "type": "string", "required": True},
        {"name": "amount", "type": "decimal(12,2)"},
        {"name": "at", "type": "timestamp"},
    ],
    "processing": {
        "rules": [{"name": "positive", "condition": "amount > 0"}],
        "aggregates": [{"name": "daily_orders", "measures": {"n": "count(*)", "total": "sum(amount)"}}],
    },
    "quality": {"rules": "Rules = [ RowCount > 0 ]"},
}


class Shop:
    """Small datasets on the test's buckets: put contracts and files, run jobs, look at the result."""

    def __init__(self, start: Callable[..., Pipeline], lake: Any, spark: SparkSession) -> None:
        self._start, self._lake, self._spark = start, lake, spark
        lake.folder("scripts")

    def contract(self, **fields: Any) -> None:
        """Publish the contract of orders with other fields; one that is None is left out."""
        document = {name: value for name, value in {**ORDERS, **fields}.items() if value is not None}
        self._lake.put("scripts", f"config/{document['name']}.yml", yaml.safe_dump(document))

    def drop(self, name: str, *lines: str, header: str = "id,amount,at", dataset: str = "orders") -> Path:
        """Put a CSV file into raw."""
        text = "".join(f"{line}\n" for line in (header, *lines))
        return self._lake.put("raw", f"data/incoming/{dataset}/2024/01/15/{name}", text)

    def run(self, *stages: tuple[str, Any], **arguments: str) -> Pipeline:
        """Run jobs one after the other, each as a run of its own."""
        for stage, work in stages:
            pipeline = self.open(**arguments)
            run_stage(pipeline, stage, work)
        return pipeline

    def open(self, **arguments: str) -> Pipeline:
        arguments.setdefault("contracts_path", f"s3://{self._lake.bucket('scripts')}/config/")
        return self._start(**arguments)

    def batches(self, dataset: str = "orders") -> list[dict[str, Any]]:
        return self.open().ledger.items(f"batch#{dataset}")

    def states(self, dataset: str = "orders") -> list[str]:
        return [batch["status"] for batch in self.batches(dataset)]

    def rows(self, table: str = "orders", without: tuple[str, ...] = OF_THE_RUN) -> Counter[tuple[Any, ...]]:
        """A curated table as a multiset."""
        frame = self._spark.table(self.open().settings.table(table)).drop(*without)
        return Counter(tuple(map(str, row)) for row in frame.collect())

    def keys(self, table: str = "orders") -> Counter[str]:
        return Counter(row[0] for row in self.rows(table).elements())

    def versions(self, table: str) -> int:
        return self._spark.table(f"{self.open().settings.table(table)}.snapshots").count()

    def quarantine(self, dataset: str = "orders") -> list[dict[str, Any]]:
        """The refused rows."""
        folder = self._lake.folder("quality") / "quarantine" / dataset
        files = folder.glob("batch_id=*/rows/stage=*/*.json")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def refused(self, dataset: str = "orders") -> Counter[tuple[str, str]]:
        return Counter((row["reason"], row["record"]) for row in self.quarantine(dataset))

    def files(self, bucket: str) -> dict[str, int]:
        """Every object of a bucket with its time of writing."""
        root = self._lake.folder(bucket)
        return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    def text(self, bucket: str, pattern: str) -> list[str]:
        return [path.read_text() for path in sorted(self._lake.folder(bucket).glob(pattern))]

    def notifications(self) -> list[tuple[str, str]]:
        """Subject and text of what SNS was given."""
        topic = sns_backends["123456789012"]["us-east-1"].topics[self.open().settings.alerts_topic_arn]
        return [(subject, message) for _, message, subject, *_ in topic.sent_notifications]


@pytest.fixture
def shop(start: Callable[..., Pipeline], lake: Any, spark: SparkSession) -> Shop:
    """The contract of orders is there, and no file yet."""
    shop = Shop(start, lake, spark)
    shop.contract()
    return shop


# The sample --------------------------------------------------------------------------------------------------


def sample_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a sample file under standard names, read without Spark; a ragged CSV row has the cells it has."""
    return [{standard_name(name): value for name, value in row.items()} for row in rows_as_they_are(path)]


def rows_as_they_are(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        header, *lines = csv.reader(path.read_text().splitlines(keepends=True))
        return [dict(zip(header, line, strict=False)) for line in lines]
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if path.suffix == ".avro":
        with path.open("rb") as file:
            return list(fastavro.reader(file))
    reader = pyarrow.parquet.read_table if path.suffix == ".parquet" else pyarrow.orc.read_table
    return reader(path).to_pylist()


def amount_of(row: dict[str, Any]) -> Decimal:
    try:
        return Decimal(str(row["amount"]))
    except InvalidOperation:
        return Decimal(0)


def moment_of(row: dict[str, Any], name: str) -> datetime:
    moment = datetime.fromisoformat(str(row[name]))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def expected_of_sample(dataset: str, key: str, order_by: str) -> dict[str, Counter[Any]]:
    """Where each row of the sample must end, by what the generator says that it has broken."""
    documents = json.loads((SAMPLE / "_expected.json").read_text())["files"]
    found: dict[str, Counter[Any]] = {name: Counter() for name in ("all", "curated", "rejected", "reasons")}
    candidates: dict[str, list[dict[str, Any]]] = {}
    for document in (file for file in documents if file["dataset"] == dataset):
        rows = sample_rows(SAMPLE / document["path"])
        assert len(rows) == document["rows"]
        defects = {defect["row"]: defect for defect in document["defective_rows"]}
        for number, row in enumerate(rows, start=1):
            found["all"][row[key] or None] += 1
            reason = ingestion_reason(defects.get(number, {}), order_by)
            if reason:
                found["reasons"][reason] += 1
            else:
                candidates.setdefault(row[key], []).append(row)
    for name, rows in candidates.items():
        found["reasons"][DUPLICATE_REASON] += len(rows) - 1
        latest = max(rows, key=lambda row: moment_of(row, order_by))
        is_rejected = dataset == "transactions" and amount_of(latest) < 0
        found["rejected" if is_rejected else "curated"][name] += 1
    return found


def ingestion_reason(defect: dict[str, Any], required_moment: str) -> str:
    kind = defect.get("defect")
    if kind == "ragged":
        return "the row does not parse"
    if kind == "missing_required":
        return f"{defect['column']}: required value is missing"
    if kind == "bad_type" and defect["column"] == required_moment == "transaction_time":
        return "transaction_time: not a timestamp"
    return ""


def test_every_row_of_the_sample_is_curated_or_refused_with_the_reason_that_it_was_made_with(
    shop: Shop, lake: Any, start: Callable[..., Pipeline]
) -> None:
    for file in sorted(SAMPLE.rglob("*/*/*/*/*")):
        lake.put("raw", f"data/incoming/{file.relative_to(SAMPLE)}", file.read_bytes())
    for stage, work in ALL:
        run_stage(start(), stage, work)
    for dataset, key, order_by in (
        ("customers", "customer_id", "updated_at"),
        ("transactions", "transaction_id", "transaction_time"),
    ):
        expected = expected_of_sample(dataset, key, order_by)
        [batch] = shop.batches(dataset)
        assert batch["status"] == CHECKED
        assert shop.keys(dataset) == expected["curated"]
        assert Counter({name: int(rows) for name, rows in batch["reasons"].items()}) == expected["reasons"]
        refused = shop.quarantine(dataset)
        rejected = [row for row in refused if row["reason"].startswith("rule ")]
        assert Counter(key_of(row["record"], key) for row in rejected) == expected["rejected"]
        ends = shop.keys(dataset) + Counter(key_of(row["record"], key) for row in refused)
        assert ends == expected["all"]
        assert batch["rows_read"] == expected["all"].total()
        assert batch["files_refused"] == (dataset == "transactions")
    assert len(shop.text("quality", "reports/*/*/*/*/*.html")) == 2


def key_of(record: str, key: str) -> str | None:
    """The key of a refused row: of a JSON record, or of the line that did not parse."""
    return json.loads(record).get(key) or None if record.startswith("{") else record.split(",")[0]


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


# Files that change under our hands ---------------------------------------------------------------------------


def replacing(monkeypatch: pytest.MonkeyPatch, replace: Callable[[], None], times: int) -> None:
    """Let the file be replaced while a batch is read, so often."""
    real, left = ingestion.write_batch, iter(range(times))

    def write(*arguments: Any) -> Any:
        counts = real(*arguments)
        if next(left, None) is not None:
            replace()
        return counts

    monkeypatch.setattr(ingestion, "write_batch", write)


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


# Killed runs -------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What no handler of the pipeline catches."""


def killer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, str], Any]:
    """A function that arms one kill: ``arm(owner, name, "before" | "after")``, until its result is undone."""

    def arm(owner: Any, name: str, when: str) -> None:
        real = getattr(owner, name)

        def dying(*arguments: Any, **keywords: Any) -> Any:
            if when == "after":
                real(*arguments, **keywords)
            raise Killed(f"{when} {name}")

        monkeypatch.setattr(owner, name, dying)

    return arm


INGESTION_STEPS: list[tuple[Any, str]] = [
    (ingestion, "_write_manifest"),
    (Ledger, "put_once"),
    (Ledger, "plan"),
    (Ledger, "claim"),
    (ingestion, "write_batch"),
    (ingestion, "write_quarantine"),
    (ingestion, "keep_files"),
    (Alerts, "queue"),
    (Ledger, "advance"),
    (Catalog, "ensure_table"),
    (Catalog, "add_partitions"),
    (Ledger, "note"),
]
STEPS_BEFORE: list[tuple[Any, str]] = [
    (Ledger, "take_over"),
    (processing, "ensure_table"),
    (Ledger, "note"),
    (processing, "write_quarantine"),
]
STEPS_AFTER: list[tuple[Any, str]] = [(processing, "replace_dates"), (Ledger, "advance"), (Ledger, "put")]
QUALITY_STEPS: list[tuple[Any, str]] = [
    (Ledger, "take_over"),
    (quality, "_write_report"),
    (Alerts, "queue"),
    (Ledger, "advance"),
]


@pytest.fixture
def die_at_every_step(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Callable[[tuple[str, Any], list[tuple[Any, str]], Callable[[str], None]], None]:
    """A function: for each step, prepare something, then start a run that dies before it, then one that dies after."""

    def die(stage: tuple[str, Any], steps: list[tuple[Any, str]], prepare: Callable[[str], None]) -> None:
        for owner, name in steps:
            for when in ("before", "after"):
                prepare(f"{when}_{name}")
                pipeline = shop.open()
                with monkeypatch.context() as patch, pytest.raises(Killed, match=f"{when} {name}"):
                    killer(patch)(owner, name, when)
                    # The stage's work itself: run_stage's own records use the ledger, too.
                    stage[1](pipeline)

    return die


def test_ingestion_killed_before_and_after_every_step_loses_nothing_and_doubles_nothing(
    shop: Shop, lake: Any, die_at_every_step: Any
) -> None:
    names: list[str] = []

    def prepare(name: str) -> None:
        names.append(name)
        shop.drop(f"{name}.csv", f"{name},5,2024-01-15", f"{name},4,2024-01-14", f",{name},")
        lake.put("raw", f"data/incoming/orders/2024/01/15/{name}.parquet", f"PAR1 {name}")

    die_at_every_step(INGEST, INGESTION_STEPS, prepare)
    shop.run(INGEST, PROCESS)
    assert set(shop.states()) == {PROCESSED}
    assert shop.keys() == Counter(names)
    reasons = Counter({DUPLICATE_REASON: len(names), "id: required value is missing": len(names)})
    assert Counter(row["reason"] for row in shop.quarantine()) == reasons
    listings = [json.loads(text) for text in shop.text("quality", "quarantine/orders/*/files.json")]
    kept = Counter(Path(entry["source_file"]).stem for listing in listings for entry in listing)
    assert kept == Counter(names)
    assert sum(int(batch["rows_read"]) for batch in shop.batches()) == 3 * len(names)
    assert all(batch["cataloged"] for batch in shop.batches())


@pytest.mark.parametrize(("key", "write"), [(["id"], "merge_by_key"), ([], "replace_batch")], ids=["keyed", "keyless"])
def test_processing_killed_before_and_after_every_step_ends_in_the_same_tables(
    shop: Shop, die_at_every_step: Any, key: list[str], write: str
) -> None:
    shop.contract(key=key or None)
    for number in range(4):
        day = f"2024-01-{number + 10}"
        shop.drop(f"{number}.csv", f"{number},5,{day}", f"{number}x,-5,{day}", f"moved,1,{day}", f"{number}y,5,{day}")
    shop.run(INGEST, max_files_per_batch="1")
    die_at_every_step(PROCESS, [*STEPS_BEFORE, (processing, write), *STEPS_AFTER], lambda _: None)
    shop.run(PROCESS)
    moved = {"moved": 1 if key else 4}
    assert set(shop.states()) == {PROCESSED}
    assert shop.keys() == Counter([*"0123", *(f"{n}y" for n in range(4))]) + Counter(moved)
    days = [("2024-01-10", 2, 10), ("2024-01-11", 2, 10), ("2024-01-12", 2, 10), ("2024-01-13", 3, 11)]
    if not key:
        days = [(day, 3, 11) for day, _, _ in days]
    assert shop.rows("daily_orders") == Counter((day, str(n), f"{total}.00") for day, n, total in days)
    assert Counter(row["reason"] for row in shop.quarantine()) == Counter({"rule positive: amount > 0": 4})


def test_quality_killed_before_and_after_every_step_tells_of_a_finding_once(shop: Shop, die_at_every_step: Any) -> None:
    shop.contract(quality={"rules": "Rules = [ RowCount > 100 ]", "threshold": 90})
    for number in range(3):
        shop.drop(f"{number}.csv", f"{number},5,2024-01-15")
    shop.run(INGEST, PROCESS, max_files_per_batch="1")
    die_at_every_step(CHECK, QUALITY_STEPS, lambda _: None)
    shop.run(CHECK)
    assert shop.states() == [CHECKED] * 3
    [item] = shop.open().ledger.items("metrics#orders")
    assert item["id"] == shop.batches()[-1]["id"]
    assert len(shop.notifications()) == 1


def test_an_unfinished_batch_is_done_again_with_exactly_its_own_files(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killer(patch)(ingestion, "write_batch", "after")
        shop.run(INGEST)
    assert shop.states() == [PLANNED]
    shop.drop("b.csv", "2,5,2024-01-15")
    shop.run(INGEST, PROCESS)
    assert [int(batch["files"]) for batch in shop.batches()] == [1, 1]
    assert shop.keys() == Counter("12")


def test_a_run_whose_batch_was_taken_over_commits_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    real = ingestion.write_batch

    def overtaken(*arguments: Any) -> Any:
        counts = real(*arguments)
        other = shop.open().ledger
        [batch] = other.batches("orders", PLANNED)
        other.take_over(batch)
        return counts

    monkeypatch.setattr(ingestion, "write_batch", overtaken)
    with pytest.raises(DatasetsFailedError, match="LeaseLostError"):
        shop.run(INGEST)
    assert shop.states() == [PLANNED]


# Datasets without a contract ---------------------------------------------------------------------------------


def test_a_dataset_without_a_contract_is_curated_with_inferred_types(shop: Shop) -> None:
    shop.drop("a.csv", "007,1.5,2024-01-15,1999", "8,2,2024-01-16,2001", header="Code,Price,Day,Year", dataset="things")
    shop.run(*ALL)
    assert shop.states("things") == [CHECKED]
    found = {row[:4] for row in shop.rows("things")}
    assert found == {("007", "1.5", "2024-01-15", "1999"), ("8", "2.0", "2024-01-16", "2001")}


def test_the_contract_suggested_for_a_dataset_is_valid(shop: Shop) -> None:
    shop.drop("a.csv", "007,1.5,2024-01-15,1999", header="Code,Price,Day,Year", dataset="things")
    shop.run(INGEST)
    [text] = shop.text("quality", "reports/things/suggested_contract.yml")
    columns = parse_contracts({"things.yml": text})["things"].columns
    expected = [("code", "string"), ("price", "double"), ("source_day", "date"), ("source_year", "long")]
    assert [(column.name, column.type) for column in columns] == expected


def test_later_batches_are_held_to_the_inferred_types(shop: Shop) -> None:
    shop.drop("a.csv", "1", header="n", dataset="things")
    shop.run(INGEST)
    shop.drop("b.csv", "two", header="n", dataset="things")
    shop.run(INGEST, PROCESS)
    assert {row[0:4:3] for row in shop.rows("things")} == {("1", "None"), ("None", '{"n":"two"}')}


def test_processing_catalogs_a_batch_with_its_columns_where_ingestion_was_killed_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.drop("a.csv", "1,x", header="n,t", dataset="things")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killer(patch)(Ledger, "advance", "after")
        shop.run(INGEST)
    pipeline = shop.run(PROCESS)
    glue = boto3.client("glue")
    table = glue.get_table(DatabaseName=pipeline.settings.database, Name="processed_things")["Table"]
    names = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert names[:2] == ["n", "t"]


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
    shop.contract(name="products", columns=columns, event_time=None, order_by=None, processing=None)
    shop.drop("a.csv", "1,5,2024-01-15", "2,5,2024-01-15")
    with pytest.raises(DatasetsFailedError, match=r"orders: .*takes columns from products, whose curated table"):
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
    [report], [page] = (shop.text("quality", f"reports/orders/*/*/*/*.{kind}") for kind in ("json", "html"))
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
    assert len(shop.text("quality", "reports/orders/*/*/*/*.html")) == 1
    assert len(shop.notifications()) == 1


def test_refused_rows_are_told_once_with_their_reasons(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15", ",5,2024-01-15")
    shop.run(INGEST, INGEST)
    [(subject, message)] = shop.notifications()
    assert "orders: 1 row(s), 0 file(s) refused" in subject
    assert "1 row(s): id: required value is missing" in message


def test_the_run_of_each_stage_is_written_down_with_its_end(shop: Shop) -> None:
    shop.drop("a.csv", "1,5,2024-01-15")
    ledger = shop.run(*ALL).ledger
    ends = {stage: [run["status"] for run in ledger.items(f"run#{stage}")] for stage, _ in ALL}
    assert ends == {stage: ["SUCCEEDED"] for stage, _ in ALL}
