"""Answers what a rollback asks, for a router that is up: its journal, its connectors, its periods."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from cutover.rollback.port import Probe
from cutover.rollback.price import OldErp
from router.app import Router
from router.canonical.documents import Document
from router.canonical.examples import example
from router.canonical.kinds import KINDS
from router.clock import Clock
from router.configfile import loads
from router.errors import BadConfig, VendorRefused, VendorUnknown
from router.finance.calendar import may_enter
from router.journal.journal import Journal
from router.journal.port import Placed, Rehoming, Scope
from router.model import SystemId
from router.routing.compiled import Compiled, compile_table
from router.routing.decisions import decide
from router.routing.table import table_from

PACE_BUCKET_S = 600
BUSIEST = 6
"""The pace is that of the busiest six spans of ten minutes: most of the time there is nothing to do."""

LATE = date(2999, 12, 31)
"""After every date a rule of a plan can end on."""


class RouterWayBack:
    """`cutover.rollback.port.WayBack` over a built router."""

    def __init__(self, router: Router, *, clock: Clock, journal: Journal | None = None) -> None:
        """`journal`: the router's own where None, else the same under the lease of a run."""
        self._router = router
        self._journal = journal or router.journal
        self._clock = clock

    async def placed(self, scope: Scope, *, authority: SystemId, other: SystemId) -> list[Placed]:
        """What of a scope has this authority, with how its copy in the other ERP stands."""
        return await self._journal.placed(scope, authority=authority, other=other)

    async def held(self, scope: Scope) -> int:
        """Transactions of a scope that wait for a release."""
        return await self._journal.held(scope)

    async def old_erp(self, system: SystemId) -> OldErp:
        """The kinds its connector takes, and the closed periods as they stand now."""
        book = self._router.periods
        await book.load()

        def is_closed(document: Document) -> bool:
            state = book.state_on(document.legal_entity, document.accounting_date)
            return document.transactional and not may_enter(document, state)

        return OldErp(takes=self._router.connectors[system].capabilities.kinds, is_closed=is_closed)

    async def per_hour(self, system: SystemId) -> int | None:
        """The pace of the busiest hour there was, in spans of ten minutes."""
        rows = await self._journal.throughput(PACE_BUCKET_S)
        spans: dict[str, int] = {}
        for row in rows:
            if row["target"] == system:
                spans[row["bucket"]] = spans.get(row["bucket"], 0) + int(row["posted"])
        busiest = sorted(spans.values(), reverse=True)[:BUSIEST]
        return sum(busiest) * 3600 // (PACE_BUCKET_S * len(busiest)) if busiest else None

    async def rehome(self, order: Rehoming) -> dict[str, int]:
        """Move the authority in one commit."""
        return await self._journal.rehome(order)

    async def probe(self, scope: Scope, *, old: SystemId, new: SystemId, reverse: str) -> Sequence[Probe]:
        """Reach the old ERP, look at its periods and lanes, and route an example of every kind by the reverse table."""
        return [
            await self._reached(old),
            self._open(scope),
            self._routed(scope, old, new, reverse),
            *await self._lanes(scope, old),
        ]

    async def _reached(self, old: SystemId) -> Probe:
        name, wanted = "the old ERP answers", "reached, credentials accepted"
        try:
            await self._router.connectors[old].ping()
        except (VendorUnknown, VendorRefused) as error:
            ok = None if isinstance(error, VendorUnknown) else False
            return Probe(name, ok, "no", wanted, error.one_line())
        return Probe(name, True, wanted, wanted)

    def _open(self, scope: Scope) -> Probe:
        """The books of every entity take a document dated today."""
        today = self._clock.now().date()
        shut = [
            f"{entity} {self._router.periods.calendars.on(entity, today).name}"
            for entity in scope.entities
            if self._router.periods.state_on(entity, today) != "open"
        ]
        return Probe(
            "its periods are open",
            not shut,
            f"{len(scope.entities) - len(shut)} of {len(scope.entities)} entities",
            "all entities",
            f"closed: {', '.join(shut)}" if shut else "",
        )

    def _routed(self, scope: Scope, old: SystemId, new: SystemId, reverse: str) -> Probe:
        name, wanted = "the reverse table feeds it", "every kind to the new ERP, shadowed in the old"
        try:
            compiled = compile_table(table_from(loads(reverse, name="<reverse>"), self._router.landscape))
        except BadConfig as error:
            return Probe(name, False, "it does not compile", wanted, error.one_line())
        tried = list(_examples(scope))
        wrong = [document for document in tried if not _is_live(compiled, document, old, new)]
        return Probe(
            name,
            not wrong if tried else None,
            f"{len(tried) - len(wrong)} of {len(tried)} examples",
            wanted,
            f"not {wrong[0].legal_entity} {wrong[0].kind}" if wrong else "",
        )

    async def _lanes(self, scope: Scope, old: SystemId) -> list[Probe]:
        """What is to be its shadow is its work today: it must be able to keep up with that."""
        lanes = await self._journal.lanes(target=old, entities=scope.entities)
        doubtful = sum(lane.in_doubt for lane in lanes)
        pace = await self.per_hour(old)
        waiting = sum(lane.waiting for lane in lanes)
        return [
            Probe(
                "its lanes are not blocked",
                not doubtful,
                f"{doubtful} in doubt",
                "nothing in doubt",
            ),
            Probe(
                "it can take the load",
                None if pace is None else waiting <= pace,
                "its pace was never measured"
                if pace is None
                else f"{waiting} waiting, {pace} an hour measured",
                "no more waiting than it takes in an hour",
            ),
        ]


def _examples(scope: Scope) -> Iterable[Document]:
    """An example of every kind of the scope for every entity and business unit of it.

    Dated late: what a plan leaves with the old ERP by its date needs no way back.
    """
    for kind in scope.kinds or KINDS:
        document = example(kind)
        units = scope.business_units or (document.business_unit,)
        for entity in scope.entities:
            for unit in units:
                yield document.model_copy(
                    update={"legal_entity": entity, "business_unit": unit, "accounting_date": LATE}
                )


def _is_live(compiled: Compiled, document: Document, old: SystemId, new: SystemId) -> bool:
    said = decide(compiled, document)
    return (said.authority, said.shadow) == (new, old)
