"""A call of the data trigger that ends before or after any of its writes: its messages come again, nothing is lost."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import botocore.client
import pytest

from .arriving import PREFIX, Site, call, keys_in, load_trigger
from .arriving import site as site
from .arriving import trigger as trigger

GOOD, BAD = f"{PREFIX}orders/2024/01/15/good.csv", f"{PREFIX}orders/2024/01/15/bad.exe"
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "Publish", "StartWorkflowRun", "CopyObject"}
WRITES |= {"DeleteObject"}
# Behind sending a message and before marking it as sent: it is sent again, since otherwise it could be lost.
TOLD_AGAIN = "Publish"


class Killed(BaseException):
    """The end of a call at once, which no handler of errors sees."""


class Edges:
    """Counts the writes of a call, and ends it behind one of them; number 0 is before the first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = ["nothing"]
        self.kill_at = -1
        real = botocore.client.BaseClient._make_api_call

        def counted(client: Any, name: str, arguments: dict[str, Any]) -> Any:
            if name not in WRITES:
                return real(client, name, arguments)
            if self.kill_at == 0:
                raise Killed
            answer = real(client, name, arguments)
            self.passed.append(name)
            if len(self.passed) - 1 == self.kill_at:
                raise Killed
            return answer

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", counted)


@pytest.mark.parametrize("number", range(16))
def test_a_call_killed_behind_any_write_loses_nothing_and_tells_nothing_twice(
    trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("INCOMING_SCAN", "quarantine")
    leak = PREFIX + "orders/2024/01/15/leak.csv"
    events = [site.drop(GOOD), site.drop(BAD, b"MZ"), site.drop(leak, b"key\nAKIAIOSFODNN7EXAMPLE\n")]
    edges = Edges(monkeypatch)
    edges.kill_at = number
    killed_at = None
    try:
        call(trigger, *events, seconds=16)
    except Killed:
        killed_at = edges.passed[-1]
    edges.kill_at = -1
    # What was in progress is free again when the call that was killed would have ended.
    _expire(site)
    assert call(load_trigger(), *events) == []
    call(load_trigger(), {"kind": "sweep"})
    told = keys_in(site.told(), "bad.exe", "leak.csv")
    assert told == ([2, 2] if killed_at == TOLD_AGAIN else [1, 1]), killed_at
    assert sorted(item["uri"].rpartition("/")[2] for item in site.items("refused_object#")) == ["bad.exe", "leak.csv"]
    assert {key: item["batch_id"] for key, item in site.claims().items()} == {BAD: "refused", leak: "refused"}
    assert [item["Key"] for item in site.s3.list_objects_v2(Bucket="raw")["Contents"]] == [BAD, GOOD]
    (kept,) = site.s3.list_objects_v2(Bucket="quality")["Contents"]
    assert kept["Key"].startswith("quarantine/orders/refused/") and kept["Key"].endswith(leak)
    assert site.runs()


def test_all_edges_are_tried(trigger: ModuleType, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCOMING_SCAN", "quarantine")
    edges = Edges(monkeypatch)
    leak = site.drop(PREFIX + "orders/2024/01/15/leak.csv", b"key\nAKIAIOSFODNN7EXAMPLE\n")
    events = [site.drop(GOOD), site.drop(BAD, b"MZ"), leak]
    edges.passed[1:] = []
    call(trigger, *events)
    assert len(edges.passed) == 16, edges.passed


def _expire(site: Site) -> None:
    """Let the records of what is in progress end, as they do with time."""
    for item in site.items("idempotency#"):
        if item["status"] == "INPROGRESS":
            site.state.put_item(Item={**item, "in_progress_expiration": 1})
