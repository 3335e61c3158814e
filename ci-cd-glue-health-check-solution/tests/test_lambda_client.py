"""The command line's side of the Lambdas: what it sends, whom it calls, and that cleanup is called in every case."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aws_in_process import WORK_BUCKET, runs_of
from glue_health_check.cloud.clients import Clients
from glue_health_check.cloud.names import names_of
from glue_health_check.errors import InfrastructureError, MisuseError
from glue_health_check.lambdas import cleanup, monitor, trigger
from glue_health_check.lambdas.client import Functions, check_by_lambda
from glue_health_check.lambdas.files import Packing, document_of, fetch, inside, send
from glue_health_check.runner import Options
from glue_health_check.settings import Check, InputSpec, JobSpec, OutputSpec, TableSpec, check_from, validate
from lambda_calls import Context

FUNCTIONS = Functions("trigger", "cleanup", "monitor")
HANDLERS = {"trigger": trigger.handler, "cleanup": cleanup.handler, "monitor": monitor.handler}


@pytest.fixture
def check(script: Path, tmp_path: Path) -> Check:
    contract = tmp_path / "orders.yml"
    contract.write_text("name: orders\ncolumns: [{name: id, type: int}]\n", encoding="utf-8")
    return Check(
        JobSpec(script, role="arn:aws:iam::123456789012:role/job", arguments={"--input": "{input}/"}),
        inputs=(InputSpec("{input}/orders.csv", contract, rows=3),),
        outputs=(OutputSpec("{output}/", "csv", columns={"id": "int"}),),
    )


class Calls:
    """Calls the handlers in this process; before the monitor looks, the job does what it is told to."""

    def __init__(self, act: Callable[[str], None] = lambda check_id: None) -> None:
        self.act, self.names = act, list[str]()

    def __call__(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        self.names.append(name)
        if name == "monitor":
            self.act(request["id"])
        return HANDLERS[name](request, Context())


def ends(aws: Clients, state: str = "SUCCEEDED") -> Callable[[str], None]:
    def act(check_id: str) -> None:
        aws.s3.put_object(Bucket=WORK_BUCKET, Key=f"glue-health-checks/{check_id}/output/part.csv", Body=b"id\n1\n")
        (run,) = runs_of(f"glue-hc-pr42-orders-{check_id[-8:]}")
        run.status, run.advance = state, lambda: None

    return act


def options(lines: list[str]) -> Options:
    return Options(42, WORK_BUCKET, 0.01, progress=lines.append)


def left(aws: Clients) -> list[str]:
    keys = [one["Key"] for one in aws.s3.list_objects_v2(Bucket=WORK_BUCKET).get("Contents", [])]
    return [*(key for key in keys if "_reports/" not in key), *aws.glue.list_jobs()["JobNames"]]


@pytest.mark.parametrize(("state", "exit_code"), [("SUCCEEDED", 0), ("FAILED", 1)])
def test_a_check_by_lambdas_gives_the_report_and_calls_cleanup(
    state: str, exit_code: int, check: Check, aws: Clients, lambda_settings: None, stays_running: None
) -> None:
    calls, lines = Calls(ends(aws, state)), list[str]()
    report = check_by_lambda(check, options(lines), FUNCTIONS, aws, calls)
    assert (report.exit_code, report.script) == (exit_code, "_outside/0/orders.py")
    assert (calls.names[0], calls.names[-1]) == ("trigger", "cleanup")
    assert left(aws) == []


def test_a_refused_check_is_misuse_and_leaves_no_file(check: Check, aws: Clients, lambda_settings: None) -> None:
    wrong = replace(check, outputs=(OutputSpec("{bucket.nowhere}/"),))
    with pytest.raises(MisuseError, match=r"bucket\.nowhere"):
        check_by_lambda(wrong, options([]), FUNCTIONS, aws, Calls())
    assert left(aws) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_check_is_removed_and_reported_as_cancelled(
    number: int, check: Check, aws: Clients, lambda_settings: None, stays_running: None
) -> None:
    calls = Calls(lambda check_id: os.kill(os.getpid(), number))
    report = check_by_lambda(check, options([]), FUNCTIONS, aws, calls)
    assert (report.exit_code, report.checks[-1].name, calls.names[-1]) == (3, "cancelled", "cleanup")
    assert left(aws) == []


def test_a_lambda_that_fails_is_an_infrastructure_error_and_cleanup_is_still_called(check: Check, aws: Clients) -> None:
    called = []

    def failing(name: str, request: dict[str, Any]) -> dict[str, Any]:
        called.append(name)
        raise InfrastructureError(f"the Lambda {name} failed")

    report = check_by_lambda(check, options([]), FUNCTIONS, aws, failing)
    assert (report.exit_code, called) == (3, ["trigger", "cleanup"])
    assert "the Lambda trigger failed" in report.checks[0].findings[0].message


def test_a_missing_function_is_misuse(check: Check, aws: Clients) -> None:
    with pytest.raises(MisuseError, match="LAMBDA_CLEANUP_FUNCTION"):
        check_by_lambda(check, options([]), Functions("trigger", ""), aws, Calls())


def test_a_check_comes_out_of_its_document_as_it_went_in(aws: Clients, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("jobs/a.py", "lib/b.py", "lib/deep/c.py", "data/d.csv", "contract.yml"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(f"# {name}\n")
    there.mkdir()
    job = JobSpec(
        Path("jobs/a.py"), "base", "role", "5.1", "glueetl", "G.1X", 3, (), {"a": "b"}, {"--x": "1"}, ("y",),
        (Path("lib"),), ("lib/b.py:NAMES",), "always", {"s": "t"},
    )  # fmt: skip
    check = Check(
        job, (JobSpec(Path("jobs/a.py")),), ("one",), {"t": TableSpec("like")}, ("db",),
        (
            InputSpec("{input}/", file=Path("data")),
            InputSpec("{input}/x", Path("contract.yml"), rows=0, seed=1, last_day=date(2024, 1, 15)),
        ),
        (
            OutputSpec("{output}/", "json", {"c": "int"}, Path("contract.yml"), "refuse", 1, 2, "RowCount > 0"),
            OutputSpec("{output}/", least_rows=None, most_rows=4, rules_from=Path("contract.yml")),
        ),
        ("guarded",), ("s3://guarded/x/",), timeout_minutes=5, ttl_minutes=60,
    )  # fmt: skip
    with inside(here):
        packing = Packing(Path())
        document = document_of(check, packing)
        send(aws, names_of("pr1-00000000", WORK_BUCKET), packing.files)
    validate(document, "the document")
    assert check_from(document, Path()) == check
    assert fetch(aws, names_of("pr1-00000000", WORK_BUCKET), there) == 5
    assert (there / "lib/deep/c.py").read_text() == "# lib/deep/c.py\n"
