"""The arguments of a job run: how Glue merges them, and what it reads from them itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

_BUCKET = re.compile(r"s3[an]?://([^/\s,]+)")
_CONF_SEPARATOR = re.compile(r"\s+--conf\s+")


def merged_arguments(job: Mapping[str, object], run_arguments: Mapping[str, str]) -> dict[str, str]:
    """A job's default arguments, overlaid by the run's, overlaid by those that no run may change.

    Args:
        job: the definition of the job.
        run_arguments: what the run was started with.
    """
    return {
        **_strings(job.get("DefaultArguments")),
        **run_arguments,
        **_strings(job.get("NonOverridableArguments")),
    }


def command_line(arguments: Mapping[str, str]) -> list[str]:
    """The arguments as a job sees them in ``sys.argv``. A flag with an empty value stands alone."""
    words: list[str] = []
    for name, value in arguments.items():
        words.append(name)
        if value != "":
            words.append(value)
    return words


def spark_settings(conf: str) -> dict[str, str]:
    """Split the value of ``--conf``, which on Glue holds several settings as ``a=b --conf c=d``.

    Raises:
        ValueError: a part of it is not ``name=value``.
    """
    settings = {}
    for part in _CONF_SEPARATOR.split(conf.strip()):
        name, equals, value = part.removeprefix("--conf").strip().partition("=")
        if not part.strip():
            continue
        if not equals or not name.strip():
            raise ValueError(f"--conf has the part {part!r}; each must be name=value, joined by ' --conf '")
        settings[name.strip()] = value.strip()
    return settings


def listed(value: str) -> list[str]:
    """The items of a comma separated argument."""
    return [item.strip() for item in value.split(",") if item.strip()]


def buckets_in(value: str) -> list[str]:
    """The buckets named by the ``s3://`` addresses in an argument."""
    return _BUCKET.findall(value)


def _strings(value: object) -> dict[str, str]:
    return dict(value) if isinstance(value, Mapping) else {}
