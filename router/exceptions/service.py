"""The exceptions desk: lists what waits for a person, and carries out what people decide about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import orjson

from router.canonical.money import Money, exponent
from router.clock import Clock
from router.errors import BadInput, NotFound
from router.exceptions.catalogue import CATALOGUE, type_of_break, type_of_job, type_of_parked
from router.exceptions.decisions import Case, Filter, Judged, Raised, facts_of, judge, page_of, tallies
from router.exceptions.views import row_of, totals_of
from router.finance import fx
from router.journal.identity import case_of
from router.journal.journal import Journal
from router.landscape import Landscape

MOST = 50_000
"""Exceptions that are read at once; beyond it the lists say that they are cut."""


class Desk:
    """Exceptions over one journal: reading, and what people say of them. Sending again is `remedies`."""

    def __init__(self, *, journal: Journal, landscape: Landscape, clock: Clock) -> None:
        self._journal = journal
        self._landscape = landscape
        self._clock = clock

    async def every(self) -> tuple[list[Judged], bool]:
        """All exceptions, oldest first, and whether there are more than can be read at once."""
        failures = await self._journal.failures(most=MOST + 1)
        conflicts = await self._journal.open_conflicts(most=MOST)
        breaks = await self._journal.unexplained(most=MOST)
        raised = [_of_failure(row) for row in failures[:MOST]]
        raised += [_of_conflict(row) for row in conflicts]
        raised += [_of_break(row) for row in breaks]
        cases = await self._journal.cases()
        judged = [self._judged(one, cases.get(one.exception_id)) for one in raised]
        cut = len(failures) > MOST or len(conflicts) == MOST or len(breaks) == MOST
        return sorted(judged, key=lambda one: one.sort_key), cut

    async def chosen(self, wanted: Filter) -> list[Judged]:
        """The exceptions a filter means, oldest first."""
        return [one for one in (await self.every())[0] if wanted.fits(one)]

    async def listed(self, wanted: Filter, *, limit: int, after: str | None = None) -> dict[str, Any]:
        """A page of the list, with totals of all it means by queue."""
        every, cut = await self.every()
        fitting = [one for one in every if wanted.fits(one)]
        page, more = page_of(fitting, after=_place(after), limit=limit)
        return {
            "exceptions": [row_of(one) for one in page],
            "truncated": more or cut,
            "next": "~".join(page[-1].sort_key) if more else None,
            "total": len(fitting),
            "totals": totals_of(tallies(fitting), self._landscape.group_currency),
        }

    async def find(self, exception_id: str) -> Judged:
        """One exception by its id; raises NotFound, also when it has ended."""
        for one in (await self.every())[0]:
            if one.raised.exception_id == exception_id:
                return one
        raise NotFound(
            f"there is no exception {exception_id[:80]!r}", mend="it may have ended: see /v1/transactions"
        )

    async def shown(self, exception_id: str) -> dict[str, Any]:
        """One exception with its guidance filled from its facts, and its history."""
        one = await self.find(exception_id)
        facts = facts_of(one.raised)
        if one.raised.transaction_id is not None and not exception_id.startswith("J"):
            row = await self._journal.transaction(one.raised.transaction_id)
            history = [] if row is None else row["history"]
        else:
            history = await self._journal.case_history(exception_id)
        return {
            **row_of(one),
            "guidance": CATALOGUE[one.raised.type].filled(facts),
            "facts": {name: value for name, value in facts.items() if value},
            "history": history,
        }

    async def assign(self, exception_id: str, *, owner: str, by: str, note: str = "") -> dict[str, Any]:
        """Give an exception to somebody."""
        return await self._say(exception_id, state="assigned", owner=owner, by=by, note=note)

    async def resolve(self, exception_id: str, *, by: str, why: str) -> dict[str, Any]:
        """Say that nothing more is to be done; it comes back by itself when it is raised again."""
        return await self._say(exception_id, state="resolved", owner=None, by=by, note=why)

    async def annotate(self, exception_id: str, *, by: str, note: str) -> dict[str, Any]:
        """Add a note; state and owner stay."""
        return await self._say(exception_id, state=None, owner=None, by=by, note=note)

    async def _say(
        self, exception_id: str, *, state: str | None, owner: str | None, by: str, note: str
    ) -> dict[str, Any]:
        one = await self.find(exception_id)
        stands = one.case
        await self._journal.put_case(
            exception_id,
            state=state or (stands.state if stands else "open"),
            owner=owner if owner is not None else (stands.owner if stands else ""),
            note=note,
            by=by,
            transaction_id=one.raised.transaction_id,
        )
        return await self.shown(exception_id)

    def _judged(self, raised: Raised, case: Mapping[str, Any] | None) -> Judged:
        group = self._in_group(raised)
        known = group if group is not None else (_own_money(raised))
        major = None if known is None else abs(known.minor) // 10 ** exponent(known.currency)
        return judge(
            raised,
            Case(**case) if case is not None else None,
            now=self._clock.now(),
            group_minor=None if group is None else group.minor,
            major_units=major,
        )

    def _in_group(self, raised: Raised) -> Money | None:
        group, own = self._landscape.group_currency, _own_money(raised)
        if group is None or own is None:
            return None
        on = date.fromisoformat(raised.accounting_date or raised.since[:10])
        rate = fx.rate(self._landscape.fx_rates, "spot", own.currency, group, on, group=group)
        return None if rate is None else fx.convert(own, rate, group)


def _own_money(raised: Raised) -> Money | None:
    return Money(raised.amount_minor, raised.currency) if raised.currency else None


def _place(after: str | None) -> tuple[str, str] | None:
    if after is None:
        return None
    at, mark, name = after.partition("~")
    if not mark or len(after) > 200:
        raise BadInput("after: is no place in this list", mend="take `next` of the page before")
    return at, name


def _of_failure(row: Mapping[str, Any]) -> Raised:
    parked = row["state"] == "parked"
    kind = (
        type_of_parked(row["problem_code"], canonical=row["canonical"])
        if parked
        else type_of_job(row["state"], row["code"], row["why"], role=row["role"], operation=row["operation"])
    )
    seen = _seen(row["received"]) if row["received"] else {}
    return Raised(
        exception_id=row["exception_id"],
        type=kind,
        transaction_id=row["transaction_id"],
        kind=row["kind"],
        document_id=row["document_id"],
        said_id=seen.get("document_id"),
        legal_entity=row["legal_entity"] or seen.get("legal_entity", ""),
        state=row["state"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        accounting_date=row["accounting_date"],
        accepted_at=row["accepted_at"],
        since=row["since"],
        problem=row["problem"],
        target=row["target"],
        role=row["role"],
        code=row["code"],
        why=row["why"],
        received=row["received"],
        project_id=row["project_id"] or seen.get("project_id", ""),
    )


def _seen(received: str) -> dict[str, str]:
    """What a payload without a document says of itself, as far as it is short text."""
    try:
        body = orjson.loads(received)
    except orjson.JSONDecodeError:
        return {}
    data = body.get("data", body) if isinstance(body, dict) else {}
    if not isinstance(data, dict):
        return {}
    names = ("document_id", "legal_entity", "project_id")
    return {name: data[name] for name in names if isinstance(data.get(name), str) and len(data[name]) <= 80}


def _of_conflict(row: Mapping[str, Any]) -> Raised:
    offered, kept = str(row["offered"])[:200], str(row["kept"])[:200]  # JSON text, whatever it holds
    why = (
        f"{row['attribute']}: {row['sender']} offered {offered}, {kept} was kept, for {row['owner']} owns it"
    )
    return Raised(
        exception_id=case_of(row["conflict_id"]),
        type="ownership-conflict",
        transaction_id=None,
        kind=row["kind"],
        document_id=row["document_id"],
        legal_entity=row["legal_entity"],
        state="conflict",
        currency="",
        amount_minor=0,
        accounting_date="",
        accepted_at=row["at"],
        since=row["at"],
        why=why,
    )


def exception_of(row: Mapping[str, Any]) -> str:
    """The id of the exception a break is, where nothing explains it."""
    facts = [row.get("kind"), row.get("key"), row.get("class"), row.get("column")]
    if row.get("level") == "line":
        facts.append("line")
    key = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)
    return f"B{sha256(key).hexdigest()[:16]}"


def _of_break(row: Mapping[str, Any]) -> Raised:
    named = row.get("key") or {}
    sides = f"{row.get('legacy')} in the legacy, {row.get('cloud')} in the cloud ERP"
    return Raised(
        exception_id=exception_of(row),
        type=type_of_break(str(row.get("code") or row.get("class") or "")),
        transaction_id=None,
        kind=str(row.get("kind") or ""),
        document_id=named.get("document_id") or ", ".join(str(part) for part in named.values()),
        legal_entity=str(row.get("legal_entity") or ""),
        state="break",
        currency=str(row.get("currency") or ""),
        amount_minor=int(row.get("delta_minor") or 0),
        accounting_date="",
        accepted_at=row["at"],
        since=row["since"],
        why=str(row.get("evidence") or "") or f"{row.get('class')} of {row.get('column')}: {sides}",
        code=str(row.get("class") or ""),
        project_id=str(row.get("project_id") or ""),
    )


def ids_of(rows: Sequence[Judged]) -> list[str]:
    """Transaction ids of some exceptions, each once, in their order."""
    return list(dict.fromkeys(one.raised.transaction_id for one in rows if one.raised.transaction_id))
