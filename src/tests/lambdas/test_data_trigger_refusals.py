"""Objects that the data trigger refuses: kept out, kept, recorded with their reason, and told once."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import boto3
import pytest

from etl.claims import claimed_file
from etl.discovery import SourceFile, new_work

from .arriving import PREFIX, Site, call, keys_in, trigger_module
from .arriving import site as site
from .arriving import trigger as trigger
from .conftest import metrics_in, object_created

DAY = f"{PREFIX}orders/2024/01/15/"


def rules_of(**changed: Any) -> Any:
    rules = trigger_module("object_rules")
    return rules.Rules(**{"prefix": PREFIX, "extensions": frozenset({"csv", ""}), "max_bytes": 100, **changed})


@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [
        ("o.csv", 1, None),
        ("o.CSV.gz", 100, None),
        ("part-00000-8f.c000.snappy", 1, "extension"),
        ("orders.2024-01-15", 1, None),  # a date is no extension
        ("delivery-1-2024-01-15-09-30-00-6e3a", 1, None),  # as Firehose names its files
        ("o.csv", 0, "empty"),
        ("o.csv", 101, "too_large"),
        ("o.csv", None, None),  # the event does not say how large it is
        ("setup.exe", 1, "extension"),
        ("o.csv.part", 1, "extension"),
        ("o\n.csv", 1, "name"),
        ("o\x7f.csv", 1, "name"),
        ("\x85.csv", 1, "name"),
        ("_o.csv", 1, "name"),
        (".o.csv", 1, "name"),
        ("a//o.csv", 1, "name"),
        ("../o.csv", 1, "name"),
        ("größe 注文 100%+=&.csv", 1, None),
        ("x" * 252 + ".csv", 1, "name"),
        ("ü" * 120 + ".csv", 1, None),
        ("/".join(["x" * 200] * 5) + ".csv", 1, "name"),
    ],
)
def test_names_extensions_and_sizes_are_checked(name: str, size: int | None, kind: str) -> None:
    refusal = trigger_module("object_rules").refusal_of(f"{DAY}{name}", size, rules_of())
    assert (refusal and refusal.kind) == kind
    assert refusal is None or (refusal.reason and refusal.advice)


def test_any_extension_can_be_allowed_and_none_refused() -> None:
    refusal_of = trigger_module("object_rules").refusal_of
    assert refusal_of(f"{DAY}o.dta", 1, rules_of(extensions=frozenset({"*"}))) is None
    assert refusal_of(f"{DAY}o", 1, rules_of(extensions=frozenset({"csv"}))).kind == "extension"


def test_a_refused_object_is_recorded_claimed_and_told_and_starts_nothing(
    trigger: ModuleType, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    event = site.drop(f"{DAY}report.exe", b"MZ")
    assert call(trigger, event) == []
    size, modified = site.listed(f"{DAY}report.exe")
    (record,) = site.items("refused_object#orders")
    assert record["id"] == f"{DAY}report.exe#{size}-{modified}"
    assert (record["status"], record["kind"]) == ("REFUSED", "extension")
    assert "allowed_extensions" in record["what_to_do"]
    assert site.claims()[f"{DAY}report.exe"]["batch_id"] == "refused"
    (message,) = site.told()
    assert message["subject"] == "[test] orders: 1 new file(s) refused"
    assert f"s3://raw/{DAY}report.exe: files that end in .exe are not taken" in message["text"]
    assert [alert["status"] for alert in site.items("outbox")] == ["SENT"]
    assert site.items("refusals_to_tell") == []
    assert site.runs() == []
    metrics = metrics_in(capsys.readouterr().out)
    assert metrics[0]["FilesRefused"] == [1.0]
    assert metrics[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["WorkflowName"]]


class BookmarksOf:
    """What discovery asks of the ledger and the storage, from the table that the trigger has written."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.refreshed: list[SourceFile] = []

    def claims_of(self, folder: str) -> dict[str, SourceFile]:
        return {key: claimed_file(item) for key, item in self._site.claims().items() if item["source"] == folder}

    def refresh_claim(self, file: SourceFile) -> None:
        self.refreshed.append(file)

    def content_hashes(self, uris: list[str]) -> dict[str, str]:
        return dict.fromkeys(uris, "hash of what lies there now")


def test_ingestion_passes_a_refused_object_over_and_takes_what_is_written_there_next(
    trigger: ModuleType, site: Site
) -> None:
    key = f"{DAY}empty.csv"
    call(trigger, site.drop(key, b""))
    size, modified = site.listed(key)
    ledger = BookmarksOf(site)
    lying = SourceFile(f"s3://raw/{key}", f"s3://raw/{DAY}", key, "orders", size, modified)
    assert new_work([lying], ledger, ledger) == []
    written_again = SourceFile(f"s3://raw/{key}", f"s3://raw/{DAY}", key, "orders", 5, modified + 1000)
    assert [file.key for file in new_work([written_again], ledger, ledger)] == [key]


def test_the_claim_keeps_what_was_claimed_before_so_that_it_is_not_ingested_twice(
    trigger: ModuleType, site: Site
) -> None:
    key = f"{DAY}o.csv"
    site.claim(key=key, size=5, modified_ms=1000)
    call(trigger, site.drop(key, b""))
    claim = site.claims()[key]
    assert (claim["batch_id"], claim["content_hash"], int(claim["size"])) == ("refused", "abc", 0)


def test_an_event_that_is_dated_later_than_its_file_starts_nothing_once_the_file_is_claimed(
    trigger: ModuleType, site: Site
) -> None:
    key = f"{DAY}a.csv"
    event = site.drop(key, b"id\n1\n")
    size, modified = site.listed(key)
    event["time"] = "2035-01-01T00:00:00Z"
    site.claim(key=key, size=size, modified_ms=modified, batch="b7")
    assert call(trigger, event) == []
    assert site.runs() == []


def test_a_batch_that_was_quicker_keeps_its_claim_and_people_are_told_so(trigger: ModuleType, site: Site) -> None:
    key = f"{DAY}empty.csv"
    event = site.drop(key, b"")
    size, modified = site.listed(key)
    event["time"] = "2035-01-01T00:00:00Z"  # S3 dates uploads in parts by their beginning
    site.claim(key=key, size=size, modified_ms=modified, batch="b7")
    assert call(trigger, event) == []
    assert site.claims()[key]["batch_id"] == "b7"
    (record,) = site.items("refused_object#orders")
    assert record["claimed_by"] == "b7"
    assert "batch b7 had claimed it before" in site.told()[0]["text"]


def test_an_object_that_is_gone_or_was_replaced_by_a_good_one_is_not_refused(trigger: ModuleType, site: Site) -> None:
    gone = object_created(f"{DAY}gone.csv", size=0)
    replaced = site.drop(f"{DAY}replaced.csv", b"")
    site.drop(f"{DAY}replaced.csv", b"id\n1\n")
    assert call(trigger, gone, replaced) == []
    assert site.items("refused_object") == []
    assert [run["first_key"] for run in site.runs()] == [f"{DAY}replaced.csv"]


def test_a_burst_of_refused_files_is_told_in_one_message_and_the_next_ones_wait(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_EVERY_SECONDS", "900")
    monkeypatch.setattr(trigger_module("refusal_messages"), "MOST_WRITES", 10)
    call(trigger, *[site.drop(f"{DAY}{number:03}.exe", b"MZ") for number in range(24)])
    call(trigger, site.drop(f"{DAY}later.exe", b"MZ"))
    (message,) = site.told()
    assert message["subject"] == "[test] orders: 24 new file(s) refused"
    assert "- and 4 more" in message["text"]
    assert [entry["uri"] for entry in site.items("refusals_to_tell")] == [f"s3://raw/{DAY}later.exe"]
    call(trigger, {"kind": "sweep"})
    assert keys_in(site.told(), "later.exe") == [1]
    assert len(site.items("refused_object#orders")) == 25


def test_what_the_topic_does_not_take_waits_in_the_outbox_and_the_sweep_sends_it(
    trigger: ModuleType, site: Site
) -> None:
    boto3.client("sns").delete_topic(TopicArn=site.topic)
    assert call(trigger, site.drop(f"{DAY}o.exe", b"MZ")) == []
    (alert,) = site.items("outbox")
    assert alert["status"] == "PENDING"
    assert {"id", "subject", "message", "updated_at"} <= set(alert)  # what etl.alerts sends
    boto3.client("sns").create_topic(Name="alerts")
    boto3.client("sns").subscribe(
        TopicArn=site.topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox"
    )
    call(trigger, {"kind": "sweep"})
    assert keys_in(site.told(), "o.exe") == [1]
    assert [item["status"] for item in site.items("outbox")] == ["SENT"]


def test_a_key_that_would_be_too_long_for_the_record_is_shortened_there(trigger: ModuleType, site: Site) -> None:
    key = f"{DAY}" + "/".join(["x" * 240] * 4) + ".csv"
    assert call(trigger, site.drop(key)) == []
    (record,) = site.items("refused_object#orders")
    assert len(record["id"].encode()) < 1024
    assert record["uri"] == f"s3://raw/{key}"
