"""One SOAP-RFC call: bounded, timed, never redirected, and told as a value.

`Reply` holds the function's values, `Fault` a SOAP fault (the ABAP side rolled back), `NotSent` says the request was
certainly not acted upon, `Lost` that it may have been. Answers are hostile: size and shape are checked,
DTDs, entities and the network are off. Credentials and session cookies stay out of the record.

The client's cookie jar is not used: sessions of concurrent units of work would mix in it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import httpx
from lxml import etree

from router.connectors import http
from router.connectors.http import Lost, NotSent, Trace, send
from router.connectors.sap_ecc.answers import Fault, NoLogon, Outcome, Reply, Row, Value

NAMESPACE = "urn:sap-com:document:sap:rfc:functions"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_COOKIE = re.compile(r"\s*(sap-contextid)=([^;,\s]{1,400})", re.ASCII | re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Session:
    """A stateful session: the cookie that names it, once there is one."""

    cookie: str = ""


class Wire:
    """Function calls to one ECC client."""

    def __init__(
        self,
        *,
        base_url: str,
        sap_client: str,
        service: str,
        client: httpx.AsyncClient,
        credentials: Callable[[], tuple[str, str]],
        timeout_s: float,
    ) -> None:
        path = f"/sap/bc/srt/rfc/sap/{service}/{sap_client}/{service}/{service}"
        self._url = httpx.URL(f"{base_url.rstrip('/')}{path}?sap-client={sap_client}")
        self._client, self._credentials, self._timeout_s = client, credentials, timeout_s

    async def call(
        self,
        function: str,
        values: Mapping[str, Value],
        trace: Trace,
        *,
        session: Session | None = None,
        close: bool = False,
    ) -> Outcome:
        """Call a function module; `close` ends the session with it."""
        body = envelope(function, values)
        trace.sent(f"POST {self._url.path} {function}\nAuthorization: Basic ***\n{body}")
        headers = {
            "Authorization": self._authorization(),
            "Content-Type": "text/xml; charset=utf-8",
            "Accept-Encoding": "identity",
            "SOAPAction": f'"{NAMESPACE}:{function}Request"',
        }
        if session is not None and session.cookie:
            headers["Cookie"] = session.cookie
        if close:
            headers["sap-sessioncmd"] = "close"
        request = httpx.Request("POST", self._url, headers=headers, content=body.encode())
        outcome = await self._send(request, function, session, trace)
        if not isinstance(outcome, Reply):
            trace.came(f"{function}: {outcome}")
        return outcome

    def _authorization(self) -> str:
        user, password = self._credentials()
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")

    async def _send(
        self, request: httpx.Request, function: str, session: Session | None, trace: Trace
    ) -> Outcome:
        response = await send(self._client, request, self._timeout_s)
        if not isinstance(response, http.Reply):
            return response
        trace.came(f"{response.status} {function}", response.body)
        if session is not None:
            for header in response.headers.get_list("set-cookie")[:8]:
                found = _COOKIE.match(header)
                if found:
                    session.cookie = f"{found[1]}={found[2]}"
        return _read(response, function)


def _read(response: http.Reply, function: str) -> Outcome:
    status = response.status
    if status in (401, 403):
        return NoLogon(f"SAP ECC refuses our logon ({status})")
    if status in (429, 503):
        return NotSent(f"SAP ECC is busy ({status})", response.retry_after_s, True)
    if status not in (200, 500) or response.headers.get("content-encoding"):
        return Lost(f"HTTP status {status}")
    try:
        outcome = read_envelope(response.body, function)
    except ValueError as error:
        return Lost(f"the answer can't be read: {error}")
    if (status == 200) != isinstance(outcome, Reply):
        return Lost(f"HTTP status {status} with the wrong body")
    return outcome


def envelope(function: str, values: Mapping[str, Value]) -> str:
    """A SOAP 1.1 request: structures and tables (`item` rows) as SAP's document/literal style has them."""
    out = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<soap-env:Envelope xmlns:soap-env="{ENVELOPE}"><soap-env:Body><n0:{function} xmlns:n0="{NAMESPACE}">',
    ]
    for name, value in values.items():
        out.append(f"<{name}>")
        if isinstance(value, str):
            out.append(_escaped(value))
        elif isinstance(value, Mapping):
            _cells(out, value)
        else:
            for row in value:
                out.append("<item>")
                _cells(out, row)
                out.append("</item>")
        out.append(f"</{name}>")
    out.append(f"</n0:{function}></soap-env:Body></soap-env:Envelope>")
    return "".join(out)


def _cells(out: list[str], row: Row) -> None:
    out.extend(f"<{name}>{_escaped(value)}</{name}>" for name, value in row.items() if value)


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub(" ", text))


def read_envelope(body: bytes, function: str) -> Reply | Fault:
    """What is in an answer; raises ValueError when it is not an answer to this function."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        msg = f"no XML: {str(error)[:80]}"
        raise ValueError(msg) from error
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        msg = "a document type declaration"
        raise ValueError(msg)
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        msg = "no SOAP envelope"
        raise ValueError(msg)
    part = next((part for part in root.iterfind(f"{{{ENVELOPE}}}Body/*") if isinstance(part.tag, str)), None)
    if part is None:
        msg = "an empty SOAP body"
        raise ValueError(msg)
    if part.tag == f"{{{ENVELOPE}}}Fault":
        ours = (part.findtext("faultcode") or "").strip().endswith("Client")
        return Fault((part.findtext("faultstring") or "")[:120], _fault_text(part)[:500], ours)
    if part.tag not in (f"{{{NAMESPACE}}}{function}Response", f"{{{NAMESPACE}}}{function}.Response"):
        msg = f"an answer to {etree.QName(part).localname[:60]}"
        raise ValueError(msg)
    return Reply(
        {etree.QName(child).localname: _value(child) for child in part if isinstance(child.tag, str)}
    )


def _fault_text(part: Any) -> str:
    text = next((found.text for found in part.iter("Text")), None)
    return text or part.findtext("faultstring") or ""


def _value(part: Any) -> Any:
    if len(part) == 0:
        return part.text or ""
    if part[0].tag == "item":
        return [{cell.tag: cell.text or "" for cell in row} for row in part if row.tag == "item"]
    return {cell.tag: cell.text or "" for cell in part if isinstance(cell.tag, str)}
