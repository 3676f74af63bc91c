"""What a defect is planted into, and the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from simulators.extracts.lines import Line, Market

KEY = ("document", "line")
CLASSES: Mapping[str, str] = {
    "number": "text", "customer_id": "dimension", "project_id": "dimension", "legal_entity": "dimension",
    "quantity": "amount", "rate": "amount", "net": "amount", "tax_code": "dimension", "tax_rate": "amount",
    "tax": "amount", "total": "amount", "fx_rate": "amount", "fx_date": "date", "base_amount": "amount",
    "posting_date": "date", "period": "dimension", "status": "status", "cost_center": "dimension",
    "department": "dimension", "practice": "dimension", "approved_by": "text", "memo": "text",
}  # fmt: skip
"""The compared columns and the class of a break in each."""
Reason = tuple[str, str]
"""Cause and code."""
LEGACY_DATES = "%Y%m%d"
CLOUD_DATES = "%Y-%m-%d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One break that a comparison must find, and why it is there."""

    defect: str
    key: Mapping[str, str]
    """As it stands in the legacy ERP, or in the cloud's where there is no legacy row."""
    what: str
    column: str
    cause: str
    code: str

    @property
    def place(self) -> tuple[tuple[tuple[str, str], ...], str, str]:
        """What identifies the break: key, class, column."""
        return (tuple(sorted(self.key.items())), self.what, self.column)


@dataclass(slots=True, kw_only=True)
class Plot:
    """One document in both ERPs, still equal, and what may be changed besides."""

    rng: Random
    market: Market
    legacy: list[Line]
    cloud: list[Line]
    crosswalk: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    """Entries to be added: legacy key, cloud key."""
    spare: tuple[str, str] = ("", "")
    """The key of a cloud row of another document, to be named by mistake."""

    def line(self) -> int:
        """The place of a line."""
        return self.rng.randrange(len(self.legacy))


def key_of(line: Line) -> dict[str, str]:
    """A line's key."""
    return {"document": line.document, "line": line.line}


def alone(defect: str, line: Line, what: str, reason: Reason) -> Truth:
    """A row that stands on one side only, or too often."""
    return Truth(defect=defect, key=key_of(line), what=what, column="", cause=reason[0], code=reason[1])


def differing(defect: str, legacy: Line, cloud: Line, reason: Reason, **by_column: Reason) -> list[Truth]:
    """A break for each compared column in which two lines differ."""
    one, other = legacy.cells(CLOUD_DATES), cloud.cells(CLOUD_DATES)
    found = []
    for name, what in CLASSES.items():
        if one[name] != other[name] and not _same_number(one[name], other[name], what):
            cause, code = by_column.get(name, reason)
            found.append(
                Truth(defect=defect, key=key_of(legacy), what=what, column=name, cause=cause, code=code)
            )
    return found


def _same_number(one: str | None, other: str | None, what: str) -> bool:
    """7.50 and 7.5 are one number."""
    if what != "amount" or one is None or other is None or "." not in one + other:
        return False
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
