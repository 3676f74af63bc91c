"""The people of the firm: plays the workload against CRM, PSA, gateway, as their screens would.

They act on the systems' own APIs at their times; what the router makes of it is what is rehearsed.
People retry: a refused or unanswered request is repeated until it is taken, so that the load is the
same whatever the router went through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from cutover.rehearsal.virtual_time import VirtualClock
from cutover.rehearsal.world import GatewayGone, World
from router.canonical.kinds import parse
from router.canonical.money import Money
from router.clock import to_text
from router.errors import Broken
from router.model import SystemId
from simulators.firm.actions import GATEWAY, Action, CreditInvoice, OnInvoice, PayInvoice, Step

RETRY_S = 60
RETRIES_MAX = 2_000
"""More than a day of trying: longer than any outage a plan may contain."""
REQUESTS_RECENT = 50
"""Requests of a system among which a person's own of just now is found."""
ALREADY = (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""What a system says of something it has done already, when the answer to it was lost."""
LOAD_LINES = 1_000


@dataclass(slots=True)
class Tally:
    """What the population did; compared with the journal by the checkers."""

    requests: int = 0
    retries: int = 0
    unpaid: list[str] = field(default_factory=list)
    """Invoices that never appeared, so their payments never happened."""
    refused: list[dict[str, Any]] = field(default_factory=list)


class Population:
    """Plays the steps of a workload in virtual time; each step by somebody of their own."""

    def __init__(self, *, world: World, clock: VirtualClock, until_s: float) -> None:
        self._world = world
        self._clock = clock
        self._until_s = until_s
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._queues: dict[tuple[str, str], list[asyncio.Event]] = {}
        """Of each system and entity: what could not be done yet, and what waits behind it."""
        self.tally = Tally()

    async def load(self, events: Sequence[Mapping[str, Any]]) -> None:
        """The initial load: every master as a CloudEvent through the gateway's batch endpoint."""
        for start in range(0, len(events), LOAD_LINES):
            body = b"\n".join(orjson.dumps(event) for event in events[start : start + LOAD_LINES])
            answer = None
            while answer is None:
                try:
                    answer = await self._world.call(
                        "POST", "/v1/transactions:batch", content=body, client="initial-load"
                    )
                except GatewayGone:
                    self.tally.retries += 1
            told = answer.json()
            if answer.status_code != 200:
                raise Broken(f"the initial load was refused: {told}")
            self.tally.refused += [row for row in told["results"] if row["status"] >= 400]

    async def play(self, steps: Iterable[Step]) -> None:
        """Do every step at its time, and wait until all are done."""
        async with asyncio.TaskGroup() as group:
            for step in steps:
                await self._clock.sleep_until(step.at)
                if isinstance(step, Action) and step.system != GATEWAY:
                    group.create_task(self._act(step))
                elif isinstance(step, Action):
                    group.create_task(self._submit(step.actor, step.json, path=step.path))
                else:
                    group.create_task(self._settle(step))

    async def _act(self, step: Action) -> None:
        """Who can't get something through does not go on with what comes after it: no approval is taken back
        before it was given. Where everything works, nobody waits for anybody."""
        queue = self._queues.setdefault((step.system, step.entity), [])
        done = asyncio.Event()
        if queue:
            before = queue[-1]
            queue.append(done)
            await before.wait()
        try:
            await self._insist(step, queue, done)
        finally:
            done.set()
            if done in queue:
                queue.remove(done)

    async def _insist(self, step: Action, queue: list[asyncio.Event], done: asyncio.Event) -> None:
        client = self._clients.get(step.system)
        if client is None:
            client = self._clients[step.system] = self._world.network.client(SystemId(step.system))
        url = self._world.address(step.system) + step.path
        headers = {"authorization": await self._world.badge(step.system), "content-type": "application/json"}
        body = orjson.dumps(step.json)
        unsure = False
        for _ in range(RETRIES_MAX):
            self.tally.requests += 1
            answer = await client.request(step.method, url, content=body, headers=headers)
            if answer.status_code == step.expect:
                return
            unsure = unsure or self._spoilt(step)
            if unsure and answer.status_code in ALREADY:
                return
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                headers["authorization"] = await self._world.badge(step.system, fresh=True)
                continue
            if answer.status_code not in (429, 500, 502, 503, 504) and not (unsure and answer.is_success):
                raise Broken(
                    f"{step.what}: {step.method} {step.path} answered {answer.status_code}: {answer.text[:300]}"
                )
            self.tally.retries += 1
            unsure = unsure or answer.status_code != HTTPStatus.TOO_MANY_REQUESTS
            if done not in queue:
                queue.append(done)
            await asyncio.sleep(RETRY_S)
        raise Broken(f"{step.what}: {step.system} never took it")

    def _spoilt(self, step: Action) -> bool:
        """Whether a fault lay on the request: then what came back says little about what was done."""
        recent = self._world.simulators[step.system].requests.last(REQUESTS_RECENT)
        return any(entry.faults for entry in recent if (entry.method, entry.path) == (step.method, step.path))

    async def _submit(self, client: str, event: Mapping[str, Any], *, path: str = "/v1/transactions") -> None:
        body = orjson.dumps(event)
        shown = str(event.get("id") or path)
        for _ in range(RETRIES_MAX):
            self.tally.requests += 1
            try:
                answer = await self._world.call("POST", path, content=body, client=client)
            except GatewayGone:
                answer = None
            if answer is not None and answer.status_code in (200, 202):
                return
            if answer is not None and answer.status_code not in (409, 429, 503):
                self.tally.refused.append(
                    {"event": shown, "status": answer.status_code, "problem": answer.json()}
                )
                return
            self.tally.retries += 1
            await asyncio.sleep(RETRY_S)
        raise Broken(f"{shown}: the gateway never took it")

    async def _ask(self, path: str) -> httpx.Response | None:
        try:
            return await self._world.call("GET", path)
        except GatewayGone:
            return None

    async def _settle(self, step: PayInvoice | CreditInvoice | OnInvoice) -> None:
        invoice_id = _invoice_id(step)
        while True:
            answer = await self._ask(f"/v1/documents/invoice/{invoice_id}")
            if answer is not None and answer.status_code == 200:
                break
            if asyncio.get_running_loop().time() > self._until_s:
                self.tally.unpaid.append(invoice_id)
                return
            await asyncio.sleep(15 * RETRY_S)
        if isinstance(step, OnInvoice):
            await self._submit(step.actor, process_body(step, answer.json()), path=step.path)
            return
        event = (
            payment_event(step, answer.json())
            if isinstance(step, PayInvoice)
            else credit_event(step, answer.json())
        )
        if event is not None:
            await self._submit(step.actor, event | {"time": to_text(self._clock.now())})


def process_body(step: OnInvoice, invoice: Mapping[str, Any]) -> dict[str, Any]:
    """What a process API is asked about an invoice that stands."""
    body: dict[str, Any] = {"invoice_id": invoice["document_id"], **step.body}
    if step.share is not None:
        body["amount"] = str(_share(invoice["total"], invoice["currency"], step.share))
    return body


def _invoice_id(step: PayInvoice | CreditInvoice | OnInvoice) -> str:
    if isinstance(step, PayInvoice) and step.invoice_id is not None:
        return step.invoice_id
    return f"INV-{step.billing_event_id}"


def payment_event(step: PayInvoice, invoice: Mapping[str, Any]) -> dict[str, Any] | None:
    """A payment of a share of an invoice; None when the share is nothing."""
    amount = _share(invoice["total"], invoice["currency"], step.share)
    if amount.minor == 0:
        return None
    day = step.at.date().isoformat()
    data = {
        "kind": "payment", "document_id": step.payment_id, "legal_entity": invoice["legal_entity"],
        "region": invoice["region"], "business_unit": step.business_unit, "accounting_date": day,
        "customer_id": step.customer_id, "project_id": step.project_id, "invoice_id": invoice["document_id"],
        "amount": str(amount), "currency": invoice["currency"], "paid_on": day, "bank_reference": step.payment_id,
    }  # fmt: skip
    return _event(data, "received", "/bank/statements")


def credit_event(step: CreditInvoice, invoice: Mapping[str, Any]) -> dict[str, Any] | None:
    """A credit memo over a share of each line of an invoice; None when it would be nothing."""
    currency = invoice["currency"]
    lines: list[dict[str, Any]] = []
    for at, line in enumerate(invoice["lines"], start=1):
        kept = {
            name: line[name]
            for name in ("department", "practice", "service_line", "cost_center")
            if name in line
        }
        lines.append(
            kept | {
                "line": at, "description": line["description"], "tax_code": line["tax_code"],
                "net": str(_share(line["net"], currency, step.share)), "tax": str(_share(line["tax"], currency, step.share)),
            }
        )  # fmt: skip
    net = sum(Money.parse(line["net"], currency).minor for line in lines)
    tax = sum(Money.parse(line["tax"], currency).minor for line in lines)
    if net == 0:
        return None
    data = {
        "kind": "credit_memo", "document_id": step.credit_memo_id, "legal_entity": invoice["legal_entity"],
        "region": invoice["region"], "business_unit": step.business_unit, "accounting_date": step.at.date().isoformat(),
        "customer_id": step.customer_id, "project_id": step.project_id, "contract_id": invoice.get("contract_id"),
        "currency": currency, "lines": lines, "net": str(Money(net, currency)), "tax": str(Money(tax, currency)),
        "total": str(Money(net + tax, currency)), "invoice_id": invoice["document_id"], "reason": step.reason,
    }  # fmt: skip
    return _event(
        {name: value for name, value in data.items() if value is not None}, "issued", "/billing-desk"
    )


def _event(data: dict[str, Any], verb: str, source: str) -> dict[str, Any]:
    document = parse({name: value for name, value in data.items() if value is not None})
    return {
        "specversion": "1.0",
        "id": document.document_id,
        "source": source,
        "type": f"coexist.{document.kind}.{verb}.v{document.version}",
        "datacontenttype": "application/json",
        "data": document.model_dump(mode="json", exclude_none=True),
    }


def _share(amount: str, currency: str, share: Fraction) -> Money:
    whole = Money.parse(amount, currency)
    return Money(whole.minor * share.numerator // share.denominator, currency)
