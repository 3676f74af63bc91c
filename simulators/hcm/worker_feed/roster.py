"""The workers, each at the number of its last change; and the rules a worker must keep."""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from simulators.core.clock import Clock
from simulators.core.money import to_minor
from simulators.core.snapshot import unpacked

Worker = dict[str, Any]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", re.ASCII)
_CURSOR = re.compile(r"c[0-9]{1,18}\Z", re.ASCII)
TEXTS = ("displayName", "legalEntity", "jobRole", "department", "costCenter", "currency")
OPTIONAL_TEXTS = ("workEmail", "managerId", "terminationDate")
FIELDS = frozenset({"employeeId", "costRates", "weeklyHours", "hireDate", *TEXTS, *OPTIONAL_TEXTS})
OURS = frozenset({"version", "changedAt"})
"""Fields the HCM fills itself; a seed may give them."""
HOURS_A_WEEK = 168


class Invalid(Exception):
    """A worker HR can't save: the field and why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message
        super().__init__(f"{field}: {message}")


class Roster:
    """Workers by employee id, and the order of their last changes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Nobody."""
        self._workers: dict[str, Worker] = {}
        self._at: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []
        self._last = 0

    def get(self, employee_id: str) -> Worker | None:
        """A worker by employee id."""
        return self._workers.get(employee_id)

    def hire(self, given: Mapping[str, Any]) -> Worker:
        """A new worker; raises Invalid, also for an id that is taken."""
        worker = _checked(dict(given), known=FIELDS)
        if worker["employeeId"] in self._workers:
            raise Invalid("employeeId", "is taken")
        return self._keep(worker, version=1, changed=self._now())

    def change(self, employee_id: str, given: Mapping[str, Any]) -> Worker:
        """Replace fields of a worker; None takes an optional one out. Raises KeyError or Invalid."""
        old = self._workers[employee_id]
        if given.get("employeeId", employee_id) != employee_id:
            raise Invalid("employeeId", "can't be changed")
        wanted = {name: value for name, value in {**old, **given}.items() if value is not None}
        worker = _checked(wanted, known=FIELDS | OURS)
        return self._keep(worker, version=int(old["version"]) + 1, changed=self._now())

    def seed(self, given: Mapping[str, Any]) -> Worker:
        """A worker with its own version and change stamp, if it has them; raises ValueError."""
        try:
            worker = _checked(dict(given), known=FIELDS | OURS)
            changed = datetime.fromisoformat(str(given.get("changedAt") or self._now()))
            changed = changed if changed.tzinfo else changed.replace(tzinfo=UTC)
            return self._keep(worker, version=int(given.get("version") or 1), changed=_text(changed))
        except Invalid as error:
            msg = f"worker {str(given.get('employeeId'))[:64]}: {error}"
            raise ValueError(msg) from error

    def page(self, since: str, limit: int) -> tuple[list[Worker], str, bool]:
        """Workers changed after a cursor or instant, the cursor after them, and whether there are more.

        Raises Invalid for what is neither.
        """
        start = self._place(since)
        rows = self._order[start : start + limit]
        cursor = f"c{rows[-1][0]}" if rows else (since if _CURSOR.match(since) else f"c{self._before(start)}")
        return [self._workers[name] for _, name in rows], cursor, start + limit < len(self._order)

    def every(self) -> Iterator[Worker]:
        """All workers in order of id."""
        for name in sorted(self._workers):
            yield self._workers[name]

    def dump(self) -> bytes:
        """Everything as compressed JSON."""
        rows = [[number, self._workers[name]] for number, name in self._order]
        return zlib.compress(orjson.dumps({"workers": rows, "last": self._last}), level=1)

    def load(self, data: bytes) -> None:
        """Back to a dump; raises ValueError when it is none, and then nothing changed."""
        fresh = Roster(self._clock)
        try:
            state = orjson.loads(unpacked(data))
            for number, worker in state["workers"]:
                fresh._last = int(number) - 1
                fresh._keep(
                    _checked(worker, known=FIELDS | OURS),
                    version=int(worker["version"]),
                    changed=str(worker["changedAt"]),
                )
            last = int(state["last"])
        except (KeyError, TypeError, orjson.JSONDecodeError, Invalid) as error:
            msg = f"not a snapshot of workers: {error!r}"
            raise ValueError(msg) from error
        self._workers, self._at, self._order, self._last = fresh._workers, fresh._at, fresh._order, last

    def _keep(self, worker: Worker, *, version: int, changed: str) -> Worker:
        name = str(worker["employeeId"])
        before = self._at.get(name)
        if before is not None:
            del self._order[bisect_right(self._order, (before, name)) - 1]
        self._last += 1
        self._at[name] = self._last
        self._order.append((self._last, name))
        self._workers[name] = kept = {**worker, "version": version, "changedAt": changed}
        return kept

    def _place(self, since: str) -> int:
        if not since:
            return 0
        if _CURSOR.match(since):
            return bisect_right(self._order, int(since[1:]), key=lambda row: row[0])
        try:
            at = datetime.fromisoformat(since)
        except ValueError:
            raise Invalid("changed_since", "is neither a cursor nor an ISO 8601 instant") from None
        text = _text(at if at.tzinfo else at.replace(tzinfo=UTC))
        # By the numbers, not by the stamps alone: a seed may carry stamps out of order.
        fresh = (n for n, (_, name) in enumerate(self._order) if self._workers[name]["changedAt"] >= text)
        return next(fresh, len(self._order))

    def _before(self, start: int) -> int:
        return self._order[start - 1][0] if start else 0

    def _now(self) -> str:
        return _text(self._clock.now())


def _checked(worker: Worker, *, known: frozenset[str]) -> Worker:
    for name in worker:
        if name not in known:
            raise Invalid(name[:60], "is not a field of a worker")
    if not _ID.match(str(worker.get("employeeId", ""))):
        raise Invalid("employeeId", "should be up to 64 letters, digits, dots, dashes")
    for name in TEXTS:
        if not isinstance(worker.get(name), str) or not 0 < len(worker[name]) <= 255:
            raise Invalid(name, "can't be blank")
    for name in OPTIONAL_TEXTS:
        if name in worker and not isinstance(worker[name], str):
            raise Invalid(name, "should be text")
    for name in ("hireDate", "terminationDate"):
        if worker.get(name) is not None:
            _day(worker[name], name)
    _hours(worker.get("weeklyHours"))
    rates = worker.get("costRates")
    if not isinstance(rates, list) or not 0 < len(rates) <= 200:
        raise Invalid("costRates", "should be a list of 1 to 200 rates")
    for rate in rates:
        _rate(rate, worker["currency"])
    return worker


def _rate(rate: Any, currency: str) -> None:
    if not isinstance(rate, dict) or set(rate) != {"hourlyCost", "validFrom"}:
        raise Invalid("costRates", "each has hourlyCost and validFrom")
    _day(rate["validFrom"], "costRates.validFrom")
    try:
        good = to_minor(str(rate["hourlyCost"]), currency) >= 0
    except ValueError as error:
        raise Invalid("costRates.hourlyCost", str(error)) from None
    if not good:
        raise Invalid("costRates.hourlyCost", "can't be negative")


def _hours(value: Any) -> None:
    try:
        good = isinstance(value, str) and 0 <= Decimal(value[:20]) <= HOURS_A_WEEK
    except InvalidOperation:
        good = False
    if not good:
        raise Invalid("weeklyHours", f"should be decimal text from 0 to {HOURS_A_WEEK}")


def _day(value: Any, field: str) -> None:
    try:
        date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Invalid(field, "should be a date such as 2026-10-31") from None


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
