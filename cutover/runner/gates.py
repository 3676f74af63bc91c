"""Gates, pure: three-valued, with the measurement, the threshold and why. No data never passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cutover.plan.steps import Thresholds
from router.dualrun.service import Comparison

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One measured question and its answer."""

    name: str
    verdict: Verdict
    measured: str
    threshold: str
    why: str = ""
    age_s: int = 0
    """How old what it measured is."""
    decides: bool = True
    """False: tried, shown, and nothing hangs on it."""
    evidence: tuple[str, ...] = ()
    """Where to look: a comparison's run, documents, exceptions; a few of them."""

    def as_row(self) -> dict[str, Any]:
        """The gate as the report shows it, and as the log keeps it."""
        return {
            "name": self.name, "verdict": self.verdict, "measured": self.measured, "threshold": self.threshold,
            "why": self.why, "age_s": self.age_s, "decides": self.decides,
            **({"evidence": list(self.evidence)} if self.evidence else {}),
        }  # fmt: skip

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Gate:
        """What `as_row` wrote."""
        return cls(**{**row, "evidence": tuple(row.get("evidence", ()))})


def worst(gates: tuple[Gate, ...]) -> Verdict:
    """Fail beats inconclusive beats pass; no gate at all is inconclusive."""
    verdicts = [gate.verdict for gate in gates]
    if "fail" in verdicts:
        return "fail"
    return "pass" if verdicts and "inconclusive" not in verdicts else "inconclusive"


def counted(name: str, measured: int, most: int = 0, why: str = "") -> Gate:
    """Passes while a count is at most a threshold."""
    verdict: Verdict = "pass" if measured <= most else "fail"
    return Gate(name=name, verdict=verdict, measured=str(measured), threshold=f"at most {most}", why=why)


def reconciled(comparison: Comparison, thresholds: Thresholds) -> tuple[Gate, ...]:
    """The gates of a comparison: compared at all, counts, money variance, unexplained, pending, ties."""
    compared = comparison.compared
    some = Gate(
        name="both ERPs were compared",
        verdict="pass" if compared else "inconclusive",
        measured=f"{compared} pairs",
        threshold="at least 1 pair",
        why="" if compared else "there was nothing to compare, so nothing is proven",
    )
    gates = [
        some,
        counted("documents in one ERP only", comparison.missing, thresholds.count_differences),
        counted("differences without a cause", comparison.unexplained, thresholds.unexplained),
        counted("shadow deliveries pending", comparison.pending),
        counted("differences not judged yet", comparison.held_back),
        counted("differences hidden by an expired rule", comparison.expired),
    ]
    for currency, row in sorted(comparison.money.items()):
        gates.append(
            variance(currency, row["legacy_minor"], row["variance_minor"], thresholds.variance_basis_points)
        )
    gates.append(counted("control totals that do not tie", comparison.untied))
    return tuple(gates)


def variance(currency: str, legacy_minor: int, variance_minor: int, most: int) -> Gate:
    """Money of both ERPs in basis points of the legacy total."""
    name = f"invoice variance in {currency}"
    if legacy_minor == 0:
        verdict: Verdict = "inconclusive" if variance_minor == 0 else "fail"
        return Gate(
            name=name, verdict=verdict, measured="no legacy total", threshold=f"at most {most} basis points"
        )
    # Compared by cross-multiplication: no division, no rounding.
    passes = abs(variance_minor) * 10_000 <= most * abs(legacy_minor)
    hundredths = abs(variance_minor) * 1_000_000 // abs(legacy_minor)
    return Gate(
        name=name,
        verdict="pass" if passes else "fail",
        measured=f"{hundredths // 100}.{hundredths % 100:02d} basis points",
        threshold=f"at most {most} basis points",
    )
