"""Account hierarchies: who belongs to whom. Pure, over a look-up of parents.

A parent that is not there yet only waits (a customer needs its parent in each ERP); a ring never ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from router.canonical.masters import Customer

DEEPEST = 50
"""Levels of a hierarchy: deeper than any group of companies, short enough to walk at once."""


def ring(document_id: str, parent_id: str, parent_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """The ids of the ring that a new parent would close, from the customer back to itself; empty: none.

    A hierarchy deeper than `DEEPEST` is given as far as it was walked: it is refused too.
    """
    path = [document_id]
    at: str | None = parent_id
    while at is not None:
        path.append(at)
        if at == document_id or len(path) > DEEPEST:
            return tuple(path)
        at = parent_of(at)
    return ()


def tree(customers: Iterable[Customer], document_id: str) -> Mapping[str, Any]:
    """`ancestors` from the top down, and the customer with its `children`, each with theirs."""
    known = {one.document_id: one for one in customers}
    below: dict[str, list[Customer]] = {}
    for one in known.values():
        if one.parent_id is not None:
            below.setdefault(one.parent_id, []).append(one)
    ancestors: list[Mapping[str, Any]] = []
    at = known[document_id].parent_id
    while at is not None and len(ancestors) < DEEPEST:
        parent = known.get(at)
        ancestors.insert(0, {"document_id": at, "name": parent.name if parent else None})
        at = parent.parent_id if parent else None
    return {"ancestors": ancestors, **_branch(known[document_id], below, DEEPEST)}


def _branch(one: Customer, below: Mapping[str, list[Customer]], most: int) -> dict[str, Any]:
    children = sorted(below.get(one.document_id, ()), key=lambda child: child.document_id) if most else ()
    return {
        "document_id": one.document_id,
        "name": one.name,
        "legal_entity": one.legal_entity,
        "children": [_branch(child, below, most - 1) for child in children],
    }
