"""Alarms, log groups, dashboards, the Athena workgroup and streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployment_status.findings import About, Judgement, Problem, bad, judged, warn
from deployment_status.questions import AbsentError, Answers, Clients, Subject, missing

_AT_ONCE = 100  # names that DescribeAlarms takes


def look_at_alarms(clients: Clients, subject: Subject) -> Answers:
    """Ask for all alarms; answers by name."""
    names = sorted(subject.parts["alarms"].values())
    found: dict[str, Any] = {}
    for start in range(0, len(names), _AT_ONCE):
        answer = clients("cloudwatch").describe_alarms(
            AlarmNames=names[start : start + _AT_ONCE],
            AlarmTypes=["MetricAlarm", "CompositeAlarm"],
            MaxRecords=_AT_ONCE,
        )
        found |= {alarm["AlarmName"]: alarm for kind in ("MetricAlarms", "CompositeAlarms") for alarm in answer[kind]}
    return found


def judge_alarms(answers: Answers, subject: Subject) -> Mapping[str, Judgement]:
    """No alarm is raised, and each tells somebody when it is."""
    return {
        key: _judge_alarm(key, answers[name], subject)
        if name in answers
        else missing(subject, "aws_cloudwatch_metric_alarm")
        for key, name in subject.parts["alarms"].items()
    }


def _judge_alarm(key: str, alarm: Mapping[str, Any], subject: Subject) -> Judgement:
    return judged(
        "" if alarm["StateValue"] == "ALARM" else alarm["StateValue"].lower().replace("_", " "),
        _problems_of_alarm(key, alarm, subject),
        state=alarm["StateValue"],
    )


def _problems_of_alarm(key: str, alarm: Mapping[str, Any], subject: Subject) -> Iterator[Problem]:
    if alarm["StateValue"] == "ALARM":
        text = f"is raised: {' '.join(alarm.get('AlarmDescription', 'no description').split())}"
        todo = "docs/guides/operations.md#runbooks"
        vital = key in subject.expected["vital_alarms"]
        yield bad(text, todo, About.OPERATION) if vital else warn(text, todo)
    if not alarm.get("ActionsEnabled", True):
        command = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}"
        yield bad("tells nobody: its actions are switched off", command)


def look_at_log_group(clients: Clients, subject: Subject) -> Answers:
    """Ask for a log group."""
    for group in clients("logs").describe_log_groups(logGroupNamePrefix=subject.name)["logGroups"]:
        if group["logGroupName"] == subject.name:
            return group
    raise AbsentError(subject.name)


def judge_log_group(answers: Answers, subject: Subject) -> Judgement:
    """A log group keeps its lines as long as was asked for, encrypted."""
    days, wanted, back = answers.get("retentionInDays"), subject.expected["log_retention_days"], subject.deploy
    problems = []
    if days != wanted:
        kept = "for ever" if days is None else f"for {days} day(s)"
        problems.append(warn(f"keeps lines {kept} instead of {wanted}", f"{back} puts it back", About.SETUP))
    if "kmsKeyId" not in answers:
        problems.append(bad("is not encrypted with the pipeline's key", f"{back} puts it back"))
    return judged(f"{days} days" if days else "", problems, retention_days=days)


def look_at_dashboard(clients: Clients, subject: Subject) -> Answers:
    """Ask for a dashboard."""
    return clients("cloudwatch").get_dashboard(DashboardName=subject.name)


def judge_dashboard(answers: Answers, subject: Subject) -> Judgement:
    """That it answers is all there is to it."""
    return judged("is there")


def look_at_workgroup(clients: Clients, subject: Subject) -> Answers:
    """Ask for an Athena workgroup."""
    return clients("athena").get_work_group(WorkGroup=subject.name)["WorkGroup"]


def judge_workgroup(answers: Answers, subject: Subject) -> Judgement:
    """Queries can be run in it."""
    problems = []
    if answers["State"] != "ENABLED":
        command = f"aws athena update-work-group --work-group {subject.name} --state ENABLED"
        problems.append(bad(f"is {answers['State']}", command))
    return judged(answers["State"].lower(), problems, state=answers["State"])


def look_at_stream(clients: Clients, subject: Subject) -> Answers:
    """Ask for a Kinesis stream."""
    return clients("kinesis").describe_stream_summary(StreamName=subject.name)["StreamDescriptionSummary"]


def judge_stream(answers: Answers, subject: Subject) -> Judgement:
    """A stream takes records, encrypted."""
    problems = []
    if answers["StreamStatus"] not in ("ACTIVE", "UPDATING"):
        problems.append(bad(f"is {answers['StreamStatus']}"))
    if answers.get("EncryptionType") != "KMS":
        problems.append(bad("is not encrypted", f"{subject.deploy} puts it back"))
    return judged(answers["StreamStatus"].lower(), problems, state=answers["StreamStatus"])


def look_at_delivery(clients: Clients, subject: Subject) -> Answers:
    """Ask for a Firehose stream."""
    stream = clients("firehose").describe_delivery_stream(DeliveryStreamName=subject.name)
    return stream["DeliveryStreamDescription"]


def judge_delivery(answers: Answers, subject: Subject) -> Judgement:
    """Records are delivered."""
    status = answers["DeliveryStreamStatus"]
    problems = [] if status == "ACTIVE" else [bad(f"is {status}")]
    return judged(status.lower(), problems, state=status)
