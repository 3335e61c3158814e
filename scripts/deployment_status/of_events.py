"""Topics, queues, rules, Lambdas and what brings messages to them."""

from __future__ import annotations

from datetime import timedelta

from deployment_status.findings import About, Judgement, Problem, Verdict, bad, judged, warn
from deployment_status.questions import AbsentError, Answers, Clients, Metric, Subject, measured

# A message that waits longer than the longest usual workflow run has a reason that somebody should know.
_OLD = timedelta(hours=1)
_LATELY = timedelta(hours=24)


def look_at_topic(clients: Clients, subject: Subject) -> Answers:
    """Ask who listens to a topic."""
    return clients("sns").get_topic_attributes(TopicArn=subject.name)["Attributes"]


def judge_topic(answers: Answers, subject: Subject) -> Judgement:
    """Somebody listens, and whoever was subscribed has confirmed it."""
    confirmed, pending = (int(answers.get(f"Subscriptions{state}", 0)) for state in ("Confirmed", "Pending"))
    problems = []
    if pending:
        problems.append(warn(f"{pending} subscription(s) not confirmed", "open AWS's mail and follow its link"))
    if not confirmed and not pending and subject.environment != "local":
        todo = "name somebody in alert_emails or subscriptions of terraform.tfvars"
        problems.append(warn("nobody is subscribed, so nobody is told", todo))
    return judged(f"{confirmed} subscription(s)", problems, confirmed=confirmed, pending=pending)


def look_at_queue(clients: Clients, subject: Subject) -> Answers:
    """Ask how many messages a queue holds, and how old the oldest is."""
    found = clients("sqs").get_queue_attributes(QueueUrl=subject.name, AttributeNames=["All"])["Attributes"]
    name = {"QueueName": found["QueueArn"].rpartition(":")[2]}
    oldest = Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", name, "Maximum", timedelta(minutes=15))
    return {"attributes": found, "oldest_seconds": measured(clients, oldest, subject.now)}


def judge_queue(answers: Answers, subject: Subject) -> Judgement:
    """Messages do not wait for long."""
    waiting, handled = _depth(answers), int(answers["attributes"].get("ApproximateNumberOfMessagesNotVisible", 0))
    oldest, problems = answers["oldest_seconds"], []
    if waiting + handled and oldest is not None and oldest > _OLD.total_seconds():
        text = f"the oldest of its messages has waited for {oldest / 3600:.1f} h"
        problems.append(warn(text, "see whether the workflow runs, and the Lambda's log"))
    if "RedrivePolicy" not in answers["attributes"]:
        problems.append(bad("has no dead-letter queue: what fails is lost", f"{subject.deploy} puts it back"))
    return judged(
        f"{waiting} waiting, {handled} in work{_oldest(answers)}",
        problems,
        waiting=waiting,
        in_work=handled,
        oldest_seconds=oldest,
    )


def judge_dead_letters(answers: Answers, subject: Subject) -> Judgement:
    """Nothing was tried in vain."""
    waiting = _depth(answers)
    problems = []
    if waiting:
        redrive = f"scripts/redrive_dlq.py --env {subject.environment} --queue {subject.key.replace('_', '-')}"
        todo = f".venv/bin/python {redrive} --dry-run shows them, and without --dry-run sends them back"
        problems.append(bad(f"{waiting} message(s) were tried in vain", todo, About.OPERATION))
    facts = {"waiting": waiting, "oldest_seconds": answers["oldest_seconds"]}
    return judged("" if waiting else "empty", problems, **facts)


def _depth(answers: Answers) -> int:
    counted = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    return sum(int(answers["attributes"].get(name, 0)) for name in counted)


def _oldest(answers: Answers) -> str:
    seconds = answers["oldest_seconds"]
    return "" if not seconds else f", the oldest for {seconds:.0f} s"


def look_at_rule(clients: Clients, subject: Subject) -> Answers:
    """Ask whether a rule is enabled, and where it sends events."""
    events = clients("events")
    targets = events.list_targets_by_rule(Rule=subject.name)["Targets"]
    return {"rule": events.describe_rule(Name=subject.name), "targets": targets}


def judge_rule(answers: Answers, subject: Subject) -> Judgement:
    """A rule is enabled and sends somewhere."""
    rule, targets, problems = answers["rule"], len(answers["targets"]), []
    if rule.get("State") != "ENABLED":
        problems.append(bad(f"is {rule.get('State')}", f"aws events enable-rule --name {subject.name}"))
    if not targets:
        problems.append(bad("sends events nowhere", f"{subject.deploy} puts it back"))
    when = rule.get("ScheduleExpression", "on events")
    return judged(when if problems else f"enabled, {when}", problems, state=rule.get("State"), targets=targets)


def look_at_lambda(clients: Clients, subject: Subject) -> Answers:
    """Ask for a Lambda's state, and for its errors lately."""
    errors = Metric("AWS/Lambda", "Errors", {"FunctionName": subject.name}, "Sum", _LATELY)
    return {
        "function": clients("lambda").get_function_configuration(FunctionName=subject.name),
        "errors": measured(clients, errors, subject.now),
    }


def judge_lambda(answers: Answers, subject: Subject) -> Judgement:
    """A Lambda is active, its last update went well, and it has thrown no errors lately."""
    function, errors, problems = answers["function"], int(answers["errors"] or 0), []
    state, update = function.get("State", "Active"), function.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive"):  # an inactive one is woken up by the next call
        problems.append(bad(f"is {state}: {function.get('StateReason', 'no reason given')}"))
    if update != "Successful":
        reason = function.get("LastUpdateStatusReason", "no reason given")
        problems.append(bad(f"its last update is {update}: {reason}", f"{subject.deploy} brings the code again"))
    if errors:
        log = f"aws logs tail /aws/lambda/{subject.name} --since 1d"
        problems.append(warn(f"{errors} error(s) in {_LATELY.total_seconds() / 3600:.0f} h", log))
    facts = {"state": state, "last_update": update, "errors": errors, "runtime": function.get("Runtime")}
    return judged(f"{state.lower()}, {function.get('Runtime', 'no runtime')}", problems, **facts)


def look_at_event_source(clients: Clients, subject: Subject) -> Answers:
    """Ask whether a queue's messages are brought to their Lambda."""
    return {"mapping": clients("lambda").get_event_source_mapping(UUID=subject.name)}


def judge_event_source(answers: Answers, subject: Subject) -> Judgement:
    """It is enabled, and the last try went well."""
    mapping, problems = answers["mapping"], []
    state, result = mapping.get("State"), mapping.get("LastProcessingResult", "")
    if state == "Deleting":
        raise AbsentError(subject.name)
    if state not in ("Enabled", "Enabling", "Updating"):
        command = f"aws lambda update-event-source-mapping --uuid {subject.name} --enabled"
        problems.append(bad(f"is {state}: messages stay where they are", command))
    if result.upper().startswith("PROBLEM"):
        problems.append(Problem(Verdict.BAD, result, "see the Lambda's role and log", About.OPERATION))
    return judged("" if problems else str(state).lower(), problems, state=state, last_result=result or None)
