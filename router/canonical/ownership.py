"""Who owns which attribute of a master, and what becomes of a change by somebody else. Pure.

The matrix is a YAML file: for each object and attribute the role that owns it, who may change it, and
the rule for a change that is not theirs. An attribute's owner may change from a day on, by the
accounting date of the change: that is how the payment terms move from the old ERP to the CRM on cutover day.

A change is judged attribute by attribute against the newest accepted version; what did not change
concerns nobody. A sender need not know what it does not own: what it leaves out keeps its value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from router.canonical.documents import Document
from router.canonical.kinds import KINDS, parse
from router.canonical.matching import Matching
from router.configfile import ConfigFile, load, loads
from router.errors import BadInput, NotOwner

Role = Literal["crm", "psa", "erp", "hcm", "steward"]
"""What sort of system changes a master; a steward is a person who may change everything."""
Update = Literal["owner", "anyone", "create_only"]
Conflict = Literal["refuse", "ignore", "record"]
STEWARD: Role = "steward"
OF_THE_EVENT = frozenset({"kind", "document_id", "accounting_date"})
"""They belong to the message, not to the master: nobody owns them."""


def _several(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sender(_Strict):
    """What role a sender has: by its client's name, the beginning of its events' source, or both."""

    role: Role
    client: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Sender:
        if self.client is None and self.source is None:
            msg = "a sender is named by `client`, by `source`, or by both"
            raise ValueError(msg)
        return self

    def is_it(self, client: str, source: str) -> bool:
        """Whether a submission comes from this sender."""
        return (self.client is None or self.client == client) and (
            self.source is None or source.startswith(self.source)
        )


class Rule(_Strict):
    """Who owns an attribute during some days; what is not said is as in the object's default."""

    owner: Role | None = None
    update: Update | None = None
    conflict: Conflict | None = None
    from_: Annotated[date | None, Field(alias="from")] = None
    """The first accounting date it holds for."""
    until: date | None = None
    """The first accounting date it no longer holds for."""

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Rule:
        if self.from_ is not None and self.until is not None and self.until <= self.from_:
            msg = f"until: {self.until} is not after from: {self.from_}"
            raise ValueError(msg)
        return self

    def holds(self, on: date) -> bool:
        """Whether it is in force on a day."""
        return (self.from_ is None or self.from_ <= on) and (self.until is None or on < self.until)


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_several), Field(min_length=1)]
"""One rule, or several with their days; the first that holds counts."""


class Default(_Strict):
    """What holds for the attributes of an object that have no rule of their own."""

    owner: Role
    update: Update = "owner"
    conflict: Conflict = "record"


class ObjectRules(_Strict):
    """The rules of one kind of master."""

    default: Default
    attributes: Mapping[str, Rules] = {}


class Ownership(_Strict):
    """The whole matrix."""

    version: Annotated[int, Field(ge=1)] = 1
    senders: tuple[Sender, ...] = ()
    """First match wins. A change feed has the role of its system in the landscape."""
    otherwise: Role = STEWARD
    """The role of a sender that no line names."""
    objects: Mapping[str, ObjectRules] = {}
    duplicates: Matching = Matching()

    def role_of(self, client: str, source: str) -> Role:
        """The role of a sender that is no change feed."""
        return next((one.role for one in self.senders if one.is_it(client, source)), self.otherwise)

    def rule(self, kind: str, attribute: str, on: date) -> tuple[Role, Update, Conflict]:
        """Owner, update policy and conflict rule of an attribute on an accounting date."""
        found = self.objects[kind]
        rule = next((one for one in found.attributes.get(attribute, ()) if one.holds(on)), Rule())
        default = found.default
        return (
            rule.owner or default.owner,
            rule.update or default.update,
            rule.conflict or default.conflict,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """A change of an attribute by somebody who may not make it."""

    attribute: str
    sender: Role
    owner: Role
    update: Update
    rule: Conflict
    kept: Any
    """The value that stands, as JSON has it; None: there is none."""
    offered: Any

    def sentence(self, document: Document) -> str:
        """What is wrong, for a person."""
        whose = (
            "is set when it is created and not changed after"
            if self.update == "create_only"
            else f"belongs to the {self.owner}"
        )
        return (
            f"{document.kind} {document.document_id}: {self.attribute} {whose};"
            f" the {self.sender} would change it from {_shown(self.kept)} to {_shown(self.offered)}"
        )

    @property
    def mend(self) -> str:
        """What to do about it."""
        if self.update == "create_only":
            return f"leave {self.attribute} out, or make a new document"
        return f"change {self.attribute} in the {self.owner}, or leave it out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a master that was sent again."""

    document: Document
    """As it is to be accepted: with the values kept that its sender may not change."""
    kept: tuple[Clash, ...] = ()
    """Changes that were not made."""


def judge(stored: Document, offered: Document, *, sender: Role, matrix: Ownership) -> Verdict:
    """Compare a master with the version that stands; raises NotOwner for a change that is refused."""
    if offered.kind not in matrix.objects or stored.kind != offered.kind:
        return Verdict(document=offered)
    clashes: list[Clash] = []
    keep: list[str] = []
    for attribute in _changed(stored, offered):
        owner, update, rule = matrix.rule(offered.kind, attribute, offered.accounting_date)
        owns = sender in (owner, STEWARD)
        if not owns and attribute not in offered.model_fields_set:
            keep.append(attribute)
        elif update == "create_only" or (update == "owner" and not owns):
            keep.append(attribute)
            clashes.append(
                Clash(
                    attribute=attribute,
                    sender=sender,
                    owner=owner,
                    update=update,
                    rule=rule,
                    kept=_value(stored, attribute),
                    offered=_value(offered, attribute),
                )
            )
    refused = [clash for clash in clashes if clash.rule == "refuse"]
    if refused:
        raise NotOwner(
            "; ".join(clash.sentence(offered) for clash in refused),
            mend="; ".join(clash.mend for clash in refused),
            attribute=refused[0].attribute,
            owner=refused[0].owner,
        )
    return Verdict(document=with_values(offered, stored, keep), kept=tuple(clashes))


def with_values(document: Document, source: Document, attributes: Sequence[str]) -> Document:
    """A document with some attributes of another; raises NotOwner when they can't stand together."""
    if not attributes:
        return document
    data = document.model_dump(mode="json", exclude_none=True)
    theirs = source.model_dump(mode="json", exclude_none=True)
    for name in attributes:
        data.pop(name, None)
        if name in theirs:
            data[name] = theirs[name]
    try:
        return parse(data)
    except BadInput as error:
        raise NotOwner(
            f"{document.kind} {document.document_id}: {', '.join(attributes)} can't be kept beside the rest"
            f" of the change: {error.message}",
            mend="send the change from the system that owns these attributes",
        ) from error


def _changed(stored: Document, offered: Document) -> Iterator[str]:
    for name in type(offered).model_fields:
        if name not in OF_THE_EVENT and getattr(stored, name) != getattr(offered, name):
            yield name


def _value(document: Document, attribute: str) -> Any:
    return document.model_dump(mode="json", include={attribute}).get(attribute)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else text[:80] + "…"


def as_ownership(file: ConfigFile) -> Ownership:
    """A matrix from a parsed file; raises BadConfig with line and column."""
    found = file.as_model(Ownership)
    for kind, rules in found.objects.items():
        model = KINDS.get(kind)
        if model is None or model.transactional:
            masters = ", ".join(name for name, one in KINDS.items() if not one.transactional)
            raise file.error(
                f"objects.{kind}: is no kind of master", ("objects", kind), mend=f"use one of {masters}"
            )
        for attribute in rules.attributes:
            if attribute not in model.model_fields or attribute in OF_THE_EVENT:
                near = difflib.get_close_matches(attribute, model.model_fields, 1)
                raise file.error(
                    f"objects.{kind}.attributes.{attribute}: {kind} has no such attribute that can be owned",
                    ("objects", kind, "attributes", attribute),
                    mend=f"did you mean {near[0]}?" if near else f"see the schema of {kind}",
                )
    return found


def read_ownership(path: str | None = None) -> Ownership:
    """The matrix of a file, or the one that travels with the program; raises BadConfig."""
    if path is not None:
        return as_ownership(load(path))
    name = "ownership/default.yaml"
    return as_ownership(
        loads(resources.files("fixtures").joinpath(name).read_bytes(), name=f"fixtures/{name}")
    )
