"""What ECC's answers mean for a document. Pure.

HTTP 200 says nothing: a BAPI reports in RETURN (BAPIRET2), an IDoc in its status record. A message of type E or A is a
business refusal; RW 609 only announces that details follow. Nothing counts before the commit is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.connectors.http import Lost, NotSent
from router.connectors.port import Answer, NoAnswer, Posted, SaidNo, TryLater
from router.connectors.sap_ecc.answers import Fault, NoLogon, Outcome, Reply
from router.errors import VendorRefused

ANNOUNCES = "RW609"
POSTED_STATUS = "53"
FAILED_STATUSES = frozenset({"51", "56", "60", "63", "65", "68"})
"""Final IDoc statuses other than 53; everything else is still under way."""
MAX_MESSAGE = 500
CREDENTIALS = "check user, password, client and authorizations"
"""What to mend when the logon is refused."""
INTERFACE = "compare the mapping file with the function's interface (SE37)"
"""What to mend when ECC does not know a field or parameter."""


def refusal(messages: Iterable[Mapping[str, str]]) -> SaidNo | None:
    """The refusal in RETURN tables, the detail before its announcement; None when there is none."""
    found: SaidNo | None = None
    for row in messages:
        if row.get("TYPE") not in ("E", "A"):
            continue
        code = f"{row.get('ID', '').strip()}{row.get('NUMBER', '').strip()}"[:24] or "BAPI"
        where = row.get("FIELD") or row.get("PARAMETER") or None
        said = SaidNo(code=code, message=row.get("MESSAGE", "")[:MAX_MESSAGE], field=where)
        if code != ANNOUNCES:
            return said
        found = found or said
    return found


def messages_of(reply: Reply) -> list[Mapping[str, str]]:
    """All BAPIRET2 rows of an answer, whatever the interface calls them and whether row or table."""
    rows = [*reply.table("RETURN"), *reply.table("TO_BAPIRET2"), *reply.table("ET_RETURN")]
    single = reply.row("RETURN")
    return [*rows, single] if single else rows


def before_commit(outcome: Outcome) -> Answer | None:
    """What became of a call whose work is not committed yet; None when it may be committed; raises VendorRefused."""
    if isinstance(outcome, NotSent):
        return TryLater(reason=outcome.reason, after_s=outcome.after_s, throttled=outcome.throttled)
    if isinstance(outcome, Lost):
        return NoAnswer(reason=outcome.reason)
    if isinstance(outcome, NoLogon):
        raise VendorRefused(outcome.reason, mend=CREDENTIALS)
    if isinstance(outcome, Fault) and outcome.ours:
        return SaidNo(code="INTERFACE", message=f"{outcome.text}; {INTERFACE}"[:MAX_MESSAGE])
    if isinstance(outcome, Fault):
        return TryLater(reason=f"{outcome.name}: {outcome.text}"[:MAX_MESSAGE])
    return refusal(messages_of(outcome))


def after_commit(outcome: Outcome) -> NoAnswer | None:
    """None when the commit is confirmed; anything less leaves the document in doubt."""
    if not isinstance(outcome, Reply):
        return NoAnswer(reason=f"commit not confirmed: {outcome}"[:MAX_MESSAGE])
    said = refusal(messages_of(outcome))
    return None if said is None else NoAnswer(reason=f"commit failed: {said.message}"[:MAX_MESSAGE])


def of_status(record: Mapping[str, str]) -> Answer | None:
    """What an IDoc's status record says; None while it is under way."""
    status = record["STATUS"]
    if status == POSTED_STATUS:
        vendor_id = record["STAPA2"] if record["STAPA1"] == "BKPFF" else record["STAPA1"]
        return Posted(vendor_id=vendor_id) if vendor_id else NoAnswer(reason="status 53 without a document")
    if status in FAILED_STATUSES:
        code = f"{record['STAMID']}{record['STAMNO']}" or f"IDOC{status}"
        return SaidNo(code=code, message=record["STATXT"], field=record["SEGFLD"] or None)
    return None


def next_wait_s(waited: int) -> float:
    """Seconds before the next look at a status file: 0.5, 1, 2, 4, then 8."""
    return min(0.5 * (1 << min(waited, 10)), 8.0)
