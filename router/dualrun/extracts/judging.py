"""What kind of column each pair of columns is, and which words mean the same: the guesses of a proposal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.dualrun.extracts.keys import Key, date_agreement, word_pairs
from router.dualrun.extracts.likeness import IDS, Match, plain, role_of
from router.dualrun.extracts.meanings import AMOUNTS as AMOUNT_ROLES
from router.dualrun.extracts.meanings import Meanings, stated_currency
from router.dualrun.extracts.profiles import SideProfile
from router.dualrun.policy import SIDES, ColumnType, Normalise, NumberFormat, Side
from router.dualrun.workbench import Workbench

MEET = 0.95
"""Share of a word's pairs in which it meets the same word, for the two to be proposed as one."""
MEET_LEAST = 2
DATE_UNSURE = "CHOOSE: more than one format fits, and the rows do not tell which"
AMOUNTS = (
    "amount", "net", "tax", "vat", "total", "gross", "price", "balance", "debit", "credit", "cost", "fee", "value", "sum",
    "subtotal", "betrag", "revenue", "charge", "discount",
)  # fmt: skip
OTHER_NUMBERS = (
    "hours",
    "quantity",
    "qty",
    "rate",
    "percent",
    "pct",
    "factor",
    "share",
    "days",
    "units",
    "count",
)
IDS_TOO = ("period", "year", "account", "zip", "phone")
STATES = ("status", "state", "stage", "posted", "approved", "paid")


Words = tuple[tuple[str, str, float, int], ...]
"""(legacy word, cloud word, share of pairs in which they meet, pairs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A column as it is proposed."""

    match: Match
    type: ColumnType
    why: str
    currency_column: str = ""
    currency: str = ""
    """The one currency of all rows, where a heading says it."""
    normalise: tuple[Normalise, ...] = ()
    words: Words = ()
    seldom: tuple[tuple[str, str], ...] = ()
    """Words that met too seldom to be proposed: a choice for a person."""
    formats: Mapping[Side, str] = field(default_factory=dict)
    """How each side writes a date; nothing for ISO 8601."""
    unsure: bool = False
    """Whether a date may be read in more than one way and the pairs of rows don't tell."""

    @property
    def lacks_currency(self) -> bool:
        """Whether it is money and nothing says in which currency."""
        return self.type == "money" and not self.currency_column and not self.currency

    @property
    def unmapped(self) -> bool:
        """Whether the two sides have no word in common and nothing tells which is which."""
        both = self.match.legacy.sketch and self.match.cloud.sketch
        named = self.type in ("status", "dimension")
        return bool(named and both and not self.match.values and not self.words)


def judged(bench: Workbench, matches: Sequence[Match], key: Key, known: Meanings) -> list[Proposed]:
    """Every pair of columns with its type; a key's columns only where they must be made alike."""
    columns = []
    for match in matches:
        if match not in key.columns or match.legacy.shape == match.cloud.shape == "date":
            columns.append(_judged(bench, match, key, known))
        elif key.normalise:
            columns.append(Proposed(match=match, type="text", why="part of the key", normalise=key.normalise))
    if not columns:
        match = key.columns[0]
        columns.append(
            Proposed(match=match, type="text", why="part of the key; there is nothing else to compare")
        )
    return columns


def _judged(bench: Workbench, match: Match, key: Key, known: Meanings) -> Proposed:
    kind, why = type_of(match, known)
    words: Words = ()
    seldom: tuple[tuple[str, str], ...] = ()
    if kind in ("status", "dimension") and match.name != known.roles.get("currency"):
        words, seldom = _words(bench, key, match)
    formats, unsure = _formats(bench, key, match) if kind == "date" else ({}, False)
    currency = known.currencies.get(match.name, "") if kind == "money" else ""
    stated = stated_currency(match) if kind == "money" and not currency else ""
    return Proposed(
        match=match, type=kind, why=why, words=words, seldom=seldom, currency_column=currency,
        currency=stated, formats=formats, unsure=unsure,
    )  # fmt: skip


def type_of(match: Match, known: Meanings) -> tuple[ColumnType, str]:
    """The type of a pair of columns, and why: what arithmetic proves, then what headings and cells say."""
    role = known.role_of(match.name)
    if role in known.why and (role in AMOUNT_ROLES or role in ("quantity", "tax_rate", "fx_rate")):
        return ("money" if role in AMOUNT_ROLES else "decimal"), known.why[role]
    if role == "rate" and role in known.why and match.name in known.currencies:
        return "money", known.why[role]
    kind, why = _type_of(match)
    if match.name in known.too_fine and kind == "money":
        return (
            "decimal",
            f"more decimals than {known.too_fine[match.name]} has, so it can't be money as it is",
        )
    return kind, why


def _type_of(match: Match) -> tuple[ColumnType, str]:
    sides = [one for one in (match.legacy, match.cloud) if one.shape != "empty"]
    shapes = {one.shape for one in sides}
    named = {*plain(match.legacy.heading).split(), *plain(match.cloud.heading).split()}
    if not sides:
        return "text", "no value on either side"
    if shapes == {"date"}:
        return "date", "every cell is a date"
    if shapes == {"number"}:
        places = max(one.places for one in sides)
        if named & {*OTHER_NUMBERS} or (named & {"rate", "factor"}):
            whole = not places and named & {"count", "units", "days"}
            return (
                ("count", "whole numbers")
                if whole
                else ("decimal", "numbers that are no amounts, by their name")
            )
        if named & {*IDS, *IDS_TOO} and not places:
            return _text(match, "digits that name something")
        if named & {*AMOUNTS}:
            return "money", "numbers that are amounts, by their name"
        if places in (2, 3) and any(one.same_places for one in sides):
            return "money", f"every number has {places} decimals"
        if places:
            return "decimal", f"numbers of up to {places} decimals"
        return (
            ("text", "digits") if max(one.distinct for one in sides) > 50 else ("dimension", "a few numbers")
        )
    if shapes == {"number", "text"} and not any(one.places for one in sides):
        return _text(match, "digits on one side, text on the other,")
    if len(shapes) > 1:
        return "text", f"{' on one side, '.join(sorted(shapes))} on the other: look at it"
    return _text(match, "text")


def _text(match: Match, what: str) -> tuple[ColumnType, str]:
    sides = (match.legacy, match.cloud)
    most = max(one.distinct for one in sides)
    named = {*plain(match.legacy.heading).split(), *plain(match.cloud.heading).split()}
    if role_of(match) == "approved_by":
        return "text", f"{what} of {most} different values"
    if named & {*STATES} and most <= 20:
        return "status", f"{most} words, by its name a status"
    if all(one.words for one in sides) or role_of(match) in (
        "legal_entity",
        "customer",
        "project",
        "tax_code",
        "period",
    ):
        return "dimension", f"{most} different values"
    return "text", f"{what} of {most} different values"


def _words(bench: Workbench, key: Key, match: Match) -> tuple[Words, tuple[tuple[str, str], ...]]:
    """Words that differ and meet nearly always, and those that do but met too seldom to say so.

    Where most rows say the same word on both sides, the few that don't are what a comparison is for:
    they are left to a person too.
    """
    if not (match.legacy.words and match.cloud.words):
        return (), ()
    pairs = word_pairs(bench, key, match)
    alike = 2 * sum(times for one, other, times, _ in pairs if one == other) > sum(row[3] for row in pairs)
    meet = [
        (one, other, times / whole, whole)
        for one, other, times, whole in pairs
        if times / whole > MEET and one != other and one not in match.cloud.words
    ]
    often = tuple(found for found in meet if found[3] >= MEET_LEAST and not alike)
    return often, tuple((one, other) for one, other, _, whole in meet if whole < MEET_LEAST or alike)


def _formats(bench: Workbench, key: Key, match: Match) -> tuple[dict[Side, str], bool]:
    """How each side writes a date, and whether that is a guess.

    Where a file's cells fit several formats, the rows that the key pairs tell: in the right ones they agree.
    """
    tried = [
        (date_agreement(bench, key, match, one, other), -at, one, other)
        for at, (one, other) in enumerate(
            (one, other) for one in match.legacy.date_formats for other in match.cloud.date_formats
        )
    ]
    tried.sort(reverse=True)
    unsure = len(tried) > 1 and tried[0][0] - tried[1][0] < 0.1
    chosen = zip(SIDES, tried[0][2:], strict=True)
    return {side: form for side, form in chosen if not form.startswith("%Y-%m-%d")}, unsure


def numbers_of(side: SideProfile) -> list[str]:
    """The lines that say how a file writes numbers."""
    if side.ambiguous:
        return [
            f"# numbers: {{decimal: '.', grouping: ','}}  # {side.ambiguous}: say which, and take the # away"
        ]
    if side.numbers == NumberFormat():
        return []
    marks = f"{{decimal: {json.dumps(side.numbers.decimal)}, grouping: {json.dumps(side.numbers.grouping)}}}"
    return [f"numbers: {marks}  # every number fits it, and one at least fits no other"]
