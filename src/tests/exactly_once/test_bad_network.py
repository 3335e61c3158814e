"""DynamoDB throttled, failing and losing its answers, and SNS down, by a proxy on the wire (microburst)."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tenacity import retry, stop_after_delay, wait_fixed

from exactly_once.site import Site
from exactly_once.test_processing_killed_by_sigkill import AGGREGATES, RULES, rejected, table
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

# Of all calls of a run every tenth is throttled, and of the others every tenth is done and its answer lost.
THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "glue": "ThrottlingException",
    "sns": "Throttled",
    "monitoring": "Throttling",
}
EVERY_TENTH = {"fail": 1, "pass": 9}
A_TENTH_OF_ALL = [
    *({"service": name, "error": {"code": code}, "sequence": EVERY_TENTH} for name, code in THROTTLED.items()),
    {"response": {"abort_bytes": 0}, "sequence": EVERY_TENTH},
]
JOBS = ("data_ingestion", "data_processing", "data_quality")


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
        if service == "*":
            return {"AWS_ENDPOINT_URL": address, "AWS_ENDPOINT_URL_GLUE": address}
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
    """The operations that have gone wrong by now, oldest last."""
    [address] = set(environment.values())
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


def test_a_whole_run_with_a_tenth_of_all_calls_throttled_and_lost_equals_a_clean_run(
    new_site: Callable[[], Site], bad_line: BadLine
) -> None:
    clean, bad = new_site(), new_site()
    line = bad_line("*", *A_TENTH_OF_ALL)
    for site in (clean, bad):
        site.publish("orders", processing={"rules": RULES, "aggregates": AGGREGATES})
        for number in range(3):
            site.drop(
                f"{number}.csv", *((f"{number}-{row}", str(row - 1), f"t{row}") for row in range(20)), ("", "1", "")
            )
            site.drop_usual(f"usual{number}")
        for job in JOBS:
            site.run(job, environment=line if site is bad else {}, lease_seconds="60")
    assert len(fired(line)) > 10
    assert {"PutItem", "UpdateItem", "Query"} <= set(fired(line))
    for name in ("orders", "daily", "totals"):
        assert contents(bad, name) == contents(clean, name)
        assert contents(bad, name).total() > 0
    assert rejected(bad) == rejected(clean)
    assert refused(bad) == refused(clean)
    assert {batch["status"] for batch in bad.batches()} == {"CHECKED"}
    assert bad.alerts() == clean.alerts()


def contents(site: Site, name: str) -> Counter[tuple[str, ...]]:
    """The rows of a curated table without what tells of the run that brought them."""
    return Counter(
        tuple(f"{key}={value}" for key, value in sorted(row.items()) if not key.startswith("_"))
        for row in table(site, name)
    )


def refused(site: Site) -> Counter[str]:
    """What ingestion has refused: rows by their record, files by their name."""
    found: Counter[str] = Counter()
    for batch in site.batches():
        place = site.bucket("quality").parent / batch["quarantine"].removeprefix("s3://")
        lines = [line for file in (place / "rows" / "stage=ingestion").glob("*.json") for line in file.open()]
        found.update(json.loads(line)["record"] for line in lines)
        files = json.loads((place / "files.json").read_text()) if (place / "files.json").exists() else []
        found.update(entry["source_file"].rpartition("/")[2] for entry in files)
    return found
