"""Raw and the state table in this process, and sources of rows that tests write into."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import yaml

from connectors.cursors import Held, held
from connectors.loading import Load, Page, Result
from connectors.model import Connector
from connectors.parts import RawFolder
from connectors.reading import parse_connectors
from connectors.windows import Window

RAW, STATE, SCRIPTS = "demo-raw", "demo-job-state", "demo-scripts"
NOON = datetime(2024, 1, 15, 12, 0, tzinfo=timezone.utc)


class World:
    """What connectors write to. Args: ``endpoint``: of a server; None: mocked in this process."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._endpoint = endpoint

    def create(self) -> World:
        """Make the buckets and the table."""
        for bucket in (RAW, SCRIPTS):
            self.s3().create_bucket(Bucket=bucket)
        keys = (("entity", "HASH"), ("id", "RANGE"))
        boto3.resource("dynamodb", endpoint_url=self._endpoint).create_table(
            TableName=STATE,
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        return self

    def s3(self) -> Any:
        """A client of S3."""
        return boto3.client("s3", endpoint_url=self._endpoint)

    def table(self) -> Any:
        """The state table."""
        return boto3.resource("dynamodb", endpoint_url=self._endpoint).Table(STATE)

    def folder(self, connector: Connector) -> RawFolder:
        """The connector's folder in raw."""
        return RawFolder(self.s3(), RAW, connector.dataset, connector.name)

    def load(
        self, connector: Connector, source: Any, now: datetime = NOON, owner: str = "run", **limits: Any
    ) -> Result:
        """One load, as the Lambda and the job do it."""
        with held(self.table(), connector.name, owner) as state:
            return Load(connector, source, state, self.folder(connector), **limits).run(now)

    def state(self, connector: Connector, owner: str, seconds: int = 300) -> Held:
        """The connector's state, taken by a run that does not give it back."""
        taken = Held(self.table(), connector.name, owner, seconds)
        taken.take()
        return taken

    def keys(self) -> list[str]:
        """Keys of the files in raw."""
        return [item["Key"] for item in self.s3().list_objects_v2(Bucket=RAW).get("Contents", ())]

    def rows(self) -> Counter[int]:
        """How often each row's id is in raw."""
        found: Counter[int] = Counter()
        for key in self.keys():
            text = self.s3().get_object(Bucket=RAW, Key=key)["Body"].read().decode()
            found.update(json.loads(line)["id"] for line in text.splitlines())
        return found

    def publish(self, text: str) -> Connector:
        """Publish a connector as Terraform does."""
        connector = connector_of(text)
        body = json.dumps(yaml.safe_load(text))
        self.s3().put_object(Bucket=SCRIPTS, Key=f"config/connectors/{connector.name}.json", Body=body)
        return connector


def connector_of(text: str) -> Connector:
    """The connector of a YAML text."""
    return parse_connectors({f"{yaml.safe_load(text)['name']}.yml": text})[yaml.safe_load(text)["name"]]


def row(number: int, at: datetime | None = None) -> dict[str, Any]:
    """A row that was last changed at a time; ``number`` minutes past ten if none is given."""
    moment = at or NOON - timedelta(hours=2) + timedelta(minutes=number)
    return {"id": number, "updated_at": moment.isoformat().replace("+00:00", "Z")}


@dataclass
class Rows:
    """A source in memory: pages of two rows, in the order in which they stand."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    size: int = 2
    asked: list[Any] = field(default_factory=list)

    def pages(self, window: Window, position: Any) -> Iterator[Page]:
        """Pages from a position on."""
        begin = position or 0
        while True:
            self.asked.append(begin)
            end = begin + self.size
            yield Page(self.rows[begin:end], end if end < len(self.rows) else None)
            if end >= len(self.rows):
                return
            begin = end
