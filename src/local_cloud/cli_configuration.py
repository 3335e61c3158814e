"""The AWS CLI's configuration file of a local cloud."""

from __future__ import annotations

from pathlib import Path

from local_cloud.settings import Settings

_PLUGIN = "local_cloud.aws_logs_tail"


def write_cli_configuration(settings: Settings) -> Path:
    """Write the file, which adds ``aws logs tail`` to version 1 of the CLI. Returns its path."""
    path = settings.home / "aws-config"
    text = f"[default]\nregion = {settings.region}\n\n[plugins]\nlogs_tail = {_PLUGIN}\n"
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return path
