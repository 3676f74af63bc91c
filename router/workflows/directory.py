"""What the router knows of masters, for enrichment: the newest accepted document of each id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from router.canonical.documents import Document
from router.canonical.masters import Contract, Customer, Project, RateCard, Resource
from router.journal.journal import Journal
from router.workflows.enrich import Masters

D = TypeVar("D", bound=Document)
KEPT: tuple[type[Document], ...] = (Customer, Contract, RateCard, Project, Resource)
_NAMES = {model: str(model.model_fields["kind"].annotation.__args__[0]) for model in KEPT}  # type: ignore[union-attr]


class Directory:
    """Masters by kind and id, read from the journal at start and kept up with every acceptance.

    Another gateway on the same journal may accept a master this one has not seen, so `find` asks the
    journal before it says there is none.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[tuple[str, str], Document] = {}

    async def load(self) -> None:
        """Read all masters from the journal."""
        for kind in _NAMES.values():
            self.learn(await self._journal.masters(kind))

    def learn(self, documents: Iterable[Document]) -> None:
        """Keep the masters among some accepted documents."""
        for document in documents:
            if isinstance(document, KEPT):
                self._known[(document.kind, document.document_id)] = document

    def get(self, model: type[D], document_id: str) -> D | None:
        """A master this process knows; None when it does not."""
        found = self._known.get((_NAMES[model], document_id))
        return found if isinstance(found, model) else None

    async def masters_of(self, data: Mapping[str, Any]) -> Masters:
        """The masters an observed row refers to by `project_id` and `resource_id`."""
        project = await self.find(Project, str(data["project_id"])) if data.get("project_id") else None
        contract = await self.find(Contract, project.contract_id) if project else None
        card = (
            await self.find(RateCard, contract.rate_card_id) if contract and contract.rate_card_id else None
        )
        resource = await self.find(Resource, str(data["resource_id"])) if data.get("resource_id") else None
        return Masters(project=project, contract=contract, rate_card=card, resource=resource)

    async def find(self, model: type[D], document_id: str) -> D | None:
        """A master, asking the journal when this process does not know it."""
        found = self.get(model, document_id)
        if found is None:
            stored = await self._journal.master(_NAMES[model], document_id)
            if stored is not None:
                self.learn((stored,))
            found = self.get(model, document_id)
        return found
