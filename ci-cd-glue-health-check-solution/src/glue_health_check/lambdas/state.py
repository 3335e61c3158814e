"""What Lambdas keep of a check between them, as objects of the work bucket that go when the check goes; and reports."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.clients import GONE, Clients, aws_errors, code_of
from glue_health_check.cloud.manifest import Manifest, read_manifest
from glue_health_check.cloud.names import REPORTS, Names
from glue_health_check.cloud.writes import Place, Snapshot
from glue_health_check.lambdas.requests import CheckRequest, Source
from glue_health_check.models import CheckResult, Report
from glue_health_check.reporting import report_from, report_json
from glue_health_check.reporting.junit import junit_xml
from glue_health_check.reporting.markdown import markdown

_DRAFT = "checked.json"


@dataclass(frozen=True)
class State:
    """A check whose job runs.

    Attributes:
        request: what was asked for, with the check's document.
        report: as it is so far: static checks, start, script.
        watched, ignored: where its jobs must not write, and what is passed over there.
    """

    request: CheckRequest
    report: Report
    watched: tuple[Place, ...]
    ignored: tuple[Place, ...]

    @property
    def started(self) -> datetime:
        """When it was asked for."""
        return datetime.fromisoformat(self.report.started_at)

    def deadline(self) -> datetime:
        """When its time is over."""
        return self.started + timedelta(minutes=(self.request.check or {})["timeout_minutes"])


class Keeper:
    """Reads and writes what is kept of one check.

    Args:
        aws: the services.
        names: of the check.
    """

    def __init__(self, aws: Clients, names: Names) -> None:
        self._aws, self.names = aws, names

    @property
    def report_uri(self) -> str:
        """Where the report will be, as JSON."""
        return f"s3://{self.names.work_bucket}/{self._report_key('report.json')}"

    def put_state(self, state: State, before: Snapshot) -> None:
        """Keep a check; from here on its job may be started.

        Raises:
            InfrastructureError: S3 failed.
        """
        self._put(f"{self.names.state_prefix}before.json.gz", gzip.compress(json.dumps(_plain(before)).encode()))
        document = {**asdict(state), "report": state.report.as_dict()}
        self._put(f"{self.names.state_prefix}state.json", json.dumps(document).encode())

    def state(self) -> State | None:
        """What was kept; None before its job could be started, and after the check."""
        if (body := self._get(f"{self.names.state_prefix}state.json")) is None:
            return None
        loaded = json.loads(body)
        request = loaded["request"]
        source = Source(**request["source"]) if request["source"] else None
        return State(
            CheckRequest(**{**request, "source": source}),
            report_from(loaded["report"], "the state"),
            tuple(Place(**one) for one in loaded["watched"]),
            tuple(Place(**one) for one in loaded["ignored"]),
        )

    def before(self) -> Snapshot:
        """What was in the watched places before the first run."""
        body = self._get(f"{self.names.state_prefix}before.json.gz")
        return _snapshot(json.loads(gzip.decompress(body)) if body else {"versions": [], "unseen": []})

    def put_draft(self, report: Report, source: Source | None) -> None:
        """Keep the report of a check that is still to be removed, where the removal does not reach."""
        document = {"report": report.as_dict(), "source": asdict(source) if source else None}
        self._put(self._report_key(_DRAFT), json.dumps(document).encode())

    def draft(self) -> tuple[Report, Source | None] | None:
        """The report that an earlier try wrote before it was cut off, and where the check came from."""
        if (body := self._get(self._report_key(_DRAFT))) is None:
            return None
        loaded = json.loads(body)
        return report_from(loaded["report"], _DRAFT), Source(**loaded["source"]) if loaded["source"] else None

    def put_report(self, report: Report) -> None:
        """Write the report as Markdown, JUnit XML, and JSON last: whoever sees that one sees all."""
        self._put(self._report_key("report.md"), markdown(report).encode(), "text/markdown; charset=utf-8")
        self._put(self._report_key("report.xml"), junit_xml(report).encode(), "application/xml")
        self._put(self._report_key("report.json"), report_json(report).encode(), "application/json")
        with aws_errors("the draft of a report can't be removed"):
            self._aws.s3.delete_object(Bucket=self.names.work_bucket, Key=self._report_key(_DRAFT))

    def report(self) -> Report | None:
        """The report; None when there is none yet."""
        body = self._get(self._report_key("report.json"))
        return report_from(json.loads(body), self.report_uri) if body else None

    def manifest(self) -> Manifest | None:
        """The manifest; None when nothing was made, or nothing is left."""
        with aws_errors(f"the manifest of check {self.names.id} can't be read"):
            return read_manifest(self._aws, self.names)

    def _report_key(self, name: str) -> str:
        return f"{REPORTS}{self.names.id}/{name}"

    def _put(self, key: str, body: bytes, kind: str = "application/octet-stream") -> None:
        with aws_errors(f"s3://{self.names.work_bucket}/{key} can't be written"):
            self._aws.s3.put_object(Bucket=self.names.work_bucket, Key=key, Body=body, ContentType=kind)

    def _get(self, key: str) -> bytes | None:
        with aws_errors(f"s3://{self.names.work_bucket}/{key} can't be read"):
            try:
                body: bytes = self._aws.s3.get_object(Bucket=self.names.work_bucket, Key=key)["Body"].read()
            except ClientError as error:
                if code_of(error) in GONE:
                    return None
                raise
        return body


def timed(report: Report, *checks: CheckResult) -> Report:
    """A report with further checks and the time that it took up to now."""
    seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(report.started_at)).total_seconds()
    return replace(report, checks=(*report.checks, *checks), seconds=round(seconds, 3))


def comparable(snapshot: Snapshot) -> Snapshot:
    """A look at places as one that was kept has it."""
    return _snapshot(json.loads(json.dumps(_plain(snapshot))))


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    versions = [
        [asdict(place), [[*key, [str(fact) for fact in facts]] for key, facts in found.items()]]
        for place, found in snapshot.versions.items()
    ]
    return {"versions": versions, "unseen": [[asdict(place), why] for place, why in snapshot.unseen.items()]}


def _snapshot(plain: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        {Place(**place): {(key, one): tuple(facts) for key, one, facts in found} for place, found in plain["versions"]},
        {Place(**place): why for place, why in plain["unseen"]},
    )
