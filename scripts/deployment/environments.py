"""The environments that commands take by name: one folder of terraform/environments each."""

from __future__ import annotations

from enum import Enum


class Environment(str, Enum):
    """An environment, by the name of its folder."""

    LOCAL = "local"
    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"
