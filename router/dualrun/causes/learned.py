"""What only shows over many documents: words that go together, habits of rounding, rates of days, lone rows.

Counters with bounds: a full one stops taking new entries and the causes that need it are no longer
given, so a bound can cost an explanation but never make a wrong one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from router.dualrun.causes.reckoning import habit
from router.dualrun.causes.table import Table
from router.dualrun.policy import SIDES, Side
from router.dualrun.results import Agreement, Difference, DocumentView, Pair, Row

WORDS_MAX = 20_000
"""Pairs of words kept a column: a chart of cost centres has some hundreds."""
DAYS_MAX = 20_000
"""Days with their rates, over all entities and currencies: fifty years of one."""
LONE_MAX = 20_000
"""Rows without a partner kept to be matched with one another; beyond it is no longer a matter of rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lone:
    """A row that stands on one side only."""

    side: Side
    pair: Pair
    row: Row
    difference: Difference
    group: tuple[str, ...]
    """What rows must share to be one another's: entity, currency, and customer or else document."""


@dataclass(slots=True)
class Learned:
    """Counters over the documents that differ; their rows that agree count as well."""

    table: Table
    documents: int = 0
    words: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    """By column: how often a legacy word stands against a cloud word, equal ones included."""
    sides: dict[str, Counter[tuple[Side, str]]] = field(default_factory=dict)
    """By column: how often a side uses a word."""
    elsewhere: dict[str, Mapping[str, int]] = field(default_factory=dict)
    """By column: pairs of the whole comparison in which both sides say a word, of words that differ somewhere."""
    habits: Counter[tuple[Side, str]] = field(default_factory=Counter)
    rates: dict[tuple[str, str, date], Counter[Fraction]] = field(default_factory=dict)
    """By legal entity, currency and day: the exchange rates seen."""
    last: dict[Side, date] = field(default_factory=dict)
    """The last accounting date seen on each side."""
    approved: int = 0
    """Rows that say who approved them."""
    unapproved: int = 0
    """Rows that nobody approved on either side and that stand on both: approval is not what lets a row pass."""
    lone: list[Lone] = field(default_factory=list)
    full: set[str] = field(default_factory=set)
    """Counters that met their bound."""

    def together(self, name: str, legacy: str, cloud: str) -> int:
        """Rows of a column where these two words stand against each other."""
        words = self.words.get(name)
        return words[legacy, cloud] if words else 0

    def uses(self, name: str, side: Side, word: str) -> int:
        """Rows of a column where a side says this word."""
        sides = self.sides.get(name)
        return sides[side, word] if sides else 0

    def agreed(self, name: str, word: str) -> int:
        """Rows of a column where both sides say this word."""
        return max(self.together(name, word, word), self.elsewhere.get(name, {}).get(word, 0))

    def compare(self, agreement: Agreement) -> None:
        """Take in what agrees outside the documents looked at: what stands against a cause."""
        for name, pairs in sorted(self.words.items()):
            apart = {word for pair in pairs if pair[0] != pair[1] for word in pair if word}
            if apart:
                self.elsewhere[name] = agreement.words(name, sorted(apart))
        if self.approved or any(shows == "truncated" for _, shows in self.habits):
            for row in agreement.sample():
                self.unapproved += self._nobody(row)
                for side in SIDES:
                    self._habit(side, row)

    def look(self, view: DocumentView) -> None:
        """Count one document."""
        self.documents += 1
        differing: set[int] = set()
        for pair in view.pairs:
            differing.update(row.number for row in pair.legacy)
            self._pair(pair)
        for row in view.legacy:
            self._row("legacy", row)
            if row.number not in differing:
                self._agreed(row)
        for row in view.cloud:
            self._row("cloud", row)

    def _pair(self, pair: Pair) -> None:
        names = {difference.column for difference in pair.differences}
        if len(pair.legacy) == len(pair.cloud) == 1:
            for name in self._worded():
                one, other = _word(pair.legacy[0], name), _word(pair.cloud[0], name)
                self._count(name, one, other if name in names else one)
            self.unapproved += self._nobody(pair.legacy[0], pair.cloud[0])
            return
        for difference in pair.differences:
            if difference.what.startswith("missing_"):
                self._keep(pair, difference)

    def _keep(self, pair: Pair, difference: Difference) -> None:
        side: Side = "legacy" if pair.legacy else "cloud"
        for row in pair.legacy or pair.cloud:
            if len(self.lone) >= LONE_MAX:
                self.full.add("lone")
                return
            self.lone.append(
                Lone(side=side, pair=pair, row=row, difference=difference, group=self.group(row, difference))
            )

    def group(self, row: Row, difference: Difference) -> tuple[str, ...]:
        """What rows must share to be one another's."""
        whose = self.table.text(row, "customer") or self.table.text(row, "document")
        return (self.table.text(row, "legal_entity"), difference.currency, whose)

    def _worded(self) -> list[str]:
        columns = self.table.policy.columns
        return [name for name, column in columns.items() if column.type in ("dimension", "status")]

    def _nobody(self, *rows: Row) -> bool:
        """Whether rows could say who approved them and none does."""
        return "approved_by" in self.table.columns and not any(
            self.table.text(row, "approved_by") for row in rows
        )

    def _agreed(self, row: Row) -> None:
        self.unapproved += self._nobody(row)
        for name in self._worded():
            word = _word(row, name)
            self._count(name, word, word)

    def _count(self, name: str, legacy: str, cloud: str) -> None:
        words = self.words.setdefault(name, Counter())
        if len(words) >= WORDS_MAX and (legacy, cloud) not in words:
            self.full.add(name)
            return
        words[legacy, cloud] += 1
        sides = self.sides.setdefault(name, Counter())
        sides["legacy", legacy] += 1
        sides["cloud", cloud] += 1

    def _row(self, side: Side, row: Row) -> None:
        table = self.table
        when = row.cells.get(table.columns.get("accounting_date", ""))
        if isinstance(when, date) and when > self.last.get(side, date.min):
            self.last[side] = when
        day = row.cells.get(table.columns.get("fx_date", ""), when)
        rate = row.cells.get(table.columns.get("fx_rate", ""))
        currency = self.table.currency(row, table.columns.get("total", table.columns.get("net", "")))
        if isinstance(day, date) and isinstance(rate, Decimal) and currency:
            market = (table.text(row, "legal_entity"), currency, day)
            if len(self.rates) >= DAYS_MAX and market not in self.rates:
                self.full.add("rates")
            else:
                self.rates.setdefault(market, Counter())[Fraction(rate)] += 1
        self.approved += bool(table.text(row, "approved_by"))
        self._habit(side, row)

    def _habit(self, side: Side, row: Row) -> None:
        columns = self.table.columns
        hours, rate = row.cells.get(columns.get("quantity", "")), row.cells.get(columns.get("rate", ""))
        amount, column = row.cells.get(columns.get("net", "")), self.table.column(columns.get("rate", ""))
        if not isinstance(hours, Decimal) or not isinstance(amount, int) or column is None:
            return
        if isinstance(rate, Decimal):
            places = self.table.places(row, columns["net"])
            numerator, denominator = rate.as_integer_ratio()
            ratio = (numerator * 10**places, denominator)
        elif isinstance(rate, int):
            ratio = (rate, 1)
        else:
            return
        shows = habit(hours.as_integer_ratio(), ratio, amount)
        if shows:
            self.habits[side, shows] += 1


def _word(row: Row, name: str) -> str:
    cell = row.cells.get(name)
    return "" if cell is None else str(cell)
