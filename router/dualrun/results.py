"""What a comparison of two tables yields: views for causes, counts, totals with their walk, what was hidden.

Pure data. `router.dualrun.engine` makes them, `router.dualrun.explain` turns differences into breaks,
reports show them. Money is integer minor units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Protocol

from router.canonical.money import Money
from router.dualrun.breaks import BreakClass, PairedBy

Cell = str | int | Decimal | date | None
"""Text as it was written; money as minor units (int), other numbers Decimal, dates as dates."""
Progress = Callable[[str, int, int], None]
"""Told (phase, done, whole) as work goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of one side, its cells by the policy's column names."""

    number: int
    """Place in the extract, the first record being 1."""
    cells: Mapping[str, Cell]
    raw: Mapping[str, str | None] = field(default_factory=dict)
    """The text behind the cells of normalised, mapped and date columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One column of a pair that differs by more than the policy allows, or a row without a partner."""

    what: BreakClass
    column: str = ""
    legacy: str | None = None
    cloud: str | None = None
    currency: str = ""
    delta_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Rows of both sides that belong together (one to one, one to n, n to one), or stand alone."""

    key: Mapping[str, str]
    """The legacy row's key; of several legacy rows the first; the cloud's when there is no legacy row."""
    legacy: tuple[Row, ...]
    cloud: tuple[Row, ...]
    paired_by: PairedBy = ""
    differences: tuple[Difference, ...] = ()
    """Everything that differs, in the policy's order of columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentView:
    """A document with differences: its differing pairs, and all of its rows, for causes to be proven."""

    document: Mapping[str, str]
    """The columns of `Policy.document`; the key where a row is a document."""
    pairs: tuple[Pair, ...]
    legacy: tuple[Row, ...]
    """Every row of the document, also those that agree, in the order of the extract; bounded (`DOCUMENT_ROWS`)."""
    cloud: tuple[Row, ...]


DOCUMENT_ROWS = 5_000
"""Rows of one document that are shown to causes; more than any invoice has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The first level: how many records, and how they were paired."""

    legacy_rows: int
    cloud_rows: int
    by_key: int = 0
    by_crosswalk: int = 0
    by_fallback: int = 0
    split: int = 0
    """Of the pairs: one legacy row to several cloud rows."""
    merged: int = 0
    """Of the pairs: several legacy rows to one cloud row."""
    differing: int = 0
    """Pairs with at least one difference."""

    @property
    def pairs(self) -> int:
        """Groups of rows that belong together."""
        return self.by_key + self.by_crosswalk + self.by_fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTotal:
    """The sum of one money column over one group, and the walk from the legacy to the cloud total.

    The walk counts each money difference once, at its full exact size (also what a tolerance or an
    ignore hid): legacy + missing_in_legacy − missing_in_cloud + duplicates + amounts + moved = cloud.
    """

    by: Mapping[str, str]
    column: str
    currency: str
    legacy_rows: int
    cloud_rows: int
    legacy_minor: int
    cloud_minor: int
    missing_in_cloud_minor: int = 0
    """Signed as it stands in the legacy ERP."""
    missing_in_legacy_minor: int = 0
    duplicates_minor: int = 0
    """What duplicated keys of the cloud add, less those of the legacy."""
    amounts_minor: int = 0
    """Sum of cloud − legacy over pairs in this group on both sides."""
    moved_minor: int = 0
    """Net of pairs that stand in another group on the other side: another entity, currency or period."""

    @property
    def ties(self) -> bool:
        """Whether the walk arrives at the cloud's total to the minor unit."""
        walked = (
            self.legacy_minor - self.missing_in_cloud_minor + self.missing_in_legacy_minor
            + self.duplicates_minor + self.amounts_minor + self.moved_minor
        )  # fmt: skip
        return walked == self.cloud_minor

    def to_json(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        steps = ("missing_in_cloud", "missing_in_legacy", "duplicates", "amounts", "moved")
        return {
            "by": dict(self.by),
            "column": self.column,
            "currency": self.currency,
            "rows": {"legacy": self.legacy_rows, "cloud": self.cloud_rows},
            "legacy": str(Money(self.legacy_minor, self.currency)),
            "cloud": str(Money(self.cloud_minor, self.currency)),
            "difference": str(Money(self.cloud_minor - self.legacy_minor, self.currency)),
            "walk": {name: str(Money(getattr(self, f"{name}_minor"), self.currency)) for name in steps},
            "ties": self.ties,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What a tolerance, an ignore, a normalisation or a map of one column kept from being a break."""

    column: str
    why: Literal["tolerance", "ignore", "normalise", "map", "empty_is_zero"]
    pairs: int
    money: Mapping[str, int] = field(default_factory=dict)
    """Sum of absolute differences by currency, minor units; empty for columns that are no money."""
    reason: str = ""
    owner: str = ""
    approved_by: str = ""
    expires: str = ""
    expired: bool = False

    @property
    def used(self) -> bool:
        """Whether it hid anything; what hides nothing can go."""
        return self.pairs > 0


class Agreement(Protocol):
    """What of a comparison agrees, for causes that must not be proven from differences alone."""

    def words(self, column: str, asked: Sequence[str]) -> Mapping[str, int]:
        """Pairs of rows in which both sides say this word, for each word that is asked for and is found."""
        ...

    def sample(self) -> Sequence[Row]:
        """Rows whose partner is the same in all that is held; bounded, and the same in any order of rows."""
        ...
