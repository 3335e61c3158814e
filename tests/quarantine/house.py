"""A small house for tests of the replay: buckets and tables in moto, batches with a quarantine, an oracle."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "scripts"))
from quarantine.batches import find_batches  # noqa: E402
from quarantine.plan import Selection  # noqa: E402
from quarantine.replay import Outcome, Session  # noqa: E402
from quarantine.target import Target  # noqa: E402

BATCH = "20240116T093000123-4f1c2a9b"
DAY = "data/incoming/orders/2024/01/15"
BAD = "amount: required value is missing"
WRITES = ("PutObject", "CopyObject", "PutItem", "UpdateItem", "DeleteItem", "UploadPartCopy", "CompleteMultipartUpload")


class KilledError(Exception):
    """The process ends here. Not a BaseException: boto3's upload threads would hang on one."""


def row(record: Mapping[str, Any] | str, reason: str = BAD, source: str = "a.csv", day: str = DAY, **more: str) -> Any:
    """A line of a quarantine file; the record is given as an object, or as the raw line."""
    text = record if isinstance(record, str) else json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    return {"reason": reason, "source_file": f"s3://{{raw}}/{day}/{source}", "record": text, "batch_id": BATCH, **more}


def nothing(text: str) -> None:
    """No progress is shown."""


@dataclass
class House:
    """The environment dev, in moto."""

    target: Target = field(default_factory=lambda: Target("dev", "shop"))

    def build(self) -> House:
        """Make buckets and tables; moto must be on."""
        for bucket in (self.target.raw, self.target.quality):
            self.target.s3.create_bucket(Bucket=bucket)
        self._table(self.target.bookmarks_table, "source", "object_key")
        self._table(self.target.state_table, "entity", "id")
        boto3.client("glue", region_name="us-east-1").create_workflow(Name=self.target.workflow, MaxConcurrentRuns=1)
        return self

    def _table(self, name: str, hash_key: str, range_key: str) -> None:
        self.target.tables.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": hash_key, "KeyType": "HASH"},
                {"AttributeName": range_key, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in (hash_key, range_key)],
        )

    # What the jobs leave behind ----------------------------------------------------------------------

    def batch(
        self,
        rows: Sequence[Any] = (),
        rejected: Sequence[Any] = (),
        files: Mapping[str, bytes] | None = None,
        batch_id: str = BATCH,
        status: str = "CHECKED",
        parts: int = 1,
        attempt: int = 1,
    ) -> str:
        """A batch with refused rows, rejected rows and refused files (key -> content); the URI of its quarantine."""
        name = f"batch_id={batch_id}" if attempt == 1 else f"batch_id={batch_id}.{attempt}"
        quarantine = f"s3://{self.target.quality}/quarantine/orders/{name}/"
        self.rows(quarantine, "ingestion", rows, parts)
        self.rows(quarantine, "processing", rejected, parts)
        listing = [self.refused(quarantine, key, content, batch_id) for key, content in (files or {}).items()]
        if listing:
            self.put(f"{quarantine}files.json", json.dumps(listing).encode())
        item = {"entity": "batch#orders", "id": batch_id, "status": status, "quarantine": quarantine}
        item |= {"rows_refused": len(rows), "files_refused": len(listing)}
        if status in ("PROCESSED", "CHECKED"):
            item["rows_rejected"] = len(rejected)
        self.put_item(self.target.state_table, item)
        self.put_item(self.target.state_table, {"entity": "dataset", "id": "orders"})
        return quarantine

    def rows(self, quarantine: str, stage: str, rows: Sequence[Any], parts: int = 1) -> None:
        """Quarantine files of a stage, as Spark writes them."""
        lines = [json.dumps(each, ensure_ascii=False).replace("{raw}", self.target.raw) for each in rows]
        if not lines:
            return
        for part in range(parts):
            text = "".join(f"{line}\n" for line in lines[part::parts])
            self.put(f"{quarantine}rows/stage={stage}/part-{part:05d}-aa.json", text.encode())
        self.put(f"{quarantine}rows/stage={stage}/_SUCCESS", b"")

    def refused(self, quarantine: str, key: str, content: bytes, batch_id: str = BATCH) -> dict[str, Any]:
        """A file in raw, its claim, and its copy in quarantine; its entry in files.json."""
        uri = f"s3://{self.target.raw}/{key}"
        self.put(uri, content)
        self.put(f"{quarantine}files/{key}", content)
        digest = hashlib.sha256(content).hexdigest()
        self.claim(key, batch_id, content)
        entry = {"source_file": uri, "size": len(content), "content_hash": digest, "reason": "can't be read: broken"}
        return {**entry, "kept_at": f"{quarantine}files/{key}"}

    def claim(self, key: str, batch_id: str, content: bytes) -> None:
        """A claim on a file; its time is another than the object's, so that the content is compared."""
        item = {"source": f"s3://{self.target.raw}/{key.rpartition('/')[0]}/", "object_key": key, "batch_id": batch_id}
        self.put_item(
            self.target.bookmarks_table,
            {**item, "size": len(content), "modified_ms": 1, "content_hash": hashlib.sha256(content).hexdigest()},
        )

    def put(self, uri: str, content: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.target.s3.put_object(Bucket=bucket, Key=key, Body=content)

    def put_item(self, table: str, item: dict[str, Any]) -> None:
        self.target.tables.put_item(TableName=table, Item=item)

    # The replay --------------------------------------------------------------------------------------

    def session(self, note: str = "") -> Session:
        return Session(self.target, "orders", who="tester", note=note)

    def replay(self, selection: Selection | None = None, *batch_ids: str, session: Session | None = None) -> list[Any]:
        """What the script does without the words: finish what was begun, then every batch."""
        session = session or self.session()
        for unfinished in session.unfinished():
            session.finish(unfinished, nothing)
        found = find_batches(self.target, "orders", batch_ids)
        return [session.replay(batch, selection or Selection(), nothing) for batch in found]

    def interrupted(self, when: str, number: int, what: Callable[[], None]) -> Target:
        """A target whose writes call something before or after the write of this number (from 1)."""
        target = Target(self.target.environment, self.target.project)
        seen = 0

        def count(model: Any, **_: Any) -> None:
            nonlocal seen
            if model.name in WRITES:
                seen += 1
                if seen == number:
                    what()

        for client in (target.s3, target.tables):
            client.meta.events.register(f"{when}-call", count)
        return target

    # What came of it ---------------------------------------------------------------------------------

    def objects(self, prefix: str = "data/incoming/") -> dict[str, bytes]:
        """Key -> content of the objects of raw."""
        listed = self.target.s3.list_objects_v2(Bucket=self.target.raw, Prefix=prefix).get("Contents", ())
        keys = [item["Key"] for item in listed]
        return {key: self.target.s3.get_object(Bucket=self.target.raw, Key=key)["Body"].read() for key in keys}

    def sent(self) -> Counter[str]:
        """Every line that replays have put into raw."""
        files = [content for key, content in self.objects().items() if "/replay-" in key]
        return Counter(line for content in files for line in content.decode().splitlines())

    def claim_of(self, key: str) -> dict[str, Any] | None:
        folder = f"s3://{self.target.raw}/{key.rpartition('/')[0]}/"
        keys = {"source": folder, "object_key": key}
        return self.target.tables.get_item(TableName=self.target.bookmarks_table, Key=keys).get("Item")

    def replays(self) -> list[dict[str, Any]]:
        return [dict(replay.facts) for replay in self.session().ledger.replays()]

    def runs(self) -> int:
        return len(self.target.glue.get_workflow_runs(Name=self.target.workflow)["Runs"])


def sendable(rows: Iterable[Any]) -> Counter[str]:
    """The oracle: the records of rows that can be sent, as a multiset."""
    return Counter(as_sent(each["record"]) for each in rows if each["record"].startswith("{"))


def as_sent(record: str) -> str:
    return re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found.group())[1:-1], record)


def counts(outcomes: Iterable[Outcome]) -> Counter[tuple[str, str]]:
    """(stage, what) -> rows, over all batches."""
    total: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        for (stage, _, done), count in outcome.survey.counts.items():
            total[(stage, done)] += count
    return total


def credentials() -> AbstractContextManager[Any]:
    """Credentials that moto takes, for where there is no fixture."""
    values = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    return mock.patch.dict(os.environ, values)


@contextmanager
def new_house() -> Iterator[House]:
    """An environment with its buckets and tables, and nothing in them."""
    # One session for all tests: loading the services' models takes most of a small test's time.
    with mock_aws(), mock.patch.object(boto3, "DEFAULT_SESSION", _session()):
        yield House().build()


@lru_cache(maxsize=1)
def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
