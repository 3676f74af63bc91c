"""Carries documents to one more ERP, through the journal of a router that is up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cutover.loading.port import Name
from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.journal.decisions import lane_of
from router.journal.journal import Journal
from router.journal.port import NewJob, Scope
from router.model import LaneKey, SystemId
from router.workflows.submissions import own_submission

AT_ONCE = 200
"""Documents handed to the journal together: it commits them in groups."""


class RouterLoading:
    """`cutover.loading.port.Loading` over a journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def known(self, scope: Scope, kinds: Sequence[Kind]) -> list[Document]:
        """The newest accepted document of every id of these kinds in the scope."""
        return [one for kind in kinds for one in await self._journal.masters(kind) if scope.covers(one)]

    async def named(self, system: SystemId, names: Sequence[Name]) -> dict[Name, str]:
        """A system's ids of documents."""
        return await self._journal.crosswalk(system, list(names))

    async def outcomes(self, scope: Scope, target: SystemId) -> Mapping[tuple[str, str], tuple[str, str]]:
        """(kind, external id) → (state, why) of what was loaded or shadowed to a system."""
        return await self._journal.shadow_states(target=target, entities=scope.entities)

    async def carry(self, scope: Scope, target: SystemId, kinds: Sequence[Kind]) -> int:
        """Deliver all posted documents of some kinds to one more system."""
        return await self._journal.add_shadow(
            target=target,
            entities=scope.entities,
            kinds=tuple(kinds),
            external_id=lambda document: document.document_id,
        )

    async def give(
        self, target: SystemId, documents: Sequence[tuple[Document, str]], *, scope: Scope, by: str
    ) -> int:
        """Deliver single documents under an external id each; what was given before is left out."""
        given = await self.outcomes(scope, target)
        wanted = [
            (one, external_id) for one, external_id in documents if (one.kind, external_id) not in given
        ]
        for first in range(0, len(wanted), AT_ONCE):
            await asyncio.gather(
                *(
                    self._journal.tell(
                        one.kind, one.document_id, [_job(one, external_id, target)], by=f"load by {by}"
                    )
                    for one, external_id in wanted[first : first + AT_ONCE]
                )
            )
        return len(wanted)

    async def post(self, document: Document, *, target: SystemId, by: str) -> bool:
        """Post an entry of our own to one ERP alone; False: it was posted before."""
        if await self._journal.master(document.kind, document.document_id) is not None:
            return False
        submission = own_submission(
            document,
            source="load",
            event_id=document.document_id,
            verb="posted",
            correlation_id=f"load-{document.document_id}",
            jobs=(_job(document, document.document_id, target),),
            deliver=False,
        )
        await self._journal.accept([replace(submission, notes=(("loaded", {"by": by}),))])
        return True

    async def alias(self, target: SystemId, documents: Sequence[tuple[Document, str]]) -> None:
        """Let documents be found in a system that were given to it under another id than their own."""
        others = [(one, given) for one, given in documents if given != one.document_id]
        known = await self.named(target, [(one.kind, given) for one, given in others])
        rows = {
            (one.kind, one.document_id): known[(one.kind, given)]
            for one, given in others
            if (one.kind, given) in known
        }
        if rows:
            await self._journal.put_crosswalk(target, rows)


def _job(document: Document, external_id: str, target: SystemId) -> NewJob:
    return NewJob(
        target=target,
        role="shadow",
        operation="create",
        external_id=external_id,
        lane=LaneKey(lane_of("shadow", document.ordering_key)),
        kind=document.kind,
    )
