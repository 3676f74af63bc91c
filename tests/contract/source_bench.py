"""A CRM or PSA connector before its simulator, over ASGI in virtual time, and what tests do to both."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import httpx

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.canonical.documents import Document
from router.canonical.kinds import Kind, parse
from router.canonical.masters import Project
from router.connectors import kantata as kantata_connector
from router.connectors import salesforce as salesforce_connector
from router.connectors.port import Answer, Connector, Delivery, LookUpAnswer, Observed
from router.landscape import Landscape, System, read_landscape
from router.model import JobId, Operation, SystemId
from simulators.core.firm_data import FirmData
from simulators.core.host import Hosted, host
from simulators.crm import salesforce as salesforce_simulator
from simulators.psa import kantata as kantata_simulator

START = datetime(2026, 10, 30, 18, 0, tzinfo=UTC)
T = TypeVar("T")
NO_FIRM = FirmData(entities={}, tax_codes={}, closed_through={})
_CONNECTORS: Mapping[str, tuple[ModuleType, ModuleType]] = {
    "salesforce": (salesforce_connector, salesforce_simulator),
    "kantata": (kantata_connector, kantata_simulator),
}


@cache
def default_landscape() -> Landscape:
    """The default landscape, read once."""
    return read_landscape()


@dataclass(slots=True)
class Bench:
    """One connector, its simulator, and a person's own client of that simulator."""

    vendor: str
    connector: Connector
    app: Hosted
    clock: VirtualClock
    person: httpx.AsyncClient

    async def drain(
        self, feed: str, cursor: str | None = None, limit: int = 200
    ) -> tuple[list[Observed], str]:
        """Every event until the feed has no more, and the cursor to go on with."""
        events: list[Observed] = []
        for _ in range(1_000):
            page = await self.connector.changes(feed, cursor, limit=limit)
            events += page.events
            cursor = page.cursor
            if not page.more:
                return events, cursor
        msg = "the feed never ends"
        raise AssertionError(msg)

    async def post(self, delivery: Delivery) -> Answer:
        """One answer."""
        (answer,) = (await self.connector.post([delivery])).answers
        return answer

    async def look_up(self, delivery: Delivery) -> LookUpAnswer:
        """One look-up."""
        (answer,) = (await self.connector.look_up([delivery])).answers
        return answer

    def reconnect(
        self, *, secret: str | None = None, timeout_s: int = 5, http: httpx.AsyncClient | None = None
    ) -> None:
        """A fresh connector, as after a restart: it remembers nothing."""
        self.connector = connect(
            self.vendor, self.app, self.clock, secret=secret, timeout_s=timeout_s, http=http
        )


def connect(
    vendor: str,
    app: Hosted,
    clock: VirtualClock,
    *,
    secret: str | None = None,
    timeout_s: int = 5,
    http: httpx.AsyncClient | None = None,
    options: Mapping[str, str] | None = None,
) -> Connector:
    """A connector of a simulator, or of whatever `http` reaches."""
    package, simulator = _CONNECTORS[vendor]
    known = {"env:ID": simulator.CLIENT_ID, "env:SECRET": secret or simulator.CLIENT_SECRET}
    config = System.model_validate(
        {
            "vendor": vendor,
            "role": "crm" if vendor == "salesforce" else "psa",
            "base_url": "http://vendor.example",
            "credentials": {"client_id": "env:ID", "client_secret": "env:SECRET"},
            "timeout_s": timeout_s,
            "options": options or {},
        }
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    made: Connector = package.connect(
        SystemId(vendor),
        config,
        landscape=default_landscape(),
        client=http or httpx.AsyncClient(transport=transport, trust_env=False, timeout=None),
        clock=clock,
        rng=random.Random(1),
        secrets=known.__getitem__,
    )
    return made


def at_the_bench(
    vendor: str,
    story: Callable[[Bench], Awaitable[T]],
    *,
    seed: Mapping[str, Any] | None = None,
    options: Mapping[str, str] | None = None,
) -> T:
    """Run a story in virtual time; the simulator must not have crashed in it."""

    async def main(clock: VirtualClock) -> T:
        _, simulator = _CONNECTORS[vendor]
        sim = simulator.build(
            vendor, {"options": dict(options or {})}, firm=NO_FIRM, clock=clock, rng=random.Random(1)
        )
        app = host(sim, clock=clock, rng=random.Random(2))
        sim.seed(seed or {})
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://vendor.example") as person:
            path = "/services/oauth2/token" if vendor == "salesforce" else "/oauth/token"
            form = {
                "grant_type": "client_credentials",
                "client_id": simulator.CLIENT_ID,
                "client_secret": simulator.CLIENT_SECRET,
            }
            token = (await person.post(path, data=form)).json()["access_token"]
            person.headers["authorization"] = f"Bearer {token}"
            bench = Bench(vendor, connect(vendor, app, clock), app, clock, person)
            told = await story(bench)
        assert app.crashes == []
        return told

    return run(main, start=START)


def project(code: str = "P-UK01-0001", **changed: Any) -> Project:
    """A project document."""
    found = parse(
        {
            "kind": "project",
            "document_id": code,
            "legal_entity": "UK01",
            "region": "EMEA",
            "business_unit": "CONSULTING",
            "accounting_date": "2026-10-30",
            "customer_id": "C-1",
            "contract_id": "K-1",
            "name": "Data platform",
            "currency": "GBP",
            "starts": "2026-11-02",
            "department": "DELIVERY",
            "practice": "DATA",
            "service_line": "BUILD",
            "cost_center": "CC-1",
            **changed,
        }
    )
    assert isinstance(found, Project)
    return found


def payment() -> Document:
    """A payment document; write-backs read their facts, not this."""
    return parse(
        {
            "kind": "payment",
            "document_id": "PAY-1",
            "legal_entity": "UK01",
            "region": "EMEA",
            "business_unit": "CONSULTING",
            "accounting_date": "2026-10-30",
            "customer_id": "C-1",
            "invoice_id": "INV-1",
            "amount": "10.00",
            "currency": "GBP",
            "paid_on": date(2026, 10, 30),
        }
    )


def delivery(
    document: Document,
    operation: Operation = "create",
    facts: Mapping[str, Any] | None = None,
    refs: Mapping[tuple[Kind, str], str] | None = None,
) -> Delivery:
    """A document on its way."""
    return Delivery(
        job_id=JobId(1),
        external_id=document.document_id,
        operation=operation,
        document=document,
        refs=refs or {},
        facts=facts or {},
    )
