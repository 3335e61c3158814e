"""Whether AWS still runs and supports a Glue version."""

from __future__ import annotations

from datetime import date

from glue_health_check.models import Finding, Severity
from glue_health_check.versions import GlueVersion, names, policy_source


def support(glue: GlueVersion, today: date) -> list[Finding]:
    """What speaks against a Glue version.

    Args:
        glue: the job's.
        today: the day of the check.
    """
    remedy = f"set GlueVersion to {names()[-2]} or {names()[-1]} ({policy_source()})"
    if glue.end_of_life and today >= glue.end_of_life:
        return [Finding(f"AWS starts no jobs of Glue {glue.name} any more since {glue.end_of_life}", remedy)]
    if glue.end_of_support and today >= glue.end_of_support:
        until = f"; it ends on {glue.end_of_life}" if glue.end_of_life else ""
        message = f"Glue {glue.name} has no support since {glue.end_of_support}{until}"
        return [Finding(message, remedy, Severity.WARNING)]
    if glue.note:
        return [Finding(f"Glue {glue.name} is old. {glue.note}", remedy, Severity.WARNING)]
    return []
