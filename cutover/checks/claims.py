"""The list of checks, and how a finding reads in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cutover.checks import (
    answers_kept,
    breaks_stored,
    no_late_decisions,
    nothing_doubled,
    nothing_lost,
    one_authority,
    order_kept,
)
from cutover.checks.facts import Facts

SHOWN = 20
"""Violations shown in a report; all are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one checker claims, and what it leaves unchecked."""

    name: str
    claim: str
    not_checked: str
    check: Callable[[Facts], tuple[int, Iterable[str]]]
    """Gives how many things it looked at, and a sentence a violation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one checker."""

    name: str
    claim: str
    held: bool
    checked: int
    violations: int
    examples: tuple[str, ...]
    not_checked: str

    def as_row(self) -> dict[str, Any]:
        """The finding as the report shows it."""
        return {
            "name": self.name, "claim": self.claim, "held": self.held, "checked": self.checked,
            "violations": self.violations, "examples": list(self.examples), "not_checked": self.not_checked,
        }  # fmt: skip


_MODULES = (
    ("I1", nothing_lost), ("I2", nothing_doubled), ("I3", one_authority), ("I4", order_kept),
    ("I5", no_late_decisions), ("I6", answers_kept), ("I7", breaks_stored),
)  # fmt: skip
CHECKS: tuple[Claim, ...] = tuple(
    Claim(name=name, claim=module.CLAIM, not_checked=module.NOT_CHECKED, check=module.check)
    for name, module in _MODULES
)


def check_all(facts: Facts) -> list[Finding]:
    """Run every check. One that looked at nothing did not hold: no data never passes."""
    findings: list[Finding] = []
    for claim in CHECKS:
        checked, found = claim.check(facts)
        violations = list(found)
        if checked == 0 and not violations:
            violations = ["there was nothing to check"]
        findings.append(
            Finding(
                name=claim.name,
                claim=claim.claim,
                held=not violations,
                checked=checked,
                violations=len(violations),
                examples=tuple(violations[:SHOWN]),
                not_checked=claim.not_checked,
            )
        )
    return findings
