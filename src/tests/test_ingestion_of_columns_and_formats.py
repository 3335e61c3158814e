"""Columns that come and go, content in many formats, late rows and inferred contracts through the whole ingestion."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import openpyxl
import pyarrow as pa
import zstandard

from fates import HEADER, NAMES, PLAIN, Fate, Row, fates, put, read_processed, report, rows
from reading import avro_bytes, orc_bytes, parquet_bytes
from shop import INGEST, PROCESS, Shop

# Columns -----------------------------------------------------------------------------------------------------


def test_columns_in_any_order_spelling_and_type_meet_in_one_table(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    typed = pa.table({"ID": pa.array([7]), "Amount": pa.array([1.5]), "note": pa.array([None], pa.string())})
    texts: dict[str, tuple[bytes | str, Row]] = {
        "as-they-are.csv": (HEADER + "1,1.5,x\n", ("1", "1.50", "x", None, None, None)),
        "reordered.csv": ("note,id,amount\nx,2,1.5\n", ("2", "1.50", "x", None, None, None)),
        "cased.csv": ("ID,AMOUNT,Note\n3,1.5,x\n", ("3", "1.50", "x", None, None, None)),
        "aliased.csv": ("order no.,amount,note\n4,1.5,x\n", ("4", "1.50", "x", None, None, None)),
        "accents.csv": ("íd, Ámount ,nöte\n5,1.5,x\n", ("5", "1.50", "x", None, None, None)),
        "removed.csv": ("id,note\n6,x\n", ("6", None, "x", None, None, None)),
        "retyped.parquet": (parquet_bytes(typed), ("7", "1.50", None, None, None, None)),
        "added.csv": ("id,amount,note,Colour\n8,1.5,x,red\n", ("8", "1.50", "x", "red", None, None)),
        "doubled.csv": ("id,amount,note,note\n9,1.5,x,y\n", ("9", "1.50", "x", None, "y", None)),
        "misfit.csv": (HEADER + "10,one,x\n", ("10", None, "x", None, None, '{"amount":"one"}')),
    }
    put(lake, {name: content for name, (content, _) in texts.items()})
    shop.run(INGEST)
    found = fates(shop, lake, (*NAMES, "colour", "note_2", "_rescued_data"))
    assert found == {name: rows(row) for name, (_, row) in texts.items()}


def test_a_new_column_is_recorded_told_once_and_kept_as_the_contract_says(shop: Shop, lake: Any) -> None:
    text = HEADER.replace("\n", ",Colour\n")
    for mode in ("evolve", "rescue", "freeze"):
        shop.contract(**{**PLAIN, "name": mode, "schema_mode": mode, "source": None})
        put(lake, {"a.csv": text + "1,5,x,red\n"}, mode)
    shop.run(INGEST)
    for mode in ("evolve", "rescue", "freeze"):
        put(lake, {"b.csv": text + "2,5,x,blue\n"}, mode)
    pipeline = shop.run(INGEST)
    names = ("id", "colour", "_rescued_data")
    assert fates(shop, lake, names, "evolve") == {
        "a.csv": rows(("1", "red", None)), "b.csv": rows(("2", "blue", None))
    }  # fmt: skip
    assert fates(shop, lake, names, "rescue") == {
        "a.csv": rows(("1", None, '{"colour":"red"}')), "b.csv": rows(("2", None, '{"colour":"blue"}'))
    }  # fmt: skip
    reason = "columns that the contract doesn't know: colour (schema_mode: freeze)"
    assert fates(shop, lake, names, "freeze") == {"a.csv": Fate(reason=reason), "b.csv": Fate(reason=reason)}
    events = {mode: pipeline.ledger.items(f"schema#{mode}") for mode in ("evolve", "rescue", "freeze")}
    assert [(event["id"], event["added"]) for event in events["evolve"]] == [
        (shop.batches("evolve")[0]["id"], ["colour"])
    ]
    assert [event["rescued"] for event in events["rescue"]] == [["colour"]]
    assert events["freeze"] == []
    told = Counter(subject for subject, _ in shop.notifications() if "new column" in subject)
    assert told == {"[test] evolve: 1 new column(s)": 1, "[test] rescue: 1 new column(s)": 1}
    assert "colour" in glue_columns(pipeline.settings.database, "processed_evolve")
    assert "colour" not in glue_columns(pipeline.settings.database, "processed_rescue")


def test_a_new_column_named_like_the_pipelines_own_has_one_free_name_in_rows_and_catalog(shop: Shop, lake: Any) -> None:
    columns = [{"name": "id", "type": "string"}, {"name": "source_year", "type": "int"}]
    shop.contract(name="cars", source=None, key=None, event_time=None, order_by=None, columns=columns, processing=None)
    put(lake, {"a.csv": "id,source_year,year\n1,1999,2001\n"}, "cars")
    pipeline = shop.run(INGEST)
    names = ("id", "source_year", "source_source_year")
    assert fates(shop, lake, names, "cars") == {"a.csv": rows(("1", "1999", "2001"))}
    assert shop.batches("cars")[0]["extra_columns"] == ["source_source_year"]
    assert "source_source_year" in glue_columns(pipeline.settings.database, "processed_cars")


def glue_columns(database: str, table: str) -> list[str]:
    found = boto3.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    return [column["Name"] for column in found["StorageDescriptor"]["Columns"]]


# Formats -----------------------------------------------------------------------------------------------------


def workbook(*lines: tuple[Any, ...]) -> bytes:
    book, sink = openpyxl.Workbook(), io.BytesIO()
    for line in lines:
        book.active.append(line)
    book.save(sink)
    return sink.getvalue()


def test_one_content_in_many_formats_and_packings_is_one_table_and_wrong_names_are_noted(shop: Shop, lake: Any) -> None:
    shop.contract(**PLAIN)
    text = HEADER + '007,1.5,"é,x"\n8,-2,\n'
    records = [{"id": "007", "amount": "1.5", "note": "é,x"}, {"id": "8", "amount": "-2", "note": None}]
    table = pa.Table.from_pylist(records)
    fields = [{"name": name, "type": ["null", "string"]} for name in NAMES]
    sheet = workbook(NAMES, ("007", 1.5, "é,x"), (8, -2, None))
    files: dict[str, tuple[bytes, str]] = {
        "a.csv": (text.encode(), ""),
        "a.json": (json.dumps(records).encode(), ""),
        "a.jsonl": ("\n".join(map(json.dumps, records)).encode(), ""),
        "a.parquet": (parquet_bytes(table), ""),
        "a.orc": (orc_bytes(table), ""),
        "a.avro": (avro_bytes(fields, records), ""),
        "a.xlsx": (sheet, ""),
        "a.csv.gz": (gzip.compress(text.encode()), ""),
        "a.csv.bz2": (bz2.compress(text.encode()), ""),
        "a.csv.zst": (zstandard.compress(text.encode()), ""),
        "a.jsonl.gz": (gzip.compress("\n".join(map(json.dumps, records)).encode()), ""),
        "parquet.csv": (parquet_bytes(table), "named .csv, holds Parquet"),
        "sheet.csv": (sheet, "named .csv, holds an Excel workbook"),
        "csv.parquet": (text.encode(), "named .parquet, holds CSV"),
        "json.csv": ("\n".join(map(json.dumps, records)).encode(), "named .csv, holds JSON"),
        "gzip.csv": (gzip.compress(text.encode()), "packed with gzip, which its name doesn't say"),
        "plain.csv.gz": (text.encode(), "named .gz, is not packed"),
        "no-extension": (parquet_bytes(table), ""),
    }
    put(lake, {name: content for name, (content, _) in files.items()})
    shop.run(INGEST)
    both = rows(("007", "1.50", "é,x"), ("8", "-2.00", None))
    assert fates(shop, lake) == dict.fromkeys(files, both)
    [batch] = shop.batches()
    expected = {name: [note] for name, (_, note) in files.items() if note}
    assert {file["name"]: file["notes"] for file in report(lake, batch)["files"] if file["notes"]} == expected
    assert sorted(batch["notes"]) == sorted(f"{name}: {note}" for name, [note] in expected.items())


# Late rows, no contract ---------------------------------------------------------------------------------------


def test_late_rows_are_counted_in_item_report_and_metric(shop: Shop, lake: Any) -> None:
    shop.contract(late_after_days=3)
    today = datetime.now(timezone.utc)
    days = [f"{today - timedelta(days=ago):%Y-%m-%d}" for ago in (1, 5, 400)]
    shop.drop("a.csv", *(f"{number},5,{day}" for number, day in enumerate(days)), "9,5,", ",5,2020-01-01")
    shop.run(INGEST)
    assert len(fates(shop, lake)["a.csv"].rows) == 4
    [batch] = shop.batches()
    assert (batch["rows_late"], report(lake, batch)["rows"]["late"]) == (2, 2)
    assert metric("RowsLate") == 2
    assert [metric(name) for name in ("RowsRead", "RowsWritten", "RowsRefused", "FilesRefused")] == [5, 4, 1, 0]


def metric(name: str) -> float:
    now = datetime.now(timezone.utc)
    answer = boto3.client("cloudwatch").get_metric_statistics(
        Namespace="GlueEtlPipeline", MetricName=name,
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        Period=86_400, Statistics=["Sum"],
        Dimensions=[{"Name": "Environment", "Value": "test"}, {"Name": "Dataset", "Value": "orders"}],
    )  # fmt: skip
    return sum(point["Sum"] for point in answer["Datapoints"])


def test_the_contract_suggested_for_a_dataset_reads_its_next_files_as_the_first(shop: Shop, lake: Any) -> None:
    text = "Code,Price,Day\n007,1.5,2024-01-15\n8,20,2024-02-01\n"
    names = ("code", "price", "source_day", "_rescued_data")
    put(lake, {"a.csv": text}, "things")
    shop.run(INGEST)
    [batch] = shop.batches("things")
    [suggested] = shop.text("quality", "reports/things/suggested_contract.yml")
    assert report(lake, batch)["suggested_contract"] == suggested
    lake.put("scripts", "config/things.yml", suggested)
    put(lake, {"b.csv": text}, "things")
    pipeline = shop.run(INGEST, PROCESS, dataset="things")
    assert pipeline.ledger.items("schema#things") == []
    shop_rows = [read_processed(lake, each) for each in shop.batches("things")]
    first, second = ([tuple(row[name] for name in names) for row in rows_of] for rows_of in shop_rows)
    assert Counter(first) == Counter(second)
    assert len(first) == 2
