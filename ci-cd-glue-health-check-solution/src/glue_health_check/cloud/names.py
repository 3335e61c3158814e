"""What a check calls the things that it makes, and how anybody knows them again (docs/design.md)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from glue_health_check.errors import MisuseError

JOB_PREFIX = "glue-hc-"
DATABASE_PREFIX = "glue_hc_"
ROOT = "glue-health-checks/"
MANIFESTS = f"{ROOT}_manifests/"
REPORTS = f"{ROOT}_reports/"
STATE = "state-"  # before the id: what Lambdas keep of a check, where its job's role reaches nothing
TAG, TAG_ID, TAG_PR, TAG_EXPIRY = (
    "glue-health-check",
    "glue-health-check:id",
    "glue-health-check:pr",
    "glue-health-check:expires-at",
)
_MAX_NAME = 63  # of buckets; jobs may be longer, but people read them
_ID = re.compile(r"pr(\d+)-([0-9a-f]{8})")
_JOB = re.compile(rf"{JOB_PREFIX}pr(\d+)-(?:[a-z0-9-]*-)?([0-9a-f]{{8}})(?:-b\d+)?")
_PLACEHOLDER = re.compile(r"\{([a-z]+(?:\.[a-z0-9_]+)?)\}")


@dataclass(frozen=True)
class Names:
    """The names of one check.

    Attributes:
        pull_request: its number; 0 for none.
        suffix: what tells it from other checks of the same pull request.
        work_bucket: holds manifests, scripts, and the check's own prefix.
    """

    pull_request: int
    suffix: str
    work_bucket: str

    @property
    def id(self) -> str:
        """``pr42-<suffix>``."""
        return f"pr{self.pull_request}-{self.suffix}"

    @property
    def prefix(self) -> str:
        """The check's own keys, with a slash at the end."""
        return f"{ROOT}{self.id}/"

    @property
    def prefix_uri(self) -> str:
        """The same as an address, without a slash at the end."""
        return f"s3://{self.work_bucket}/{self.prefix}".rstrip("/")

    @property
    def state_prefix(self) -> str:
        """Keys of what Lambdas keep of the check, with a slash at the end."""
        return f"{ROOT}{STATE}{self.id}/"

    @property
    def manifest_key(self) -> str:
        """Where the manifest lies in the work bucket."""
        return f"{MANIFESTS}{self.id}.json"

    def job(self, script: str, step: int = 0) -> str:
        """The name of a job.

        Args:
            script: the name of its file, without suffix.
            step: number of the job before the checked one, from 1; 0 for the checked one.
        """
        end = f"-{self.suffix}" + (f"-b{step}" if step else "")
        start = f"{JOB_PREFIX}pr{self.pull_request}-"
        middle = re.sub(r"[^a-z0-9]+", "-", script.lower()).strip("-")
        return start + middle[: _MAX_NAME - len(start) - len(end)].strip("-") + end

    def place(self, role: str) -> str:
        """The name of a bucket or table."""
        return f"{JOB_PREFIX}pr{self.pull_request}-{role.replace('_', '-')}-{self.suffix}"

    def database(self, role: str) -> str:
        """The name of a Glue database."""
        return f"{DATABASE_PREFIX}pr{self.pull_request}_{role}_{self.suffix}"

    def tags(self, expires_at: datetime) -> dict[str, str]:
        """What marks everything that the check makes."""
        return {TAG: "true", TAG_ID: self.id, TAG_PR: str(self.pull_request), TAG_EXPIRY: moment_text(expires_at)}


def new_names(pull_request: int, work_bucket: str) -> Names:
    """Names that no other check has."""
    return Names(pull_request, secrets.token_hex(4), work_bucket)


def names_of(check_id: str, work_bucket: str) -> Names:
    """The names of a check by its id.

    Raises:
        MisuseError: it is no id.
    """
    if not (found := _ID.fullmatch(check_id)):
        raise MisuseError(f"{check_id!r} is no id of a check; it must look like pr42-0a1b2c3d")
    return Names(int(found[1]), found[2], work_bucket)


def id_of_job(job: str) -> str:
    """The id of the check that a job belongs to; "" when it is no job of a check."""
    found = _JOB.fullmatch(job)
    return f"pr{found[1]}-{found[2]}" if found else ""


@dataclass(frozen=True)
class Places:
    """What the placeholders of a check file stand for.

    Args:
        names: of the check.
        job: the checked job's name.
        buckets, tables, databases: the roles that there are.
    """

    names: Names
    job: str
    buckets: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()

    def known(self) -> dict[str, str]:
        """Placeholder -> text."""
        base = self.names.prefix_uri
        return {
            "prefix": base,
            "input": f"{base}/input",
            "output": f"{base}/output",
            "temp": f"{base}/temp",
            "job": self.job,
            "id": self.names.id,
            "pr": str(self.names.pull_request),
            **{f"bucket.{role}": self.names.place(role) for role in self.buckets},
            **{f"table.{role}": self.names.place(role) for role in self.tables},
            **{f"database.{role}": self.names.database(role) for role in self.databases},
        }

    def fill(self, text: str) -> str:
        """A text with its placeholders filled in.

        Raises:
            MisuseError: one of them stands for nothing.
        """
        known = self.known()

        def one(found: re.Match[str]) -> str:
            if found[1] not in known:
                raise MisuseError(f"{found[0]} in {text!r} stands for nothing; these do: {', '.join(sorted(known))}")
            return known[found[1]]

        return _PLACEHOLDER.sub(one, text)

    def fill_all(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The same for the values of a mapping."""
        return {name: self.fill(text) for name, text in texts.items()}


def moment_text(moment: datetime) -> str:
    """A moment as tags and manifests have it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_moment(text: str) -> datetime | None:
    """The moment of a tag; None when it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 address.

    Raises:
        MisuseError: it is none.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise MisuseError(f"{uri!r} is no S3 address; it must be s3://bucket/key")
    return bucket, key
