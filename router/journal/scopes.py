"""A wave's scope as the journal asks the database: entities, of them some business units and kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from router.journal.engine import Transaction
from router.journal.port import Scope

Scoped = Scope | Sequence[str]
"""A scope; or legal entities, and then all of each."""


def scope_of(asked: Scoped) -> Scope:
    """Entities as the scope of all they have."""
    return asked if isinstance(asked, Scope) else Scope(entities=tuple(asked))


def in_scope(tx: Transaction, asked: Scoped, table: str = "") -> tuple[str, list[Any]]:
    """A condition on `legal_entity`, `business_unit` and `kind` of a table, and its parameters.

    Nothing is within a scope without entities.
    """
    scope = scope_of(asked)
    said: list[str] = []
    values: list[Any] = []
    for column, names, needed in (
        ("legal_entity", scope.entities, True),
        ("business_unit", scope.business_units, False),
        ("kind", scope.kinds, False),
    ):
        if names or needed:
            said.append(tx.dialect.any(f"{table}.{column}" if table else column))
            values.append(tx.dialect.values(sorted(set(names))))
    return f"({' AND '.join(said)})", values
