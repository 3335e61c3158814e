"""Secrets in a script, found by detect-secrets."""

from __future__ import annotations

import tempfile
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

from glue_health_check.models import Finding, Severity
from glue_health_check.static.source import Source


def secrets(source: Source) -> list[Finding]:
    """What in a script looks like a secret. The secrets themselves are not repeated."""
    found = SecretsCollection()
    # The scanner reads files, and by their suffix decides how.
    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder) / "script.py"
        path.write_text(source.text, encoding="utf-8")
        found.scan_file(str(path))
    remedy = (
        "read it from AWS Secrets Manager at run time, and change it: it is in the history. If it is none, "
        "end the line with  # pragma: allowlist secret"
    )
    lines: dict[int, list[str]] = {}
    for secret in sorted((secret for _, secret in found), key=lambda secret: (secret.line_number, secret.type)):
        lines.setdefault(secret.line_number, []).append(secret.type)
    return [
        Finding(f"holds what looks like a secret ({', '.join(kinds)})", remedy, Severity.ERROR, source.file, line)
        for line, kinds in lines.items()
    ]
