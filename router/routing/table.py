"""Route tables as users write them: YAML to a checked `RouteTable`; each mistake has file, line and mend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from router.canonical.documents import Day
from router.canonical.kinds import KINDS
from router.canonical.money import exponent
from router.configfile import ConfigFile, Place, load, loads
from router.landscape import Landscape
from router.model import SystemId
from router.routing.expression import (
    Both,
    Condition,
    Either,
    Expr,
    Not,
    Test,
    Wrong,
    parse_condition,
    suggest,
    typed_context,
)

MAX_RULES = 20_000
"""Beyond it the bitmaps of a table whose rules all name another project pass 100 MB."""
_RULE = 'such as {id: uk, when: legal_entity == "UK01", authority: netsuite}'
RESERVED = ("default", "lineage", "pin", "unroutable")
"""Ids a decision uses when no rule of the table decided."""
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
System = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class _Written(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Default(_Written):
    authority: System
    shadow: System | None = None


class _Rule(_Written):
    id: Id
    when: str | StrictBool
    since: Annotated[Day | None, Field(alias="from", strict=True)] = None
    until: Annotated[Day | None, Field(strict=True)] = None
    authority: System | None = None
    shadow: System | None = None
    hold: StrictBool = False
    why: Annotated[str, StringConstraints(max_length=255)] = ""


class _Table(_Written):
    version: Annotated[StrictInt, Field(ge=1, le=2_000_000_000)]
    default: _Default | None = None
    rules: Annotated[tuple[_Rule, ...], Field(max_length=MAX_RULES)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    """One rule; it applies where its condition holds and its window covers the accounting date."""

    id: str
    condition: Condition
    since: date | None
    """First accounting date (`from`), inclusive."""
    until: date | None
    """First accounting date after it, exclusive."""
    authority: SystemId | None
    """None: the rule only holds, and the rules after it say where the document goes."""
    shadow: SystemId | None
    hold: bool
    why: str
    line: int
    """Line in the file, from 1."""

    def in_force(self, on: date) -> bool:
        """Whether the window covers an accounting date."""
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """A checked route table: the first rule that matches wins."""

    version: int
    authority: SystemId | None
    """The default's; None: what no rule covers is unroutable."""
    shadow: SystemId | None
    rules: tuple[RouteRule, ...]
    name: str
    """The file it was read from."""


def read_table(path: Path | str, landscape: Landscape | None = None) -> RouteTable:
    """A route table from a file; raises BadConfig naming file, place and mend."""
    return table_from(load(path), landscape)


def table_from(
    file: ConfigFile | str | bytes, landscape: Landscape | None = None, *, name: str = "<routes>"
) -> RouteTable:
    """A route table from YAML; with a landscape, systems, entities, regions and units must stand in it."""
    if not isinstance(file, ConfigFile):
        file = loads(file, name=name)
    _check_keys(file)
    written = file.as_model(_Table)
    systems = None if landscape is None else landscape.of_role("erp")
    known = _vocabulary(landscape)
    context = typed_context()
    if written.default is not None:
        _check_target(file, ("default",), written.default.authority, written.default.shadow, systems)
    first: dict[str, int] = {}
    rules = []
    for number, rule in enumerate(written.rules):
        place: Place = ("rules", number)
        if rule.id in RESERVED:
            raise file.error(f"{rule.id!r} is a reserved id", (*place, "id"), mend="take another id")
        if rule.id in first:
            at = f"rule {first[rule.id] + 1} has it too"
            raise file.error(f"the id {rule.id!r} stands twice ({at})", (*place, "id"), mend="rename one")
        first[rule.id] = number
        _check_target(file, place, rule.authority, rule.shadow, systems)
        rules.append(_checked(file, place, rule, known, context))
    default = written.default
    return RouteTable(
        version=written.version,
        authority=SystemId(default.authority) if default else None,
        shadow=SystemId(default.shadow) if default and default.shadow else None,
        rules=tuple(rules),
        name=file.name,
    )


def _checked(
    file: ConfigFile, place: Place, rule: _Rule, known: Mapping[str, Iterable[str]], context: Any
) -> RouteRule:
    if rule.authority is None and not rule.hold:
        raise file.error(
            f"rule {rule.id} says neither where nor to wait",
            place,
            mend="give it an authority, or hold: true",
        )
    if rule.since is not None and rule.until is not None and rule.since >= rule.until:
        raise file.error(
            f"rule {rule.id} is never in force: from {rule.since} is not before until {rule.until}",
            (*place, "from"),
            mend="until is the first day on which the rule no longer applies",
        )
    at = (*place, "when")
    try:
        condition = parse_condition(rule.when, context)
        _check_values(condition.tree, known)
    except Wrong as error:
        raise file.error(f"rule {rule.id}: {error.message}", at, mend=error.mend) from error
    return RouteRule(
        id=rule.id,
        condition=condition,
        since=rule.since,
        until=rule.until,
        authority=SystemId(rule.authority) if rule.authority else None,
        shadow=SystemId(rule.shadow) if rule.shadow else None,
        hold=rule.hold,
        why=rule.why,
        line=int(file.error("", place).facts["line"]),
    )


def _check_target(
    file: ConfigFile,
    place: Place,
    authority: str | None,
    shadow: str | None,
    systems: tuple[SystemId, ...] | None,
) -> None:
    if shadow is not None and authority is None:
        raise file.error("a shadow without an authority", (*place, "shadow"), mend="give an authority too")
    if shadow is not None and shadow == authority:
        raise file.error(
            f"the shadow is the authority itself, {shadow!r}",
            (*place, "shadow"),
            mend="name the other ERP, or leave the shadow out",
        )
    for key, name in (("authority", authority), ("shadow", shadow)):
        if systems is not None and name is not None and name not in systems:
            raise file.error(
                f"there is no ERP {name!r} in the landscape", (*place, key), mend=suggest(name, systems)
            )


def _check_keys(file: ConfigFile) -> None:
    # Pydantic would refuse them too, but can't suggest what was meant.
    def look(node: Any, model: type[BaseModel], place: Place) -> None:
        known = [field.alias or name for name, field in model.model_fields.items()]
        for key in node if isinstance(node, dict) else ():
            if key not in known:
                raise file.error(
                    f"there is no key {str(key)!r} here", (*place, str(key)), mend=suggest(str(key), known)
                )

    data = file.data
    if not isinstance(data, dict):
        raise file.error("a route table is a mapping", mend="start with version: 1")
    look(data, _Table, ())
    look(data.get("default"), _Default, ("default",))
    rules = data.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else ()):
        if not isinstance(rule, dict):
            raise file.error("a rule is a mapping", ("rules", number), mend=_RULE)
        look(rule, _Rule, ("rules", number))


def _vocabulary(landscape: Landscape | None) -> dict[str, Iterable[str]]:
    known: dict[str, Iterable[str]] = {"kind": KINDS}
    if landscape is not None:
        known["legal_entity"] = landscape.legal_entities
        known["region"] = landscape.regions
        known["business_unit"] = landscape.business_units
    return known


def _check_values(tree: Expr, known: Mapping[str, Iterable[str]]) -> None:
    match tree:
        case Both(left, right) | Either(left, right):
            _check_values(left, known)
            _check_values(right, known)
        case Not(inner):
            _check_values(inner, known)
        case Test(field, op, values) if op in ("in", "not in"):
            for value in values:
                if not isinstance(value, str):
                    continue
                if field in known and value not in known[field]:
                    raise Wrong(f"there is no {field} {value!r}", suggest(value, known[field]))
                if field == "currency":
                    _check_currency(value)
        case _:
            pass


def _check_currency(value: str) -> None:
    try:
        exponent(value)
    except ValueError as error:
        raise Wrong(str(error), "use a code such as GBP") from error
