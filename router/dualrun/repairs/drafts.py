"""From breaks to drafts: the breaks of one document that get the same correction become one proposal. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import orjson

from router.canonical.money import Money
from router.dualrun.breaks import Break
from router.dualrun.policy import Side
from router.dualrun.repairs.plan import Effect, HeldBreak, Proposal
from router.dualrun.repairs.rules import POSTING, Action, Chosen, RepairRules, chosen

OwnerOf = Callable[[str, Mapping[str, str]], Side]
"""(kind, key) to the ERP that owns the document today."""
OTHER: Mapping[Side, Side] = {"legacy": "cloud", "cloud": "legacy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A correction before it is known whether it can be made."""

    rule: str
    action: Action
    side: Side | None
    """The ERP to correct; None where nothing is posted."""
    why: str
    owner: Side
    breaks: tuple[Break, ...]

    @property
    def kind(self) -> str:
        """The kind of its document; empty in a comparison of extracts."""
        return self.breaks[0].kind

    @property
    def key(self) -> Mapping[str, str]:
        """The key of its document."""
        return self.breaks[0].key

    def given_up(self, why: str) -> Draft:
        """The same for a person, who is told why no rule can do it."""
        return replace(self, action="person", side=None, why=f"{why} (rule: {self.why})")


def drafts(found: Iterable[Break], rules: RepairRules, owner_of: OwnerOf) -> list[Draft]:
    """One draft a document and correction, in the order of the first break of each."""
    grouped: dict[tuple[str, ...], Draft] = {}
    for one in found:
        owner = owner_of(one.kind, one.key)
        picked = chosen(rules, one)
        action, side, why = _placed(picked, one, owner)
        names = (one.kind, one.level, *(f"{name}={value}" for name, value in sorted(one.key.items())))
        group = (*names, picked.rule, action, side or "")
        known = grouped.get(group)
        grouped[group] = (
            Draft(rule=picked.rule, action=action, side=side, why=why, owner=owner, breaks=(one,))
            if known is None
            else replace(known, breaks=(*known.breaks, one))
        )
    return list(grouped.values())


WHOLE: tuple[Action, ...] = ("resend", "credit_and_rebill", "reverse_and_repost", "reverse_duplicate")
"""Corrections of a document as a whole: the differences of its lines go with it."""


def with_lines(found: list[Draft], name_of: Callable[[Mapping[str, str]], str]) -> list[Draft]:
    """Drafts in which the lines' breaks of a document that is corrected whole went to its draft.

    `name_of`: the document of a break, by its key.
    """
    whole: dict[tuple[str, str], int] = {}
    for at, draft in enumerate(found):
        if draft.action in WHOLE and draft.side is not None and draft.breaks[0].level == "document":
            whole.setdefault((draft.kind, name_of(draft.key)), at)
    kept = list(found)
    gone: list[int] = []
    for at, draft in enumerate(found):
        place = whole.get((draft.kind, name_of(draft.key)))
        if draft.breaks[0].level == "line" and place is not None:
            kept[place] = replace(kept[place], breaks=(*kept[place].breaks, *draft.breaks))
            gone.append(at)
    return [draft for at, draft in enumerate(kept) if at not in gone]


def _placed(picked: Chosen, found: Break, owner: Side) -> tuple[Action, Side | None, str]:
    """Which ERP is corrected: the one that misses it or has it too often, else the one that is no owner."""
    choice = picked.choice
    if choice.action not in POSTING:
        return choice.action, None, choice.why
    side: Side = owner if choice.correct == "authority" else OTHER[owner]
    missing: Mapping[str, Side] = {"missing_in_cloud": "cloud", "missing_in_legacy": "legacy"}
    double: Mapping[str, Side] = {"duplicate_in_cloud": "cloud", "duplicate_in_legacy": "legacy"}
    if found.what in missing:
        lacks = missing[found.what]
        side = lacks if choice.action == "resend" else OTHER[lacks]
    elif found.what in double:
        side = double[found.what]
    if side == owner and choice.correct != "authority":
        why = f"the {owner} ERP owns it and is not corrected to match the other one"
        return "person", None, f"{why}; a rule may say correct: authority (rule: {choice.why})"
    return choice.action, side, choice.why


def effects(draft: Draft) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """(what the correction adds to its ERP, what stays different): each delta is in exactly one of them.

    A correction of the cloud takes the delta off it, one of the legacy ERP adds it there.
    """
    deltas = [
        (one, one.delta_minor)
        for one in draft.breaks
        if one.delta_minor is not None and one.currency and one.delta_minor
    ]
    if draft.side is None:
        return (), tuple(_effect(one, minor) for one, minor in deltas)
    sign = -1 if draft.side == "cloud" else 1
    return tuple(_effect(one, sign * minor) for one, minor in deltas), ()


def _effect(found: Break, minor: int) -> Effect:
    amount = str(Money(minor, found.currency))
    column = f"lines.{found.column}" if found.level == "line" else found.column
    return Effect(column=column, currency=found.currency, amount=amount, counted=found.counted)


def proposal(
    draft: Draft,
    *,
    state: Mapping[str, str],
    system: str = "",
    documents: Iterable[Mapping[str, object]] = (),
    tells: str = "",
) -> Proposal:
    """A draft as a proposal; its id follows from what it corrects, how, and the rows it was made from."""
    made = tuple(dict(one) for one in documents)
    adds, left = effects(draft)
    identities = [one.identity for one in draft.breaks]
    facts = [sorted(identities), draft.action, draft.side, state, made]
    name = hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    return Proposal(
        id=f"R-{name}",
        rule=draft.rule,
        action=draft.action,
        side=draft.side or "",
        system=system if draft.side else "",
        owner=draft.owner,
        why=draft.why,
        kind=draft.kind,
        key=dict(draft.key),
        legal_entity=draft.breaks[0].legal_entity,
        breaks=tuple(
            HeldBreak.model_validate(
                {
                    "identity": one.identity, "class": one.what, "level": one.level, "column": one.column, "cause": one.cause,
                    "code": one.code, "currency": one.currency, "delta": one.delta,
                    "counted": one.counted,
                }
            )
            for one in draft.breaks
        ),
        effect=adds,
        left=left,
        state=state,
        documents=made,
        tells=tells,
    )  # fmt: skip


def told(draft: Draft, rules: RepairRules) -> str:
    """What a person is to do where nothing is posted; empty where the reason says it all."""
    first = draft.breaks[0]
    if draft.action == "fix_mapping":
        files = " or ".join(rules.mappings[side] for side in ("legacy", "cloud") if side in rules.mappings)
        return (
            f"in {files or 'the mapping file of either ERP'}, {first.column or 'the column'}: {first.legacy!r} of"
            f" the legacy and {first.cloud!r} of the cloud ERP should be one code; publish a new version"
        )
    if draft.action == "fix_crosswalk":
        named = ", ".join(f"{name} {value}" for name, value in first.key.items())
        return f"in the crosswalk, {named}: {first.legacy!r} is paired with {first.cloud!r}; add the right pair, take the wrong one out"
    if draft.action == "none":
        return f"accept it (coexist breaks accept {first.identity}), or align what makes the ERPs differ"
    return ""


def state_of_breaks(found: Iterable[Break]) -> dict[str, str]:
    """What a comparison of extracts says of a document: every column that differs, on both sides."""
    state: dict[str, str] = {}
    for one in found:
        name = " ".join(part for part in (one.level, one.what, one.column) if part)
        state[f"{name} legacy"] = _shown(one.legacy)
        state[f"{name} cloud"] = _shown(one.cloud)
        if one.delta is not None:
            state[f"{name} delta"] = f"{one.delta} {one.currency}".strip()
    return dict(sorted(state.items()))


def _shown(value: str | None) -> str:
    return "nothing" if value is None else f"is {value}"
