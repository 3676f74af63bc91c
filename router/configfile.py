"""Reads the users' YAML files: safe, no duplicate keys, and errors with file, line and column.

Landscapes, route tables, plans and policies all come through here, so that each mistake is told the
same way: where it is and how to mend it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from router.errors import BadConfig

MAX_BYTES = 10_000_000
"""A route table of 10,000 rules is about 2 MB."""
NODES_MAX = 500_000
"""Values in a file, anchors followed: ten times a table of 10,000 rules, a moment for a file of nested anchors."""
Place = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


class ConfigFile:
    """A YAML document with the place of every node, so that a later check can point at it."""

    def __init__(self, name: str, data: Any, places: dict[Place, tuple[int, int]], text: str = "") -> None:
        self.name = name
        self.data = data
        self.places = places
        self.text = text

    def error(self, message: str, place: Place = (), *, mend: str = "") -> BadConfig:
        """A BadConfig that points at `place`, or at the nearest node above it that exists."""
        while place and place not in self.places:
            place = place[:-1]
        line, column = self.places.get(place, (1, 1))
        return BadConfig(message, file=self.name, line=line, column=column, mend=mend)

    def as_model(self, model: type[M]) -> M:
        """The whole file as a pydantic model; raises BadConfig at the first wrong node."""
        if not isinstance(self.data, dict):
            raise self.error("should be a mapping of names to values", mend="start with `name: value` lines")
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = tuple(part for part in first["loc"] if isinstance(part, str | int))
            shown = ".".join(str(part) for part in place) or "file"
            raise self.error(f"{shown}: {first['msg']}", place) from error


def load(path: Path | str) -> ConfigFile:
    """Read a file; raises BadConfig when it is missing, too large, not UTF-8 or not YAML."""
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise BadConfig("there is no such file", file=str(path)) from error
    except OSError as error:
        raise BadConfig(f"can't be read: {error.strerror}", file=str(path)) from error
    return loads(raw, name=str(path))


def loads(raw: bytes | str, *, name: str = "<text>") -> ConfigFile:
    """Parse YAML; raises BadConfig with line and column."""
    if len(raw) > MAX_BYTES:
        raise BadConfig(f"is larger than {MAX_BYTES} bytes", file=name)
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1 if isinstance(raw, bytes) else 1
        raise BadConfig("is not UTF-8", file=name, line=line, mend="save the file as UTF-8") from error
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        places: dict[Place, tuple[int, int]] = {}
        if node is not None:
            _locate(node, (), places, name)
        if len(places) > NODES_MAX:
            raise BadConfig(f"has more than {NODES_MAX} values", file=name)
        data = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadConfig(f"is not YAML: {error.problem}", file=name, line=line, column=column) from error
    except RecursionError as error:
        raise BadConfig(
            "is nested too deeply, or an anchor holds itself", file=name, mend="write it flat"
        ) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadConfig(f"is not YAML: {error}", file=name) from error
    finally:
        loader.dispose()
    if data is None:
        raise BadConfig("is empty", file=name)
    return ConfigFile(name, data, places, text)


def _locate(node: yaml.Node, place: Place, places: dict[Place, tuple[int, int]], name: str) -> None:
    if len(places) > NODES_MAX:
        return
    mark = node.start_mark
    places[place] = (mark.line + 1, mark.column + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            text = str(key.value)
            if text in seen:
                where = key.start_mark
                raise BadConfig(
                    f"{text!r} stands twice in one mapping",
                    file=name,
                    line=where.line + 1,
                    column=where.column + 1,
                )
            seen.add(text)
            _locate(value, (*place, text), places, name)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            _locate(value, (*place, at), places, name)
