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

pytestmark = pytest.mark.timeout(300)

# Two calls go wrong, the third passes: each of DynamoDB's calls in turn.
THROTTLED = {"error": {"code": "ProvisionedThroughputExceededException"}, "sequence": {"fail": 2, "pass": 1}}
FAILING = {"error": {"code": "InternalServerError", "status": 500}, "sequence": {"fail": 2, "pass": 1}}
# Every other call is done by DynamoDB, and the line breaks before its answer is there.
LOSING_ANSWERS = {"response": {"abort_bytes": 0}, "sequence": {"fail": 1, "pass": 1}}
FAULTS = {"throttled": THROTTLED, "failing": FAILING, "losing answers": LOSING_ANSWERS}


@pytest.fixture
def bad_line(cloud: Settings, tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """A factory of the variables that lead a job's calls of a service through a proxy with these rules."""
    started: list[subprocess.Popen[bytes]] = []

    def make(service: str, **rule: Any) -> dict[str, str]:
        port = free_port()
        rules = tmp_path / f"rules{port}.yml"
        rules.write_text(json.dumps([{"service": service, **rule}]))  # JSON is YAML
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


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_state_table_that_works_badly_costs_time_only(
    site: Site, bad_line: Callable[..., dict[str, str]], fault: dict[str, Any]
) -> None:
    line = bad_line("dynamodb", **fault)
    site.drop_usual("left")
    site.kill_at("ledger.advance.before")
    site.drop_usual("new")
    site.run(environment=line)
    site.assert_every_row_is_there_once()
    assert {"TransactWriteItems", "UpdateItem", "PutItem", "Query"} <= set(fired(line))


def test_sns_being_down_fails_no_run_and_its_alerts_are_sent_by_the_next(
    site: Site, bad_line: Callable[..., dict[str, str]]
) -> None:
    site.drop_usual("a")
    site.run(environment=bad_line("sns", reset=True))
    site.assert_every_row_is_there_once()
    assert site.alerts() == {"PENDING": 1}
    site.run()
    assert site.alerts() == {"SENT": 1}
