"""The comparison policy: which columns are compared and how, and what may be ignored, why and how long.

One file compares one table (`Policy`, the public contract of `coexist diff`); a live dual run has one
for each kind of document (`DualRunPolicy`). The hash of a policy stands in every report made by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from router.canonical.reference import Reference
from router.configfile import ConfigFile
from router.dualrun.acceptances import same_person

Side = Literal["legacy", "cloud"]
SIDES: tuple[Side, Side] = ("legacy", "cloud")
ColumnType = Literal["money", "status", "dimension", "date", "text", "count", "decimal"]
Normalise = Literal[
    "trim", "collapse_spaces", "casefold", "nfc", "nfkc", "strip_leading_zeros", "look_alikes"
]
"""Ways to make two texts alike before they are compared; what each hid is counted."""
Role = Literal[
    "legal_entity", "currency", "document", "line", "customer", "project", "period", "accounting_date",
    "net", "tax", "total", "quantity", "rate", "tax_rate", "tax_code", "fx_rate", "fx_date", "base_amount",
    "status", "number", "approved_by", "posted_at", "reference",
]  # fmt: skip
"""What a column means, so that causes can be proven: net = quantity × rate, tax = net × tax_rate (percent),
base_amount = net or total × fx_rate. A column of that very name has the role without being told."""
Words = tuple[str, ...]


class NumberFormat(Reference):
    """How a file writes numbers."""

    decimal: Literal[".", ","] = "."
    grouping: Literal["", ",", ".", " ", "'", "\u00a0", "\u202f"] = ""


class FileFormat(Reference):
    """How a file is read; what is not stated is found out, and refused where it can't be told for sure."""

    delimiter: Annotated[str, Field(min_length=1, max_length=4)] | None = None
    encoding: str | None = None
    quote: Annotated[str, Field(max_length=1)] | None = None
    numbers: NumberFormat | None = None
    skip_rows: Annotated[int, Field(ge=0, le=1000)] = 0
    """Lines above the header."""
    nulls: Words = ("",)
    """Cells that mean "no value"; a zero is never one."""


class Column(Reference):
    """How one column is compared."""

    type: ColumnType
    currency_column: str = "currency"
    """For `money`: the column that holds the ISO 4217 code."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    """For `money`: the one currency of all rows, where no column holds it."""
    tolerance_minor: Annotated[int, Field(ge=0)] = 0
    """For `money`: how far apart two amounts may be, in minor units; counted and summed where it is used."""
    tolerance: Annotated[str, Field(pattern=r"^\d{1,18}(\.\d{1,10})?$")] = "0"
    """For `count` and `decimal`: the same in the column's own unit."""
    tolerance_days: Annotated[int, Field(ge=0, le=366)] = 0
    """For `date`."""
    normalise: tuple[Normalise, ...] = ()
    """For `text`, `status` and `dimension`, and for key columns."""
    map: Mapping[str, str] = {}
    """Words of either side to the common word, for `status` and `dimension`."""
    formats: Mapping[Side, str] = {}
    """For `date`: how each side writes it, in the words of strptime; ISO 8601 where not stated."""
    time_zones: Mapping[Side, str] = {}
    """For `date`: the IANA zone of each side's clock, where a date was cut from a time."""
    empty_is_zero: bool = False
    """For numbers: no value and zero are the same; otherwise they are a break."""
    ignore: bool = False
    reason: str = ""
    owner: str = ""
    approved_by: str = ""
    """A second person; a must when a money column is ignored."""
    expires: date | None = None

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers."""
        return self.type in ("money", "count", "decimal")

    @model_validator(mode="after")
    def _ignored_for_a_reason(self) -> Self:
        if self.ignore and not (self.reason and self.owner and self.expires):
            raise ValueError("an ignored column needs reason, owner and expires")
        if (
            self.ignore
            and self.type == "money"
            and (not self.approved_by.strip() or same_person(self.owner, self.approved_by))
        ):
            raise ValueError(
                "an ignored money column needs approved_by, a second person beside its owner; "
                "or give it a tolerance_minor instead"
            )
        wrong = {
            "tolerance_minor": self.type != "money" and self.tolerance_minor,
            "tolerance": self.type not in ("count", "decimal") and self.tolerance != "0",
            "tolerance_days": self.type != "date" and self.tolerance_days,
            "formats": self.type != "date" and self.formats,
            "normalise": self.type not in ("text", "status", "dimension") and self.normalise,
            "map": self.type not in ("text", "status", "dimension") and self.map,
        }
        for name, odd in wrong.items():
            if odd:
                raise ValueError(f"{name} means nothing for a column of type {self.type}")
        return self


class Fallback(Reference):
    """How rows without a partner are paired when neither crosswalk nor key says; always labelled as such."""

    amount: str
    """The money column that must be equal to the minor unit."""
    same: Annotated[tuple[str, ...], Field(min_length=1)]
    """Columns that must be equal, such as the customer."""
    date: str | None = None
    days: Annotated[int, Field(ge=0, le=31)] = 0
    """How far apart `date` may be. Only pairs that are one to one are taken; ambiguous ones stay missing."""


class Policy(Reference):
    """How one table of the legacy ERP is compared with one of the cloud ERP."""

    key: Annotated[tuple[str, ...], Field(min_length=1)]
    columns: Annotated[Mapping[str, Column], Field(min_length=1)]
    control_totals: tuple[tuple[str, ...], ...] = (("currency",),)
    """Groups whose sums must tie; the currency of the money is always part of a group."""
    document: tuple[str, ...] = ()
    """The columns that name the document when a row is one of its lines; empty: a row is a document."""
    rename: Mapping[Side, Mapping[str, str]] = {}
    headers: Literal["exact", "casefold"] = "exact"
    """`casefold`: Total and TOTAL are one column, and blanks around a heading don't count."""
    files: Mapping[Side, FileFormat] = {}
    roles: Mapping[Role, str] = {}
    fallback: Fallback | None = None
    crosswalk_complete: bool = False
    """Every row must stand in the crosswalk: one that pairs by its key only is a crosswalk break."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.key)) != len(self.key):
            raise ValueError("key names a column twice")
        for name in self.key:
            column = self.columns.get(name)
            if column is not None and (column.numeric or column.ignore):
                raise ValueError(f"{name} is part of the key: it can be neither a number nor ignored")
        fallback = self.fallback
        if fallback is not None:
            amount = self.columns.get(fallback.amount)
            if amount is None or amount.type != "money":
                raise ValueError(f"fallback.amount: {fallback.amount} is no money column of this policy")
            when = self.columns.get(fallback.date) if fallback.date else None
            if fallback.date and (when is None or when.type != "date"):
                raise ValueError(f"fallback.date: {fallback.date} is no date column of this policy")
        return self

    def role(self, role: Role) -> str | None:
        """The column that has a role; None when none has."""
        if role in self.roles:
            return self.roles[role]
        return role if role in self.columns or role in self.key else None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the policy in canonical JSON: the same for the same meaning, however it is laid out."""
        return _fingerprint(self)

    def expired(self, today: date) -> list[str]:
        """The ignored columns whose leave to be ignored has run out."""
        return sorted(
            name
            for name, column in self.columns.items()
            if column.ignore and column.expires is not None and column.expires < today
        )


class KindPolicy(Reference):
    """The compared columns of one kind of document."""

    columns: Annotated[Mapping[str, Column], Field(min_length=1)]
    lines: Mapping[str, Column] = {}
    """The compared columns of its lines, for kinds that have any."""


class DualRunPolicy(Reference):
    """The whole policy of a live dual run, by kind."""

    kinds: Annotated[Mapping[str, KindPolicy], Field(min_length=1)]
    grace_minutes: Annotated[int, Field(ge=0, le=10_080)] = 15
    """How long a document may be on its way to the second ERP before its absence is a break."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the policy in canonical JSON."""
        return _fingerprint(self)


def as_policy(file: ConfigFile) -> Policy:
    """The policy of `coexist diff` from a parsed file; raises BadConfig naming file, place and mend."""
    return file.as_model(Policy)


def as_dual_run_policy(file: ConfigFile) -> DualRunPolicy:
    """The policy of a live dual run from a parsed file; raises BadConfig naming file, place and mend."""
    return file.as_model(DualRunPolicy)


def _fingerprint(policy: Reference) -> str:
    return hashlib.sha256(policy.model_dump_json().encode()).hexdigest()
