"""What ECC answers when something is wrong: BAPIRET2 messages, faults, and pages of the HTTP server.

A business refusal is a message of type E in RETURN, and the HTTP call itself succeeds. A technical
problem is a SOAP fault (HTTP 500). Above the SOAP runtime the HTTP server answers in HTML: 401, 503, and 400
for a session that is gone. Message numbers: F5 201, RW 605, RW 609, RW 022 are known; the others are our
reading of the message classes (unverified).
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import Response

MESSAGES: Mapping[str, str] = {
    "F5201": "Posting period &1 &2 is not open",
    "F5104": "Customer &1 is not defined in company code &2",
    "F5302": "Document &1 is not an open item",
    "F5702": "Balance in transaction currency",
    "F2153": "Customer &1 does not exist",
    "F2042": "External number &1 is in use already: &2",
    "RW605": "Document posted successfully: &1 &2 &3",
    "RW609": "Error in document: &1 &2 &3",
    "RW022": "Balance in transaction currency is not zero",
    "RW033": "Amount &1 is not valid in currency &2",
    "V1311": "&1 &2 has been saved",
    "V1045": "Sales document &1 does not exist",
    "V1382": "Contract &1 is not active",
    "VF016": "No billing documents were generated for document &1",
    "VF050": "Projects &1 and &2 cannot be billed together: customer or company differ",
    "VF311": "Billing document &1 has been saved",
    "VF405": "Billing document &1 does not exist",
    "VK023": "Condition records for &1 saved",
    "VK034": "Currency &1 is not defined",
    "CJ021": "WBS element &1 does not exist",
    "CJ027": "Project definition &1 exists already",
    "CJ031": "Project &1 is locked against postings",
    "CJ085": "Function &1 has not been called in this session",
    "CJ040": "Project &1 saved",
    "CJ042": "Milestone saved for WBS element &1",
    "PG016": "Field &1 does not exist in infotype &2",
    "PG001": "Infotype record &1 saved",
    "LR005": "Time data saved: &1",
    "F5506": "Account &1 does not exist in the chart of accounts",
    "ZC001": "Contract &1 is at version &2, so version &3 cannot follow",
    "B1501": "Parameter &1: value &2 is not valid",
    "E0072": "IDoc &1 has syntax errors: &2",
    "E0332": "Message type &1 is not supported",
    "00058": "Entry &1 &2 does not exist",
    "00300": "Update was terminated: &1",
}
"""Text by class and number, `&1` to `&4` standing for the message's variables."""

SUCCESS, ERROR, ABORT = "S", "E", "A"


class Refusal(Exception):
    """A business refusal: class and number of the message, its variables, and the parameter it is about."""

    def __init__(self, message: str, *variables: str, parameter: str = "", field: str = "") -> None:
        self.message, self.variables = message, variables
        self.parameter, self.field = parameter, field
        super().__init__(text_of(message, *variables))


class Fault(Exception):
    """A technical problem: `whose` is Client or Server, `exception` an ABAP exception's name."""

    def __init__(self, whose: str, text: str, *, exception: str = "") -> None:
        self.whose, self.text, self.exception = whose, text, exception
        super().__init__(text)


class SessionGone(Exception):
    """The session the caller's cookie names is over; what it had not committed is lost."""


def text_of(message: str, *variables: str) -> str:
    """A message with its variables filled in."""
    text = MESSAGES[message]
    for n in range(1, 5):
        text = text.replace(f"&{n}", variables[n - 1] if n <= len(variables) else "")
    return text.strip()


def bapiret2(
    kind: str, message: str, *variables: str, parameter: str = "", field: str = ""
) -> dict[str, str]:
    """A row of RETURN."""
    row = {
        "TYPE": kind,
        "ID": message[:2],
        "NUMBER": message[2:],
        "MESSAGE": text_of(message, *variables)[:220],
    }
    for n, variable in enumerate(variables[:4], start=1):
        row[f"MESSAGE_V{n}"] = variable[:50]
    if parameter:
        row["PARAMETER"] = parameter[:32]
    if field:
        row["FIELD"] = field[:30]
    row["SYSTEM"] = "P01CLNT100"
    return row


def refused(problem: Refusal) -> dict[str, str]:
    """A refusal as a row of RETURN."""
    return bapiret2(
        ERROR, problem.message, *problem.variables, parameter=problem.parameter, field=problem.field
    )


def page(status: int, title: str, text: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """A page of the HTTP server in front of the application."""
    body = (
        f"<html><head><title>{escape(title)}</title></head><body><h1>{status} {escape(title)}</h1>"
        f"<p>{escape(text)}</p><hr>SAP NetWeaver Application Server</body></html>"
    )
    return Response(
        body,
        status_code=status,
        media_type="text/html",
        headers={"server": "SAP NetWeaver", **(headers or {})},
    )


def unauthorized(system: str) -> Response:
    """401, as the logon procedure answers."""
    realm = f'Basic realm="SAP NetWeaver Application Server [{system}]"'
    return page(401, "Unauthorized", "Logon failed", headers={"www-authenticate": realm})


def overloaded(status: int = 503, retry_after_s: int | None = None) -> Response:
    """503 while no dialog work process is free (or whatever status a fault asks for)."""
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    return page(status, "Service Unavailable", "Dialog work processes are busy", headers=headers)


def session_gone() -> Response:
    """400 for a session cookie that means nothing any more."""
    return page(400, "Session not found", "Session timed out; start again")
