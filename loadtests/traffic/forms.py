"""Forms: documents written once, with blanks that are filled in for each request. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson

from loadtests.traffic.chance import drawn
from loadtests.traffic.model import Document, Request
from simulators.firm.masters import VERSIONS

SINGLE, BATCH = "/v1/transactions", "/v1/transactions:batch"
EVENT, NDJSON = "application/cloudevents+json", "application/x-ndjson"
TIME = "T17:00:00Z"
MOST_FORMS = 4_096
"""Forms a stream keeps: enough to look like a firm, few enough to be made in a blink."""
Filled = tuple[bytes, Document]
One = TypeVar("One")
NONE: Mapping[bytes, bytes | int] = MappingProxyType({})


class Blank:
    """What stands in a form where a value is filled in: a text that nothing else contains."""

    ID = "\x02id\x03"
    NAME = "\x02name\x03"
    CUSTOMER = "\x02customer\x03"
    CONTRACT = "\x02contract\x03"
    VERSION = 999_999_937
    """A whole number: JSON has no room for a text there."""


class Form(NamedTuple):
    """A document but for its id, as bytes with printf-style blanks."""

    text: bytes
    kind: str
    source: str
    legal_entity: str


class Sheet(Protocol):
    """What a stream sends."""

    def request(self, ordinal: int) -> Request:
        """The stream's request with this number: the same in every process, at a price that never grows."""
        ...


def blanked(body: Any) -> bytes:
    """A JSON text of a body with `Blank`s, ready to be filled by `%`."""
    text = orjson.dumps(body).replace(b"%", b"%%")
    for blank in (Blank.ID, Blank.NAME, Blank.CUSTOMER, Blank.CONTRACT):
        text = text.replace(orjson.dumps(blank)[1:-1], b"%(" + blank[1:-1].encode() + b")b")
    return text.replace(str(Blank.VERSION).encode(), b"%(version)d")


def event_form(kind: str, verb: str, data: Mapping[str, Any], *, source: str, on: str) -> Form:
    """A CloudEvent around a document whose id, and what else is a `Blank`, is filled in later.

    The event's id is `<kind>:<document id>`; absent fields (None) are left out.
    """
    event = {
        "specversion": "1.0",
        "id": f"{kind}:{Blank.ID}",
        "source": source,
        "type": f"coexist.{kind}.{verb}.v{VERSIONS.get(kind, 1)}",
        "time": on + TIME,
        "datacontenttype": "application/json",
        "data": {"kind": kind, "document_id": Blank.ID}
        | {name: value for name, value in data.items() if value is not None},
    }
    return Form(blanked(event), kind, source, str(data["legal_entity"]))


def filled(form: Form, document_id: str, blanks: Mapping[bytes, bytes | int] = NONE) -> Filled:
    """A form with its blanks filled in, and the document it then is."""
    values: dict[bytes, bytes | int] = {b"id": document_id.encode(), **blanks}
    document = Document(form.kind, document_id, form.source, f"{form.kind}:{document_id}", form.legal_entity)
    return form.text % values, document


def sent(lines: Sequence[Filled], client: str) -> Request:
    """One event as a transaction, several as a batch: a line each."""
    if len(lines) == 1:
        body, document = lines[0]
        return Request(SINGLE, body, EVENT, client, (document,))
    return Request(
        BATCH, b"\n".join([line[0] for line in lines]), NDJSON, client, tuple([line[1] for line in lines])
    )


class Alike:
    """A stream whose documents stand by themselves, each a form drawn for it with an id of its own.

    They refer only to masters that stand before the run, so any order of arrival is right.
    """

    def __init__(self, forms: Sequence[Form], *, prefix: str, key: int, lines: int, client: str) -> None:
        self._forms = forms
        self._prefix = prefix
        self._key = key
        self._lines = lines
        self._client = client

    def request(self, ordinal: int) -> Request:
        """See `Sheet`."""
        forms, lines = self._forms, self._lines
        stem, first = f"{self._prefix}{ordinal}-", ordinal * lines
        if lines == 1:
            form = forms[drawn(self._key, first) % len(forms)]
            document_id = stem + "1"
            document = Document(
                form.kind, document_id, form.source, f"{form.kind}:{document_id}", form.legal_entity
            )
            return Request(
                SINGLE, form.text % {b"id": document_id.encode()}, EVENT, self._client, (document,)
            )
        return sent(
            [
                filled(forms[drawn(self._key, first + at) % len(forms)], f"{stem}{at + 1}")
                for at in range(lines)
            ],
            self._client,
        )


def spread(rows: Sequence[One], most: int = MOST_FORMS) -> list[One]:
    """At most so many of the rows, evenly from all of them."""
    count = min(len(rows), most)
    return [rows[at * len(rows) // count] for at in range(count)]
