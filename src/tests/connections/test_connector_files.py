"""Connector files: what is right, what is wrong, and what people are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import ConfigurationError
from connectors.model import DatabaseSource, RestSource
from connectors.reading import parse_connectors

EXAMPLES = Path(__file__).resolve().parents[2] / "config" / "connectors" / "examples"
REST = "name: a\ndataset: orders\nrest:\n  url: https://api.example.com/orders\n"
DATABASE = "name: a\ndataset: orders\ndatabase:\n  url: postgresql://db/shop\n  table: orders\n  key: [id]\n"


def test_every_example_is_valid_and_there_is_one_of_each_source() -> None:
    found = parse_connectors({path.name: path.read_text() for path in EXAMPLES.glob("*.yml")})
    assert {type(connector.source) for connector in found.values()} == {RestSource, DatabaseSource}


def test_the_shortest_connectors_have_sensible_limits() -> None:
    found = parse_connectors({"a.yml": REST})["a"]
    assert (found.max_rows, found.max_megabytes, found.incremental, found.secret) == (50_000, 32, None, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "is not readable as YAML"),
        ("- a\n", "holds list, and a connector is a mapping of fields"),
        ("name: a\n", "field 'dataset' is missing"),
        ("name: b\n" + REST[8:], "name: 'b' must be the file's name, 'a'"),
        (REST + "shedule: rate(1 hour)\n", "unknown field 'shedule' (did you mean 'schedule'?)"),
        (REST + "schedule: hourly\n", "schedule: 'hourly' must be rate(15 minutes) or cron(0 2 * * ? *)"),
        (DATABASE + "schedule: rate(1 hour)\n", "schedule: Glue's triggers know no rate"),
        ("name: a\ndataset: orders\n", "give it either rest or database"),
        (REST + DATABASE[23:], "give it either rest or database"),
        (
            REST.replace("https://", "https://me:pw@"),
            "'https://***@api.example.com/orders' must be an http(s) URL",
        ),
        (DATABASE.replace("//db", "//me:pw@db"), "database.url: 'postgresql://***@db/shop' must be an SQLAlchemy URL"),
        (REST + "  paging: {type: pages}\n", "rest.paging.type: 'pages' is not one of none, next_link"),
        (REST + "  paging: {type: token, path: next}\n", "type token needs the field 'parameter'"),
        (REST + "  paging: {type: next_link, path: next, first: 5}\n", "type next_link takes no field 'first'"),
        (REST + "  headers: {Authorization: Bearer x}\n", "'Authorization' is a secret"),
        (REST + "  authentication: {type: oauth2_client_credentials, secret: shop}\n", "token_url belongs to"),
        (REST + "  authentication: {type: bearer, secret: shop, name: X}\n", "name and place belong to type api_key"),
        (REST + "incremental: {cursor: id, type: number, lag_seconds: 5}\n", "lag_seconds: belongs to type timestamp"),
        (REST + "incremental: {cursor: at, type: timestamp, start: soon}\n", "incremental.start: 'soon' is no time"),
        (DATABASE + "incremental: {cursor: id, type: number, parameter: p}\n", "parameter: belongs to rest"),
        (DATABASE + "output: {max_rows: 0}\n", "output.max_rows: must be bigger than or equal to 1, found '0'"),
        (REST + "incremental: {cursor: at, type: timestamp, start: 2024-01-01}\n", "for text put it in quotes"),
    ],
)
def test_a_wrong_file_is_told_with_its_field_and_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_connectors({"a.yml": text})
    assert told in str(raised.value)
    assert "a.yml: " in str(raised.value)
    assert "pw" not in str(raised.value)


def test_all_wrong_files_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_connectors({"a.yml": "name: a\n", "b.json": "{", "c.yml": REST.replace("name: a", "name: c")})
    assert [problem.split(":")[0] for problem in raised.value.problems] == ["a.yml", "b.json"]
