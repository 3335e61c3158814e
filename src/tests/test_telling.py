"""What people hear of a check: words, numbers, links, and nothing twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from etl.alerts import OUTBOX, Alerts
from etl.checking import Check
from etl.contracts import Contract
from etl.contracts.model import Quality
from etl.dqdl import RuleResult, RulesetResult
from etl.ledger import Ledger
from etl.publication import HELD, Publication
from etl.scoring import score
from etl.telling import emit_metrics, queue_alerts

REPORT = "s3://q/reports/orders/2024/01/15/jr_1.html"


def rule(text: str, ratio: float, outcome: str = "Failed", **fields: Any) -> RuleResult:
    given = {"text": text, "rule_type": "RowCount", "columns": (), "dimension": "validity", "outcome": outcome}
    return RuleResult(**{**given, "metrics": {}, "ratio": ratio, "message": f"message of {text}", **fields})


def check(*rules: RuleResult, **quality: Any) -> Check:
    contract = Contract("orders", key=("id",), quality=Quality(**quality))
    result = RulesetResult(list(rules), 1000, {})
    return Check(
        contract=contract,
        id="b2",
        batches=(),
        files=(),
        table=SimpleNamespace(columns=["id"]),  # type: ignore[arg-type]
        earlier=(),
        result=result,
        score=score(result, {}, contract.quality.threshold),
        metrics={},
        profile=(),
        observations=(),
        drift=(),
        problems=(),
    )


@pytest.fixture
def pipeline(aws: None) -> Any:
    """What telling needs of a run."""
    ledger = Ledger(boto3.resource("dynamodb"), "bookmarks", "state", "run-a")
    sent: list[dict[str, float]] = []
    settings = SimpleNamespace(
        environment="prod",
        job_name="etl-prod-data-quality",
        run_id="jr_1",
        started=datetime(2024, 1, 15, tzinfo=timezone.utc),
        table=lambda name: f"glue_catalog.db.{name}",
    )
    return SimpleNamespace(
        settings=settings,
        ledger=ledger,
        alerts=Alerts(ledger, None, ""),
        cloudwatch=boto3.client("cloudwatch"),
        sent=sent,
        emit=lambda dataset, **values: sent.append(values),
    )


def outbox(pipeline: Any) -> list[tuple[str, str]]:
    return [(item["subject"], item["message"]) for item in pipeline.ledger.items(OUTBOX)]


def test_the_message_says_how_bad_it_is_the_worst_rules_first_what_it_means_and_what_to_do(pipeline: Any) -> None:
    rules = [rule(f"rule {number}", number / 20, failed_rows=1000 - number * 50, rows=1000) for number in range(14)]
    found = check(*rules, rule("fine", 1.0, "Passed"), rule("broken", 0.5, "Error"), threshold=90)
    queue_alerts(pipeline, found, REPORT, None)
    [(subject, message)] = outbox(pipeline)
    assert subject == f"[prod] quality of orders is {found.score.value:.2f}, below 90"
    lines = message.splitlines()
    assert lines[0] == f"The quality of orders is {found.score.value:.2f} of 100; the contract asks for 90."
    assert lines[2] == "15 of 16 rule(s) do not hold, the worst first:"
    assert lines[3] == "- rule 0: 1,000 of 1,000 row(s): message of rule 0"
    assert "and 5 more; see the report" in lines
    assert "The rows are in glue_catalog.db.orders, and its readers see them." in lines
    assert "fine" not in message
    link = "https://us-east-1.console.aws.amazon.com/s3/object/q?region=us-east-1&prefix=reports/orders/2024/01/15/jr_1.html"
    assert lines[-3:] == [f"Report: {link}", f"  {REPORT}", "Run: jr_1"]


def test_critical_rules_come_first_and_held_rows_are_told_with_the_way_out(pipeline: Any) -> None:
    critical = rule("critical one", 0.99, labels={"critical": "true"}, critical=True)
    found = check(rule("worse", 0.1), critical, threshold=90, publish="after_quality")
    publication = Publication(HELD, "7 row(s) of 2 batch(es) are held back.", 7)
    queue_alerts(pipeline, found, REPORT, publication)
    emit_metrics(pipeline, found, publication)
    [(subject, message)] = outbox(pipeline)
    assert subject.endswith("; rows are held")
    assert "- critical one (critical): message of critical one\n- worse: message of worse" in message
    assert "7 row(s) of 2 batch(es) are held back. They are in the table's branch audit, in Spark SQL " in message
    arguments = message.partition("--arguments '")[2].partition("'")[0]
    assert json.loads(arguments) == {"--dataset": "orders", "--recheck": "true"}
    assert "--job-name etl-prod-data-quality" in message
    expected = {"RulesFailed": 2, "RulesInError": 0, "TableRows": 1000, "Anomalies": 0, "RowsHeld": 7}
    assert pipeline.sent == [{"QualityScore": found.score.value, **expected}]


def test_the_same_failing_rules_of_a_batch_are_told_once_and_others_again(pipeline: Any) -> None:
    found = check(rule("a", 0.1), rule("b", 0.1), threshold=90)
    for other in (found, found, check(rule("b", 0.2), rule("a", 0.3), threshold=90)):
        queue_alerts(pipeline, other, REPORT, None)
    assert len(outbox(pipeline)) == 1
    queue_alerts(pipeline, check(rule("a", 0.1), threshold=90), REPORT, None)
    queue_alerts(pipeline, replace(found, id="b3"), REPORT, None)
    assert len(outbox(pipeline)) == 3


@pytest.mark.parametrize(("on_anomaly", "told"), [("report", 0), ("alert", 1)])
def test_unusual_metrics_of_rows_that_pass_are_told_where_the_contract_says_so(
    pipeline: Any, on_anomaly: str, told: int
) -> None:
    unusual = SimpleNamespace(metric="Dataset.*.RowCount", words="10 rows, usually 900 to 1,100", unusual=True)
    usual = SimpleNamespace(metric="Column.id.Completeness", words="as ever", unusual=False)
    found = replace(check(rule("a", 1.0, "Passed"), on_anomaly=on_anomaly), observations=(unusual, usual))
    for _ in range(2):
        queue_alerts(pipeline, found, REPORT, None)
    emit_metrics(pipeline, found, None)
    assert len(outbox(pipeline)) == told
    assert pipeline.sent[0]["Anomalies"] == 1
    assert "RowsHeld" not in pipeline.sent[0]
    if told:
        [(subject, message)] = outbox(pipeline)
        assert subject == "[prod] 1 unusual metric(s) of orders"
        assert "- Dataset.*.RowCount: 10 rows, usually 900 to 1,100" in message
        assert "as ever" not in message
