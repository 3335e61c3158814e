"""Contract files: which there are, and which of them can be looked at further although others are wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from etl.contracts import Contract, parse_contracts
from etl.errors import ContractError

SUFFIXES = (".yml", ".yaml", ".json")
_PATTERNS = f"*{', *'.join(SUFFIXES)}"


class NoContractsError(Exception):
    """There is nothing to look at."""


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        folder: of the contracts.
        files: all contracts of the folder, which those asked for may need.
        names: of the files that were asked for.
    """

    folder: Path
    files: tuple[Path, ...]
    names: frozenset[str]


def wanted_files(paths: Sequence[Path]) -> Wanted:
    """The contracts that some paths name.

    Args:
        paths: one folder, or contract files of one folder.

    Raises:
        NoContractsError: a path is not there or is no contract, or they are of several folders.
    """
    for path in paths:
        if not path.exists():
            raise NoContractsError(f"{path} is not there; name a folder of contracts, or contract files")
        if path.is_file() and path.suffix not in SUFFIXES:
            raise NoContractsError(f"{path} is no contract; contracts are files {_PATTERNS}")
    folders = {(path if path.is_dir() else path.parent).resolve() for path in paths}
    if len(folders) > 1:
        raise NoContractsError(
            f"contracts of one folder belong together; these are of {len(folders)}: call me for each"
        )
    [folder] = folders
    files = tuple(sorted(each for each in folder.iterdir() if each.is_file() and each.suffix in SUFFIXES))
    if not files:
        raise NoContractsError(f"{folder} holds no contract; contracts are files {_PATTERNS}")
    all_of_them = any(path.is_dir() for path in paths)
    names = {file.name for file in files} if all_of_them else {path.name for path in paths}
    return Wanted(folder, files, frozenset(names))


def read_texts(files: Iterable[Path]) -> tuple[dict[str, str], list[str]]:
    """File name -> text, and the problems of files that hold no text."""
    texts, problems = {}, []
    for file in files:
        try:
            texts[file.name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file.name}: can't be read: {error}")
    return texts, problems


def checked(texts: Mapping[str, str]) -> tuple[dict[str, Contract], list[str]]:
    """The contracts that are right, and that need none that is wrong; and the problems of the others.

    Args:
        texts: file name -> YAML or JSON.
    """
    try:
        return parse_contracts(texts), []
    except ContractError as error:
        problems = error.problems
    return _those_that_stand(texts, problems), problems


def _those_that_stand(texts: Mapping[str, str], problems: Iterable[str]) -> dict[str, Contract]:
    """The contracts that are left when those with problems go, and those that need them, and so on."""
    left = dict(texts)
    while left:
        wrong = {file for file in left for problem in problems if problem.startswith(f"{file}: ")}
        if not wrong:
            # A circle is nobody's own problem.
            return {}
        left = {file: text for file, text in left.items() if file not in wrong}
        try:
            return parse_contracts(left)
        except ContractError as error:
            problems = error.problems
    return {}
