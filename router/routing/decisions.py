"""The decision: pin > lineage > table > default (D7). Pure: a compiled table and facts in, a decision out.

A hold of the table holds everything it matches, pinned and following documents too: a freeze is a
freeze. A rule that only holds names the decision, while the next rule that matches (or the default)
says where the document will go once released.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from router.canonical.documents import Document
from router.journal.port import Pin
from router.model import Decision, SystemId
from router.routing.compiled import MAX_MEMO, Compiled, Outcome
from router.routing.facts import facts


class ByTable(NamedTuple):
    """What the table alone says, and what of it also binds pinned and following documents."""

    decision: Decision
    held_by: str
    """Empty, or why the table holds the document whoever decides its system."""


def decide(
    compiled: Compiled, document: Document, *, lineage: SystemId | None = None, pin: Pin | None = None
) -> Decision:
    """Where a document goes and why; never guesses: authority None means unroutable."""
    said = by_table(compiled, document)
    if pin is None and lineage is None:
        return said.decision
    held = f"; held: {said.held_by}" if said.held_by else ""
    if pin is not None:
        rule, authority = "pin", pin.authority
        why = f"pinned to {pin.authority} by {pin.by} ({pin.scope}): {pin.why}{held}"
    else:
        assert lineage is not None
        followed = document.refers_to
        what = f"{followed[0]} {followed[1]}" if followed else "the document it refers to"
        rule, authority = "lineage", lineage
        why = f"{_what(document)} follows {what}, which is in {lineage}{held}"
    # A document that follows its own table's authority is part of the same dual run; one that stays
    # behind, or was pinned away, has no second system to be compared in.
    shadow = said.decision.shadow if authority == said.decision.authority else None
    if pin is None and authority == said.decision.shadow:
        # It follows its original to the shadow's side of the same dual run, so the other way round it is in both.
        shadow = said.decision.authority
    return Decision(
        rule=rule,
        table_version=compiled.table.version,
        authority=authority,
        shadow=shadow,
        hold=bool(said.held_by),
        why=why if shadow is None else f"{why}; shadow {shadow}",
    )


def by_table(compiled: Compiled, document: Document) -> ByTable:
    """What rules and default say, remembered for documents that no rule can tell apart."""
    key = compiled.key(document)
    found = compiled.memo.get(key)
    if found is None:
        if len(compiled.memo) >= MAX_MEMO:
            compiled.memo.clear()
        found = compiled.memo[key] = said_of(compiled, document, compiled.first_match(facts(document)))
    return cast("ByTable", found)


def said_of(compiled: Compiled, document: Document, outcome: Outcome) -> ByTable:
    """An outcome of the rules in the words of a decision."""
    table = compiled.table
    what, version = _what(document), table.version
    freeze = None if outcome.freeze is None else table.rules[outcome.freeze]
    held = "" if freeze is None else f"rule {freeze.id} of table {version} holds {what}{_noted(freeze.why)}"
    if outcome.raised is not None:
        rule = table.rules[outcome.raised]
        why = f"rule {rule.id} of table {version} could not be evaluated for {what}: {outcome.error}"
        # A later rule may be the freeze: whoever knows the system still can't know that it is open.
        unsure = not held and outcome.raised <= compiled.last_hold
        return ByTable(
            _unroutable(version, why), f"{why}, so a freeze can't be ruled out" if unsure else held
        )
    if outcome.rule is None:
        if table.authority is None:
            why = f"no rule of table {version} says where {what} goes, and it has no default"
            return ByTable(_unroutable(version, why), held)
        name, authority, shadow, holds = "default", table.authority, table.shadow, False
        why = f"no rule of table {version} covers {what}; the default sends it to {authority}"
        onward = f"the default sends it to {authority}"
    else:
        rule = table.rules[outcome.rule]
        assert rule.authority is not None
        name, authority, shadow, holds = rule.id, rule.authority, rule.shadow, rule.hold
        why = f"rule {rule.id} of table {version} covers {what}{_noted(rule.why)}"
        onward = f"rule {rule.id} sends it to {authority}"
        if holds and not held:
            held = f"rule {rule.id} of table {version} holds {what}{_noted(rule.why)}"
    if held:
        why = f"{held}; once released, {onward}"
    return ByTable(
        Decision(
            rule=freeze.id if freeze is not None else name,
            table_version=version,
            authority=authority,
            shadow=shadow,
            hold=bool(held),
            why=why + (f"; shadow {shadow}" if shadow else ""),
        ),
        held,
    )


def _unroutable(version: int, why: str) -> Decision:
    return Decision(rule="unroutable", table_version=version, authority=None, why=why)


def _what(document: Document) -> str:
    return f"{document.legal_entity} {document.kind} dated {document.accounting_date}"


def _noted(why: str) -> str:
    return f" ({why})" if why else ""
