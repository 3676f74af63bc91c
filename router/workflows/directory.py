"""What the router knows of masters, for enrichment: the newest accepted document of each id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any, TypeVar

from router.canonical.documents import Document
from router.canonical.masters import Contract, Customer, Project, RateCard, Resource
from router.canonical.work import ChangeOrder
from router.finance.amendments import Agreement, agreement, register_of
from router.journal.journal import Journal
from router.workflows.enrich import Masters

D = TypeVar("D", bound=Document)
KEPT: tuple[type[Document], ...] = (Customer, Contract, RateCard, Project, Resource)
_NAMES = {model: str(model.model_fields["kind"].annotation.__args__[0]) for model in KEPT}  # type: ignore[union-attr]
_LEARNED = frozenset((*KEPT, ChangeOrder))
_NAMED: tuple[tuple[type[Document], str], ...] = ((Project, "project_id"), (Resource, "resource_id"))
"""Masters that work names, and by which attribute."""
_GROUP: ContextVar[tuple[Directory, set[tuple[str, str]]] | None] = ContextVar("group", default=None)
"""The group this task looks at: whose it is, and what the journal was asked for in it and does not have."""


class Directory:
    """Masters by kind and id, read from the journal at start and kept up with every acceptance.

    Another gateway on the same journal may accept a master this one has not seen, so `find` asks the
    journal before it says there is none.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[tuple[str, str], Document] = {}
        self._contracts: dict[str, dict[int, Contract]] = {}
        self._orders: dict[str, dict[int, ChangeOrder]] = {}
        self._agreements: dict[str, Agreement] = {}
        self.aliases: dict[tuple[str, str], str] = {}
        """(kind, id) to the id of the document that it means: two ids turned out to be one firm."""
        self.contract_changed = asyncio.Event()
        """Set when a contract, change order or project was accepted: what waited for it may go on."""

    @contextmanager
    def group(self) -> Iterator[None]:
        """While a group of documents is looked at, the journal is asked once for a master it does not have.

        What this process accepts meanwhile is found all the same; what another gateway accepts meanwhile
        counts as accepted just after the group. That holds for this task's group alone: one that another
        task began later may come from a sender who was told that the master is there.
        """
        before = _GROUP.set((self, set()))
        try:
            yield
        finally:
            _GROUP.reset(before)

    def _absent(self) -> set[tuple[str, str]] | None:
        """What this task's group found missing; None outside a group."""
        group = _GROUP.get()
        return group[1] if group is not None and group[0] is self else None

    async def foresee(self, documents: Sequence[Document]) -> None:
        """Read the projects and people that documents of a group name in one question each, not one by one."""
        for model, attribute in _NAMED:
            kind = _NAMES[model]
            named = {getattr(one, attribute, None): None for one in documents}
            names = [self.aliases.get((kind, name), name) for name in named if name]
            wanted = [name for name in dict.fromkeys(names) if (kind, name) not in self._known]
            if wanted:
                found = await self._journal.documents(kind, wanted)
                # A newer version may have been accepted while the answer was on its way.
                self.learn(one for name, one in found.items() if (kind, name) not in self._known)
                absent = self._absent()
                if absent is not None:
                    absent.update((kind, name) for name in wanted if name not in found)

    async def load(self) -> None:
        """Read all masters from the journal, every version of the contracts, and the aliases."""
        self.aliases = await self._journal.aliases()
        for kind in _NAMES.values():
            self.learn(await self._journal.masters(kind))
        for kind in ("contract", "change_order"):
            self.learn(await self._journal.every(kind))

    def learn(self, documents: Iterable[Document]) -> None:
        """Keep the masters among some accepted documents."""
        for document in documents:
            if type(document) not in _LEARNED:
                continue  # time and expenses: nine documents of ten
            if isinstance(document, KEPT):
                self._known[(document.kind, document.document_id)] = document
            if isinstance(document, Project):
                self.contract_changed.set()
            if isinstance(document, Contract):
                versions = self._contracts.setdefault(document.document_id, {})
                versions[document.contract_version] = document
                self._agreements.pop(document.document_id, None)
                self.contract_changed.set()
            elif isinstance(document, ChangeOrder):
                orders = self._orders.setdefault(document.contract_id, {})
                orders[document.contract_version] = document
                self._agreements.pop(document.contract_id, None)
                self.contract_changed.set()

    def get(self, model: type[D], document_id: str) -> D | None:
        """A master this process knows; None when it does not."""
        found = self._known.get((_NAMES[model], document_id))
        return found if isinstance(found, model) else None

    async def contract_on(self, contract_id: str, day: date) -> Contract | None:
        """A contract as in force on a day: its lines, end and version of that day; None when unknown.

        Asks the journal which version it stands at, since another gateway may have taken a change.
        """
        found = await self.agreement_of(contract_id)
        return None if found is None else found.on(day)

    async def agreement_of(self, contract_id: str) -> Agreement | None:
        """All versions of a contract, as new as the journal's register of it; None when it is unknown."""
        if contract_id not in self._contracts:
            await self._read_versions(contract_id)
        if contract_id not in self._contracts:
            return None
        found = self._agreement(contract_id)
        register = register_of(contract_id)
        if (await self._journal.registers([register])).get(register, 0) > found.version:
            await self._read_versions(contract_id)
            found = self._agreement(contract_id)
        return found

    async def _read_versions(self, contract_id: str) -> None:
        self.learn(await self._journal.every("contract", [contract_id]))
        kept = await self._journal.kept(["change_order"], contract_id=contract_id)
        self.learn(one.document for one in kept)

    def _agreement(self, contract_id: str) -> Agreement:
        found = self._agreements.get(contract_id)
        if found is None:
            contracts = list(self._contracts[contract_id].values())
            found = agreement(contracts, self._orders.get(contract_id, {}).values())
            self._agreements[contract_id] = found
        return found

    async def masters_of(self, data: Mapping[str, Any]) -> Masters:
        """The masters an observed row refers to by `project_id` and `resource_id`.

        Of a milestone the contract has the lines of the day it was completed on: a change order may have
        brought the line it is billed by.
        """
        project = await self.find(Project, str(data["project_id"])) if data.get("project_id") else None
        contract = await self.find(Contract, project.contract_id) if project else None
        day = _day(data.get("completed_on"))
        if contract is not None and day is not None:
            contract = await self.contract_on(contract.document_id, day) or contract
        card = (
            await self.find(RateCard, contract.rate_card_id) if contract and contract.rate_card_id else None
        )
        resource = await self.find(Resource, str(data["resource_id"])) if data.get("resource_id") else None
        return Masters(project=project, contract=contract, rate_card=card, resource=resource)

    async def find(self, model: type[D], document_id: str) -> D | None:
        """A master, asking the journal when this process does not know it."""
        kind = _NAMES[model]
        document_id = self.aliases.get((kind, document_id), document_id)
        found, absent = self.get(model, document_id), self._absent()
        if found is None and (absent is None or (kind, document_id) not in absent):
            stored = await self._journal.master(kind, document_id)
            found = self.get(model, document_id)
            if found is None and stored is not None:
                self.learn((stored,))
                found = self.get(model, document_id)
            elif stored is None and absent is not None:
                absent.add((kind, document_id))
        return found


def _day(text: object) -> date | None:
    """A day as a source states it; None for what is none, which reading the document will name."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
