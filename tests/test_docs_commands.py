"""The commands of the documentation: each is bash, fits the program that it calls, and is run, or has a reason why not.

documented_commands.yml says which is run where; src/tests/test_end_to_end_of_pages.py runs them.
"""

from __future__ import annotations

import ast
from functools import cache

import pytest
from tests.documented_commands import CommandPage, Rule, Statement, command_pages, rule_of, rules
from tests.pages import REPOSITORY
from tests.tools_of_commands import CommandError, hold

PAGES = command_pages()
STATEMENTS = [statement for page in PAGES for statement in page.statements]
every_page = pytest.mark.parametrize("page", PAGES, ids=str)


@every_page
def test_every_command_is_bash_and_one_that_its_program_takes(page: CommandPage) -> None:
    faults = [f"{one.found.place}: no bash" for one in page.statements if one.faulty]
    assert faults + [fault for one in page.statements for fault in faults_of(page, one)] == []


def faults_of(page: CommandPage, statement: Statement) -> list[str]:
    """What the programs that a statement calls would not take."""
    faults = []
    for words in statement.commands():
        try:
            hold(words, page.page.package)
        except CommandError as error:
            faults.append(f"{statement.found.place}: {error}")
    return faults


@every_page
def test_every_command_is_run_or_has_a_reason_why_not(page: CommandPage) -> None:
    unknown = [f"{one.found.place}: {one.one_line}" for one in page.statements if rule_of(one) is None]
    assert unknown == [], "give each a rule in tests/documented_commands.yml"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: f"{rule.how}: {rule.why}")
def test_every_rule_takes_a_command_and_says_why(rule: Rule) -> None:
    taken = [one for one in STATEMENTS if rule_of(one) is rule]
    idle = [pattern.pattern for pattern in rule.patterns if not any(pattern.fullmatch(one.one_line) for one in taken)]
    assert idle == [], "no page has such a command; take the pattern out"
    assert rule.how in ("run", "run by", "not run")
    assert rule.why
    assert (rule.how == "run by") == bool(rule.tests)
    assert [name for name in rule.tests if name not in names_of_tests(name.partition("::")[0])] == []


@cache
def names_of_tests(file: str) -> set[str]:
    """The tests of a file, as pytest names them."""
    tree = ast.parse((REPOSITORY / file).read_text())
    return {f"{file}::{node.name}" for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("./scripts/missing.sh", "there is no such script"),
        ("./scripts/deploy.sh local --plam", "No such option"),
        ("./scripts/local_cloud.sh begin", "the commands are start, stop"),
        ("scripts/test.sh --slow", "has no option --slow"),
        (".venv/bin/python scripts/connector.py lode shop", "the commands are check"),
        (".venv/bin/python scripts/replay_quarantine.py transactions --droy-run", "No such option"),
        ("aws glue start-jobrun --job-name a", "aws glue has no start-jobrun"),
        ("aws glue start-job-run --job a", "has no option --job"),
        ("aws glue start-job-run", "needs --job-name"),
        ("aws s3 cp a b --recursively", "has no option --recursively"),
        ("aws glue get-jobs --query Jobs[", "Incomplete expression|Invalid jmespath|Bad jmespath|bad|Expecting"),
        ("terraform -chdir=terraform/environments/live plan", "no Terraform there"),
        ("make everything", "make has no target everything"),
        ("kubectl get pods", "neither a script of the repository nor a program"),
    ],
)
def test_a_command_that_its_program_would_not_take_is_found(command: str, fault: str) -> None:
    with pytest.raises(CommandError, match=fault):
        hold(command.split(), REPOSITORY)
