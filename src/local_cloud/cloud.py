"""Starts and stops the local cloud: the emulator first, then the Glue endpoint that builds on it."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from local_cloud.control import end_interrupted_runs
from local_cloud.environment import emulator_environment, process_environment
from local_cloud.iam import make_certificate
from local_cloud.processes import Service, end, launch, running_process, wait_until_ready
from local_cloud.server import HEALTH_PATH
from local_cloud.settings import LocalCloudError, Settings, to_environment
from local_cloud.store import Store

_EMULATOR_HEALTH = "/_ministack/health"
_START_SECONDS = 90.0
# Its end takes a second or two; this is for a busy machine, since a killed emulator loses what it has not written.
_STOP_SECONDS = 90.0
# What the state folder holds. Reset removes these and nothing else, wherever LOCAL_CLOUD_HOME points. Terraform's
# state of the local environment is kept there too, and describes what is then gone.
_STATE = (
    "emulator",
    "lake",
    "runs",
    "logs",
    "cache",
    "glue.sqlite*",
    "*.pid.json",
    "aws-config",
    "certificate.*",
    "start.lock",
    "terraform*",
)


def emulator(settings: Settings) -> Service:
    """The emulator's process."""
    return _service(settings, "emulator", settings.port, "LOCAL_CLOUD_PORT")


def glue_endpoint(settings: Settings) -> Service:
    """The Glue endpoint's process."""
    return _service(settings, "Glue endpoint", settings.glue_port, "LOCAL_CLOUD_GLUE_PORT")


def start(settings: Settings) -> list[str]:
    """Start what does not run yet, and wait until it answers.

    Returns:
        The names of what was started; none when all ran already.

    Raises:
        LocalCloudError: something did not start.
    """
    for folder in (settings.lake, settings.runs, settings.cache, settings.home / "emulator" / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(settings):
        return _start(settings)


def _start(settings: Settings) -> list[str]:
    _check_same_ports(settings)
    started = []
    if running_process(emulator(settings)) is None:
        _start_emulator(settings)
        started.append("emulator")
    if running_process(glue_endpoint(settings)) is None:
        _start_glue_endpoint(settings)
        started.append("Glue endpoint")
    return started


def stop(settings: Settings) -> list[str]:
    """Stop what runs: first the Glue endpoint with its jobs, then the emulator, which writes its state.

    Returns:
        The names of what was stopped.

    Raises:
        LocalCloudError: the emulator had to be killed, so that its state is that of its last stop.
    """
    if not settings.home.exists():
        return []
    with _one_at_a_time(settings):
        stopped = []
        for service in (glue_endpoint(settings), emulator(settings)):
            if running_process(service) is None:
                service.pid_file.unlink(missing_ok=True)
                continue
            stopped.append(service.name)
            if not end(service, _STOP_SECONDS) and service == emulator(settings):
                raise LocalCloudError(
                    "the emulator did not end in time and was killed; what was made since it was started is "
                    "missing at the next start, except objects in S3. Deploy again, or reset"
                )
    return stopped


def reset(settings: Settings) -> None:
    """Stop everything, end the processes of job runs, and remove all state. Other files are left alone."""
    with contextlib.suppress(LocalCloudError):  # what was not written is removed anyway
        stop(settings)
    if settings.database.exists():
        store = Store(settings.database)
        end_interrupted_runs(store, "the local cloud was reset")
        store.close()
    for pattern in _STATE:
        for path in settings.home.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else is in it
        settings.home.rmdir()


def is_running(settings: Settings) -> bool:
    """Whether both processes live."""
    return all(running_process(one(settings)) is not None for one in (emulator, glue_endpoint))


def was_interrupted(settings: Settings) -> bool:
    """Whether the emulator ended without writing its state: its process is gone, its file is not."""
    service = emulator(settings)
    return service.pid_file.exists() and running_process(service) is None


def _start_emulator(settings: Settings) -> None:
    if importlib.util.find_spec("ministack") is None:
        raise LocalCloudError(f"the emulator is not installed; run: {sys.executable} -m pip install -e '.[local]'")
    if settings.enforce_iam:
        make_certificate(settings)
    service = emulator(settings)
    process = launch(service, [sys.executable, "-m", "local_cloud.emulator"], emulator_environment(settings))
    _wait(service, process, settings.endpoint + _EMULATOR_HEALTH)


def _start_glue_endpoint(settings: Settings) -> None:
    service = glue_endpoint(settings)
    env = {**process_environment(settings), **to_environment(settings)}
    process = launch(service, [sys.executable, "-m", "local_cloud.server"], env)
    _wait(service, process, settings.glue_endpoint + HEALTH_PATH)


def _wait(service: Service, process: psutil.Process, url: str) -> None:
    try:
        wait_until_ready(service, process, lambda: _answers(url), _START_SECONDS)
    except LocalCloudError:
        end(service, seconds=5.0)
        raise


def _opener() -> urllib.request.OpenerDirector:
    """Opens addresses of this machine: by no proxy, and without asking who has signed the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def _answers(url: str) -> bool:
    try:
        with _opener().open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def _one_at_a_time(settings: Settings) -> Iterator[None]:
    """Let a second start or stop of the same local cloud wait for the first."""
    with (settings.home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _check_same_ports(settings: Settings) -> None:
    """A local cloud that runs on other ports is not started a second time on the same state."""
    for service in (emulator(settings), glue_endpoint(settings)):
        if running_process(service) is None:
            continue
        port = json.loads(service.pid_file.read_text())["port"]
        if port != service.port:
            raise LocalCloudError(
                f"the {service.name} of {settings.home} runs on port {port}, not {service.port}; "
                f"set {service.port_variable}={port}, or stop it first"
            )


def _service(settings: Settings, name: str, port: int, variable: str) -> Service:
    file_name = name.lower().replace(" ", "-")
    return Service(
        name=name,
        port=port,
        port_variable=variable,
        pid_file=settings.home / f"{file_name}.pid.json",
        log_file=Path(settings.logs / f"{file_name}.log"),
    )
