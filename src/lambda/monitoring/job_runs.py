"""The history of the Glue jobs' runs: what an event says of a run, and its item in the state table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from run_numbers import RunNumbers, cost_usd, dpu_hours

FAILURES = ("FAILED", "TIMEOUT", "ERROR", "EXPIRED")
ENDS = ("SUCCEEDED", "STOPPED", *FAILURES)
HISTORY_DAYS = 400
INDEX = "status-updated_at-index"
# A page of a query is 1 MB of items of all kinds; the history need not be searched to its beginning.
MOST_PAGES = 8


@dataclass(frozen=True)
class JobRun:
    """A run of a Glue job in the state that an event tells of.

    Attributes:
        job, id, state: as in Glue.
        time: when the state was reached, UTC.
        message: Glue's words for it, or the error message.
        started, ended: UTC; None if it is not known.
        seconds: how long the job worked; None if it is not known.
        log_group: where its logs are, without /output and /error.
        account, region: where it ran.
        workflow, workflow_run_id: what started it; "" for a run that was started by itself.
        dpu_hours, cost_usd: estimated; None if they are not known.
    """

    job: str
    id: str
    state: str
    time: datetime
    message: str
    account: str
    region: str
    started: datetime | None = None
    ended: datetime | None = None
    seconds: int | None = None
    log_group: str = "/aws-glue/jobs"
    workflow: str = ""
    workflow_run_id: str = ""
    dpu_hours: float | None = None
    cost_usd: float | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the state is a last one: it never changes again."""
        return self.state in ENDS

    @property
    def has_failed(self) -> bool:
        """Whether the run ended without doing its work, by no one's will."""
        return self.state in FAILURES


def run_from(body: str) -> JobRun | None:
    """The run that a queue message tells of; None for an event of another kind.

    Args:
        body: body of the SQS message, an EventBridge event as JSON.

    Raises:
        ValueError: the message is no event of Glue in the form that AWS documents.
    """
    try:
        event = EventBridgeEvent(json.loads(body))
        if (event.source, event.detail_type) != ("aws.glue", "Glue Job State Change"):
            return None
        detail = event.detail
        return JobRun(
            job=detail["jobName"],
            id=detail["jobRunId"],
            state=detail["state"],
            time=datetime.fromisoformat(event.time.replace("Z", "+00:00")).astimezone(timezone.utc),
            message=detail.get("message", ""),
            account=event.account,
            region=event.region,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"not a Glue event as EventBridge sends it ({error!r}): {body[:500]}") from error


def with_details(run: JobRun, glue: Any, price: float = 0.0) -> JobRun:
    """The run with what Glue knows of it: times, duration, error message, workflow, cost.

    A run that Glue no longer knows stays as the event tells of it.

    Args:
        run: from :func:`run_from`.
        glue: boto3 Glue client.
        price: of a DPU hour, US dollars.
    """
    try:
        found = glue.get_job_run(JobName=run.job, RunId=run.id)["JobRun"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return run
    return with_facts(run, found, price)


def with_facts(run: JobRun, found: Mapping[str, Any], price: float) -> JobRun:
    """The run with what stands in the JobRun of an answer of Glue.

    Args:
        run: the run as an event tells of it.
        found: the JobRun.
        price: of a DPU hour, US dollars.
    """
    arguments, hours = found.get("Arguments", {}), dpu_hours(found)
    return replace(
        run,
        message=found.get("ErrorMessage") or run.message,
        started=_utc(found.get("StartedOn")),
        ended=_utc(found.get("CompletedOn")) or (run.time if run.has_ended else None),
        seconds=found.get("ExecutionTime"),
        log_group=found.get("LogGroupName") or run.log_group,
        workflow=arguments.get("--WORKFLOW_NAME", ""),
        workflow_run_id=arguments.get("--WORKFLOW_RUN_ID", ""),
        dpu_hours=hours,
        cost_usd=cost_usd(hours, found, price),
    )


class RunHistory:
    """The runs in the state table: entity ``glue_run#<job>``, id the job run id.

    Args:
        table: boto3 DynamoDB Table of the pipeline's state.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def record(self, run: JobRun, numbers: RunNumbers | None = None) -> bool:
        """Write the run's state, unless the table knows better.

        A last state is never written over, so a late or repeated event changes nothing; a state on the way
        gives way to a later one.

        Args:
            run: with its details.
            numbers: what it did.

        Returns:
            Whether it was written.
        """
        condition = "attribute_not_exists(#status) OR NOT #status IN (:e0, :e1, :e2, :e3, :e4, :e5)"
        values = {f":e{number}": state for number, state in enumerate(ENDS)}
        if not run.has_ended:
            condition = f"attribute_not_exists(#status) OR (({condition}) AND updated_at <= :v1)"
        facts = _facts(run, numbers or RunNumbers())
        names = {f"#{number}": name for number, name in enumerate(facts)}
        update = ", ".join(f"{short} = :v{short[1:]}" for short in names)
        try:
            self._table.update_item(
                Key=_key(run),
                UpdateExpression=f"SET {update}",
                ConditionExpression=condition,
                ExpressionAttributeNames={**names, "#status": "status"},
                ExpressionAttributeValues={
                    **values,
                    **{f":v{number}": value for number, value in enumerate(facts.values())},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def is_done(self, run: JobRun) -> bool:
        """Whether nothing is left to do about this run's end: people were told, or another end came first."""
        item: Mapping[str, Any] = self._table.get_item(Key=_key(run), ConsistentRead=True).get("Item", {})
        return "notified_at" in item or item.get("status", run.state) != run.state

    def mark_told(self, run: JobRun) -> None:
        """Remember that people have been told whatever there was to tell."""
        self._table.update_item(
            Key=_key(run),
            UpdateExpression="SET notified_at = :now",
            ExpressionAttributeValues={":now": datetime.now(timezone.utc).isoformat()},
        )

    def earlier(self, run: JobRun, limit: int) -> list[dict[str, Any]]:
        """The newest successful runs of the same job before this one, newest first."""
        mine = Attr("entity").eq(f"glue_run#{run.job}") & Attr("id").ne(run.id) & Attr("seconds").exists()
        found = self._with_status("SUCCEEDED", Key("updated_at").lt(run.time.isoformat()), mine, limit)
        return list(found)

    def since(self, time: datetime, prefix: str) -> list[dict[str, Any]]:
        """The runs of the pipeline's jobs that have ended since a time, in no order.

        Args:
            time: UTC.
            prefix: with which the names of the jobs begin.
        """
        ours = Attr("entity").begins_with(f"glue_run#{prefix}-")
        after = Key("updated_at").gte(time.isoformat())
        return [item for state in ENDS for item in self._with_status(state, after, ours, None)]

    def _with_status(self, status: str, when: Any, condition: Any, limit: int | None) -> Iterator[dict[str, Any]]:
        """Items of the index, newest first; with a limit, as many as a few pages have."""
        arguments: dict[str, Any] = {
            "IndexName": INDEX,
            "KeyConditionExpression": Key("status").eq(status) & when,
            "FilterExpression": condition,
            "ScanIndexForward": False,
        }
        found, pages = 0, 0
        while True:
            answer = self._table.query(**arguments)
            pages += 1
            for item in answer["Items"][: None if limit is None else limit - found]:
                found += 1
                yield item
            enough = limit is not None and (found >= limit or pages >= MOST_PAGES)
            if enough or "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _key(run: JobRun) -> dict[str, str]:
    return {"entity": f"glue_run#{run.job}", "id": run.id}


def _facts(run: JobRun, numbers: RunNumbers) -> dict[str, Any]:
    """The item's attributes; updated_at is the second, the condition above counts on it."""
    facts = {
        "status": run.state,
        "updated_at": run.time.isoformat(),
        "message": run.message,
        "started_at": run.started and run.started.isoformat(),
        "ended_at": run.ended and run.ended.isoformat(),
        "seconds": run.seconds,
        "expires_at": int((run.time + timedelta(days=HISTORY_DAYS)).timestamp()),
        "workflow_run_id": run.workflow_run_id or numbers.workflow_run_id or None,
        "dpu_hours": decimal(run.dpu_hours),
        "cost_usd": decimal(run.cost_usd),
        "totals": dict(numbers.totals) or None,
        "lowest_score": decimal(numbers.lowest_score),
    }
    return {name: value for name, value in facts.items() if value is not None}


def decimal(number: float | None) -> Decimal | None:
    """A number as DynamoDB takes it, to the sixth place."""
    return None if number is None else Decimal(str(round(number, 6)))


def _utc(time: datetime | None) -> datetime | None:
    return time and time.astimezone(timezone.utc)
