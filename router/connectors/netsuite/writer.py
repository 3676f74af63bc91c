"""What building any record needs: names of the version, references of the delivery, exact numbers. Pure.

Amounts become JSON numbers without passing through a float (`orjson.Fragment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import orjson

from router.canonical.kinds import Kind
from router.canonical.money import Money
from router.connectors.mapping import Table
from router.connectors.netsuite.vocabulary import Names, Vocabulary
from router.connectors.port import Delivery, Missing, SaidNo

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One record to write: its JSON, and what each reference in it stands for."""

    body: bytes
    needed: Mapping[str, tuple[str, str]]


class Unfit(Exception):
    """The document can't be written yet, or never; carries the answer."""

    def __init__(self, answer: Missing | SaidNo) -> None:
        super().__init__(answer)
        self.answer = answer


class HasDimensions(Protocol):
    """A document or line with codes for analysis; lines may lack some."""

    @property
    def department(self) -> str | None: ...
    @property
    def service_line(self) -> str | None: ...
    @property
    def practice(self) -> str | None: ...
    @property
    def cost_center(self) -> str | None: ...


class Writer:
    """Builds one delivery's record, noting every reference it makes."""

    def __init__(
        self, delivery: Delivery, subsidiaries: Mapping[str, str], words: Vocabulary, fields: Names
    ) -> None:
        self._delivery, self._subsidiaries, self._words = delivery, subsidiaries, words
        self.fields = fields
        """The names of this kind's properties."""
        self._on = delivery.document.accounting_date
        self.needed: dict[str, tuple[str, str]] = {}

    def part(self, name: str) -> Names:
        """The names of a part of this kind, such as its lines."""
        return self._words.fields[f"{self._delivery.document.kind}.{name}"]

    @property
    def applied(self) -> Names:
        """The names in a line that applies a document to an invoice."""
        return self._words.fields["applied_to"]

    def reference(self, path: str, kind: Kind, document_id: str) -> Json:
        """`{"id": …}` from the crosswalk; raises Unfit(Missing) when it is not there yet."""
        vendor_id = self._delivery.refs.get((kind, document_id))
        if vendor_id is None:
            raise Unfit(Missing(kind=kind, document_id=document_id))
        self.needed[path] = (kind, document_id)
        return {"id": vendor_id}

    def known(self, path: str, kind: Kind, document_id: str | None) -> Json | None:
        """As `reference`, or nothing when the document is not in the crosswalk."""
        if document_id is None or (kind, document_id) not in self._delivery.refs:
            return None
        return self.reference(path, kind, document_id)

    def by_external_id(self, path: str, kind: Kind, document_id: str) -> Json:
        """By crosswalk or, where a document need not wait for it, by external id (unverified for REST).

        People are fed by HCM and parents of customers by CRM; if NetSuite lacks them, the answer is Missing.
        """
        vendor_id = self._delivery.refs.get((kind, document_id))
        self.needed[path] = (kind, document_id)
        return {"id": vendor_id} if vendor_id else {"externalId": document_id}

    def text_reference(self, path: str, kind: Kind, document_id: str | None) -> str | None:
        """Our id in a field of text, where NetSuite checks that it has such a record."""
        if document_id is not None:
            self.needed[path] = (kind, document_id)
        return document_id

    def head(self) -> Json:
        """External id and subsidiary, which most records have."""
        return {
            self.fields["document_id"]: self._delivery.external_id,
            self.fields["legal_entity"]: self.subsidiary(),
        }

    def external_id(self) -> Json:
        """The external id alone, for records whose project or order says the subsidiary."""
        self.subsidiary()  # an entity without books here is refused all the same
        return {self.fields["document_id"]: self._delivery.external_id}

    def subsidiary(self) -> Json:
        """The document's legal entity; raises Unfit when NetSuite has no such subsidiary."""
        entity = self._delivery.document.legal_entity
        found = self._subsidiaries.get(entity)
        if found is None:
            theirs = self._words.code("entities", entity, self._on)
            found = self._subsidiaries.get(theirs)
            if found is None:
                raise Unfit(
                    SaidNo(
                        code="UNKNOWN_SUBSIDIARY",
                        message=f"NetSuite has no subsidiary with external id {theirs}",
                        field="legal_entity",
                    )
                )
        return {"id": found}

    def code(self, table: Table, code: str | None) -> Json | None:
        """A reference by name to what a code is called at NetSuite."""
        return {"refName": self._words.code(table, code, self._on)} if code else None

    def text_code(self, table: Table, code: str | None) -> str | None:
        """What a code is called at NetSuite, for fields of text."""
        return self._words.code(table, code, self._on) if code else None

    def dimensions(self, names: Names, of: HasDimensions) -> Json:
        """Department, class and the account's custom segments."""
        return {
            names["department"]: self.code("departments", of.department),
            names["service_line"]: self.code("service_lines", of.service_line),
            names["practice"]: self.text_code("practices", of.practice),
            names["cost_center"]: self.text_code("cost_centers", of.cost_center),
        }


def amount(money: Money) -> orjson.Fragment:
    """An exact JSON number."""
    return orjson.Fragment(str(money).encode())


def maybe_amount(money: Money | None) -> orjson.Fragment | None:
    """An exact JSON number, or nothing."""
    return None if money is None else amount(money)


def number(value: Decimal | None) -> orjson.Fragment | None:
    """A rate as an exact JSON number, or nothing."""
    return None if value is None else orjson.Fragment(format(value, "f").encode())


def decimal_hours(minutes: int) -> orjson.Fragment:
    """Hours as an exact JSON number of six places: the nearest minute reads back exactly."""
    return orjson.Fragment(str(round(Decimal(minutes) / 60, 6)).encode())


def named(text: str | None) -> Json | None:
    """A reference by name, to currencies, terms, statuses and other lists of the vendor's own."""
    return {"refName": text} if text else None


def day(value: date | None) -> str | None:
    """A calendar date, or nothing."""
    return None if value is None else value.isoformat()


def without_none(body: Json) -> Json:
    """Only what has a value."""
    return {key: value for key, value in body.items() if value is not None}
