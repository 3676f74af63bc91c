"""What the pairs of columns mean, by their headings and by arithmetic, and which currency each amount is in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.canonical.money import exponents
from router.dualrun.extracts.arithmetic import Relation, relations
from router.dualrun.extracts.keys import Key
from router.dualrun.extracts.likeness import Match, plain, roles_of
from router.dualrun.extracts.profiles import Profile, SideProfile
from router.dualrun.extracts.rowwise import numbers_sampled
from router.dualrun.policy import SIDES, Role, Side
from router.dualrun.workbench import Workbench, quoted

FIT = 0.98
"""Share of rows in which an amount must have its currency's decimals."""
BASE_WORDS = frozenset({"base", "local", "functional", "home", "group", "reporting"})
LEDGER = frozenset({"debit", "credit", "balance", "opening", "closing"})
AMOUNTS: tuple[Role, ...] = ("net", "tax", "total", "base_amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """What is known of the pairs as a whole."""

    roles: Mapping[Role, str]
    """Role → the policy's name of its column."""
    why: Mapping[Role, str] = field(default_factory=dict)
    """Roles that arithmetic proves, with the evidence."""
    currencies: Mapping[str, str] = field(default_factory=dict)
    """Column of numbers → the column that holds its currency."""
    too_fine: Mapping[str, str] = field(default_factory=dict)
    """Columns with more decimals than the currency has, which can't be money: currency's column."""

    def role_of(self, name: str) -> Role | None:
        """The role of a column."""
        return next((role for role, column in self.roles.items() if column == name), None)


def meanings(
    bench: Workbench, sides: Mapping[Side, SideProfile], matches: Sequence[Match], key: Key
) -> Meanings:
    """Roles, by arithmetic before headings, and currencies."""
    by_name = {role: match.name for role, match in roles_of(matches).items()}
    numbers = [
        match
        for match in matches
        if match not in key.columns and match.legacy.shape == match.cloud.shape == "number"
    ]
    # A balance is what debit and credit come to: no net, no tax.
    sums = [match for match in numbers if not LEDGER & _said(match)]
    proven = _proven(bench, sides, sums, by_name)
    roles = dict(by_name)
    why: dict[Role, str] = {}
    for one in proven:
        for role, name in one.roles:
            # One column has one role: what arithmetic says goes before what a heading does.
            for other in [other for other, column in roles.items() if column == name and other != role]:
                if other not in why:
                    del roles[other]
            roles[role] = name
            why.setdefault(role, one.why)
    coded = [match for match in matches if match.legacy.codes and match.cloud.codes]
    if coded:
        main = next((match for match in coded if roles.get("currency") == match.name), None) or max(
            coded, key=lambda match: match.legacy.distinct
        )
        for other in [
            other for other, column in roles.items() if column == main.name and other != "currency"
        ]:
            del roles[other]
        roles["currency"] = main.name
    currencies, too_fine = _currencies(bench, sides, numbers, coded, roles)
    return Meanings(roles=roles, why=why, currencies=currencies, too_fine=too_fine)


def _proven(
    bench: Workbench, sides: Mapping[Side, SideProfile], numbers: Sequence[Match], by_name: Mapping[Role, str]
) -> list[Relation]:
    """What holds in the legacy's rows and in the cloud's."""
    found: dict[Side, list[Relation]] = {}
    for side in SIDES:
        columns: list[Profile] = [getattr(match, side) for match in numbers]
        sampled = numbers_sampled(bench, sides[side], columns)
        named = {match.name: column for match, column in zip(numbers, sampled, strict=bool(sampled))}
        found[side] = relations(named, by_name)
    cloud = {one.roles for one in found["cloud"]}
    return [one for one in found["legacy"] if one.roles in cloud]


def _currencies(
    bench: Workbench,
    sides: Mapping[Side, SideProfile],
    numbers: Sequence[Match],
    coded: Sequence[Match],
    roles: Mapping[Role, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """Each column of numbers with the currency it fits, and those that fit none for their decimals."""
    fits: dict[str, str] = {}
    too_fine: dict[str, str] = {}
    for match in numbers:
        ranked = []
        for currency in coded:
            shares = [
                _fit(bench, sides[side], getattr(match, side), getattr(currency, side)) for side in SIDES
            ]
            equal, within = min(one for one, _ in shares), min(other for _, other in shares)
            based = _is_base(match, roles) == (currency.name != roles.get("currency"))
            ranked.append((within >= 1, equal >= FIT, based, equal, currency.name))
        if not ranked:
            continue
        within, *_, name = max(ranked, key=lambda one: (*one[:4], one[4] == roles.get("currency")))
        (fits if within else too_fine)[match.name] = name
    return fits, too_fine


def _said(match: Match) -> set[str]:
    return {*plain(match.legacy.heading).split(), *plain(match.cloud.heading).split()}


def _is_base(match: Match, roles: Mapping[Role, str]) -> bool:
    words = _said(match)
    return roles.get("base_amount") == match.name or bool(words & BASE_WORDS)


def _fit(bench: Workbench, side: SideProfile, amount: Profile, currency: Profile) -> tuple[float, float]:
    """(share of rows with the currency's very decimals, with no more than these)."""
    rows = bench.rows(
        f"SELECT c, p, count(*) FROM (SELECT {quoted(currency.column)} AS c, "  # noqa: S608 - quoted
        f"length(split_part({amount.decimal}, '.', 2)) AS p FROM {side.table}) "
        "WHERE c IS NOT NULL AND p IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    whole = sum(times for _, _, times in rows)
    known = exponents()
    equal = sum(times for code, places, times in rows if places == known.get(code))
    within = sum(times for code, places, times in rows if places <= known.get(code, 0))
    return (equal / whole, within / whole) if whole else (0.0, 1.0)


def stated_currency(match: Match) -> str:
    """A currency that a heading says, as `Amount (EUR)`; empty where none does."""
    for heading in (match.cloud.heading, match.legacy.heading):
        found: list[str] = [
            word for word in re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", heading) if word in exponents()
        ]
        if len(found) == 1:
            return found[0]
    return ""
