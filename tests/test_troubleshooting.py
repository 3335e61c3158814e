"""What the troubleshooting page quotes is what the code prints, and each of its problems is made to happen by a test.

A quoted line is either printed here, by the code itself, or is a message of the sources that its case names: their
texts are read out of the syntax tree, and what is put in for their placeholders may be anything.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from etl.contracts import parse_contracts
from etl.errors import ContractError, UnreadableFileError
from etl.reading.formats import look
from local_cloud import java
from local_cloud.processes import Service, check_port
from local_cloud.settings import LocalCloudError

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "guides" / "troubleshooting.md"
TRIGGER = "src/lambda/data_trigger"
# A message must say something of its own: "{}: {}" would be found in every line.
LEAST_WORDS = 8
MARKUP = re.compile(r"\[/?[a-z]*\]")


@dataclass(frozen=True)
class Case:
    """How a problem is made to happen.

    Attributes:
        sources: files whose messages the page quotes.
        tests: tests elsewhere that make it happen, as file::function.
        here: makes it happen here, and gives what is printed.
    """

    sources: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    here: Callable[[], list[str]] | None = None


def refused_on_arrival() -> list[str]:
    rules = _object_rules()
    taken = rules.Rules("data/incoming/", frozenset({"csv", ""}), 100)
    names = (("a.pdf", 3), ("a.csv", 0), ("_a.csv", 3), ("a//b.csv", 3), ("a.csv", 200))
    return [rules.refusal_of(f"data/incoming/{name}", size, taken).reason for name, size in names]


def unreadable() -> list[str]:
    page = b"<html><body>502 Bad Gateway</body></html>"
    return [_reason("a.parquet", b"PAR1\x00\x00"), _reason("a.csv", page), _reason("a.zip", b"PK\x03\x04a.csv")]


def wrong_header_or_encoding() -> list[str]:
    texts = (b"T1,C000099,12.50\nT2,C000100,9.00\n", b"sep=;\nid;x\n", "id,x\n1,2\n".encode("utf-16-le"))
    return [_reason("a.csv", text) for text in texts]


def faulty_contract() -> list[str]:
    text = (REPOSITORY / "src/config/datasets/transactions.yml").read_text()
    with pytest.raises(ContractError) as error:
        parse_contracts({"transactions.yml": text.replace('"decimal(12,2)"', "decimal(50,2)")})
    return [line.removeprefix("  - ") for line in str(error.value).splitlines()]


def port_in_use() -> list[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = Service("emulator", port, "LOCAL_CLOUD_PORT", Path("log"), Path("pid"))
        with pytest.raises(LocalCloudError) as error:
            check_port(service)
    return [str(error.value).replace(str(port), "4566")]


def no_java() -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(java, "_candidates", list)
        with pytest.raises(LocalCloudError) as error:
            java.java_home()
    return [str(error.value)]


CASES = {
    "A file was dropped and nothing happens": Case(
        (f"{TRIGGER}/examining.py", f"{TRIGGER}/handler.py"),
        (
            "src/tests/lambdas/test_data_trigger.py::test_what_is_not_for_us_is_passed_over",
            "src/tests/lambdas/test_data_trigger.py::test_a_version_that_is_claimed_starts_nothing",
            "src/tests/lambdas/test_data_trigger.py::test_messages_come_back_while_a_run_is_under_way",
        ),
    ),
    "A file is refused on arrival": Case(here=refused_on_arrival),
    "A file can not be read": Case(
        ("src/etl/reading/batch_files.py",),
        (
            "src/tests/test_ingestion_faults.py::test_a_file_that_cannot_be_read_is_kept_whole_with_its_reason_and_costs_no_other",
        ),
        unreadable,
    ),
    "A whole file is refused because of its header or encoding": Case(
        ("src/etl/reading/batch_files.py",),
        ("src/tests/test_batch_files.py::test_a_csv_whose_header_has_no_column_of_the_contract_is_refused",),
        wrong_header_or_encoding,
    ),
    "All rows are refused": Case(
        ("src/etl/standardise.py",),
        (
            "src/tests/test_ingestion_faults.py::test_a_faulty_csv_file_costs_the_rows_that_are_broken_and_no_value_changes",
        ),
    ),
    "A file is replaced": Case(
        ("src/etl/ingestion.py",),
        (
            "src/tests/lambdas/test_data_trigger.py::test_a_file_written_again_is_new",
            "src/tests/test_glue_jobs.py::test_a_file_that_changes_in_every_reading_fails_the_run_and_the_next_one_takes_it",
        ),
    ),
    "Duplicate files and rows": Case(
        ("src/etl/duplicates.py",),
        ("src/tests/test_duplicates.py::test_of_rows_with_one_key_the_latest_is_kept_and_the_others_are_refused",),
    ),
    "A new column, and schema_mode freeze": Case(
        ("src/etl/standardise.py",),
        ("src/tests/test_batch_files.py::test_in_mode_freeze_a_file_with_an_unknown_column_is_refused",),
    ),
    "A batch stays PLANNED": Case(
        ("scripts/deployment_status/of_state.py", "src/etl/ingestion.py"),
        ("src/tests/test_killed_runs.py::test_an_unfinished_batch_is_done_again_with_exactly_its_own_files",),
    ),
    "A lease is held": Case(
        ("src/etl/leases.py",),
        (
            "src/tests/test_leases.py::test_a_run_that_is_alive_renews_its_lease_and_keeps_others_out",
            "src/tests/test_leases.py::test_the_lease_of_a_killed_run_is_taken_over_once_it_has_expired",
        ),
    ),
    "ConcurrentRunsExceededException": Case(
        ("src/local_cloud/protocol.py",),
        (
            "tests/local_cloud/test_workflow_runs.py::test_a_workflow_has_no_more_runs_at_once_than_it_may",
            "tests/local_cloud/test_job_runs.py::test_a_job_has_no_more_runs_at_once_than_it_may",
        ),
    ),
    "A contract is faulty": Case(here=faulty_contract),
    "Messages lie in a dead letter queue": Case(
        ("scripts/redrive_dlq.py", "scripts/deployment_status/of_events.py"),
        ("tests/test_redrive_dlq.py::test_a_dry_run_shows_letters_by_reason_and_kind_and_leaves_them",),
    ),
    "Access is denied": Case(
        ("src/etl/secrets.py", "scripts/deployment_status/questions.py"),
        (
            "src/tests/test_secrets.py::test_a_secret_that_is_not_there_is_told_with_what_to_do",
            "src/tests/test_end_to_end_integration.py::test_a_job_s_role_allows_nothing_else",
        ),
    ),
    "Quality is below the threshold, or halts the run": Case(
        ("src/etl/telling.py", "src/etl/quality.py"),
        ("src/tests/test_glue_jobs.py::test_a_breach_of_a_dataset_that_halts_fails_the_run_with_everything_reported",),
    ),
    "Rows are held back": Case(
        ("src/etl/publication.py", "src/etl/quality.py"),
        (
            "src/tests/test_publication.py::test_rows_that_do_not_pass_are_held_told_once_and_published_when_the_rule_is_mended",
        ),
    ),
    "Athena sees nothing, or something old": Case(
        ("src/etl/curated/maintenance.py",),
        ("src/tests/test_publication.py::test_a_first_load_is_seen_by_nobody_until_it_has_passed",),
    ),
    "A job is slow": Case(
        ("src/lambda/monitoring/messages.py",),
        ("src/tests/lambdas/test_monitoring_workflows.py::test_a_run_slower_than_its_own_usual_is_told",),
    ),
    "Many small files": Case(
        ("src/etl/curated/maintenance.py",),
        ("src/tests/test_maintenance.py::test_small_files_of_a_day_become_one_in_the_tables_order_with_the_same_rows",),
    ),
    "Terraform, Java or Python is missing": Case(
        ("scripts/deployment/terraform.py", "scripts/venv.sh"),
        (
            "tests/test_deploy.py::test_a_missing_terraform_is_named_with_where_to_get_it",
            "tests/test_deploy.py::test_another_python_than_glues_is_refused_by_name",
        ),
        no_java,
    ),
    "The provider can not be fetched": Case(
        ("scripts/deployment/terraform.py",),
        ("tests/test_deploy.py::test_an_unreachable_registry_without_a_mirror_says_how_to_go_on",),
    ),
    "A port is in use": Case(("src/local_cloud/processes.py",), here=port_in_use),
    "Terraform's state is locked": Case(
        ("scripts/deployment/terraform.py",), ("tests/test_deploy.py::test_a_locked_state_says_who_may_unlock_it",)
    ),
    "The local cloud was not stopped properly": Case(
        ("src/local_cloud/cli.py",),
        ("tests/local_cloud/test_start_stop.py::test_an_emulator_that_was_killed_is_told_at_the_next_start",),
    ),
}


def test_every_problem_of_the_page_has_a_case_and_every_case_its_problem() -> None:
    assert set(quotations()) == set(CASES)


@pytest.mark.parametrize("problem", CASES)
def test_what_the_page_quotes_is_what_the_code_prints(problem: str) -> None:
    case = CASES[problem]
    printed = case.here() if case.here else []
    messages = [pattern for source in case.sources for pattern in messages_of(source)]
    quoted = quotations()[problem]
    assert quoted, "the section quotes no message"
    unknown = [line for line in quoted if line not in printed and not any(one.fullmatch(line) for one in messages)]
    assert unknown == [], f"not printed: {printed}"


@pytest.mark.parametrize("problem", CASES)
def test_every_problem_is_made_to_happen_by_a_test(problem: str) -> None:
    case = CASES[problem]
    assert case.here or case.tests
    assert [name for name in case.tests if name.partition("::")[2] not in functions_of(name.partition("::")[0])] == []


@functools.cache
def quotations() -> dict[str, list[str]]:
    """The lines of the first block of text below each heading of a problem."""
    parts = re.split(r"^## (.+)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    blocks = {
        title: re.search(r"^```text\n(.*?)^```", text, re.M | re.S)
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {title: block[1].splitlines() if block else [] for title, block in blocks.items()}


@functools.cache
def functions_of(file: str) -> frozenset[str]:
    """The names of the functions of a test file."""
    tree = ast.parse((REPOSITORY / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@functools.cache
def messages_of(source: str) -> list[re.Pattern[str]]:
    """Every line of text that a file holds, as a pattern in which each placeholder stands for anything."""
    text = (REPOSITORY / source).read_text()
    found = _shell_texts(text) if source.endswith(".sh") else _python_texts(ast.parse(text))
    lines = [line for pieces in found for line in _lines(pieces)]
    return [_pattern(line) for line in lines if sum(len(piece) for piece in line if piece) >= LEAST_WORDS]


# A text as its pieces; None for a placeholder.
Pieces = list[str | None]


def _python_texts(tree: ast.AST) -> Iterator[Pieces]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _split(MARKUP.sub("", node.value), r"%[-.\w]*?[sdf]")


def _shell_texts(text: str) -> Iterator[Pieces]:
    name = re.search(r"printf '(\w+): %s", text)
    for words in re.findall(r'"((?:\\.|[^"\\])*)"', text):
        yield [f"{name[1]}: " if name else "", *_split(words, r"\$\{[^}]*\}")]


def _split(text: str, placeholder: str) -> Pieces:
    first, *others = re.split(placeholder, text)
    return [first, *(piece for other in others for piece in (None, other))]


def _lines(pieces: Pieces) -> Iterator[Pieces]:
    line: Pieces = []
    for piece in pieces:
        first, *others = [None] if piece is None else piece.split("\n")
        line.append(first)
        for other in others:
            yield line
            line = [other]
    yield line


def _pattern(line: Pieces) -> re.Pattern[str]:
    return re.compile("".join(".*" if piece is None else re.escape(piece) for piece in line))


def _object_rules() -> ModuleType:
    spec = importlib.util.spec_from_file_location("troubleshooting_rules", REPOSITORY / TRIGGER / "object_rules.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _reason(name: str, content: bytes) -> str:
    with pytest.raises(UnreadableFileError) as error:
        look(name, content, content[-64:])
    return str(error.value)
