"""A plan that is kept until somebody has approved it: the plan, and the marks of everything that it would upload.

Terraform's own file says what to do, but what it uploads is read from this machine when it is applied. Marks of these
files are kept beside it, so that exactly what was planned is applied, or nothing.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from deployment.steps import DeploymentError
from deployment.terraform import REPOSITORY

# What Terraform uploads: the packages, the jobs, the contracts and what they refer to.
UPLOADED = ("build/*.zip", "build/*.whl", "build/lambda/*.zip", "src/jobs/*.py", "src/config/**/*.*")


def save_plan(plan: Path, to: Path, environment: str, repository: Path = REPOSITORY) -> None:
    """Keep a plan. The file may hold secrets: only its owner may read it.

    Args:
        plan: as Terraform wrote it.
        to: where it is kept.
        environment: what it is for.
        repository: where the files are that it would upload.
    """
    to.touch(mode=0o600)
    to.chmod(0o600)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as kept:
        kept.write(plan, "plan")
        kept.writestr("about.json", json.dumps({"environment": environment, "files": _marks(repository)}))


def open_plan(kept: Path, to: Path, environment: str, repository: Path = REPOSITORY) -> None:
    """Take a kept plan out, if it may be applied here.

    Args:
        kept: what :func:`save_plan` has written.
        to: where Terraform is to find the plan.
        environment: what it has to be for.
        repository: where the files are that it uploads.

    Raises:
        DeploymentError: it is no such file, is for another environment, or what it would upload has changed.
    """
    try:
        with zipfile.ZipFile(kept) as archive:
            about = json.loads(archive.read("about.json"))
            to.write_bytes(archive.read("plan"))
    except (OSError, zipfile.BadZipFile, KeyError) as error:
        raise DeploymentError(f"{kept} is no plan that --plan --save has written ({error})") from error
    if about["environment"] != environment:
        raise DeploymentError(f"{kept} is a plan for {about['environment']}, not for {environment}")
    before, now = about["files"], _marks(repository)
    if changed := sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name)):
        raise DeploymentError(
            f"what {kept} would upload is not what it was when the plan was made: {', '.join(changed[:5])}"
            f"{' and others' if len(changed) > 5 else ''}; check the same commit out, or plan again"
        )


def _marks(repository: Path) -> dict[str, str]:
    files = sorted({file for pattern in UPLOADED for file in repository.glob(pattern) if file.is_file()})
    return {
        str(file.relative_to(repository)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if "__pycache__" not in file.parts
    }
