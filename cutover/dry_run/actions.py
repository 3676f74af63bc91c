"""What a dry run notes: one action a row, with what it reads and what it would change. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.journal.port import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing the runner would do."""

    at: str
    step: str
    verb: str
    what: str
    """One sentence for people."""
    reads: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """Empty: it changes nothing."""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self) -> dict[str, Any]:
        """The action as JSON."""
        return {
            "at": self.at, "step": self.step, "verb": self.verb, "what": self.what,
            "reads": list(self.reads), "changes": list(self.changes), "detail": dict(self.detail),
        }  # fmt: skip


def named(scope: Scope) -> str:
    """A scope in words: UK01, DE01, of them CONSULTING, only time_entry."""
    said = ", ".join(scope.entities)
    if scope.business_units:
        said += f", of them {', '.join(scope.business_units)}"
    if scope.kinds:
        said += f", only {', '.join(scope.kinds)}"
    return said


def listed(names: Iterable[str]) -> str:
    """Names in a sentence."""
    return " and ".join(names)


def table_change(before: str, after: str) -> list[str]:
    """What a new route table takes from the one before and adds to it: whole rules, in the order of the tables."""
    old, new = _rules(before), _rules(after)
    found: list[str] = []
    for what, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(
        None, old, new, False
    ).get_opcodes():
        if what != "equal":
            found += [f"- {line}" for rule in old[old_from:old_to] for line in rule]
            found += [f"+ {line}" for rule in new[new_from:new_to] for line in rule]
    return found


def _rules(text: str) -> list[tuple[str, ...]]:
    """The rules of a table's text, each as its lines; what stands above the first is left out."""
    rules: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("- "):
            rules.append([])
        if rules:
            rules[-1].append(line.removeprefix("- ").strip())
    return [tuple(rule) for rule in rules]


def without_polls(actions: Sequence[Action]) -> list[Action]:
    """The actions with those that only repeat the one before left out: a poll is a poll."""
    kept: list[Action] = []
    for action in actions:
        same = kept and (kept[-1].step, kept[-1].verb, kept[-1].what) == (
            action.step,
            action.verb,
            action.what,
        )
        if not same:
            kept.append(action)
    return kept
