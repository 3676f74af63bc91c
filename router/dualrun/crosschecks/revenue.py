"""Revenue schedules as the ERPs hold them against recognised revenue, to date, by contract line. Pure.

A line's difference is taken apart along the way from plan to books: what the schedule plans, what the line has
earned by its own figures as agreed now, what of that is due, what was sent, what the ERPs hold. Each step that
does not agree is a part of its own, and says why or is unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from router.canonical.billing import RevenueSchedule
from router.canonical.ledger import JournalEntry
from router.connectors.port import Record
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item
from router.dualrun.crosschecks.hours import STATES
from router.journal.periods import Entered

GONE = ("cancelled", "reversed")
Earned = Mapping[str, int]
"""Month → what a contract line has earned through it by its own figures, as terms and work stand; minor units."""


@dataclass(slots=True)
class _Line:
    """A contract line: its schedule with the entries that recognise it."""

    plan: RevenueSchedule
    state: tuple[str, str]
    meant: int
    """What it plans through the period, as it was sent."""
    cut: str
    """The last month that is due: not after the check's, over by the entity's calendar, or recognised early."""
    over: str
    """The last month that is over in the entity's books."""
    planned: int | None = None
    """As its ERP holds the schedule; None where it holds none."""
    sent: int = 0
    """Revenue of posted entries, as they were sent."""
    ever: int = 0
    """The same of all periods, posted or on their way."""
    held: int = 0
    waiting: dict[str, tuple[int, tuple[str, str]]] = field(default_factory=dict)
    months: set[str] = field(default_factory=set)
    """Months that have an entry, later ones too."""


def revenue(
    *,
    entered: Iterable[Entered],
    held: Iterable[Record],
    earned: Mapping[tuple[str, int], Earned],
    changed: frozenset[str],
    period: str,
    over: Mapping[str, str],
) -> Check:
    """The check of all that is planned and recognised through a period.

    `entered`: schedules and journal entries of the journal, later ones too; `held`: those of all ERPs. `earned`:
    (contract, line) → its own figures; a line without any is not explained by them. `changed`:
    contracts of more than one version. `over`: entity → the last month that is over in its books.
    """
    rows = {(row.document.kind, row.document.document_id): row for row in entered}
    lines = {
        row.document.document_id: _line(
            row.document, (row.state, row.why), period, over.get(row.document.legal_entity, period)
        )
        for row in rows.values()
        if isinstance(row.document, RevenueSchedule)
    }
    for row in rows.values():
        _send(lines, row, period)
    for record in held:
        _hold(lines, rows, record, period)
    groups = []
    for _, line in sorted(lines.items()):
        plan = line.plan
        left, right = line.planned or 0, line.held
        own = earned.get((plan.contract_id, plan.contract_line), {}) if left != right else {}
        parts = _parts(line, own, changed=plan.contract_id in changed)
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
                items=tuple(one for one in parts if one.difference),
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


def month_before(period: str) -> str:
    """The name of the period before one."""
    year, month = int(period[:4]), int(period[5:7])
    return f"{year - 1:04d}-12" if month == 1 else f"{year:04d}-{month - 1:02d}"


def _line(plan: RevenueSchedule, state: tuple[str, str], period: str, over: str) -> _Line:
    meant = _planned_through(plan, period)
    return _Line(plan=plan, state=state, meant=meant, cut=min(period, over), over=over)


def _planned_through(plan: RevenueSchedule, month: str) -> int:
    return sum(one.amount.minor for one in plan.lines if one.period <= month)


def _revenue(entry: JournalEntry) -> int:
    return -sum(line.amount.minor for line in entry.lines if line.account == "REVENUE")


def _send(lines: Mapping[str, _Line], row: Entered, period: str) -> None:
    """Count an entry as it was sent."""
    entry = row.document
    line = lines.get(entry.source_id or "") if isinstance(entry, JournalEntry) else None
    if line is None or not isinstance(entry, JournalEntry) or entry.purpose != "revenue":
        return
    minor, month = _revenue(entry), entry.accounting_date.isoformat()[:7]
    line.months.add(month)
    if row.state not in ("refused", "dead"):
        line.ever += minor
    if month > period:
        return
    line.cut = max(line.cut, month)
    if row.state == "posted":
        line.sent += minor
    else:
        line.waiting[entry.document_id] = (minor, (row.state, row.why))


def _hold(
    lines: Mapping[str, _Line], rows: Mapping[tuple[str, str], Entered], record: Record, period: str
) -> None:
    """Count what an ERP holds, where its authority is."""
    known = rows.get((record.kind, record.external_id))
    if known is None or record.status in GONE or known.authority not in ("", None, record.system):
        return
    document = known.document
    if isinstance(document, RevenueSchedule):
        lines[document.document_id].planned = sum(
            int(line["net_minor"]) for line in record.lines if str(line["description"])[:7] <= period
        )
    elif isinstance(document, JournalEntry) and document.purpose == "revenue":
        line = lines.get(document.source_id or "")
        if line is not None and document.accounting_date.isoformat()[:7] <= period:
            line.held -= sum(int(one["net_minor"]) for one in record.lines if one.get("account") == "REVENUE")
            # An entry whose answer is not known yet may be there already: then it is no longer on its way.
            minor, _ = line.waiting.pop(document.document_id, (0, ("", "")))
            line.sent += minor


def _parts(line: _Line, own: Earned, *, changed: bool) -> Iterator[Item]:
    """The way from plan to books, step by step; the differences sum to plan less books."""
    name, due = line.plan.document_id, _planned_through(line.plan, line.cut)
    recognised = line.sent + sum(minor for minor, _ in line.waiting.values())
    yield _kept(line)
    yield Item(
        document_id=name, left=line.meant, right=due, cause="timing", code="not-recognised-yet",
        why="the month is not over and has no entry of the line yet",
    )  # fmt: skip
    at = own.get(line.cut)
    if at is None:
        yield Item(
            document_id=name, left=due, right=recognised, code="revenue-differs",
            why="the schedule says another amount than was recognised, and its line has no figures of its own",
        )  # fmt: skip
    else:
        yield _planned(line, due, at, changed=changed)
        yield _recognised(line, at, recognised, own, hindsight=changed or _estimated(line))
    for entry, (minor, state) in sorted(line.waiting.items()):
        cause, code, why = _stands(state)
        yield Item(document_id=entry, left=minor, right=0, cause=cause, code=code, why=why)
    yield Item(
        document_id=name, left=line.sent, right=line.held, code="entry-differs",
        why="the ERP holds another amount of its entries than was sent",
    )  # fmt: skip


def _stands(state: tuple[str, str]) -> tuple[Cause, str, str]:
    cause, code, words = STATES.get(state[0], ("unexplained", state[0], state[0]))
    return cause, code, f"{words} ({state[1]})" if state[1] else words


def _estimated(line: _Line) -> bool:
    return line.plan.method != "straight_line"


def _kept(line: _Line) -> Item:
    """The schedule as its ERP holds it against how it was sent."""
    name, left = line.plan.document_id, line.planned or 0
    if line.planned is None and line.state[0] != "posted":
        cause, code, why = _stands(line.state)
        return Item(document_id=name, left=left, right=line.meant, cause=cause, code=code, why=why)
    code, why = "schedule-differs", "the ERP holds another schedule than was sent"
    if line.planned is None:
        code, why = "schedule-missing", "its ERP has no such schedule"
    return Item(document_id=name, left=left, right=line.meant, code=code, why=why)


def _planned(line: _Line, left: int, right: int, *, changed: bool) -> Item:
    """The schedule, which is made once, against what the line earns by the terms and the work that stand now."""
    cause: Cause = "timing"
    if _estimated(line):
        code, why = "estimate", "the schedule is an estimate; revenue follows what was done"
    elif changed:
        code, why = "terms-changed", "the contract was changed after the schedule was made"
    else:
        cause, code = "unexplained", "plan-differs"
        why = "the schedule is not what the line earns by its terms"
    return Item(document_id=line.plan.document_id, left=left, right=right, cause=cause, code=code, why=why)


def _recognised(line: _Line, left: int, right: int, own: Earned, *, hindsight: bool) -> Item:
    """What is earned and due against what entries say: what became known later is caught up by the next one."""
    cause: Cause = "unexplained"
    code, why = "revenue-differs", "the line has earned another amount than was recognised"
    if hindsight and line.ever != right and line.ever == own.get(max(line.months, default="")):
        cause, code, why = "timing", "caught-up", "what became known later is in a later entry"
    elif line.cut not in line.months:
        code = "not-recognised"
        why = "the month is over and has no entry of the line: POST /v1/processes/recognise-revenue"
    elif hindsight and line.ever == right and line.over <= line.cut:
        cause, code, why = "timing", "next-entry", "what became known later is due with the next entry"
    return Item(document_id=line.plan.document_id, left=left, right=right, cause=cause, code=code, why=why)
