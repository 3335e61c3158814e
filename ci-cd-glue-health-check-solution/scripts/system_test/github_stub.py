"""GitHub as the Lambdas meet it: gives the files of a commit, and notes the statuses that it is told."""

from __future__ import annotations

import io
import json
import queue
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY, COMMIT = "octo-org/jobs", "ec26c3e57ca3a959ca5aad62de7213c562f8c821"


class GitHub(ThreadingHTTPServer):
    """Serves one commit on a free port of this machine.

    Args:
        files: name in the repository -> file.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: queue.Queue[dict[str, str]] = queue.Queue()
        sink = io.BytesIO()
        with tarfile.open(fileobj=sink, mode="w:gz") as archive:
            for name, path in files.items():
                archive.add(path, f"octo-org-jobs-ec26c3e/{name}")
        self.tarball = sink.getvalue()

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def status(self, seconds: float) -> dict[str, str]:
        """The next status that it is told.

        Raises:
            queue.Empty: none came in time.
        """
        return self.statuses.get(timeout=seconds)


class _Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        self._answer(200 if self.path == f"/repos/{REPOSITORY}/tarball/{COMMIT}" else 404, self.server.tarball)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == f"/repos/{REPOSITORY}/statuses/{COMMIT}"
        if known:
            self.server.statuses.put(json.loads(body))
        self._answer(201 if known else 404, b"{}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def github(files: Mapping[str, Path]) -> Iterator[GitHub]:
    """A GitHub that answers while the ``with`` block runs."""
    server = GitHub(files)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
