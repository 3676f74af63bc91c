"""Month-end: projects are billed, and finance posts its adjustments. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.scenario.model import Stream
from loadtests.traffic.chance import drawn
from loadtests.traffic.forms import Form, event_form, filled, sent, spread
from loadtests.traffic.ground import Ground, hours_of
from loadtests.traffic.model import Request
from loadtests.traffic.work import head, time_form
from router.errors import BadInput
from simulators.core.money import decimal_text
from simulators.firm.entities import month_end
from simulators.firm.model import Project
from simulators.firm.prices import hour_minor

BILLING_SOURCE, LEDGER_SOURCE = "/psa/billing", "/erp/adjustments"
ENTRIES = 256


class Billed:
    """Billing requests, each behind hours of its project: a batch of `lines`, and never fewer than two.

    An ERP refuses to bill a project that has nothing unbilled, and many requests bill one project; so
    each brings the hours it bills, in one commit and one lane, and any order of arrival is right. What
    other streams booked on the project meanwhile goes on the invoice too, as in life.
    """

    def __init__(self, ground: Ground, stream: Stream, *, prefix: str, key: int) -> None:
        hours: dict[str, list[Form]] = {}
        rows = spread([row for row in hours_of(ground, ground.entities_of(stream)) if row.billable])
        for row in rows:
            hours.setdefault(row.project_id, []).append(time_form(ground, row))
        events = {name: _event(ground, ground.projects[name]) for name in hours}
        # A project is billed as often as it has rows: the big ones most.
        self._drawn = [(hours[row.project_id], events[row.project_id]) for row in rows]
        self._hours = max(1, stream.lines - 1)
        self._prefix = prefix
        self._key = key
        self._client = stream.client

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        stem, number = f"{self._prefix}{ordinal}-", drawn(self._key, ordinal)
        hours, event = self._drawn[number % len(self._drawn)]
        lines = [filled(hours[(number + at) % len(hours)], f"{stem}{at + 1}") for at in range(self._hours)]
        return sent([*lines, filled(event, f"{stem}{self._hours + 1}")], self._client)


def _event(ground: Ground, project: Project) -> Form:
    last = month_end(ground.firm.month).isoformat()
    data = head(ground, project.entity, project.business_unit) | {
        "accounting_date": last,
        "project_id": project.project_id,
        "customer_id": project.customer_id,
        "contract_id": project.contract_id,
        "currency": project.currency,
        "period": last[:7],
        "through": last,
    }
    return event_form("billing_event", "requested", data, source=BILLING_SOURCE, on=last)


def entry_forms(ground: Ground, stream: Stream, key: int) -> Sequence[Form]:
    """Adjustments of work in progress, on projects in their entity's own currency."""
    projects = ground.projects_at_home(stream)
    if not projects:
        raise BadInput(
            f"streams.{stream.name}: its entities have no project in their own currency",
            mend="name further entities, or take a larger size",
        )
    forms: list[Form] = []
    for project in spread(projects, ENTRIES):
        for _ in range(max(1, ENTRIES // len(projects))):
            minor = hour_minor("CONSULTANT", project.currency) * (1 + drawn(key, len(forms)) % 90)
            forms.append(_entry(ground, project, minor))
    return forms


def _entry(ground: Ground, project: Project, minor: int) -> Form:
    line = {
        "department": project.department,
        "practice": project.practice,
        "service_line": project.service_line,
    }
    data = head(ground, project.entity, project.business_unit) | {
        "purpose": "adjustment",
        "project_id": project.project_id,
        "currency": project.currency,
        "text": "Work in progress at month-end",
        "lines": [
            line
            | {"line": 1, "account": "WORK_IN_PROGRESS", "amount": decimal_text(minor, project.currency)},
            line
            | {"line": 2, "account": "UNBILLED_REVENUE", "amount": decimal_text(-minor, project.currency)},
        ],
    }
    return event_form("journal_entry", "posted", data, source=LEDGER_SOURCE, on=data["accounting_date"])
