"""A trial balance from the accounting lines of transactions, by SuiteQL. Pure.

Rows, not sums: pages go by key, and what is added up here is exact. Amounts are in the transaction's currency.
"""

# ruff: noqa: S608  # names come from the mapping and are checked when it is read; values are parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.connectors.mapping import Mappings
from router.connectors.netsuite.reading import minor
from router.connectors.netsuite.vocabulary import Names
from router.connectors.port import Balance
from router.model import SystemId

KEY = "uniquekey"


def query(fields: Mapping[str, Names]) -> str:
    """Posting lines of `{entities}` dated before a day, by unique key."""
    c, g = fields["journal_entry.columns"], fields["journal_entry.line_columns"]
    symbol = fields["currency.columns"]["code"]
    entity = f"l.{c['legal_entity']}"
    return (
        f"SELECT x.uniquekey, a.{g['account']} AS account, c.{symbol} AS currency, x.amount, "
        f"(SELECT MIN({entity}) FROM transactionline l WHERE l.transaction = t.id) AS subsidiary "
        "FROM transactionaccountingline x JOIN transaction t ON t.id = x.transaction "
        f"JOIN account a ON a.id = x.account JOIN currency c ON c.id = t.{c['currency']} "
        "WHERE x.posting = 'T' "
        f"AND t.id IN (SELECT l.transaction FROM transactionline l WHERE {entity} IN ({{entities}})) "
        f"AND t.{c['accounting_date']} < TO_DATE(?, 'YYYY-MM-DD') AND x.uniquekey > ? ORDER BY x.uniquekey"
    )


def balances(
    rows: Iterable[Mapping[str, Any]],
    *,
    entities: Mapping[str, str],
    mappings: Mappings,
    system: SystemId,
) -> list[Balance]:
    """Sums by entity, account and currency, debit positive, sorted; raises ValueError, KeyError."""
    sums: dict[tuple[str, str, str], int] = {}
    for row in rows:
        currency = str(row["currency"])
        entity, account = entities[str(row["subsidiary"])], mappings.ours("accounts", str(row["account"]))
        key = (entity, account, currency)
        sums[key] = sums.get(key, 0) + minor(row["amount"], currency)
    return [
        Balance(system=system, legal_entity=entity, account=account, currency=currency, minor=value)
        for (entity, account, currency), value in sorted(sums.items())
    ]
