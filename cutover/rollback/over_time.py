"""What going back would have cost at every hour of a run, from its journal. Pure.

An estimate: what a payment belongs to, and whether a period had closed, is only looked at when a price is asked
for (`cutover.rollback.price`); here what has a copy counts as armed, but for invoices whose copy in the old ERP is
another amount, and for what stayed when it came to a rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cutover.checks.facts import Facts, transaction_of
from cutover.rollback.asking import TOGETHER
from router.canonical.money import Money
from router.clock import from_text, to_text

BUCKET_MINUTES = 60
SHOWN = ("armed", "re_enter", "stays")
NEW = ("live", "cloud")
Convert = Callable[[Money], Money | None]
"""An amount in the group's currency; None when no rate is known."""


class _Span(NamedTuple):
    """A time in which going back would have done this with a document."""

    way: str
    begins: str
    ends: str
    """Exclusive; empty: to the end of the run."""
    currency: str
    amount_minor: int


def over_time(
    facts: Facts, *, run_id: str, old: str, new: str, end: datetime, convert: Convert, group: str | None
) -> dict[str, Any] | None:
    """Count and money in the group's currency by way, at the end of every hour since the first switch.

    None where nothing was switched.
    """
    switches = [
        {"at": row.at, "step": row.step, "wave": row.data["wave"], "stage": row.data["stage"]}
        for row in facts.steps
        if row.run_id == run_id and row.event == "stage" and row.data["stage"] in NEW
    ]
    if not switches:
        return None
    first = from_text(str(switches[0]["at"]))
    begin = first.replace(minute=0, second=0, microsecond=0)
    hours = max(1, -(-int((end - begin).total_seconds()) // (BUCKET_MINUTES * 60)))
    instants = [begin + timedelta(minutes=BUCKET_MINUTES * (at + 1)) for at in range(hours)]
    counts = {way: [0] * (hours + 1) for way in SHOWN}
    money: dict[tuple[str, str], list[int]] = {}
    for span in _spans(facts, old, new):
        since, until = (
            _hour(span.begins, begin, hours),
            _hour(span.ends, begin, hours) if span.ends else hours,
        )
        if since >= until:
            continue
        counts[span.way][since] += 1
        counts[span.way][until] -= 1
        if span.currency and span.amount_minor:
            moved = money.setdefault((span.way, span.currency), [0] * (hours + 1))
            moved[since] += span.amount_minor
            moved[until] -= span.amount_minor
    return {
        "bucket_minutes": BUCKET_MINUTES,
        "group_currency": group,
        "switches": switches,
        "rows": _rows(instants, counts, money, convert, group),
        "without_rate": sorted(
            {currency for _, currency in money if group is None or convert(Money(1, currency)) is None}
        ),
    }


def _hour(at: str, begin: datetime, hours: int) -> int:
    """The first end of an hour at which something that happened then is so."""
    passed = (from_text(at) - begin).total_seconds()
    return min(max(-(-int(passed) // (BUCKET_MINUTES * 60)) - 1, 0), hours)


def _spans(facts: Facts, old: str, new: str) -> Iterator[_Span]:
    copied: dict[int, str] = {}
    for job in facts.jobs:
        if job.target == old and job.role != "feedback" and job.state == "posted" and job.settled_at:
            seq = transaction_of(job.job_id)
            copied[seq] = min(job.settled_at, copied.get(seq, job.settled_at))
    decided: dict[int, list[tuple[str, str | None]]] = {}
    for row in facts.decisions:
        if not row.hold:
            decided.setdefault(row.seq, []).append((row.at, row.authority))
    event_of = {
        f"INV-{row.document_id}": row.seq for row in facts.transactions if row.kind == "billing_event"
    }
    differ, gone_back = _differing(facts, old, new), _gone_back(facts)
    for one in facts.transactions:
        # An invoice the new ERP made has no decision of its own: it is where the request for it is.
        owner = one.seq if one.deliver else event_of.get(one.document_id or "")
        if owner is None:
            continue
        history = decided.get(owner, [])
        for at, (since, authority) in enumerate(history):
            if authority != new:
                continue
            begins = max(since, one.accepted_at)
            ends = history[at + 1][0] if at + 1 < len(history) else ""
            stayed = not ends and gone_back.get(one.legal_entity, "") > begins
            if stayed or (one.document_id or "").removeprefix("INV-") in differ:
                yield _Span("stays", begins, ends, one.currency, one.amount_minor)
                continue
            yield from _halves(one.kind, begins, ends, copied.get(owner), one.currency, one.amount_minor)


def _differing(facts: Facts, old: str, new: str) -> frozenset[str]:
    """Invoices, by the request for them, that stand in both ERPs with other totals."""
    totals: dict[str, dict[str, tuple[str, int | None]]] = {old: {}, new: {}}
    for row in facts.erp_documents or ():
        if row.kind == "invoice" and row.system in totals and row.status != "cancelled":
            totals[row.system][row.external_id.removeprefix("INV-")] = (row.currency, row.total_minor)
    ours, theirs = totals[old], totals[new]
    return frozenset(name for name, total in ours.items() if name in theirs and theirs[name] != total)


def _gone_back(facts: Facts) -> dict[str, str]:
    """By entity when it was rolled back last: what is in the new ERP after that, stayed."""
    found: dict[str, str] = {}
    for row in facts.steps:
        if row.event == "rolled_back" and row.data.get("ok"):
            found.update((str(entity), row.at) for entity in row.data["entities"])
    return found


def _halves(
    kind: str, begins: str, ends: str, copied: str | None, currency: str, minor: int
) -> Iterator[_Span]:
    """Before its copy stood in the old ERP, and after."""
    before = "stays" if kind in TOGETHER else "re_enter"
    if copied is None or (ends and copied >= ends):
        yield _Span(before, begins, ends, currency, minor)
        return
    if copied > begins:
        yield _Span(before, begins, copied, currency, minor)
    yield _Span("armed", max(begins, copied), ends, currency, minor)


def _rows(
    instants: Sequence[datetime],
    counts: Mapping[str, Sequence[int]],
    money: Mapping[tuple[str, str], Sequence[int]],
    convert: Convert,
    group: str | None,
) -> list[dict[str, Any]]:
    level = dict.fromkeys(SHOWN, 0)
    sums = dict.fromkeys(money, 0)
    rows: list[dict[str, Any]] = []
    for at, instant in enumerate(instants):
        row: dict[str, Any] = {"at": to_text(instant)}
        for way in SHOWN:
            level[way] += counts[way][at]
            row[way] = level[way]
        for key, moved in money.items():
            sums[key] += moved[at]
        for way in SHOWN:
            row[f"{way}_money"] = _in_group(way, sums, convert, group)
        rows.append(row)
    return rows


def _in_group(
    way: str, sums: Mapping[tuple[str, str], int], convert: Convert, group: str | None
) -> str | None:
    if group is None:
        return None
    total = 0
    for (one, currency), minor in sorted(sums.items()):
        found = convert(Money(minor, currency)) if one == way else None
        total += found.minor if found is not None else 0
    return str(Money(total, group))
