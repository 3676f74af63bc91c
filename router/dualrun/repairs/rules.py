"""The rules of repair: which correction a break gets. First match wins; an override beats every rule. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from router.canonical.ledger import Account
from router.canonical.money import Money
from router.canonical.reference import Reference
from router.configfile import ConfigFile
from router.dualrun.breaks import Break, BreakClass, Cause
from router.dualrun.policy import Side

Action = Literal[
    "resend", "reverse_and_repost", "credit_and_rebill", "reverse_duplicate", "reclassify", "adjust",
    "fix_mapping", "fix_crosswalk", "settle_status", "none", "person",
]  # fmt: skip
POSTING: tuple[Action, ...] = (
    "resend", "reverse_and_repost", "credit_and_rebill", "reverse_duplicate", "reclassify", "adjust",
    "settle_status",
)  # fmt: skip
"""Actions that make a document in an ERP; the others tell a person what to do, or that nothing is."""
Correct = Literal["shadow", "authority"]
"""Which ERP a rule holds to be wrong. `authority` must be said: by default the owner of a document is right."""
FITS: Mapping[Action, tuple[str, ...]] = {
    "resend": ("missing_in_cloud", "missing_in_legacy"),
    "reverse_duplicate": (
        "duplicate_in_legacy",
        "duplicate_in_cloud",
        "missing_in_legacy",
        "missing_in_cloud",
    ),
    "reverse_and_repost": ("amount", "dimension"),
    "credit_and_rebill": ("amount", "currency"),
    "reclassify": ("dimension", "date"),
    "adjust": ("amount",),
    "settle_status": ("status",),
    "fix_crosswalk": ("crosswalk",),
}
"""The classes an action can put right; an action that is not here fits any."""
Amount = Annotated[str, Field(pattern=r"^\d{1,18}(\.\d{1,4})?$")]


class When(Reference):
    """What a rule is for; what is not said does not matter."""

    classes: Annotated[tuple[BreakClass, ...], Field(alias="class")] = ()
    cause: tuple[Cause, ...] = ()
    code: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    column: tuple[str, ...] = ()
    entity: tuple[str, ...] = ()
    most: Mapping[str, Amount] = {}
    """Largest delta by currency, as a decimal string; a currency that is not named does not match."""

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        for currency, amount in self.most.items():
            Money.parse(amount, currency)
        return self

    def fits(self, found: Break) -> bool:
        """Whether a break is what the rule is for."""
        named = (
            (self.classes, found.what), (self.cause, found.cause), (self.code, found.code),
            (self.kind, found.kind), (self.column, found.column), (self.entity, found.legal_entity),
        )  # fmt: skip
        if any(wanted and given not in wanted for wanted, given in named):
            return False
        if not self.most:
            return True
        limit = self.most.get(found.currency)
        if limit is None or found.delta_minor is None:
            return False
        return abs(found.delta_minor) <= Money.parse(limit, found.currency).minor


class Choice(Reference):
    """What is to be done, and why."""

    action: Action
    why: Annotated[str, Field(min_length=1, max_length=500)]
    correct: Correct = "shadow"


class Rule(Choice):
    """One rule; its id stands on every proposal it made."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    when: When

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        fits = FITS.get(self.action)
        if fits is not None:
            odd = [one for one in self.when.classes if one not in fits]
            if odd or not self.when.classes:
                raise ValueError(
                    f"{self.action} can't put {', '.join(odd) or 'every class of break'} right;"
                    f" state when.class as one of {', '.join(fits)}"
                )
        if self.action == "adjust" and not self.when.most:
            raise ValueError("adjust needs when.most: a limit by currency, such as {GBP: '1.00'}")
        return self


class RepairRules(Reference):
    """All rules, what holds where none fits, and what single breaks get whatever the rules say."""

    authority: Side = "legacy"
    """The ERP that owns the documents, where only extracts are compared; live the journal knows it."""
    rounding_account: Account = "FX_DIFFERENCE"
    """Where `adjust` books what it takes off: the chart's nearest account to rounding differences."""
    mappings: Mapping[Side, str] = {}
    """The mapping file of each ERP, named to the person who is to mend it."""
    overrides: Mapping[Annotated[str, Field(pattern="^[0-9a-f]{16}$")], Choice] = {}
    """By the identity of a break."""
    rules: tuple[Rule, ...] = ()
    default: Choice = Choice(action="person", why="no rule says what puts it right")

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [one.id for one in self.rules]
        for name in names:
            if names.count(name) > 1 or name in ("override", "default"):
                raise ValueError(f"rule {name} stands twice, or has a name that is taken")
        return self

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rules in canonical JSON: the same for the same meaning."""
        return hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The correction a break gets, and by which rule."""

    rule: str
    """The rule's id, `override` or `default`."""
    choice: Choice


def chosen(rules: RepairRules, found: Break) -> Chosen:
    """Override, else the first rule that fits, else the default; an action that can't help is a person's."""
    override = rules.overrides.get(found.identity)
    if override is not None:
        return Chosen(rule="override", choice=_able(override, found))
    for rule in rules.rules:
        if rule.when.fits(found):
            return Chosen(rule=rule.id, choice=rule)
    return Chosen(rule="default", choice=_able(rules.default, found))


def _able(choice: Choice, found: Break) -> Choice:
    fits = FITS.get(choice.action)
    if fits is None or found.what in fits:
        return choice
    return Choice(action="person", why=f"{choice.action} can't put a {found.what} break right: {choice.why}")


def as_repair_rules(file: ConfigFile) -> RepairRules:
    """The rules from a parsed file; raises BadConfig naming file, place and mend."""
    return file.as_model(RepairRules)
