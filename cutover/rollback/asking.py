"""Asks a router's way back what going back would cost now; changes nothing."""

from __future__ import annotations

from dataclasses import replace

from cutover.rollback.port import WayBack
from cutover.rollback.price import Price, price
from router.journal.port import Scope
from router.model import SystemId

TOGETHER = ("billing_event", "invoice", "credit_memo", "payment", "write_off")
"""Kinds that go back together or not at all: an invoice and what belongs to it share one ERP."""


def _whole(scope: Scope) -> Scope:
    if not any(kind in TOGETHER for kind in scope.kinds):
        return scope
    return replace(scope, kinds=tuple(dict.fromkeys((*scope.kinds, *TOGETHER))))


async def priced(door: WayBack, scope: Scope, *, old: SystemId, new: SystemId) -> Price:
    """The price for a scope whose authority the new ERP is, or of which it is one."""
    rows = await door.placed(_whole(scope), authority=new, other=old)
    return price(
        rows, await door.old_erp(old), held=await door.held(scope), per_hour=await door.per_hour(old)
    )
