"""What a load asks of a router, beside the reading questions of gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.journal.port import Scope
from router.model import SystemId

Name = tuple[Kind, str]
"""Kind and our id of a document."""


class Loading(Protocol):
    """A narrow door to the journal: documents it knows, and deliveries of them to one more ERP."""

    async def known(self, scope: Scope, kinds: Sequence[Kind]) -> list[Document]:
        """The newest accepted document of every id of these kinds in the scope, in order of acceptance."""
        ...

    async def named(self, system: SystemId, names: Sequence[Name]) -> dict[Name, str]:
        """A system's ids of documents; those it was never seen to have are left out."""
        ...

    async def outcomes(self, scope: Scope, target: SystemId) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(kind, external id) → (state, why) of what was loaded or shadowed to a system."""
        ...

    async def carry(self, scope: Scope, target: SystemId, kinds: Sequence[Kind]) -> int:
        """Deliver all posted documents of some kinds to one more system; what it was given before is left out."""
        ...

    async def give(
        self, target: SystemId, documents: Sequence[tuple[Document, str]], *, scope: Scope, by: str
    ) -> int:
        """Deliver single documents under an external id each; what was given before is left out."""
        ...

    async def post(self, document: Document, *, target: SystemId, by: str) -> bool:
        """Post an entry of our own to one ERP alone; False: it was posted before."""
        ...

    async def alias(self, target: SystemId, documents: Sequence[tuple[Document, str]]) -> None:
        """Let documents be found in a system that were given to it under another id than their own."""
        ...
