"""Looks for secrets and personal data in text. What is found is named and counted, and never repeated.

Secrets are found by the patterns of detect-secrets that recognise a credential by its form. Its measures of entropy
and its keywords are left out: in data they find every hash, token and code. Numbers of persons count only with right
check digits (python-stdnum), and only where most of the numbers of their form have them, so that a column of ids is
no list of cards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from stdnum import iban, luhn
from stdnum.us import ssn

SECRET, PERSONAL_DATA = "secret", "personal_data"
# Fewer different ones are a contact in a note, not a list of people.
LEAST_PERSONS = 3
_PLUGINS = {
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",  # a class, not a password # nosec B105
    "gitlab_token": "GitLabTokenDetector",  # a class, not a password # nosec B105
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",  # a class, not a password # nosec B105
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "twilio": "TwilioKeyDetector",
}
_MAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_ISSUER = r"(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6(?:011|5\d{2})|3[47]\d{2})"
_CARD = re.compile(rf"(?<![\w.-]){_ISSUER}(?:[ -]?\d{{4}}){{2}}[ -]?\d{{3,4}}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)")
_SSN = re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")


@dataclass(frozen=True)
class Finding:
    """Something that was found.

    Attributes:
        kind: SECRET or PERSONAL_DATA.
        what: its name, e.g. "AWS Access Key".
        count: how many different ones.
    """

    kind: str
    what: str
    count: int

    def __str__(self) -> str:
        return f"{self.what} ({self.count})"


def findings_in(text: str, personal: bool) -> list[Finding]:
    """What a text holds.

    Args:
        text: of a file.
        personal: look for personal data, too.
    """
    return [*_secrets(text), *(_personal_data(text) if personal else ())]


def _secrets(text: str) -> Iterator[Finding]:
    for detector in _detectors():
        found = {match if isinstance(match, str) else str(match) for match in detector.analyze_string(text)}
        if found:
            yield Finding(SECRET, detector.secret_type, len(found))


def _personal_data(text: str) -> Iterator[Finding]:
    checks: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
        ("mail address", _MAIL, lambda _: True),
        ("payment card number", _CARD, luhn.is_valid),
        ("IBAN", _IBAN, iban.is_valid),
        ("US social security number", _SSN, ssn.is_valid),
    )
    for what, pattern, is_valid in checks:
        candidates = {match[0] for match in pattern.finditer(text)}
        valid = sum(is_valid(re.sub("[ -]", "", one)) for one in candidates)
        if valid >= LEAST_PERSONS and valid * 2 > len(candidates):
            yield Finding(PERSONAL_DATA, what, valid)


@lru_cache(maxsize=1)
def _detectors() -> list[Any]:
    """The detectors, imported when the first file is scanned."""
    return [getattr(import_module(f"detect_secrets.plugins.{module}"), name)() for module, name in _PLUGINS.items()]
