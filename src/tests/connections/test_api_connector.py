"""The Lambda api_connector: messages in, files out; what it does about secrets, time, failures and other runs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from aws_lambda_powertools.utilities.parameters import clear_caches
from pytest_httpserver import HTTPServer

from connections.shop import Shop, status
from connections.world import RAW, SCRIPTS, STATE, World, row
from lambdas.conftest import Context, load_handler, metrics_in, sqs_event


@dataclass(frozen=True)
class Call(Context):
    """A call with some time left."""

    seconds: float = 900

    def get_remaining_time_in_millis(self) -> int:
        """As Lambda tells it."""
        return int(self.seconds * 1000)


@pytest.fixture
def shop(httpserver: HTTPServer) -> Shop:
    """An API of ten orders."""
    return Shop(httpserver, [row(number) for number in range(10)])


@pytest.fixture
def function(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The Lambda, with a published connector of the shop and its secret."""
    for name, value in {
        "RAW_BUCKET": RAW,
        "STATE_TABLE": STATE,
        "SCRIPTS_BUCKET": SCRIPTS,
        "SECRET_PREFIX": "demo-connector-",
        "METRICS_NAMESPACE": "Demo",
        "POWERTOOLS_SERVICE_NAME": "demo-api-connector",
    }.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    boto3.client("secretsmanager").create_secret(Name="demo-connector-shop", SecretString="t0ken")
    world.publish(
        f"name: shop\ndataset: orders\nrest:\n  url: {shop.url}\n  records: data\n  attempts: 1\n"
        "  authentication: {type: bearer, secret: shop}\n  paging: {type: next_link, path: links.next}\n"
        "incremental: {cursor: updated_at, type: timestamp}\n"
    )
    return load_handler("api_connector")


def call(function: ModuleType, *bodies: Any, seconds: float = 900) -> Any:
    return function.handler(sqs_event(*bodies), Call(seconds=seconds))


def test_a_message_loads_its_connector_with_the_credentials_of_its_secret(
    function: ModuleType, world: World, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(function, {"connector": "shop"}) == {"batchItemFailures": []}
    assert world.rows() == Counter(range(10))
    assert {request.headers["Authorization"] for request in shop.requests} == {"Bearer t0ken"}
    output = capsys.readouterr().out
    (metrics,) = metrics_in(output)
    assert (metrics["Connector"], metrics["ConnectorRows"], metrics["ConnectorFailures"]) == ("shop", [10.0], [0.0])
    assert "t0ken" not in output


def test_a_call_that_has_little_time_left_puts_what_it_has_and_the_next_goes_on(
    function: ModuleType, world: World
) -> None:
    call(function, {"connector": "shop"}, seconds=20)
    assert world.rows() == Counter([0, 1])
    call(function, {"connector": "shop"})
    assert world.rows() == Counter(range(10))


def test_a_failure_is_an_error_of_the_lambda_so_that_its_alarm_sounds(
    function: ModuleType, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.troubles = [status(401)]
    with pytest.raises(BatchProcessingError, match="401 UNAUTHORIZED"):
        call(function, {"connector": "shop"})
    assert metrics_in(capsys.readouterr().out)[0]["ConnectorFailures"] == [1.0]


def test_a_connector_that_is_being_loaded_is_left_alone(function: ModuleType, world: World) -> None:
    held = world.publish(
        "name: shop\ndataset: orders\nrest: {url: 'http://127.0.0.1:1/'}\n"  # nobody answers there
    )
    world.state(held, "another")
    assert call(function, {"connector": "shop"}) == {"batchItemFailures": []}
    assert world.keys() == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{}", "the message must be"),
        ({"connector": "none"}, "there is no s3://demo-scripts/config/connectors/none.json"),
        ({"connector": "stock"}, "stock: loads a database; that is the job database_ingestion's"),
        ({"connector": "locked"}, "the secret demo-connector-locked can't be read: .*connector_secrets of Terraform"),
    ],
)
def test_what_can_t_be_loaded_is_told(function: ModuleType, world: World, body: Any, told: str) -> None:
    world.publish("name: stock\ndataset: stock\ndatabase: {url: 'sqlite://', table: t, key: [id]}\n")
    world.publish(
        "name: locked\ndataset: o\nrest: {url: 'http://127.0.0.1:1/', authentication: {type: bearer, secret: locked}}\n"
    )
    with pytest.raises(BatchProcessingError, match=told):
        call(function, body)


def test_a_schedule_sends_what_the_lambda_reads(function: ModuleType) -> None:
    assert function.connector_name(json.dumps({"connector": "shop"})) == "shop"
