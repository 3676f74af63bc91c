"""A policy as the causes use it: which column has which role, and what a row says in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.canonical.money import exponent
from router.dualrun.policy import Column, Policy, Role
from router.dualrun.results import Row

ROLES: tuple[Role, ...] = (
    "legal_entity", "currency", "document", "line", "customer", "project", "period", "accounting_date",
    "net", "tax", "total", "quantity", "rate", "tax_rate", "tax_code", "fx_rate", "fx_date", "base_amount",
    "status", "number", "approved_by", "posted_at", "reference",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A policy with its roles looked up once."""

    policy: Policy
    columns: Mapping[Role, str]
    roles: Mapping[str, Role]
    """The same the other way round."""

    @classmethod
    def of(cls, policy: Policy) -> Table:
        """Look the roles up."""
        columns = {role: name for role in ROLES if (name := policy.role(role)) is not None}
        return cls(policy=policy, columns=columns, roles={name: role for role, name in columns.items()})

    def column(self, name: str) -> Column | None:
        """How a column is compared; None for one that only is part of the key or names a currency."""
        return self.policy.columns.get(name)

    def currency(self, row: Row, name: str) -> str:
        """The currency of a money column in a row; empty where the row does not tell."""
        column = self.policy.columns.get(name)
        if column is None or column.type != "money":
            return ""
        return column.currency or str(row.cells.get(column.currency_column) or "")

    def places(self, row: Row, name: str) -> int:
        """Decimal places of a money column in a row; 0 where its currency can't be told."""
        code = self.currency(row, name)
        return exponent(code) if code else 0

    def text(self, row: Row, role: Role) -> str:
        """What a row says in a role's column, empty for no value."""
        name = self.columns.get(role)
        cell = row.cells.get(name) if name else None
        return "" if cell is None else str(cell)
