"""Accepting breaks and taking it back: who, why, how long, up to what; in the history too."""

from __future__ import annotations

from typing import Any

from router.canonical.money import Money
from router.dualrun.acceptances import Acceptance, AcceptanceRow, row_of
from router.dualrun.lifecycle import OPEN
from router.errors import BadInput, NotFound, Refused
from router.journal.break_states import LOCK
from router.journal.engine import Transaction
from router.journal.fence import note
from router.journal.words import MOST_WHY, checked, cleaned

_ABOUT = "identity, state, accepted_until, currency, delta_minor"
_COLUMNS = (
    "identity,cause,code,legal_entity,kind,owner,reason,approved_by,expires,max_amount,currency,actor,at,"
    "withdrawn_by,withdrawn_why"
)


def accept(tx: Transaction, wanted: AcceptanceRow, by: str) -> dict[str, Any]:
    """Accept a break or a cluster from now on; the acceptance, and how many breaks it covers.

    Of one break without `max_amount` its amount of today is the most. Raises NotFound for a break nobody
    found, Refused when it has ended, is fixed or is already accepted, BadInput for what covers nothing.
    """
    tx.dialect.lock(tx, [LOCK], shared=False)
    today = tx.now[:10]
    if wanted.expires.isoformat() < today:
        raise BadInput("expires: lies in the past", mend="give the last day it should hold")
    one = wanted.named("new")
    if wanted.identity is not None:
        one = _of_one(tx, one, today)
        found = tx.rows(f"SELECT {_ABOUT} FROM break_states WHERE identity = ?", (wanted.identity,))
    else:
        found = tx.rows(
            f"SELECT {_ABOUT} FROM break_states WHERE cause = ? AND code = ? AND legal_entity = ?"
            " AND state <> 'fixed' AND what <> 'currency' AND (? = '' OR kind = ?) ORDER BY identity",
            (one.cause, one.code, one.legal_entity, one.kind, one.kind),
        )
    tx.insert(
        "acceptances",
        _COLUMNS,
        [
            (
                one.identity, one.cause, one.code, one.legal_entity, one.kind, one.owner,
                cleaned(one.reason, MOST_WHY), one.approved_by, one.expires, one.max_amount, one.currency,
                checked(by, "by"), tx.now, "", "",
            )
        ],
    )  # fmt: skip
    number = str(tx.rows("SELECT max(acceptance_id) FROM acceptances")[0][0])
    covered = [
        identity
        for identity, state, until, currency, delta in found
        if (state in OPEN or (state == "accepted" and until < today))
        and not one.why_not(delta, currency, today=today)
    ]
    tx.many(
        "UPDATE break_states SET state = 'accepted', acceptance = ?, accepted_until = ?, note = '' WHERE identity = ?",
        [(number, one.expires, identity) for identity in covered],
    )
    told = {**row_of(one), "acceptance_id": number, "by": by, "at": tx.now}
    note(tx, None, "break accepted", {**told, "breaks": len(covered)})
    return {**told, "covers": len(covered)}


def withdraw(tx: Transaction, acceptance_id: str, by: str, why: str) -> dict[str, Any]:
    """Take an acceptance back; what it covered is open again, from now. Raises NotFound, Refused."""
    tx.dialect.lock(tx, [LOCK], shared=False)
    fits = acceptance_id.isascii() and acceptance_id.isdigit() and len(acceptance_id) < 18
    number = int(acceptance_id) if fits else 0
    rows = tx.rows("SELECT withdrawn_at FROM acceptances WHERE acceptance_id = ?", (number,))
    if not rows:
        raise NotFound(f"there is no acceptance {acceptance_id[:40]!r}", mend="see /v1/acceptances")
    if rows[0][0] is not None:
        raise Refused(f"acceptance {number} was withdrawn at {rows[0][0]}")
    by, why = checked(by, "by"), cleaned(why, MOST_WHY)
    tx.run(
        "UPDATE acceptances SET withdrawn_at = ?, withdrawn_by = ?, withdrawn_why = ? WHERE acceptance_id = ?",
        (tx.now, by, why, number),
    )
    opened = tx.run(
        "UPDATE break_states SET state = 'recurring', opened_at = ?, acceptance = '', accepted_until = '', note = ?"
        " WHERE acceptance = ? AND state = 'accepted'",
        (tx.now, f"acceptance {number} was withdrawn by {by}", str(number)),
    )
    note(
        tx,
        None,
        "acceptance withdrawn",
        {"acceptance_id": str(number), "by": by, "why": why, "breaks": opened},
    )
    return {"acceptance_id": str(number), "withdrawn_by": by, "why": why, "open_again": opened}


def of_break(tx: Transaction, identity: str) -> str:
    """The acceptance a break is under; raises NotFound, Refused when it is under none."""
    rows = tx.rows(
        "SELECT acceptance FROM break_states WHERE identity = ? AND state = 'accepted'", (identity,)
    )
    if rows:
        return str(rows[0][0])
    _state_of(tx, identity)
    raise Refused(f"break {identity} is not accepted")


def listed(tx: Transaction) -> list[dict[str, Any]]:
    """Every acceptance, oldest first, with what it covers now, and whether it has ended or covers nothing."""
    names = (
        "identity", "cause", "code", "legal_entity", "kind", "owner", "reason", "approved_by", "expires",
        "max_amount", "currency", "actor", "at", "withdrawn_at", "withdrawn_by", "withdrawn_why",
    )  # fmt: skip
    covers: dict[str, int] = {}
    money: dict[str, dict[str, int]] = {}
    for number, currency, count, minor in tx.rows(
        "SELECT acceptance, currency, count(*), sum(money_minor) FROM break_states WHERE state = 'accepted'"
        " GROUP BY acceptance, currency ORDER BY acceptance, currency"
    ):
        covers[number] = covers.get(number, 0) + int(count)
        if currency:
            money.setdefault(number, {})[currency] = int(minor)
    found = []
    for number, *values in tx.rows(
        f"SELECT acceptance_id, {', '.join(names)} FROM acceptances ORDER BY acceptance_id"
    ):
        row = {name: value for name, value in zip(names, values, strict=True) if value}
        count, expired = covers.get(str(number), 0), row["expires"] < tx.now[:10]
        found.append(
            {
                "acceptance_id": str(number), **row, "covers": count,
                "money": {name: str(Money(minor, name)) for name, minor in money.get(str(number), {}).items()},
                "expired": expired, "unused": not count and not row.get("withdrawn_at"),
            }
        )  # fmt: skip
    return found


def _of_one(tx: Transaction, one: Acceptance, today: str) -> Acceptance:
    """The acceptance of one break, with the most it covers."""
    state, currency, delta, until = _state_of(tx, one.identity)
    if state == "fixed":
        raise Refused(f"break {one.identity} is fixed: there is nothing to accept")
    if state == "accepted" and until >= today:
        raise Refused(f"break {one.identity} is accepted until {until}", mend="withdraw that first")
    if one.currency and one.currency != currency:
        raise BadInput(f"currency: the break is in {currency or 'no currency'}, not {one.currency}")
    if not one.max_amount and delta:
        text = str(Money(abs(delta), currency)) if currency else str(abs(delta))
        one = Acceptance(**{**_fields(one), "max_amount": text, "currency": currency})
    elif one.max_amount and not one.currency:
        one = Acceptance(**{**_fields(one), "currency": currency})
    if why := one.why_not(delta, currency, today=today):
        amount = Money(abs(delta), currency) if currency else abs(delta)
        raise BadInput(f"max_amount: {why}, and the break is {amount}")
    return one


def _fields(one: Acceptance) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _state_of(tx: Transaction, identity: str) -> tuple[str, str, int, str]:
    rows = tx.rows(
        "SELECT state, currency, coalesce(delta_minor, 0), accepted_until FROM break_states WHERE identity = ?",
        (identity,),
    )
    if not rows:
        raise NotFound(f"there is no break {identity[:40]!r}", mend="see /v1/breaks?state=all")
    state, currency, delta, until = rows[0]
    return str(state), str(currency), int(delta), str(until)
