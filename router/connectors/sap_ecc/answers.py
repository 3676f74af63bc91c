"""What can come of a function call, as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.connectors.http import Lost, NotSent

Row = Mapping[str, str]
Value = str | Row | Sequence[Row]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function gave back: plain values, structures, tables."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A plain value; empty when it is none."""
        found = self.values.get(name, "")
        return found if isinstance(found, str) else ""

    def row(self, name: str) -> Row:
        """A structure; empty when it is none."""
        found = self.values.get(name)
        return found if isinstance(found, dict) else {}

    def table(self, name: str) -> list[Row]:
        """A table's rows; empty when it has none."""
        found = self.values.get(name)
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


@dataclass(frozen=True, slots=True)
class Fault:
    """A SOAP fault: a technical failure or an ABAP exception, by name."""

    name: str
    text: str
    ours: bool = False
    """ECC says that the request itself is wrong (faultcode Client): the same one will be refused again."""


@dataclass(frozen=True, slots=True)
class NoLogon:
    """Our credentials are refused: no document is at fault, nothing was acted upon."""

    reason: str


Outcome = NoLogon | Reply | Fault | NotSent | Lost
