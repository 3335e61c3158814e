"""The formulas of the cost estimate against numbers worked by hand, and what holds for any volume."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# isort: off
# It puts scripts on the path, so it comes first.
from tests.cost_cases import EASY, ENVIRONMENTS, MONTH, ROOT, STREAMING, assumed, lines_of, made

from cost.compute import Work, ec2_always_on, emr_always_on, emr_serverless, emr_transient, engines
from cost.errors import CostError
from cost.estimate import estimate
from cost.health_check import health_check_cost
from cost.lines import SERVICES
from cost.prices import load_prices
from cost.services.s3 import by_age
from cost.services.streams import rounded_up
from cost.values import Job, read_environment
from cost.whatif import streaming_workers, what_ifs
from cost.workload import run_of
# isort: on


# Glue


def test_the_time_of_a_run_is_worked_by_hand() -> None:
    # 1 GB is 10 tasks; 2 executors of 4 vCPU have 8: both work. 100 core seconds on 8 x 0.5 cores are 25 s; 50 s fixed.
    run = run_of(Job("data_ingestion", "G.1X", 3), 1, 100, assumed(**EASY))
    assert run.seconds == pytest.approx(75)
    assert run.dpu_seconds == pytest.approx(225)  # 3 DPUs all the time
    # With auto scaling: driver and one executor for 50 s, all three for 25 s.
    assert run_of(Job("data_ingestion", "G.1X", 3, scales=True), 1, 100, assumed(**EASY)).dpu_seconds == pytest.approx(
        175
    )
    # Half a GB is 5 tasks: of 9 executors of 8 vCPU one works, for 50 / (8 x 0.5) = 12.5 s.
    large = run_of(Job("data_ingestion", "G.2X", 10), 0.5, 100, assumed(**EASY))
    assert (large.seconds, large.dpu_seconds) == (pytest.approx(62.5), pytest.approx(1250))


def test_a_run_is_charged_a_minute_at_least() -> None:
    short = run_of(Job("data_ingestion", "G.1X", 2), 0, 100, assumed(fixed_seconds=5))
    assert (short.seconds, short.dpu_seconds) == (60, 120)


def test_dpu_hours_become_dollars_and_flex_has_its_price() -> None:
    # 10 GB in 10 runs: 1 GB each; one executor of 4 x 0.5 cores takes 50 s, with 50 s fixed: 100 s of 2 DPUs.
    done = made(assume=EASY)
    hours = 10 * MONTH * 200 / 3600
    assert lines_of(done, "Glue")["data_ingestion: runs"] == pytest.approx(hours)
    ingestion = next(line for line in done.lines if line.what == "data_ingestion: runs")
    assert ingestion.usd == pytest.approx(hours * 0.44)
    flex = made(assume=EASY, execution_class="FLEX")
    assert next(line for line in flex.lines if line.what == "data_ingestion: runs").usd == pytest.approx(hours * 0.29)


def test_the_quality_job_reads_the_whole_table() -> None:
    # 100 days x 10 GB x 0.5 x 0.4 = 200 GB, at 60 core seconds on 2 cores: 6000 s and 50 s.
    done = made(assume=EASY)
    assert done.case.work.curated_gb == pytest.approx(200)
    assert done.case.work.runs_of["data_quality"].seconds == pytest.approx(6050)


def test_retries_cost_their_share_and_idle_runs_their_minute() -> None:
    plain = lines_of(made(assume=EASY, schedule="rate(1 day)"), "Glue")
    again = lines_of(made(assume={**EASY, "failed_runs_share": 0.1}, job_max_retries=1), "Glue")
    assert again["data_quality: runs"] == pytest.approx(1.1 * plain["data_quality: runs"])
    assert plain["data_quality: idle runs"] == pytest.approx(MONTH * 60 * 2 / 3600)


def test_crawlers_optimizers_python_shell_and_streams_are_charged_where_they_are() -> None:
    dev = read_environment("dev")
    connector = {"stock": {"database": {}, "schedule": "rate(1 hour)"}, "shop": {"rest": {}, "schedule": "rate(1 day)"}}
    on = replace(dev, connectors=connector).with_values(
        crawlers={"new": {"prefix": "data/", "schedule": "rate(1 day)"}, "by_hand": {"prefix": "x/"}},
        table_optimizers={"customers": {"compaction": True}},
        streaming={
            **STREAMING,
            "firehose": False,
            "job": {"worker_type": "G.025X", "number_of_workers": 2, "source": "kinesis"},
        },
    )
    done = estimate(on, 10, assumed(**EASY), load_prices("us-east-1"))
    glue, functions = lines_of(done, "Glue"), lines_of(done, "Lambda")
    assert glue["crawlers"] == pytest.approx(MONTH * 2 * 10 / 60)  # ten minutes of 2 DPUs a day
    assert glue["table optimizers"] == pytest.approx(10 * MONTH * 0.5 * 0.5 * 60 / 3600)  # one of two tables
    assert glue["database_ingestion (Python shell)"] == pytest.approx(730 * 300 / 3600 / 16)
    assert glue["streaming_ingestion"] == pytest.approx(730 * 0.5)
    assert functions["api_connector: duration"] == pytest.approx(MONTH * 60)  # a minute of 1 GB a day
    off = lines_of(made(assume=EASY), "Glue")
    assert not {"crawlers", "table optimizers", "database_ingestion (Python shell)", "streaming_ingestion"} & set(off)


# Storage, state, events, watching, network


def test_files_lie_in_classes_by_their_age() -> None:
    steps = {"s3.infrequent": 30.0, "s3.instant_retrieval": 0.0, "s3.deep_archive": 90.0}
    assert by_age(2, 100, steps) == {"s3.standard": 60, "s3.infrequent": 120, "s3.deep_archive": 20}
    assert by_age(2, 100, steps, expire=80) == {"s3.standard": 60, "s3.infrequent": 100, "s3.deep_archive": 0}
    assert by_age(2, 10, steps) == {"s3.standard": 20, "s3.infrequent": 0, "s3.deep_archive": 0}


def test_storage_is_worked_by_hand() -> None:
    storage = lines_of(made(assume={**EASY, "processed_ratio": 0.3}), "S3")
    assert storage["raw, Standard"] == pytest.approx(900)  # 90 days of 10 GB
    assert storage["raw, Glacier Instant Retrieval"] == pytest.approx(100)
    assert storage["processed, Standard"] == pytest.approx(90)  # 30 days of 3 GB
    assert storage["curated, Standard"] == pytest.approx(200)
    assert storage["curated: replaced files of snapshots, Standard"] == pytest.approx(35)  # 7 days of 5 GB
    # Old versions stay for 30 days: 3 GB of processed, 5 GB of curated a day, and 3 event logs of 20 MB of 10 runs.
    noncurrent = storage["deleted and replaced files that are kept (noncurrent), Standard"]
    assert noncurrent == pytest.approx(30 * (3 + 5 + 0.6))
    assert storage["moves of raw files to Glacier Instant Retrieval"] == pytest.approx(100 * MONTH)  # 100 files a day


def test_requests_and_keys_are_worked_by_hand() -> None:
    easy = {
        **EASY,
        "puts_per_file": 1,
        "puts_per_dataset_run": 10,
        "gets_per_dataset_run": 20,
        "gets_per_gb": 0,
        "kms_requests_per_run": 100,
    }
    done = made(assume=easy, kms_rotation_days=90)
    puts, gets = 100 * MONTH + 20 * MONTH * 10, 20 * MONTH * 20  # 100 files, and 10 runs of 2 datasets a day
    assert lines_of(done, "S3")["writes and listings"] == pytest.approx(puts)
    assert lines_of(done, "S3")["reads"] == pytest.approx(gets)
    assert lines_of(done, "KMS") == {"keys": 4, "requests": pytest.approx(10 * MONTH * 100 + 0.01 * (puts + gets))}


def test_state_is_worked_by_hand() -> None:
    state = lines_of(made(assume=EASY, point_in_time_recovery=True), "DynamoDB")
    files, dataset_runs = 100 * MONTH, 20 * MONTH
    assert state["write units"] == pytest.approx(2 * files + 2 * 60 * dataset_runs)
    assert state["read units"] == pytest.approx(2 * files + 80 * dataset_runs)
    assert state["storage"] == pytest.approx((100 * 0.6 + 20 * 20) * 100 / 1e6)
    assert state["point-in-time recovery"] == state["storage"]


def test_events_are_worked_by_hand() -> None:
    done = made(assume=EASY)
    calls = {"data_trigger": 20 * MONTH + 1460, "monitoring": 30 * MONTH + 209 / 1461 * MONTH + MONTH}
    functions = lines_of(done, "Lambda")
    for name, count in calls.items():
        assert functions[f"{name}: calls"] == pytest.approx(count)
        assert functions[f"{name}: duration"] == pytest.approx(count * 0.25)
    # Two queues, five pollers each, three polls a minute.
    assert lines_of(done, "SQS")["polls of empty queues"] == pytest.approx(2 * 5 * 3 * 60 * 730)
    # A file makes an event when it comes, and when it moves to Glacier.
    assert lines_of(done, "EventBridge") == {"S3's events of the raw bucket": pytest.approx(200 * MONTH)}
    assert "mails" not in lines_of(done, "SNS")
    told = made(assume=EASY, alert_emails=["a@example.com", "b@example.com"])
    assert lines_of(told, "SNS")["mails"] == pytest.approx(5 * MONTH * 2)


def test_scanning_makes_the_trigger_larger_and_slower() -> None:
    calls = 20 * MONTH + 1460
    scanning = lines_of(made(assume=EASY, incoming_scan="report"), "Lambda")
    assert scanning["data_trigger: duration"] == pytest.approx(calls * 1.0 * (1 + 5 * 2))


def test_watching_is_worked_by_hand() -> None:
    done = made("staging", assume=EASY)
    watching = lines_of(done, "CloudWatch")
    # 3 failed, 2 dead letters, 4 of Lambdas, 2 events lost, 1 not started, 4 throttled, 2 of quality, 3 bands of 3.
    assert watching["alarms"] == 27
    assert (
        lines_of(made("staging", assume=EASY, duration_band_width=None, no_data_hours=2), "CloudWatch")["alarms"] == 19
    )
    # 20 of 2 datasets, 10 of the workflow, 41 of each job, in 10 of 24 hours.
    assert watching["custom metrics"] == pytest.approx((20 + 10 + 3 * 41) * 10 / 24)
    assert watching["logs of jobs"] == pytest.approx((30 * MONTH + 209 / 1461 * MONTH) * 6 / 1000)
    written = sum(gb for what, gb in watching.items() if what.startswith("logs of"))
    assert watching["logs kept"] == pytest.approx(written / MONTH * 30 * 0.15)
    assert watching["dashboards"] == 3


def test_the_network_is_worked_by_hand() -> None:
    wires = made("staging", assume=EASY, enable_nat_gateway=True)
    assert {line.what: round(line.usd, 2) for line in wires.lines if line.service == "VPC"} == {
        "interface endpoints": 131.40,  # 9 x 2 x 730 x 0.01
        "data over interface endpoints": 0.15,  # 304.2 runs of 0.05 GB at 0.01
        "NAT gateway": 32.85,  # 730 x 0.045
        "data over the NAT gateway": 1.37,  # 30.4 GB at 0.045
        "public address of the NAT gateway": 3.65,  # 730 x 0.005
    }
    assert lines_of(wires, "Athena")["data that queries scan"] == pytest.approx(10 * MONTH * 0.5 * 3 / 1000)


def test_an_existing_vpc_has_endpoints_only_where_they_are_asked_for() -> None:
    vpc = {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]}
    assert lines_of(made(enable_vpc=True, existing_vpc=vpc), "VPC") == {}
    asked = lines_of(made(enable_vpc=True, existing_vpc={**vpc, "create_endpoints": True}), "VPC")
    assert asked["interface endpoints"] == 9 * 3 * 730


def test_streams_are_worked_by_hand() -> None:
    assert [rounded_up(*each) for each in ((2, 1), (2, 5), (12, 5))] == [1, 2.5, 1.25]
    on = made(assume=EASY, streaming=STREAMING)
    gb = 10 * MONTH
    assert lines_of(on, "Kinesis") == {
        "stream, on demand": 730,
        "data in": pytest.approx(gb),
        "data out": pytest.approx(gb),
        "kept longer than a day": pytest.approx(20),  # 48 hours more of 10 GB a day
    }
    assert lines_of(on, "Firehose")["data from the stream"] == pytest.approx(2.5 * gb)
    shards = lines_of(
        made(
            assume=EASY,
            streaming={
                **STREAMING,
                "shard_count": 2,
                "firehose": False,
                "job": {"source": "kinesis", "worker_type": "G.1X", "number_of_workers": 2},
            },
        ),
        "Kinesis",
    )
    assert shards["shards"] == 1460
    assert shards["PUT units of 25 KB"] == pytest.approx(gb * 500_000)


def test_a_region_without_a_price_says_which_one_is_missing() -> None:
    with pytest.raises(CostError, match=r"no price kinesis\.stream_hour for eu-central-1"):
        made(region="eu-central-1", streaming=STREAMING)


# What must hold whatever is asked

SWITCHES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "VPC": (
        {"enable_vpc": False, "enable_nat_gateway": False},
        {"enable_vpc": True, "enable_nat_gateway": True},
        "VPC",
    ),
    "stream": ({"streaming": None}, {"streaming": STREAMING}, "Kinesis"),
    "Firehose": ({"streaming": None}, {"streaming": STREAMING}, "Firehose"),
    "tracing": ({"enable_lambda_tracing": False}, {"enable_lambda_tracing": True}, "X-Ray"),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_service_that_is_switched_off_costs_nothing(switch: str) -> None:
    off, on, service = SWITCHES[switch]
    assert service not in made(**off).by_service()
    assert made(**on).by_service()[service] > 0
    assert made(**on).usd > made(**off).usd


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    name=st.sampled_from(ENVIRONMENTS),
    less=st.floats(0, 2000),
    more=st.floats(0, 2000),
    runs=st.floats(0.1, 96),
    scaling=st.booleans(),
)
def test_more_data_never_costs_less(name: str, less: float, more: float, runs: float, scaling: bool) -> None:
    costs = [made(name, gb, assume={"runs_per_day": runs}, auto_scaling=scaling) for gb in sorted((less, more))]
    assert costs[0].usd <= costs[1].usd * (1 + 1e-9)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(name=st.sampled_from(ENVIRONMENTS), gb=st.floats(0, 5000), region=st.sampled_from(["us-east-1", "eu-central-1"]))
def test_the_total_is_the_sum_of_the_lines_and_of_the_services(name: str, gb: float, region: str) -> None:
    done = made(name, gb, region)
    assert all(math.isfinite(line.quantity) and line.quantity >= 0 for line in done.lines)
    assert all(line.usd == line.quantity * line.price.amount for line in done.lines)
    assert done.usd == pytest.approx(sum(done.by_service().values()))
    assert {line.service for line in done.lines} <= set(SERVICES)
    assert len({(line.service, line.what) for line in done.lines}) == len(done.lines)


def test_without_data_no_runs_with_data_are_charged() -> None:
    done = made(gb=0, schedule=None, maintenance_schedule=None)
    assert [what for what in lines_of(done, "Glue") if what.startswith("data_")] == []
    assert done.usd < 30


# What-ifs, other engines, the health check


def test_what_ifs_differ_from_the_estimate_in_one_thing() -> None:
    base = made("prod", 50, assume={"runs_per_day": 4})
    found = {each.what: each for each in what_ifs(base)}
    assert all(each.change == pytest.approx(each.usd - base.usd) for each in found.values())
    jobs = sum(line.usd for line in base.lines if line.service == "Glue" and line.what.startswith("data_"))
    assert found["execution class FLEX"].change == pytest.approx(-jobs * (0.44 - 0.29) / 0.44)
    assert found["own VPC, interface endpoints"].change == 0
    assert -200 < found["no VPC"].change < -131
    assert found["raw stays in Standard"].change > 0
    assert found["old versions for 7 days"].change < 0
    assert "do not fit" in found["96 runs a day"].remark


def test_g025x_is_for_the_streaming_job_only() -> None:
    assert dict(streaming_workers(made()))["G.025X"] == pytest.approx(2 * 0.25 * 730 * 0.44)
    with pytest.raises(CostError, match="streaming jobs only"):
        made(worker_type="G.025X")


def test_other_engines_are_worked_by_hand() -> None:
    prices, assume = (
        load_prices("us-east-1"),
        assumed(cluster_start_seconds=360, serverless_start_seconds=90, node_disk_gb=73),
    )
    work = Work(dpu_hours=1000, glue_usd=440, hours=100, workflow_runs=10, job_runs=30, nodes=20)
    node = 0.192 + 73 * 0.08 / 730
    assert node == pytest.approx(0.2)
    assert emr_transient(work, prices, assume) == pytest.approx((1000 + 100 + 10 * 0.1 * 21) * (node + 0.048))
    assert emr_always_on(work, prices, assume) == pytest.approx(21 * 730 * (node + 0.048))
    assert ec2_always_on(work, prices, assume) == pytest.approx(21 * 730 * node)
    assert emr_serverless(work, prices, assume) == pytest.approx(
        (1000 + 30 * 20 * 90 / 3600) * (4 * 0.052624 + 16 * 0.0057785)
    )


def test_at_the_break_even_volume_an_engine_costs_what_glue_costs() -> None:
    base = made("prod", 50, assume={"runs_per_day": 4})
    serverless = next(engine for engine in engines(base) if engine.name == "EMR Serverless")
    assert serverless.even_gb_per_day is not None
    there = {
        engine.name: engine for engine in engines(made("prod", serverless.even_gb_per_day, assume={"runs_per_day": 4}))
    }
    assert there["EMR Serverless"].sum_usd == pytest.approx(there["Glue"].sum_usd, rel=1e-6)
    assert "EMR Serverless" not in {engine.name for engine in engines(made(region="eu-central-1"))}


def test_the_health_check_is_worked_by_hand() -> None:
    cost = health_check_cost(read_environment("dev"), assumed(), load_prices("us-east-1"))
    assert cost.job == pytest.approx(2 * 90 / 3600 * 0.44)
    assert (cost.check, cost.pull_request, cost.month) == tuple(
        pytest.approx(cost.job * times) for times in (3, 12, 240)
    )
    # The health check's own default.
    job = (ROOT / "ci-cd-glue-health-check-solution/src/glue_health_check/cloud/job.py").read_text()
    assert re.search(r"^_WORKERS = 2\b", job, re.MULTILINE)
