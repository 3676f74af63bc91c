"""Acceptances: who answers for a break that stays, why, how long, and up to which amount.

An acceptance never silences money. It covers amounts up to `max_amount` only; without one it covers
no money at all. A second person approves it, and it ends.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from router.canonical.money import Money, exponent
from router.canonical.reference import Reference
from router.configfile import ConfigFile, load
from router.errors import BadInput, FourEyes

AMOUNT = r"^\d{1,30}(\.\d{1,10})?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """One acceptance: of one break (`identity`), or of a cluster (cause, code, legal entity)."""

    acceptance_id: str
    owner: str
    reason: str
    approved_by: str
    expires: str
    """The last day it holds, ISO 8601; days begin and end in UTC."""
    identity: str = ""
    cause: str = ""
    code: str = ""
    legal_entity: str = ""
    kind: str = ""
    max_amount: str = ""
    """A decimal in whole units of `currency`, without a sign."""
    currency: str = ""
    """Empty: that of the break."""
    withdrawn: bool = False

    def in_force(self, today: str) -> bool:
        """Whether it holds on a day."""
        return not self.withdrawn and today <= self.expires

    def why_not(self, delta_minor: int | None, currency: str, *, today: str) -> str:
        """Why it does not cover a break it is about; empty: it does."""
        name = f"acceptance {self.acceptance_id} of {self.owner}"
        if self.withdrawn:
            return f"{name} was withdrawn"
        if today > self.expires:
            return f"{name} expired on {self.expires}"
        if not delta_minor:
            return ""
        if not self.max_amount:
            return f"{name} states no max_amount, so it covers no money"
        if self.currency and self.currency != currency:
            return f"{name} is in {self.currency}, not {currency or 'units'}"
        if abs(delta_minor) > limit_minor(self.max_amount, currency):
            return f"{name} covers up to {self.max_amount}"
        return ""


class Acceptances:
    """All acceptances, found by what they are about."""

    def __init__(self, rows: Iterable[Acceptance] = ()) -> None:
        self.rows = tuple(rows)
        self._by_identity: dict[str, list[Acceptance]] = {}
        self._by_cluster: dict[tuple[str, str, str], list[Acceptance]] = {}
        for one in self.rows:
            if one.identity:
                self._by_identity.setdefault(one.identity, []).append(one)
            else:
                self._by_cluster.setdefault((one.cause, one.code, one.legal_entity), []).append(one)

    def about(
        self, identity: str, cause: str, code: str, legal_entity: str, kind: str, *, what: str = ""
    ) -> Sequence[Acceptance]:
        """Those that name a break or its cluster, in the order given; also ended ones.

        Two currencies (`what` is `currency`) have no amount to limit, so only an acceptance of that very
        break covers them.
        """
        if not self.rows:
            return ()
        cluster = () if what == "currency" else self._by_cluster.get((cause, code, legal_entity), ())
        return (
            *self._by_identity.get(identity, ()),
            *(one for one in cluster if not one.kind or one.kind == kind),
        )


NONE = Acceptances()


class AcceptanceRow(Reference):
    """One acceptance as a file or a request gives it."""

    identity: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    cause: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    code: Annotated[str, Field(min_length=1, max_length=80)] | None = None
    legal_entity: Annotated[str, Field(max_length=80)] = ""
    kind: Annotated[str, Field(max_length=80)] = ""
    owner: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]
    approved_by: Annotated[str, Field(min_length=1, max_length=200)]
    expires: date
    max_amount: Annotated[str, Field(pattern=AMOUNT)] | None = None
    """In quotes: a number without them is binary floating point, and no amount."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        cluster = self.cause is not None and self.code is not None
        if (self.identity is None) != cluster or (self.identity is None and not cluster):
            raise ValueError("name either the identity of a break, or the cause and the code of a cluster")
        if cluster and bool(self.max_amount) != bool(self.currency):
            raise ValueError("the max_amount of a cluster needs its currency, and the other way round")
        if cluster and self.cause == "unexplained":
            raise ValueError(
                "cause: breaks that nobody can explain have nothing in common; accept them one by one"
            )
        if self.identity is not None and (self.legal_entity or self.kind or self.cause or self.code):
            raise ValueError("identity says it all: leave out cause, code, legal_entity and kind")
        if self.max_amount and self.currency:
            limit_minor(self.max_amount, self.currency)
        if same_person(self.owner, self.approved_by):
            raise ValueError("approved_by: four-eyes, its owner can't approve it; name a second person")
        return self

    def named(self, acceptance_id: str) -> Acceptance:
        """The acceptance under a name."""
        return Acceptance(
            acceptance_id=acceptance_id,
            owner=self.owner,
            reason=self.reason,
            approved_by=self.approved_by,
            expires=self.expires.isoformat(),
            identity=self.identity or "",
            cause=self.cause or "",
            code=self.code or "",
            legal_entity=self.legal_entity,
            kind=self.kind,
            max_amount=self.max_amount or "",
            currency=self.currency or "",
        )


class AcceptanceFile(Reference):
    """The acceptances of `coexist diff --accepted`."""

    acceptances: tuple[AcceptanceRow, ...] = ()


def as_acceptances(file: ConfigFile) -> Acceptances:
    """Acceptances from a parsed file, named by their place in it; raises BadConfig with file, line and mend."""
    rows = file.as_model(AcceptanceFile).acceptances
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row.identity is not None and seen.setdefault(row.identity, number) != number:
            raise file.error(
                f"acceptances.{number}: {row.identity} is accepted twice",
                ("acceptances", number),
                mend="keep one of the two",
            )
    return Acceptances(row.named(f"#{number}") for number, row in enumerate(rows, 1))


def read_acceptances(path: Path) -> Acceptances:
    """The acceptances of a YAML file; raises BadConfig naming file, place and mend."""
    return as_acceptances(load(path))


@dataclass(slots=True)
class Usage:
    """What each acceptance covered in one run, so that unused and expired ones can be told."""

    acceptances: Acceptances
    breaks: dict[str, int] = field(default_factory=dict)
    money: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, one: Acceptance, currency: str, delta_minor: int | None) -> None:
        """Count a break it covered."""
        name = one.acceptance_id
        self.breaks[name] = self.breaks.get(name, 0) + 1
        if currency and delta_minor:
            money = self.money.setdefault(name, {})
            money[currency] = money.get(currency, 0) + delta_minor

    def rows(self, today: str) -> list[dict[str, object]]:
        """Each acceptance with what it covered, `expired` and `unused`; money as decimal strings."""
        return [
            {
                **row_of(one),
                "breaks": self.breaks.get(one.acceptance_id, 0),
                "money": {
                    currency: str(Money(minor, currency))
                    for currency, minor in sorted(self.money.get(one.acceptance_id, {}).items())
                },
                "expired": today > one.expires,
                "unused": one.acceptance_id not in self.breaks,
            }
            for one in self.acceptances.rows
        ]


def row_of(one: Acceptance) -> dict[str, object]:
    """An acceptance as JSON; what it does not state is left out."""
    return {
        name: value
        for name in (
            "acceptance_id", "identity", "cause", "code", "legal_entity", "kind", "owner", "reason",
            "approved_by", "expires", "max_amount", "currency", "withdrawn",
        )
        if (value := getattr(one, name)) or name == "acceptance_id"
    }  # fmt: skip


def limit_minor(amount: str, currency: str) -> Fraction:
    """An amount in minor units, exact; raises ValueError for an unknown currency. No currency: as it is."""
    return Fraction(amount) * (10 ** exponent(currency) if currency else 1)


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, whatever their case, blanks, accents' form and letters nobody sees."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    seen = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return unicodedata.normalize("NFKC", " ".join("".join(seen).split()).casefold())


def refuse_one_person(owner: str, approved_by: str) -> None:
    """Raises FourEyes when owner and approver are one person, BadInput when one of them is nobody."""
    for name, value in (("owner", owner), ("approved_by", approved_by)):
        if not _plain(value):
            raise BadInput(f"{name}: should be the name of a person")
    if same_person(owner, approved_by):
        raise FourEyes(
            f"approved_by: {approved_by[:80]} owns the acceptance and can't approve it",
            mend="let a second person approve it",
        )
