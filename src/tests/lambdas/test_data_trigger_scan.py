"""The scan of new files: what is found, that nothing of it is repeated, and what becomes of the file."""

from __future__ import annotations

import gzip
import json
from types import ModuleType
from typing import Any

import pytest

from .arriving import PREFIX, Site, call, trigger_module
from .arriving import site as site
from .arriving import trigger as trigger

KEY = f"{PREFIX}orders/2024/01/15/o.csv"
SECRET = "AKIAIOSFODNN7EXAMPLE"
LEAK = f"id,note\n1,{SECRET}\n".encode()
MAILS = "\n".join(f"{number},person{number}@example.com" for number in range(5))


def found_in(text: str, personal: bool = True) -> list[tuple[str, int]]:
    return [(one.what, one.count) for one in trigger_module("text_scan").findings_in(text, personal)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f'{{"key": "{SECRET}"}}', ("AWS Access Key", 1)),
        ("-----BEGIN RSA PRIVATE KEY-----", ("Private Key", 1)),
        ("url\npostgresql://shop:hunter22@db/orders", ("Basic Auth Credentials", 1)),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", ("GitHub Token", 1)),
        (MAILS, ("mail address", 5)),
        ("4111111111111111,5500 0055 5555 5559,3782-822463-10005x 6011111111111117", ("payment card number", 3)),
        ("DE89370400440532013000;GB82WEST12345698765432;FR1420041010050500013M02606", ("IBAN", 3)),
    ],
)
def test_secrets_and_personal_data_are_found(text: str, what: tuple[str, int]) -> None:
    assert found_in(text) == [what]


@pytest.mark.parametrize(
    "text",
    [
        "id,sha\n1,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "id,who\n1,info@example.com\n2,info@example.com",
        "\n".join(f"41111111111111{number:02}" for number in range(100)),  # ids of the form of card numbers
        "2024-01-15T09:30:00Z,12.50,order-4711",
    ],
)
def test_ids_hashes_and_a_single_contact_are_nothing(text: str) -> None:
    assert found_in(text) == []


def test_personal_data_is_looked_for_only_where_no_contract_expects_it() -> None:
    assert found_in(MAILS, personal=False) == []


@pytest.mark.parametrize(
    "content",
    [
        LEAK,
        gzip.compress(LEAK),
        gzip.compress(b"id\n") + gzip.compress(LEAK),
        gzip.compress(LEAK * 50)[:-12],  # cut off
        b"\xff\xfe" + LEAK.decode().encode("utf-16-le"),
        b"\xff" + LEAK,
    ],
    ids=["csv", "gzip", "gzip of two members", "gzip cut off", "utf-16", "no utf-8"],
)
def test_text_is_read_whatever_it_is_packed_or_written_in(content: bytes) -> None:
    assert SECRET in trigger_module("incoming_scan").text_of(content, 1 << 20)


def test_what_is_no_text_is_not_scanned_and_unpacking_has_an_end() -> None:
    text_of = trigger_module("incoming_scan").text_of
    assert text_of(b"PAR1\x00" + LEAK, 1 << 20) == ""
    assert len(text_of(gzip.compress(b"a" * 1_000_000), 1000)) == 1000


def scanning(trigger: ModuleType, monkeypatch: pytest.MonkeyPatch, setting: str) -> ModuleType:
    monkeypatch.setenv("INCOMING_SCAN", setting)
    return trigger


def everything_kept(site: Site) -> str:
    state, claims = site.state.scan()["Items"], site.bookmarks.scan()["Items"]
    return json.dumps([state, claims, site.told()], default=str)


def test_a_report_is_recorded_and_told_and_the_file_is_ingested(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scanning(trigger, monkeypatch, "report")
    event = site.drop(KEY, LEAK)
    assert call(trigger, event) == []
    call(trigger, event, first=5)
    (record,) = site.items("scan_finding#orders")
    assert (record["status"], record["kind"]) == ("REPORTED", "secret")
    assert "AWS Access Key (1)" in record["reason"]
    assert site.claims() == {}
    assert site.runs()[0]["first_key"] == KEY
    (message,) = site.told()
    assert message["subject"] == "[test] orders: 1 new file(s) to look at"
    assert "ingested all the same" in message["text"]
    assert SECRET not in everything_kept(site) + message["text"] + caplog.text


def test_quarantine_moves_the_file_and_starts_nothing(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanning(trigger, monkeypatch, "quarantine")
    assert call(trigger, site.drop(KEY, LEAK)) == []
    (record,) = site.items("refused_object#orders")
    bucket, _, kept = record["quarantined_at"].removeprefix("s3://").partition("/")
    assert site.s3.get_object(Bucket=bucket, Key=kept)["Body"].read() == LEAK
    assert "Contents" not in site.s3.list_objects_v2(Bucket="raw")
    assert len(site.s3.list_object_versions(Bucket="raw")["Versions"]) == 1
    assert site.runs() == []
    assert SECRET not in everything_kept(site)


def test_a_file_replaced_before_it_is_moved_stays(trigger: ModuleType, site: Site) -> None:
    site.drop(KEY, LEAK)
    seen = trigger_module("raw_objects").raw_object(KEY)
    site.drop(KEY, b"id\n1\n")
    trigger_module("quarantining").move_to_quarantine(seen)
    assert site.s3.get_object(Bucket="raw", Key=KEY)["Body"].read() == b"id\n1\n"


@pytest.mark.parametrize(("marked", "reported"), [("hash", 0), (None, 1)])
def test_personal_data_is_expected_where_the_contract_marks_a_column(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch, marked: str | None, reported: int
) -> None:
    scanning(trigger, monkeypatch, "report")
    column: dict[str, Any] = {"name": "email", "type": "string", **({"pii": marked} if marked else {})}
    contract = json.dumps({"name": "orders", "columns": [column]})
    site.s3.put_object(Bucket="scripts", Key="config/datasets/orders.json", Body=contract.encode())
    call(trigger, site.drop(KEY, MAILS.encode()))
    assert len(site.items("scan_finding#orders")) == reported


def test_a_file_is_scanned_once_however_often_its_message_comes_back(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanning(trigger, monkeypatch, "report")
    heads: list[Any] = []
    scan = trigger_module("incoming_scan")
    monkeypatch.setattr(scan, "head_of", lambda found: heads.append(found) or b"id\n1\n")
    event = site.drop(KEY)
    for number in range(3):
        assert call(trigger, event, first=number) == []
    assert len(heads) == 1


def test_a_call_without_time_lets_the_message_come_back_and_is_no_error(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scanning(trigger, monkeypatch, "report")
    event = site.drop(KEY)
    assert call(trigger, event, seconds=5) == ["m0"]
    assert "no time left" in caplog.text
    assert call(trigger, event) == []
