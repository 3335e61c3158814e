"""Each check of check_deployment_status.sh on a part in good health and on a broken one, in moto's in-process AWS."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws
from tests.broken_parts import BROKEN
from tests.moto_deployment import EXPECTED, make_parts

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "scripts"))
from deployment_status.checks import CHECKS  # noqa: E402
from deployment_status.findings import Finding, Judgement, Verdict  # noqa: E402
from deployment_status.looking import look_at_all  # noqa: E402
from deployment_status.of_events import judge_topic  # noqa: E402
from deployment_status.of_glue import judge_job, judge_workflow  # noqa: E402
from deployment_status.of_operations import judge_alarms, judge_workgroup  # noqa: E402
from deployment_status.questions import Clients, Subject, unanswered  # noqa: E402

NOW = datetime(2024, 1, 15, 12, tzinfo=timezone.utc)


class Deployment:
    """A deployment in moto, and what the checks say of it."""

    def __init__(self, session: boto3.Session) -> None:
        self.clients = Clients("us-east-1", session)
        self.parts = make_parts(self.clients)

    def look(self, *parts: str) -> dict[tuple[str, str], Finding]:
        """What is found of some kinds of parts, or of all, by kind and key."""
        checks = [check for check in CHECKS if not parts or check.part in parts]
        outputs = {"parts": self.parts, "expected": EXPECTED}
        found = look_at_all(outputs, self.clients, "dev", checks=checks)
        return {(finding.part, finding.key): finding for finding in found}

    def state(self, entity: str, item_id: str, **facts: Any) -> None:
        """Put an item into the state table."""
        self.clients.table("state").put_item(Item={"entity": entity, "id": item_id, **facts})


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    """One session for all tests: loading the services' models takes most of their time."""
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")


@pytest.fixture
def deployment(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """A whole deployment in good health."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "AWS_PROFILE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Deployment(session)


def test_a_deployment_in_good_health_is_found_well_in_every_part(deployment: Deployment) -> None:
    found = deployment.look()
    assert {part for part, _ in found} == {check.part for check in CHECKS}
    unwell = {key: finding.text for key, finding in found.items() if finding.verdict is not Verdict.OK}
    # moto counts no subscriptions.
    assert unwell == {("topics", "alerts"): "nobody is subscribed, so nobody is told; 0 subscription(s)"}
    assert found["state", "alerts"].text == "all sent"


def rounds() -> list[list[str]]:
    """The cases in as few groups as no two of a group are about the same kind: a deployment takes long to make."""
    groups: list[list[str]] = []
    for what, (_, part, *_) in BROKEN.items():
        taken = [{BROKEN[other][1] for other in group} for group in groups]
        number = next((number for number, parts in enumerate(taken) if part not in parts), len(groups))
        groups[number:] = [[*(groups[number] if number < len(groups) else []), what], *groups[number + 1 :]]
    return groups


@pytest.mark.parametrize("cases", rounds(), ids=lambda cases: f"{cases[0]} and {len(cases) - 1} more")
def test_what_is_broken_shows_as_such_with_what_to_do(cases: list[str], deployment: Deployment) -> None:
    for what in cases:
        BROKEN[what][0](deployment.clients, deployment.parts)
    found = deployment.look(*(BROKEN[what][1] for what in cases))
    for what in cases:
        _, part, key, verdict, text = BROKEN[what]
        finding = found[part, key]
        assert (finding.verdict, bool(finding.todo)) == (verdict, True), (what, finding)
        assert text in finding.text, what


def test_every_check_has_a_broken_case() -> None:
    assert {case[1] for case in BROKEN.values()} | {"state", "workgroups"} == {check.part for check in CHECKS}


def test_the_state_table_tells_of_old_batches_held_rows_low_scores_and_unsent_alerts(deployment: Deployment) -> None:
    now = datetime.now(timezone.utc)
    old, young = ((now - timedelta(hours=hours)).isoformat() for hours in (5, 0.5))
    check = {"threshold": 80, "checked_at": old, "report": "s3://quality/reports/r.html"}
    for name in ("good", "bad"):
        deployment.state("dataset", name)
        deployment.state(f"metrics#{name}", "1", score=70, passed=False, **check)
    deployment.state("metrics#good", "2", score=99, passed=True, **check)
    for name, status, at in (("good", "INGESTED", young), ("bad", "PROCESSED", old)):
        deployment.state(f"open#{name}", "b1")
        deployment.state(f"batch#{name}", "b1", status=status, updated_at=at)
    deployment.state("held#bad", "b0")
    deployment.state("outbox", "a1", status="PENDING", updated_at=old, subject="quality of bad")
    deployment.state("outbox", "a2", status="SENT", updated_at=old)
    found = deployment.look("state")
    assert found["state", "dataset good"].text == "1 batch(es) on their way, score 99.00, 5 h ago"
    assert found["state", "dataset bad"].text == (
        "batch b1 has been PROCESSED for 5 h; the rows of 1 batch(es) are held back; its score is below 80; "
        "score 70.00, 5 h ago"
    )
    assert "s3://quality/reports/r.html" in found["state", "dataset bad"].todo
    assert found["state", "alerts"].text == "1 alert(s) could not be sent, such as: quality of bad"
    verdicts = {key: finding.verdict for (_, key), finding in found.items()}
    assert verdicts == {"dataset good": Verdict.OK, "dataset bad": Verdict.WARN, "alerts": Verdict.WARN}


def subject(key: str = "data_ingestion", name: str = "ingestion", **parts: dict[str, str]) -> Subject:
    return Subject("dev", NOW, parts, EXPECTED, key, name)


def run(state: str, seconds: float, days_ago: float) -> dict[str, Any]:
    started = NOW - timedelta(days=days_ago)
    facts = {"Id": f"jr_{days_ago}", "JobRunState": state, "StartedOn": started, "ExecutionTime": seconds}
    return facts | ({"ErrorMessage": "ContractError: kye"} if state == "FAILED" else {})


def judged_job(*runs: dict[str, Any], kind: str = "glueetl") -> Finding:
    command = {"Name": kind, "ScriptLocation": "s3://scripts/a.py"}
    answers = {"job": {"Command": command}, "runs": runs, "script_there": True}
    judgement = judge_job(answers, subject())
    assert isinstance(judgement, Judgement)
    return Finding("jobs", "data_ingestion", "ingestion", judgement)


USUAL = tuple(run("SUCCEEDED", 100, days) for days in (2, 3, 4))


def test_a_job_whose_last_run_failed_is_bad_with_its_error() -> None:
    found = judged_job(*USUAL, run("FAILED", 5, 1))
    assert found.verdict is Verdict.BAD
    assert "its last run is FAILED: ContractError: kye" in found.text
    assert found.todo.endswith("--run-id jr_1")
    assert found.problems_of_setup == ()


@pytest.mark.parametrize(
    ("last", "verdict"), [(250, Verdict.WARN), (190, Verdict.OK), (20, Verdict.OK)], ids=["slow", "usual", "fast"]
)
def test_a_run_is_slow_when_it_takes_twice_as_long_as_usual(last: float, verdict: Verdict) -> None:
    found = judged_job(run("SUCCEEDED", last, 1), *USUAL)
    assert found.verdict is verdict
    assert "(usual 100 s)" in found.text


def test_small_jobs_may_vary_by_a_minute_and_new_ones_have_no_usual() -> None:
    small = [run("SUCCEEDED", 10, days) for days in (2, 3, 4)]
    assert judged_job(run("SUCCEEDED", 60, 1), *small).verdict is Verdict.OK
    assert "usual" not in judged_job(run("SUCCEEDED", 900, 1), *USUAL[:2]).text


def test_a_run_that_hangs_is_slow_while_it_runs_but_a_stream_runs_for_ever() -> None:
    running = run("RUNNING", 0, 0.1)
    assert judged_job(running, *USUAL).verdict is Verdict.WARN
    assert judged_job(running, *USUAL, kind="gluestreaming").verdict is Verdict.OK


def test_a_workflow_run_with_a_failed_job_is_bad() -> None:
    last = {"WorkflowRunId": "wr_1", "Status": "COMPLETED", "StartedOn": NOW - timedelta(hours=3)}
    well = judge_workflow({"LastRun": {**last, "Statistics": {"SucceededActions": 3}}}, subject())
    failed = judge_workflow({"LastRun": {**last, "Statistics": {"FailedActions": 1}}}, subject())
    assert isinstance(well, Judgement) and isinstance(failed, Judgement)
    assert (well.problems, well.text) == ((), "last run completed, 3 h ago")
    assert [problem.text for problem in failed.problems] == ["1 job(s) of its last run failed"]


def test_a_composite_alarm_is_judged_like_any_other() -> None:
    raised = {"p-health": {"AlarmName": "p-health", "StateValue": "ALARM", "AlarmDescription": "Something\nbroke."}}
    found = judge_alarms(raised, subject(alarms={"health": "p-health"}))
    assert isinstance(found, dict)
    assert found["health"].problems[0].text == "is raised: Something broke."


@pytest.mark.parametrize(
    ("environment", "confirmed", "pending", "problem"),
    [
        ("dev", "2", "0", None),
        ("dev", "1", "1", "1 subscription(s) not confirmed"),
        ("dev", "0", "0", "nobody is subscribed, so nobody is told"),
        ("local", "0", "0", None),  # its messages are read by local_cloud.sh
    ],
)
def test_whoever_is_subscribed_to_a_topic_must_have_confirmed_it(
    environment: str, confirmed: str, pending: str, problem: str | None
) -> None:
    answers = {"SubscriptionsConfirmed": confirmed, "SubscriptionsPending": pending}
    found = judge_topic(answers, Subject(environment, NOW, {}, EXPECTED)).problems
    assert [one.text for one in found] == ([problem] if problem else [])


def test_a_disabled_workgroup_is_bad() -> None:
    [problem] = judge_workgroup({"State": "DISABLED"}, subject(name="queries")).problems
    assert (problem.verdict, problem.text) == (Verdict.BAD, "is DISABLED")


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Ask")


@pytest.mark.parametrize(
    ("error", "verdict", "words"),
    [
        (refusal("ResourceNotFoundException"), Verdict.MISSING, "is not there"),
        (refusal("InvalidRequestException", "WorkGroup x is not found"), Verdict.MISSING, "is not there"),
        (refusal("InvalidRequestException", "malformed"), Verdict.UNKNOWN, "could not be looked at"),
        (refusal("AccessDeniedException"), Verdict.UNKNOWN, "may not be looked at"),
        (refusal("403"), Verdict.UNKNOWN, "may not be looked at"),
        (refusal("ThrottlingException"), Verdict.UNKNOWN, "could not be looked at"),
        (EndpointConnectionError(endpoint_url="https://x"), Verdict.UNKNOWN, "could not be looked at"),
        (KeyError("State"), Verdict.UNKNOWN, "has no field 'State'"),
    ],
    ids=["absent", "no-workgroup", "malformed", "denied", "403", "throttled", "offline", "short"],
)
def test_an_error_says_whether_a_part_is_missing_or_can_not_be_looked_at(
    error: Exception, verdict: Verdict, words: str
) -> None:
    check = next(check for check in CHECKS if check.part == "workgroups")
    judgement = unanswered(error, check, subject(name="queries"))
    assert Finding("workgroups", "athena", "queries", judgement).verdict is verdict
    assert words in judgement.problems[0].text
    if words == "may not be looked at":
        assert judgement.problems[0].todo.startswith("allow athena:GetWorkGroup")


# What IAM calls an operation otherwise than its API.
RENAMED = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}


def test_the_actions_of_each_check_are_just_those_of_its_calls(deployment: Deployment, session: Any) -> None:
    called: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        called.add(f"{model.service_model.endpoint_prefix.replace('monitoring', 'cloudwatch')}:{model.name}")

    deployment.state("dataset", "orders")
    deployment.state("open#orders", "b1")
    session.events.register("before-call", note)
    deployment.clients = Clients("us-east-1", session)  # those made before do not know of it
    try:
        for check in CHECKS:
            called.clear()
            deployment.look(check.part)
            # What is encrypted with the pipeline's key is read with it; that is no call of ours.
            wanted = {RENAMED.get(call, call) for call in called} | {"kms:Decrypt"} & set(check.actions)
            assert set(check.actions) == wanted, check.part
    finally:
        session.events.unregister("before-call", note)


def test_a_check_changes_nothing() -> None:
    reading = re.compile(r"\w+:(Describe|Get|List|Query|Decrypt)\w*")
    assert [action for check in CHECKS for action in check.actions if not reading.fullmatch(action)] == []
