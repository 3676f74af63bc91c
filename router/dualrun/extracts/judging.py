"""What kind of column each pair of columns is, and which words mean the same: the guesses of a proposal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from router.dualrun.extracts.keys import Key, word_pairs
from router.dualrun.extracts.likeness import IDS, Match, plain, role_of
from router.dualrun.extracts.profiles import SideProfile
from router.dualrun.policy import SIDES, ColumnType, Normalise, NumberFormat, Side
from router.dualrun.workbench import Workbench

MEET = 0.95
"""Share of a word's pairs in which it meets the same word, for the two to be proposed as one."""
MEET_LEAST = 2
DATE_UNSURE = "more than one format fits: check it"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A column as it is proposed."""

    match: Match
    type: ColumnType
    why: str
    currency_column: str = ""
    normalise: tuple[Normalise, ...] = ()
    words: tuple[tuple[str, str, float, int], ...] = ()
    """(legacy word, cloud word, share of pairs in which they meet, pairs)."""

    @property
    def unsure(self) -> bool:
        """Whether a date may be read in more than one way."""
        return any(len(one.date_formats) > 1 for one in (self.match.legacy, self.match.cloud))


def judged(bench: Workbench, matches: Sequence[Match], key: Key) -> list[Proposed]:
    """Every pair of columns with its type; a key's columns only where they must be made alike."""
    currency = next((match.name for match in matches if role_of(match) == "currency" or _codes(match)), "")
    columns = []
    for match in matches:
        if match in key.columns:
            if key.normalise:
                columns.append(
                    Proposed(match=match, type="text", why="part of the key", normalise=key.normalise)
                )
            continue
        kind, why = type_of(match)
        words = (
            _words(bench, key, match) if kind in ("status", "dimension") and match.name != currency else ()
        )
        columns.append(
            Proposed(
                match=match,
                type=kind,
                why=why,
                words=words,
                currency_column=currency if kind == "money" else "",
            )
        )
    if not columns:
        match = key.columns[0]
        columns.append(
            Proposed(match=match, type="text", why="part of the key; there is nothing else to compare")
        )
    return columns


def type_of(match: Match) -> tuple[ColumnType, str]:
    """The type of a pair of columns, and why."""
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
    if len(shapes) > 1:
        return "text", f"{' on one side, '.join(sorted(shapes))} on the other: look at it"
    return _text(match, "text")


def _text(match: Match, what: str) -> tuple[ColumnType, str]:
    sides = (match.legacy, match.cloud)
    most = max(one.distinct for one in sides)
    named = {*plain(match.legacy.heading).split(), *plain(match.cloud.heading).split()}
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


def _codes(match: Match) -> bool:
    """Whether all values are three capital letters under a heading that says currency."""
    words = (*match.legacy.words, *match.cloud.words)
    named = plain(match.legacy.heading) + plain(match.cloud.heading)
    return bool(words) and "curr" in named and all(len(word) == 3 and word.isupper() for word in words)


def _words(bench: Workbench, key: Key, match: Match) -> tuple[tuple[str, str, float, int], ...]:
    """Words that differ and meet nearly always, where nobody else claims the cloud's word."""
    if not (match.legacy.words and match.cloud.words):
        return ()
    meet = [
        (one, other, times / whole, whole)
        for one, other, times, whole in word_pairs(bench, key, match)
        if times >= MEET_LEAST and times / whole > MEET
    ]
    return tuple(found for found in meet if found[0] != found[1] and found[0] not in match.cloud.words)


def date_formats(one: Proposed) -> dict[Side, str]:
    """How each side writes a date; nothing for ISO 8601. Of several the one both sides fit, else the first."""
    if one.type != "date":
        return {}
    both = [form for form in one.match.legacy.date_formats if form in one.match.cloud.date_formats]
    formats: dict[Side, str] = {}
    for side in SIDES:
        fit = one.match.legacy.date_formats if side == "legacy" else one.match.cloud.date_formats
        form = next((form for form in both if form in fit), fit[0] if fit else "")
        if form and not form.startswith("%Y-%m-%d"):
            formats[side] = form
    return formats


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
