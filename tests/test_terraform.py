"""Terraform: format, validity, plans of the environments, the modules' own tests, and the scripts beside it.

Everything runs on a copy in a temporary folder, so that no lock file or cache lands in the source.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from terraform.scripts import environment_files, package, readme_tables
from terraform.scripts.plugin_dir import PROVIDER, PluginDirError, find_plugin_dir
from tests.terraform_plans import Plan, Planner, terraform_planner
from tests.terraform_runs import ENVIRONMENTS, REPO, TERRAFORM, Checkout

pytestmark = pytest.mark.terraform

MODULES = sorted(path.parent.name for path in TERRAFORM.glob("modules/*/main.tf"))


@pytest.fixture(scope="module")
def planner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planner]:
    with terraform_planner(tmp_path_factory.mktemp("checkout")) as planner:
        yield planner


@pytest.fixture(scope="module")
def terraform(planner: Planner) -> Checkout:
    """A copy of terraform/, initialised."""
    return planner.checkout


def test_every_file_is_formatted(terraform: Checkout) -> None:
    result = terraform.run(".", "fmt", "-check", "-recursive", "-diff")
    assert result.returncode == 0, f"run `terraform fmt -recursive terraform`:\n{result.stdout}{result.stderr}"


# The others are planned below, which validates them first.
def test_the_environment_of_this_machine_is_valid(terraform: Checkout) -> None:
    result = terraform.run("environments/local", "validate", "-no-color")
    assert result.returncode == 0, result.stdout + result.stderr


def only_value(plan: Plan, kind: str, name: str) -> Any:
    """The value that all resources of a type have in common."""
    (value,) = {json.dumps(values[name]) for values in plan.of(kind).values()}
    return json.loads(value)


@pytest.mark.parametrize(
    ("environment", "protected", "in_a_vpc", "retries", "days_of_logs"),
    [("dev", False, False, 0, 14), ("staging", True, True, 1, 30), ("prod", True, True, 2, 365)],
)
def test_an_environment_can_be_planned_as_it_stands(
    environment: str, protected: bool, in_a_vpc: bool, retries: int, days_of_logs: int, planner: Planner
) -> None:
    plan = planner.plan(environment)
    assert {tuple(one["change"]["actions"]) for one in plan.content["resource_changes"]} <= {("create",), ("read",)}
    assert only_value(plan, "aws_dynamodb_table", "deletion_protection_enabled") is protected
    assert only_value(plan, "aws_s3_bucket", "force_destroy") is not protected
    assert len(plan.of("aws_subnet")) == (2 if in_a_vpc else 0)
    assert only_value(plan, "aws_cloudwatch_log_group", "retention_in_days") == days_of_logs
    jobs = plan.of("aws_glue_job")
    assert {f"glue-etl-pipeline-{environment}-data-{each}" for each in ("ingestion", "processing", "quality")} <= {
        job["name"] for job in jobs.values()
    }
    assert {job["max_retries"] for job in jobs.values() if job["command"][0]["name"] == "glueetl"} == {retries}


def test_the_variables_of_glue_4_work_as_they_stand(planner: Planner) -> None:
    plan = planner.plan(
        "dev",
        """
        environment       = "dev"
        project_name      = "glue-etl-pipeline"
        glue_version      = "4.0"
        python_version    = "3.10"
        worker_type       = "G.1X"
        number_of_workers = 3
        """,
    )
    jobs = [job for job in plan.of("aws_glue_job").values() if job["command"][0]["name"] == "glueetl"]
    assert len(jobs) >= 3
    assert {(job["glue_version"], job["worker_type"], job["number_of_workers"]) for job in jobs} == {("4.0", "G.1X", 3)}


def test_another_account_than_the_environment_s_is_refused(planner: Planner) -> None:
    done = planner.try_plan("dev", 'allowed_account_ids = ["999999999999"]')
    assert done.returncode == 1
    assert "AWS account ID not allowed: 123456789012" in done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_module_passes_its_own_tests(module: str, terraform: Checkout) -> None:
    result = terraform.run(f"modules/{module}", "test", "-no-color")
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"Success! [1-9]\d* passed", result.stdout), f"no test ran:\n{result.stdout}"


def test_environments_are_written_from_the_pipeline_and_differ_in_values_only() -> None:
    assert environment_files.main(["--check"]) == 0


def test_readmes_tell_of_the_variables_and_outputs_as_they_are() -> None:
    assert readme_tables.main(["--check"]) == 0


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_environment_sets_only_variables_that_exist(environment: str) -> None:
    folder = TERRAFORM / "environments" / environment
    given = set(re.findall(r"^(\w+)\s*=", (folder / "terraform.tfvars").read_text(), re.MULTILINE))
    declared = set(re.findall(r'^variable "(\w+)"', (folder / "variables.tf").read_text(), re.MULTILINE))
    assert given <= declared, f"unknown in {folder.name}: {sorted(given - declared)}"


def test_an_environment_gives_every_variable_of_the_pipeline() -> None:
    pipeline = (TERRAFORM / "modules" / "pipeline" / "variables.tf").read_text()
    wanted = set(re.findall(r'^variable "(\w+)"', pipeline, re.MULTILINE))
    main = (TERRAFORM / "environments" / "dev" / "main.tf").read_text()
    assert set(re.findall(r"^  (\w+)\s*= (?:coalesce\()?var\.\1\b", main, re.MULTILINE)) == wanted


def test_a_table_holds_what_its_block_says(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        'variable "sizes" {\n  description = <<-EOT\n    How <large>.\n    Or small | tiny.\n  EOT\n'
        "  type = map(object({\n    size = number\n  }))\n  default = {}\n}\n\n"
        'variable "word" {\n  description = "A \\"word\\"."\n  type        = string\n  ephemeral   = true\n}\n'
    )
    (tmp_path / "outputs.tf").write_text('output "all" {\n  description = "All."\n  value       = var.sizes\n}\n')
    assert readme_tables.tables(tmp_path).splitlines()[4:] == [
        "| `sizes` | map(object) | `{}` | How &lt;large>. Or small \\| tiny. |",
        '| `word` | string, ephemeral | required | A "word". |',
        "",
        "## Outputs",
        "",
        "| Name | Description |",
        "|---|---|",
        "| `all` | All. |",
    ]


def test_the_table_of_environments_has_what_some_environment_gives(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(
        'variable "days" {\n  default = {}\n}\n\nvariable "name" {\n  default = "a"\n}\n\nvariable "rest" {\n}\n'
    )
    for name in ENVIRONMENTS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "terraform.tfvars").write_text('# rest = 1\nname = "b"\n' if name == "dev" else "")
    (tmp_path / "prod" / "terraform.tfvars").write_text("days = {\n  raw   = 60\n  quick = [1, 2]\n}\n")
    assert readme_tables.values_table(tmp_path, tmp_path / "variables.tf").splitlines()[4:] == [
        "| `days` | `{}` |  |  |  | `{ raw = 60, quick = [1, 2] }` |",
        '| `name` | `"a"` |  | `"b"` |  |  |',
    ]


def test_no_secret_s_value_can_get_into_a_state() -> None:
    for file in TERRAFORM.rglob("*.tf"):
        text = file.read_text()
        assert not re.search(r'data "aws_secretsmanager_(random_password|secret_version)"|secret_string +=', text), file
        for name, body in re.findall(r'^variable "(\w*secret_value)" \{\n(.*?)^\}', text, re.M | re.S):
            assert re.search(r"ephemeral\s+= true", body), f"{name} of {file} is not ephemeral"
            assert re.search(r"sensitive\s+= true", body), f"{name} of {file} is not sensitive"


@pytest.mark.parametrize("module", MODULES)
def test_every_variable_and_output_is_described(module: str) -> None:
    folder = TERRAFORM / "modules" / module
    text = (folder / "variables.tf").read_text() + (folder / "outputs.tf").read_text()
    for kind, name, body in re.findall(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', text, re.M | re.S):
        assert "  description = " in body, f"{kind} {name} of {module} has no description"


def test_plugin_dir_takes_what_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PROVIDER / "5.100.0").mkdir(parents=True)
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    assert find_plugin_dir() == tmp_path


def test_plugin_dir_refuses_a_folder_without_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_DIR", str(tmp_path))
    with pytest.raises(PluginDirError, match=re.escape(str(tmp_path))):
        find_plugin_dir()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder laid out like src, with the least that can be packed."""
    folder = tmp_path / "src"
    for name in package.LIBRARY_PACKAGES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
    for name in package.LAMBDAS:
        (folder / "lambda" / name).mkdir(parents=True)
        (folder / "lambda" / name / "handler.py").write_text("def handler(event, context):\n    return event\n")
    for shared in {name for names in package.SHARED_MODULES.values() for name in names}:
        (folder / shared).touch()
    (folder / "config" / "datasets").mkdir()
    (folder / "config" / "datasets" / "orders.yml").write_text("name: orders\n")
    return folder


@pytest.fixture
def pack(source: Path, tmp_path: Path) -> Callable[..., dict[str, bool]]:
    """Packs `source` into a temporary folder; says by zip whether it changed."""
    output = tmp_path / "build"
    output.mkdir()
    vendor = REPO / "build" / "vendor"  # shared with deploy, so that pip runs once per version
    vendor.mkdir(parents=True, exist_ok=True)
    (output / "vendor").symlink_to(vendor)

    def run() -> dict[str, bool]:
        results = package.build(source, output, REPO / "constraints.txt")
        return {archive.relative_to(output).as_posix(): changed for archive, changed in results.items()}

    return run


def test_packing_the_same_sources_again_changes_nothing(source: Path, pack: Callable[[], dict[str, bool]]) -> None:
    assert set(pack().values()) == {True}
    for path in source.rglob("*.py"):
        os.utime(path, (2_000_000_000, 2_000_000_000))  # as a fresh clone would
    cache = source / "etl" / "__pycache__"
    cache.mkdir()
    (cache / "x.cpython-311.pyc").write_bytes(b"x")
    assert set(pack().values()) == {False}


def test_a_change_of_one_lambda_changes_its_zip_only(source: Path, pack: Callable[[], dict[str, bool]]) -> None:
    pack()
    (source / "lambda" / "monitoring" / "handler.py").write_text("def handler(event, context):\n    return 1\n")
    assert pack() == {
        "glue_etl_library.zip": False,
        "lambda/data_trigger.zip": False,
        "lambda/monitoring.zip": True,
    }


def test_the_library_holds_what_runs_on_any_platform(pack: Callable[[], dict[str, bool]], tmp_path: Path) -> None:
    pack()
    names = zipfile.ZipFile(tmp_path / "build" / "glue_etl_library.zip").namelist()
    assert names == sorted(names)
    assert {"etl/__init__.py", "lark/__init__.py", "markupsafe/_native.py"} <= set(names)
    unwanted = [name for name in names if re.search(r"\.(so|pyd|pyc)$|__pycache__|config/datasets/", name)]
    assert not unwanted


def test_the_library_renders_a_template_from_inside_the_zip(
    pack: Callable[[], dict[str, bool]], tmp_path: Path
) -> None:
    pack()
    archive = tmp_path / "build" / "glue_etl_library.zip"
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import jinja2, markupsafe\n"
        "assert markupsafe._escape_inner.__module__ == 'markupsafe._native'\n"
        "print(jinja2.Environment(autoescape=True).from_string('{{ x }}').render(x='<'))"
    )
    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "&lt;", result.stderr


def test_a_missing_handler_is_named(source: Path, pack: Callable[[], dict[str, bool]]) -> None:
    (source / "lambda" / "monitoring" / "handler.py").unlink()
    with pytest.raises(package.PackageError, match=r"monitoring/handler\.py is missing"):
        pack()


def test_a_library_that_cannot_be_imported_leaves_the_last_good_one(
    source: Path, pack: Callable[[], dict[str, bool]], tmp_path: Path
) -> None:
    pack()
    archive = tmp_path / "build" / "glue_etl_library.zip"
    good = archive.read_bytes()
    (source / "etl" / "__init__.py").write_text("import no_such_module\n")
    with pytest.raises(package.PackageError, match="no_such_module"):
        pack()
    assert archive.read_bytes() == good
    assert [path.name for path in archive.parent.glob("*.part")] == []


def test_a_dependency_without_a_pinned_version_is_named(tmp_path: Path, source: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("lark==1.3.1\n")
    with pytest.raises(package.PackageError, match="et_xmlfile has no version"):
        package.build(source, tmp_path / "build", constraints)
