"""The questions about breaks, answered for people: money as decimal text, ages, places in a list.

One desk serves the gateway and the command line, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import quote

import orjson

from router.canonical.kinds import KINDS
from router.canonical.money import Money
from router.clock import Clock, to_text
from router.dualrun.acceptances import AcceptanceRow
from router.dualrun.lifecycle import OPEN, age_days
from router.errors import BadInput
from router.exceptions.service import exception_of
from router.journal.break_reading import BreakFilter
from router.journal.journal import Journal

PAGE = 200
_CLUSTER = ("cause", "code", "legal_entity")


class BreaksDesk:
    """The answers about breaks, for the gateway and the command line alike."""

    def __init__(self, *, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    async def listed(
        self, wanted: BreakFilter, *, limit: int = PAGE, after: str | None = None
    ) -> dict[str, Any]:
        """A page, the largest money of each currency first, and totals of all that is meant."""
        found = await self._journal.break_page(wanted, limit=limit, after=_place(after))
        now = to_text(self._clock.now())
        totals = found["totals"]
        return {
            "breaks": [_shown(row, now) for row in found["breaks"]],
            "total": sum(row["breaks"] for row in totals),
            "truncated": found["next"] is not None,
            "next": None
            if found["next"] is None
            else "~".join(str(part) for part in reversed(found["next"])),
            "totals": {
                "by_state": _summed(totals, "state"),
                "by_cause": _summed(totals, "cause"),
                "accepted": _money_of(row for row in totals if row["state"] == "accepted"),
                "money": _money_of(row for row in totals if row["state"] != "fixed"),
            },
        }

    async def shown(self, identity: str) -> dict[str, Any]:
        """One break: as it stands, through its runs, its acceptances, and where to go from here."""
        found = await self._journal.break_history(identity)
        now = to_text(self._clock.now())
        one = _shown(found["break"], now)
        mine = [
            row
            for row in await self._journal.acceptances()
            if row.get("identity") == identity
            or (
                not row.get("identity")
                and all((row.get(name) or "") == (one.get(name) or "") for name in _CLUSTER)
                and row.get("kind", "") in ("", one.get("kind"))
            )
        ]
        links = {"last_run": f"/v1/breaks?run={quote(one['run_id'], safe='')}"}
        document = (one.get("key") or {}).get("document_id")
        if document and one.get("kind") in KINDS:
            links["document"] = f"/v1/documents/{one['kind']}/{quote(document)}"
        if one["state"] in OPEN and (one.get("cause") == "unexplained" or one.get("class") == "intercompany"):
            links["exception"] = f"/v1/exceptions/{exception_of(one)}"
        return {**one, "history": found["history"], "acceptances": mine, "links": links}

    async def runs(self, *, limit: int = PAGE, after: str | None = None) -> dict[str, Any]:
        """Runs of comparisons, newest first."""
        place = None
        if after is not None:
            at, mark, name = after.partition("~")
            if not mark:
                raise BadInput("after: is no place in this list", mend="take `next` of the page before")
            place = (at, name)
        rows = await self._journal.break_runs(limit=limit + 1, after=place)
        last = rows[limit - 1] if len(rows) > limit else None
        return {
            "runs": [_run(row) for row in rows[:limit]],
            "truncated": last is not None,
            "next": None if last is None else f"{last['at']}~{last['run_id']}",
        }

    async def compared(self, first: str, second: str, *, limit: int = PAGE) -> dict[str, Any]:
        """What became of the breaks of one run in another, counted and in money; examples up to the limit."""
        found = await self._journal.compare_break_runs(first, second)
        told: dict[str, Any] = {"first": first, "second": second}
        for name, rows in found.items():
            money: dict[str, int] = {}
            for row in rows:
                if row["currency"]:
                    money[row["currency"]] = money.get(row["currency"], 0) + row["money_minor"]
            told[name] = {
                "count": len(rows),
                "money": _texts(money),
                "breaks": [_changed(row) for row in rows[:limit]],
                "truncated": len(rows) > limit,
            }
        return told

    async def accept(self, wanted: AcceptanceRow, *, by: str) -> dict[str, Any]:
        """Accept a break (`identity`) or a cluster (`cause`, `code`); raises NotFound, BadInput, Refused."""
        return await self._journal.accept_break(wanted, by=by)

    async def withdraw(self, identity: str, *, by: str, why: str) -> dict[str, Any]:
        """Take back the acceptance a break is under."""
        return await self._journal.withdraw_break(identity, by=by, why=why)

    async def withdraw_acceptance(self, acceptance_id: str, *, by: str, why: str) -> dict[str, Any]:
        """Take back an acceptance, and all it covers."""
        return await self._journal.withdraw_acceptance(acceptance_id, by=by, why=why)

    async def acceptances(self) -> dict[str, Any]:
        """Every acceptance with what it covers; `expired` and `unused` say what can go."""
        return {"acceptances": await self._journal.acceptances()}


def _place(after: str | None) -> tuple[str, int, str] | None:
    if after is None:
        return None
    parts = after.split("~", 2)
    fits = (
        len(parts) == 3 and len(after) <= 200 and parts[1].removeprefix("-").isdigit() and len(parts[1]) < 20
    )
    if not fits or not parts[1].isascii():
        raise BadInput("after: is no place in this list", mend="take `next` of the page before")
    last, size, coin = parts
    return coin, int(size), last


def _shown(row: Mapping[str, Any], now: str) -> dict[str, Any]:
    first = row.get("first_seen")
    return {**row, **({"age_days": age_days(first, now)} if first else {})}


def _run(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = dict(row["counts"])
    money = cast("Mapping[str, Mapping[str, int]]", counts.pop("money_minor", {}))
    counts["undecided"] = len(counts.get("undecided", ()))
    counts["money"] = {state: _texts(minor) for state, minor in sorted(money.items())}
    return {**row, "counts": counts}


def _changed(row: Mapping[str, Any]) -> dict[str, Any]:
    currency = row["currency"]
    return {
        **orjson.loads(row["data"]),
        "before": _text(row["before_minor"], currency),
        "after": _text(row["after_minor"], currency),
        "change": _text((row["after_minor"] or 0) - (row["before_minor"] or 0), currency),
    }


def _text(minor: int | None, currency: str) -> str | None:
    return None if minor is None or not currency else str(Money(minor, currency))


def _texts(minor: Mapping[str, int]) -> dict[str, str]:
    return {currency: str(Money(value, currency)) for currency, value in sorted(minor.items())}


def _money_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    net: dict[str, int] = {}
    gross: dict[str, int] = {}
    for row in rows:
        if row["currency"]:
            net[row["currency"]] = net.get(row["currency"], 0) + row["delta_minor"]
            gross[row["currency"]] = gross.get(row["currency"], 0) + row["absolute_minor"]
    return {"delta": _texts(net), "absolute": _texts(gross)}


def _summed(totals: Iterable[Mapping[str, Any]], by: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in totals:
        groups.setdefault(str(row[by]), []).append(row)
    return {
        name: {"breaks": sum(row["breaks"] for row in rows), **_money_of(rows)}
        for name, rows in sorted(groups.items())
    }
