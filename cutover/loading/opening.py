"""Opening balances: what the new ERP's ledger lacks of the old one's at the end of a day. Pure.

Not the balances themselves but what is missing of them: open items and other documents the new ERP has been given
have posted their part, and a balance on top of them would count it twice. So there is no migration clearing account
to be cleared, and loaded again the rest is nothing. Accounts that only sub-ledgers move are left to them.
Balances are taken over in the currencies of the documents; what they are worth in the entity's own is reckoned by
the new ERP at the rate of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from cutover.runner.gates import Gate
from router.canonical.kinds import parse
from router.canonical.ledger import OPENING, Account, JournalEntry
from router.canonical.money import Money
from router.connectors.port import Balance

SUBLEDGER = ("WORK_IN_PROGRESS", "UNBILLED_REVENUE")
"""Posted by work and taken back by its bill, at what each ERP reckons an hour is worth: loaded as work in progress."""
KNOWN: tuple[str, ...] = get_args(Account)
Place = tuple[str, str]
"""Legal entity, currency."""


def missing(
    old: Iterable[Balance], new: Iterable[Balance], accounts: Sequence[str] = ()
) -> dict[Place, dict[str, int]]:
    """What the new ERP lacks by account, in each entity and currency; nothing where nothing is missing."""
    found: dict[Place, dict[str, int]] = {}
    for sign, side in ((1, old), (-1, new)):
        for row in side:
            if row.account in SUBLEDGER or (accounts and row.account not in accounts):
                continue
            place = found.setdefault((row.legal_entity, row.currency), {})
            place[row.account] = place.get(row.account, 0) + sign * row.minor
    kept = {
        place: {account: minor for account, minor in sorted(rows.items()) if minor}
        for place, rows in sorted(found.items())
    }
    return {place: rows for place, rows in kept.items() if rows}


def problem_of(rows: Mapping[str, int]) -> str:
    """Why balances can't be posted as one entry; empty: they can."""
    unknown = [account for account in rows if account not in KNOWN]
    if unknown:
        return f"account {unknown[0]} is in no mapping"
    if sum(rows.values()):
        return (
            f"debits and credits differ by {sum(rows.values())} minor units: a sub-ledger's part is missing"
        )
    return ""


def document_id(place: Place, as_of: str) -> str:
    """The same at every try, so that a day is loaded once."""
    entity, currency = place
    return f"{OPENING}{entity}-{as_of}-{currency}"


def entry(
    place: Place, rows: Mapping[str, int], *, as_of: str, region: str, business_unit: str
) -> JournalEntry:
    """The entry that brings what is missing; raises BadInput when it does not balance."""
    entity, currency = place
    found = parse(
        {
            "kind": "journal_entry",
            "document_id": document_id(place, as_of),
            "legal_entity": entity,
            "region": region,
            "business_unit": business_unit,
            "accounting_date": as_of,
            "purpose": "adjustment",
            "currency": currency,
            "text": f"Opening balances as of {as_of}",
            "lines": [
                {"line": at, "account": account, "amount": str(Money(minor, currency)), "text": "opening balance"}
                for at, (account, minor) in enumerate(rows.items(), start=1)
            ],
        }
    )  # fmt: skip
    assert isinstance(found, JournalEntry)
    return found


def tie_out(
    old: Sequence[Balance], new: Sequence[Balance], accounts: Sequence[str] = ()
) -> tuple[Gate, list[dict[str, Any]]]:
    """Whether both ledgers hold the same on every account that is loaded, and all of them side by side."""
    sides: list[dict[tuple[str, str, str], int]] = [
        {(row.legal_entity, row.account, row.currency): row.minor for row in rows} for rows in (old, new)
    ]
    keys = sorted(key for key in sides[0].keys() | sides[1].keys() if not accounts or key[1] in accounts)
    table = [
        {
            "object": "opening_balances", "legal_entity": key[0], "account": key[1], "currency": key[2],
            "staged": str(Money(sides[0].get(key, 0), key[2])), "loaded": str(Money(sides[1].get(key, 0), key[2])),
            "ties": sides[0].get(key, 0) == sides[1].get(key, 0), "by_subledger": key[1] in SUBLEDGER,
        }
        for key in keys
    ]  # fmt: skip
    own = [row for row in table if not row["by_subledger"]]
    apart = [row for row in own if not row["ties"]]
    gate = Gate(
        name="opening balances tie out",
        verdict="fail" if apart else "pass" if own else "inconclusive",
        measured=f"{len(own) - len(apart)} of {len(own)} balances the same",
        threshold="all, to the minor unit",
        why="; ".join(
            f"{row['legal_entity']} {row['account']} {row['currency']}: {row['staged']} and {row['loaded']}"
            for row in apart[:3]
        ),
    )
    return gate, table
