"""What a replay sends, what it leaves, and what it says."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from tests.quarantine.house import BAD, BATCH, DAY, House, as_sent, counts, nothing, row, sendable

from quarantine import objects
from quarantine.batches import SUPERSEDED_REASON, ascii_json, find_batches
from quarantine.errors import ReplayError
from quarantine.exchange import read_import
from quarantine.plan import Selection
from quarantine.sending import COPIED_BACK, GONE, NEWER, RELEASED, TAKEN

REPLAY = f"{DAY.replace('2024/01/15', '{day}')}/replay-{BATCH}-1.jsonl"
BROKEN = f"{DAY}/broken.parquet"


def imported(house: House, path: Path, text: str, note: str = "") -> list[object]:
    path.write_text(text, encoding="utf-8")
    rows = read_import(path)
    session = house.session(note)
    return [session.replay_import(batch, rows, nothing) for batch in session.check_import(rows)]


def exported(house: House, path: Path) -> list[dict[str, object]]:
    house.session().export(find_batches(house.target, "orders", ()), Selection(), path)
    return [json.loads(line) for line in path.read_text().splitlines()]


# Rows ---------------------------------------------------------------------------------------------------


def test_rows_arrive_as_json_lines_under_the_day_of_their_source_file(house: House) -> None:
    house.batch([row({"id": "1"}), row({"id": "2"}, day="data/incoming/orders/2023/12/31")])
    house.replay()
    assert house.objects() == {
        REPLAY.format(day="2024/01/15"): b'{"id":"1"}\n',
        REPLAY.format(day="2023/12/31"): b'{"id":"2"}\n',
    }


def test_rows_of_a_file_without_a_dated_folder_keep_the_day_of_their_batch(house: House) -> None:
    house.batch([row({"id": "1"}, day="data/incoming/orders")])
    house.replay()
    assert list(house.objects()) == [REPLAY.format(day="2024/01/16")]


def test_values_arrive_letter_by_letter(house: House) -> None:
    record = '{"id":"007","price":1.10,"big":12345678901234567890.10,"name":"Zoë 🚀 \\" \\u0000","nested":{"a":[1,2]}}'
    house.batch([row(record)])
    house.replay()
    [line] = house.sent()
    assert line.isascii()
    assert line == as_sent(record)
    assert json.loads(line) == json.loads(record)


def test_a_record_over_several_lines_becomes_one_line(house: House) -> None:
    house.batch([row('{"id": "1",\r\n "name": "x"}\n')])
    house.replay()
    [line] = house.sent()
    assert json.loads(line) == {"id": "1", "name": "x"}


def test_characters_beyond_the_basic_plane_are_escaped_as_json_wants_it() -> None:
    assert ascii_json('{"a":"é🚀"}') == '{"a":"\\u00e9\\ud83d\\ude80"}'


def test_equal_rows_are_sent_as_often_as_they_stand_there(house: House) -> None:
    rows = [row({"id": "1"}, position="line 2")] + [row({"id": "1"})] * 3
    house.batch(rows, rejected=[row({"id": "1"})] * 2, parts=2)
    house.replay()
    assert house.sent() == Counter({'{"id":"1"}': 6})


def test_a_second_replay_finds_nothing(house: House) -> None:
    house.batch([row({"id": "1"}), row({"id": "2"})])
    house.replay()
    before = house.objects("")
    [outcome] = house.replay()
    assert outcome.replay is None
    assert outcome.survey.taken_before == 2
    assert house.objects("") == before


def test_quarantine_files_that_are_written_again_in_another_order_bring_no_row_twice(house: House) -> None:
    rows = [row({"id": str(number % 3)}) for number in range(10)]
    quarantine = house.batch(rows)
    house.replay()
    [name] = [key for key in _keys(house) if key.endswith(".json")]
    house.target.s3.delete_object(Bucket=house.target.quality, Key=name)
    house.rows(quarantine, "ingestion", rows[::-1], parts=3)
    house.replay()
    assert house.sent() == sendable(rows)


def _keys(house: House) -> list[str]:
    return [item["Key"] for item in house.target.s3.list_objects_v2(Bucket=house.target.quality)["Contents"]]


def test_what_one_reason_leaves_the_next_replay_takes(house: House) -> None:
    rows = [row({"id": "1"}), row({"id": "2"}, reason="id: Not a Number")]
    house.batch(rows)
    house.replay(Selection(reason="not a number"))
    assert list(house.sent()) == ['{"id":"2"}']
    house.replay()
    assert house.sent() == sendable(rows)
    assert [item["rows"] for item in house.replays()] == [1, 1]


def test_only_the_rows_of_the_wanted_stage_are_sent(house: House) -> None:
    house.batch([row({"id": "1"})], rejected=[row({"id": "2"})], files={BROKEN: b"x"})
    house.replay(Selection(stage="processing"))
    assert list(house.sent()) == ['{"id":"2"}']
    assert house.claim_of(BROKEN) is not None


def test_only_the_wanted_batch_is_replayed(house: House) -> None:
    house.batch([row({"id": "1"})])
    house.batch([row({"id": "2"})], batch_id="20240117T000000000-aaaaaaaa")
    house.replay(None, BATCH)
    assert list(house.sent()) == ['{"id":"1"}']


def test_rows_that_a_later_row_has_replaced_are_sent_only_when_asked_for(house: House) -> None:
    house.batch([row({"id": "1"}, reason=SUPERSEDED_REASON)])
    assert counts(house.replay()) == {("ingestion", "superseded"): 1}
    house.replay(Selection(reason=SUPERSEDED_REASON))
    assert house.sent() == {'{"id":"1"}': 1}


def test_the_reason_of_replaced_rows_is_the_one_that_ingestion_writes() -> None:
    from etl.duplicates import DUPLICATE_REASON

    assert SUPERSEDED_REASON == DUPLICATE_REASON


@pytest.mark.parametrize("record", ['7,x,"y', "", "[1, 2]", '{"id": "1"', '"text"', "null"])
def test_a_row_that_does_not_parse_needs_a_fix_and_is_not_sent(house: House, record: str) -> None:
    house.batch([row(record), row({"id": "1"})])
    assert counts(house.replay()) == {("ingestion", "needs a fix"): 1, ("ingestion", "sent"): 1}
    assert house.sent() == {'{"id":"1"}': 1}


def test_rows_of_a_stage_that_has_not_committed_wait(house: House) -> None:
    house.batch([row({"id": "1"})], rejected=[row({"id": "2"})], status="INGESTED")
    house.replay()
    assert house.sent() == {'{"id":"1"}': 1}


def test_a_batch_of_a_second_attempt_is_read_where_its_item_says(house: House) -> None:
    house.batch([row({"id": "1"})], attempt=2)
    house.rows(f"s3://{house.target.quality}/quarantine/orders/batch_id={BATCH}/", "ingestion", [row({"id": "zombie"})])
    house.replay()
    assert list(house.sent()) == ['{"id":"1"}']


def test_a_batch_whose_item_names_no_folder_is_read_under_its_name(house: House) -> None:
    house.batch([row({"id": "1"})])
    key = {"entity": "batch#orders", "id": BATCH}
    house.target.tables.update_item(TableName=house.target.state_table, Key=key, UpdateExpression="REMOVE quarantine")
    house.replay()
    assert list(house.sent()) == ['{"id":"1"}']


def test_rows_that_are_missing_from_quarantine_are_an_error_and_nothing_is_sent(house: House) -> None:
    house.batch([row({"id": "1"}), row({"id": "2"})], parts=2)
    house.target.s3.delete_object(Bucket=house.target.quality, Key=next(key for key in _keys(house) if "00000" in key))
    with pytest.raises(ReplayError, match=r"2 rows were refused by ingestion, but 1 are in .*retention"):
        house.replay()
    assert house.objects("") == {}


def test_a_lost_record_of_a_replay_stops_the_batch_instead_of_sending_twice(house: House) -> None:
    house.batch([row({"id": "1"}), row("broken")])
    house.replay()
    [manifest] = [key for key in house.objects("replays/") if key.endswith("manifest.json")]
    house.target.s3.delete_object(Bucket=house.target.raw, Key=manifest)
    with pytest.raises(ReplayError, match=r"manifest\.json is gone, so nobody can tell"):
        house.replay()


def test_the_record_of_a_replay_leads_from_each_sent_line_to_its_source(house: House) -> None:
    house.batch([row({"id": "1"}, position="line 3")])
    house.replay()
    [content] = [content for key, content in house.objects("replays/").items() if key.endswith("rows.jsonl")]
    entry = json.loads(content)
    assert entry["source_file"] == f"s3://{house.target.raw}/{DAY}/a.csv"
    assert (entry["position"], entry["reason"]) == ("line 3", BAD)
    assert (entry["sent_to"], entry["line"]) == (REPLAY.format(day="2024/01/15"), 1)
    [item] = house.replays()
    assert (item["status"], item["who"], item["rows"]) == ("SENT", "tester", 1)


def test_a_look_writes_nothing(house: House) -> None:
    house.batch([row({"id": "1"}), row("broken")], files={BROKEN: b"x"})
    before = house.objects("")
    [batch] = find_batches(house.target, "orders", ())
    outcome = house.session().look(batch, Selection())
    assert counts([outcome]) == {("ingestion", "sent"): 1, ("ingestion", "needs a fix"): 1}
    assert outcome.files == {RELEASED: 1}
    assert house.objects("") == before
    assert house.claim_of(BROKEN) is not None
    assert house.replays() == []


# Files --------------------------------------------------------------------------------------------------


def test_a_refused_file_that_lies_in_raw_is_released(house: House) -> None:
    house.batch(files={BROKEN: b"x"})
    [outcome] = house.replay()
    assert outcome.files == {RELEASED: 1}
    assert house.claim_of(BROKEN) is None
    assert house.objects() == {BROKEN: b"x"}


def test_a_file_that_another_batch_has_taken_since_is_left_alone(house: House) -> None:
    house.batch(files={BROKEN: b"x"})
    house.claim(BROKEN, "another", b"x")
    [outcome] = house.replay()
    assert outcome.files == {TAKEN: 1}
    assert house.claim_of(BROKEN)["batch_id"] == "another"


@pytest.mark.parametrize("content", [b"newer", b"y"])
def test_a_newer_version_in_raw_is_left_to_ingestion(house: House, content: bytes) -> None:
    house.batch(files={BROKEN: b"x"})
    house.put(f"s3://{house.target.raw}/{BROKEN}", content)
    [outcome] = house.replay()
    assert outcome.files == {NEWER: 1}
    assert house.objects() == {BROKEN: content}
    assert house.claim_of(BROKEN) is not None


def test_a_file_that_raw_has_lost_comes_back_from_quarantine(house: House) -> None:
    house.batch(files={BROKEN: b"x"})
    house.target.s3.delete_object(Bucket=house.target.raw, Key=BROKEN)
    [outcome] = house.replay()
    assert outcome.files == {COPIED_BACK: 1}
    assert house.objects() == {BROKEN: b"x"}
    assert house.claim_of(BROKEN) is None


def test_a_file_that_is_lost_everywhere_is_released_and_asked_for(house: House) -> None:
    quarantine = house.batch(files={BROKEN: b"x"})
    house.target.s3.delete_object(Bucket=house.target.raw, Key=BROKEN)
    bucket, _, folder = quarantine.removeprefix("s3://").partition("/")
    house.target.s3.delete_object(Bucket=bucket, Key=f"{folder}files/{BROKEN}")
    [outcome] = house.replay()
    assert outcome.files == {GONE: 1}
    assert house.claim_of(BROKEN) is None


def test_a_file_is_released_once_however_often_it_is_replayed(house: House) -> None:
    house.batch(files={BROKEN: b"x"})
    house.replay()
    house.claim(BROKEN, "the next batch", b"x")
    [outcome] = house.replay()
    assert outcome.replay is None
    assert house.claim_of(BROKEN)["batch_id"] == "the next batch"


# Rows that people correct -------------------------------------------------------------------------------


def test_an_export_imported_as_it_is_sends_what_a_replay_sends(house: House, tmp_path: Path) -> None:
    rows = [row('{"price":1.10,"n":007e1}'.replace("007", "7")), row({"id": "é"}), row({"id": "é"})]
    house.batch(rows)
    exported(house, tmp_path / "a.jsonl")
    imported(house, tmp_path / "b.jsonl", (tmp_path / "a.jsonl").read_text(encoding="utf-8"))
    assert house.sent() == {'{"price": "1.10", "n": "7e1"}': 1, '{"id": "\\u00e9"}': 2}


def test_a_corrected_row_is_sent_in_place_of_the_refused_one(house: House, tmp_path: Path) -> None:
    house.batch([row('7,x,"y', position="line 4"), row({"id": "1"})])
    found = {line["record"]: line for line in exported(house, tmp_path / "a.jsonl") if "position" in line}
    line = found['7,x,"y'] | {"record": {"id": 7, "price": 0.10, "paid": True, "name": None}}
    imported(house, tmp_path / "b.jsonl", json.dumps(line).replace("0.1", "0.10"))
    assert house.sent() == {'{"id": "7", "price": "0.10", "paid": "true", "name": null}': 1}
    house.replay()
    assert sum(house.sent().values()) == 2


def test_a_dropped_row_is_recorded_and_never_sent(house: House, tmp_path: Path) -> None:
    house.batch([row({"id": "1"})])
    [line] = exported(house, tmp_path / "a.jsonl")
    imported(house, tmp_path / "b.jsonl", json.dumps({"id": line["id"], "drop": True}), note="a test order")
    house.replay()
    assert not house.sent()
    [item] = house.replays()
    assert (item["rows_dropped"], item["note"], item["who"]) == (1, "a test order", "tester")


def test_a_line_of_an_unknown_or_sent_row_stops_the_whole_import(house: House, tmp_path: Path) -> None:
    house.batch([row({"id": "1"}), row({"id": "2"}, reason="other")])
    first, second = exported(house, tmp_path / "a.jsonl")
    house.replay(Selection(reason="other"))
    if first["reason"] == "other":
        first, second = second, first
    unknown = {"id": f"{BATCH}/ingestion/beef-1", "record": {}}
    text = "\n".join(map(json.dumps, (first, second, unknown)))
    with pytest.raises(ReplayError) as caught:
        imported(house, tmp_path / "b.jsonl", text)
    assert "nothing was sent" in str(caught.value)
    assert f"line 2: row {second['id']} was sent or given up before: replay 1 of 20" in str(caught.value)
    assert f"line 3: there is no quarantined row {unknown['id']}" in str(caught.value)
    assert sum(house.sent().values()) == 1


def test_the_same_file_imported_again_sends_nothing_more(house: House, tmp_path: Path) -> None:
    house.batch([row({"id": "1"})])
    [line] = exported(house, tmp_path / "a.jsonl")
    for _ in range(2):
        imported(house, tmp_path / "b.jsonl", json.dumps(line))
    assert sum(house.sent().values()) == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "not a line of JSON"),
        ("[]", 'an object with the "id"'),
        ('{"id": 7}', 'an object with the "id"'),
        ('{"id": "b/ingestion/x-1", "record": "7,x"}', '"record" must be an object'),
        ('{"id": "b/ingestion/x-1"}', '"record" must be an object'),
        ('{"id": "b/ingestion/x-1", "drop": "yes"}', '"drop" must be true'),
    ],
)
def test_a_wrong_line_of_an_import_is_named(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "fixes.jsonl"
    path.write_text("\n" + line)
    with pytest.raises(ReplayError, match=r"fixes\.jsonl: nothing was sent\nline 2: ") as caught:
        read_import(path)
    assert told in str(caught.value)


def test_a_row_that_comes_twice_in_an_import_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fixes.jsonl"
    path.write_text('{"id": "b/ingestion/x-1", "record": {}}\n' * 2)
    with pytest.raises(ReplayError, match="line 2: its id stands in line 1, too"):
        read_import(path)


def test_a_large_object_is_copied_in_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_ONE_COPY", 1)
    monkeypatch.setattr(objects, "_PART", 6 * 1024 * 1024)
    content = bytes(range(256)) * 30_000
    source, to = (f"s3://{house.target.raw}/{name}" for name in ("source", "to"))
    house.put(source, content)
    assert objects.copy_unless_there(house.target.s3, source, to)
    assert objects.head(house.target.s3, to).size == len(content)
    assert not objects.copy_unless_there(house.target.s3, source, to)
