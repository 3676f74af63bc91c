"""Which ECC key a canonical id becomes. Pure, and the one place that says so.

- Every document's external id goes in full into the customer field ZZEXTID (70) or, for people, PA0105-USRID_LONG,
  and into ARCKEY (70) of an IDoc; look-ups and read-back ask for that. Longer than 70 (no source system has
  that): the first 53 characters, `~` and a 16-character digest.
- REF_DOC_NO (16) is for people who search in FI: the external id when it fits, else a digest of it, 16
  base32 characters of SHA-256 (80 bits). Nothing looks documents up by it.
- A project is its own key in ECC: PSPID (24, capitals) is the id when it fits, else `P-` and 16 characters of
  digest, so creating a project twice is refused by ECC itself.
- A task is a WBS element of its project; its key (24) is `T-` and 16 characters of digest, for the same reason.
"""

from __future__ import annotations

import base64
import hashlib

EXTERNAL_WIDTH = 70
REFERENCE_WIDTH = 16
PROJECT_WIDTH = 24


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


def task_key(external_id: str) -> str:
    """POSID of a task's WBS element."""
    return f"T-{digest16(external_id)}"
