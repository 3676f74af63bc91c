"""What CRM and PSA ask for in business words: the gateway's process APIs. Pure."""

from __future__ import annotations

from typing import Any

from loadtests.scenario.model import Stream
from loadtests.traffic.chance import drawn, key_of, name_of
from loadtests.traffic.forms import Blank, blanked, spread
from loadtests.traffic.ground import Ground, hours_of
from loadtests.traffic.model import Document, Request
from loadtests.traffic.onboarding import customer_data, models
from loadtests.traffic.work import head, time_data
from router.errors import BadInput
from router.workflows.submissions import short_digest
from simulators.core.money import decimal_text
from simulators.crm.salesforce.ids import make_id
from simulators.firm.entities import month_end
from simulators.firm.model import Customer
from simulators.firm.prices import hour_minor

JSON = "application/json"
DEAL = "OPP-"
"""What the router puts before a CRM's record id."""
STARTED = "/coexist/initiate-project"
"""The source of what the process submits by itself. Both are said again here, as importing what says them would bring
the whole router into the generator; that they agree is tested against a journal."""
ORDINALS = 26
"""Bits of an opportunity's number that are its ordinal: 67 million in a stream."""
Body = tuple[bytes, str]
"""A body with its blanks, and its legal entity."""


class ClientAccounts:
    """New clients by `create-client-account`, a request each."""

    def __init__(self, ground: Ground, stream: Stream, *, prefix: str, key: int) -> None:
        _one_each(stream)
        self._bodies: list[Body] = [
            (blanked({"document_id": Blank.ID} | customer_data(ground, like)), like.entity)
            for like, _, _ in models(ground, stream)
        ]
        self._prefix = prefix
        self._key = key
        self._client = stream.client
        self._source = f"/processes/{stream.client}"

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        document_id = f"{self._prefix}{ordinal}-1"
        text, entity = self._bodies[drawn(self._key, ordinal) % len(self._bodies)]
        body = text % {b"id": document_id.encode(), b"name": name_of(self._key, ordinal).encode()}
        document = Document("customer", document_id, self._source, document_id, entity)
        return Request("/v1/processes/create-client-account", body, JSON, self._client, (document,))


class ProjectStarts:
    """Won deals of the firm's clients by `initiate-project`; contract and project come of it by themselves.

    The deals stand in the CRM before the run (`loadtests.traffic.seeds`): the process writes back to them.
    """

    def __init__(self, ground: Ground, stream: Stream, *, at: int, tag: str, key: int) -> None:
        _one_each(stream)
        self._customers = ground.at_home(stream)
        if not self._customers:
            raise BadInput(
                f"streams.{stream.name}: its entities have no customer in their own currency",
                mend="name further entities, or take a larger size",
            )
        self._bodies = [blanked(_opportunity(ground, one)) for one in self._customers]
        self._first = first_number(tag, at)
        self._key = key
        self._client = stream.client
        self._source = f"/processes/initiate-project/{stream.client}"

    def customer(self, ordinal: int) -> Customer:
        """Whose deal it is."""
        return self._customers[drawn(self._key, ordinal) % len(self._customers)]

    def record_id(self, ordinal: int) -> str:
        """The deal's id in the CRM."""
        return make_id("006", self._first + ordinal)

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        number = drawn(self._key, ordinal) % len(self._bodies)
        entity = self._customers[number].entity
        deal = DEAL + self.record_id(ordinal)
        name = name_of(self._key, ordinal)
        body = self._bodies[number] % {b"id": deal.encode(), b"name": name.encode()}
        code = f"P-{entity}-{short_digest(deal)}"
        documents = (
            Document("opportunity", deal, self._source, deal, entity),
            Document("contract", "K" + code[1:], STARTED, f"{deal}:contract:signed", entity),
            Document("project", code, STARTED, f"{deal}:project:initiated", entity),
        )
        return Request("/v1/processes/initiate-project", body, JSON, self._client, documents)


def first_number(tag: str, at: int) -> int:
    """The number of a stream's first deal in the CRM; those of other runs are far away."""
    return ((key_of(f"deals/{tag}") & 0xFFFFFF) + 1) << 32 | at << ORDINALS


def _opportunity(ground: Ground, customer: Customer) -> dict[str, Any]:
    amount = hour_minor("CONSULTANT", customer.currency) * 900
    return head(ground, customer.entity, customer.business_unit) | {
        "document_id": Blank.ID,
        "customer_id": customer.customer_id,
        "customer_name": customer.name,
        "country": customer.country,
        "name": Blank.NAME,
        "stage": "Closed Won",
        "won": True,
        "amount": decimal_text(amount, customer.currency),
        "currency": customer.currency,
        "close_date": month_end(ground.firm.month).isoformat(),
        "billing": "time_and_materials",
    }


class TimeApprovals:
    """Approved time by `submit-approved-time`: `lines` entries a request, completed by the router."""

    def __init__(self, ground: Ground, stream: Stream, *, prefix: str, key: int) -> None:
        rows = spread(hours_of(ground, ground.entities_of(stream)))
        self._entries: list[Body] = [
            (blanked(_entry(time_data(ground, row))), ground.projects[row.project_id].entity) for row in rows
        ]
        self._prefix = prefix
        self._key = key
        self._lines = stream.lines
        self._client = stream.client
        self._source = f"/processes/{stream.client}"

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        stem, first = f"{self._prefix}{ordinal}-", ordinal * self._lines
        parts: list[bytes] = []
        documents: list[Document] = []
        for at in range(self._lines):
            text, entity = self._entries[drawn(self._key, first + at) % len(self._entries)]
            document_id = f"{stem}{at + 1}"
            parts.append(text % {b"id": document_id.encode()})
            documents.append(Document("time_entry", document_id, self._source, document_id, entity))
        body = b'{"entries":[' + b",".join(parts) + b"]}"
        return Request("/v1/processes/submit-approved-time", body, JSON, self._client, tuple(documents))


def _entry(data: dict[str, Any]) -> dict[str, Any]:
    """What a PSA knows of an entry; entity, price and coding are the router's to add."""
    told = ("project_id", "resource_id", "work_date", "minutes", "billable", "notes")
    return {"document_id": Blank.ID} | {name: data[name] for name in told if data[name] is not None}


def _one_each(stream: Stream) -> None:
    if stream.lines != 1:
        raise BadInput(
            f"streams.{stream.name}.lines: {stream.sends} carries one document a request",
            mend="leave lines out",
        )
