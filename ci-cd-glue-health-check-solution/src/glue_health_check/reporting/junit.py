"""A report as JUnit XML: one test case for each check."""

from __future__ import annotations

import re

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from glue_health_check.models import CheckResult, Report, Status

# Signs that XML can't hold; logs may.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> str:
    """The report as JUnit XML."""
    suite = TestSuite("glue-health-check")
    suite.timestamp = report.started_at
    for key, value in (("id", report.id), ("pull_request", str(report.pull_request)), ("script", report.script)):
        suite.add_property(key, value)
    for check in report.checks:
        suite.add_testcase(_case(check, report))
    xml = JUnitXml()
    xml.add_testsuite(suite)
    return str(xml.tostring(), "utf-8")  # type: ignore[no-untyped-call]


def _case(check: CheckResult, report: Report) -> TestCase:
    case = TestCase(check.name, classname=report.script, time=check.seconds)
    lines = [f"{found.severity.value}: {found.place}: {found.message}. {found.remedy}" for found in check.findings]
    text = _NOT_XML.sub("?", "\n".join(lines))
    first = _NOT_XML.sub("?", check.findings[0].message) if check.findings else check.summary
    failed = check.status is Status.FAILED or (report.strict and check.status is Status.WARNED)
    kind = Failure if failed else {Status.ERROR: Error, Status.SKIPPED: Skipped}.get(check.status)
    if kind is not None:
        result = kind(first or check.summary, check.status.value)
        result.text = text
        case.result = [result]
    elif text:
        case.system_out = text
    if check.name == "run" and report.log:
        case.system_out = _NOT_XML.sub("?", "\n".join(report.log))
    return case
