"""Approved billable minutes of the PSA against billable minutes of the ERPs, by project and period. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from router.canonical.work import TimeEntry
from router.connectors.port import Observed, Record
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item
from router.journal.periods import Entered

PeriodName = Callable[[str, date], str]
"""(legal entity, day) → the period of its books."""
STATES: Mapping[str, tuple[Cause, str, str]] = {
    "queued": ("timing", "in-flight", "on its way to its ERP"),
    "in_flight": ("timing", "in-flight", "on its way to its ERP"),
    "held": ("timing", "held", "held until its entity has an ERP again"),
    "in_doubt": ("in_doubt", "in-doubt", "nobody knows yet whether its ERP has it"),
    "parked": ("refused", "parked", "waits for somebody to mend it"),
    "refused": ("refused", "refused", "refused by its ERP"),
    "dead": ("refused", "dead", "given up after too many tries"),
}


@dataclass(slots=True)
class _Work:
    """One entry of the PSA with all that was derived from it, in one project and period."""

    entity: str = ""
    left: int = 0
    right: int = 0
    uncovered: int = 0
    """Minutes the ERPs hold as not billable: over a cap, or covered otherwise."""
    shadow: int | None = None
    states: list[tuple[str, str]] = field(default_factory=list)
    late: bool = False


def root(document_id: str) -> str:
    """The id of the entry another was derived from: `TE-1` of `TE-1.r1`."""
    return document_id.partition(".")[0]


def hours(
    *,
    approved: Iterable[Observed],
    entered: Iterable[Entered],
    held: Iterable[Record],
    parked: Iterable[tuple[str, str]] = (),
    entity_of: Mapping[str, str],
    period_of: PeriodName,
    period: str,
    read_after: str,
) -> Check:
    """The check of a period.

    `held`: time entries of all ERPs. `parked`: (document id, why) of what was parked without a document.
    `entity_of`: project → legal entity. `read_after`: what the PSA approved since may not have been read yet.
    """
    work: dict[tuple[str, str], _Work] = {}
    rows = {row.document.document_id: row for row in entered if isinstance(row.document, TimeEntry)}

    def place(document_id: str, project: str, entity: str, on: date) -> _Work | None:
        if period_of(entity, on) != period:
            return None
        found = work.setdefault((project, root(document_id)), _Work())
        found.entity = entity
        return found

    unbilled = {root(name) for name, row in rows.items() if not _billable(row.document)}
    counted = set()
    for one in approved:
        data = one.data
        project, name = str(data.get("project_id") or ""), str(data["document_id"])
        day, minutes = data.get("work_date"), data.get("minutes")
        if data.get("billable") is not True or not isinstance(minutes, int) or not isinstance(day, str):
            continue
        counted.add(name)
        found = place(name, project, entity_of.get(project, ""), date.fromisoformat(day))
        if found is not None:
            found.left += minutes
            found.late = one.occurred_at >= read_after
    for name, row in rows.items():
        entry = row.document
        assert isinstance(entry, TimeEntry)
        if not entry.billable and root(name) not in counted:
            continue
        found = place(name, entry.project_id, entry.legal_entity, entry.work_date)
        if found is not None and row.state != "posted":
            found.states.append((row.state, row.why))
    for record in held:
        _hold(record, rows, counted, place)
    why = dict(parked)
    groups: dict[str, list[tuple[str, _Work]]] = {}
    for (project, name), each in sorted(work.items()):
        if name in why:
            each.states.append(("parked", why[name]))
        groups.setdefault(project, []).append((name, each))
    return Check(
        name="hours",
        kind="time_entry",
        what="cross_check",
        column="billable_minutes",
        left_name="approved billable minutes in the PSA",
        right_name="billable minutes in the ERPs",
        period=period,
        groups=tuple(_group(project, period, found) for project, found in groups.items()),
        facts={"entries": len(work), "with_unbillable_parts": len(unbilled & counted)},
    )


def _billable(document: object) -> bool:
    return isinstance(document, TimeEntry) and document.billable


def _hold(
    record: Record,
    rows: Mapping[str, Entered],
    counted: set[str],
    place: Callable[[str, str, str, date], _Work | None],
) -> None:
    """Count what an ERP holds, once: where its authority is, or as what the shadow has."""
    if record.status in ("cancelled", "reversed"):
        return
    name, minutes = record.external_id, record.minutes or 0
    row = rows.get(name)
    if row is None:
        if root(name) not in counted:
            return  # not of the PSA, or of another period
        found = place(
            name, record.project_id, record.legal_entity, date.fromisoformat(record.accounting_date)
        )
        if found is not None:
            found.right += minutes
        return
    entry = row.document
    assert isinstance(entry, TimeEntry)
    if not entry.billable and root(name) not in counted:
        return
    found = place(name, entry.project_id, entry.legal_entity, entry.work_date)
    if found is None:
        return
    if row.authority not in ("", None, record.system):
        found.shadow = (found.shadow or 0) + (minutes if entry.billable else 0)
    elif entry.billable:
        found.right += minutes
    else:
        found.uncovered += minutes


def _group(project: str, period: str, found: list[tuple[str, _Work]]) -> Group:
    shadows = [one.shadow for _, one in found if one.shadow is not None]
    return Group(
        key={"project_id": project, "period": period},
        legal_entity=found[0][1].entity,
        left=sum(one.left for _, one in found),
        right=sum(one.right for _, one in found),
        shadow=sum(shadows) if shadows else None,
        items=tuple(_item(name, one) for name, one in found if one.left != one.right),
    )


def _item(name: str, one: _Work) -> Item:
    cause, code, why = _why(one)
    return Item(document_id=name, left=one.left, right=one.right, cause=cause, code=code, why=why)


def _why(one: _Work) -> tuple[Cause, str, str]:
    if one.states:
        state, said = one.states[0]
        cause, code, words = STATES.get(state, ("unexplained", state, state))
        return cause, code, f"{words} ({said})" if said else words
    if one.uncovered and one.left == one.right + one.uncovered:
        return "split", "over-cap", f"{one.uncovered} minutes are held as not billable, as the contract says"
    if one.late:
        return "timing", "after-cut-off", "approved after the last look at the PSA"
    if not one.left:
        return "unexplained", "not-approved", "billable in an ERP, not approved in the PSA"
    if not one.right:
        return "unexplained", "missing-in-erp", "approved in the PSA, in no ERP"
    return "unexplained", "minutes-differ", "the PSA and the ERP have other minutes"
