"""Masters a firm takes on while it works: clients, contracts, projects, people planned on them. Pure.

What needs another new master brings it along in the same request, before it: one commit, whose order the
router keeps, so that requests may overtake one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from loadtests.scenario.model import Stream
from loadtests.traffic.chance import drawn, name_of
from loadtests.traffic.forms import Blank, Filled, Form, event_form, filled, sent, spread
from loadtests.traffic.ground import Ground, hours_of
from loadtests.traffic.model import Request
from loadtests.traffic.work import head
from router.errors import BadInput
from simulators.firm.masters import contract_lines
from simulators.firm.model import Contract, Customer, Project

CRM_SOURCE, PSA_SOURCE = "/crm/accounts", "/psa/projects"
PLANNED = timedelta(days=61)
CHAIN = ("customer", "contract", "project")


class Onboarding:
    """Clients, contracts and projects with ids and names of their own.

    A request with room for it is a chain: client, contract of this client, project under this contract,
    and again. One without (`contract` with 1 line, `project` with fewer than 3) hangs its documents on
    the firm's own clients and contracts.
    """

    def __init__(self, ground: Ground, stream: Stream, *, prefix: str, key: int) -> None:
        wanted = CHAIN[: CHAIN.index(stream.sends) + 1]
        self._chain = wanted if stream.lines >= len(wanted) else wanted[-1:]
        chained = len(self._chain) == len(wanted)
        homes = models(ground, stream)
        forms = {
            "customer": [_customer(ground, one) for one, _, _ in homes],
            "contract": [_contract(ground, one, chained=chained) for _, one, _ in homes],
            "project": [_project(ground, one, chained=chained) for _, _, one in homes],
        }
        self._forms = [forms[kind] for kind in self._chain]
        self._prefix = prefix
        self._key = key
        self._lines = stream.lines
        self._client = stream.client

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        stem, length = f"{self._prefix}{ordinal}-", len(self._chain)
        lines: list[Filled] = []
        for at in range(self._lines):
            number = ordinal * self._lines + at
            place = at % length
            forms = self._forms[place]
            first = at - place + 1
            # A chain is of one firm: all of its links are drawn by its first number.
            form = forms[drawn(self._key, number - place) % len(forms)]
            blanks = {
                b"name": name_of(self._key, number).encode(),
                b"customer": f"{stem}{first}".encode(),
                b"contract": f"{stem}{first + 1}".encode(),
            }
            lines.append(filled(form, f"{stem}{at + 1}", blanks))
        return sent(lines, self._client)


def models(ground: Ground, stream: Stream) -> list[tuple[Customer, Contract, Project]]:
    """Agreements of the stream's entities that new ones are modelled on: by the hour, in the entity's currency."""
    found = [
        (ground.customers[row.customer_id], ground.contracts[row.contract_id], row)
        for row in ground.projects_at_home(stream)
    ]
    if not found:
        raise BadInput(
            f"streams.{stream.name}: its entities have no project in their own currency",
            mend="name further entities, or take a larger size",
        )
    return spread(found)


def customer_data(ground: Ground, like: Customer) -> dict[str, Any]:
    """A new client of the entity that serves `like`, without its id; no registration: no two are the same firm."""
    entity = ground.firm.entities[like.entity]
    return head(ground, like.entity, like.business_unit) | {
        "name": Blank.NAME,
        "currency": entity.currency,
        "country": entity.country,
        "payment_terms_days": like.terms_days,
    }


def _customer(ground: Ground, like: Customer) -> Form:
    data = customer_data(ground, like)
    return event_form("customer", "created", data, source=CRM_SOURCE, on=data["accounting_date"])


def _contract(ground: Ground, like: Contract, *, chained: bool) -> Form:
    data = head(ground, like.entity, like.business_unit) | {
        "customer_id": Blank.CUSTOMER if chained else like.customer_id,
        "currency": like.currency,
        "billing": like.billing,
        "rate_card_id": like.rate_card_id,
        "starts": ground.firm.month.isoformat(),
        "ends": like.ends.isoformat() if like.ends else None,
        "lines": contract_lines(like),
    }
    return event_form("contract", "signed", data, source=CRM_SOURCE, on=data["accounting_date"])


def _project(ground: Ground, like: Project, *, chained: bool) -> Form:
    data = head(ground, like.entity, like.business_unit) | {
        "customer_id": Blank.CUSTOMER if chained else like.customer_id,
        "contract_id": Blank.CONTRACT if chained else like.contract_id,
        "name": Blank.NAME,
        "currency": like.currency,
        "starts": ground.firm.month.isoformat(),
        "ends": like.ends.isoformat() if like.ends else None,
        "department": like.department,
        "practice": like.practice,
        "service_line": like.service_line,
        "cost_center": like.cost_center,
        "manager": like.manager,
    }
    return event_form("project", "initiated", data, source=PSA_SOURCE, on=data["accounting_date"])


def assignment_forms(ground: Ground, stream: Stream) -> list[Form]:
    """Plans of the entities' people on projects they work on, from the month on."""
    pairs = dict.fromkeys(
        (row.person_id, row.project_id) for row in hours_of(ground, ground.entities_of(stream))
    )
    return [_assignment(ground, *pair) for pair in spread(list(pairs))]


def _assignment(ground: Ground, person_id: str, project_id: str) -> Form:
    project, month = ground.projects[project_id], ground.firm.month
    data = head(ground, project.entity, project.business_unit) | {
        "project_id": project_id,
        "resource_id": person_id,
        "role": ground.people[person_id].role,
        "starts": month.isoformat(),
        "ends": (month + PLANNED).isoformat(),
        "minutes": PLANNED.days * 5 // 7 * 240,
    }
    return event_form("assignment", "assigned", data, source=PSA_SOURCE, on=data["accounting_date"])


def change_forms(ground: Ground, at: int) -> Sequence[Form]:
    """Change orders of the run's own contracts: each version raises the mark-up on expenses by a basis point."""
    effective = (ground.firm.month.replace(day=28) + timedelta(days=4)).replace(day=1)
    forms = []
    for project in ground.own[at]:
        contract = ground.contracts[project.contract_id]
        lines = contract_lines(contract)
        lines[-1]["markup_basis_points"] = Blank.VERSION
        data = head(ground, project.entity, project.business_unit) | {
            "project_id": project.project_id,
            "contract_id": contract.contract_id,
            "currency": contract.currency,
            "contract_version": Blank.VERSION,
            "effective": effective.isoformat(),
            "reason": "More work agreed",
            "lines": lines,
        }
        forms.append(
            event_form(
                "change_order", "approved", data, source="/pmo/change-orders", on=data["accounting_date"]
            )
        )
    return forms


class InVersions:
    """Change orders, one contract after the other and then the next version of each.

    A version that arrives before the one it follows waits in the router and goes on by itself, so any order
    of arrival is right; contracts are many, so that it is rare.
    """

    def __init__(self, forms: Sequence[Form], *, prefix: str, lines: int, client: str) -> None:
        self._forms = forms
        self._prefix = prefix
        self._lines = lines
        self._client = client

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        stem, lines = f"{self._prefix}{ordinal}-", []
        for at in range(self._lines):
            round_, place = divmod(ordinal * self._lines + at, len(self._forms))
            lines.append(filled(self._forms[place], f"{stem}{at + 1}", {b"version": 2 + round_}))
        return sent(lines, self._client)
