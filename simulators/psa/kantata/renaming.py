"""An account whose API calls some attributes by other names than before, as a vendor's release may bring."""

from __future__ import annotations

from typing import Any

DEPTH = 4
"""How deep attributes lie in an answer: collection, id, row, and a row inside an event."""


class Renamed:
    """Old and new names; `old:new,old:new`. Under its old name an attribute is unknown, and so is ignored."""

    def __init__(self, option: str) -> None:
        pairs = [pair.partition(":") for pair in option.split(",") if pair]
        self._new = {old.strip(): new.strip() for old, _, new in pairs}
        self._old = {new: old for old, new in self._new.items()}

    def outward(self, content: Any) -> Any:
        """An answer in the names of today."""
        return _renamed(content, self._new, (), DEPTH) if self._new else content

    def inward(self, content: Any) -> Any:
        """A request in the names the account keeps its rows by."""
        return _renamed(content, self._old, tuple(self._new), DEPTH) if self._new else content


def _renamed(content: Any, names: dict[str, str], dropped: tuple[str, ...], depth: int) -> Any:
    if depth and isinstance(content, list):
        return [_renamed(item, names, dropped, depth) for item in content]
    if not depth or not isinstance(content, dict):
        return content
    return {
        names.get(name, name): _renamed(value, names, dropped, depth - 1)
        for name, value in content.items()
        if name not in dropped
    }
