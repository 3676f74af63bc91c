"""Which ECC key a canonical id becomes. Pure, and the one place that says so.

- Every document's external id goes in full into the customer field ZZEXTID (70) or, for people, PA0105-USRID_LONG,
  and into ARCKEY (70) of an IDoc; look-ups and read-back ask for that. Longer than 70 (no source system has
  that): the first 53 characters, `~` and a 16-character digest.
- REF_DOC_NO (16) is for people who search in FI: the external id when it fits, else a digest of it, 16
  base32 characters of SHA-256 (80 bits). Nothing looks documents up by it.
- A project is its own key in ECC: PSPID (24, capitals) is the id when it fits, else `P-` and 16 characters of
  digest, so creating a project twice is refused by ECC itself.
- Company and tax codes are explicit maps (`options.company_codes`, `options.tax_codes`: `US01=1010 UK01=2010`). Default: the
  legal entity's code as it is, and A0, A1, … for the landscape's tax codes in their order.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.errors import BadConfig

EXTERNAL_WIDTH = 70
REFERENCE_WIDTH = 16
PROJECT_WIDTH = 24
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def digest16(text: str) -> str:
    """16 base32 characters (A-Z, 2-7) of the SHA-256 of a text."""
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:10]).decode("ascii")


def external_key(external_id: str) -> str:
    """What ZZEXTID and ARCKEY hold."""
    if len(external_id) <= EXTERNAL_WIDTH and external_id.isascii() and external_id.isprintable():
        return external_id
    kept = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in external_id)
    return f"{kept[:53]}~{digest16(external_id)}"


def reference(external_id: str) -> str:
    """What REF_DOC_NO holds."""
    return external_id if len(external_id) <= REFERENCE_WIDTH else digest16(external_id)


def project_key(external_id: str) -> str:
    """PSPID of a project."""
    if len(external_id) <= PROJECT_WIDTH and external_id == external_id.upper():
        return external_id
    return f"P-{digest16(external_id)}"


@dataclass(frozen=True, slots=True)
class Codes:
    """Explicit maps between the landscape's codes and ECC's."""

    company_of: Mapping[str, str]
    """Legal entity to BUKRS (4)."""
    entity_of: Mapping[str, str]
    tax_of: Mapping[str, str]
    """Tax code to MWSKZ (2)."""
    tax_code_of: Mapping[str, str]


def codes(*, entities: Sequence[str], tax_codes: Sequence[str], options: Mapping[str, str]) -> Codes:
    """The maps of a system; raises BadConfig for an option that can't be read."""
    companies = {code: code for code in entities} | _pairs(options, "company_codes")
    taxes = {code: f"{chr(ord('A') + n // 36)}{_DIGITS[n % 36]}" for n, code in enumerate(tax_codes)}
    taxes |= _pairs(options, "tax_codes")
    return Codes(companies, _reversed(companies), taxes, _reversed(taxes))


def _reversed(pairs: Mapping[str, str]) -> dict[str, str]:
    return {value: name for name, value in pairs.items()}


def _pairs(options: Mapping[str, str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, re.split(r"[\s,]+", options.get(option, ""))):
        name, _, value = part.partition("=")
        if not value:
            raise BadConfig(
                f"options.{option}: {part[:40]!r} is not written CODE=VALUE",
                file="landscape",
                mend=f'write {option}: "US01=1010 UK01=2010"',
            )
        found[name] = value
    return found
