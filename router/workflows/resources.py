"""People: whether they can be assigned, what they are paid for, how they are used, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from router.canonical.billing import CreditMemo, Invoice
from router.canonical.kinds import Kind
from router.canonical.masters import Assignment, Contract, Project, Resource
from router.canonical.money import Money
from router.canonical.work import TimeEntry
from router.clock import Clock, from_text
from router.errors import BadInput
from router.finance.calendar import Calendars
from router.finance.payroll import Approved, cut_off, pay
from router.finance.utilisation import Used, contract_value, planned_left, utilisation
from router.journal.journal import Journal
from router.journal.port import Submission
from router.landscape import Landscape
from router.workflows.directory import Directory
from router.workflows.submissions import parked

RESOURCE_LEFT = "resource-left"
DIMENSIONS = ("legal_entity", "department", "practice", "service_line")


class AssignmentVet:
    """Parks an assignment of somebody who will have left; one of an unknown person waits for the person.

    Waiting, not parking, because a person and their assignment may come in either order, or in one
    batch; a person who never comes leaves it dead in the end, which is an exception too.
    """

    kinds: frozenset[Kind] = frozenset({"assignment"})
    alone = False

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def look(self, submission: Submission) -> Submission:
        """Judge one assignment."""
        document = submission.document
        if not isinstance(document, Assignment):
            return submission
        person = await self._directory.find(Resource, document.resource_id)
        if person is None or person.left_on is None or document.ends <= person.left_on:
            return submission
        return parked(
            submission,
            f"ends: {person.name} ({person.document_id}) leaves {person.legal_entity} on {person.left_on}, before"
            f" {document.ends} — end the assignment by then or assign somebody else in the PSA,"
            " or correct the leaving date in the HCM; then replay",
            RESOURCE_LEFT,
        )


class Resources:
    """The questions about people, answered from the journal."""

    def __init__(self, *, landscape: Landscape, journal: Journal, calendars: Calendars, clock: Clock) -> None:
        self._landscape = landscape
        self._journal = journal
        self._calendars = calendars
        self._clock = clock

    async def payroll(self, entity: str, run: str) -> dict[str, Any]:
        """The run of an employer's people in a month, with what came too late for the runs before.

        `unknown_people`: who worked for this run but whom nobody has sent, so that no employer pays them.
        """
        calendar = self._calendars.of(entity)
        month = _month(run)
        through = cut_off(month, calendar.payroll_cut_off_day)
        zone = ZoneInfo(self._landscape.legal_entities[entity].time_zone)
        people = await self._versions()
        rows = await self._journal.worked(accepted_before=(through + timedelta(days=2)).isoformat())
        work = [
            Approved(
                document_id=row["entry"]["document_id"],
                resource_id=row["entry"]["resource_id"],
                work_date=date.fromisoformat(row["entry"]["work_date"]),
                minutes=row["entry"]["minutes"],
                approved_on=from_text(row["accepted_at"]).astimezone(zone).date(),
            )
            for row in rows
            if _employer(people.get(row["entry"]["resource_id"]), row["entry"]["work_date"]) in (entity, None)
        ]
        paid = pay(run, work, calendar.payroll_cut_off_day)
        today = self._clock.now().astimezone(zone).date()
        return {
            "legal_entity": entity,
            "run": run,
            "cut_off": through.isoformat(),
            "final": today > through,
            "people": [
                {
                    "resource_id": one.resource_id,
                    "name": people[one.resource_id][-1].name,
                    "minutes": one.minutes,
                    "late_minutes": one.late_minutes,
                    "entries": list(one.entries),
                }
                for one in paid
                if one.resource_id in people
            ],
            "unknown_people": [
                {"resource_id": one.resource_id, "minutes": one.minutes, "entries": list(one.entries)}
                for one in paid
                if one.resource_id not in people
            ],
        }

    async def utilisation(self, period: str, entity: str | None) -> dict[str, Any]:
        """Time against capacity in a fiscal period, each employer by its own calendar."""
        wanted = [entity] if entity is not None else list(self._landscape.legal_entities)
        periods = {name: self._calendars.named(name, period) for name in wanted}
        spans = {name: (one.first, one.last) for name, one in periods.items()}
        people = [one for one in await self._people() if entity is None or one.legal_entity == entity]
        found = utilisation(people, await self._work(), spans)
        named = {one.document_id: one for one in people}
        return {
            "period": period,
            "people": [
                {
                    "resource_id": name,
                    "name": named[name].name,
                    "legal_entity": named[name].legal_entity,
                    "department": named[name].department,
                    "role": named[name].role,
                    **used.shown(),
                }
                for name, used in sorted(found.people.items())
            ],
            "by_department": _by("department", found.departments),
            "by_practice": _by("practice", found.practices),
            "by_legal_entity": _by("legal_entity", found.entities),
            "unknown_people": _by("resource_id", found.unknown) if entity is None else [],
        }

    async def backlog(self, entity: str | None) -> dict[str, Any]:
        """What was sold and is neither billed nor worked yet, by contract and by dimension."""
        projects = [one for one in await self._journal.masters("project") if isinstance(one, Project)]
        contracts = [one for one in await self._journal.masters("contract") if isinstance(one, Contract)]
        plans = [one for one in await self._journal.masters("assignment") if isinstance(one, Assignment)]
        worked: dict[tuple[str, str], int] = {}
        for entry in await self._work():
            key = (entry.project_id, entry.resource_id)
            worked[key] = worked.get(key, 0) + entry.minutes
        left = planned_left(plans, worked)
        billed = await self._billed({one.document_id: one.contract_id for one in projects})
        rows = []
        for contract in contracts:
            if entity is not None and contract.legal_entity != entity:
                continue
            own = [one for one in projects if one.contract_id == contract.document_id]
            minutes = sum(left.get(one.document_id, 0) for one in own)
            rows.append(_contract_row(contract, own, billed.get(contract.document_id, 0), minutes))
        return {
            "contracts": rows,
            **{f"by_{name}": _totals(rows, name) for name in DIMENSIONS},
            "leaving": await self._leaving(plans),
        }

    async def _versions(self) -> dict[str, list[Resource]]:
        """By person what was said of them, by the day it is from; of one day the newest last."""
        found: dict[str, list[Resource]] = {}
        for one in await self._journal.every("resource"):
            if isinstance(one, Resource):
                found.setdefault(one.document_id, []).append(one)
        return {name: sorted(rows, key=lambda row: row.accounting_date) for name, rows in found.items()}

    async def _people(self) -> list[Resource]:
        return [one for one in await self._journal.masters("resource") if isinstance(one, Resource)]

    async def _work(self) -> list[TimeEntry]:
        rows = await self._journal.kept(("time_entry",))
        return [row.document for row in rows if isinstance(row.document, TimeEntry)]

    async def _billed(self, contract_of: dict[str, str]) -> dict[str, int]:
        """Net minor units billed by contract, credits taken off; in the contract's currency."""
        found: dict[str, int] = {}
        for row in await self._journal.kept(("invoice", "credit_memo")):
            document = row.document
            if not isinstance(document, Invoice | CreditMemo) or document.status == "cancelled":
                continue
            contract = document.contract_id or contract_of.get(document.project_id or "")
            if contract is not None:
                sign = 1 if isinstance(document, Invoice) else -1
                found[contract] = found.get(contract, 0) + sign * document.net.minor
        return found

    async def _leaving(self, plans: Iterable[Assignment]) -> list[dict[str, Any]]:
        """Assignments, accepted before it was known, of people who leave before they end."""
        left = {one.document_id: one.left_on for one in await self._people() if one.left_on is not None}
        return [
            {
                "assignment_id": one.document_id,
                "project_id": one.project_id,
                "resource_id": one.resource_id,
                "ends": one.ends.isoformat(),
                "left_on": left[one.resource_id].isoformat(),
            }
            for one in plans
            if one.resource_id in left and one.ends > left[one.resource_id]
        ]


def _employer(versions: Sequence[Resource] | None, work_date: str) -> str | None:
    """Who employed a person on a day; before anything was said of them, their first employer."""
    if not versions:
        return None
    known = [one for one in versions if one.accounting_date.isoformat() <= work_date]
    return (known[-1] if known else versions[0]).legal_entity


def _month(run: str) -> date:
    try:
        return date.fromisoformat(f"{run}-01")
    except ValueError as error:
        raise BadInput(f"period: {run[:20]!r} is no month", mend="use YYYY-MM, such as 2026-10") from error


def _by(name: str, groups: dict[str, Used]) -> list[dict[str, Any]]:
    return [{name: key, **used.shown()} for key, used in sorted(groups.items())]


def _contract_row(
    contract: Contract, projects: Sequence[Project], billed: int, minutes: int
) -> dict[str, Any]:
    value = contract_value(contract)
    head = projects[0] if projects else None
    return {
        "contract_id": contract.document_id,
        "customer_id": contract.customer_id,
        "projects": [one.document_id for one in projects],
        "legal_entity": contract.legal_entity,
        **{name: getattr(head, name, "") for name in (*DIMENSIONS[1:], "cost_center")},
        "currency": contract.currency,
        "value": None if value is None else str(value),
        "billed": str(Money(billed, contract.currency)),
        "backlog": None if value is None else str(Money(value.minor - billed, contract.currency)),
        "backlog_minor": None if value is None else value.minor - billed,
        "planned_minutes_left": minutes,
    }


def _totals(rows: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        total = found.setdefault((row[name], row["currency"]), [0, 0, 0])
        total[0] += row["backlog_minor"] or 0
        total[1] += row["planned_minutes_left"]
        total[2] += row["backlog_minor"] is None
    return [
        {
            name: key,
            "currency": currency,
            "backlog": str(Money(minor, currency)),
            "planned_minutes_left": minutes,
            "open_ended_contracts": unbounded,
        }
        for (key, currency), (minor, minutes, unbounded) in sorted(found.items())
    ]
