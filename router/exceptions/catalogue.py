"""The catalogue: every type of exception by its code, and which type a fact is. Pure.

Decision: the type is worked out when it is asked for, from the code a refusal came with and, where a
vendor says everything with one code (NetSuite's USER_ERROR), from its words. Price: a reworded message
of a vendor falls back to `erp-refused`, whose guidance shows those words. `tests/unit/test_exception_types.py`
walks the code for codes without an entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from router.exceptions.guidance import ExceptionType
from router.exceptions.parked import PARKED
from router.exceptions.undelivered import FOUND, REFUSED, UNDELIVERED

CATALOGUE: Mapping[str, ExceptionType] = {one.code: one for one in (*PARKED, *REFUSED, *UNDELIVERED, *FOUND)}
Family = tuple[str, frozenset[str], re.Pattern[str] | None]


def _family(code: str, codes: str, words: str = "") -> Family:
    return code, frozenset(codes.split()), re.compile(words, re.IGNORECASE) if words else None


FAMILIES: tuple[Family, ...] = (
    _family("prerequisite-missing", "prerequisite-missing"),
    _family(
        "kind-not-supported",
        "kind-not-supported UNSUPPORTED NOT_SUPPORTED E0332",
        r"\btakes no \w+ (to|of)\b|message type .* is not supported",
    ),
    _family("erp-unmapped", "unmapped UNMAPPED", r"\(version \d+\) (has no|does not map)"),
    _family(
        "erp-period-closed",
        "PERIOD_CLOSED F5201 CLOSED_TRAN_PRD",
        r"(accounting|posting) period|period \S+ of \S+ is (closed|locked)",
    ),
    _family(
        "erp-company-unknown",
        "NO_COMPANY UNKNOWN_SUBSIDIARY UNKNOWN_ENTITY",
        r"there is no company|field subsidiary|company code \S+ (is not|does not)",
    ),
    _family("erp-tax", "NO_TAX_CODE UNKNOWN_TAX_CODE FF805", r"tax ?code"),
    _family(
        "erp-currency",
        "CURRENCY VK034 INVALID_CURRENCY",
        r"currency is \S+, not|currency \S+ is not defined|(order|project) is (billed )?in \S+"
        r"|there is no \w+ rate from",
    ),
    _family("erp-nothing-to-bill", "NOTHING_TO_BILL VF016", r"no unbilled work|no billing documents"),
    _family(
        "erp-duplicate",
        "DUPLICATE TWICE DUP_RCRD DUP_ENTITY F2042 CJ027",
        r"already exists|exists already|in use already|twice in one batch",
    ),
    _family(
        "erp-too-long", "TOO_LONG TOO_LARGE", r"has more than \d+ characters|does not fit \d+ characters"
    ),
    _family(
        "erp-amount",
        "AMOUNT RW022 RW033 F5702 F5302",
        r"\b(payment|credit|write.?off) \S+ of \S+ (open|creditable)|balance in transaction currency"
        r"|its lines make|needs a line|not an open item|is not valid in currency|debits and credits",
    ),
    _family(
        "erp-status",
        "STATUS V1382 ZC001",
        r"is billed|has payments or credits|is cancelled|is paid|contract \S+ is not active|is at version|dependent records"
        r"|can't be (changed|transformed)",
    ),
    _family(
        "erp-inactive",
        "INACTIVE CJ031 INACTIVE_RCRD",
        r"is (inactive|closed|locked|on hold)\b|locked against postings",
    ),
    _family(
        "erp-reference-unknown",
        "NONEXISTENT_ID NOT_FOUND NOT_OURS NO_REFERENCE BAD_REFERENCE UNKNOWN_TEMPLATE UNKNOWN_CUSTOMER"
        " UNKNOWN_CONTRACT UNKNOWN_PROJECT UNKNOWN_INVOICE F5104 F2153 V1045 VF405 CJ021 00058"
        " RCRD_DSNT_EXIST INVALID_KEY_OR_REF",
        r"invalid reference key|does not (exist|belong)|there is no |is not defined in",
    ),
    _family(
        "erp-value-invalid",
        "B1501 E0072 VF050 INVALID_CONTENT INVALID_FIELD_VALUE INVALID_PARAMETER invalid required",
        r"is not valid|syntax error|\binvalid \w+|please enter|must (not )?(be|equal)|is expected|unknown field"
        r"|must enter|(has|keeps) one |to one invoice|takes effect before|by hours|a debit or a credit",
    ),
    _family("erp-interface", "INTERFACE CJ085", r"has not been called in this session"),
    _family("attempts-exhausted", "00300", r"update was terminated"),
)
"""First the exact codes of all families, then the words of each in this order."""
DEAD: Mapping[str, str] = {
    "exhausted": "attempts-exhausted",
    "in-doubt": "outcome-unknown",
    "follow-up": "follow-up-failed",
}
Role = Literal["authority", "shadow", "feedback"]


def type_of_parked(problem_code: str, *, canonical: bool) -> str:
    """The type of a parked transaction; one with a document was parked because no rule covers it."""
    if canonical:
        return "unroutable"
    return problem_code if problem_code in CATALOGUE else "unreadable"


def type_of_job(state: str, code: str, why: str, *, role: str, operation: str) -> str:
    """The type of a delivery that was refused or given up."""
    if role == "shadow":
        return "shadow-refused" if state == "refused" else "shadow-undelivered"
    if role == "feedback":
        if state != "refused":
            return "feedback-undelivered"
        return "project-setup-refused" if operation == "create" else "feedback-refused"
    if state == "dead":
        return DEAD.get(code, "attempts-exhausted")
    return type_of_refusal(code, why)


def type_of_refusal(code: str, why: str) -> str:
    """The family of an ERP's refusal: by its code, else by its words."""
    for name, codes, _ in FAMILIES:
        if code in codes:
            return _narrowed(name, why)
    return _by_words(why) or "erp-refused"


def _narrowed(name: str, why: str) -> str:
    # A code that says no more than "bad value" is told apart by its words.
    return (_by_words(why) or name) if name == "erp-value-invalid" else name


def _by_words(why: str) -> str | None:
    for name, _, words in FAMILIES:
        if words is not None and words.search(why):
            return name
    return None


def type_of_break(klass: str) -> str:
    """The type of a stored difference."""
    return "intercompany-mismatch" if "intercompany" in klass else "dual-run-break"
