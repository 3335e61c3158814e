"""Which check files a pull request concerns: those that name a file that it changes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from glue_health_check.errors import MisuseError
from glue_health_check.settings import Check, read_check


def changed_files(since: str, folder: Path) -> frozenset[Path]:
    """Files that differ from where the branch began: committed, not yet committed, and new ones.

    Args:
        since: the branch that the pull request goes to, such as origin/main.
        folder: in the repository.

    Returns:
        Absolute paths; of removed and renamed files the old ones, too.

    Raises:
        MisuseError: git can't tell.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    base = _git(top, "merge-base", since, "HEAD").strip()
    names = _git(top, "diff", "--name-only", "--no-renames", "-z", base)
    new = _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    return frozenset(top / name for name in (names + new).split("\0") if name)


def files_of(config: Path, check: Check) -> frozenset[Path]:
    """Files and folders that a check depends on: the check file and all that it names on this machine."""
    jobs = (check.job, *check.before)
    named = [
        *(job.script for job in jobs),
        *(path for job in jobs for path in job.extra_py_files),
        *(Path(place.rpartition(":")[0]) for job in jobs for place in job.arguments_from),
        *(path for one in check.inputs for path in (one.schema, one.file)),
        *(path for one in check.outputs for path in (one.schema, one.rules_from)),
        *check.watch,
    ]
    return frozenset(path.resolve() for path in (config, *named) if path is not None)


def affected(configs: Iterable[Path], changed: frozenset[Path]) -> dict[Path, list[Path]]:
    """Check files that a change concerns, each with the changed files that it depends on.

    Args:
        configs: check files.
        changed: absolute paths.

    Raises:
        MisuseError: a check file is wrong.
    """
    found = {}
    for config in configs:
        depends = files_of(config, read_check(config))
        if hits := sorted(path for path in changed if not depends.isdisjoint((path, *path.parents))):
            found[config] = hits
    return found


def check_files(places: Iterable[Path]) -> list[Path]:
    """The check files of some places.

    Args:
        places: check files, and folders whose YAML files (not those of folders within) are check files.

    Raises:
        MisuseError: there is nothing.
    """
    found: list[Path] = []
    for place in places:
        here = sorted((*place.glob("*.yml"), *place.glob("*.yaml"))) if place.is_dir() else [place]
        if not here or not all(path.is_file() for path in here):
            raise MisuseError(f"{place} is no check file, and no folder with check files (*.yml)")
        found += here
    return list(dict.fromkeys(found))


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or "nothing").splitlines()[0]
        raise MisuseError(
            f"git {' '.join(arguments)} failed in {folder}: {said} (in CI fetch the whole history, such as by "
            "fetch-depth: 0, and the branch that the pull request goes to)"
        )
    return done.stdout
