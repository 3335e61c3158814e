"""Glue Job State Change events."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.local_cloud.helpers import Cloud

from local_cloud.events import job_state_change, target_input

EVENT = {"source": "aws.glue", "detail": {"jobName": "ingest", "state": "FAILED", "message": 'said "no"'}}


def rule_with_queue(cloud: Cloud, pattern: dict[str, Any]) -> str:
    """An EventBridge rule whose target is a new queue. Returns the queue's URL."""
    sqs, events, name = cloud.client("sqs"), cloud.client("events"), f"q-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)


def receive(cloud: Cloud, url: str, seconds: int) -> list[dict[str, Any]]:
    """The first message that comes within some seconds, if any does."""
    answer = cloud.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=seconds)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_the_end_of_a_run_reaches_the_queues_of_matching_rules_only(cloud: Cloud) -> None:
    job = cloud.job("raise ValueError('no')")
    matches = {"source": ["aws.glue"], "detail": {"jobName": [{"prefix": "job-"}], "state": ["FAILED"]}}
    failed = rule_with_queue(cloud, {**matches, "detail-type": ["Glue Job State Change"]})
    others = rule_with_queue(
        cloud, {"source": ["aws.glue"], "detail": {"jobName": [job], "state": [{"anything-but": "FAILED"}]}}
    )
    run = cloud.run(job)
    (event,) = receive(cloud, failed, 20)
    assert event["detail"] == {
        "jobName": job,
        "severity": "ERROR",
        "state": "FAILED",
        "jobRunId": run["Id"],
        "message": "ValueError: no",
    }
    assert event["source"] == "aws.glue"
    assert receive(cloud, others, 0) == []


def test_a_run_that_goes_on_makes_no_event() -> None:
    assert job_state_change({"JobRunState": "RUNNING", "JobName": "j", "Id": "jr_1"}, "us-east-1") is None


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({}, json.dumps(EVENT)),
        ({"Input": '{"fixed": 1}'}, '{"fixed": 1}'),
        ({"InputPath": "$.detail.state"}, '"FAILED"'),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"job": "$.detail.jobName", "why": "$.detail.message", "none": "$.x.y"},
                    "InputTemplate": '{"job": <job>, "text": "<job>: <why>", "none": "<none>"}',
                }
            },
            '{"job": "ingest", "text": "ingest: said \\"no\\"", "none": ""}',
        ),
    ],
)
def test_a_target_gets_what_its_input_settings_make_of_the_event(target: dict[str, Any], text: str) -> None:
    assert target_input(target, EVENT) == text
