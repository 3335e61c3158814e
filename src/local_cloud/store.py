"""The history of job runs and workflow runs: one SQLite file, kept in the state folder."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_cloud.protocol import JsonObject

ACTIVE_JOB_STATES = ("STARTING", "RUNNING", "STOPPING", "WAITING")
ACTIVE_WORKFLOW_STATUSES = ("RUNNING", "STOPPING")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, job TEXT NOT NULL,
    workflow_run TEXT, state TEXT NOT NULL, document TEXT NOT NULL, process_group INTEGER);
CREATE INDEX IF NOT EXISTS job_runs_of_job ON job_runs (job, number);
CREATE INDEX IF NOT EXISTS job_runs_of_workflow ON job_runs (workflow_run, number);
CREATE TABLE IF NOT EXISTS workflow_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, workflow TEXT NOT NULL,
    status TEXT NOT NULL, document TEXT NOT NULL, progress TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS workflow_runs_of_workflow ON workflow_runs (workflow, number);
CREATE TABLE IF NOT EXISTS definition_extras (
    kind TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, name));
"""


class Store:
    """Reads and writes runs as the documents that Glue's API shows. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # Job runs

    def add_job_run(self, run: JsonObject, workflow_run: str | None) -> None:
        """Write a new job run."""
        self._write(
            "INSERT INTO job_runs (id, job, workflow_run, state, document) VALUES (?, ?, ?, ?, ?)",
            (run["Id"], run["JobName"], workflow_run, run["JobRunState"], json.dumps(run)),
        )

    def change_job_run(self, run_id: str, **fields: Any) -> JsonObject:
        """Change some fields of a job run; a field set to None goes. Returns the whole run.

        Raises:
            KeyError: there is no such run.
        """
        with self._transaction():
            row = self._one("SELECT document FROM job_runs WHERE id = ?", (run_id,))
            if row is None:
                raise KeyError(run_id)
            run = _merge(json.loads(row["document"]), fields)
            self._connection.execute(
                "UPDATE job_runs SET state = ?, document = ? WHERE id = ?",
                (run["JobRunState"], json.dumps(run), run_id),
            )
        return run

    def set_process_group(self, run_id: str, group: int) -> None:
        """Remember the process group of a job run, to end it after a crash."""
        self._write("UPDATE job_runs SET process_group = ? WHERE id = ?", (group, run_id))

    def job_run(self, run_id: str) -> JsonObject | None:
        """A job run by its id."""
        row = self._one("SELECT document FROM job_runs WHERE id = ?", (run_id,))
        return None if row is None else json.loads(row["document"])

    def workflow_run_of(self, job_run_id: str) -> str | None:
        """The workflow run that a job run belongs to, if any."""
        row = self._one("SELECT workflow_run FROM job_runs WHERE id = ?", (job_run_id,))
        return None if row is None else row["workflow_run"]

    def job_runs(self, job: str | None = None, *, limit: int = -1) -> list[JsonObject]:
        """Job runs, newest first, of one job or of all."""
        if job is None:
            return self._documents("SELECT document FROM job_runs ORDER BY number DESC LIMIT ?", (limit,))
        return self._documents("SELECT document FROM job_runs WHERE job = ? ORDER BY number DESC LIMIT ?", (job, limit))

    def job_runs_of_workflow_run(self, workflow_run: str) -> list[JsonObject]:
        """The job runs of a workflow run, oldest first."""
        return self._documents("SELECT document FROM job_runs WHERE workflow_run = ? ORDER BY number", (workflow_run,))

    def active_job_runs(self, job: str | None = None) -> list[JsonObject]:
        """The job runs that have not ended, oldest first, of one job or of all."""
        marks = ",".join("?" * len(ACTIVE_JOB_STATES))
        where, values = (" AND job = ?", (job,)) if job is not None else ("", ())
        return self._documents(
            f"SELECT document FROM job_runs WHERE state IN ({marks}){where} ORDER BY number",  # noqa: S608 - marks and names of our own # nosec B608
            (*ACTIVE_JOB_STATES, *values),
        )

    def process_groups(self) -> dict[str, int]:
        """The process groups of the job runs that have not ended, by run id."""
        marks = ",".join("?" * len(ACTIVE_JOB_STATES))
        rows = self._all(
            f"SELECT id, process_group FROM job_runs WHERE state IN ({marks}) "  # noqa: S608 - question marks # nosec B608
            "AND process_group IS NOT NULL",
            ACTIVE_JOB_STATES,
        )
        return {row["id"]: row["process_group"] for row in rows}

    # Workflow runs

    def add_workflow_run(self, run: JsonObject, progress: JsonObject) -> None:
        """Write a new workflow run, and what the engine keeps about it."""
        self._write(
            "INSERT INTO workflow_runs (id, workflow, status, document, progress) VALUES (?, ?, ?, ?, ?)",
            (run["WorkflowRunId"], run["Name"], run["Status"], json.dumps(run), json.dumps(progress)),
        )

    def change_workflow_run(self, run_id: str, **fields: Any) -> JsonObject:
        """Change some fields of a workflow run. Returns the whole run.

        Raises:
            KeyError: there is no such run.
        """
        with self._transaction():
            row = self._one("SELECT document FROM workflow_runs WHERE id = ?", (run_id,))
            if row is None:
                raise KeyError(run_id)
            run = _merge(json.loads(row["document"]), fields)
            self._connection.execute(
                "UPDATE workflow_runs SET status = ?, document = ? WHERE id = ?",
                (run["Status"], json.dumps(run), run_id),
            )
        return run

    def workflow_run(self, run_id: str) -> JsonObject | None:
        """A workflow run by its id."""
        row = self._one("SELECT document FROM workflow_runs WHERE id = ?", (run_id,))
        return None if row is None else json.loads(row["document"])

    def workflow_runs(self, workflow: str | None = None, *, limit: int = -1) -> list[JsonObject]:
        """Workflow runs, newest first, of one workflow or of all."""
        if workflow is None:
            return self._documents("SELECT document FROM workflow_runs ORDER BY number DESC LIMIT ?", (limit,))
        return self._documents(
            "SELECT document FROM workflow_runs WHERE workflow = ? ORDER BY number DESC LIMIT ?",
            (workflow, limit),
        )

    def active_workflow_runs(self, workflow: str | None = None) -> list[JsonObject]:
        """The workflow runs that have not ended, of one workflow or of all."""
        return [run for run in self.workflow_runs(workflow) if run["Status"] in ACTIVE_WORKFLOW_STATUSES]

    def progress(self, run_id: str) -> JsonObject:
        """What the engine keeps about a workflow run: which triggers fired, and what it was resumed from."""
        row = self._one("SELECT progress FROM workflow_runs WHERE id = ?", (run_id,))
        return {} if row is None else json.loads(row["progress"])

    def set_progress(self, run_id: str, progress: JsonObject) -> None:
        """Write what the engine keeps about a workflow run."""
        self._write("UPDATE workflow_runs SET progress = ? WHERE id = ?", (json.dumps(progress), run_id))

    # Parts of definitions that the emulator does not keep

    def extras(self, kind: str, name: str) -> JsonObject:
        """The parts of a definition that the emulator dropped."""
        row = self._one("SELECT document FROM definition_extras WHERE kind = ? AND name = ?", (kind, name))
        return {} if row is None else json.loads(row["document"])

    def set_extras(self, kind: str, name: str, document: JsonObject) -> None:
        """Keep the parts of a definition that the emulator drops."""
        self._write("INSERT OR REPLACE INTO definition_extras VALUES (?, ?, ?)", (kind, name, json.dumps(document)))

    def names_with_extras(self, kind: str) -> list[str]:
        """The names of the definitions of a kind of which something is kept."""
        rows = self._all("SELECT name FROM definition_extras WHERE kind = ?", (kind,))
        return [row["name"] for row in rows]

    def delete_extras(self, kind: str, name: str) -> None:
        """Forget a definition that was deleted."""
        self._write("DELETE FROM definition_extras WHERE kind = ? AND name = ?", (kind, name))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _write(self, sql: str, values: Iterable[Any]) -> None:
        with self._lock:
            self._connection.execute(sql, tuple(values))

    def _all(self, sql: str, values: Iterable[Any]) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchall()

    def _one(self, sql: str, values: Iterable[Any]) -> sqlite3.Row | None:
        rows = self._all(sql, values)
        return rows[0] if rows else None

    def _documents(self, sql: str, values: Iterable[Any]) -> list[JsonObject]:
        return [json.loads(row["document"]) for row in self._all(sql, values)]


def _merge(document: JsonObject, fields: JsonObject) -> JsonObject:
    return {name: value for name, value in {**document, **fields}.items() if value is not None}
