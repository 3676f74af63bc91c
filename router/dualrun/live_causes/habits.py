"""How an ERP reckons, learned from the invoices it made: the habits that reproduce most of them exactly. Pure.

Hours first come from the rows themselves: an ERP that shows a quantity no whole minutes make keeps hundredths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

from router.connectors.port import BilledWork, Record
from router.dualrun.live_causes.reckoning import ALL_HABITS, Amounts, Bill, Habits, Piece, reckoned, rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """An ERP's habits, with the evidence."""

    habits: Habits
    reproduced: int = 0
    """Invoices that these habits make again to the minor unit, net and tax."""
    invoices: int = 0
    rows_in_hundredths: int = 0
    """Time entries whose quantity is in hundredths of hours."""
    rows: int = 0
    runners_up: tuple[tuple[Habits, int], ...] = ()
    """How many invoices each other combination reproduces, best first."""

    def told_apart(self, habit: str) -> bool:
        """Whether any invoice speaks against the other word of a habit."""
        own = getattr(self.habits, habit)
        others = [count for habits, count in self.runners_up if getattr(habits, habit) != own]
        return not others or max(others) < self.reproduced

    def to_json(self, system: str) -> dict[str, Any]:
        """Each habit with how many of its documents prove it, and in one sentence."""
        untold = [name for name in ("rounding", "mode", "tax") if not self.told_apart(name)]
        kept = f"{self.rows_in_hundredths:,} of {self.rows:,} entries in hundredths of an hour"
        words = {name: getattr(self.habits, name) for name in ("hours", "rounding", "mode", "tax")}
        said = (
            f"{system} keeps {kept}; rounding per {words['rounding']}, {words['mode'].replace('_', ' ')}, tax per"
            f" {words['tax']} make {self.reproduced:,} of {self.invoices:,} of its invoices again"
        )
        if untold:
            said += f"; no invoice tells the other {' or '.join(untold)} from it"
        return {
            "system": system,
            "habits": words,
            "reproduced": self.reproduced,
            "invoices": self.invoices,
            "entries_in_hundredths": self.rows_in_hundredths,
            "entries": self.rows,
            "not_told_apart": untold,
            "sentence": said,
        }


def bill_of(record: Record) -> Bill | None:
    """What an invoice is made of; None where the ERP does not say of every line which work is on it."""
    tax_codes = {int(line["line"]): str(line.get("tax_code", "")) for line in record.lines}
    if len(tax_codes) != len(record.lines) or {work.line for work in record.billed} != set(tax_codes):
        return None
    pieces = dict(pieces_of(record.billed))
    return Bill(pieces=tuple(pieces[row_key(work)] for work in record.billed), tax_codes=tax_codes)


def row_key(work: BilledWork) -> tuple[str, str]:
    """Kind and our id of a piece of work."""
    return work.kind, work.external_id


def pieces_of(billed: Sequence[BilledWork]) -> Iterator[tuple[tuple[str, str], Piece]]:
    """The rows as they stand in their ERP, by kind and id.

    What a cap leaves of a row is shown rounded, but a cap is a whole amount: with the rest of the hours it
    makes whole minor units, so the one row that it cut is known exactly.
    """
    cut = [work for work in billed if capped(work) and work.amount_minor]
    whole = Fraction(0)
    if len(cut) == 1:
        others = [kept_value(work) for work in billed if not capped(work)]
        uncut = sum((value for value in others if value is not None), Fraction(0))
        # Of what is shown as n, exact amounts lie from n − ½ up to below n + ½.
        whole = ceil(uncut + cut[0].amount_minor - Fraction(1, 2)) - uncut
    for work in billed:
        if len(cut) == 1 and work is cut[0]:
            yield row_key(work), Piece(line=work.line, fixed=whole)
        elif work.minutes is None or work.rate_minor is None or capped(work):
            yield row_key(work), Piece(line=work.line, fixed=Fraction(work.amount_minor))
        else:
            yield row_key(work), Piece(line=work.line, minutes=work.minutes, rate_minor=work.rate_minor)


def capped(work: BilledWork) -> bool:
    """Whether a time row was billed at less than its hours are worth, whichever way it was rounded."""
    value = kept_value(work)
    return value is not None and work.amount_minor not in (
        rounded(value, "half_up"),
        rounded(value, "half_even"),
    )


def kept_value(work: BilledWork) -> Fraction | None:
    """Exact minor units of the hours as the ERP keeps them; None for what has no hours."""
    if work.minutes is None or work.rate_minor is None:
        return None
    if work.hundredths is not None:
        return Fraction(work.hundredths * work.rate_minor, 100)
    return Fraction(work.minutes * work.rate_minor, 60)


def learn(records: Sequence[Record], tax_rates: Mapping[str, int]) -> Learned:
    """The habits that make most of these invoices again; of equals the first of `ALL_HABITS`."""
    entries = [record for record in records if record.kind == "time_entry" and record.minutes is not None]
    in_hundredths = sum(record.hundredths is not None for record in entries)
    bills: list[tuple[Bill, int, int]] = []
    billed_in_hundredths = False
    invoices = 0
    for record in records:
        if record.kind != "invoice" or record.status == "cancelled" or not record.billed:
            continue  # one that billed no work was sent line by line, with its tax
        invoices += 1
        bill = bill_of(record)
        if bill is not None and record.net_minor is not None and record.tax_minor is not None:
            bills.append((bill, record.net_minor, record.tax_minor))
        billed_in_hundredths |= any(work.hundredths is not None for work in record.billed)
    keeps = "hundredths" if in_hundredths or billed_in_hundredths else "minutes"
    counts: list[tuple[Habits, int]] = []
    for habits in ALL_HABITS:
        if habits.hours == keeps:
            made = [(again(bill, habits, tax_rates), net, tax) for bill, net, tax in bills]
            counts.append(
                (habits, sum(m is not None and m.net == net and m.tax == tax for m, net, tax in made))
            )
    best = max(counts, key=lambda row: row[1])
    others = sorted((row for row in counts if row is not best), key=lambda row: -row[1])
    return Learned(
        habits=best[0],
        reproduced=best[1],
        invoices=invoices,
        rows_in_hundredths=in_hundredths,
        rows=len(entries),
        runners_up=tuple(others),
    )


def again(bill: Bill, habits: Habits, tax_rates: Mapping[str, int]) -> Amounts | None:
    """The invoice reckoned again; None where a tax code has no known rate."""
    if any(code not in tax_rates for code in bill.tax_codes.values()):
        return None
    return reckoned(bill, habits, tax_rates)
