"""Corrections of what was posted, pure: what takes a document back, and what stands in its place.

Nothing that an ERP has is changed. What was posted is taken back by its exact opposite (same rate,
same dimensions, minutes or amounts negated), and what is right now is posted as a new document. The
n-th correction of `TE-1` takes back with `TE-1.r<n>` and posts anew as `TE-1.v<n+1>`; parts made by a
cap, a retainer or the expense policy (`TE-1.beyond`) are taken back part by part
(`TE-1.r<n>.beyond`). Opposite and original sum to nothing, to the cent, as rounding is symmetric.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from router.canonical.work import ExpenseItem, TimeEntry
from router.finance.identity import derived

Work = TimeEntry | ExpenseItem
_TAG = re.compile(
    r"(?:\.(?P<sort>[rv])(?P<number>[1-9][0-9]{0,5}))?(?P<tail>(?:\.[a-z][a-z0-9-]*)?)\Z", re.ASCII
)
_VERSION = re.compile(r"(?P<root>.+)\.v(?P<number>[1-9][0-9]{0,5})\Z", re.ASCII)
STATED: Mapping[str, tuple[str, ...]] = {
    "time_entry": ("project_id", "resource_id", "task_id", "work_date", "minutes", "billable"),
    "expense_item": (
        "project_id", "resource_id", "expense_date", "category", "amount", "currency", "billable",
    ),
}  # fmt: skip
"""What the source system states about a row; only a change of these is corrected in an ERP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One row of a source system and all that was made of it."""

    root: str
    """The id it was first accepted by."""
    standing: tuple[Work, ...]
    """The parts of its newest version that were not taken back, in order of acceptance."""
    corrections: int
    """How often it was corrected."""

    @property
    def number(self) -> int:
        """The number of the next correction."""
        return self.corrections + 1


def history(root: str, documents: Sequence[Work]) -> History:
    """What became of a row, from all accepted documents of its id and those derived from it."""
    own = [(document, found) for document in documents if (found := _tag(root, document.document_id))]
    back = {document.adjusts for document, (sort, _, _) in own if sort == "r"}
    made = [number if sort == "r" else number - 1 for _, (sort, number, _) in own if sort]
    return History(
        root=root,
        standing=tuple(
            document for document, (sort, _, _) in own if sort != "r" and document.document_id not in back
        ),
        corrections=max(made, default=0),
    )


def root_of_version(document_id: str) -> tuple[str, int] | None:
    """(root, version) of the id of a re-post, `TE-1.v2`; None for any other id."""
    found = _VERSION.fullmatch(document_id)
    return None if found is None else (found["root"], int(found["number"]))


def version_id(found: History) -> str:
    """The id of the newest version: the root, or that of its last re-post."""
    return found.root if not found.corrections else derived(found.root, f".v{found.corrections + 1}")


def stated_by(root: str, documents: Sequence[Work]) -> tuple[Work, ...]:
    """Of all that was made of a row, what each of its accepted states came to: one document a state.

    That is the root and every re-post, and of a deletion what it took back; not the parts of a split, nor
    what a re-post took back, which may have been accepted long after the state they belong to.
    """
    own = [(document, found) for document in documents if (found := _tag(root, document.document_id))]
    anew = {number - 1 for _, (sort, number, _) in own if sort == "v"}
    return tuple(
        document
        for document, (sort, number, tail) in own
        if not tail and not (sort == "r" and number in anew)
    )


def reversals(found: History, *, on: Mapping[str, date]) -> tuple[Work, ...]:
    """The exact opposites of what stands of a row; `on` has the accounting date of each by document id."""
    return tuple(_opposite(found, document, on[document.document_id]) for document in found.standing)


def repost(found: History, document: Work) -> Work:
    """What is right now, as the next version of a row: it follows the original to its ERP."""
    update = {"document_id": derived(found.root, f".v{found.number + 1}"), "adjusts": found.root}
    return document.model_copy(update=update)


def changed(kind: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """The attributes the source states differently now, in order."""
    return tuple(
        name for name in STATED[kind] if _plain(name, before.get(name)) != _plain(name, now.get(name))
    )


def _opposite(found: History, document: Work, on: date) -> Work:
    tag = _tag(found.root, document.document_id)
    assert tag is not None
    update: dict[str, Any] = {
        "document_id": derived(found.root, f".r{found.number}{tag[2]}"),
        "adjusts": document.document_id,
        "accounting_date": on,
        "part_of": None,
    }
    if isinstance(document, TimeEntry):
        update["minutes"] = -document.minutes
    else:
        update["amount"] = -document.amount
        update["bill_amount"] = None if document.bill_amount is None else -document.bill_amount
    return document.model_copy(update=update)


def _tag(root: str, document_id: str) -> tuple[str, int, str] | None:
    """(`r`, `v` or nothing, its number, what follows) of an id that is the root's or derived from it."""
    if not document_id.startswith(root):
        return None
    found = _TAG.fullmatch(document_id[len(root) :])
    if found is None:
        return None
    return found["sort"] or "", int(found["number"] or 0), found["tail"]


def _plain(name: str, value: Any) -> Any:
    """A stated value in a form that compares: amounts by value, dates by their text, nothing as nothing."""
    if name == "amount" and value is not None:
        try:
            return Decimal(str(value))
        except InvalidOperation:
            return str(value)
    return str(value) if isinstance(value, date) else value
