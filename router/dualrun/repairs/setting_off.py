"""Setting off: a row and the correction that takes it back count as nothing in a comparison. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from router.connectors.port import Record
from router.errors import Broken

As = Literal["takes_back", "stands_for", "adds"]
"""`takes_back`: the opposite of a row; `stands_for`: what is right in its place; `adds`: an entry beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A document that was made for one ERP only, and what it is there."""

    system: str
    kind: str
    document_id: str
    role: As
    of_kind: str
    of_id: str
    """The id of the row it corrects, as that ERP holds it."""

    def to_json(self) -> dict[str, str]:
        """For the journal's history."""
        names = ("system", "kind", "document_id", "role", "of_kind", "of_id")
        return {name: getattr(self, name) for name in names}


def correction_of(row: Mapping[str, Any]) -> Correction:
    """A correction from the journal's history."""
    role = row["role"]
    if role not in ("takes_back", "stands_for", "adds"):
        raise Broken(f"a correction in the journal is a {role!r}")
    named = {name: str(row[name]) for name in ("system", "kind", "document_id", "of_kind", "of_id")}
    return Correction(role=role, **named)


def set_off(kind: str, records: Sequence[Record], corrections: Sequence[Correction]) -> list[Record]:
    """The records of one kind and ERP as a comparison should see them.

    A row that is taken back and its exact opposite go; what stands for a row takes its id; an entry made
    beside a row goes, for the other ERP has none. An opposite that is not exact stays: it is a break.
    """
    left = list(records)
    here = {one.document_id: one for one in corrections if one.kind == kind}
    for one in corrections:
        if one.role == "takes_back" and one.of_kind == kind:
            _take_back(left, one, same_kind=one.kind == kind)
    shown: list[Record] = []
    standing = {row.external_id for row in left}
    for row in left:
        made = here.get(row.external_id)
        if made is None or (made.role == "takes_back" and made.of_kind == kind):
            shown.append(row)
        elif made.role == "stands_for" and made.of_id in standing:
            shown.append(row)  # what it stands for is still there: both are shown
        elif made.role == "stands_for":
            shown.append(replace(row, external_id=made.of_id))
    return shown


def _take_back(left: list[Record], one: Correction, *, same_kind: bool) -> None:
    """Take a row and its opposite out, when both are there."""
    if not same_kind:
        # A whole credit: the ERP itself says that the invoice is settled by it.
        settled = [
            row for row in left if row.external_id == one.of_id and row.status in ("paid", "cancelled")
        ]
        if settled:
            left.remove(settled[-1])
        return
    opposite = next((row for row in left if row.external_id == one.document_id), None)
    if opposite is None:
        return
    found = [row for row in left if row.external_id == one.of_id and _cancels(row, opposite)]
    if found:
        left.remove(max(found, key=lambda row: row.vendor_id))
        left.remove(opposite)


def _cancels(row: Record, opposite: Record) -> bool:
    if row.kind == "journal_entry":
        # An entry shows what it debits: the opposite debits as much, and its lines are the other way round.
        return row.total_minor == opposite.total_minor and _net(row) == [-net for net in _net(opposite)]
    pairs = ((row.net_minor, opposite.net_minor), (row.minutes, opposite.minutes))
    return row.currency == opposite.currency and all((a or 0) == -(b or 0) for a, b in pairs)


def _net(row: Record) -> list[int]:
    return [
        int(line.get("net_minor") or 0)
        for line in sorted(row.lines, key=lambda line: int(line.get("line") or 0))
    ]
