"""What the journal's tests share: a clock to turn, documents, a small routing, a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from router.canonical import Document, parse
from router.connectors.port import Exchange
from router.journal.journal import Journal
from router.journal.port import Lease, LeaseSettlement, Pin, Settlement, Submission
from router.model import Decision, Event, SystemId

OLD, NEW, CRM = SystemId("sap_ecc"), SystemId("netsuite"), SystemId("salesforce")
HEADER = {
    "legal_entity": "UK01",
    "region": "EMEA",
    "business_unit": "CONSULTING",
    "accounting_date": "2026-10-31",
}
WORK = {"cost_center": "CC1", "department": "DELIVERY", "practice": "ADVISORY", "service_line": "CONSULTING"}


class Hands:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.at = datetime(2026, 10, 30, 18, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def time_entry(
    name: str, *, project: str = "P1", entity: str = "UK01", minutes: int = 60, adjusts: str = ""
) -> Document:
    own = {
        "kind": "time_entry", "document_id": name, "project_id": project, "resource_id": "R1",
        "work_date": "2026-10-30", "minutes": minutes, "role": "SENIOR", "billable": True, "currency": "GBP",
        "bill_rate": "150.00",
    }  # fmt: skip
    return parse(HEADER | WORK | own | {"legal_entity": entity} | ({"adjusts": adjusts} if adjusts else {}))


def milestone(name: str, *, project: str = "P1", entity: str = "UK01", amount: str = "1000.00") -> Document:
    """A document that does not commute."""
    own = {
        "kind": "milestone", "document_id": name, "project_id": project, "contract_id": "K1", "contract_line": 1,
        "name": "Done", "amount": amount, "currency": "GBP", "completed_on": "2026-10-30",
    }  # fmt: skip
    return parse(HEADER | own | {"legal_entity": entity})


def customer(name: str, *, entity: str = "UK01", title: str = "Acme") -> Document:
    own = {"kind": "customer", "document_id": name, "name": title, "currency": "GBP", "country": "GB"}
    return parse(HEADER | own | {"legal_entity": entity})


def invoice(name: str, *, number: str | None = None, net: str = "100.00") -> Document:
    line = {"line": 1, "description": "Work", "net": net, "tax_code": "T0", "tax": "0.00"}
    own = {
        "kind": "invoice", "document_id": name, "customer_id": "C1", "project_id": "P1", "currency": "GBP",
        "number": number, "lines": [line], "net": net, "tax": "0.00", "total": net, "due_date": "2026-11-30",
    }  # fmt: skip
    return parse(HEADER | own)


def payment(name: str, invoice_id: str) -> Document:
    own = {
        "kind": "payment", "document_id": name, "customer_id": "C1", "project_id": "P1", "invoice_id": invoice_id,
        "amount": "100.00", "currency": "GBP", "paid_on": "2026-10-31",
    }  # fmt: skip
    return parse(HEADER | own)


def submission(
    document: Document | None,
    *,
    client: str = "kantata",
    key: str = "",
    deliver: bool = True,
    verb: str = "",
    **more: object,
) -> Submission:
    name = key or (document.document_id if document else "nobody")
    fields = {
        "client": client, "idempotency_key": name, "received": b'{"as": "received"}', "source": client,
        "event_id": name, "verb": verb or (document.verbs[0] if document else "approved"), "document": document,
        "kind": document.kind if document else "time_entry", "deliver": deliver,
    }  # fmt: skip
    return Submission(**fields | more)  # type: ignore[arg-type]  # the fields of a submission


def routes(document: Document, *, table_version: int, lineage: SystemId | None, pin: Pin | None) -> Decision:
    """Version 1: the old ERP; 2: frozen; 3: the new one; 4: the old with the new as shadow; 5: nothing fits."""
    if pin is not None:
        return Decision(rule="pin", table_version=table_version, authority=pin.authority, why=pin.why)
    if lineage is not None:
        both = NEW if table_version == 4 and lineage == OLD else None
        return Decision(
            rule="lineage",
            table_version=table_version,
            authority=lineage,
            shadow=both,
            why="follows its original",
        )
    if table_version == 2:
        return Decision(rule="freeze", table_version=2, authority=None, hold=True, why="cutover freeze")
    if table_version == 5:
        return Decision(rule="unroutable", table_version=5, authority=None, why="no rule covers it")
    if document.document_id.startswith("RAISES"):
        raise ValueError("this rule is broken")
    authority = NEW if table_version == 3 else OLD
    shadow = NEW if table_version == 4 else None
    return Decision(
        rule="default", table_version=table_version, authority=authority, shadow=shadow, why="default"
    )


async def with_tables(journal: Journal) -> Journal:
    """Versions 1 to 5 of `routes`, published."""
    for version in range(1, 6):
        await journal.publish_table(f"version: {version}\n", version=version, by="tester")
    return journal


async def claim(
    journal: Journal, target: SystemId = OLD, *, lanes: int = 50, jobs: int = 20, lease_s: float = 60
) -> list[Lease]:
    return await journal.claim(worker="w1", target=target, lanes=lanes, jobs_per_lane=jobs, lease_s=lease_s)


def outcome(
    lease: Lease, event: Event = Event.ACCEPTED, *, release: bool = True, **more: object
) -> LeaseSettlement:
    """The same outcome for every job of a lease; an accepted job gets a vendor id."""
    settlements = []
    for job in lease.jobs:
        fields: dict[str, object] = {"job_id": job.job_id, "event": event, "exchange": 0}
        if event in (Event.ACCEPTED, Event.FOUND):
            fields["vendor_id"] = f"{lease.target}-{job.external_id}"
        settlements.append(Settlement(**fields | more))  # type: ignore[arg-type]  # the fields of a settlement
    return LeaseSettlement(
        target=lease.target,
        lane=lease.lane,
        token=lease.token,
        settlements=tuple(settlements),
        exchanges=(Exchange(request="POST /", response="201"),),
        release=release,
    )


async def drain(
    journal: Journal,
    target: SystemId = OLD,
    *,
    event: Event = Event.ACCEPTED,
    turn: Callable[[], None] | None = None,
) -> list[str]:
    """Deliver everything due at a target; external ids in the order delivered."""
    order: list[str] = []
    while leases := await claim(journal, target):
        order += [job.external_id for lease in leases for job in lease.jobs]
        assert all(await journal.settle([outcome(lease, event) for lease in leases]))
        if turn:
            turn()
    return order


def names(leases: Sequence[Lease]) -> list[list[str]]:
    return [[job.external_id for job in lease.jobs] for lease in leases]
