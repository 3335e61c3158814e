"""JSON: every number keeps its digits, every line is a row or is kept whole, nested values are text or columns."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from etl.names import CORRUPT
from reading import Read, corrupt, reader, values

EXACT = [
    "0.1234567890123456789",
    "12345678901234567890.12",
    "-123456789012345.67",
    "0.30000000000000000001",
    "1e400",
    "1.5E-7",
    "-0.00000000000000000000000000000123",
    "12345678901234567890123456789012345678",
    "-9223372036854775809",
    "1",
    "10.50",
]


@pytest.fixture
def read(spark: SparkSession, lake: Any) -> Read:
    """Files by name -> one frame (see :func:`reading.reader`)."""
    return reader(spark, lake)


def test_numbers_that_a_double_can_not_hold_keep_their_digits(read: Read) -> None:
    lines = [f'{{"id": "{n:02}", "v": {number} , "z": [{number}]}}' for n, number in enumerate(EXACT)]
    found = values(read({"a.json": "\n".join(lines)}))
    # Of numbers that a double holds, zeros at the end are not told.
    expected = ["10.5" if number == "10.50" else number for number in EXACT]
    assert [row["v"] for row in found] == expected
    assert [row["z"] for row in found] == [f"[{number}]" for number in expected]


def test_numbers_of_a_document_keep_their_digits_too(read: Read) -> None:
    records = ",\n".join(f'{{"v": {number}}}' for number in EXACT)
    found = [Decimal(row["v"] or "") for row in values(read({"a.json": f"[{records}]"}, multiline=True))]
    assert sorted(found) == sorted(Decimal(number) for number in EXACT)


def test_text_that_looks_like_numbers_is_left_alone(read: Read) -> None:
    texts = [
        'a: 12345678901234567890.12, "b": 1e5}',
        "\\",
        '\\"',
        '{"x": 1e5}',
        "é 1e5,",
        "0.1234567890123456789",
        "1e5",
    ]
    lines = [json.dumps({"id": n, "v": text, "n": 0.5}) + "\n" for n, text in enumerate(texts)]
    lines = [line.replace("0.5", "0.1234567890123456789") for line in lines]
    found = values(read({"a.json": "".join(lines)}))
    assert [(row["v"], row["n"]) for row in found] == [(text, "0.1234567890123456789") for text in texts]


def test_names_for_no_number_are_text_as_they_stand(read: Read) -> None:
    found = values(read({"a.json": '{"id": 1, "v": NaN}\n{"id": 2, "v": -Infinity}\n{"id": 3, "v": "NaN"}\n'}))
    assert [row["v"] for row in found] == ["NaN", "-Infinity", "NaN"]


@pytest.mark.parametrize(
    "line",
    [
        '{"id": 8} {"id": 9}',
        '{"id": 8}, "more": 1',
        '{"id": 8}garbage',
        '{"id": 8}}',
        "null",
        "5",
        '"text"',
        '[{"id": 8}, {"id": 9}]',
        '{"id": 8, "v": 12345678901234567890.12',
        '{"id": 8, "ID": 9}',
    ],
)
def test_a_line_that_is_not_one_object_is_kept_whole(read: Read, line: str) -> None:
    frame = read({"a.json": f'{{"id": 1}}\n{line}\n{{"id": 2}}\n'})
    assert corrupt(frame) == [line]
    assert sorted(row["id"] for row in frame.where(f"{CORRUPT} is null").collect()) == ["1", "2"]


def test_two_objects_in_a_line_lose_neither(read: Read) -> None:
    frame = read({"a.json": '{"id": 1}\n{"id": 8}, {"id": 9, "new": "x"}\n'})
    assert corrupt(frame) == ['{"id": 8}, {"id": 9, "new": "x"}']


def test_blank_lines_carriage_returns_and_a_byte_order_mark_are_no_data(read: Read) -> None:
    frame = read({"a.json": b'\xef\xbb\xbf{"id": 1}\r\n\r\n \t\r\n{"id": "a\\u0000b"}\r\n'})
    assert values(frame) == [{"id": "1"}, {"id": "a\x00b"}]
    assert corrupt(frame) == []


def test_keys_spelled_in_two_ways_are_one_column(read: Read) -> None:
    frame = read({"a.json": '{"id": 1, "Name": "a"}\n', "b.json": '{"ID": 2, "name": "b"}\n'})
    assert values(frame) == [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def test_a_hundred_levels_of_nesting_are_kept(read: Read) -> None:
    deep = "[" * 50 + '{"a":' * 50 + "1" + "}" * 50 + "]" * 50
    [row] = values(read({"a.json": f'{{"id": 1, "deep": {deep}}}\n'}))
    assert row["deep"] == deep


def test_a_line_of_very_many_values_is_no_danger_for_the_stack(read: Read) -> None:
    items = ['x\\"y'] * 50_000 + [0.5] * 50_000
    line = json.dumps({"id": 1, "v": items, "e": "E"}).replace('"E"', "1e400")
    [row] = values(read({"a.json": line + "\n"}))
    assert (row["e"], json.loads(row["v"] or "")) == ("1e400", items)


def test_nested_text_keeps_nulls_and_numbers(read: Read) -> None:
    [row] = values(read({"a.json": '{"id": 1, "who": {"a": null, "b": 1.5, "c": "x", "d": [1, "2"]}}\n'}))
    assert row["who"] == '{"a":null,"b":1.5,"c":"x","d":[1,"2"]}'


def test_nested_objects_become_columns_where_the_contract_flattens(read: Read) -> None:
    lines = [
        '{"id": 1, "who": {"name": "Ann", "home": {"zip": "007"}, "tags": ["a", {"b": 1}]}, "who_name": "clash"}',
        '{"id": 2, "who": {"name": 12345678901234567890.12}}',
        '{"id": 3, "who": null}',
        '{"id": 4}',
    ]
    found = values(read({"a.json": "\n".join(lines)}, nested="flatten"))
    empty = {"who_name": None, "who_home_zip": None, "who_tags": None, "who_name_2": None}
    assert found == [
        {"id": "1", "who_home_zip": "007", "who_name": "Ann", "who_tags": '["a",{"b":1}]', "who_name_2": "clash"},
        {**empty, "id": "2", "who_name": "12345678901234567890.12"},
        {**empty, "id": "3"},
        {**empty, "id": "4"},
    ]


def test_an_object_here_and_a_text_there_stay_text_where_the_contract_flattens(read: Read) -> None:
    found = values(read({"a.json": '{"id": 1, "v": {"a": 1}}\n{"id": 2, "v": "x"}\n'}, nested="flatten"))
    assert found == [{"id": "1", "v": '{"a":1}'}, {"id": "2", "v": "x"}]


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None).map(str)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)


@settings(max_examples=1, deadline=None)
@given(st.lists(st.tuples(NUMBERS, TEXTS, TEXTS), min_size=500, max_size=500))
def test_any_number_beside_any_text_is_read_exactly(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    from etl.reading.json_reader import read_json

    path = tmp_path_factory.mktemp("json") / "a.json"
    lines = [
        f'{{"id": {n}, "a": {json.dumps(before)}, "v": {number}, "b": {json.dumps(after, ensure_ascii=False)}}}'
        for n, (number, before, after) in enumerate(rows)
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = {int(row["id"]): row for row in read_json(spark, [path.as_uri()], "text", None).collect()}
    assert [(found[n]["a"], Decimal(found[n]["v"]), found[n]["b"]) for n in range(len(rows))] == [
        (before, Decimal(number), after) for number, before, after in rows
    ]
