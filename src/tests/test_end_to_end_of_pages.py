"""The commands of the documentation on a deployed local cloud, page by page, as a reader would type them.

Which are run here, which by another test and which not at all: tests/documented_commands.yml.
"""

from __future__ import annotations

import pytest
from tests.documented_commands import CommandPage, Statement, command_pages, rule_of

from deployed_cloud import WORKFLOW, Cloud, eventually
from local_cloud.store import ACTIVE_WORKFLOW_STATUSES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# Where this test finds the deployed cloud, the page's reader is set up already.
SET_UP = 'eval "$(./scripts/local_cloud.sh env)"'


def runs_here(statement: Statement) -> bool:
    rule = rule_of(statement)
    return rule is not None and rule.how == "run" and statement.one_line != SET_UP


def first_of_each(pages: list[CommandPage]) -> dict[CommandPage, list[Statement]]:
    """Page -> what to run for it: the same command on another page tells nothing new, unless it sets a variable."""
    seen: set[str] = set()
    found: dict[CommandPage, list[Statement]] = {}
    for page in pages:
        for statement in filter(runs_here, page.statements):
            if statement.one_line not in seen or statement.node.type == "variable_assignment":
                found.setdefault(page, []).append(statement)
            seen.add(statement.one_line)
    return found


PAGES = first_of_each(command_pages())


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_commands_of_a_page_end_well(local: Cloud, page: CommandPage) -> None:
    # The last line of what is told of a failure names the command that failed.
    lines = [line for one in PAGES[page] for line in (f"echo 'at {one.found.place}' >&2", one.text)]
    local.shell("\n".join(["set -euo pipefail", *lines]))


def test_the_runs_that_the_pages_start_succeed(local: Cloud) -> None:
    glue = local.client("glue")

    def ended() -> list[str]:
        found = [run["Status"] for run in glue.get_workflow_runs(Name=WORKFLOW)["Runs"]]
        return [] if set(found) & set(ACTIVE_WORKFLOW_STATUSES) else found

    [newest, *_] = eventually(ended)
    run = glue.get_workflow_runs(Name=WORKFLOW)["Runs"][0]
    assert (newest, run["Statistics"]["SucceededActions"]) == ("COMPLETED", 3)
