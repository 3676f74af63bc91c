"""Versions of a contract, pure: which one follows, and which terms are in force on a day.

Version 1 is the contract as signed; every change order, amendment and renewal is the whole contract as
it then stands, with a number and the day it takes effect. Versions are taken in order and without
gaps, whatever order they arrive in. A day's terms are those of the highest version in effect on it: a
later agreement replaces what an earlier one had planned for that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from router.canonical.masters import Contract
from router.canonical.work import ChangeOrder
from router.finance.terms import Terms, in_force

Standing = Literal["follows", "waits", "stale", "stands"]


def register_of(contract_id: str) -> str:
    """The journal's register of the version a contract stands at."""
    return f"version:{contract_id}"


def standing(version: int, stands_at: int) -> Standing:
    """What a version is to a contract that stands at another: its next one, itself, too early or too late."""
    if version == stands_at + 1:
        return "follows"
    if version > stands_at:
        return "waits"
    return "stands" if version == stands_at else "stale"


@dataclass(frozen=True, slots=True)
class Agreement:
    """All that is known of one contract, whatever order it came in."""

    contracts: tuple[Contract, ...]
    """Its documents, the lowest version first; of each version the newest."""
    terms: tuple[Terms, ...]
    """Its versions in order."""

    @property
    def newest(self) -> Contract:
        """The contract as it stands once everything agreed is in effect."""
        return self._with(self.terms[-1])

    @property
    def version(self) -> int:
        """The highest version known."""
        return self.terms[-1].version

    def on(self, day: date) -> Contract:
        """The contract as in force on a day: lines, end and version of that day."""
        return self._with(in_force(self.terms, day))

    def _with(self, terms: Terms) -> Contract:
        fitting = [one for one in self.contracts if one.contract_version <= terms.version]
        return (fitting or self.contracts[:1])[-1].model_copy(
            update={"lines": terms.lines, "ends": terms.ends, "contract_version": terms.version}
        )


def agreement(contracts: Sequence[Contract], orders: Iterable[ChangeOrder]) -> Agreement:
    """What a contract's documents and change orders come to; at least one document is needed.

    The lowest document is the contract as signed. A document sent again with the version of a change
    order restates it and keeps its effective day; one without, takes effect on its accounting date.
    """
    documents = {one.contract_version: one for one in contracts}
    changes = {one.contract_version: one for one in orders}
    first = min(documents)
    signed = documents[first]
    found = [Terms(effective=signed.starts, version=first, lines=signed.lines, ends=signed.ends)]
    for version in sorted({*documents, *changes}):
        if version <= first:
            continue
        document, change = documents.get(version), changes.get(version)
        if document is not None:
            effective = change.effective if change is not None else document.accounting_date
            lines, ends = document.lines, document.ends
        else:
            assert change is not None
            effective, lines, ends = change.effective, change.lines, change.ends or found[-1].ends
        found.append(Terms(effective=effective, version=version, lines=lines, ends=ends))
    return Agreement(tuple(documents[version] for version in sorted(documents)), tuple(found))
