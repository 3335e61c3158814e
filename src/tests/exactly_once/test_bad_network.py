"""DynamoDB throttled, failing and losing its answers, and SNS down, by a proxy on the wire (microburst)."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from exactly_once.site import Site
from local_cloud.environment import process_environment
from local_cloud.processes import free_port
from local_cloud.settings import HOST, Settings

BadLine = Callable[..., dict[str, str]]
pytestmark = pytest.mark.timeout(300)

# The SDK waits up to a second before it tries again, so not every call goes wrong, but every kind of call does.
OVERLOADED = [
    {"error": {"code": "ProvisionedThroughputExceededException"}, "sequence": {"fail": 1, "pass": 3}},
    {"error": {"code": "InternalServerError", "status": 500}, "sequence": {"fail": 1, "pass": 4}},
]
# Every other write is done by DynamoDB, and the line breaks before its answer is there.
WRITES = ("TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem")
LOST_ANSWERS = [
    {"operation": operation, "response": {"abort_bytes": 0}, "sequence": {"fail": 1, "pass": 1}} for operation in WRITES
]


@pytest.fixture
def bad_line(cloud: Settings, tmp_path: Path) -> Iterator[BadLine]:
    """A factory of the variables that lead a job's calls of a service through a proxy with these rules."""
    started: list[subprocess.Popen[bytes]] = []

    def make(service: str, *faults: dict[str, Any]) -> dict[str, str]:
        port = free_port()
        rules = tmp_path / f"rules{port}.yml"
        rules.write_text(json.dumps({"rules": [{"service": service, **fault} for fault in faults]}))  # JSON is YAML
        command = [sys.executable, "-m", "microburst", "--upstream", cloud.endpoint, "--host", HOST]
        command += ["--port", str(port), "--config", str(rules)]
        with (tmp_path / f"proxy{port}.log").open("wb") as log:
            started.append(subprocess.Popen(command, env=process_environment(cloud), stdout=log, stderr=log))
        address = f"http://{HOST}:{port}"
        _health(address)
        return {f"AWS_ENDPOINT_URL_{service.upper()}": address}

    yield make
    for process in started:
        process.terminate()
        process.wait(20)


@retry(stop=stop_after_delay(30), wait=wait_fixed(0.1))
def _health(address: str) -> None:
    with urllib.request.urlopen(f"{address}/_microburst/health", timeout=5) as answer:  # noqa: S310 - http, ours
        assert answer.status == 200


def fired(environment: dict[str, str]) -> list[str]:
    """The operations that have gone wrong by now."""
    [address] = environment.values()
    with urllib.request.urlopen(f"{address}/_microburst/fired?limit=10000", timeout=5) as answer:  # noqa: S310
        return [event["operation"] for event in json.load(answer)]


def test_a_state_table_that_is_overloaded_costs_time_only(site: Site, bad_line: BadLine) -> None:
    line = bad_line("dynamodb", *OVERLOADED)
    site.drop_usual("a")
    site.run(environment=line, lease_seconds="60")
    site.assert_every_row_is_there_once()
    assert len(fired(line)) > 5


def test_a_state_table_whose_answers_are_lost_is_asked_what_has_landed(site: Site, bad_line: BadLine) -> None:
    line = bad_line("dynamodb", *LOST_ANSWERS)
    site.drop_usual("left")
    site.kill_at("ledger.advance.before")
    site.drop_usual("new")
    # The waits between the SDK's tries come to more than the seconds of the other tests' leases.
    site.run(environment=line, lease_seconds="60")
    site.assert_every_row_is_there_once()
    assert set(fired(line)) == set(WRITES)


def test_sns_being_down_fails_no_run_and_its_alerts_are_sent_by_the_next(site: Site, bad_line: BadLine) -> None:
    site.drop_usual("a")
    site.run(environment=bad_line("sns", {"reset": True}))
    site.assert_every_row_is_there_once()
    assert site.alerts() == {"PENDING": 1}
    site.run()
    assert site.alerts() == {"SENT": 1}
