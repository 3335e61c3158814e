"""Static checks."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest

from glue_health_check.errors import MisuseError
from glue_health_check.models import Severity, Status
from glue_health_check.static import Subject, check_script, refuses_unknown
from glue_health_check.static.arguments import Demand, arguments, declared_in
from glue_health_check.static.imports import Provided, additional_modules, imports, library_file
from glue_health_check.static.secrets import secrets
from glue_health_check.static.source import Source, syntax
from glue_health_check.static.support import support
from glue_health_check.versions import glue_version, names


def source(text: str, glue: str = "5.1") -> Source:
    return Source("job.py", text, glue_version(glue).python)


def imported(text: str, glue: str = "5.1", provided: Provided | None = None) -> list[tuple[int, str]]:
    found = imports(source(text, glue), glue_version(glue), provided or Provided())
    return [(finding.line, finding.message) for finding in found]


def test_a_script_that_does_not_parse_is_told_with_its_line() -> None:
    (finding,) = syntax(source("a = 1\nif a\n    pass\n"))
    assert (finding.file, finding.line, finding.severity) == ("job.py", 2, Severity.ERROR)


def test_syntax_is_that_of_the_glue_version() -> None:
    text = "match 1:\n    case 1:\n        pass\n"
    assert syntax(source(text, "4.0")) == []
    assert "Python 3.7" in syntax(source(text, "3.0"))[0].remedy


def test_what_a_newer_python_may_allow_is_only_a_warning() -> None:
    (finding,) = syntax(Source("job.py", "x = (", (3, 99)))
    assert finding.severity is Severity.WARNING


def test_modules_of_glue_and_of_the_standard_library_may_be_imported() -> None:
    text = "import json, boto3, pandas\nfrom pyspark.sql import functions\nfrom awsglue.context import GlueContext\n"
    assert imported(text) == []


@pytest.mark.parametrize(
    ("text", "glue", "wrong"),
    [
        ("import yaml", "4.0", False),
        ("import yaml", "5.0", True),
        ("import yaml", "6.0", False),
        ("import tomllib", "4.0", True),
        ("import tomllib", "5.0", False),
        ("import distutils.util", "5.1", False),
        ("import distutils.util", "6.0", True),
        ("import sklearn", "4.0", False),
        ("import sklearn", "5.1", True),
    ],
)
def test_each_glue_version_has_its_own_modules(text: str, glue: str, wrong: bool) -> None:
    assert bool(imported(text, glue)) is wrong


def test_a_missing_module_is_told_with_its_line_and_what_to_do() -> None:
    (finding,) = imports(source("import json\nimport holidays\n"), glue_version("5.1"), Provided())
    assert (finding.line, finding.message) == (2, "imports holidays, which Glue 5.1 does not have")
    assert "--additional-python-modules" in finding.remedy


def test_guarded_imports_and_relative_ones_are_no_demands() -> None:
    guarded = "try:\n    import ujson\nexcept ImportError:\n    ujson = None\n"
    typing = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mypy_boto3_s3\n"
    assert imported(guarded + typing + "from . import x\n") == []


def test_an_import_in_a_function_is_a_demand() -> None:
    assert imported("def f():\n    import holidays\n") == [(2, "imports holidays, which Glue 5.1 does not have")]


@pytest.mark.parametrize(
    "value",
    ["holidays==0.40", "pandas,holidays", "s3://b/wheels/holidays-0.40-py3-none-any.whl", "holidays[extra]>=0.3"],
)
def test_additional_modules_may_be_imported(value: str) -> None:
    assert imported("import holidays", provided=additional_modules(value)) == []


def test_distributions_are_imported_by_other_names_than_theirs() -> None:
    assert imported("import yaml, sklearn", provided=additional_modules("PyYAML, scikit_learn==1.4")) == []


def test_files_of_the_library_may_be_imported(tmp_path: Path) -> None:
    archive = tmp_path / "library.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("etl/__init__.py", "")
        made.writestr("helper.py", "")
    provided = library_file(archive) | library_file("s3://b/other.py")
    assert imported("import etl.x, helper, other", provided=provided) == []
    assert imported("import third", provided=provided) != []


def test_a_library_that_cannot_be_looked_into_makes_a_missing_module_a_warning() -> None:
    provided = Provided(unknown=("s3://b/library.zip",))
    (finding,) = imports(source("import etl"), glue_version("5.1"), provided)
    assert finding.severity is Severity.WARNING
    assert "s3://b/library.zip" in finding.message


def test_versions_that_aws_starts_no_more_are_errors() -> None:
    (finding,) = support(glue_version("2.0"), date(2026, 4, 1))
    assert (finding.severity, "2026-04-01" in finding.message) == (Severity.ERROR, True)


def test_versions_without_support_are_warnings_until_their_end() -> None:
    (finding,) = support(glue_version("2.0"), date(2026, 3, 31))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("name", ["4.0", "5.0", "5.1", "6.0"])
def test_supported_versions_have_no_finding(name: str) -> None:
    assert support(glue_version(name), date(2026, 11, 1)) == []


def test_an_unknown_version_is_misuse_that_names_the_known_ones() -> None:
    with pytest.raises(MisuseError, match=", ".join(names())):
        glue_version("7.7")


def test_a_secret_is_told_with_its_line_and_not_repeated() -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLF"
    (finding,) = secrets(source(f"import boto3\nkey = '{key}'\n"))
    assert finding.line == 2
    assert key not in finding.message + finding.remedy


def test_a_line_that_is_allowed_holds_no_secret() -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLF"
    assert secrets(source(f"key = '{key}'  # pragma: allowlist secret\n")) == []


@pytest.mark.parametrize(
    "text",
    [
        "getResolvedOptions(sys.argv, ['JOB_NAME', 'input_path'])",
        "NAMES = ('JOB_NAME',)\nutils.getResolvedOptions(sys.argv, [*NAMES, 'input_path'])",
        "NAMES = ['JOB_NAME'] + ['input_path']\ngetResolvedOptions(sys.argv, NAMES)",
        "parser.add_argument('--input-path', required=True)",
        "parser.add_argument('-i', '--input_path', required=True)",
    ],
)
def test_demanded_arguments_must_be_in_the_definition(text: str) -> None:
    assert arguments(source(text), (), {"--input_path": "s3://b/"}) == []
    (finding,) = arguments(source(text), (), {"--other": "x"})
    assert "--input" in finding.message
    assert finding.line == len(text.splitlines())


def test_optional_arguments_are_not_demanded() -> None:
    text = "parser.add_argument('--a')\nparser.add_argument('--b', action='store_true', required=True)"
    assert arguments(source(text), (), {}) == []


def test_python_shell_jobs_get_no_job_name_from_glue() -> None:
    text = "getResolvedOptions(sys.argv, ['JOB_NAME'])"
    assert arguments(source(text), (), {}) == []
    assert len(arguments(source(text), (), {}, python_shell=True)) == 1


def test_lists_of_a_library_declare_demands(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text("X = 1\nREQUIRED: tuple = ('a', 'b')\n", encoding="utf-8")
    demands = declared_in(f"{file}:REQUIRED")
    assert demands == [Demand("a", str(file), 2), Demand("b", str(file), 2)]
    assert len(arguments(source(""), demands, {"--a": "1"})) == 1
    with pytest.raises(MisuseError, match="has no OTHER"):
        declared_in(f"{file}:OTHER")


def test_only_argparse_without_the_argument_refuses_it() -> None:
    assert refuses_unknown(source("p.add_argument('--a')\np.parse_args()"))
    assert not refuses_unknown(source("p.add_argument('--health_check')\np.parse_args()"))
    assert not refuses_unknown(source("p.parse_known_args()"))


def test_all_static_checks_of_a_good_script_pass(script: Path) -> None:
    checks = check_script(Subject(script, "5.1", {}))
    assert {check.name: check.status for check in checks} == dict.fromkeys(
        ["syntax", "glue-version", "secrets", "imports", "arguments"], Status.PASSED
    )


def test_a_script_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="can't be read"):
        check_script(Subject(tmp_path / "no.py", "5.1", {}))


def test_a_virtual_environment_may_have_any_module(script: Path) -> None:
    script.write_text("import holidays\n", encoding="utf-8")
    checks = check_script(Subject(script, "5.1", {"--python-virtual-env": "s3://libs/venv.tar.gz"}))
    (found,) = next(check.findings for check in checks if check.name == "imports")
    assert found.severity is Severity.WARNING
    assert "s3://libs/venv.tar.gz could not be looked into and may have it" in found.message


def test_modules_of_glue_5_1_are_not_those_of_5_0() -> None:
    assert imported("import simplejson", "5.0") == [(1, "imports simplejson, which Glue 5.0 does not have")]
    assert imported("import simplejson", "5.1") == []
