"""The vets of identity: ids that mean another document, lookalikes under a new id, rings of parents.

What the index of lookalikes knows it reads from the journal, so it also learns what another gateway
accepted; what was looked at a moment ago and is not accepted yet counts too, for a batch is one commit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind
from router.canonical.masters import Customer, Opportunity
from router.canonical.matching import Candidate, Lookalikes, Matching, Profile, profile_of
from router.clock import Clock
from router.errors import BadInput
from router.journal.identity import NewConflict
from router.journal.journal import Journal
from router.journal.port import Submission
from router.model import SystemId
from router.workflows.directory import Directory
from router.workflows.hierarchy import ring
from router.workflows.onboarding import customer_of
from router.workflows.ownership import FEED, OWN_CLIENT
from router.workflows.submissions import parked

POSSIBLE_DUPLICATE = "possible-duplicate"
PENDING = timedelta(seconds=60)
"""What was looked at this long ago and is still not in the journal was not accepted."""
REFRESH = timedelta(seconds=5)
"""How long another gateway may take to hear of an alias."""
REFERS: tuple[tuple[str, Kind], ...] = (
    ("customer_id", "customer"),
    ("parent_id", "customer"),
    ("project_id", "project"),
)
"""Attributes that name a document which may have aliases."""


class AliasVet:
    """Replaces ids that mean another document, and vendors' former ids in change feeds."""

    kinds: frozenset[Kind] = frozenset(KINDS)
    alone = False

    def __init__(self, *, journal: Journal, directory: Directory, clock: Clock) -> None:
        self._journal = journal
        self._directory = directory
        self._clock = clock
        self._read_at: datetime | None = None

    async def refresh(self, *, now: bool = False) -> None:
        """Read the aliases anew, when it is time or asked for."""
        at = self._clock.now()
        if now or self._read_at is None or at - self._read_at >= REFRESH:
            self._directory.aliases = await self._journal.aliases()
            self._read_at = at

    async def look(self, submission: Submission) -> Submission:
        """The submission with every id it names as the firm knows it."""
        document = submission.document
        await self.refresh()
        from_feed = submission.client.startswith(FEED)
        if document is None or not (self._directory.aliases or from_feed):
            return submission
        changed = {}
        if document.kind in ("customer", "project"):
            meant = self._directory.aliases.get((document.kind, document.document_id))
            changed = {"document_id": meant} if meant is not None else {}
        for attribute, kind in REFERS:
            named = getattr(document, attribute, None)
            if isinstance(named, str):
                meant = self._directory.aliases.get((kind, named))
                if meant is None and from_feed:
                    meant = await self._by_vendor_id(submission, kind, named)
                if meant is not None and meant != named:
                    changed[attribute] = meant
        if not changed:
            return submission
        return replace(
            submission,
            document=document.model_copy(update=changed),
            as_sent=submission.as_sent or document,
        )

    async def _by_vendor_id(self, submission: Submission, kind: Kind, named: str) -> str | None:
        """The document a feed means by one of its system's own ids, present or past."""
        model = KINDS[kind]
        if await self._directory.find(model, named) is not None:
            return None
        system = SystemId(submission.client.removeprefix(FEED))
        # An id a connector made of the vendor's own carries a prefix: SF-0015g00000Ab.
        names = [named, named.partition("-")[2]]
        found = await self._journal.named(system, kind, [name for name in names if name])
        return next((found[name] for name in names if name in found), None)


class DuplicatesVet:
    """Looks at customers and projects under a new id, and at customers' parents."""

    kinds: frozenset[Kind] = frozenset({"customer", "project", "opportunity"})
    alone = True

    def __init__(self, *, matching: Matching, journal: Journal, directory: Directory, clock: Clock) -> None:
        self._matching = matching
        self._journal = journal
        self._directory = directory
        self._clock = clock
        self._known = {"customer": Lookalikes(), "project": Lookalikes()}
        self._looked_at: dict[tuple[Kind, str], tuple[datetime, Document, bool]] = {}
        """When, what, and whether its id was new then."""
        self._through = 0

    async def look(self, submission: Submission) -> Submission:
        """Park or note a lookalike; raises BadInput for a ring of parents."""
        document = _subject(submission)
        if document is None:
            return submission
        await self._catch_up()
        if isinstance(document, Customer) and document.parent_id is not None:
            await self._no_ring(document, document.parent_id)
        profile = profile_of(document)
        known = self._known[document.kind]
        if profile is None or document.document_id in known or submission.client == OWN_CLIENT:
            self._remember(document)
            return submission
        found = self.candidates(document.kind, profile)
        apart = await self._journal.told_apart(document.kind, document.document_id) if found else ()
        found = tuple(one for one in found if one.document_id not in apart)
        if not found:
            self._remember(document)
            return submission
        policy = self._matching.of(document.kind)
        waits = (policy.same_registration if found[0].registration else policy.alike) == "park"
        rule = "park" if waits else "suggest"
        await self._journal.record_conflicts([_row(submission, document, one, rule) for one in found])
        if not waits:
            self._remember(document)
            return submission
        return parked(submission, problem(document, found), POSSIBLE_DUPLICATE)

    def candidates(self, kind: Kind, profile: Profile) -> tuple[Candidate, ...]:
        """What a profile looks like, by the policy of its kind."""
        policy = self._matching.of(kind)
        found = self._known[kind].like(profile, policy)
        return tuple(
            one for one in found if (policy.same_registration if one.registration else policy.alike) != "off"
        )

    async def _catch_up(self) -> None:
        """Learn what was accepted since the last look; forget what was looked at and never accepted."""
        documents, self._through = await self._journal.newer_masters(("customer", "project"), self._through)
        for document in documents:
            self._looked_at.pop((document.kind, document.document_id), None)
            profile = profile_of(document)
            if profile is not None:
                self._known[document.kind].put(profile)
        before = self._clock.now() - PENDING
        for name in [name for name, (at, _, _) in self._looked_at.items() if at < before]:
            _, _, fresh = self._looked_at.pop(name)
            if fresh:
                self._known[name[0]].drop(name[1])

    def _remember(self, document: Document) -> None:
        """What stands behind it in the batch is compared with it."""
        name = (document.kind, document.document_id)
        known = self._known[document.kind]
        profile = profile_of(document)
        fresh = document.document_id not in known or self._looked_at.get(name, (None, None, False))[2]
        if fresh and profile is not None:
            known.put(profile)
        self._looked_at[name] = (self._clock.now(), document, fresh)

    async def _no_ring(self, document: Customer, parent_id: str) -> None:
        above: dict[str, str | None] = {}
        at: str | None = parent_id
        while at is not None and at not in above and at != document.document_id:
            above[at] = await self._parent(at)
            at = above[at]
        found = ring(document.document_id, parent_id, above.get)
        if found:
            raise BadInput(
                f"parent_id: {' belongs to '.join(found[:10])}: a customer can't belong to itself",
                mend="take one of these parents out in the CRM, then send again",
            )

    async def _parent(self, document_id: str) -> str | None:
        waiting = self._looked_at.get(("customer", document_id))
        found = waiting[1] if waiting is not None else await self._directory.find(Customer, document_id)
        return found.parent_id if isinstance(found, Customer) else None


def _subject(submission: Submission) -> Document | None:
    """The customer or project that a submission may bring in twice."""
    document = submission.document
    if isinstance(document, Opportunity):
        return customer_of(document) if document.won else None
    return document


def problem(document: Document, found: tuple[Candidate, ...]) -> str:
    """What is wrong, for a person."""
    told = "; ".join(f"{one.document_id} ({one.why})" for one in found)
    return (
        f"{document.kind} {document.document_id} may be there already: {told}; say which it is with POST"
        " /v1/duplicates/<transaction>:same-as or :distinct"
    )


def _row(submission: Submission, document: Document, found: Candidate, rule: str) -> NewConflict:
    return NewConflict(
        kind=document.kind,
        document_id=document.document_id,
        legal_entity=document.legal_entity,
        attribute="document_id",
        sender=submission.client,
        owner="",
        rule=rule,
        kept=found.document_id,
        offered={"document_id": document.document_id, "score": found.score, "why": found.why},
        event_id=submission.idempotency_key,
    )
