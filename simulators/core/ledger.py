"""Double entry: every posting balances in each currency, in an open period of its entity.

Amounts are minor units, debit positive. An entry is kept in the currency of its document, where a
trial balance has one row per account and currency, and beside it in the entity's own currency (base),
where it balances too. Each line is translated and rounded half up by itself; what then is missing goes
to the largest line, or to the account the caller names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from simulators.core.money import rounded

CASH = "100000"
RECEIVABLES = "120000"
DUE_FROM = "130000"
WORK_IN_PROGRESS = "140000"
ACCRUED_REVENUE = "145000"
TAX_PAYABLE = "230000"
DUE_TO = "235000"
EMPLOYEE_PAYABLE = "240000"
DEFERRED_REVENUE = "250000"
REVENUE = "400000"
UNBILLED_REVENUE = "410000"
INTERCOMPANY_REVENUE = "450000"
PROJECT_EXPENSE = "600000"
INTERCOMPANY_COST = "650000"
BAD_DEBT = "660000"
FX_DIFFERENCE = "700000"
ACCOUNTS: Mapping[str, str] = {
    CASH: "Bank",
    RECEIVABLES: "Trade receivables",
    DUE_FROM: "Due from group companies",
    WORK_IN_PROGRESS: "Work in progress",
    ACCRUED_REVENUE: "Accrued revenue",
    TAX_PAYABLE: "Tax payable",
    DUE_TO: "Due to group companies",
    EMPLOYEE_PAYABLE: "Payable to employees",
    DEFERRED_REVENUE: "Deferred revenue",
    REVENUE: "Revenue",
    UNBILLED_REVENUE: "Unbilled revenue",
    INTERCOMPANY_REVENUE: "Intercompany revenue",
    PROJECT_EXPENSE: "Project expense",
    INTERCOMPANY_COST: "Intercompany cost",
    BAD_DEBT: "Bad debt",
    FX_DIFFERENCE: "Exchange rate differences",
}


class Unbalanced(Exception):
    """Debits and credits of an entry differ."""


class PeriodClosed(Exception):
    """The posting date lies in a closed period."""

    def __init__(self, entity: str, on: date) -> None:
        self.entity, self.on = entity, on
        super().__init__(f"period {period_of(on)} of {entity} is closed")


@dataclass(slots=True)
class LedgerLine:
    """A debit (positive) or credit (negative) of one account.

    `base_minor` is filled on posting, unless the line is `carried`: then it takes back what another
    entry posted, at that entry's rate.
    """

    account: str
    minor: int
    currency: str
    text: str = ""
    dims: dict[str, str] = field(default_factory=dict)
    base_minor: int = 0
    carried: bool = False


@dataclass(slots=True)
class Entry:
    """A posting; `reverses` is the number of the entry it takes back."""

    number: int
    entity: str
    on: date
    reference: str
    lines: list[LedgerLine]
    reverses: int = 0


@dataclass(slots=True)
class Periods:
    """Which months of an entity's books are open: closed through a day, with months opened or closed by name."""

    closed_through: date | None = None
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)


def period_of(on: date) -> str:
    """The posting period a date lies in: `2026-10`."""
    return f"{on.year:04d}-{on.month:02d}"


def check_balanced(lines: Sequence[LedgerLine], reference: str) -> None:
    """Raises Unbalanced when debits and credits differ in any currency."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.currency] = sums.get(line.currency, 0) + line.minor
    for currency, difference in sums.items():
        if difference:
            msg = f"{reference}: debits and credits differ by {difference} {currency}"
            raise Unbalanced(msg)


def translated(
    lines: Sequence[LedgerLine], *, home: str | None, rate: Fraction | None, rest_to: str | None = None
) -> list[LedgerLine]:
    """Fills the lines' base amounts and makes them balance; raises Unbalanced without a rate that is needed.

    The rest of rounding goes to `rest_to` (a line of that account, else one made for it), else to the largest line.
    """
    kept = list(lines)
    for line in kept:
        if line.carried:
            continue
        if home is None or line.currency == home:
            line.base_minor = line.minor
        elif rate is None:
            msg = f"no rate from {line.currency} to {home}"
            raise Unbalanced(msg)
        else:
            line.base_minor = rounded(line.minor * rate, "half_up")
    rest = sum(line.base_minor for line in kept)
    if rest:
        free = [line for line in kept if not line.carried]
        if rest_to is not None:
            free = [line for line in free if line.account == rest_to]
            if not free:
                free = [LedgerLine(rest_to, 0, kept[0].currency, "Exchange rate difference")]
                kept += free
        if not free:
            msg = f"base amounts differ by {rest}"
            raise Unbalanced(msg)
        max(free, key=lambda line: abs(line.base_minor)).base_minor -= rest
    return kept


class Ledger:
    """The entries and the posting periods of every entity."""

    def __init__(
        self, closed_through: Mapping[str, date | None], currencies: Mapping[str, str] | None = None
    ) -> None:
        self._home = dict(currencies or {})
        self.periods = {entity: Periods(day) for entity, day in closed_through.items()}
        self.entries: list[Entry] = []
        self._balances: dict[str, dict[str, dict[str, int]]] = {}
        self._base: dict[str, dict[str, int]] = {}

    def post(
        self,
        *,
        entity: str,
        on: date,
        lines: Sequence[LedgerLine],
        reference: str,
        reverses: int = 0,
        rate: Fraction | None = None,
        rest_to: str | None = None,
    ) -> int:
        """Post an entry and return its number; raises PeriodClosed or Unbalanced, and then nothing changed.

        `rate` is units of the entity's currency for one of the document's; `rest_to` as for `translated`.
        """
        if not self.is_open(entity, on):
            raise PeriodClosed(entity, on)
        check_balanced(lines, reference)
        kept = translated(lines, home=self._home.get(entity), rate=rate, rest_to=rest_to)
        number = len(self.entries) + 1
        self._add(Entry(number, entity, on, reference, kept, reverses))
        return number

    def reverse(self, number: int, *, on: date, reference: str) -> int:
        """Post the opposite of an entry on a date and return the new entry's number."""
        entry = self.entries[number - 1]
        opposite = [
            LedgerLine(
                line.account,
                -line.minor,
                line.currency,
                line.text,
                line.dims,
                base_minor=-line.base_minor,
                carried=True,
            )
            for line in entry.lines
        ]
        return self.post(entity=entry.entity, on=on, lines=opposite, reference=reference, reverses=number)

    def trial_balance(self, entity: str) -> dict[str, int]:
        """Minor units by account, sorted; accounts not in the entity's own currency are named `account CUR`."""
        by_currency = self._balances.get(entity, {})
        home = self._home.get(entity)
        return {
            account if currency == home else f"{account} {currency}": minor
            for currency in sorted(by_currency)
            for account, minor in sorted(by_currency[currency].items())
        }

    def base_balance(self, entity: str) -> dict[str, int]:
        """Minor units of the entity's own currency by account, sorted; they sum to nothing."""
        return dict(sorted(self._base.get(entity, {}).items()))

    def base_of(self, number: int, account: str) -> int:
        """What an entry moved on an account, in the entity's currency; 0 for no entry."""
        lines = self.entries[number - 1].lines if number else ()
        return sum(line.base_minor for line in lines if line.account == account)

    def is_open(self, entity: str, on: date) -> bool:
        """Whether an entity's books take postings on a date; an unknown entity's never do."""
        periods = self.periods.get(entity)
        if periods is None:
            return False
        month = period_of(on)
        if month in periods.closed:
            return False
        return periods.closed_through is None or on > periods.closed_through or month in periods.opened

    def open_period(self, entity: str, period: str) -> None:
        """Open a month, `2026-08`, also one before the day the books were closed through."""
        periods = self.periods[entity]
        periods.closed = [name for name in periods.closed if name != period]
        periods.opened = sorted({*periods.opened, period})

    def close_period(self, entity: str, period: str) -> None:
        """Close a month, `2026-10`, whatever lies before it."""
        periods = self.periods[entity]
        periods.opened = [name for name in periods.opened if name != period]
        periods.closed = sorted({*periods.closed, period})

    def restore(self, entries: Sequence[Entry], periods: Mapping[str, Periods]) -> None:
        """Take the state of a snapshot; raises Unbalanced when it is none of ours."""
        self.periods = dict(periods)
        self.entries, self._balances, self._base = [], {}, {}
        for entry in entries:
            check_balanced(entry.lines, f"entry {entry.number}")
            if sum(line.base_minor for line in entry.lines):
                msg = f"entry {entry.number}: base amounts do not balance"
                raise Unbalanced(msg)
            entry.number = len(self.entries) + 1
            self._add(entry)

    def empty(self) -> Ledger:
        """A ledger of the same entities and currencies, without entries."""
        return Ledger(dict.fromkeys(self.periods), self._home)

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        of_entity = self._balances.setdefault(entry.entity, {})
        base = self._base.setdefault(entry.entity, {})
        for line in entry.lines:
            accounts = of_entity.setdefault(line.currency, {})
            accounts[line.account] = accounts.get(line.account, 0) + line.minor
            base[line.account] = base.get(line.account, 0) + line.base_minor
