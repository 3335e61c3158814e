"""Whether a job wrote outside its own places: what is in guarded places before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from glue_health_check.cloud.clients import Clients, aws_errors, code_of
from glue_health_check.models import Finding, Severity

# Listing more than this would take longer than most checks.
MOST_OBJECTS = 200_000
_SHOWN = 10
_DENIED = {"AccessDenied", "403", "NoSuchBucket"}


@dataclass(frozen=True)
class Place:
    """A part of a bucket."""

    bucket: str
    prefix: str = ""

    @property
    def uri(self) -> str:
        """As an address."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass
class Snapshot:
    """Versions of objects in guarded places: place -> key and version -> what tells that it changed."""

    versions: dict[Place, dict[tuple[str, str], tuple[Any, ...]]] = field(default_factory=dict)
    unseen: dict[Place, str] = field(default_factory=dict)


def place_of(text: str) -> Place:
    """A place of its bucket's name or its address."""
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    return Place(bucket, prefix)


def buckets_named(arguments: Mapping[str, str]) -> set[str]:
    """Buckets that a job's arguments name: by address, or as ``--…bucket name``."""
    found = set()
    for name, value in arguments.items():
        for part in value.replace(",", " ").replace("=", " ").split():
            if part.startswith(("s3://", "s3a://", "s3n://")):
                found.add(part.split("//", 1)[1].split("/", 1)[0])
        if name.replace("-", "_").endswith("_bucket") and "/" not in value and value:
            found.add(value)
    return found - {""}


def snapshot(aws: Clients, places: Iterable[Place]) -> Snapshot:
    """Look at guarded places.

    Raises:
        InfrastructureError: S3 failed. A place that may not be listed is noted instead.
    """
    seen = Snapshot()
    for place in sorted(set(places), key=lambda place: place.uri):
        with aws_errors(f"{place.uri} can't be listed"):
            try:
                found = _versions(aws, place)
            except ClientError as error:
                if code_of(error) not in _DENIED:
                    raise
                seen.unseen[place] = f"it can't be listed ({code_of(error)})"
                continue
        if found is None:
            seen.unseen[place] = f"it holds more than {MOST_OBJECTS:,} objects; name a prefix of it"
        else:
            seen.versions[place] = found
    return seen


def writes_outside(before: Snapshot, after: Snapshot, ignored: Iterable[Place]) -> list[Finding]:
    """What was written, changed or removed between two looks.

    Args:
        before, after: of the same places.
        ignored: the check's own places, and those that others write to.
    """
    own = list(ignored)
    remedy = "write only to places that the job's arguments name; if others wrote it, name the place in guard_ignore"
    changed: dict[str, str] = {}
    for place, then in before.versions.items():
        now = after.versions.get(place, {})
        for key in {key for key, _ in then.keys() | now.keys()}:
            if any(place.bucket == one.bucket and key.startswith(one.prefix) for one in own):
                continue
            old = {version: facts for (name, version), facts in then.items() if name == key}
            new = {version: facts for (name, version), facts in now.items() if name == key}
            if old != new:
                changed[f"s3://{place.bucket}/{key}"] = "wrote" if not old else "removed" if not new else "changed"
    findings = [
        Finding(f"the job {verb} {uri}, which is outside its own places", remedy, Severity.ERROR, uri)
        for uri, verb in sorted(changed.items())[:_SHOWN]
    ]
    if len(changed) > _SHOWN:
        findings.append(Finding(f"… and {len(changed) - _SHOWN} more objects outside its own places", remedy))
    unseen = {**before.unseen, **after.unseen}
    return findings + [
        Finding(f"{place.uri} was not watched: {reason}", "", Severity.WARNING, place.uri)
        for place, reason in unseen.items()
    ]


def _versions(aws: Clients, place: Place) -> dict[tuple[str, str], tuple[Any, ...]] | None:
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    pages = aws.s3.get_paginator("list_object_versions").paginate(Bucket=place.bucket, Prefix=place.prefix)
    for page in pages:
        for one in page.get("Versions", []):
            found[one["Key"], one["VersionId"]] = (one["ETag"], one["Size"], one["LastModified"])
        for one in page.get("DeleteMarkers", []):
            found[one["Key"], one["VersionId"]] = ("removed", one["LastModified"])
        if len(found) > MOST_OBJECTS:
            return None
    return found
