"""replay_quarantine.py as a user meets it: options, words, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.quarantine.house import BATCH, DAY, House, KilledError, new_house, row
from typer.testing import CliRunner, Result

import replay_quarantine
from quarantine.replay import start_workflow
from quarantine.target import Target, explained, open_target

Call = Callable[..., Result]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """The environment dev of the project shop."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with new_house() as made:
        yield made


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls the script for the environment of the house."""
    monkeypatch.setattr(replay_quarantine.console, "width", 200)
    app = typer.Typer()
    app.command()(replay_quarantine.main)

    def run(*arguments: str, dataset: str = "orders") -> Result:
        return CliRunner().invoke(app, [dataset, "--env", "dev", "--project-name", "shop", *arguments])

    return run


def runs(house: House) -> int:
    return len(house.target.glue.get_workflow_runs(Name=house.target.workflow)["Runs"])


def test_a_replay_sends_shows_and_starts_the_workflow(house: House, call: Call) -> None:
    house.batch([row({"id": "1"}), row("7,x")], rejected=[row({"id": "2"}, "amount > 0")], files={f"{DAY}/b": b"x"})
    done = call()
    assert done.exit_code == 0, done.output
    told = [" ".join(line.split()) for line in done.output.splitlines()]
    assert f"{BATCH} ingestion amount: required value is missing 1 row(s) sent" in told
    assert any("1 row(s) needs a fix of the data" in line for line in told)
    assert f"{BATCH} processing amount > 0 1 row(s) sent" in told
    assert f"{BATCH} file can't be read: broken 1 file(s) released: the next run reads it again" in told
    assert "Started shop-dev-etl-workflow, run " in done.output
    assert "--export fixes.jsonl" in done.output
    assert runs(house) == 1


def test_a_second_replay_says_that_nothing_is_left_and_starts_nothing(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})])
    call()
    done = call()
    assert done.exit_code == 0
    assert "Nothing to replay" in done.output
    assert runs(house) == 1


def test_a_dataset_without_any_quarantine_has_nothing_to_replay(house: House, call: Call) -> None:
    house.batch()
    done = call()
    assert (done.exit_code, runs(house)) == (0, 0)
    assert "Nothing to replay" in done.output


def test_no_start_says_how_to_start(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})])
    done = call("--no-start")
    assert "aws glue start-workflow-run --name shop-dev-etl-workflow" in done.output
    assert runs(house) == 0


def test_a_running_workflow_is_no_error(house: House) -> None:
    def refuse(**_: Any) -> None:
        answer = {"Error": {"Code": "ConcurrentRunsExceededException", "Message": "1 run is the limit"}}
        raise ClientError(answer, "StartWorkflowRun")

    # moto starts any number of runs.
    house.target.glue.meta.events.register("before-call.glue.StartWorkflowRun", refuse)
    assert start_workflow(house.target).startswith("A run of shop-dev-etl-workflow is under way")


def test_a_dry_run_shows_and_does_nothing(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})], files={f"{DAY}/b": b"x"})
    before = house.objects("")
    done = call("--dry-run")
    assert done.exit_code == 0
    assert "would be sent" in done.output
    assert "would be released" in done.output
    assert (house.objects(""), house.replays(), runs(house)) == (before, [], 0)


def test_a_killed_replay_is_finished_first(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})])

    def kill() -> None:
        raise KilledError

    session = house.session()
    session.target = house.interrupted("after", 4, kill)
    with pytest.raises(KilledError):
        house.replay(session=session)
    assert [item["status"] for item in house.replays()] == ["PLANNED"]
    assert "Replay 1 of batch" in call("--dry-run").output
    done = call()
    assert f"Finish replay 1 of batch {BATCH}" in done.output
    assert "1 row(s) sent" in done.output
    assert "Started" in done.output
    assert house.sent() == {'{"id":"1"}': 1}


def test_an_unknown_dataset_is_told_with_those_that_are_there(house: House, call: Call) -> None:
    house.batch()
    done = call(dataset="ordres")
    assert done.exit_code == 1
    assert "ordres has no batch in dev; datasets that have: orders" in done.output


def test_an_unknown_batch_is_told_with_the_newest(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})])
    done = call("--batch", "2024")
    assert done.exit_code == 1
    assert f"orders has no batch 2024; its newest: {BATCH}" in done.output


def test_a_batch_that_is_still_planned_is_told(house: House, call: Call) -> None:
    house.batch(status="PLANNED")
    done = call("--batch", BATCH)
    assert done.exit_code == 1
    assert "is not ingested yet" in done.output


def test_a_batch_that_waits_for_processing_is_shown(house: House, call: Call) -> None:
    house.batch([row({"id": "1"})], status="INGESTED")
    key = {"entity": "batch#orders", "id": BATCH}
    house.target.tables.update_item(
        TableName=house.target.state_table,
        Key=key,
        UpdateExpression="SET rows_rejected = :n",
        ExpressionAttributeValues={":n": 2},
    )
    assert "waits: the batch is not processed yet" in call().output


def test_an_environment_that_is_not_deployed_is_told(house: House, call: Call) -> None:
    done = call("--project-name", "other")
    assert done.exit_code == 1
    assert "Is dev deployed in us-east-1 under these names: other-dev-job-state" in done.output


def test_missing_credentials_are_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    done = call()
    assert done.exit_code == 1
    assert "sign in (aws sso login" in done.output


def test_names_are_those_of_terraform() -> None:
    target = Target("dev", "shop", "4711")
    assert (target.raw, target.quality) == ("shop-dev-raw-4711", "shop-dev-quality-4711")
    assert (target.bookmarks_table, target.state_table) == ("shop-dev-job-bookmarks", "shop-dev-job-state")
    assert target.workflow == "shop-dev-etl-workflow"


def test_the_region_is_the_one_of_the_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert open_target("dev", "shop", "").region == "eu-central-1"


def test_a_local_cloud_that_does_not_run_is_told_with_how_to_start_it() -> None:
    told = explained(Target("local", "shop"), EndpointConnectionError(endpoint_url="http://127.0.0.1:1"))
    assert "./scripts/local_cloud.sh start" in told


def test_export_and_import_correct_a_row(house: House, call: Call, tmp_path: Path) -> None:
    house.batch([row("7,x", position="line 2")])
    fixes = tmp_path / "fixes.jsonl"
    done = call("--export", str(fixes))
    assert done.exit_code == 0, done.output
    assert "1 row(s)" in done.output
    line: dict[str, Any] = json.loads(fixes.read_text())
    assert (line["record"], line["position"]) == ("7,x", "line 2")
    fixes.write_text(json.dumps({**line, "record": {"id": "7"}}))
    done = call("--import", str(fixes), "--dry-run")
    assert done.exit_code == 0, done.output
    assert not house.sent()
    done = call("--import", str(fixes))
    assert done.exit_code == 0, done.output
    assert house.sent() == {'{"id": "7"}': 1}
    again = call("--import", str(fixes))
    assert again.exit_code == 0
    assert "Nothing to replay" in again.output


def test_an_export_can_be_read_by_its_owner_only_and_says_what_it_holds(
    house: House, call: Call, tmp_path: Path
) -> None:
    house.batch([row({"mail": "ada@example.com"})])
    fixes = tmp_path / "fixes.jsonl"
    before = os.umask(0)
    try:
        done = call("--export", str(fixes))
    finally:
        os.umask(before)
    assert fixes.stat().st_mode & 0o777 == 0o600
    assert "any personal data in the clear. Only you can read it; remove it" in " ".join(done.output.split())
    assert "ada@example.com" not in done.output


def test_a_look_shows_no_row(house: House, call: Call) -> None:
    house.batch([row({"mail": "ada@example.com"}), row("bob@example.com,x", position="line 2")])
    assert "@example.com" not in call("--dry-run").output
    assert "@example.com" not in call().output


def test_a_drop_without_a_note_is_refused(house: House, call: Call, tmp_path: Path) -> None:
    house.batch([row({"id": "1"})])
    fixes = tmp_path / "fixes.jsonl"
    call("--export", str(fixes))
    fixes.write_text(json.dumps({"id": json.loads(fixes.read_text())["id"], "drop": True}))
    done = call("--import", str(fixes))
    assert done.exit_code == 1
    assert "gives 1 row(s) up; say why with --note" in done.output
    done = call("--import", str(fixes), "--note", "a test order")
    assert done.exit_code == 0, done.output
    assert "dropped" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--export", "a", "--import", "b"), "can't go together"),
        (("--import", "nowhere.jsonl"), "is no file"),
        (("--import", "nowhere.jsonl", "--reason", "x"), "leave --batch, --reason"),
        (("--export", "."), "is there already"),
    ],
)
def test_misuse_is_told(call: Call, arguments: tuple[str, ...], told: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())
