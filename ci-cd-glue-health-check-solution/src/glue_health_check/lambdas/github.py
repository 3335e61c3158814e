"""GitHub as the Lambdas meet it: signatures of webhooks, files of a commit, and the status of a commit."""

from __future__ import annotations

import hashlib
import hmac
import io
import tarfile
from pathlib import Path
from typing import Any

import requests

from glue_health_check.errors import InfrastructureError, MisuseError
from glue_health_check.models import Report

CONTEXT = "glue-health-check"
_SECONDS = 30
_MOST_BYTES = 200 * 1024 * 1024  # of a packed repository; a Lambda's disk holds 512 MB
_STATES = {"passed": "success", "failed": "failure", "error": "error"}
_LONGEST = 140  # signs of a status's description


def is_signed(body: bytes, signature: str, secret: str) -> bool:
    """Whether a body bears GitHub's signature; compared in constant time.

    Args:
        body: as it came, byte for byte.
        signature: the header X-Hub-Signature-256, ``sha256=<hexadecimal>``.
        secret: of the webhook; an empty one signs nothing.
    """
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes: texts with other signs than ASCII's would be an error here.
    return bool(secret) and hmac.compare_digest(wanted.encode(), signature.encode())


class GitHub:
    """GitHub's API.

    Args:
        api: its address.
        token: "" for none, which is enough to read public repositories.
    """

    def __init__(self, api: str, token: str) -> None:
        self._api = api
        self._headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self.may_write = bool(token)

    def unpack(self, repository: str, commit: str, folder: Path) -> None:
        """Bring the files of a commit into a folder.

        Raises:
            InfrastructureError: GitHub gives none.
            MisuseError: the repository is too large.
        """
        where = f"{repository} at {commit}"
        try:
            with self._call("GET", f"/repos/{repository}/tarball/{commit}", stream=True) as answer:
                content = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            raise InfrastructureError(f"{where} can't be read from GitHub: {error}") from error
        if len(content) > _MOST_BYTES:
            raise MisuseError(f"{where} is larger than {_MOST_BYTES >> 20} MiB; check it from CI instead")
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                # All lies below a folder that is named after repository and commit.
                member.name = member.name.partition("/")[2]
                if member.isfile() and member.name:
                    archive.extract(member, folder, filter="data")

    def set_status(self, repository: str, commit: str, state: str, description: str, link: str = "") -> None:
        """Set the status of a commit, which its pull request shows.

        Raises:
            InfrastructureError: GitHub takes none.
        """
        body: dict[str, Any] = {"state": state, "context": CONTEXT, "description": description[:_LONGEST]}
        if link:
            body["target_url"] = link
        try:
            self._call("POST", f"/repos/{repository}/statuses/{commit}", json=body).close()
        except (requests.RequestException, OSError) as error:
            raise InfrastructureError(f"the status of {repository} at {commit} can't be set: {error}") from error

    def _call(self, method: str, path: str, **rest: Any) -> requests.Response:
        answer = requests.request(method, f"{self._api}{path}", headers=self._headers, timeout=_SECONDS, **rest)
        answer.raise_for_status()
        return answer


def status_of(report: Report) -> tuple[str, str]:
    """State and description of the status that a report means."""
    first = next((one.message for check in report.checks for one in check.findings if report.exit_code), "")
    words = first or f"{len(report.checks)} checks in {report.seconds:.0f} s"
    return _STATES[report.verdict], f"{report.script}: {words}"
