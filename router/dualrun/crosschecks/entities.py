"""Due from against due to between entities, in the shape of a cross-check: the match itself is elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item
from router.finance.matching import WORDS, Pair, Wrong

CAUSES: Mapping[str, Cause] = {
    "in-flight": "timing", "leg-missing": "missing", "missing": "missing", "refused": "refused",
}  # fmt: skip
"""Of a leg that is wrong; any other cause of the match is unexplained here, with its own word as code."""


def intercompany(pairs: Iterable[Pair], period: str) -> Check:
    """The check of a period from its match."""
    return Check(
        name="intercompany",
        kind="journal_entry",
        what="intercompany",
        column="due",
        left_name="due from, in the provider's ERP",
        right_name="due to, in the receiver's ERP",
        period=period,
        groups=tuple(_group(pair) for pair in pairs),
    )


def _group(pair: Pair) -> Group:
    return Group(
        key={"provider": pair.provider, "receiver": pair.receiver, "period": pair.period},
        legal_entity=pair.provider,
        currency=pair.currency,
        left=pair.due_from_minor,
        right=pair.due_to_minor,
        items=tuple(_item(pair, one) for one in pair.wrong),
    )


def _item(pair: Pair, one: Wrong) -> Item:
    # A leg that lacks on the provider's side lowers what is due from, on the other what is due to: a credit there.
    off = one.held_minor - one.sent_minor
    mine = one.legal_entity == pair.provider
    return Item(
        document_id=one.document_id,
        left=off if mine else 0,
        right=0 if mine else -off,
        cause=CAUSES.get(one.cause, "unexplained"),
        code=one.cause,
        why=WORDS[one.cause],
    )
