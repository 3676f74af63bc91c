"""What a contract agreed at a time: its lines version by version, each from its effective day on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from router.canonical.masters import Bills, Contract, ContractLine
from router.canonical.work import ChangeOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of a contract's lines and the day they take effect."""

    effective: date
    version: int
    lines: tuple[ContractLine, ...]
    ends: date | None


def history(contract: Contract, changes: Iterable[ChangeOrder]) -> tuple[Terms, ...]:
    """Every version from the contract as signed on, in order of version.

    `changes` with a version the contract document already stands at are part of it: a contract sent
    again as amended is the newest word on its version.
    """
    found = [
        Terms(
            effective=contract.starts,
            version=contract.contract_version,
            lines=contract.lines,
            ends=contract.ends,
        )
    ]
    for change in sorted(changes, key=lambda one: one.contract_version):
        if change.contract_version > found[-1].version:
            found.append(
                Terms(
                    effective=change.effective,
                    version=change.contract_version,
                    lines=change.lines,
                    ends=change.ends or found[-1].ends,
                )
            )
    return tuple(found)


def in_force(terms: Sequence[Terms], on: date) -> Terms:
    """The newest version in force on a day; before the first one, the first."""
    fitting = [one for one in terms if one.effective <= on]
    return max(fitting, key=lambda one: one.version) if fitting else terms[0]


def line_in(terms: Terms, bills: Bills, service_line: str = "") -> ContractLine | None:
    """The line that bills something of a service line: its own, else the first of that sort."""
    fitting = [line for line in terms.lines if line.bills == bills]
    own = [line for line in fitting if line.service_line == service_line]
    return next(iter(own or fitting), None)
