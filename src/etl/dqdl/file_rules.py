"""Rules about the files of the data: FileFreshness, FileSize, FileMatch and FileUniqueness -> plans.

They look at no rows and start no Spark job: listings and hashes go through Hadoop's FileSystem when the plan is
measured.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

from etl.dqdl import values
from etl.dqdl.errors import RuleError
from etl.dqdl.model import Condition, Rule
from etl.dqdl.plans import Measurement, Plan
from etl.dqdl.values import Numeric
from utils.glue_utils import HASHING_THREADS, Storage, StoredFile

FILTERS = ("recentFiles", "uriRegex")  # in the order in which AWS applies them
SHOWN = 5  # so many files are named in a message
MEETING = "the share of files that meet it"


def file_freshness(rule: Rule, storage: Storage, files: Sequence[str], now: datetime) -> Plan:
    """FileFreshness: the share of files whose time of modification meets the condition."""
    zone = ZoneInfo(rule.option("timeZone") or "UTC")
    condition = _condition(rule)
    moments = [values.instant(operand, now, zone) for operand in condition.operands]
    if condition.operator.endswith("between"):
        moments.sort()  # AWS's documentation has them in both orders

    def fresh(file: StoredFile) -> bool:
        modified = datetime.fromtimestamp(file.modified_ms / 1000, timezone.utc)
        return values.compare(condition.operator, modified, moments)

    return Plan(lambda facts: _share(rule, _chosen(rule, storage, files), fresh, _modified))


def file_size(rule: Rule, storage: Storage, files: Sequence[str]) -> Plan:
    """FileSize: the share of files whose size in bytes meets the condition."""
    condition = _condition(rule)
    sizes = [values.size(operand) for operand in condition.operands]

    def measure(chosen: list[StoredFile]) -> Measurement:
        extremes: dict[str, Numeric] = {
            _metric("MinimumFileSize", rule): min(file.size for file in chosen),
            _metric("MaximumFileSize", rule): max(file.size for file in chosen),
        }
        met: Callable[[StoredFile], bool] = lambda file: values.compare(condition.operator, file.size, sizes)  # noqa: E731
        return _share(rule, chosen, met, lambda file: f"{file.size:,} bytes", extremes)

    return Plan(lambda facts: measure(_chosen(rule, storage, files)))


def file_uniqueness(rule: Rule, storage: Storage, files: Sequence[str]) -> Plan:
    """FileUniqueness: files whose content (on wish also whose name) no other file has / files."""

    def measure() -> Measurement:
        chosen = _chosen(rule, storage, files)
        hashes = _hashes(rule, storage, chosen)
        shared = _repeated([hashes[file.uri] for file in chosen])
        names = _repeated([_name(file) for file in chosen]) if rule.switched_on("matchFileName") else set()
        good = [file for file in chosen if hashes[file.uri] not in shared and _name(file) not in names]
        ratio = len(good) / len(chosen)
        metrics: dict[str, Numeric] = {
            _metric("FileUniquenessRatio", rule): ratio,
            _metric("FileCount", rule): len(chosen),
        }
        others = [file.uri for file in chosen if file not in good]
        detail = f"not the only ones of their kind: {_listed(others)}" if others else ""
        return Measurement(ratio, metrics, "the share of unique files", share=True, detail=detail)

    return Plan(lambda facts: measure())


def file_match(rule: Rule, storage: Storage, files: Sequence[str]) -> Plan:
    """FileMatch: the share of files whose checksum is listed, or that have a twin under the other path."""
    if rule.condition is None:
        return Plan(lambda facts: _twins(rule, storage))
    wanted = {str(getattr(operand, "value", operand)).lower() for operand in rule.condition.operands}

    def measure() -> Measurement:
        chosen = _chosen(rule, storage, files)
        hashes = _hashes(rule, storage, chosen)
        names = _repeated([_name(file) for file in chosen]) if rule.switched_on("matchFileName") else set()
        listed: Callable[[StoredFile], bool] = (  # noqa: E731
            lambda file: hashes[file.uri] in wanted and _name(file) not in names
        )
        return _share(rule, chosen, listed, lambda file: hashes[file.uri])

    return Plan(lambda facts: measure())


def _twins(rule: Rule, storage: Storage) -> Measurement:
    """Files on either side that have a file of the same content on the other / all files of both sides."""
    sides = [_chosen(rule, storage, (), path) for path in rule.values]
    hashes = _hashes(rule, storage, [file for side in sides for file in side])
    named = rule.switched_on("matchFileName")

    def key(file: StoredFile) -> Hashable:
        return (hashes[file.uri], _name(file)) if named else hashes[file.uri]

    ours, theirs = (Counter(key(file) for file in side) for side in sides)
    alone = []
    for side, left in zip(sides, (ours - theirs, theirs - ours), strict=True):
        for file in side:
            if left[key(file)] > 0:
                left[key(file)] -= 1
                alone.append(file.uri)
    count = sum(map(len, sides))
    ratio = 1 - len(alone) / count
    detail = f"without a twin: {_listed(alone)}" if alone else ""
    return Measurement(ratio, {_metric("FileCount", rule): count}, MEETING, share=True, detail=detail)


def _share(
    rule: Rule,
    files: Sequence[StoredFile],
    met: Callable[[StoredFile], bool],
    shown: Callable[[StoredFile], str],
    metrics: dict[str, Numeric] | None = None,
) -> Measurement:
    """The measurement of a rule that every file meets or not."""
    bad = [file for file in files if not met(file)]
    ratio = 1 - len(bad) / len(files)
    measured: dict[str, Numeric] = {_metric("FileCount", rule): len(files), **(metrics or {})}
    if rule.rule_type != "FileMatch":
        measured = {_metric(f"{rule.rule_type}.Compliance", rule, rule.condition): ratio, **measured}
    detail = f"not met by {_listed([f'{file.uri} ({shown(file)})' for file in bad])}" if bad else ""
    # With failFast the first bad file decides, whatever the threshold says.
    verdict = False if bad and rule.switched_on("failFast") else None
    return Measurement(ratio, measured, MEETING, share=True, detail=detail, verdict=verdict)


def _chosen(rule: Rule, storage: Storage, files: Sequence[str], path: str | None = None) -> list[StoredFile]:
    """The files a rule is about, after its filters.

    Raises:
        RuleError: there are none: a rule about files must not pass because nothing came.
    """
    path = path or next(iter(rule.values), None)
    found = _below(storage, path) if path else _named(storage, files)
    kept = found
    for option in rule.option_items("filterOrder") or [name for name in FILTERS if rule.option(name)]:
        kept = _filtered(kept, option, rule.option(option) or "")
        if not kept:
            raise RuleError(f"none of the {len(found)} file(s) is left by {option} = {rule.option(option)!r}")
    return kept


def _below(storage: Storage, path: str) -> list[StoredFile]:
    """The file, or the files of the folder without hidden ones, which Spark doesn't read either (``_SUCCESS``)."""
    found = list(storage.list_files(path))
    seen = [file for file in found if len(found) == 1 or not re.search(r"/[._]", _below_root(file.uri, path))]
    if not seen:
        raise RuleError(f"there are no files in {path!r}")
    return seen


def _below_root(uri: str, path: str) -> str:
    """``/part of the path/below the folder``, also when the file system spells the folder in another way."""
    folder = path.rstrip("/").rsplit("/", 1)[-1]
    return "/" + uri.rpartition(f"/{folder}/")[2]


def _named(storage: Storage, uris: Sequence[str]) -> list[StoredFile]:
    """The files that the data came from."""
    if not uris:
        raise RuleError('the files of the data are not known; name a path, as in FileSize "s3://bucket/folder/" > 1 MB')
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        found = list(pool.map(lambda uri: next(storage.list_files(uri), None), uris))
    gone = [uri for uri, file in zip(uris, found, strict=True) if file is None]
    if gone:
        raise RuleError(f"files of the data are gone: {_listed(gone)}")
    return [file for file in found if file is not None]


def _filtered(files: list[StoredFile], option: str, value: str) -> list[StoredFile]:
    if option == "recentFiles":
        return sorted(files, key=lambda file: (-file.modified_ms, file.uri))[: int(value)]
    # AWS's examples search ("\\.csv$"), and hold a leading negative lookahead against the whole path.
    find = re.compile(value).match if value.startswith("(?!") else re.compile(value).search
    return [file for file in files if find(file.uri)]


def _hashes(rule: Rule, storage: Storage, files: Sequence[StoredFile]) -> dict[str, str]:
    uris = [file.uri for file in files]
    found = storage.content_hashes(uris, rule.option("hashAlgorithm") or "SHA-256")
    gone = [uri for uri in uris if uri not in found]
    if gone:
        raise RuleError(f"files are gone since they were listed: {_listed(gone)}")
    return found


def _metric(name: str, rule: Rule, condition: Condition | None = None) -> str:
    """AWS's name, and what makes it another metric: the path, the filters, the condition."""
    filters = [f"with {option} {value}" for option, value in rule.options if option in FILTERS]
    parts = [*map(str, rule.parameters), *([str(condition)] if condition else []), *filters]
    return " ".join([f"Dataset.*.{name}", *parts])


def _repeated(keys: Sequence[str]) -> set[str]:
    return {key for key, count in Counter(keys).items() if count > 1}


def _name(file: StoredFile) -> str:
    return file.uri.rsplit("/", 1)[-1]


def _modified(file: StoredFile) -> str:
    return datetime.fromtimestamp(file.modified_ms / 1000, timezone.utc).strftime("modified %Y-%m-%d %H:%M:%S UTC")


def _listed(uris: Sequence[Any]) -> str:
    more = f" and {len(uris) - SHOWN} more" if len(uris) > SHOWN else ""
    return ", ".join(map(str, uris[:SHOWN])) + more


def _condition(rule: Rule) -> Condition:
    if rule.condition is None:
        raise RuleError(f"{rule.rule_type} needs a condition")
    return rule.condition
