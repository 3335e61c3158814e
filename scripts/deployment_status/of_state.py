"""What the state table says: batches on their way, rows that are held back, alerts not sent, scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from deployment.workflow import query_state
from deployment_status.findings import Judgement, Problem, judged, warn
from deployment_status.questions import Answers, Clients, Subject, age

# Batches and alerts that are younger wait for the run that is going on, or the next one.
_OLD = timedelta(hours=2)


def look_at_state(clients: Clients, subject: Subject) -> Answers:
    """Read what is open, held and unsent, and each dataset's last check."""
    table = clients.table(subject.parts["tables"]["job_state"])
    names = [item["id"] for item in query_state(table, "dataset")]
    return {
        "datasets": {name: _look_at_dataset(table, name) for name in names},
        "unsent": query_state(table, "outbox", Attr("status").eq("PENDING")),
    }


def _look_at_dataset(table: Any, name: str) -> dict[str, Any]:
    open_ids = [item["id"] for item in query_state(table, f"open#{name}")]
    read = [table.get_item(Key={"entity": f"batch#{name}", "id": batch_id}) for batch_id in open_ids]
    checks = table.query(KeyConditionExpression=Key("entity").eq(f"metrics#{name}"), ScanIndexForward=False, Limit=1)
    return {
        "open": [answer["Item"] for answer in read if answer.get("Item", {}).get("status", "CHECKED") != "CHECKED"],
        "held": [item["id"] for item in query_state(table, f"held#{name}")],
        "check": next(iter(checks["Items"]), None),
    }


def judge_state(answers: Answers, subject: Subject) -> Mapping[str, Judgement]:
    """Batches get through, rows are published, alerts are sent, and scores are above their thresholds."""
    found = {f"dataset {name}": _judge_dataset(state, subject) for name, state in answers["datasets"].items()}
    return {**found, "alerts": _judge_alerts(answers["unsent"], subject)}


def _judge_dataset(state: Mapping[str, Any], subject: Subject) -> Judgement:
    check = state["check"]
    score = None if check is None else float(check["score"])
    batches = [
        {"id": batch["id"], "status": batch["status"], "updated_at": batch["updated_at"]} for batch in state["open"]
    ]
    return judged(
        _described(state, score, subject),
        _problems_of_dataset(state, score, subject),
        score=score,
        threshold=None if check is None else float(check["threshold"]),
        report=None if check is None else check["report"],
        open_batches=batches,
        held_batches=state["held"],
    )


def _described(state: Mapping[str, Any], score: float | None, subject: Subject) -> str:
    young = len(state["open"]) - len(_old(state["open"], subject.now))
    parts = [f"{young} batch(es) on their way"] if young else []
    if score is None:
        return ", ".join([*parts, "not checked yet"])
    checked = age(datetime.fromisoformat(state["check"]["checked_at"]), subject.now)
    return ", ".join([*parts, f"score {score:.2f}, {checked} ago"])


def _problems_of_dataset(state: Mapping[str, Any], score: float | None, subject: Subject) -> Iterator[Problem]:
    for batch in _old(state["open"], subject.now):
        since = age(datetime.fromisoformat(batch["updated_at"]), subject.now)
        start = f"aws glue start-workflow-run --name {subject.parts['workflows']['etl']}"
        yield warn(f"batch {batch['id']} has been {batch['status']} for {since}", start)
    if state["held"]:
        yield warn(f"the rows of {len(state['held'])} batch(es) are held back", "docs/publication.md")
    if score is not None and not state["check"]["passed"]:
        threshold = float(state["check"]["threshold"])
        yield warn(f"its score is below {threshold:.0f}", f"see the report: {state['check']['report']}")


def _judge_alerts(unsent: list[Mapping[str, Any]], subject: Subject) -> Judgement:
    old = _old(unsent, subject.now)
    problems = []
    if old:
        text = f"{len(old)} alert(s) could not be sent, such as: {old[0].get('subject', old[0]['id'])}"
        problems.append(warn(text, "see whether the topic alerts is there; the next run of a job sends them"))
    waiting = len(unsent) - len(old)
    return judged(f"{waiting} to be sent by the next job" if waiting else "all sent" if not old else "", problems)


def _old(items: list[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    return [item for item in items if now - datetime.fromisoformat(item["updated_at"]) > _OLD]
