"""What a run's documents stand on: the firm, and agreements of the run's own beside it. Pure.

The firm is that of the scenario (its own seed and size), so that runs with other seeds meet the same
masters at one gateway; the run's agreements bear its tag. Two things differ from the firm as it is
rehearsed: hour caps are kept but never reached, since an entry split at a cap would be two documents
where the ledger counts one, and which one is split would depend on the order of arrival; and of the
firm's people only those who work for their own entity book time, or every hour would bring ledger
entries of another entity along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from loadtests.running.run import Run
from loadtests.scenario.model import Stream, What
from loadtests.traffic.chance import code_of
from router.errors import BadInput
from router.landscape import default_file
from simulators.firm.build import build
from simulators.firm.firm import Firm
from simulators.firm.model import (
    SIZES,
    Billing,
    Contract,
    ContractLine,
    Customer,
    Person,
    Project,
    Recognition,
    TimeRow,
)

NEVER_MINOR = 10**12
"""A cap or fee no run reaches, within the digits both ERPs take."""
OWN_MOST = 12
"""Agreements of the run's own for a stream that needs some, shared out over its entities."""
CHANGED_MOST = 36
"""Contracts its change orders spread over."""
HOURLY_EACH = 2
"""Projects of the run's own in an entity that has none with hours to bill."""
OWN_TERMS: Mapping[What, tuple[str, Billing]] = {
    "milestone": ("M", "fixed_fee"),
    "charge": ("F", "subscription"),
    "change_order": ("C", "time_and_materials"),
}
"""What is sent under agreements of the run's own: a letter for their ids, and how they bill."""
ANY = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The firm with the run's agreements, and what is asked of both again and again."""

    base: Firm
    """The firm by itself."""
    firm: Firm
    """The firm with the run's agreements, and without a cap anybody reaches."""
    own: Mapping[int, tuple[Project, ...]]
    """Stream → the projects that are only for it; those hours are booked on are under ANY."""
    entities: tuple[str, ...]
    """Legal entities the run uses."""
    open_from: Mapping[str, date]
    """Entity → the first day its calendar accepts."""
    by_the_hour: Mapping[str, tuple[Project, ...]]
    """Entity → its projects that time is booked on and billed by."""
    code: str
    """Four characters that stand for the run's tag where ids must be short."""
    contracts: Mapping[str, Contract]
    projects: Mapping[str, Project]
    people: Mapping[str, Person]
    customers: Mapping[str, Customer]

    def entities_of(self, stream: Stream) -> tuple[str, ...]:
        """The entities of a stream."""
        return stream.entities or tuple(self.firm.entities)

    def projects_at_home(self, stream: Stream) -> list[Project]:
        """Projects of the stream's entities that bill by the hour, in the entity's own currency."""
        return [
            row
            for entity in self.entities_of(stream)
            for row in self.by_the_hour[entity]
            if row.currency == self.firm.entities[entity].currency
        ]

    def region(self, entity: str) -> str:
        """The region of an entity."""
        return self.firm.entities[entity].region

    def at_home(self, stream: Stream) -> list[Customer]:
        """Customers of the stream's entities that are billed in the entity's own currency."""
        wanted = frozenset(self.entities_of(stream))
        return [
            row
            for row in self.firm.customers
            if row.entity in wanted and row.currency == self.firm.entities[row.entity].currency
        ]

    def hourly_minor(self, project: Project, role: str, on: date) -> int:
        """What an hour costs the customer by the contract's rate card; 0 where the card has no such role."""
        card_id = self.contracts[project.contract_id].rate_card_id
        card = next(row for row in self.firm.rate_cards if row.rate_card_id == card_id)
        rates = [row for row in card.rates if row.role == role and row.starts <= on]
        return max(rates, key=lambda row: row.starts).hourly_minor if rates else 0


def ground_of(run: Run) -> Ground:
    """The ground of a run; raises BadInput for an entity the landscape does not have."""
    landscape = run.landscape if run.landscape is not None else default_file("landscapes/default.yaml").data
    scenario = run.scenario
    firm = build(landscape, seed=scenario.seed, size=SIZES[scenario.size])
    used = {name for stream in scenario.streams for name in stream.entities or firm.entities}
    unknown = sorted(used.difference(firm.entities))
    if unknown:
        raise BadInput(
            f"streams: there is no legal entity {unknown[0]!r}", mend="use one of " + ", ".join(firm.entities)
        )
    entities = tuple(name for name in firm.entities if name in used)
    code = code_of(f"tag/{run.tag}", 4)
    own = _own(run, firm, entities, code)
    contracts = tuple(map(_uncapped, firm.contracts)) + tuple(one for _, _, one in own)
    projects = firm.projects + tuple(one for _, one, _ in own)
    by_stream: dict[int, tuple[Project, ...]] = {}
    for stream, project, _ in own:
        by_stream[stream] = (*by_stream.get(stream, ()), project)
    hourly = {
        name: tuple(row for row in (*_hourly(firm, name), *by_stream.get(ANY, ())) if row.entity == name)
        for name in entities
    }
    whole = replace(firm, contracts=contracts, projects=projects)
    return Ground(
        base=firm,
        firm=whole,
        own=by_stream,
        entities=entities,
        open_from=_open_from(landscape, firm),
        by_the_hour=hourly,
        code=code,
        contracts={row.contract_id: row for row in contracts},
        projects={row.project_id: row for row in projects},
        people={row.person_id: row for row in firm.people},
        customers={row.customer_id: row for row in firm.customers},
    )


def _uncapped(contract: Contract) -> Contract:
    lines = tuple(
        replace(line, amount_minor=NEVER_MINOR) if line.bills == "time" and line.amount_minor else line
        for line in contract.lines
    )
    return replace(contract, lines=lines)


def _own(run: Run, firm: Firm, entities: Sequence[str], code: str) -> list[tuple[int, Project, Contract]]:
    """Stream, project and contract of every agreement of the run's own."""
    found: list[tuple[int, Project, Contract]] = []
    for at, stream in enumerate(run.scenario.streams):
        terms = OWN_TERMS.get(stream.sends)
        if terms is None:
            continue
        letter, billing = terms
        homes = stream.entities or tuple(firm.entities)
        most = CHANGED_MOST if stream.sends == "change_order" else OWN_MOST
        for entity in homes:
            count = max(1, most // len(homes))
            found += _agreements(firm, entity, billing, f"{letter}{code}{at:02d}", count, at)
    for entity in entities:
        if not _hourly(firm, entity):
            found += _agreements(firm, entity, "time_and_materials", f"T{code}00", HOURLY_EACH, ANY)
    return found


def _hourly(firm: Firm, entity: str) -> list[Project]:
    """The firm's own projects of an entity that bill by the hour."""
    billing = {row.contract_id: row.billing for row in firm.contracts}
    return [
        row
        for row in firm.projects
        if row.entity == entity and billing[row.contract_id] == "time_and_materials"
    ]


def _agreements(
    firm: Firm, entity: str, billing: Billing, name: str, count: int, stream: int
) -> list[tuple[int, Project, Contract]]:
    """`count` agreements of an entity, modelled on its own projects; ids of at most 16 characters."""
    home = firm.entities[entity]
    models = [row for row in firm.projects if row.entity == entity and row.currency == home.currency]
    models = models or [row for row in firm.projects if row.entity == entity]
    found = []
    for at in range(count):
        like = models[at % len(models)]
        ending = f"{entity}-{name}{at:02d}"
        project = replace(
            like,
            project_id=f"P-{ending}",
            contract_id=f"K-{ending}",
            name=f"{like.name} {name}{at:02d}",
            tasks=(),
        )
        card = next(row for row in firm.rate_cards if row.entity == entity and row.currency == like.currency)
        contract = Contract(
            contract_id=project.contract_id,
            customer_id=project.customer_id,
            entity=entity,
            business_unit=project.business_unit,
            currency=project.currency,
            billing=billing,
            rate_card_id=card.rate_card_id,
            starts=project.starts,
            ends=project.ends,
            purchase_order=None,
            lines=_lines(billing, home.tax_code, project.service_line),
        )
        found.append((stream, project, contract))
    return found


def _lines(billing: Billing, tax_code: str, service_line: str) -> tuple[ContractLine, ...]:
    def line(at: int, bills: Any, text: str, minor: int | None, revenue: Recognition) -> ContractLine:
        return ContractLine(
            line=at, bills=bills, description=text, tax_code=tax_code, service_line=service_line,
            amount_minor=minor, revenue=revenue,
        )  # fmt: skip

    first = {
        "fixed_fee": line(1, "milestones", "Fixed fee", NEVER_MINOR, "as_billed"),
        "subscription": line(1, "subscription", "Managed service", NEVER_MINOR, "as_billed"),
        "time_and_materials": line(1, "time", "Services by the hour", NEVER_MINOR, "as_billed"),
        "retainer": line(1, "retainer", "Monthly retainer", NEVER_MINOR, "as_billed"),
    }[billing]
    return first, line(2, "expenses", "Travel and expenses", None, "as_billed")


def _open_from(landscape: Mapping[str, Any], firm: Firm) -> dict[str, date]:
    """The day after the last one an entity's calendar has closed; the month before, where it says nothing."""
    calendars: Mapping[str, Any] = landscape.get("calendars") or {}
    found: dict[str, date] = {}
    for name, row in landscape["legal_entities"].items():
        calendar = calendars.get(row.get("calendar", "monthly")) or {}
        closed = calendar.get("closed_through")
        last = date.fromisoformat(str(closed)) if closed else None
        before = date.fromordinal(firm.month.toordinal() - 1).replace(day=1)
        found[str(name)] = min(firm.month, date.fromordinal(last.toordinal() + 1)) if last else before
    return found


def hours_of(ground: Ground, entities: Sequence[str]) -> list[TimeRow]:
    """The month's time of the entities' own people on projects that bill by the hour, in the firm's order.

    Where an entity has none, its people's days on the run's own projects there.
    """
    found: list[TimeRow] = []
    by_entity: dict[str, list[TimeRow]] = {}
    hourly = {row.project_id for name in entities for row in ground.by_the_hour[name]}
    for row in ground.firm.time:
        home = ground.people[row.person_id].entity
        if row.project_id in hourly and ground.projects[row.project_id].entity == home:
            by_entity.setdefault(home, []).append(row)
    for entity in entities:
        found += by_entity.get(entity) or _invented(ground, entity)
    return found


def _invented(ground: Ground, entity: str) -> list[TimeRow]:
    staff = [row for row in ground.firm.people if row.entity == entity]
    rows = []
    for day in range(20):
        for at, project in enumerate(ground.by_the_hour[entity] if staff else ()):
            person = staff[(at + day) % len(staff)]
            minutes = 60 + 15 * ((day * 7 + at) % 20)
            on = ground.firm.month.replace(day=1 + day)
            rows.append(TimeRow(0, person.person_id, project.project_id, "", on, minutes, True))
    return rows
