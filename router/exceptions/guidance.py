"""What a type of exception says to the person who gets it. Pure data types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Nature = Literal["technical", "business"]
Queue = Literal["finance-operations", "pmo", "integration-support"]
Severity = Literal["low", "medium", "high", "critical"]
Replay = Literal["yes", "newest-mapping", "route-again", "correct", "by-itself", "no"]

QUEUES: Mapping[Queue, str] = {
    "finance-operations": "Finance operations",
    "pmo": "Project management office",
    "integration-support": "Integration support",
}
"""The queues and who owns them, in the order they are shown."""
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
REPLAYS: Mapping[Replay, str] = {
    "yes": "A replay will do: the same document is sent again to the same system.",
    "newest-mapping": "A replay with the newest mapping will do; with the mapping of its day it fails again.",
    "route-again": "A replay that routes again will do: the route table in force decides anew.",
    "correct": "A replay of the same document fails again: correct the document, which sends it again.",
    "by-itself": "No replay is needed: it goes on by itself when what it waits for has come.",
    "no": "A replay changes nothing: a person decides, then resolves the exception.",
}
"""Whether a replay helps, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionType:
    """One type of exception. Texts may name facts in braces: kind, document_id, entity, target, why, …"""

    code: str
    """Stable, kebab-case: what `type` shows and filters take."""
    title: str
    nature: Nature
    """`technical`: a system or a connection; `business`: the content of a document or of a master."""
    queue: Queue
    at_least: Severity = "low"
    """What it weighs however little money it is about."""
    wrong: str
    """What is wrong, in one sentence."""
    system: str
    """The system to mend it in."""
    field: str
    """The field, screen or file to mend."""
    mend: str
    """What to do there, as a person would be told."""
    example: str
    replay: Replay

    def filled(self, facts: Mapping[str, Any]) -> dict[str, str]:
        """The guidance for one exception; a fact nobody knows reads as an ellipsis."""
        known = _Known({name: str(value) for name, value in facts.items() if value not in (None, "")})
        return {
            "title": self.title,
            "what_is_wrong": self.wrong.format_map(known),
            "system": self.system.format_map(known),
            "field": self.field.format_map(known),
            "mend": self.mend.format_map(known),
            "example": self.example.format_map(known),
            "replay": self.replay,
            "replay_in_words": REPLAYS[self.replay],
        }


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"
