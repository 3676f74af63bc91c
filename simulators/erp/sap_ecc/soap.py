"""SOAP 1.1 around function modules: read an envelope by the dictionary, write one.

What arrives is hostile: bounded in size and depth, no DTD, no entities, no network. Values are checked
against the dictionary's lengths, as the ABAP runtime does when it fills a parameter; a
value that does not fit is a fault, never cut.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from simulators.erp.sap_ecc.dictionary import (
    FUNCTIONS,
    NAMESPACE,
    STRUCTURES,
    Elementary,
    Function,
    Parameter,
)
from simulators.erp.sap_ecc.errors import Fault

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
MAX_BYTES = 4_000_000
"""A request; a posting with a few thousand lines is far below."""
MAX_ROWS = 20_000
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBER = re.compile(r"-?\d{1,24}(?:\.\d{1,9})?-?\Z", re.ASCII)

_PROLOGUE = (
    f'<?xml version="1.0" encoding="utf-8"?><soap-env:Envelope xmlns:soap-env="{ENVELOPE}"><soap-env:Body>'
)

Row = dict[str, str]


@dataclass(slots=True)
class Call:
    """A function call: structures as rows, tables as lists of rows, plain values as text."""

    function: Function
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A plain parameter; empty when not sent."""
        return str(self.values.get(name, ""))

    def row(self, name: str) -> Row:
        """A structure; empty when not sent."""
        found = self.values.get(name)
        return found if isinstance(found, dict) else {}

    def table(self, name: str) -> list[Row]:
        """A table's rows; empty when not sent."""
        found = self.values.get(name)
        return found if isinstance(found, list) else []


def read(body: bytes, renamed: Mapping[str, str] = MappingProxyType({})) -> Call:
    """The call in an envelope; raises Fault for anything that is none.

    `renamed`: components this system names otherwise, by the name the dictionary has for them.
    """
    if len(body) > MAX_BYTES:
        raise Fault("Client", "SOAP request is too large")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Fault("Client", f"XML cannot be parsed: {str(error)[:120]}") from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise Fault("Client", "A document type declaration is not allowed")
    found = root.find(f"{{{ENVELOPE}}}Body") if root.tag == f"{{{ENVELOPE}}}Envelope" else None
    operation = (
        next((part for part in found if isinstance(part.tag, str)), None) if found is not None else None
    )
    if operation is None:
        raise Fault("Client", "SOAP envelope without a body")
    name = etree.QName(operation)
    function = FUNCTIONS.get(name.localname) if name.namespace == NAMESPACE else None
    if function is None:
        raise Fault("Client", f"Function {name.localname[:60]} is not available", exception="FU_NOT_FOUND")
    call = Call(function)
    for part in operation:
        if isinstance(part.tag, str):
            _take(call, part, renamed)
    return call


def _take(call: Call, part: Any, renamed: Mapping[str, str]) -> None:
    name = etree.QName(part).localname
    parameter = call.function.accepts(name)
    if parameter is None:
        raise Fault("Client", f"{call.function.name} has no parameter {name[:40]}")
    if parameter.elementary is not None:
        call.values[name] = _value(name, parameter.elementary, part)
    elif parameter.table:
        items = [row for row in part if isinstance(row.tag, str)]
        if len(items) > MAX_ROWS:
            raise Fault("Client", f"{name} has more than {MAX_ROWS} rows")
        call.values[name] = [_structure(parameter, row, renamed) for row in items]
    else:
        call.values[name] = _structure(parameter, part, renamed)


def _structure(parameter: Parameter, part: Any, renamed: Mapping[str, str]) -> Row:
    fields = STRUCTURES[parameter.type]
    known_as = {renamed.get(name, name): name for name in fields} if renamed else {}
    row: Row = {}
    for cell in part:
        if not isinstance(cell.tag, str):
            continue
        given = cell.tag.rpartition("}")[2]
        name = known_as.get(given, "") if renamed else given
        kind = fields.get(name)
        if kind is None:
            raise Fault("Client", f"{parameter.type} has no component {given[:40]}")
        row[name] = _value(name, kind, cell)
    return row


def _value(name: str, kind: Elementary, cell: Any) -> str:
    if len(cell):
        raise Fault("Client", f"{name} is no structure")
    text = (cell.text or "").rstrip() if kind.kind == "C" else (cell.text or "").strip()
    if kind.kind in "PI":
        if text and not _NUMBER.match(text):
            raise Fault(
                "Client", f"{name}: {text[:30]!r} is no number", exception="CX_SY_CONVERSION_NO_NUMBER"
            )
    elif len(text) > kind.length:
        raise Fault("Client", f"{name}: longer than {kind.length}", exception="CX_SY_CONVERSION_OVERFLOW")
    elif kind.kind == "N" and text and not (text.isascii() and text.isdigit()):
        raise Fault("Client", f"{name}: {text[:30]!r} is not numeric", exception="CX_SY_CONVERSION_NO_NUMBER")
    return text


def answer(function: Function, values: Mapping[str, Any], *, dotted: bool = False) -> bytes:
    """The response envelope; tables that were not filled come back empty, as RFC does.

    `dotted`: the element is `<name>.Response` (`/sap/bc/soap/rfc`) instead of `<name>Response`.
    """
    tag = f"{function.name}{'.' if dotted else ''}Response"
    out = [_PROLOGUE, f'<n0:{tag} xmlns:n0="{NAMESPACE}">']
    for parameter in (*function.exports, *function.tables):
        value = values.get(parameter.name)
        if parameter.table:
            _table(out, parameter, value or ())
        elif parameter.elementary is not None:
            out.append(f"<{parameter.name}>{_escaped(str(value or ''))}</{parameter.name}>")
        else:
            out.append(f"<{parameter.name}>")
            _cells(out, STRUCTURES[parameter.type], value or {})
            out.append(f"</{parameter.name}>")
    out.append(f"</n0:{tag}></soap-env:Body></soap-env:Envelope>")
    return "".join(out).encode()


def _table(out: list[str], parameter: Parameter, rows: Sequence[Mapping[str, str]]) -> None:
    out.append(f"<{parameter.name}>")
    fields = STRUCTURES[parameter.type]
    for row in rows:
        out.append("<item>")
        _cells(out, fields, row)
        out.append("</item>")
    out.append(f"</{parameter.name}>")


def _cells(out: list[str], fields: Mapping[str, Elementary], row: Mapping[str, str]) -> None:
    for name, kind in fields.items():
        value = row.get(name, "")
        if not value and kind.kind in "PI":
            value = "0"
        out.append(f"<{name}>{_escaped(value)}</{name}>")


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("#", text)) if text else ""


def fault(problem: Fault) -> bytes:
    """A SOAP 1.1 fault; an ABAP exception is named in its detail."""
    detail = ""
    if problem.exception:
        detail = (
            f'<detail><n0:Exception xmlns:n0="{NAMESPACE}"><Name>{_escaped(problem.exception)}</Name>'
            f"<Text>{_escaped(problem.text)}</Text></n0:Exception></detail>"
        )
    return (
        f"{_PROLOGUE}<soap-env:Fault><faultcode>soap-env:{problem.whose}</faultcode>"
        f"<faultstring>{_escaped(problem.exception or problem.text)}</faultstring>{detail}</soap-env:Fault>"
        "</soap-env:Body></soap-env:Envelope>"
    ).encode()
