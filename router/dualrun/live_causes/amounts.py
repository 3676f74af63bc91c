"""Why amounts differ: time entries, invoices with their lines, and credit memos. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from router.canonical.money import Money
from router.connectors.port import Record
from router.dualrun.breaks import Explanation, Part
from router.dualrun.line_matching import matched
from router.dualrun.live_causes.facts import LiveFacts
from router.dualrun.live_causes.path import CAUSE_OF, Way, closed, parts_of, parts_of_lines, way
from router.dualrun.live_causes.reckoning import rounded

COLUMNS = ("net", "tax", "total")
WORDS: Mapping[str, str] = {
    "billed-elsewhere": "work that stands on another invoice, or on other lines",
    "tax-code": "other tax codes for the same work",
    "row-differs": "the same work with other hours, rate or amount",
    "over-cap": "what a cap kept off",
    "hours-in-hundredths": "hours in hundredths or in minutes",
    "rounded-per-line": "rounded per row or once a document",
    "half-up-half-even": "halves rounded up or to the even neighbour",
    "tax-per-line": "tax rounded per line or once a tax code",
    "unexplained": "explained by no habit",
}


def unexplained(evidence: str) -> Explanation:
    """No cause, and what is known."""
    return Explanation(cause="unexplained", code="unexplained", evidence=evidence)


def by_parts(parts: Sequence[Part], evidence: str) -> Explanation:
    """The largest part gives the cause; one that nothing explains makes the whole unexplained."""
    if not parts or any(part.code == "unexplained" for part in parts):
        return Explanation(cause="unexplained", code="unexplained", evidence=evidence, parts=tuple(parts))
    largest = max(parts, key=lambda part: abs(part.delta_minor))
    return Explanation(
        cause=largest.cause,  # type: ignore[arg-type]  # of CAUSE_OF
        code=largest.code,
        evidence=evidence,
        parts=tuple(parts) if len(parts) > 1 else (),
    )


class Amounts:
    """Explains amounts of one run; ways are reckoned once an invoice."""

    def __init__(self, facts: LiveFacts) -> None:
        self._facts = facts
        self._ways: dict[str, Way | None] = {}

    def time_entry(self, key: str, delta: int) -> Explanation:
        """Hours kept in hundredths or in minutes, at one rate."""
        pair = self._facts.pair("time_entry", key)
        if pair is None:
            return unexplained("")
        old, new = pair
        left, right = _worth(old), _worth(new)
        if left is None or right is None or old.rate_minor != new.rate_minor or old.minutes != new.minutes:
            return unexplained("hours or rate differ")
        habit = rounded(right, "half_up") - rounded(left, "half_up")
        own = left != right and (old.hundredths is None) != (new.hundredths is None)
        parts = closed({"hours-in-hundredths": habit} if own else {}, delta)
        return by_parts(
            parts,
            f"{old.minutes} minutes at {_text(old.rate_minor or 0, old.currency)} an hour are"
            f" {_hours(old)} in {old.system} and {_hours(new)} in {new.system}",
        )

    def invoice(self, key: str, column: str, delta: int, line: str | None = None) -> Explanation:
        """The way from the legacy's habits to the cloud's; `line` names lines of the invoice."""
        pair = self._facts.pair("invoice", key)
        taken = self.way_of(key)
        if pair is None or taken is None:
            return unexplained("no ERP says which work it billed, or of a tax code there is no rate")
        old, new = pair
        if line is None:
            parts = parts_of(taken, column, delta)
        else:
            names = matched(old.lines, new.lines)[1]
            called = {int(row["line"]): name for row, name in zip(new.lines, names, strict=True)}
            parts = parts_of_lines(taken, column, delta, called, line)
        evidence = _evidence(taken, parts, old, new)
        if not (taken.legacy_again and taken.cloud_again):
            unproven = parts if any(part.code == "unexplained" for part in parts) else ()
            return Explanation(cause="unexplained", code="unexplained", evidence=evidence, parts=unproven)
        return by_parts(parts, evidence)

    def credit_memo(self, key: str, column: str, delta: int, line: str | None = None) -> Explanation:
        """The credit of a whole invoice differs by what the invoice differs, to the minor unit."""
        pair, invoice = self._facts.pair("credit_memo", key), self.invoice_of("credit_memo", key)
        billed = None if invoice is None else self._facts.pair("invoice", invoice)
        if pair is None or billed is None or invoice is None:
            return unexplained("the invoice it credits is not known")
        for memo, credited in zip(pair, billed, strict=True):
            if (memo.net_minor, memo.tax_minor) != (credited.net_minor, credited.tax_minor):
                return unexplained(f"in {memo.system} it does not credit the whole of invoice {invoice}")
        alone = len(pair[0].lines) == 1 == len(pair[1].lines)
        found = self.invoice(invoice, column, delta, None if alone else line)
        return Explanation(
            cause=found.cause,
            code=found.code,
            parts=found.parts,
            evidence=f"it credits the whole of invoice {invoice} in both ERPs: {found.evidence}",
        )

    def invoice_of(self, kind: str, key: str) -> str | None:
        """Our id, as the ERPs have it, of the invoice that a document settles."""
        named = self._facts.journal.invoice_of.get((kind, key))
        return None if named is None else self._as_held(named)

    def way_of(self, key: str) -> Way | None:
        """The way of an invoice."""
        if key not in self._ways:
            pair, facts = self._facts.pair("invoice", key), self._facts
            self._ways[key] = pair and way(*pair, facts.legacy.learned, facts.cloud.learned, facts.tax_rates)
        return self._ways[key]

    def _as_held(self, document_id: str) -> str:
        """ERPs hold what they billed under the billing event's id, of which the invoice's is made."""
        made_of = document_id.removeprefix("INV-")
        held = ("invoice", document_id) in self._facts.legacy.records
        return document_id if held or ("invoice", document_id) in self._facts.cloud.records else made_of


def _worth(record: Record) -> Fraction | None:
    if record.rate_minor is None or record.minutes is None:
        return None
    if record.hundredths is not None:
        return Fraction(record.hundredths * record.rate_minor, 100)
    return Fraction(record.minutes * record.rate_minor, 60)


def _hours(record: Record) -> str:
    if record.hundredths is None:
        return f"{record.minutes} minutes, {_text(record.net_minor or 0, record.currency)},"
    whole, part = divmod(abs(record.hundredths), 100)
    sign = "-" if record.hundredths < 0 else ""
    return f"{sign}{whole}.{part:02d} hours, {_text(record.net_minor or 0, record.currency)},"


def _evidence(taken: Way, parts: Sequence[Part], old: Record, new: Record) -> str:
    said = [f"{_text(part.delta_minor, new.currency, signed=True)} {WORDS[part.code]}" for part in parts]
    codes = {part.code for part in parts}
    if "hours-in-hundredths" in codes and taken.longest is not None:
        row, left, right = taken.longest
        said.append(
            f"{taken.rows_by_hours} of {taken.rows} rows are worth something else, {row} most:"
            f" {_text(left, old.currency)} and {_text(right, new.currency)}"
        )
    failed = [
        record.system for record, again in ((old, taken.legacy_again), (new, taken.cloud_again)) if not again
    ]
    if failed:
        said.append(f"its {taken.rows} rows do not make the invoice of {' and '.join(failed)} again")
    else:
        said.append(
            f"reckoned again from the {taken.rows} rows on it, both invoices come out to the minor unit"
        )
    return "; ".join(said)


def _text(minor: int, currency: str, *, signed: bool = False) -> str:
    text = str(Money(minor, currency))
    return f"+{text}" if signed and minor > 0 else text


assert set(WORDS) == set(CAUSE_OF)
