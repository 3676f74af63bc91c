"""What a contract agreed at a time: its lines version by version, each from its effective day on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from router.canonical.masters import Bills, ContractLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of a contract's lines and the day they take effect."""

    effective: date
    version: int
    lines: tuple[ContractLine, ...]
    ends: date | None


def in_force(terms: Sequence[Terms], on: date) -> Terms:
    """The newest version in force on a day; before the first one, the first."""
    fitting = [one for one in terms if one.effective <= on]
    return max(fitting, key=lambda one: one.version) if fitting else terms[0]


def line_in(terms: Terms, bills: Bills, service_line: str = "") -> ContractLine | None:
    """The line that bills something of a service line: its own, else the first of that sort."""
    fitting = [line for line in terms.lines if line.bills == bills]
    own = [line for line in fitting if line.service_line == service_line]
    return next(iter(own or fitting), None)
