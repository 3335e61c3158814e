"""validate_contracts.py as its users meet it: what it tells, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import validate_contracts  # noqa: E402

SCRIPT = ROOT / "scripts" / "validate_contracts.py"
CUSTOMERS: dict[str, Any] = {
    "name": "customers",
    "key": ["customer_id"],
    "columns": [
        {"name": "customer_id", "type": "string", "required": True},
        {"name": "country", "type": "string"},
    ],
}
ORDERS: dict[str, Any] = {
    "name": "orders",
    "columns": [{"name": "customer_id", "type": "string"}, {"name": "amount", "type": "decimal(12,2)"}],
    "processing": {
        "rules": [{"name": "positive", "condition": "amount > 0"}],
        "enrich": [{"dataset": "customers", "keys": {"customer_id": "customer_id"}, "columns": ["country"]}],
        "derive": [{"name": "cents", "expression": "amount * 100"}],
        "aggregates": [{"name": "daily", "group_by": ["country"], "measures": {"total": "sum(cents)"}}],
    },
}
Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A factory of a folder of contracts, given as documents or as texts by file name."""

    def make(*documents: dict[str, Any], **texts: str) -> Path:
        place = tmp_path / "datasets"
        place.mkdir(exist_ok=True)
        for document in documents:
            place.joinpath(f"{document['name']}.yml").write_text(yaml.safe_dump(document))
        for name, text in texts.items():
            place.joinpath(f"{name}.yml").write_text(text)
        return place

    return make


def without_spark(*arguments: object) -> Result:
    """The script in this process: the checks alone."""
    app = typer.Typer()
    app.command()(validate_contracts.main)
    validate_contracts.console.width = 160
    return CliRunner().invoke(app, [*map(str, arguments), "--no-expressions"])


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The script as a program of its own, with nothing of AWS around it."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=clean,
        check=False,
    )


# With Spark ----------------------------------------------------------------------------------------------


def test_the_contracts_of_this_repository_are_right_and_nothing_else_is_printed() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "customers" in done.stdout and "transactions" in done.stdout
    assert "problem" not in done.stdout


def test_each_fault_of_a_folder_is_told(folder: Folder) -> None:
    faulty = {
        "name": "faulty",
        "key": ["id"],
        "delete_when": "x1",
        "columns": [{"name": "id", "type": "string", "required": True}, {"name": "amount", "type": "int"}],
        "processing": {
            "rules": [
                {"name": "judged", "condition": "x2 > 0"},
                {"name": "repaired", "condition": "amount > 0", "on_failure": "set", "set": {"amount": "x3"}},
            ],
            "enrich": [{"file": "rates.csv", "keys": {"id": "id"}, "columns": ["rate"]}],
            "derive": [{"name": "made", "expression": "x4(amount)"}],
            "aggregates": [{"name": "daily_faulty", "measures": {"n": "sum(x5)"}}],
        },
    }
    stepped = {"name": "stepped", "columns": faulty["columns"], "processing": {"steps": [{"name": "s", "sql": "x6"}]}}
    place = folder(CUSTOMERS, ORDERS, faulty, stepped, unreadable="name: [", untyped="{name: untyped, columns: 3}")
    done = run(place, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    report = json.loads(done.stdout)
    assert report["ok"] is False and report["expressions"] is True
    found = {each["dataset"]: each for each in report["datasets"]}
    assert {name for name, each in found.items() if each["verdict"] == "ok"} == {"customers", "orders"}
    assert found["orders"] | {"problems": [], "verdict": "ok"} == found["orders"]
    assert [found["orders"][name] for name in ("columns", "rules", "steps", "aggregates")] == [2, 1, 2, 1]
    told = found["faulty"]["problems"]
    parts = [
        "rates.csv: there is no file",
        "'repaired': set amount: 'x3'",
        "'made': 'x4(amount)'",
        "'judged': 'x2 > 0'",
    ]
    parts += ["delete_when: 'x1'", "aggregate 'daily_faulty': sum(x5)"]
    assert [part for part, problem in zip(parts, told, strict=True) if part not in problem] == []
    assert "step 's' does not compile" in found["stepped"]["problems"][0]
    assert "is not readable as YAML" in found["unreadable"]["problems"][0]
    assert "columns: must be array" in found["untyped"]["problems"][0]
    assert len(report["problems"]) == len(told) + 3


# Without Spark -------------------------------------------------------------------------------------------


def test_right_contracts_are_shown_with_their_numbers(folder: Folder) -> None:
    done = without_spark(folder(CUSTOMERS, ORDERS))
    assert done.exit_code == 0
    lines = [line.split() for line in done.output.splitlines() if line.strip()]
    assert ["orders", "2", "1", "2", "1", "ok"] in lines
    assert ["customers", "2", "0", "0", "0", "ok"] in lines


def test_expressions_are_not_looked_at_when_that_is_not_wanted(folder: Folder) -> None:
    wrong = {**CUSTOMERS, "processing": {"derive": [{"name": "x", "expression": "nofunc()"}]}}
    assert without_spark(folder(wrong)).exit_code == 0


def test_a_wrong_contract_fails_and_those_that_need_it_are_not_tried(folder: Folder) -> None:
    done = without_spark(folder({**CUSTOMERS, "event_tme": "x"}, ORDERS))
    assert done.exit_code == 1
    assert "- customers.yml: the contract: unknown field 'event_tme' (did you mean 'event_time'?)" in done.output
    assert "its expressions were not tried: it needs a contract that has problems" in done.output


def test_a_file_is_checked_together_with_those_beside_it(folder: Folder) -> None:
    place = folder(CUSTOMERS, ORDERS, other="name: [")
    done = without_spark(place / "orders.yml")
    assert done.exit_code == 0
    assert "orders" in done.output and "customers" not in done.output and "other" not in done.output


def test_a_note_is_shown_and_fails_nothing(folder: Folder) -> None:
    personal = [CUSTOMERS["columns"][0], {**CUSTOMERS["columns"][1], "pii": "mask"}]
    derive = [{"name": "home", "expression": "upper(country)"}]
    place = folder({**CUSTOMERS, "columns": personal, "processing": {"derive": derive}})
    done = without_spark(place)
    assert done.exit_code == 0
    assert "note: customers: derived column 'home' is made of country, which holds personal data" in done.output
    assert len(json.loads(without_spark(place, "--json").output)["notes"]) == 1


def test_datasets_that_need_each_other_are_told(folder: Folder) -> None:
    customers = {**CUSTOMERS, "processing": {"uses": ["orders"]}}
    done = without_spark(folder(customers, ORDERS), "--json")
    assert done.exit_code == 1
    assert "datasets need each other in a circle" in json.loads(done.output)["problems"][0]


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["nowhere"], "nowhere is not there; name a folder of contracts, or contract files"),
        (["empty"], "holds no contract; contracts are files *.yml, *.yaml, *.json"),
        (["datasets/notes.txt"], "notes.txt is no contract; contracts are files"),
        (["datasets", "empty"], "contracts of one folder belong together; these are of 2"),
    ],
)
def test_what_is_no_contract_is_told(folder: Folder, tmp_path: Path, paths: list[str], told: str) -> None:
    folder(CUSTOMERS).joinpath("notes.txt").write_text("no contract")
    tmp_path.joinpath("empty").mkdir()
    done = without_spark(*(tmp_path / path for path in paths))
    assert done.exit_code == 2
    assert told in done.output


def test_a_file_that_holds_no_text_is_told(folder: Folder) -> None:
    place = folder(CUSTOMERS)
    place.joinpath("binary.yml").write_bytes(b"\xff\xfe\x00")
    done = without_spark(place)
    assert done.exit_code == 1
    assert "- binary.yml: can't be read: 'utf-8' codec can't decode" in done.output
