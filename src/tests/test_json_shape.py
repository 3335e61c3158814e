"""JSON: lines, one document, or text of which a part would be left out."""

from __future__ import annotations

import codecs
import json

import pytest

from etl.errors import UnreadableFileError
from etl.reading.formats import HEAD_BYTES, FileFormat
from reading import detected

CSV = "id,name\n1,Ann\n"
JSON_LINES, ONE_JSON = FileFormat("json"), FileFormat("json", multiline=True)


def refusal(name: str, content: str) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        detected(name, content)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}\n{"a": 2}\n', JSON_LINES),
        ('{"a": 1}', JSON_LINES),
        ('\n \t{"a": 1}\r\n{"a": 2}\r\n', JSON_LINES),
        ('{"a": 1}\nbroken\n', JSON_LINES),
        ('[{"a": 1}, {"a": 2}]', ONE_JSON),
        ('[\n  {"a": 1},\n  {"a": 2}\n]\n', ONE_JSON),
        ('{\n  "a": 1\n}\n', ONE_JSON),
        ("[]", ONE_JSON),
    ],
)
def test_json_is_lines_or_one_document(text: str, expected: FileFormat) -> None:
    assert detected("x.json", text) == expected
    assert detected("x.csv", text) == expected


def test_json_is_found_behind_a_byte_order_mark() -> None:
    data = codecs.BOM_UTF8 + b'{"a": 1}\n'
    assert detected("x.json", data) == JSON_LINES
    utf_16 = codecs.BOM_UTF16_LE + '[{"a": 1}]'.encode("UTF-16LE")
    assert detected("x.json", utf_16) == FileFormat("json", multiline=True, encoding="UTF-16LE")


def test_large_json_documents_are_told_by_their_head() -> None:
    rows = [{"id": number, "text": "ä" * 20} for number in range(5000)]
    assert detected("x.json", json.dumps(rows)) == ONE_JSON
    assert detected("x.json", json.dumps(rows, indent=1)) == ONE_JSON
    assert detected("x.json", json.dumps({"rows": rows}, indent=1)) == ONE_JSON
    assert detected("x.json", "\n".join(json.dumps(row) for row in rows)) == JSON_LINES


def test_a_json_line_longer_than_the_head_is_a_line() -> None:
    line = json.dumps({"text": "a" * HEAD_BYTES})
    assert detected("x.json", f"{line}\n{line}\n") == JSON_LINES


@pytest.mark.parametrize(
    "text",
    ['{\n"a": 1\n}\n{\n"a": 2\n}\n', '{"a": 1},\n{"a": 2}\n', "[1]\n[2]\n", '[{"a": 1}] and more'],
)
def test_json_documents_that_are_not_one_a_line_are_refused_for_spark_reads_only_the_first(text: str) -> None:
    assert "write one object a line" in refusal("x.json", text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[1, "a"]\n[2, "b"]\n', "each line is an array"),
        ("[1, 2, 3]", "items are numbers and not objects"),
        ('["a", "b"]', "items are texts and not objects"),
        ("[[1], [2]]", "items are arrays and not objects"),
        ('[{"a": 1}, null]', "item 2 of the array is a null"),
    ],
)
def test_json_without_objects_is_refused_for_its_values_have_no_names(text: str, reason: str) -> None:
    assert reason in refusal("x.json", text)


def test_an_array_of_others_is_refused_though_the_head_cuts_it() -> None:
    assert "items are numbers" in refusal("x.json", json.dumps(list(range(100_000))))


def test_blank_lines_between_json_lines_are_passed_over() -> None:
    assert detected("x.json", '\n\n{"a": 1}\n\n\n{"a": 2}\n') == JSON_LINES


def test_a_bracket_does_not_make_a_csv_header_json() -> None:
    assert detected("x.csv", "[id],[name]\n1,Ann\n") == FileFormat("csv", header=("[id]", "[name]"))
    assert detected("x.csv", "{id},name\n1,Ann\n") == FileFormat("csv", header=("{id}", "name"))
    assert detected("x.json", "{'a': 1}\n") == ONE_JSON


def test_text_is_json_when_the_contract_says_so_and_is_left_to_the_reader_to_refuse() -> None:
    assert detected("x.csv", CSV, declared="json") == ONE_JSON
