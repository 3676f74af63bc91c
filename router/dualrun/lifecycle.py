"""The life of a break across runs: new, recurring, reopened, accepted, fixed. Facts in, decisions out.

A run says something only of what it looked at (its `Scope`): a break outside it stays as it was, and one
inside it that was not found again is fixed. An accepted break is shown as such and stays in every total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from router.clock import from_text
from router.dualrun.acceptances import Acceptance, Acceptances
from router.dualrun.breaks import Break, LifeState, entry_of, identity_of

OPEN: tuple[LifeState, ...] = ("new", "recurring", "reopened")
"""What somebody still has to look at."""
STATES: tuple[LifeState, ...] = (*OPEN, "accepted", "fixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a comparison looked at; an empty field means all there is."""

    subject: str = ""
    """What is compared, from the general to the particular: `dual-run:sap_ecc:netsuite`, `intercompany:2026-10`.

    Breaks of another subject are not touched.
    """
    kinds: tuple[str, ...] = ()
    legal_entities: tuple[str, ...] = ()
    since: str = ""
    """First accounting date, ISO 8601."""
    until: str = ""
    """The day after the last accounting date."""
    business_units: tuple[str, ...] = ()
    unstated: bool = False
    """Of a place: the run that found it did not say what it looked at, so any look at its kind, entity
    and subject will do."""

    def covers(self, place: Scope) -> bool:
        """Whether all of a place lies inside, so that what is not found there is not there."""
        dated = place.unstated or (
            (not self.since or self.since <= place.since)
            and (not self.until or "" < place.until <= self.until)
        )
        return (
            dated
            and (
                _within(place.subject, self.subject)
                or (place.unstated and _within(self.subject, place.subject))
            )
            and _holds(self.kinds, place.kinds)
            and _holds(self.legal_entities, place.legal_entities)
            and _holds(self.business_units, place.business_units)
        )

    def place_of(self, found: Found, before: Scope | None = None) -> Scope:
        """Where a break found by a run over this scope lies, as narrow as anybody can tell.

        Where it has no date of its own it lies in all ranges it was ever found in, so in what they share.
        """
        since, until, subject = self.since, self.until, self.subject
        if found.aspect and not subject.endswith(f":{found.aspect}"):
            subject = f"{subject}:{found.aspect}"
        if found.on:
            since, until = found.on, (date.fromisoformat(found.on) + timedelta(days=1)).isoformat()
        elif before is not None and not before.unstated and before.subject == subject:
            both = (max(since, before.since), min(until or before.until, before.until or until))
            since, until = both if not (both[0] and both[1]) or both[0] < both[1] else (since, until)
        return Scope(
            subject=subject,
            kinds=(found.kind,) if found.kind else self.kinds,
            legal_entities=(found.legal_entity,) if found.legal_entity else self.legal_entities,
            since=since,
            until=until,
            business_units=self.business_units,
            unstated=self.unstated,
        )

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return {
            "subject": self.subject,
            "kinds": list(self.kinds),
            "legal_entities": list(self.legal_entities),
            "since": self.since,
            "until": self.until,
            **({"business_units": list(self.business_units)} if self.business_units else {}),
            **({"unstated": True} if self.unstated else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scope:
        """What `to_json` wrote."""
        return cls(
            subject=data["subject"],
            kinds=tuple(data["kinds"]),
            legal_entities=tuple(data["legal_entities"]),
            since=data["since"],
            until=data["until"],
            business_units=tuple(data.get("business_units", ())),
            unstated=data.get("unstated", False),
        )

    @classmethod
    def dual_run(
        cls,
        legacy: str,
        cloud: str,
        *,
        kinds: Sequence[str],
        entities: Sequence[str],
        since: str,
        until: str,
        business_units: Sequence[str] = (),
    ) -> Scope:
        """What a live comparison of two ERPs looks at."""
        return cls(
            subject=f"dual-run:{legacy}:{cloud}",
            kinds=tuple(kinds),
            legal_entities=tuple(entities),
            since=since,
            until=until,
            business_units=tuple(business_units),
        )


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the life-cycle has to know of a break that a run found."""

    identity: str
    kind: str = ""
    legal_entity: str = ""
    cause: str = ""
    code: str = ""
    what: str = ""
    """Its class."""
    currency: str = ""
    delta_minor: int | None = None
    on: str = ""
    """Its accounting date, where the run can tell (`facts.accounting_date`)."""
    aspect: str = ""
    """The part of the subject it belongs to, where a run may look at some parts only (`facts.aspect`)."""

    @classmethod
    def of(cls, row: Break | Mapping[str, Any]) -> Found:
        """The facts of a break, or of its JSON."""
        if isinstance(row, Break):
            return cls(
                identity=row.identity,
                kind=row.kind,
                legal_entity=row.legal_entity,
                cause=row.cause,
                code=row.code,
                what=row.what,
                currency=row.currency,
                delta_minor=row.delta_minor,
                on=_day(row.facts.get("accounting_date")),
                aspect=row.facts.get("aspect", ""),
            )
        facts = row.get("facts") or {}
        return cls(
            identity=row.get("identity") or identity_of_row(row),
            kind=str(row.get("kind") or ""),
            legal_entity=str(row.get("legal_entity") or ""),
            cause=str(row.get("cause") or ""),
            code=str(row.get("code") or ""),
            what=str(row.get("class") or ""),
            currency=str(row.get("currency") or ""),
            delta_minor=row.get("delta_minor"),
            on=_day(facts.get("accounting_date")),
            aspect=str(facts.get("aspect") or ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a break from the runs before; times are RFC 3339 text."""

    state: LifeState
    first_seen: str
    opened_at: str
    """Since when it has been open without a break: the first sighting, or when it came back."""
    place: Scope = EVERYTHING
    delta_minor: int | None = None
    acceptance: str = ""
    """By which acceptance it is accepted."""
    fixed_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What becomes of a break that a run found."""

    state: LifeState
    first_seen: str
    opened_at: str
    note: str = ""
    """Why it is not what it was: `grew from 0.01 to 4.00`, `acceptance 7 of ann expired on 2026-11-30`."""
    acceptance: Acceptance | None = None


def standing_of(found: Found, known: Known | None, acceptances: Acceptances, *, at: str) -> Standing:
    """The state of a break that a run found at an instant (RFC 3339 text)."""
    said = acceptances.about(
        found.identity, found.cause, found.code, found.legal_entity, found.kind, what=found.what
    )
    today = at[:10]
    first = known.first_seen if known is not None else at
    opened = known.opened_at if known is not None else at
    for one in said:
        if not one.why_not(found.delta_minor, found.currency, today=today):
            note = f"was fixed at {known.fixed_at}" if known and known.state == "fixed" else ""
            return Standing(state="accepted", first_seen=first, opened_at=opened, note=note, acceptance=one)
    if known is None:
        return Standing(state="new", first_seen=at, opened_at=at, note=_why_none(found, said, today))
    if known.state == "fixed":
        return Standing(
            state="reopened", first_seen=first, opened_at=at, note=f"was fixed at {known.fixed_at}"
        )
    if known.state == "accepted":
        return _no_longer_accepted(found, known, said, acceptances, at)
    return Standing(state="recurring", first_seen=first, opened_at=opened, note=_why_none(found, said, today))


def is_fixed(known: Known, scope: Scope | None) -> bool:
    """Whether a break that a run did not find is fixed: only where the run looked at its place."""
    return known.state != "fixed" and scope is not None and scope.covers(known.place)


def age_days(first_seen: str, now: str) -> int:
    """Whole days since a break was found first."""
    return max(0, (from_text(now) - from_text(first_seen)).days)


def moved(before_minor: int | None, after_minor: int | None) -> str:
    """`grown`, `shrunk` or `recurring`, by how far two findings of one break are from zero."""
    before, after = abs(before_minor or 0), abs(after_minor or 0)
    return "grown" if after > before else "shrunk" if after < before else "recurring"


def identity_of_row(row: Mapping[str, Any]) -> str:
    """The identity of a break given as JSON, also of one written before breaks had any."""
    return identity_of(
        str(row.get("kind") or ""),
        str(row.get("level") or "document"),
        str(row.get("class") or ""),
        str(row.get("column") or ""),
        {str(name): str(value) for name, value in (row.get("key") or {}).items()},
        entry_of(str(row.get("class") or ""), row.get("legacy"), row.get("cloud")),
    )


def _no_longer_accepted(
    found: Found, known: Known, said: Sequence[Acceptance], acceptances: Acceptances, at: str
) -> Standing:
    mine = [one for one in said if one.acceptance_id == known.acceptance] or list(said)
    grown = moved(known.delta_minor, found.delta_minor) == "grown"
    for one in mine:
        if one.in_force(at[:10]) and grown:
            note = (
                f"grew from {_amount(known.delta_minor, found)} to {_amount(found.delta_minor, found)}: "
                + one.why_not(found.delta_minor, found.currency, today=at[:10])
            )
            return Standing(state="reopened", first_seen=known.first_seen, opened_at=at, note=note)
    note = _why_none(found, mine, at[:10]) or "its acceptance was withdrawn"
    if not mine and any(
        one.acceptance_id == known.acceptance and not one.withdrawn for one in acceptances.rows
    ):
        note = (
            f"acceptance {known.acceptance} does not cover the cause it has now: {found.cause} {found.code}"
        )
    return Standing(state="recurring", first_seen=known.first_seen, opened_at=at, note=note)


def _why_none(found: Found, said: Sequence[Acceptance], today: str) -> str:
    """Why none of the acceptances that are about a break covers it."""
    return "; ".join(one.why_not(found.delta_minor, found.currency, today=today) for one in said)


def _amount(minor: int | None, found: Found) -> str:
    from_break = Break(key={}, what="amount", currency=found.currency, delta_minor=abs(minor or 0))
    return from_break.delta or "0"


def _holds(all_of: tuple[str, ...], some: tuple[str, ...]) -> bool:
    return not all_of or (bool(some) and all(one in all_of for one in some))


def _within(subject: str, general: str) -> bool:
    return not general or subject == general or subject.startswith(f"{general}:")


def _day(text: Any) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat() if isinstance(text, str) else ""
    except ValueError:
        return ""  # an ERP's own words; the run's range bounds it as well
