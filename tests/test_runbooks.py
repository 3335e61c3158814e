"""Every alarm that Terraform makes has its runbook, every runbook its alarm, and the alarm's message names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ALARMS = REPOSITORY / "terraform" / "modules" / "monitoring" / "alarms.tf"
OPERATIONS = REPOSITORY / "docs" / "guides" / "operations.md"
MONITORING = REPOSITORY / "docs" / "monitoring.md"
ALARM_RESOURCE = re.compile(r'^resource "aws_cloudwatch_(?:metric|composite)_alarm"', re.MULTILINE)
# Keys of the map of alarms ("job-failed-${…}" =>, workflow-not-started = {) and names that stand for themselves.
ALARM_KEY = re.compile(r'"([a-z-]+)-\$\{|"([a-z-]+)" =>|\{ ([a-z-]+) = \{$', re.MULTILINE)
ALARM_NAME = re.compile(r'alarm_name +=? *"\$\{var\.name_prefix\}-([a-z-]+[a-z])')
PARTS = ("**Means:**", "**Look:**", "**Do:**", "**Over:**")


def sections() -> dict[str, str]:
    """The runbooks by the anchors of their headings."""
    runbooks = OPERATIONS.read_text().partition("\n## Runbooks\n")[2]
    found = re.split(r"^### (.+)$", runbooks, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def named_by_alarms() -> set[str]:
    """The sections that alarms name in their descriptions."""
    return set(re.findall(r'(?:runbook += "|local\.runbooks\}#)([a-z-]+)"', ALARMS.read_text()))


def alarm_names() -> set[str]:
    """The names of all alarms, without the pipeline's prefix and what they are made for (a job, a queue)."""
    text = ALARMS.read_text()
    keys = {"".join(either) for either in ALARM_KEY.findall(text)}
    return keys | set(ALARM_NAME.findall(text))


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    assert set(sections()) == named_by_alarms()


def test_the_runbooks_name_all_alarms_as_they_are_called() -> None:
    names = alarm_names()
    assert {"job-failed", "workflow-not-started", "no-data", "job-slow", "system-health"} <= names
    text = "\n".join(sections().values())
    assert [name for name in sorted(names) if not re.search(rf"`{name}(?:-[a-z]+)?(?:-<|`)", text)] == []


def test_alarms_are_made_in_one_place_and_all_name_their_runbook() -> None:
    elsewhere = [
        path
        for path in (REPOSITORY / "terraform").rglob("*.tf")
        if path != ALARMS and ".terraform" not in path.parts and ALARM_RESOURCE.search(path.read_text())
    ]
    assert elsewhere == []
    descriptions = re.findall(r"^ +alarm_description += (.+)$", ALARMS.read_text(), re.MULTILINE)
    assert len(descriptions) == len(ALARM_RESOURCE.findall(ALARMS.read_text()))
    assert [text for text in descriptions if "${local.runbooks}#" not in text] == []


@pytest.mark.parametrize("runbook", sections())
def test_a_runbook_says_what_it_means_how_to_look_what_to_do_and_when_it_is_over(runbook: str) -> None:
    text = sections()[runbook]
    assert [part for part in PARTS if part not in text] == []


def test_the_table_of_alarms_leads_to_the_runbooks() -> None:
    linked = set(re.findall(r"\]\(guides/operations\.md#([a-z-]+)\)", MONITORING.read_text()))
    assert linked - {"runbooks"} == set(sections())
