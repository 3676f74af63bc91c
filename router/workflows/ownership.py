"""The vet that keeps masters' attributes with their owners: the matrix applied to what comes in.

It stands before the journal, and this gateway accepts no other master while it compares with the newest
version; a master sent twice in one batch is two commits (`Intake.accept`). Another gateway may take a
change of the same master meanwhile: so what was judged is accepted only while the master stands as it was
read (a register of the journal counts its changes), and is judged anew otherwise. Not counted are versions
that the firm's own processes accept together with a settlement.
"""

from __future__ import annotations

from dataclasses import replace

from router.canonical.kinds import KINDS, Kind
from router.canonical.ownership import Clash, Ownership, Role, judge
from router.journal.identity import NewConflict
from router.journal.journal import Journal
from router.journal.port import Advance, Submission
from router.landscape import Landscape
from router.model import SystemId

OWN_CLIENT = "coexist"
"""Our own processes and people's decisions: what they change was judged before."""
FEED = "feed:"
MASTER = "master:"


class OwnershipVet:
    """Compares every master with its newest version, attribute by attribute."""

    kinds: frozenset[Kind]
    alone = True

    def __init__(self, *, matrix: Ownership, journal: Journal, landscape: Landscape) -> None:
        self.kinds = frozenset(kind for kind in KINDS if kind in matrix.objects)
        self._matrix = matrix
        self._journal = journal
        self._landscape = landscape

    def role_of(self, submission: Submission) -> Role:
        """The role of a submission's sender: its system's for a change feed, else by the file."""
        if submission.client.startswith(FEED):
            system = self._landscape.systems.get(SystemId(submission.client.removeprefix(FEED)))
            if system is not None:
                return system.role
        return self._matrix.role_of(submission.client, submission.source)

    async def look(self, submission: Submission) -> Submission:
        """Keep values their owners gave; raises NotOwner for a change that is refused."""
        document = submission.document
        if document is None or submission.advance is not None:
            return submission
        register = register_of(document.kind, document.document_id)
        # Read before the version it is compared with: a change in between makes it stale, never unseen.
        revision = (await self._journal.registers([register])).get(register, 0)
        step = Advance(register=register, expected=revision, to=revision + 1, first=0, anew=True)
        submission = replace(submission, advance=step)
        if submission.client == OWN_CLIENT:
            return submission
        sender = self.role_of(submission)
        stored = await self._journal.master(document.kind, document.document_id)
        if stored is None:
            return submission
        if await self._journal.seen(submission.client, submission.idempotency_key):
            return submission  # the journal knows its first answer
        verdict = judge(stored, document, sender=sender, matrix=self._matrix)
        await self._journal.record_conflicts([_row(submission, clash) for clash in verdict.kept])
        if verdict.document == document:
            return submission
        return replace(submission, document=verdict.document, as_sent=submission.as_sent or document)


def register_of(kind: str, document_id: str) -> str:
    """The register that counts a master's changes."""
    return f"{MASTER}{kind}/{document_id}"


def _row(submission: Submission, clash: Clash) -> NewConflict:
    document = submission.document
    assert document is not None
    return NewConflict(
        kind=document.kind,
        document_id=document.document_id,
        legal_entity=document.legal_entity,
        attribute=clash.attribute,
        sender=clash.sender,
        owner=clash.owner,
        rule=clash.rule,
        kept=clash.kept,
        offered=clash.offered,
        event_id=f"{submission.source} {submission.event_id}",
    )
