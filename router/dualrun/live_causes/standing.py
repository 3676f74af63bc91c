"""Why a document is missing, doubled, or stands otherwise: deliveries, settlements, conflicts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from router.canonical.money import Money
from router.dualrun.breaks import BreakClass, Explanation
from router.dualrun.live_causes.amounts import Amounts, unexplained
from router.dualrun.live_causes.facts import LiveFacts
from router.dualrun.results import Difference
from router.model import State

REFUSED = (State.REFUSED.value, State.DEAD.value, State.PARKED.value)
ON_ITS_WAY = (State.QUEUED.value, State.IN_FLIGHT.value, State.HELD.value)
DELIVERED_AS: Mapping[str, str] = {"invoice": "billing_event"}
"""What is delivered so that the ERP makes a document of the kind."""


def missing(kind: str, key: str, difference: Difference, facts: LiveFacts) -> Explanation:
    """The shadow delivery says why the cloud does not hold it; nothing says why the legacy does not."""
    state, why = facts.shadow.get((kind, key)) or facts.shadow.get(
        (DELIVERED_AS.get(kind, kind), key), ("", "")
    )
    if difference.what == "missing_in_cloud":
        if state == State.IN_DOUBT.value:
            return Explanation(
                cause="in_doubt",
                code="in-doubt",
                evidence=f"nobody knows yet whether the cloud ERP took it: {why}",
            )
        if state in REFUSED and "approv" in why.casefold():
            return Explanation(
                cause="missing_approval",
                code="missing-approval",
                evidence=f"the cloud ERP did not take it: {why}",
            )
        if state in REFUSED:
            return Explanation(
                cause="refused", code="refused", evidence=f"the cloud ERP did not take it: {why}"
            )
        if state in ON_ITS_WAY:
            return Explanation(
                cause="timing", code="in-flight", evidence=f"its delivery to the cloud ERP is {state}"
            )
        return unexplained("no shadow delivery explains it")
    return unexplained("no delivery to the legacy ERP explains it")


def doubled(kind: str, key: str, difference: Difference) -> Explanation:
    """Two documents of one ERP carry one id of ours."""
    side = difference.what.removeprefix("duplicate_in_")
    count = difference.legacy if side == "legacy" else difference.cloud
    return Explanation(
        cause="duplicate_posting",
        code="duplicate-posting",
        evidence=f"{kind} {key} stands {count or 'several'} times in the {side} ERP under one id of ours",
    )


def status(kind: str, key: str, difference: Difference, facts: LiveFacts, amounts: Amounts) -> Explanation:
    """Paid in one ERP and open in the other: what settles it stands in one ERP only, or meets totals that differ."""
    pair = facts.pair(kind, key)
    if kind != "invoice" or pair is None or {difference.legacy, difference.cloud} != {"paid", "posted"}:
        return unexplained("")
    settling = facts.settling.get(key, ()) + facts.settling.get(f"INV-{key}", ())
    rests: list[str] = []
    for record, erp in zip(pair, (facts.legacy, facts.cloud), strict=True):
        taken = [one for one in settling if one in erp.records]
        rest = (record.total_minor or 0) - sum(erp.records[one].total_minor or 0 for one in taken)
        of = f"{_money(rest, record.currency)} open of {_money(record.total_minor or 0, record.currency)}"
        if not settling or (record.status == "paid") != (rest <= 0):
            return unexplained(
                f"payments and credits leave {of} in {record.system}, which calls it {record.status}"
            )
        rests.append(f"{of} in {record.system}")
    evidence = f"{', '.join(name for _, name in settling)} leave {' and '.join(rests)}"
    for one in settling:
        there = [erp.records.get(one) is not None for erp in (facts.legacy, facts.cloud)]
        if there[0] != there[1]:
            what: BreakClass = "missing_in_cloud" if there[0] else "missing_in_legacy"
            why = missing(*one, Difference(what=what), facts)
            return replace(why, evidence=f"{evidence}; {one[1]} stands in one only: {why.evidence}")
    old, new = pair
    delta = (new.total_minor or 0) - (old.total_minor or 0)
    why = amounts.invoice(key, "total", delta) if delta else unexplained("the totals agree")
    return Explanation(cause=why.cause, code=why.code, evidence=f"{evidence}; the totals: {why.evidence}")


def conflict(kind: str, key: str, difference: Difference, facts: LiveFacts) -> Explanation | None:
    """A recorded conflict of ownership over these two values; None when there is none."""
    column, values = difference.column, {difference.legacy or "", difference.cloud or ""}
    for row in facts.journal.conflicts.get((kind, key), ()):
        said = {str(row.get("kept") or ""), str(row.get("offered") or "")}
        # A conflict of last year over other values says nothing of why they differ today.
        if row.get("attribute") in (column, column.removesuffix("_id")) and said == values:
            return Explanation(
                cause="ownership",
                code="ownership-conflict",
                evidence=f"{row.get('sender')} offered {row.get('offered')!r} for {column}, which {row.get('owner')} owns;"
                f" {row.get('kept')!r} was kept",
            )
    return None


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency))
