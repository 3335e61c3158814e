"""scripts/connector.py: what it tells people, and what it does to the state."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import boto3
import pytest
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from typer.testing import CliRunner

import connector
from connections.conftest import credentials, world  # noqa: F401 - fixtures
from connections.world import World, connector_of

SHOP = "name: shop\ndataset: orders\ndatabase: {url: 'sqlite:///FILE', table: orders, key: [id]}\n"
BY_NUMBER = "incremental: {cursor: id, type: number}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a connector of a database of three orders."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    with engine.begin() as connection:
        connection.execute(sa.text("create table orders (id integer primary key, note text)"))
        connection.execute(sa.text("insert into orders values (1, 'a'), (2, 'b'), (3, 'c')"))
    (tmp_path / "shop.yml").write_text(SHOP.replace("FILE", f"{tmp_path}/shop.db") + BY_NUMBER)
    return tmp_path


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(connector.app, [str(one) for one in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_right_files_are_listed_and_wrong_ones_are_told(folder: Path) -> None:
    status, output = run("check", "--folder", folder)
    assert status == 0
    assert "shop" in output and "by hand" in output
    (folder / "other.yml").write_text("name: other\n")
    status, output = run("check", "--folder", folder)
    assert (status, "other.yml: the connector: field 'dataset' is missing" in output) == (1, True)


def test_a_preview_prints_rows_and_writes_nothing(folder: Path) -> None:
    status, output = run("preview", "shop", "--rows", "2", "--folder", folder)
    assert status == 0
    assert [json.loads(line) for line in output.splitlines()] == [{"id": 1, "note": "a"}, {"id": 2, "note": "b"}]


def test_an_unknown_connector_is_told_with_those_there_are(folder: Path) -> None:
    status, output = run("preview", "shopp", "--folder", folder)
    assert (status, "there is no connector shopp; there are: shop" in output) == (1, True)


@pytest.fixture
def dev(world: World) -> World:  # noqa: F811
    """The state table of an environment called dev."""
    keys = (("entity", "HASH"), ("id", "RANGE"))
    boto3.resource("dynamodb").create_table(
        TableName="demo-dev-job-state",
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    return world


def test_a_cursor_set_by_hand_is_where_the_next_load_goes_on(folder: Path, dev: World) -> None:
    where = ("--env", "dev", "--project-name", "demo", "--folder", folder)
    assert run("set-cursor", "shop", "2.0", *where) == (0, "The next load of shop goes on from 2.0.\n")
    status, output = run("status", *where)
    assert status == 0
    assert "2.0" in output
    assert run("set-cursor", "shop", "soon", *where)[0] == 1


def test_the_cursor_of_a_connector_that_is_being_loaded_can_t_be_set(folder: Path, dev: World) -> None:
    table = boto3.resource("dynamodb").Table("demo-dev-job-state")
    table.put_item(Item={"entity": "cursor#shop", "id": "state", "owner": "run", "lease_until": 9_999_999_999})
    status, output = run("set-cursor", "shop", "1", "--env", "dev", "--project-name", "demo", "--folder", folder)
    assert (status, "shop is being loaded" in output) == (1, True)


def test_a_load_asks_the_queue_of_apis(folder: Path, dev: World) -> None:
    connector_of("name: api\ndataset: orders\nrest: {url: 'https://api.example.com'}\n")
    (folder / "api.yml").write_text("name: api\ndataset: orders\nrest: {url: 'https://api.example.com'}\n")
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="demo-dev-connectors")["QueueUrl"]
    assert run("load", "api", "--env", "dev", "--project-name", "demo", "--folder", folder)[0] == 0
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"connector": "api"}'
    assert run("load", "shop", "--env", "dev", "--project-name", "demo", "--folder", folder)[0] == 1, "no such job"
