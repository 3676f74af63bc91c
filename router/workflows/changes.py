"""Change orders, amendments and renewals: taken in order of version, refused when stale, never applied late.

A version that comes too early is parked with what it waits for, and goes on by itself when that was
accepted: at once in this process, and at every look of the sweep, so that neither a crash between two
commits nor another gateway can strand it. Which version a contract stands at is a register of the
journal, moved on in the commit that accepts the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

import structlog

from router.canonical.kinds import Kind
from router.canonical.masters import Contract, Project
from router.canonical.work import ChangeOrder
from router.errors import BadInput, CoexistError, PeriodClosed
from router.finance.amendments import register_of, standing
from router.finance.caps import refuse_below_taken
from router.finance.caps import register_of as cap_register
from router.journal.journal import Journal
from router.journal.port import Advance, Submission
from router.model import State
from router.workflows.directory import Directory
from router.workflows.period_book import PeriodBook
from router.workflows.submissions import parked, payload_of

log = structlog.get_logger(__name__)
GAP = "version-gap"
SWEEP_S = 300
"""How long a version may wait for nothing: a crash between two commits, or a change another gateway took."""
SOON_S = 5
"""When to look again while the version before is on its way to its ERP."""
ON_ITS_WAY = (State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT)


class ContractVersions:
    """Looks at contracts and change orders before they are accepted.

    A stale version is answered 409 (a feed's is parked as `stale-version`), also where another gateway
    was faster. One that leaves a gap is accepted as parked (202), with what it waits for as `problem`.
    """

    kinds: frozenset[Kind] = frozenset({"change_order", "contract"})
    alone = True

    def __init__(self, *, directory: Directory, journal: Journal, periods: PeriodBook) -> None:
        self._directory = directory
        self._journal = journal
        self._periods = periods

    async def look(self, submission: Submission) -> Submission:
        """Judge one; raises BadInput for what can't be a change, PeriodClosed for one of closed periods.

        Raises CapBelowBilled for the version that follows, where it caps a line below what was taken under it.
        """
        document = submission.document
        if isinstance(document, ChangeOrder):
            return await self._order(submission, document)
        if isinstance(document, Contract) and submission.verb != "cancelled":
            return await self._contract(submission, document)
        return submission

    async def _order(self, submission: Submission, order: ChangeOrder) -> Submission:
        if order.contract_version < 2:
            raise BadInput(
                "contract_version: version 1 is the contract as signed", mend="count change orders from 2 on"
            )
        await self._periods.freshen()
        if self._periods.state_on(order.legal_entity, order.effective) == "closed":
            raise PeriodClosed(
                f"effective: {order.effective} lies in a closed period of {order.legal_entity}, whose work is billed",
                mend="agree on an effective date in an open period",
            )
        contract = await self._directory.find(Contract, order.contract_id)
        if contract is None or await self._directory.find(Project, order.project_id) is None:
            missing = f"contract {order.contract_id}" if contract is None else f"project {order.project_id}"
            return parked(
                submission,
                f"version {order.contract_version} of contract {order.contract_id} waits for {missing}, which has"
                " not come yet: send it from the system that keeps it; this one then goes on by itself",
                GAP,
            )
        if contract.currency != order.currency:
            raise BadInput(
                f"currency: contract {order.contract_id} is in {contract.currency}, not {order.currency}",
                mend="a contract keeps its currency: close it and sign another",
            )
        first = contract.contract_version
        return await self._placed(submission, order, order.contract_id, first)

    async def _contract(self, submission: Submission, contract: Contract) -> Submission:
        name, version = contract.document_id, contract.contract_version
        known = await self._directory.find(Contract, name)
        if known is not None:
            return await self._placed(submission, contract, name, known.contract_version)
        stands = (await self._journal.registers([register_of(name)])).get(register_of(name))
        if stands is None:
            return replace(submission, advance=_stay(name, version, version))
        if version <= stands:  # its changes came before it
            return submission
        return replace(submission, advance=Advance(register=register_of(name), expected=stands, to=version))

    async def _placed(
        self, submission: Submission, document: Contract | ChangeOrder, name: str, first: int
    ) -> Submission:
        register, version = register_of(name), document.contract_version
        stands = (await self._journal.registers([register])).get(register, first)
        where = standing(version, stands)
        if where == "waits":
            return parked(
                submission,
                f"version {version} of contract {name} waits for version {stands + 1}, which has not come yet:"
                f" send version {stands + 1} from the system that keeps the contract; this one then goes on by itself",
                GAP,
            )
        if where == "follows":  # a repeat of one that was taken is not asked: more was taken since
            caps = [cap_register(name, line.line) for line in document.lines if line.cap is not None]
            refuse_below_taken(name, document.lines, await self._journal.registers(caps))
        if where == "stands" and submission.kind == "contract":
            return replace(submission, advance=_stay(name, version, first))
        # Of a stale one the journal says so, after it has looked whether it is only a repeat.
        return replace(
            submission, advance=Advance(register=register, expected=version - 1, to=version, first=first)
        )


def _stay(name: str, version: int, first: int) -> Advance:
    """The same version again: allowed as long as the contract still stands there."""
    return Advance(register=register_of(name), expected=version, to=version, first=first)


class Replay(Protocol):
    """Completes parked transactions and sends them on."""

    async def __call__(self, ids: list[str], *, route: Literal["pinned", "again"], by: str, why: str) -> int:
        """How many went on."""
        ...


class WaitingVersions:
    """Sends the versions on that waited for another one, each once the ERP has the one before it.

    Accepted earlier, a waiting version stands before the one it waits for in their lane; so it goes on
    only when that one is posted.
    """

    def __init__(self, *, directory: Directory, journal: Journal, replay: Replay) -> None:
        self._directory = directory
        self._journal = journal
        self._replay = replay

    async def run(self) -> None:
        """Look whenever a contract changed, and every now and then; until cancelled."""
        changed = self._directory.contract_changed
        while True:
            changed.clear()
            soon = False
            try:
                soon = await self.carry_on()
            except CoexistError as error:
                log.warning("versions_wait", why=error.message)
            try:
                async with asyncio.timeout(SOON_S if soon else SWEEP_S):
                    await changed.wait()
            except TimeoutError:
                continue

    async def carry_on(self) -> bool:
        """Send on every version whose turn it is; whether another look is due soon."""
        waiting = await self._journal.parked(codes=[GAP])
        by_contract: dict[str, list[tuple[int, str, str | None]]] = {}
        for row in waiting:
            payload = payload_of(row["received"]) or {}
            name, version = version_in(row["kind"], payload)
            by_contract.setdefault(name, []).append(
                (version, row["transaction_id"], payload.get("project_id"))
            )
        soon = False
        for name, rows in by_contract.items():
            states = await self._journal.version_states(name)
            before = max(states, default=0)
            ready = [row for row in sorted(rows) if before and standing(row[0], before) == "follows"][:1]
            # One that can't follow any more waits for nothing: a look at it says so, and a person decides.
            stale = [row[1] for row in sorted(rows) if row[0] <= before]
            if stale:
                await self._replay(stale, route="again", by="coexist", why=f"version {before} came")
            for _, transaction_id, project_id in ready:
                stand = {states[before], await self._project_state(project_id)}
                if stand == {State.POSTED}:
                    why = f"version {before} came"
                    await self._replay([transaction_id], route="again", by="coexist", why=why)
                soon = soon or stand <= {State.POSTED, *ON_ITS_WAY}
        return soon

    async def _project_state(self, project_id: str | None) -> State:
        """How the project of a change order stands in its ERP; a contract's own document has none."""
        if project_id is None:
            return State.POSTED
        if await self._directory.find(Project, project_id) is None:
            return State.PARKED
        rows = [row for row in await self._journal.not_posted(project_id) if row["kind"] == "project"]
        return State(rows[-1]["state"]) if rows else State.POSTED


def version_in(kind: Kind, payload: Mapping[str, Any]) -> tuple[str, int]:
    """Contract and version a parked payload names."""
    name = payload.get("document_id" if kind == "contract" else "contract_id")
    version = payload.get("contract_version", 1)
    return str(name), version if isinstance(version, int) else 0
