"""What is packed for the Lambdas: all that the package imports there, and nothing that changes from run to run."""

from __future__ import annotations

import re
import runpy
import zipfile
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PACKING = runpy.run_path(str(HERE / "scripts" / "package_lambdas.py"))
# Of Lambda's own Python, and of the command line, which no Lambda has.
GIVEN = {"boto3", "botocore", "s3transfer", "python-dateutil", "six"}
COMMAND_LINE = {"typer", "rich"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def listed(name: str) -> dict[str, str]:
    text = (HERE / "terraform" / name).read_text(encoding="utf-8")
    pins = (line.split("#")[0].strip().partition("==") for line in text.splitlines())
    return {canonical(package): version for package, _, version in pins if package}


def required(names: set[str], skipped: set[str]) -> set[str]:
    """Distributions with all that they need, as they are installed here."""
    found: set[str] = set()
    waiting = {canonical(name) for name in names} - skipped
    while waiting:
        name = waiting.pop()
        found.add(name)
        for line in metadata.requires(name) or []:
            if "extra ==" not in line:
                waiting |= {canonical(re.split(r"[^A-Za-z0-9._-]", line)[0])} - found - skipped
    return found


def test_the_lists_hold_what_the_package_needs_and_nothing_else() -> None:
    text = (HERE / "pyproject.toml").read_text(encoding="utf-8")
    blocks = re.findall(r"^(?:dependencies|lambda) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in re.findall(r'^    "([^"]+)"', block, re.MULTILINE)]
    wanted = {re.split(r"[^A-Za-z0-9._-]", line)[0] for line in lines}
    pure, compiled = listed("function-requirements.txt"), listed("layer-requirements.txt")
    # duckdb reads times with pytz, and says so nowhere.
    assert required(wanted, GIVEN | COMMAND_LINE) | {"pytz"} == pure.keys() | compiled.keys()
    assert not pure.keys() & compiled.keys()


def test_their_versions_are_those_that_the_tests_run_with() -> None:
    pins = listed("function-requirements.txt") | listed("layer-requirements.txt")
    assert pins == {name: metadata.version(name) for name in pins}


def test_the_same_files_give_the_same_zip_without_what_is_not_needed(tmp_path: Path) -> None:
    for name in ("b.py", "a/c.py", "a/tests/test_c.py", "pyarrow/include/x.h", "a/d.pyc"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    for target in (first, second):
        PACKING["put"](target, dict(PACKING["files_of"](tmp_path / "from", "python/")))
        (tmp_path / "from" / "b.py").touch()
    assert first.read_bytes() == second.read_bytes()
    assert zipfile.ZipFile(first).namelist() == ["python/a/c.py", "python/b.py"]


def test_the_module_s_page_tells_of_every_variable_and_output() -> None:
    module = HERE / "terraform" / "glue_health_check"
    page = (module / "README.md").read_text(encoding="utf-8")
    text = "".join((module / name).read_text(encoding="utf-8") for name in ("variables.tf", "outputs.tf"))
    names = re.findall(r'^(?:variable|output) "(\w+)"', text, re.MULTILINE)
    assert [name for name in names if f"| `{name}` |" not in page] == []
