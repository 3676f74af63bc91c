"""The tables of one comparison and the SQL of its keys. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.dualrun.engine.plan import Field

ALONE, BY_KEY, BY_CROSSWALK, BY_FALLBACK, WRONG_ENTRY, NO_ENTRY = range(6)
"""How a pair was found, as the tables have it; the last two are entries of the crosswalk, wrong or missing."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Names of the tables, all in a schema of their own."""

    schema: str

    @property
    def legacy(self) -> str:
        """The legacy rows, typed; a row's place is its rowid."""
        return f"{self.schema}.legacy"

    @property
    def cloud(self) -> str:
        """The cloud rows, typed."""
        return f"{self.schema}.cloud"

    @property
    def pairs(self) -> str:
        """ln, rn, how, touched: pairs of two rows, and rows alone."""
        return f"{self.schema}.pairs"

    @property
    def members(self) -> str:
        """g, side, n, how, doubled: the rows of groups of more than two."""
        return f"{self.schema}.members"

    @property
    def linked(self) -> str:
        """ln, rn, how: pairs that are found, before they are looked at."""
        return f"{self.schema}.linked"

    @property
    def wrong(self) -> str:
        """ln, rn, how, said_legacy, said_cloud: entries of the crosswalk that are wrong or missing."""
        return f"{self.schema}.wrong"

    @property
    def entries(self) -> str:
        """The crosswalk: a0, … the legacy key, b0, … the cloud key, e its place."""
        return f"{self.schema}.entries"

    @property
    def edges(self) -> str:
        """Entries with the rows they name."""
        return f"{self.schema}.edges"

    @property
    def good(self) -> str:
        """Edges that name rows on both sides."""
        return f"{self.schema}.good"

    @property
    def found(self) -> str:
        """ln, rn, how, flags, g, said_legacy, said_cloud: everything that differs."""
        return f"{self.schema}.found"

    @property
    def differing(self) -> str:
        """g: the groups of several rows that differ."""
        return f"{self.schema}.differing"

    @property
    def broken(self) -> str:
        """`found` in the order of documents."""
        return f"{self.schema}.broken"

    @property
    def fetched(self) -> str:
        """`broken` with the cells of both rows."""
        return f"{self.schema}.fetched"


def parts(key: Sequence[Field]) -> list[str]:
    """Names for the parts of a key."""
    return [f"k{place}" for place in range(len(key))]


def text_of(one: Field, alias: str) -> str:
    """SQL for what a field is compared as, as text."""
    cell = f"{alias}.{one.word}"
    return f"{cell}::VARCHAR" if one.numeric or one.kind == "date" else cell


def part(one: Field, alias: str) -> str:
    """SQL for a part of the key: no value is an empty part."""
    return f"coalesce({text_of(one, alias)}, '')"


def key_parts(key: Sequence[Field], alias: str) -> list[str]:
    """SQL for the parts of a row's key."""
    return [part(one, alias) for one in key]


def key_columns(key: Sequence[Field], alias: str) -> str:
    """The key's parts as columns k0, k1, …"""
    return ", ".join(f"{sql} AS {name}" for sql, name in zip(key_parts(key, alias), parts(key), strict=True))


def has_key(key: Sequence[Field], alias: str) -> str:
    """Whether a row has a key at all: one whose parts are all empty has none."""
    return "coalesce(" + " OR ".join(f"{part(one, alias)} <> ''" for one in key) + ", false)"


def same_key(key: Sequence[Field]) -> str:
    """The condition that rows l and r have one key."""
    if len(key) == 1:
        return f"nullif({text_of(key[0], 'l')}, '') = {text_of(key[0], 'r')}"
    first = f"CASE WHEN {has_key(key, 'l')} THEN {part(key[0], 'l')} END = {part(key[0], 'r')}"
    return " AND ".join([first, *(f"{part(one, 'l')} = {part(one, 'r')}" for one in key[1:])])


def same_parts(key: Sequence[Field], typed: str, other: str, *, both: bool = False) -> str:
    """That a typed row's key is the one in columns k0, … of another table, or of a typed row too."""
    if both:
        return " AND ".join(f"{part(one, typed)} = {part(one, other)}" for one in key)
    return " AND ".join(
        f"{part(one, typed)} = {other}.{name}" for one, name in zip(key, parts(key), strict=True)
    )
