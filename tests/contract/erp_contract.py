"""What every ERP connector promises, checked against its simulator over ASGI in virtual time.

An ERP's test module makes a `Bench` factory and hands it to the functions here; `chain` is a
customer, rate card, contract and project of one entity, and the documents below hang on them.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import httpx

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.canonical.billing import BillingEvent, CreditMemo, Invoice, Payment
from router.canonical.documents import Document
from router.canonical.kinds import Kind, parse
from router.connectors.port import Answer, Connector, Delivery, LookUpAnswer, NoAnswer, Posted, Result
from router.landscape import Landscape, System, read_landscape
from router.model import JobId, Operation, SystemId
from simulators.core.firm_data import firm_data
from simulators.core.fleet import build_simulator
from simulators.core.host import Hosted, host

START = datetime(2026, 10, 30, 18, 0, tzinfo=UTC)
T = TypeVar("T")
Connect = Callable[..., Connector]


@dataclass(slots=True)
class Bench:
    """One connector, its simulator, and a crosswalk filled as documents are posted."""

    connector: Connector
    app: Hosted
    clock: VirtualClock
    refs: dict[tuple[Kind, str], str] = field(default_factory=dict)
    _job: int = 0

    def delivery(
        self, document: Document, operation: Operation = "create", external_id: str = ""
    ) -> Delivery:
        """A document on its way, with the crosswalk as it stands."""
        self._job += 1
        return Delivery(
            job_id=JobId(self._job),
            external_id=external_id or document.document_id,
            operation=operation,
            document=document,
            refs=dict(self.refs),
        )

    async def post(self, *documents: Document, operation: Operation = "create") -> list[Answer]:
        """Post documents of one kind; what was posted goes to the crosswalk, invoices made included."""
        result = await self.result(*documents, operation=operation)
        return list(result.answers)

    async def result(self, *documents: Document, operation: Operation = "create") -> Result:
        """As `post`, with the exchange."""
        result = await self.connector.post([self.delivery(document, operation) for document in documents])
        for document, answer in zip(documents, result.answers, strict=True):
            if isinstance(answer, Posted):
                self.refs[document.kind, document.document_id] = answer.vendor_id
                for made in answer.created:
                    self.refs[made.kind, made.document_id] = answer.vendor_id
        return result

    async def posted(self, document: Document) -> Posted:
        """Post one document that must be taken."""
        (answer,) = await self.post(document)
        assert isinstance(answer, Posted), answer
        return answer

    async def look_up(self, *documents: Document, operation: Operation = "create") -> list[LookUpAnswer]:
        """Ask for documents by external id."""
        found = await self.connector.look_up([self.delivery(document, operation) for document in documents])
        return list(found.answers)

    async def chain(self, entity: str = "UK01", *, fixed_fee: bool = False) -> None:
        """Customer, rate card, contract and project `…-<entity>`."""
        for document in chain(entity, fixed_fee=fixed_fee):
            await self.posted(document)

    def documents(self, row_type: str) -> list[Mapping[str, Any]]:
        """What the ERP's back door says it holds of a type."""
        return [row for row in self.app.sim.state()["documents"] if row["type"] == row_type]


def bench(
    test: Callable[[Bench], Awaitable[T]],
    *,
    system: str,
    connect: Connect,
    secrets: Mapping[str, str],
    faults: Sequence[Mapping[str, Any]] = (),
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    seed: int = 7,
) -> T:
    """Run a test on a fresh connector and simulator in virtual time; `change` edits the system's config.

    `secrets` are by credential name. Fails when the simulator crashed.
    """
    data = deepcopy(_default())
    change(data["systems"][system])
    changed = Landscape.model_validate(data)

    async def main(clock: VirtualClock) -> T:
        sim = build_simulator(system, data["systems"][system], firm=firm_data(data), clock=clock, seed=seed)
        app = host(sim, clock=clock, rng=random.Random(f"{seed}/host"), faults=faults)
        config = changed.systems[SystemId(system)]
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            connector = connect(
                SystemId(system),
                config,
                landscape=changed,
                client=client,
                clock=clock,
                rng=random.Random(f"{seed}/connector"),
                secrets=_secrets(config, secrets),
            )
            result = await test(Bench(connector, app, clock))
            await connector.aclose()
        assert app.crashes == []
        return result

    return run(main, start=START)


@cache
def _default() -> dict[str, Any]:
    return read_landscape().model_dump(mode="json", by_alias=True)


def _secrets(config: System, values: Mapping[str, str]) -> Callable[[str], str]:
    by_reference = {reference: values[name] for name, reference in config.credentials.items()}
    return lambda reference: by_reference[reference]


# Documents


def make(kind: Kind, document_id: str, entity: str = "UK01", **fields: Any) -> Document:
    """A canonical document with a header that fits the default landscape."""
    regions = {"US01": "AMER", "UK01": "EMEA", "DE01": "EMEA", "SG01": "APAC", "JP01": "APAC", "BH01": "EMEA"}
    head = {
        "kind": kind,
        "document_id": document_id,
        "legal_entity": entity,
        "region": regions[entity],
        "business_unit": "CONSULTING",
        "accounting_date": "2026-10-30",
    }
    return parse(head | fields)


CURRENCY = {"US01": "USD", "UK01": "GBP", "DE01": "EUR", "SG01": "SGD", "JP01": "JPY", "BH01": "BHD"}
TAX = {
    "US01": "US-EXEMPT",
    "UK01": "GB-STD",
    "DE01": "DE-STD",
    "SG01": "SG-STD",
    "JP01": "JP-STD",
    "BH01": "BH-STD",
}
DIMS = {
    "department": "DELIVERY",
    "practice": "ADVISORY",
    "service_line": "CONSULTING",
    "cost_center": "UK01200",
}


def chain(entity: str = "UK01", *, fixed_fee: bool = False) -> list[Document]:
    """Masters in the order of their needs."""
    currency = CURRENCY[entity]
    kinds = ("time", "expenses", "milestones")
    lines = [
        {
            "line": at,
            "bills": bills,
            "description": bills,
            "tax_code": TAX[entity],
            "service_line": "CONSULTING",
        }
        | ({"fee": "25000"} if bills == "milestones" else {})
        for at, bills in enumerate(kinds, start=1)
    ]
    return [
        make("customer", f"C-{entity}", entity, name="Tōkyō & Söhne", currency=currency, country=entity[:2].replace("UK", "GB"),
             tax_registration="GB123", payment_terms_days=14, email="ap@client.example", address="1 Quay"),
        make("rate_card", f"R-{entity}", entity, currency=currency, name="Standard",
             rates=[{"role": "SENIOR", "hourly": "150", "starts": "2026-01-01"}]),
        make("contract", f"K-{entity}", entity, customer_id=f"C-{entity}", currency=currency,
             billing="fixed_fee" if fixed_fee else "time_and_materials", rate_card_id=f"R-{entity}",
             starts="2026-09-01", ends="2027-08-31", lines=lines),
        make("project", f"P-{entity}", entity, customer_id=f"C-{entity}", contract_id=f"K-{entity}",
             name="Move to the cloud", currency=currency, starts="2026-09-01", **DIMS),
    ]  # fmt: skip


def time_entry(
    n: int, entity: str = "UK01", *, minutes: int = 440, rate: str = "150", **fields: Any
) -> Document:
    """Time `T-<n>` of a senior on the entity's project."""
    given = {
        "project_id": f"P-{entity}",
        "resource_id": "E-1",
        "work_date": "2026-10-28",
        "minutes": minutes,
        "role": "SENIOR",
        "billable": True,
        "currency": CURRENCY[entity],
        "bill_rate": rate,
        **DIMS,
    }
    return make("time_entry", f"T-{n}", entity, **(given | fields))


def expense_item(n: int, entity: str = "UK01", amount: str = "19.99", **fields: Any) -> Document:
    """Expense `X-<n>`."""
    given = {
        "project_id": f"P-{entity}",
        "resource_id": "E-1",
        "expense_date": "2026-10-27",
        "category": "TRAVEL",
        "billable": True,
        "amount": amount,
        "currency": CURRENCY[entity],
        **DIMS,
    }
    return make("expense_item", f"X-{n}", entity, **(given | fields))


def milestone(n: int, entity: str = "UK01", amount: str = "25000") -> Document:
    """Milestone `M-<n>` on contract line 3."""
    return make("milestone", f"M-{n}", entity, project_id=f"P-{entity}", contract_id=f"K-{entity}", contract_line=3,
                name="Design accepted", amount=amount, currency=CURRENCY[entity], completed_on="2026-10-29")  # fmt: skip


def billing_event(n: int = 1, entity: str = "UK01") -> BillingEvent:
    """Bill everything of the entity's project through October 2026."""
    event = make("billing_event", f"BE-{n}", entity, project_id=f"P-{entity}", customer_id=f"C-{entity}",
                 contract_id=f"K-{entity}", currency=CURRENCY[entity], period="2026-10", through="2026-10-31")  # fmt: skip
    assert isinstance(event, BillingEvent)
    return event


def invoice(n: int, entity: str = "UK01", net: str = "100", tax: str = "20", total: str = "120") -> Invoice:
    """A direct invoice `IN-<n>` of one line."""
    document = make("invoice", f"IN-{n}", entity, customer_id=f"C-{entity}", project_id=f"P-{entity}",
                    contract_id=f"K-{entity}", currency=CURRENCY[entity], net=net, tax=tax, total=total,
                    due_date="2026-11-13",
                    lines=[{"line": 1, "description": "Advice", "minutes": 40, "net": net, "tax_code": TAX[entity],
                            "tax": tax, **DIMS}])  # fmt: skip
    assert isinstance(document, Invoice)
    return document


def credit_memo(n: int, of: Invoice) -> CreditMemo:
    """A credit of a whole invoice."""
    lines = [line.model_dump(mode="json", exclude_none=True) for line in of.lines]
    document = make("credit_memo", f"CM-{n}", of.legal_entity, customer_id=of.customer_id, project_id=of.project_id,
                    currency=of.currency, net=str(of.net), tax=str(of.tax), total=str(of.total), lines=lines,
                    invoice_id=of.document_id, reason="Agreed")  # fmt: skip
    assert isinstance(document, CreditMemo)
    return document


def payment(n: int, of: Invoice, amount: str) -> Payment:
    """Money received for an invoice."""
    document = make("payment", f"PY-{n}", of.legal_entity, customer_id=of.customer_id, project_id=of.project_id,
                    invoice_id=of.document_id, amount=amount, currency=of.currency, paid_on="2026-10-30",
                    bank_reference="BANK 42")  # fmt: skip
    assert isinstance(document, Payment)
    return document


# Promises, one function each: an ERP's test module calls them with its own `bench`

Run = Callable[..., Any]


def promises_every_kind(run_bench: Run, kinds: Sequence[Kind]) -> None:
    """Each kind is taken, found again by look-up under the same vendor id, and counted once in the ERP."""

    async def test(bench: Bench) -> None:
        assert set(kinds) == bench.connector.capabilities.kinds
        await bench.chain()
        direct = invoice(1)
        documents: list[Document] = [
            *([make("resource", "E-1", name="Ada Lovelace", role="SENIOR", department="DELIVERY",
                    cost_center="UK01200", currency="GBP", cost_rates=[{"hourly": "61.50", "starts": "2026-01-01"}])] if "resource" in kinds else []),
            time_entry(1), expense_item(1), milestone(1), direct, credit_memo(1, direct), invoice(2),
            payment(1, invoice(2), "120"), billing_event(),
        ]  # fmt: skip
        for document in documents:
            posted = await bench.posted(document)
            (found,) = await bench.look_up(document)
            assert isinstance(found, Posted), document.kind
            assert found.vendor_id == posted.vendor_id
            assert found.created == posted.created

    run_bench(test)


def promises_exactly_once_after_a_lost_answer(
    run_bench: Run, document: Document, row_type: str, path: str
) -> None:
    """The answer is lost after the ERP acted: no answer, then the look-up finds it, and there is one."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(900))
        held = len(bench.documents(row_type))
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "path": path, "first": 1}]
        (answer,) = await bench.post(document)
        assert isinstance(answer, NoAnswer), answer
        assert bench.app.faults.fired["lost"] == 1
        (found,) = await bench.look_up(document)
        assert isinstance(found, Posted), found
        assert len(bench.documents(row_type)) == held + 1

    run_bench(test)


# The wider books: what planning, agreements, charges and the ledger add


def contact(n: int, entity: str = "UK01") -> Document:
    """A person `CT-<n>` at the entity's customer."""
    return make(
        "contact", f"CT-{n}", entity, customer_id=f"C-{entity}", name="Kim Ōta", email="kim@client.example"
    )


def task(n: int, entity: str = "UK01") -> Document:
    """Task `TK-<n>` of the entity's project."""
    return make("task", f"TK-{n}", entity, project_id=f"P-{entity}", name="Design", billable=True)


def resource(entity: str = "UK01", **fields: Any) -> Document:
    """The person `E-1` whom time entries are of."""
    given = {"name": "Ada Lovelace", "role": "SENIOR", "department": "DELIVERY", "cost_center": "UK01200",
             "currency": CURRENCY[entity], "cost_rates": [{"hourly": "61.50", "starts": "2026-01-01"}]}  # fmt: skip
    return make("resource", "E-1", entity, **(given | fields))


def assignment(n: int, entity: str = "UK01", minutes: int = 4800) -> Document:
    """Eighty hours of `E-1` on the entity's project in November."""
    return make("assignment", f"AS-{n}", entity, project_id=f"P-{entity}", resource_id="E-1", role="SENIOR",
                starts="2026-11-02", ends="2026-11-13", minutes=minutes)  # fmt: skip


def contract_line(line: int, bills: str, entity: str = "UK01", **fields: Any) -> dict[str, Any]:
    """One line of a contract or change order."""
    return {
        "line": line,
        "bills": bills,
        "description": bills,
        "tax_code": TAX[entity],
        "service_line": "CONSULTING",
        **fields,
    }


def change_order(
    n: int, version: int, lines: Sequence[Mapping[str, Any]], entity: str = "UK01", **fields: Any
) -> Document:
    """Change order `CO-<n>`: the contract as it then stands, from 1 October."""
    given = {"project_id": f"P-{entity}", "contract_id": f"K-{entity}", "currency": CURRENCY[entity],
             "contract_version": version, "effective": "2026-10-01", "reason": "More scope"}  # fmt: skip
    return make("change_order", f"CO-{n}", entity, lines=list(lines), **(given | fields))


def charge(n: int, entity: str = "UK01", amount: str = "900", line: int = 4, **fields: Any) -> Document:
    """Charge `CH-<n>` for October on a contract line."""
    given = {"project_id": f"P-{entity}", "contract_id": f"K-{entity}", "contract_line": line, "name": "Support October",
             "amount": amount, "currency": CURRENCY[entity], "service_from": "2026-10-01",
             "service_until": "2026-10-31"}  # fmt: skip
    return make("charge", f"CH-{n}", entity, **(given | fields))


def write_off(n: int, of: Invoice, amount: str) -> Document:
    """What will not be paid of an invoice."""
    return make("write_off", f"WO-{n}", of.legal_entity, customer_id=of.customer_id, project_id=of.project_id,
                invoice_id=of.document_id, amount=amount, currency=of.currency, reason="Insolvent",
                approved_by="finance")  # fmt: skip


def revenue_schedule(n: int, entity: str = "UK01") -> Document:
    """A plan of two months on contract line 3."""
    return make("revenue_schedule", f"RS-{n}", entity, project_id=f"P-{entity}", contract_id=f"K-{entity}",
                currency=CURRENCY[entity], contract_line=3, method="straight_line",
                lines=[{"period": "2026-10", "amount": "12500"}, {"period": "2026-11", "amount": "12500"}])  # fmt: skip


def journal_entry(n: int, entity: str = "UK01", amount: str = "123.45", **fields: Any) -> Document:
    """Recognised revenue `JE-<n>`: deferred revenue to revenue."""
    given: dict[str, Any] = {
        "purpose": "revenue",
        "project_id": f"P-{entity}",
        "currency": CURRENCY[entity],
        "text": "October",
        "lines": [
            {"line": 1, "account": "DEFERRED_REVENUE", "amount": amount, "text": "October", **DIMS},
            {"line": 2, "account": "REVENUE", "amount": f"-{amount}", "text": "October", **DIMS},
        ],
    }
    return make("journal_entry", f"JE-{n}", entity, **(given | fields))


WIDER = frozenset(
    {
        "contact",
        "task",
        "assignment",
        "charge",
        "change_order",
        "write_off",
        "revenue_schedule",
        "journal_entry",
    }
)
"""Kinds of the wider books, in both ERPs."""


async def wider_documents(bench: Bench) -> list[Document]:
    """One of each wider kind, posted in their order upon the chain; the change order adds a retainer as line 4."""
    await bench.chain()
    direct = invoice(1)
    lines = [
        contract_line(1, "time", cap="5000"),
        contract_line(2, "expenses", markup_basis_points=1000),
        contract_line(3, "milestones", fee="25000", revenue="milestone"),
        contract_line(4, "retainer", fee="900"),
    ]
    documents: list[Document] = [
        contact(1), task(1), resource(), assignment(1), change_order(1, 2, lines), charge(1), direct,
        write_off(1, direct, "20.50"), revenue_schedule(1), journal_entry(1),
    ]  # fmt: skip
    for document in documents:
        posted = await bench.posted(document)
        (found,) = await bench.look_up(document)
        assert isinstance(found, Posted), document.kind
        assert found.vendor_id == posted.vendor_id, document.kind
    return documents


def promises_wider_kinds(run_bench: Run) -> None:
    """Planning, agreements, charges and ledger entries are taken, found again, and read back alike by every ERP.

    A journal entry's net is nothing, since it balances; its total is the sum of its debits.
    """

    async def test(bench: Bench) -> None:
        assert bench.connector.capabilities.kinds >= WIDER
        await wider_documents(bench)

        async def read(kind: str) -> tuple[Any, ...]:
            (record,) = [
                record
                for record in await bench.connector.read_back(
                    kind, legal_entities=["UK01", "US01"], since="2026-10-01", until="2026-10-31"
                )
                if record.external_id.endswith("-1")
            ]
            assert (record.kind, record.legal_entity) == (kind, "UK01")
            return (
                record.external_id, record.status, record.project_id, record.customer_id, record.net_minor,
                record.total_minor, record.minutes,
            )  # fmt: skip

        assert await read("contact") == ("CT-1", "active", "", "C-UK01", None, None, None)
        assert await read("task") == ("TK-1", "active", "P-UK01", "C-UK01", None, None, None)
        assert await read("assignment") == ("AS-1", "active", "P-UK01", "C-UK01", None, None, 4800)
        assert await read("change_order") == ("CO-1", "posted", "P-UK01", "C-UK01", None, None, None)
        assert await read("charge") == ("CH-1", "posted", "P-UK01", "C-UK01", 90000, 90000, None)
        assert await read("write_off") == ("WO-1", "posted", "P-UK01", "C-UK01", 2050, 2050, None)
        assert await read("revenue_schedule") == (
            "RS-1",
            "posted",
            "P-UK01",
            "C-UK01",
            2500000,
            2500000,
            None,
        )
        assert await read("journal_entry") == ("JE-1", "posted", "P-UK01", "", 0, 12345, None)
        (entry,) = await bench.connector.read_back(
            "journal_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-10-31"
        )
        assert [(line["account"], line["net_minor"]) for line in entry.lines] == [
            ("DEFERRED_REVENUE", 12345),
            ("REVENUE", -12345),
        ]

    run_bench(test)
