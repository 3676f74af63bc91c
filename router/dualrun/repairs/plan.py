"""The plan of repairs: proposals a person decides on, in a file that can't be edited into something else.

Only `decision` and `note` of a proposal are a person's to change; everything else is under its hash. The
hash guards against slips, not against malice: what is applied is made anew from the journal and must
come out the same. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import Field, ValidationError, model_validator

from router.canonical.ledger import Account
from router.canonical.money import Money
from router.canonical.reference import Reference
from router.configfile import ConfigFile
from router.dualrun.breaks import BreakClass, Level
from router.dualrun.policy import Side
from router.dualrun.repairs.rules import POSTING, Action
from router.errors import BadInput

Decision = Literal["", "apply", "skip"]
Text = Annotated[str, Field(max_length=2000)]
HUMAN = ("decision", "note")
"""What of a proposal a person may change."""
HASH_MENDS = (
    "only decision and note may be changed; propose again to get another correction",
    "to leave one out set decision: skip, and leave the proposal where it is",
)


class HeldBreak(Reference):
    """A break a proposal puts right."""

    identity: str
    what: Annotated[BreakClass, Field(alias="class")]
    level: Level = "document"
    column: str = ""
    cause: str
    code: str
    currency: str = ""
    delta: str | None = None
    """Cloud minus legacy as a decimal string."""
    counted: bool = True


class Effect(Reference):
    """What a correction adds to the totals of the ERP it goes to."""

    column: str = ""
    """The compared column, with `lines.` before it where a line differs; empty for a whole row."""
    currency: str
    amount: str
    """A signed decimal string."""
    counted: bool = True
    """Of the columns of one document only one counts in totals: an invoice's net and tax are in its total."""

    @property
    def minor(self) -> int:
        """The amount in minor units."""
        return Money.parse(self.amount, self.currency).minor


class Proposal(Reference):
    """One correction: what, in which ERP, by which rule, and what it was made from."""

    id: Annotated[str, Field(pattern="^R-[0-9a-f]{16}$")]
    """Also the idempotency key of what it makes: applied twice it does nothing twice."""
    decision: Decision = ""
    note: Text = ""
    rule: str
    action: Action
    side: Side | Literal[""] = ""
    """The ERP that is corrected; empty where nothing is posted."""
    system: str = ""
    owner: Side
    """The ERP that owned the document."""
    why: Text
    kind: str = ""
    key: Mapping[str, str]
    legal_entity: str = ""
    breaks: Annotated[tuple[HeldBreak, ...], Field(min_length=1)]
    effect: tuple[Effect, ...] = ()
    left: tuple[Effect, ...] = ()
    """What stays different, cloud minus legacy, because nothing is posted."""
    state: Mapping[str, str] = {}
    """The rows it was made from: amounts, status, number, line sums, by side."""
    documents: tuple[Mapping[str, Any], ...] = ()
    """The canonical documents it would send, each with the operation it is part of."""
    tells: Text = ""
    """What a person is to do, where that is not a document."""
    hash: str = ""

    @property
    def posts(self) -> bool:
        """Whether it makes a document in an ERP."""
        return self.action in POSTING


class Header(Reference):
    """Where a plan comes from."""

    plan: Literal[1] = 1
    run_id: str
    source: str
    """The file of breaks, or the journal."""
    source_hash: str = ""
    policy_hash: str = ""
    rules_hash: str
    as_of: str
    """RFC 3339."""
    systems: Mapping[Side, str] = {}
    """Names of the two ERPs, where the plan can be applied."""
    rounding_account: Account = "FX_DIFFERENCE"


class Total(Reference):
    """What proposals of one rule, or for one ERP, come to."""

    proposals: int
    breaks: int
    effect: Mapping[str, str] = {}
    """By currency: what is added to the ERP's totals."""
    left: Mapping[str, str] = {}
    """By currency: the difference that stays."""


class Totals(Reference):
    """The sums of a plan."""

    by_rule: Mapping[str, Total] = {}
    by_system: Mapping[str, Total] = {}


class Plan(Header):
    """A plan as it stands in its file."""

    proposals: tuple[Proposal, ...]
    totals: Totals = Totals()

    @model_validator(mode="after")
    def _untouched(self) -> Self:
        seen: set[str] = set()
        for one in self.proposals:
            if one.id in seen:
                raise ValueError(f"proposal {one.id} stands twice")
            seen.add(one.id)
            if one.hash != hash_of(self, one):
                raise ValueError(f"proposal {one.id} was edited: {HASH_MENDS[0]}")
            if one.decision == "apply" and not one.posts:
                raise ValueError(f"proposal {one.id} ({one.action}) posts nothing, so it can't be applied")
        if self.totals != totals_of(self.proposals):
            raise ValueError(f"totals do not fit the proposals: {HASH_MENDS[1]}")
        return self

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data, in the order a person reads it."""
        return self.model_dump(mode="json", by_alias=True)


def hash_of(header: Header, proposal: Proposal) -> str:
    """SHA-256 of all of a proposal but what is a person's, bound to the run and rules it was made by."""
    held = proposal.model_dump(mode="json", by_alias=True, exclude={*HUMAN, "hash"})
    bound = [
        header.run_id,
        header.policy_hash,
        header.rules_hash,
        header.systems,
        header.rounding_account,
        held,
    ]
    return hashlib.sha256(orjson.dumps(bound, option=orjson.OPT_SORT_KEYS)).hexdigest()


def sealed(header: Header, proposals: Sequence[Proposal]) -> Plan:
    """A plan of proposals with their hashes and totals."""
    hashed = tuple(one.model_copy(update={"hash": hash_of(header, one)}) for one in proposals)
    named = {name: getattr(header, name) for name in Header.model_fields}
    return Plan(**named, proposals=hashed, totals=totals_of(hashed))


def totals_of(proposals: Iterable[Proposal]) -> Totals:
    """Sums by rule and by ERP; money of counted columns only."""
    held = list(proposals)
    rules = dict.fromkeys(one.rule for one in held)
    systems = dict.fromkeys(one.system or one.side for one in held if one.side)
    return Totals(
        by_rule={name: _total([one for one in held if one.rule == name]) for name in sorted(rules)},
        by_system={
            name: _total([one for one in held if one.side and (one.system or one.side) == name])
            for name in sorted(systems)
        },
    )


def _total(held: Sequence[Proposal]) -> Total:
    return Total(
        proposals=len(held),
        breaks=sum(len(one.breaks) for one in held),
        effect=money_of(effect for one in held for effect in one.effect if effect.counted),
        left=money_of(effect for one in held for effect in one.left if effect.counted),
    )


def money_of(effects: Iterable[Effect]) -> dict[str, str]:
    """Sums by currency as decimal strings."""
    sums: dict[str, int] = {}
    for one in effects:
        sums[one.currency] = sums.get(one.currency, 0) + one.minor
    return {currency: str(Money(minor, currency)) for currency, minor in sorted(sums.items())}


def corrected(plan: Plan, *, decided: Decision | None = None) -> dict[tuple[str, str], int]:
    """What posting proposals add to cloud minus legacy, in minor units, by (column, currency).

    `decided`: only those so decided. It is the opposite of what their breaks contribute to the walk from
    the legacy to the cloud total, so that the control totals tie once all are applied.
    """
    sums: dict[tuple[str, str], int] = {}
    for one in plan.proposals:
        if decided is not None and one.decision != decided:
            continue
        sign = 1 if one.side == "cloud" else -1
        for effect in one.effect:
            name = (effect.column, effect.currency)
            sums[name] = sums.get(name, 0) + sign * effect.minor
    return sums


def as_plan(file: ConfigFile) -> Plan:
    """A plan from a parsed YAML file; raises BadConfig naming file, place and mend."""
    return file.as_model(Plan)


def as_plan_of(data: object, name: str) -> Plan:
    """A plan from decoded JSON; raises BadInput naming the wrong field."""
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "plan"
        raise BadInput(f"{name}: {where}: {first['msg']}", mend=HASH_MENDS[0]) from error
