"""estimate_cost.py: what people type, what it reads, what comes out, and pages that are not stale."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

# isort: off
# It puts scripts on the path, so it comes first.
from tests.cost_cases import ENVIRONMENTS, MONTH, ROOT, made

import estimate_cost
from cost.assumptions import FILE, load_assumptions
from cost.errors import CostError
from cost.pages import stale
from cost.prices import TABLE, load_prices
from cost.schedules import fires_per_month
from cost.values import JOBS, WORKER_DPUS, Environment, Job, read_environment
from cost.volume import gb_per_day
# isort: on


def run(*arguments: str) -> Result:
    return CliRunner().invoke(estimate_cost.app, list(arguments))


# What people type


@pytest.mark.parametrize(
    ("text", "gb"),
    [
        ("50 GB/day", 50),
        ("1.5TB per day", 1500),
        ("2,000 MB a day", 2),
        ("1 gb/hour", 24),
        ("70 GB/week", 10),
        ("73 GB/month", 2.4),
        ("0 GB/day", 0),
    ],
)
def test_volumes_are_understood(text: str, gb: float) -> None:
    assert gb_per_day(text) == pytest.approx(gb)


@pytest.mark.parametrize(
    "text", ["", "50", "50 GB", "-1 GB/day", "many GB/day", "50 GiB/day", "50 GB/year", "1e400 GB/day"]
)
def test_other_volumes_get_an_error_that_says_what_is_right(text: str) -> None:
    with pytest.raises(CostError, match="50 GB/day"):
        gb_per_day(text)


@pytest.mark.parametrize(
    ("expression", "times"),
    [
        (None, 0),
        ("rate(30 minutes)", 1460),
        ("rate(1 day)", MONTH),
        ("cron(0 2 * * ? *)", MONTH),
        ("cron(0 4 ? * SUN *)", 209 / 1461 * MONTH),
        ("cron(0,30 8-9 1 * ? *)", 4 * 48 / 1461 * MONTH),
    ],
)
def test_schedules_are_counted(expression: str | None, times: float) -> None:
    # 2025 to 2028 has 209 Sundays and 48 first days of a month in 1461 days.
    assert fires_per_month(expression) == pytest.approx(times)


@pytest.mark.parametrize(
    "expression", ["hourly", "rate(0 minutes)", "cron(0 2 * * *)", "cron(0 99 * * ? *)", "cron(0 2 * * * *)"]
)
def test_other_schedules_get_an_error(expression: str) -> None:
    with pytest.raises(CostError, match="schedule"):
        fires_per_month(expression)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "prod"], "--volume is missing"),
        (["--env", "production", "--volume", "1 GB/day"], "there are: dev, local, prod, staging"),
        (["--volume", "lots"], "50 GB/day"),
        (["--volume", "1 GB/day", "--region", "moon-1"], "eu-central-1, us-east-1"),
        (["--volume", "1 GB/day", "--assume", "runs=2"], "there is no assumption 'runs'"),
        (["--volume", "1 GB/day", "--assume", "busy_share=2"], "at most 1"),
        (["--volume", "1 GB/day", "--assume", "runs_per_day=0"], "more than 0"),
        (["--volume", "1 GB/day", "--assume", "file_mb"], "--assume runs_per_day=8"),
        (["--volume", "1 GB/day", "--assumptions", "nowhere.yml"], "nowhere.yml can't be read"),
    ],
)
def test_misuse_ends_with_2_and_says_what_would_be_right(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


# The values of Terraform


def test_every_variable_of_the_module_has_a_value_and_optional_attributes_their_defaults() -> None:
    prod = read_environment("prod")
    assert (prod["worker_type"], prod["number_of_workers"], prod["job_queuing"]) == ("G.2X", 10, False)
    assert prod["retention_days"]["raw_archive"] == 180
    assert prod["retention_days"]["temporary"] == 7  # the default, from modules/storage
    assert prod["maintenance_retention_days"] == {"snapshots": 7, "orphans": 3, "processed": 30}
    assert prod["maintenance_schedule"] == "cron(0 4 ? * SUN *)"
    assert prod.jobs()[0] == Job("data_ingestion", "G.2X", 10, flex=False, scales=True, retries=2, spark_ui=True)
    assert (len(prod.endpoints), prod.zones) == (9, 2)
    assert read_environment("dev").endpoints == ()


def test_a_streaming_job_gets_the_defaults_of_its_own_object(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "terraform.tfvars").write_text(
        'environment = "dev"\nstreaming = {\n  firehose = false\n  job = { dataset = "clicks" }\n}\n'
    )
    lab = read_environment("lab", tmp_path)
    assert lab.streaming_job() == Job("streaming_ingestion", "G.025X", 2)
    assert (lab["streaming"]["retention_hours"], lab["streaming"]["job"]["source"]) == (72, "kinesis")
    assert (lab.own_stream, lab.delivers) == (True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("worker_typ = 1\n", "no variable worker_typ"),
        ("worker_type = \n", "no HCL"),
        ('worker_type = "G.025X"\n', "streaming jobs only"),
    ],
)
def test_values_that_terraform_would_refuse_get_an_error(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "terraform.tfvars").write_text(text)
    with pytest.raises(CostError, match=said):
        read_environment("lab", tmp_path).jobs()


def test_single_jobs_are_overridden_and_flex_wants_its_workers() -> None:
    dev = read_environment("dev")
    own = dev.with_values(job_overrides={"data_quality": {"worker_type": "G.4X", "number_of_workers": 5}})
    assert [job.dpus for job in own.jobs()] == [2, 2, 20]
    with pytest.raises(CostError, match=r"FLEX takes G\.1X and G\.2X"):
        own.with_values(execution_class="FLEX").jobs()


# Numbers that stand in two places


def run_numbers() -> Any:
    spec = importlib.util.spec_from_file_location(
        "run_numbers_of_monitoring", ROOT / "src/lambda/monitoring/run_numbers.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_monitoring_lambda_and_terraform_charge_what_the_price_table_says() -> None:
    prices, monitoring = load_prices("us-east-1"), run_numbers()
    standard = prices["glue.dpu_hour"].amount
    assert {read_environment(name)["dpu_hour_price_usd"] for name in ENVIRONMENTS} == {standard}
    assert f'"DPU_HOUR_PRICE_USD", "{standard}"' in (ROOT / "src/lambda/monitoring/handler.py").read_text()
    assert standard * monitoring.FLEX_SHARE == pytest.approx(prices["glue.flex_dpu_hour"].amount)
    assert load_assumptions()["billed_seconds_least"] == monitoring.LEAST_SECONDS
    assert WORKER_DPUS.items() <= monitoring.DPUS.items()


def test_the_sizes_of_workers_are_those_of_terraform() -> None:
    text = (ROOT / "terraform/modules/glue/main.tf").read_text()
    found = re.search(r"worker_dpus\s*=\s*\{([^}]*)\}", text)
    assert found
    assert {name: float(dpus) for name, dpus in re.findall(r'"([^"]+)"\s*=\s*([\d.]+)', found[1])} == WORKER_DPUS


def test_the_measured_assumption_is_what_the_page_says() -> None:
    row = re.search(r"ours, with the duplicate check \| ([\d.]+) \|", (ROOT / "docs/performance.md").read_text())
    assert row
    assert load_assumptions()["ingestion_core_seconds_per_gb"] == pytest.approx(float(row[1]) / 0.766, abs=0.05)


def test_each_price_has_its_date_and_a_source_at_aws() -> None:
    for price in json.loads(TABLE.read_text())["prices"]:
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", price["date"]), price
        assert re.match(r"https://(aws\.amazon\.com|pricing\.us-east-1\.amazonaws\.com)/", price["source"]), price
        assert price["amount"] > 0


def test_every_assumption_is_used() -> None:
    package = ROOT / "scripts" / "cost"
    code = "".join(path.read_text() for path in package.rglob("*.py")) + "".join(
        path.read_text() for path in package.rglob("*.j2")
    )
    assert [name for name in load_assumptions() if f'"{name}"' not in code] == []
    assert FILE.read_text().count("why:") == len(load_assumptions())


@pytest.mark.parametrize(
    ("change", "said"),
    [({"amount": "0.44"}, "must be a number"), ({"extra": 1}, "must have exactly"), ({}, "stands there twice")],
)
def test_a_wrong_price_table_gets_an_error(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    first = json.loads(TABLE.read_text())["prices"][0]
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"prices": [first, {**first, **change}]}))
    with pytest.raises(CostError, match=said):
        load_prices("us-east-1", file)


# What comes out


def test_the_command_shows_the_table_and_writes_what_it_is_asked_for(tmp_path: Path) -> None:
    own = tmp_path / "own.yml"
    own.write_text("runs_per_day: 2\nfile_mb: 10\n")
    files = {name: tmp_path / "out" / f"cost.{name}" for name in ("markdown", "html", "json")}
    options = [text for name, file in files.items() for text in (f"--{name}", str(file))]
    result = run(
        "--env",
        "staging",
        "--volume",
        "10 GB/day",
        "--assumptions",
        str(own),
        "--assume",
        "runs_per_day=8",
        "--what-if",
        "--explain",
        *options,
    )
    assert result.exit_code == 0, result.output
    done = json.loads(files["json"].read_text())
    assert done["assumptions"]["runs_per_day"] == {**done["assumptions"]["runs_per_day"], "value": 8, "origin": "given"}
    assert done["assumptions"]["file_mb"]["value"] == 10
    total = f"{done['monthly_usd']:,.0f} USD"
    for text in (result.output, files["markdown"].read_text(), files["html"].read_text()):
        assert total in text
        assert "interface endpoints" in text
    assert "What would be otherwise" in result.output
    assert "http://" not in files["html"].read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "<script" not in files["html"].read_text()


def test_json_to_the_terminal_is_nothing_but_json() -> None:
    done = json.loads(run("--env", "dev", "--volume", "1 GB/day", "--json", "-").stdout)
    assert done["monthly_usd"] == pytest.approx(sum(line["monthly_usd"] for line in done["lines"]))
    assert done["notes"]


def test_glue_6_and_runs_that_do_not_fit_are_said() -> None:
    notes = " ".join(made("prod", 500, glue_version="6.0").notes())
    assert "Glue 6.0" in notes
    assert "do not fit" in notes


def test_the_pages_of_docs_cost_are_not_stale(tmp_path: Path) -> None:
    assert stale() == [], "make them again: .venv/bin/python scripts/estimate_cost.py docs"
    assert len(stale(tmp_path, {"a.md": "x"})) == 1
    for chart in (ROOT / "docs" / "cost").glob("*.svg"):
        ET.parse(chart)  # noqa: S314 - our own file


def test_an_environment_knows_its_jobs() -> None:
    assert isinstance(read_environment("dev"), Environment)
    assert tuple(job.key for job in read_environment("dev").jobs()) == JOBS
