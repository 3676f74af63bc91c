"""Facts in, decisions out: how severe an exception is, how long it may wait, who has it, what a list shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.exceptions.catalogue import CATALOGUE
from router.exceptions.guidance import QUEUES, SEVERITIES, Severity

SLA_HOURS: Mapping[Severity, int] = {"critical": 4, "high": 8, "medium": 24, "low": 72}
"""Hours by the clock, not by office hours: a month-end close does not wait for Monday."""
MONEY_AT_LEAST: tuple[tuple[int, Severity], ...] = (
    (100_000, "critical"),
    (10_000, "high"),
    (1_000, "medium"),
)
"""Whole units of the group's currency from which an exception has a severity."""
KIND_AT_LEAST: Mapping[str, Severity] = {
    "customer": "high",
    "contract": "high",
    "project": "high",
    "change_order": "medium",
    "billing_event": "medium",
    "invoice": "medium",
    "credit_memo": "medium",
    "payment": "medium",
    "journal_entry": "medium",
}
"""What a kind weighs by itself: a project that is not set up holds up all work on it."""
CASES = ("open", "assigned", "resolved")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What people have said of an exception last."""

    state: str
    owner: str
    note: str
    by: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A fact that waits for a person, as the journal has it; times are RFC 3339 text."""

    exception_id: str
    type: str
    transaction_id: str | None
    kind: str
    document_id: str | None
    legal_entity: str
    state: str
    """parked, refused, dead; `conflict` or `break` for what is no transaction."""
    currency: str
    amount_minor: int
    accounting_date: str
    accepted_at: str
    since: str
    """When it came to wait for a person."""
    problem: str = ""
    target: str = ""
    role: str = ""
    code: str = ""
    """What the other system said, as delivered; empty for what was parked."""
    why: str = ""
    received: str = ""
    """The row as received where there is no document; for facts only."""
    project_id: str = ""
    said_id: str | None = None
    """What the payload calls the document where there is none yet."""

    @property
    def about(self) -> str | None:
        """The document it is about, as far as anybody can tell."""
        return self.document_id or self.said_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An exception as it is shown: type, severity, deadline and case."""

    raised: Raised
    case: Case | None
    """In force; None: nobody has touched it since it was raised."""
    severity: Severity
    due_at: datetime
    age_hours: int
    over_sla: bool
    group_minor: int | None
    """Its money in the group's currency; None: no rate."""

    @property
    def case_state(self) -> str:
        """open, assigned or resolved."""
        return self.case.state if self.case is not None else "open"

    @property
    def queue(self) -> str:
        """Whose list it is on."""
        return CATALOGUE[self.raised.type].queue

    @property
    def sort_key(self) -> tuple[str, str]:
        """Oldest first; the id breaks ties."""
        return (self.raised.accepted_at, self.raised.exception_id)


def severity_of(raised: Raised, major_units: int | None) -> Severity:
    """The heaviest of what the money, the kind and the type weigh."""
    by_money: Severity = "low"
    for least, name in MONEY_AT_LEAST:
        if major_units is not None and abs(major_units) >= least:
            by_money = name
            break
    by_kind: Severity = KIND_AT_LEAST.get(raised.kind, "low")
    return max(by_money, by_kind, CATALOGUE[raised.type].at_least, key=SEVERITIES.index)


def in_force(case: Case | None, since: str) -> Case | None:
    """What was said of an exception, unless it was resolved and has been raised again since."""
    if case is None or (case.state == "resolved" and case.at < since):
        return None
    return case


def judge(
    raised: Raised, case: Case | None, *, now: datetime, group_minor: int | None, major_units: int | None
) -> Judged:
    """Severity, deadline and age of an exception. `major_units`: its money in whole units, for its weight."""
    severity = severity_of(raised, major_units)
    since = datetime.fromisoformat(raised.since)
    due = since + timedelta(hours=SLA_HOURS[severity])
    return Judged(
        raised=raised,
        case=in_force(case, raised.since),
        severity=severity,
        due_at=due,
        age_hours=max(0, int((now - since).total_seconds()) // 3600),
        over_sla=now > due,
        group_minor=group_minor,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which exceptions are meant; a field that is None fits all."""

    queue: str | None = None
    nature: str | None = None
    type: str | None = None
    severity: str | None = None
    entity: str | None = None
    state: str | None = None
    """A case's state (open, assigned, resolved, all) or a transaction's (parked, refused, dead).
    None: everything that is not resolved."""
    ids: frozenset[str] | None = None

    def fits(self, one: Judged) -> bool:
        """Whether an exception is meant."""
        raised = one.raised
        entry = CATALOGUE[raised.type]
        return (
            self.queue in (None, entry.queue)
            and self.nature in (None, entry.nature)
            and self.type in (None, raised.type)
            and self.severity in (None, one.severity)
            and self.entity in (None, raised.legal_entity)
            and (self.ids is None or raised.exception_id in self.ids)
            and self._fits_state(one)
        )

    def _fits_state(self, one: Judged) -> bool:
        if self.state == "all" or (self.state is None and self.ids is not None):
            return True
        if self.state in CASES:
            return one.case_state == self.state
        return one.case_state != "resolved" and self.state in (None, one.raised.state)


@dataclass(slots=True)
class Tally:
    """What a queue holds."""

    count: int = 0
    over_sla: int = 0
    oldest: str | None = None
    money: dict[str, int] = field(default_factory=dict)
    group_minor: int = 0
    without_rate: int = 0


def tallies(rows: Iterable[Judged]) -> dict[str, Tally]:
    """Count, money by currency, oldest and overdue of each queue, empty queues too."""
    found: dict[str, Tally] = {queue: Tally() for queue in QUEUES}
    for one in rows:
        tally = found[one.queue]
        tally.count += 1
        tally.over_sla += one.over_sla
        tally.oldest = min(tally.oldest or one.raised.since, one.raised.since)
        if one.raised.currency:
            tally.money[one.raised.currency] = (
                tally.money.get(one.raised.currency, 0) + one.raised.amount_minor
            )
            tally.group_minor += one.group_minor or 0
            tally.without_rate += one.group_minor is None
    return found


def page_of(
    rows: Sequence[Judged], *, after: tuple[str, str] | None, limit: int
) -> tuple[list[Judged], bool]:
    """The next rows behind a place in the list, which may hold nothing any more; whether there are more."""
    behind = [one for one in rows if after is None or one.sort_key > after]
    return behind[:limit], len(behind) > limit


def facts_of(raised: Raised) -> dict[str, Any]:
    """What a type's texts may name."""
    return {
        "kind": raised.kind.replace("_", " "),
        "document_id": raised.about,
        "transaction_id": raised.transaction_id,
        "entity": raised.legal_entity,
        "target": raised.target,
        "code": raised.code,
        "why": (raised.why or raised.problem).rstrip(". "),
        "accounting_date": raised.accounting_date,
        "project_id": raised.project_id,
    }
