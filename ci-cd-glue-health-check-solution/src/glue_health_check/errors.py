"""What can go wrong beside a failed check; each error knows its exit code."""

from __future__ import annotations

PASSED, FAILED, MISUSE, INFRASTRUCTURE = 0, 1, 2, 3


class HealthCheckError(Exception):
    """Something that ends a health check; its message says what, where, and what would be right."""

    exit_code = INFRASTRUCTURE


class MisuseError(HealthCheckError):
    """Wrong options, or a file that can't be used. Nothing was started."""

    exit_code = MISUSE


class InfrastructureError(HealthCheckError):
    """AWS refused or failed, or something could not be removed."""


class CancelledError(BaseException):
    """The process was told to end. No Exception, so that nothing on the way takes it for a failed check."""

    exit_code = INFRASTRUCTURE
