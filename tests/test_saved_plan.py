"""A plan that is kept until it is approved: applied is exactly what was planned, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
from deployment.saved_plan import open_plan, save_plan
from deployment.steps import DeploymentError
from deployment.terraform import Terraform


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for name in (
        "build/glue_etl_library.zip",
        "build/lambda/monitoring.zip",
        "src/jobs/a.py",
        "src/config/datasets/a.yml",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
    return root


@pytest.fixture
def kept(tmp_path: Path, repository: Path) -> Path:
    (tmp_path / "made").write_bytes(b"\x00plan")
    save_plan(tmp_path / "made", tmp_path / "kept.zip", "dev", repository)
    return tmp_path / "kept.zip"


def test_a_kept_plan_comes_out_as_it_was_and_is_its_owner_s_alone(kept: Path, repository: Path, tmp_path: Path) -> None:
    open_plan(kept, tmp_path / "out", "dev", repository)
    assert (tmp_path / "out").read_bytes() == b"\x00plan"
    assert kept.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "build/lambda/monitoring.zip").write_text("two"),
        lambda root: (root / "src/jobs/a.py").unlink(),
        lambda root: (root / "src/config/datasets/b.yml").write_text("new"),
    ],
    ids=["changed", "gone", "new"],
)
def test_what_would_be_uploaded_must_be_what_it_was(
    change: Callable[[Path], object], kept: Path, repository: Path, tmp_path: Path
) -> None:
    change(repository)
    with pytest.raises(
        DeploymentError, match=r"is not what it was.*(monitoring\.zip|jobs/a\.py|b\.yml); check the same"
    ):
        open_plan(kept, tmp_path / "out", "dev", repository)


def test_a_plan_for_another_environment_is_refused(kept: Path, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="is a plan for dev, not for prod"):
        open_plan(kept, tmp_path / "out", "prod", repository)


@pytest.mark.parametrize("content", [b"", b"no zip", None], ids=["empty", "something else", "missing"])
def test_what_is_no_kept_plan_is_refused(content: bytes | None, repository: Path, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "kept.zip").write_bytes(content)
    with pytest.raises(DeploymentError, match="is no plan that --plan --save has written"):
        open_plan(tmp_path / "kept.zip", tmp_path / "out", "dev", repository)


def test_a_kept_plan_is_applied_as_it_stands_and_no_second_time(repository: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "terraform", tmp_path / "plan"
    folder.mkdir()
    (folder / "main.tf").write_text(
        'variable "size" {}\n'
        'resource "terraform_data" "queue" { input = var.size }\n'
        'output "size" { value = terraform_data.queue.output }\n'
    )
    terraform = Terraform(folder, tmp_path / "log", {"size": "1"})
    terraform.init({})
    terraform.plan(file)
    save_plan(file, tmp_path / "kept.zip", "dev", repository)
    file.unlink()

    # Whoever applies it has other values by now: they count for nothing.
    later = Terraform(folder, tmp_path / "log", {"size": "2"})
    open_plan(tmp_path / "kept.zip", file, "dev", repository)
    assert str(later.read(file)) == "1 to create"
    assert later.apply(lambda *_: None, file).added == 1
    assert later.outputs() == {"size": "1"}
    with pytest.raises(DeploymentError, match="stale"):
        later.apply(lambda *_: None, file)
