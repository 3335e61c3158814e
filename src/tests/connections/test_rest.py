"""REST APIs: a server that the test starts, with every way of paging and authentication, and everything going wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from connections.shop import Shop, Trouble, cut, status
from connections.world import NOON, RAW, World, connector_of, row
from connectors.errors import CredentialsError, SourceError
from connectors.loading import Result
from connectors.model import Connector
from lambdas.conftest import load_handler

load_handler("api_connector")  # puts the Lambda's folder on the path, as its zip is
from rest import RestRows  # noqa: E402

Make = Callable[..., Connector]
BY_TIME = "incremental: {cursor: updated_at, type: timestamp}"
FILES_OF_TWO = f"{BY_TIME}\noutput: {{max_rows: 2}}"


@pytest.fixture
def shop(httpserver: HTTPServer) -> Shop:
    """An API of ten orders."""
    return Shop(httpserver, [row(number) for number in range(10)])


@pytest.fixture
def make(shop: Shop) -> Make:
    """Connectors of the shop. Args: further lines of ``rest``; ``more``: of the connector."""

    def connector(*rest: str, more: str = BY_TIME) -> Connector:
        lines = "".join(f"  {line}\n" for line in rest)
        return connector_of(
            f"name: shop\ndataset: orders\nrest:\n  url: {shop.url}\n  records: data\n"
            f"  longest_wait_seconds: 1\n  attempts: 3\n{lines}{more}\n"
        )

    return connector


def load(world: World, connector: Connector, credentials: dict[str, str] | None = None, **options: Any) -> Result:
    return world.load(connector, RestRows(connector, credentials or {}), **options)


PAGINGS = {
    "next_link": "paging: {type: next_link, path: links.next}",
    "header_link": "paging: {type: header_link}",
    "token": "paging: {type: token, path: token, parameter: token}",
    "page": "paging: {type: page, parameter: page}",
    "offset": "paging: {type: offset, parameter: offset, size_parameter: size, size: 3}",
}


@pytest.mark.parametrize("paging", PAGINGS.values(), ids=PAGINGS)
def test_every_page_is_fetched_also_when_the_time_is_up_after_each(world: World, make: Make, paging: str) -> None:
    connector = make(paging)
    for _ in range(8):
        if load(world, connector, deadline=0, clock=lambda: 1.0).is_complete:
            break
    assert world.rows() == Counter(range(10))


def test_an_api_without_pages_gives_everything_at_once(world: World, make: Make, shop: Shop) -> None:
    shop.size = 100
    load(world, make())
    assert (len(shop.requests), world.rows()) == (1, Counter(range(10)))


def test_the_window_is_asked_for_and_what_the_api_gives_beyond_it_is_left_out(
    world: World, make: Make, shop: Shop
) -> None:
    more = "incremental: {cursor: updated_at, type: timestamp, parameter: since, until_parameter: until, format: date}"
    connector = make(PAGINGS["next_link"], "params: {status: any}", more=more)
    load(world, connector)
    shop.rows.append(row(130))
    load(world, connector, now=NOON + timedelta(days=1))
    assert shop.asked[0] == {"status": "any", "until": "2024-01-16"}
    assert {"status": "any", "since": "2024-01-15", "until": "2024-01-17"} in shop.asked
    assert world.rows() == Counter([*range(10), 130])


def test_numbers_keep_every_digit(world: World, make: Make, shop: Shop) -> None:
    body = '{"data": [{"id": 1, "price": 12345678901234567890.10, "updated_at": "2024-01-15T10:00:00Z"}]}'
    shop.troubles = [status(200, body=body)]
    load(world, make())
    stored = world.s3().get_object(Bucket=RAW, Key=world.keys()[0])["Body"].read()
    assert b'"price":12345678901234567890.10,' in stored


PASSING = {
    "500": status(500),
    "503": status(503),
    "429": status(429),
    "Retry-After": status(429, {"Retry-After": "1"}),
    "cut": cut,
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_trouble_that_passes_is_waited_out(world: World, make: Make, shop: Shop, trouble: Trouble) -> None:
    shop.size, shop.troubles = 10, [trouble]
    begun = time.monotonic()
    load(world, make())
    assert world.rows() == Counter(range(10))
    assert len(shop.requests) == 2
    assert 0.9 < time.monotonic() - begun < 10, "it waited as long as the API or the connector says"


@pytest.mark.parametrize(
    ("trouble", "times", "told"),
    [
        (status(500), 3, "/orders answered 500 INTERNAL SERVER ERROR: 'no'"),
        (status(429, {"Retry-After": "3600"}), 3, "answered 429 TOO MANY REQUESTS: 'no' the API limits the rate"),
        (status(401), 1, "answered 401 UNAUTHORIZED: 'no' the credentials in the secret are not accepted"),
        (status(404), 1, "answered 404 NOT FOUND: 'no' check rest.url"),
        (cut, 3, "can't be reached: "),
        (status(200, body="<html>"), 1, "answered with no JSON"),
        (status(200, body='{"items": []}'), 1, "answered without rest.records 'data'; there is: items"),
        (status(200, body='{"data": {"id": 1}}'), 1, "has dict where a list of rows should be"),
        (status(200, body='["text"]'), 1, "answered without rest.records 'data'; there is: list"),
        (status(200, body='{"data": [{"id": 1}]}'), 1, "a row has no value in the cursor 'updated_at'"),
    ],
)
def test_trouble_that_stays_is_told_and_the_next_load_goes_on_from_the_last_file(
    world: World, make: Make, shop: Shop, trouble: Trouble, times: int, told: str
) -> None:
    connector = make(PAGINGS["next_link"], more=FILES_OF_TWO)
    load(world, connector, deadline=0, clock=lambda: 1.0)
    shop.troubles = [trouble] * times
    with pytest.raises(SourceError) as raised:
        load(world, connector)
    assert told in str(raised.value)
    assert not shop.troubles, "it was tried as often as the connector says"
    load(world, connector)
    assert world.rows() == Counter(range(10))


def test_credentials_are_not_carried_to_another_server(world: World, make: Make, shop: Shop) -> None:
    elsewhere = '{"data": [], "links": {"next": "https://evil.example.com/orders"}}'
    shop.troubles = [status(200, body=elsewhere)]
    with pytest.raises(SourceError, match=r"https://evil.example.com, which is another server"):
        load(world, make(PAGINGS["next_link"]))


def test_a_page_that_links_to_itself_ends_the_load(world: World, make: Make, shop: Shop) -> None:
    shop.troubles = [status(200, body=f'{{"data": [], "links": {{"next": "{shop.url}?a=1"}}}}')] * 2
    with pytest.raises(SourceError, match="links from a page to the same page again"):
        load(world, make(PAGINGS["next_link"]))


def test_each_way_of_authentication_shows_what_the_secret_holds(world: World, make: Make, shop: Shop) -> None:
    shop.size = 100
    shop.server.expect_request("/token", method="POST").respond_with_json({"access_token": "given", "expires_in": 60})
    for text, fields in (
        ("{type: bearer, secret: s}", {"token": "t1"}),
        ("{type: api_key, secret: s, name: X-Api-Key}", {"key": "k1"}),
        ("{type: api_key, secret: s, name: key, place: query}", {"key": "k2"}),
        ("{type: basic, secret: s}", {"username": "me", "password": "pw"}),
        (
            f"{{type: oauth2_client_credentials, secret: s, token_url: '{shop.server.url_for('/token')}'}}",
            {"client_id": "c", "client_secret": "x"},
        ),
    ):
        load(world, make(f"authentication: {text}", more=""), fields, now=NOON + timedelta(minutes=len(shop.requests)))
    seen = [
        (one.headers.get("Authorization"), one.headers.get("X-Api-Key"), one.args.get("key")) for one in shop.requests
    ]
    assert seen == [
        ("Bearer t1", None, None),
        (None, "k1", None),
        (None, None, "k2"),
        ("Basic bWU6cHc=", None, None),
        ("Bearer given", None, None),
    ]


def test_a_secret_without_its_field_is_told_without_its_values(make: Make) -> None:
    with pytest.raises(CredentialsError, match="the secret s has no field token; its fields are: password, username"):
        RestRows(make("authentication: {type: bearer, secret: s}"), {"username": "me", "password": "pw"})


def test_no_row_is_lost_or_doubled_while_the_api_fails_half_of_the_time(world: World, make: Make, shop: Shop) -> None:
    kinds: list[Trouble] = [status(500), lambda _: Response("<", content_type="text/html"), status(404), cut]
    connector = make(PAGINGS["token"], more=FILES_OF_TWO)
    for number in range(20):
        shop.troubles = [kinds[number % 4]] * 3 if number % 2 else []
        try:
            done = load(world, connector, deadline=0, clock=lambda: 1.0).is_complete
        except SourceError:
            continue
        if done:
            break
    assert world.rows() == Counter(range(10))
