"""`--set path=value`: a plan and a landscape with something else in them. Pure; what comes out is read and checked
like any plan and landscape, so that an impossible value is refused with the name of what was set.

The first word of a path says where it leads: a field of the plan (`window.closes`, `size`, `steps.emea-freeze.at`,
`waves.emea.entities`, `crashes`), a system (`netsuite.concurrency`, short for `systems.netsuite.budget.concurrency`)
or a field of the landscape (`legal_entities.UK01.currency`, `calendars.monthly.late`). Values are YAML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from cutover.plan.model import Plan
from router.configfile import ConfigFile, loads
from router.errors import BadConfig, BadInput
from router.landscape import Budget, Landscape, System

SETS_MAX = 100
"""More is another plan: write it down as one."""
_NAMED = {"steps": "step", "waves": "wave"}
"""Lists of the plan whose rows are found by their id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One `--set`, read: what was written, where it leads and the value."""

    text: str
    path: tuple[str, ...]
    value: Any


def read_settings(texts: Iterable[str]) -> tuple[Setting, ...]:
    """The settings as written on the command line; raises BadInput naming the one that is none."""
    settings: list[Setting] = []
    for text in texts:
        path, equals, value = text.partition("=")
        words = tuple(word.strip() for word in path.split("."))
        if not equals or not all(words):
            raise BadInput(f"--set {text}: is no path=value", mend="write it like netsuite.concurrency=30")
        if not value.strip():
            raise BadInput(f"--set {text}: has no value", mend="write null to take a value out")
        try:
            read = None if value.strip() in ("null", "~") else loads(value, name=f"--set {path}").data
        except BadConfig as error:
            raise BadInput(f"--set {text}: {error.message}", mend="write the value as YAML") from error
        settings.append(Setting(text=text, path=words, value=read))
    if len(settings) > SETS_MAX:
        raise BadInput(f"--set is given {len(settings)} times", mend=f"give it at most {SETS_MAX} times")
    return tuple(settings)


def apply(
    settings: Sequence[Setting], *, plan: ConfigFile, landscape: ConfigFile
) -> tuple[ConfigFile, ConfigFile]:
    """Plan and landscape with the settings in them, last one last; the given ones are left as they are.

    Raises BadInput with a suggestion where a path leads nowhere. Later errors name the settings beside the file.
    """
    if not settings or not isinstance(plan.data, dict) or not isinstance(landscape.data, dict):
        return plan, landscape  # whoever reads them says what is wrong with them
    plan_data, landscape_data = deepcopy(plan.data), deepcopy(landscape.data)
    touched: dict[int, list[str]] = {0: [], 1: []}
    for setting in settings:
        in_plan = _put(setting, plan_data, landscape_data)
        touched[0 if in_plan else 1].append(setting.text)
    return (
        ConfigFile(_named(plan.name, touched[0]), plan_data, plan.places, plan.text),
        ConfigFile(_named(landscape.name, touched[1]), landscape_data, landscape.places, landscape.text),
    )


def _named(name: str, settings: Sequence[str]) -> str:
    return f"{name} with --set {' --set '.join(settings)}" if settings else name


def _put(setting: Setting, plan: Any, landscape: Any) -> bool:
    """Put a value where its path leads; whether that is in the plan."""
    first, *rest = setting.path
    systems = landscape.get("systems", {})
    if first in systems:
        path = ["systems", first, *rest]
        if rest and rest[0] not in System.model_fields:
            if rest[0] not in Budget.model_fields:
                known = [*Budget.model_fields, *System.model_fields]
                raise _nowhere(setting, f"{first} has no {rest[0]!r}", rest[0], known)
            path = ["systems", first, "budget", *rest]
        _walk(setting, landscape, path, Landscape)
        return False
    if first in _fields(Plan):
        _walk(setting, plan, list(setting.path), Plan)
        return True
    if first in _fields(Landscape):
        _walk(setting, landscape, list(setting.path), Landscape)
        return False
    known = [*_fields(Plan), *systems, *_fields(Landscape)]
    raise _nowhere(setting, f"there is no {first!r} in a plan or landscape", first, known)


def _walk(setting: Setting, data: Any, path: list[str], shape: Any) -> None:
    """Follow the path, its names checked against the models, to the last word, and set it."""
    for at, word in enumerate(path):
        last = at == len(path) - 1
        if isinstance(data, list):
            index = _index(setting, data, word, path[at - 1] if at else "")
            shape = _element(shape)
            if last:
                data[index] = setting.value
                return
            data = data[index]
            continue
        if not isinstance(data, dict):
            raise BadInput(f"--set {setting.text}: {'.'.join(path[:at])} is one value and has no {word!r}")
        model = _model(shape)
        if model is not None:
            known = _fields(model)
            if word not in known:
                where = ".".join(path[:at]) or "the plan"
                raise _nowhere(setting, f"{where} has no {word!r}", word, known)
            shape = known[word]
        else:
            # Names of entities, systems, calendars: the landscape says which there are.
            if word not in data and _model(_element(shape)) is not None:
                raise _nowhere(setting, f"{'.'.join(path[:at])} has no {word!r}", word, data)
            shape = _element(shape)
        if last:
            data[word] = setting.value
            return
        if data.get(word) is None:
            data[word] = {}
        data = data[word]


def _index(setting: Setting, rows: list[Any], word: str, field: str) -> int:
    ids = [str(row["id"]) for row in rows if isinstance(row, Mapping) and "id" in row]
    if word in ids:
        return ids.index(word)
    if word.isdigit() and int(word) < len(rows):
        return int(word)
    what = _NAMED.get(field, "row")
    raise _nowhere(setting, f"there is no {what} {word!r}", word, ids or map(str, range(len(rows))))


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    """Names as written in a file → types."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _model(shape: Any) -> type[BaseModel] | None:
    for one in _parts(shape):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _element(shape: Any) -> Any:
    """What a list or mapping holds."""
    for one in _parts(shape):
        origin, args = get_origin(one), get_args(one)
        if args and origin is not None:
            return args[1] if len(args) == 2 and args[1] is not Ellipsis else args[0]
    return Any


def _parts(shape: Any) -> tuple[Any, ...]:
    """A type without its annotations; of a union, its members."""
    while hasattr(shape, "__metadata__"):
        shape = shape.__origin__
    if get_origin(shape) in (Union, UnionType):
        return tuple(part for one in get_args(shape) for part in _parts(one))
    return (shape,)


def _nowhere(setting: Setting, what: str, word: str, known: Iterable[Any]) -> BadInput:
    names = [str(name) for name in known]
    close = get_close_matches(word, names, n=1)
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return BadInput(
        f"--set {setting.text}: {what}",
        mend=f"did you mean {close[0]!r}?" if close else f"use one of {shown}",
    )
