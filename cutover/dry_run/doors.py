"""The side doors of a dry run: loads and ways back, noted and answered as a perfect weekend would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cutover.dry_run.actions import named
from cutover.loading.port import Name
from cutover.rollback.port import Probe
from cutover.rollback.price import OldErp
from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind
from router.journal.port import Placed, Rehoming, Scope
from router.model import SystemId

Note = Callable[..., None]


class NotedLoading:
    """`cutover.loading.port.Loading` that has nothing to load."""

    def __init__(self, note: Note) -> None:
        self._note = note

    async def known(self, scope: Scope, kinds: Sequence[Kind]) -> list[Document]:
        """Nothing."""
        del scope, kinds
        return []

    async def named(self, system: SystemId, names: Sequence[Name]) -> dict[Name, str]:
        """Nothing."""
        del system, names
        return {}

    async def outcomes(self, scope: Scope, target: SystemId) -> Mapping[tuple[str, str], tuple[str, str]]:
        """Nothing."""
        del scope, target
        return {}

    async def carry(self, scope: Scope, target: SystemId, kinds: Sequence[Kind]) -> int:
        """Note it."""
        self._note(
            "load", f"Deliver every posted {', '.join(kinds)} of {named(scope)} to {target}",
            changes=(f"shadow deliveries to {target}",),
        )  # fmt: skip
        return 0

    async def give(
        self, target: SystemId, documents: Sequence[tuple[Document, str]], *, scope: Scope, by: str
    ) -> int:
        """Note it."""
        self._note(
            "load", f"Deliver {len(documents)} documents of {named(scope)} to {target}",
            changes=(f"deliveries to {target}",), by=by,
        )  # fmt: skip
        return 0

    async def post(self, document: Document, *, target: SystemId, by: str) -> bool:
        """Note it."""
        self._note(
            "load", f"Post {document.document_id} to {target}", changes=(f"deliveries to {target}",), by=by
        )  # fmt: skip
        return True

    async def alias(self, target: SystemId, documents: Sequence[tuple[Document, str]]) -> None:
        """Nothing."""
        del target, documents


class NotedWayBack:
    """`cutover.rollback.port.WayBack` whose way is always free."""

    def __init__(self, note: Note) -> None:
        self._note = note

    async def placed(self, scope: Scope, *, authority: SystemId, other: SystemId) -> list[Placed]:
        """Note that it would be priced; nothing is there yet."""
        self._note(
            "price",
            f"Price a rollback of {named(scope)} from {authority} to {other}",
            reads=(f"documents of {authority} and their copies in {other}",),
        )
        return []

    async def held(self, scope: Scope) -> int:
        """None."""
        del scope
        return 0

    async def old_erp(self, system: SystemId) -> OldErp:
        """One that takes everything."""
        del system
        return OldErp(takes=frozenset(KINDS), is_closed=lambda _: False)

    async def per_hour(self, system: SystemId) -> int | None:
        """Never measured."""
        del system
        return None

    async def rehome(self, order: Rehoming) -> dict[str, int]:
        """Note it."""
        self._note(
            "rehome", f"Make {order.target} the authority of what {order.source} holds of {named(order.scope)}",
            changes=("authority of every document, in one commit",),
        )  # fmt: skip
        return {}

    async def probe(self, scope: Scope, *, old: SystemId, new: SystemId, reverse: str) -> Sequence[Probe]:
        """Note it; a perfect way."""
        del new, reverse
        self._note(
            "probe",
            f"Probe the way back to {old} for {named(scope)}: reachable, writable, periods open, reverse table routes",
            reads=(f"{old}, by a harmless call", "the journal's lanes"),
        )
        return [Probe(name="way back", ok=True, measured="not probed: dry run", wanted="every probe passes")]
