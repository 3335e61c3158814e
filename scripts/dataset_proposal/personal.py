"""Columns that look like data of persons, by what they hold and by their names, and the treatment to suggest.

What values are, the detectors of the pipeline's own gate tell (mail addresses, cards, IBANs, social security numbers
with right check digits); telephone numbers have a form of their own, and names only tell by the column's name.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from dataset_proposal.model import Facts

_SCANNER = Path(__file__).resolve().parents[2] / "src" / "lambda" / "data_trigger" / "text_scan.py"
_HASH, _MASK, _DROP = "hash", "mask", "drop"
# What the scanner finds -> what becomes of it. The end of a card or account number is what people ask for.
_TREATMENTS = {
    "mail address": _HASH,
    "payment card number": _MASK,
    "IBAN": _MASK,
    "US social security number": _HASH,
}
_PHONE = re.compile(r"\+?[(0-9][0-9 ()./-]{5,20}(x\d{1,5})?")
_PHONE_MARK = re.compile(r"^\+|^\(|^00\d")
_MOST = 0.5
_NAMES = (
    (r"e?_?mail(_address)?|email_?\w*", "mail addresses", _HASH),
    (r"(\w+_)?(phone|telephone|mobile|cell_?phone|fax)(_\w+)?", "telephone numbers", _MASK),
    (
        r"(first|last|given|family|middle|maiden|full|birth|contact|person|customer|employee|patient|user)_?name"
        r"|surname|forename|fname|lname|cardholder\w*",
        "names of persons",
        _HASH,
    ),
    (r"dob|birth_?(date|day)|date_of_birth|birthday|born(_on)?", "dates of birth", _DROP),
    (r"ssn|social_security\w*|passport\w*|tax_id|national_id|driver_?licen[cs]e\w*", "numbers of persons", _HASH),
    (r"iban|(credit_)?card_?(no|number)|bank_account\w*", "account or card numbers", _MASK),
    (r"street\w*|(home|postal|mailing|billing|delivery|shipping)_?address|address(_line)?_?\d?", "addresses", _HASH),
    (r"ip(_?addr(ess)?)?|client_ip|remote_addr\w*", "addresses of devices", _HASH),
)


def suggested(facts: Sequence[Facts]) -> dict[str, tuple[str, str]]:
    """Column -> treatment and evidence, for columns that look personal. No value is repeated.

    Args:
        facts: of all columns.
    """
    found = {each.name: hit for each in facts if (hit := _by_values(each) or _by_name(each))}
    # A column "name" beside others of persons is one of persons; alone it may be of a product.
    for each in facts:
        if each.name == "name" and each.type == "string" and found:
            found["name"] = (_HASH, "'name' beside other data of persons")
    return found


def secrets_in(facts: Facts) -> list[str]:
    """What kinds of credentials a column holds; there should be none."""
    scanner = _scanner()
    found = scanner.findings_in("\n".join(facts.texts), False) if facts.type == "string" else []
    return [finding.what for finding in found]


def _by_values(facts: Facts) -> tuple[str, str] | None:
    different = set(facts.texts)
    if not different:
        return None
    scanner = _scanner()
    for finding in scanner.findings_in("\n".join(different), True):
        share = finding.count / len(different)
        if finding.kind == scanner.PERSONAL_DATA and share > _MOST:
            return _TREATMENTS[finding.what], f"{min(share, 1):.0%} of the values looked at are a {finding.what}"
    phones = [text for text in different if _PHONE.fullmatch(text) and 7 <= sum(map(str.isdigit, text)) <= 18]
    marked = [text for text in phones if _PHONE_MARK.search(text)]
    if facts.type == "string" and len(phones) > 0.8 * len(different) and len(marked) > _MOST * len(different):
        return _MASK, f"{len(phones) / len(different):.0%} of the values looked at are written like telephone numbers"
    return None


def _by_name(facts: Facts) -> tuple[str, str] | None:
    for pattern, what, treatment in _NAMES:
        if re.fullmatch(pattern, facts.name) and facts.type in ("string", "long", "date", "timestamp"):
            return treatment, f"named like {what}"
    return None


@lru_cache(maxsize=1)
def _scanner() -> ModuleType:
    """The scanner of the Lambda that looks at new files; its folder is called lambda, which no import can name."""
    spec = importlib.util.spec_from_file_location("data_trigger_text_scan", _SCANNER)
    if spec is None or spec.loader is None:
        raise ImportError(f"{_SCANNER} can't be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
