"""Revenue schedules as the ERPs hold them against recognised revenue, to date, by contract line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.canonical.billing import RevenueSchedule
from router.canonical.ledger import JournalEntry
from router.connectors.port import Record
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item
from router.dualrun.crosschecks.hours import STATES
from router.journal.periods import Entered

GONE = ("cancelled", "reversed")


def revenue(
    *,
    entered: Iterable[Entered],
    held: Iterable[Record],
    versions: Mapping[str, int],
    period: str,
    open_entities: frozenset[str],
) -> Check:
    """The check of all that is planned and recognised through a period.

    `entered`: schedules and journal entries of the journal; `held`: those of all ERPs. `versions`: contract →
    how many versions it has. `open_entities`: whose period is not closed, so may still be recognised.
    """
    rows = {(row.document.kind, row.document.document_id): row for row in entered}
    schedules = {name: row for (kind, name), row in rows.items() if isinstance(row.document, RevenueSchedule)}
    planned: dict[str, int] = {}
    earned: dict[str, int] = {}
    entries: dict[str, list[str]] = {}
    waiting: dict[str, tuple[str, str]] = {}
    for row in rows.values():
        entry = row.document
        if isinstance(entry, JournalEntry) and entry.purpose == "revenue" and entry.source_id:
            entries.setdefault(entry.source_id, []).append(entry.document_id)
            if row.state != "posted":
                waiting[entry.source_id] = (row.state, row.why)
        elif isinstance(entry, RevenueSchedule) and row.state != "posted":
            waiting[entry.document_id] = (row.state, row.why)
    for record in held:
        known = rows.get((record.kind, record.external_id))
        if known is None or record.status in GONE or known.authority not in ("", None, record.system):
            continue
        document = known.document
        if isinstance(document, RevenueSchedule):
            planned[document.document_id] = sum(
                int(line["net_minor"]) for line in record.lines if str(line["description"])[:7] <= period
            )
        elif isinstance(document, JournalEntry) and document.source_id in schedules:
            minor = -sum(int(line["net_minor"]) for line in record.lines if line.get("account") == "REVENUE")
            earned[document.source_id] = earned.get(document.source_id, 0) + minor
    groups = []
    for name, row in sorted(schedules.items()):
        plan = row.document
        assert isinstance(plan, RevenueSchedule)
        left, right = planned.get(name, 0), earned.get(name, 0)
        items: tuple[Item, ...] = ()
        if left != right:
            done = any(one.endswith(period.replace("-", "")) for one in entries.get(name, ()))
            cause, code, why = _why(
                plan,
                waiting=waiting.get(name),
                changed=versions.get(plan.contract_id, 1) > 1,
                pending=not done and plan.legal_entity in open_entities,
                held=name in planned,
            )
            items = (Item(document_id=name, left=left, right=right, cause=cause, code=code, why=why),)
        groups.append(
            Group(
                key={
                    "contract_id": plan.contract_id,
                    "line": str(plan.contract_line),
                    "project_id": plan.project_id,
                    "period": period,
                },
                legal_entity=plan.legal_entity,
                currency=plan.currency,
                left=left,
                right=right,
                items=items,
            )
        )
    return Check(
        name="revenue",
        kind="revenue_schedule",
        what="cross_check",
        column="revenue_to_date",
        left_name="planned to date by the schedules in the ERPs",
        right_name="recognised to date in the ERPs",
        period=period,
        groups=tuple(groups),
    )


def _why(
    plan: RevenueSchedule, *, waiting: tuple[str, str] | None, changed: bool, pending: bool, held: bool
) -> tuple[Cause, str, str]:
    if waiting is not None:
        cause, code, words = STATES.get(waiting[0], ("unexplained", waiting[0], waiting[0]))
        return cause, code, words
    if not held:
        return "unexplained", "schedule-missing", "its ERP has no such schedule"
    if pending:
        return "timing", "not-recognised-yet", "the period is open and has no entry of the line yet"
    if plan.method != "straight_line":
        return "timing", "estimate", "the schedule is an estimate; revenue follows what was done"
    if changed:
        return "timing", "terms-changed", "the contract was changed after the schedule was made"
    return "unexplained", "revenue-differs", "the schedule says another amount than was recognised"
