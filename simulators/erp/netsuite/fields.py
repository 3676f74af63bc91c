"""Reads a record's JSON strictly: each property once, with the path NetSuite names when it is wrong.

Amounts arrive as JSON numbers parsed to Decimal; dates as `YYYY-MM-DD`; hours as `h:mm`; references
as `{"id"}`, `{"externalId"}` (unverified for REST) or `{"refName"}`; sublists as `{"items": […]}`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from simulators.core.money import to_minor
from simulators.erp.netsuite.errors import invalid

CUSTOM = re.compile(r"(custbody|custcol|custentity|custrecord|custevent)_[a-z0-9_]{1,40}\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_HOURS = re.compile(r"(-?)(\d{1,5}):([0-5]\d)\Z", re.ASCII)
MAX_TEXT = 4000
MAX_LINES = 1000
MAX_HOURS = 1_000_000
MAX_RATE = 10**9


class Body:
    """One JSON object of a request, with its path in the whole."""

    def __init__(self, data: Any, path: str = "") -> None:
        if not isinstance(data, Mapping):
            raise invalid("A JSON object is expected.", path or None)
        self.data: Mapping[str, Any] = data
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self.data.get(name) is not None

    def path(self, name: str) -> str:
        """Where a property stands: `item.items[0].amount`."""
        return f"{self._path}.{name}" if self._path else name

    def only(self, known: Collection[str]) -> None:
        """Refuse property names that neither the record type nor a custom field has."""
        for name in self.data:
            if name not in known and not CUSTOM.match(name):
                raise invalid(f"Unknown field {name[:60]}.", self.path(name[:60]))

    def text(self, name: str, default: str | None = None) -> str:
        """A text; a missing one is refused unless there is a default."""
        value = self.data.get(name)
        if value is None:
            if default is None:
                raise invalid(f"Please enter value(s) for: {name}.", self.path(name))
            return default
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            raise invalid(f"Invalid value for {name}: a text is expected.", self.path(name))
        return value

    def day(self, name: str, default: date | None = None) -> date:
        """A calendar date, never shifted by a time zone."""
        value = self.data.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and _DAY.match(value):
            with suppress(ValueError):
                return date.fromisoformat(value)
        raise invalid(f"Invalid date value {str(value)[:40]} (must be YYYY-MM-DD).", self.path(name))

    def flag(self, name: str, *, default: bool) -> bool:
        """A JSON boolean."""
        value = self.data.get(name, default)
        if not isinstance(value, bool):
            raise invalid(f"Invalid value for {name}: true or false is expected.", self.path(name))
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """A JSON integer."""
        value = self.data.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(f"Invalid number for {name}.", self.path(name))
        return value

    def minor(self, name: str, currency: str) -> int:
        """An amount in minor units; a JSON number (or a decimal text, as some clients send)."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
            raise invalid(f"Invalid number (must be numeric) for {name}.", self.path(name))
        try:
            return to_minor(value, currency)
        except ValueError:
            raise invalid(f"Invalid amount {str(value)[:40]} in {currency}.", self.path(name)) from None

    def maybe_minor(self, name: str, currency: str) -> int | None:
        """An amount, or None when it is not given."""
        return self.minor(name, currency) if name in self else None

    def minutes(self, name: str) -> int:
        """A duration `h:mm` in minutes."""
        found = _HOURS.match(str(self.data.get(name, "")))
        if found is None:
            raise invalid(f"Invalid duration for {name} (must be hh:mm).", self.path(name))
        minutes = int(found[2]) * 60 + int(found[3])
        return -minutes if found[1] else minutes

    def reference(self, name: str) -> tuple[str, str] | None:
        """(`id` | `externalId` | `refName`, value) of a reference; None when it is not given."""
        value = self.data.get(name)
        if value is None:
            return None
        if isinstance(value, dict):  # JSON: asking for a Mapping costs ten times as much
            for how in ("id", "externalId", "refName"):
                if isinstance(value.get(how), str | int) and not isinstance(value[how], bool):
                    return how, str(value[how])
        elif isinstance(value, str | int) and not isinstance(value, bool):
            return "id", str(value)
        raise invalid(f"Invalid reference for {name}.", self.path(name))

    def maybe_day(self, name: str) -> date | None:
        """A calendar date, or None when it is not given."""
        return self.day(name) if name in self else None

    def rate(self, name: str) -> str | None:
        """An exchange rate as decimal text, or None when it is not given; it must be positive."""
        value = self.data.get(name)
        if value is None:
            return None
        try:
            found = Decimal(value) if isinstance(value, int | str | Decimal) else Decimal(0)
        except InvalidOperation:
            found = Decimal(0)
        if isinstance(value, bool) or not found.is_finite() or not 0 < found < MAX_RATE:
            raise invalid(f"Invalid number (must be positive) for {name}.", self.path(name))
        return format(found, "f")

    def minutes_of_hours(self, name: str) -> int:
        """Decimal hours as minutes, to the nearest."""
        value = self.data.get(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or abs(Decimal(value)) > MAX_HOURS:
            raise invalid(f"Invalid number (must be numeric) for {name}.", self.path(name))
        return round(Decimal(value) * 60)

    def name_of(self, name: str, default: str = "") -> str:
        """The value of a reference to a list of names (departments, items, …), however it is given."""
        found = self.reference(name)
        return found[1] if found else default

    def lines(self, name: str, known: Collection[str]) -> Iterator[Body]:
        """The lines of a sublist `{"items": […]}`, each checked for unknown properties."""
        if name not in self:
            return
        sublist = Body(self.data[name], self.path(name))
        items = sublist.data.get("items")
        if not isinstance(items, list) or len(items) > MAX_LINES:
            raise invalid(f"A list of at most {MAX_LINES} items is expected.", sublist.path("items"))
        for at, item in enumerate(items):
            line = Body(item, sublist.path(f"items[{at}]"))
            line.only(known)
            yield line

    def custom(self) -> dict[str, str]:
        """Custom fields as texts, in the order given; a reference counts by its id."""
        return {
            name: self.name_of(name) if isinstance(value, dict) else str(value)[:MAX_TEXT]
            for name, value in self.data.items()
            if value is not None and "_" in name and CUSTOM.match(name)
        }
