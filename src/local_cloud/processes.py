"""Background processes that are known by a file: start one, find it again, end it by its id."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from local_cloud.settings import HOST, LocalCloudError

_POLL_SECONDS = 0.05
_END_SECONDS = 30.0
_KILL_SECONDS = 5.0
# Below the ports of outgoing connections, which begin at 32768 on Linux and at 49152 elsewhere.
_PORTS_TO_LISTEN_ON = range(15_000, 32_000)
_PORTS_TRIED = 100


@dataclass(frozen=True)
class Service:
    """One background process of the local cloud.

    Args:
        name: what it is called in messages and file names.
        port: the loopback port it listens on.
        port_variable: the environment variable that changes the port.
        pid_file: where its process id is kept.
        log_file: where its output goes.
    """

    name: str
    port: int
    port_variable: str
    pid_file: Path
    log_file: Path


def running_process(service: Service) -> psutil.Process | None:
    """The service's process if it lives; a file left by a dead process, or a reused id, counts as none."""
    try:
        saved = json.loads(service.pid_file.read_text())
        process = psutil.Process(saved["pid"])
        # A process id is used again sooner or later; its start time tells the two apart.
        if abs(process.create_time() - saved["create_time"]) > 1 or not is_alive(process):
            return None
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None
    return process


def launch(service: Service, command: Sequence[str], env: Mapping[str, str]) -> psutil.Process:
    """Start the service in the background, in a session of its own, and write down its process id.

    Raises:
        LocalCloudError: its port is in use by another program.
    """
    check_port(service)
    service.log_file.parent.mkdir(parents=True, exist_ok=True)
    service.pid_file.parent.mkdir(parents=True, exist_ok=True)
    with service.log_file.open("ab") as log:
        child = subprocess.Popen(
            list(command),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = psutil.Process(child.pid)
    saved = {"pid": child.pid, "create_time": process.create_time(), "port": service.port}
    service.pid_file.write_text(json.dumps(saved))
    return process


def check_port(service: Service) -> None:
    """Make sure that nothing listens on the service's port.

    Raises:
        LocalCloudError: something does; the message names the port and the variable that changes it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, service.port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "is in use by another program" if error.errno == errno.EADDRINUSE else "may not be opened"
            raise LocalCloudError(
                f"cannot start the {service.name}: port {service.port} on {HOST} {why}{_holder(service.port)}; "
                f"end that program, or choose another port, for example {service.port_variable}="
                f"{free_port()}"
            ) from error


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes either.

    A port that the system picks itself (port 0) is one of those that it also gives to outgoing connections: by the
    time that a service wants to listen on it, somebody may be calling from it.

    Raises:
        LocalCloudError: every port that was tried is in use.
    """
    for port in random.SystemRandom().sample(_PORTS_TO_LISTEN_ON, _PORTS_TRIED):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise LocalCloudError(f"{_PORTS_TRIED} ports of {_PORTS_TO_LISTEN_ON} were tried, and all are in use")


def wait_until_ready(service: Service, process: psutil.Process, answers: Callable[[], bool], seconds: float) -> None:
    """Wait until the service answers.

    Args:
        service: the service waited for.
        process: its process; when it ends, so does the wait.
        answers: whether the service answers now.
        seconds: how long to wait at most.

    Raises:
        LocalCloudError: it ended, or did not answer in time; the message ends with its last log lines.
    """

    def answered() -> bool:
        if not is_alive(process):
            raise LocalCloudError(f"the {service.name} ended while starting{log_tail(service.log_file)}")
        return answers()

    try:
        Retrying(
            retry=retry_if_result(lambda ok: not ok),
            wait=wait_fixed(_POLL_SECONDS),
            stop=stop_after_delay(seconds),
        )(answered)
    except RetryError as error:
        raise LocalCloudError(
            f"the {service.name} did not answer on port {service.port} within {seconds:.0f} s"
            f"{log_tail(service.log_file)}"
        ) from error


def end(service: Service, seconds: float = _END_SECONDS) -> bool:
    """End the service with SIGTERM and wait until it is gone, so that its state is written.

    Returns:
        True when it ended by itself, False when there was none or it had to be killed.
    """
    process = running_process(service)
    ended = False
    if process is not None:
        ended = end_process(process, seconds)
    service.pid_file.unlink(missing_ok=True)
    return ended


def end_process(process: psutil.Process, seconds: float) -> bool:
    """SIGTERM, then SIGKILL after some seconds. True when SIGTERM was enough."""
    _signal(process, signal.SIGTERM)
    if _wait_until_gone(process, seconds):
        return True
    _signal(process, signal.SIGKILL)
    _wait_until_gone(process, _KILL_SECONDS)
    return False


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs. One that only waits to be reaped by its parent does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def group_members(group: int, marker: str) -> list[psutil.Process]:
    """The living processes of a process group whose environment holds a marker.

    Args:
        group: the process group's id.
        marker: a ``NAME=value`` that the first process was started with; it tells a reused id apart.
    """
    name, _, value = marker.partition("=")
    members = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.environ().get(name) == value:
                members.append(process)
        except (psutil.Error, ProcessLookupError, PermissionError):
            continue  # it ended meanwhile, or is another user's: not ours
    return members


def kill_group(group: int, marker: str) -> int:
    """End every process of a group at once.

    Returns:
        How many processes there were.
    """
    members = group_members(group, marker)
    for process in members:
        _signal(process, signal.SIGKILL)
    return len(members)


def log_tail(path: Path, lines: int = 8) -> str:
    """The end of a log file, as the end of an error message."""
    if not path.exists():
        return ""
    tail = path.read_text(errors="replace").splitlines()[-lines:]
    return f"; the end of {path}:\n  " + "\n  ".join(tail)


def _wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    # Not psutil's own wait: for a process that is not a child it also waits for its parent to reap it.
    waiting = Retrying(
        retry=retry_if_result(lambda alive: alive),
        wait=wait_fixed(_POLL_SECONDS),
        stop=stop_after_delay(seconds),
        retry_error_callback=lambda _: True,
    )
    return not waiting(lambda: is_alive(process))


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _holder(port: int) -> str:
    """Who listens on the port, as far as this user may see it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ""
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            try:
                return f" ({psutil.Process(connection.pid).name()}, process {connection.pid})"
            except psutil.NoSuchProcess:
                return ""
    return ""
