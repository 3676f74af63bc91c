"""Which numbers follow from which others, row by row: what proves a net, a tax, a total and a rate. Pure.

net = quantity × rate, tax = net × tax rate / 100, total = net + tax, base amount = net or total × fx rate,
each to the last digit that the row shows. Rows that prove nothing (a factor 1, a zero) are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations

from router.dualrun.policy import Role

Numbers = Sequence[Decimal | None]
LEAST = 5
"""Rows that must speak, for a relation to be told at all."""
HOLDS = 0.8
"""Share of them in which it must hold; two extracts are compared because some rows are wrong."""
_DULL = (Decimal(0), Decimal(1), Decimal(100))


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation that holds, with what speaks for it."""

    roles: tuple[tuple[Role, str], ...]
    """Each role with the column that plays it."""
    said: str
    held: int
    rows: int

    @property
    def why(self) -> str:
        """The evidence in a few words."""
        return f"{self.said} in {self.held:,} of {self.rows:,} rows"


def relations(columns: Mapping[str, Numbers], likely: Mapping[Role, str]) -> list[Relation]:
    """The relations found; where factors can be exchanged, `likely` (by the headings) says which is which."""
    found: list[Relation] = []
    total = _best(_totals(columns), likely)
    found += total
    net = next((name for one in total for role, name in one.roles if role == "net"), likely.get("net", ""))
    gross = next(
        (name for one in total for role, name in one.roles if role == "total"), likely.get("total", "")
    )
    taken = {name for one in total for _, name in one.roles}
    work = _best(_products(columns, {net} if net else {*columns}, taken), likely)
    found += work
    for one in work:
        net = dict(one.roles)["net"]
    taken |= {name for one in found for _, name in one.roles}
    tax = next((name for one in total for role, name in one.roles if role == "tax"), likely.get("tax", ""))
    if net and tax in columns:
        found += _best(_taxes(columns, net, tax, taken), likely)
        taken |= {name for one in found for _, name in one.roles}
    for amount in dict.fromkeys(name for name in (gross, net) if name in columns):
        base = _best(_bases(columns, amount, taken), likely)
        if base:
            return found + base
    return found


def _best(found: Iterator[Relation], likely: Mapping[Role, str]) -> list[Relation]:
    ranked = sorted(
        found,
        key=lambda one: (
            -sum(likely.get(role) == name for role, name in one.roles),
            -one.held,
            one.roles,
        ),
    )
    return ranked[:1]


def _totals(columns: Mapping[str, Numbers]) -> Iterator[Relation]:
    for net, tax, total in permutations(columns, 3):
        # Net and tax can be exchanged: the larger of the two is the net.
        if _size(columns[net]) < _size(columns[tax]):
            continue
        one = _holds(columns, (net, tax, total), lambda a, b: a + b, dull=(Decimal(0),))
        if one:
            yield Relation((("net", net), ("tax", tax), ("total", total)), f"{net} + {tax} = {total}", *one)


def _products(columns: Mapping[str, Numbers], nets: set[str], taken: set[str]) -> Iterator[Relation]:
    for quantity, rate in permutations([name for name in columns if name not in taken], 2):
        for net in sorted(nets - {quantity, rate}):
            one = _holds(columns, (quantity, rate, net), lambda a, b: a * b)
            if one:
                yield Relation(
                    (("net", net), ("quantity", quantity), ("rate", rate)),
                    f"{quantity} × {rate} = {net}",
                    *one,
                )


def _taxes(columns: Mapping[str, Numbers], net: str, tax: str, taken: set[str]) -> Iterator[Relation]:
    for rate in columns:
        if rate not in taken:
            one = _holds(columns, (net, rate, tax), lambda a, b: a * b / 100, dull=(Decimal(0),))
            if one:
                yield Relation(
                    (("net", net), ("tax_rate", rate), ("tax", tax)), f"{net} × {rate} % = {tax}", *one
                )


def _bases(columns: Mapping[str, Numbers], amount: str, taken: set[str]) -> Iterator[Relation]:
    for rate, base in permutations([name for name in columns if name not in taken], 2):
        one = _holds(columns, (amount, rate, base), lambda a, b: a * b)
        if one:
            yield Relation((("fx_rate", rate), ("base_amount", base)), f"{amount} × {rate} = {base}", *one)


def _size(numbers: Numbers) -> Decimal:
    return sum((abs(one) for one in numbers if one is not None), Decimal(0))


def _holds(
    columns: Mapping[str, Numbers],
    names: tuple[str, str, str],
    reckoned: Callable[[Decimal, Decimal], Decimal],
    dull: Sequence[Decimal] = _DULL,
) -> tuple[int, int] | None:
    """(rows in which it holds, rows that speak), or None where that is too few."""
    held = spoke = 0
    for one, other, result in zip(*(columns[name] for name in names), strict=True):
        if one is None or other is None or result is None or other in dull or not one or not result:
            continue
        spoke += 1
        exponent = result.as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
        # Half a unit of the last digit shown: whoever rounds, and how, stays within it.
        held += abs(reckoned(one, other) - result) * 2 <= Decimal(1).scaleb(-places)
        if spoke >= 40 and held < spoke * 0.5:
            return None
    return (held, spoke) if spoke >= LEAST and held >= spoke * HOLDS else None
