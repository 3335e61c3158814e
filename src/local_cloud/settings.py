"""Where the local cloud keeps its state and which ports it uses, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
ACCESS_KEY = "test"
SECRET_KEY = "test"  # noqa: S105  (the emulator accepts any credentials; these are its customary ones) # nosec B105

DEFAULT_PORT = 4566
DEFAULT_GLUE_PORT = 4567
DEFAULT_REGION = "us-east-1"
PROFILES = {"small": "1g", "large": "4g"}  # profile -> driver memory


class LocalCloudError(Exception):
    """Something the user can put right; its message says what, where, and how."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be chosen about one local cloud.

    Args:
        home: the folder that holds all its state.
        port: loopback port of the emulator.
        glue_port: loopback port of the Glue endpoint.
        region: the one region it serves.
        profile: ``small`` (quick start, little memory) or ``large`` (for large local data).
        driver_memory: heap of each Spark driver, as Spark writes it (``1g``).
        fast_start: whether to make and use an archive of loaded Java classes.
        enforce_iam: whether the emulator checks every call against IAM policies; jobs then run under their own roles.
        cache: folder of things that may be made again: pip targets and class archives.
        seconds_per_minute: length of a minute of a job's Timeout; tests make it short.
    """

    home: Path
    port: int = DEFAULT_PORT
    glue_port: int = DEFAULT_GLUE_PORT
    region: str = DEFAULT_REGION
    profile: str = "small"
    driver_memory: str = PROFILES["small"]
    fast_start: bool = True
    enforce_iam: bool = False
    cache: Path = Path()
    seconds_per_minute: float = 60.0

    @property
    def endpoint(self) -> str:
        """URL of the emulator."""
        return f"{'https' if self.enforce_iam else 'http'}://{HOST}:{self.port}"

    @property
    def glue_endpoint(self) -> str:
        """URL of the Glue endpoint."""
        return f"http://{HOST}:{self.glue_port}"

    @property
    def sync_seconds(self) -> float:
        """How often the lake and S3 are made the same while a streaming job runs: every five seconds."""
        return self.seconds_per_minute / 12

    @property
    def certificate(self) -> Path:
        """Certificate of the emulator, where it speaks TLS."""
        return self.home / "certificate.pem"

    @property
    def certificate_key(self) -> Path:
        """Key of the certificate."""
        return self.home / "certificate.key"

    @property
    def lake(self) -> Path:
        """Folder with one folder per bucket, which Spark reads and writes."""
        return self.home / "lake"

    @property
    def runs(self) -> Path:
        """Folder with one folder per job run."""
        return self.home / "runs"

    @property
    def logs(self) -> Path:
        """Folder of the two servers' own logs."""
        return self.home / "logs"

    @property
    def database(self) -> Path:
        """SQLite file of job runs and workflow runs."""
        return self.home / "glue.sqlite"


def settings_from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from environment variables, all named ``LOCAL_CLOUD_*``.

    Args:
        environ: the variables; the process's own when not given.

    Raises:
        LocalCloudError: a variable has a value that cannot be used.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("LOCAL_CLOUD_HOME") or default_home()).expanduser().resolve()
    profile = env.get("LOCAL_CLOUD_PROFILE") or "small"
    if profile not in PROFILES:
        raise LocalCloudError(f"LOCAL_CLOUD_PROFILE is {profile!r}; it must be one of {', '.join(PROFILES)}")
    port = _port(env, "LOCAL_CLOUD_PORT", DEFAULT_PORT)
    glue_port = _port(env, "LOCAL_CLOUD_GLUE_PORT", DEFAULT_GLUE_PORT)
    if port == glue_port:
        raise LocalCloudError(f"LOCAL_CLOUD_PORT and LOCAL_CLOUD_GLUE_PORT are both {port}; they must differ")
    return Settings(
        home=home,
        port=port,
        glue_port=glue_port,
        region=env.get("LOCAL_CLOUD_REGION") or DEFAULT_REGION,
        profile=profile,
        driver_memory=env.get("LOCAL_CLOUD_DRIVER_MEMORY") or PROFILES[profile],
        fast_start=_flag(env, "LOCAL_CLOUD_FAST_START", default=True),
        enforce_iam=_flag(env, "LOCAL_CLOUD_ENFORCE_IAM", default=False),
        cache=Path(env.get("LOCAL_CLOUD_CACHE") or home / "cache").expanduser().resolve(),
        seconds_per_minute=_positive(env, "LOCAL_CLOUD_SECONDS_PER_MINUTE", 60.0),
    )


def to_environment(settings: Settings) -> dict[str, str]:
    """Write the settings as environment variables, so that a child process reads the same ones."""
    return {
        "LOCAL_CLOUD_HOME": str(settings.home),
        "LOCAL_CLOUD_PORT": str(settings.port),
        "LOCAL_CLOUD_GLUE_PORT": str(settings.glue_port),
        "LOCAL_CLOUD_REGION": settings.region,
        "LOCAL_CLOUD_PROFILE": settings.profile,
        "LOCAL_CLOUD_DRIVER_MEMORY": settings.driver_memory,
        "LOCAL_CLOUD_FAST_START": "1" if settings.fast_start else "0",
        "LOCAL_CLOUD_ENFORCE_IAM": "1" if settings.enforce_iam else "0",
        "LOCAL_CLOUD_CACHE": str(settings.cache),
        "LOCAL_CLOUD_SECONDS_PER_MINUTE": str(settings.seconds_per_minute),
    }


def default_home() -> Path:
    """The state folder when none is named: ``.local-cloud`` in the repository, else in the current folder."""
    repository = Path(__file__).resolve().parents[2]
    base = repository if (repository / "pyproject.toml").exists() else Path.cwd()
    return base / ".local-cloud"


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise LocalCloudError(f"{name} is {text!r}; it must be a port number from 1 to 65535")
    return int(text)


def _positive(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise LocalCloudError(f"{name} is {text!r}; it must be a number above 0")
    return value


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = (env.get(name) or ("1" if default else "0")).lower()
    if text not in {"0", "1", "true", "false"}:
        raise LocalCloudError(f"{name} is {text!r}; it must be 1 or 0")
    return text in {"1", "true"}
