"""The HTTP face: SOAP endpoints and their WSDL, logon, sessions, one place that turns errors into answers."""

from __future__ import annotations

import base64
import binascii
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.core.acting import ACTING
from simulators.core.bookkeeping import BooksError
from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData
from simulators.core.limits import ConcurrencyLimit
from simulators.erp.sap_ecc import accounting, agreements, billing, masters, people, projects, soap
from simulators.erp.sap_ecc.dictionary import FUNCTIONS
from simulators.erp.sap_ecc.errors import (
    Fault,
    Refusal,
    SessionGone,
    overloaded,
    page,
    refused,
    session_gone,
    unauthorized,
)
from simulators.erp.sap_ecc.formats import NotAValue
from simulators.erp.sap_ecc.inbound import Inbound
from simulators.erp.sap_ecc.luw import COOKIE, Session, commit
from simulators.erp.sap_ecc.read_table import read_table
from simulators.erp.sap_ecc.seeding import seed
from simulators.erp.sap_ecc.state import Ecc, refusal_of
from simulators.erp.sap_ecc.wsdl import wsdl

WRITES: Mapping[str, Callable[[Ecc, Session, soap.Call], dict[str, Any]]] = {
    "BAPI_CUSTOMER_CREATEFROMDATA1": masters.create_customer,
    "BAPI_CUSTOMER_CHANGEFROMDATA1": masters.change_customer,
    "BAPI_BUSPARTNEREMPLOYE_CREATE": masters.create_contact,
    "BAPI_BUSPARTNEREMPLOYE_CHANGE": masters.change_contact,
    "BAPI_CONTRACT_CREATEFROMDATA": agreements.create_contract,
    "BAPI_CUSTOMERCONTRACT_CHANGE": agreements.change_contract,
    "Z_COEXIST_REVPLAN_POST": agreements.post_plan,
    "BAPI_PRICES_CONDITIONS": masters.maintain_conditions,
    "HR_MAINTAIN_MASTERDATA": people.maintain_person,
    "Z_COEXIST_ASSIGNMENT_SAVE": people.save_assignment,
    "BAPI_PROJECT_MAINTAIN": projects.maintain_project,
    "BAPI_PS_INITIALIZATION": projects.initialize,
    "BAPI_PS_PRECOMMIT": projects.precommit,
    "BAPI_BUS2054_CREATE_MULTI": projects.maintain_task,
    "BAPI_BUS2054_CHANGE_MULTI": projects.maintain_task,
    "BAPI_BILLINGDOC_CREATEMULTIPLE": billing.create_billing,
    "BAPI_ACC_DOCUMENT_POST": accounting.post_document,
}
"""Functions that register updates in the caller's unit of work."""
RETURNS = {"BAPI_PRICES_CONDITIONS": "TO_BAPIRET2"}
"""What the table of messages is called where it is not RETURN; of the PS family it is ET_RETURN."""
_XML = "text/xml; charset=utf-8"


class SapEcc:
    """A simulated SAP ECC 6.0."""

    vendor = "sap_ecc"

    def __init__(
        self, name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
    ) -> None:
        self.name = name
        self.ecc = Ecc(name, config, firm=firm, clock=clock, rng=rng)
        self.books = self.ecc.books
        self.concurrency = ConcurrencyLimit(self.ecc.config.dialog_processes)
        self.inbound = Inbound(self.ecc)

    def routes(self) -> list[BaseRoute]:
        """SOAP-RFC web services, the older SOAP processor, and the WSDLs of both."""
        return [
            Route("/sap/bc/soap/rfc", self._soap, methods=["POST"]),
            Route("/sap/bc/soap/wsdl11", self._wsdl, methods=["GET"]),
            Route("/sap/bc/srt/rfc/sap/{service}/{client}/{rest:path}", self._soap, methods=["POST"]),
            Route("/sap/bc/srt/rfc/sap/{service}/{client}/{rest:path}", self._wsdl, methods=["GET"]),
        ]

    def state(self) -> Mapping[str, Any]:
        """Documents, trial balance, IDocs by status, uncommitted updates."""
        statuses: dict[str, int] = {}
        for idoc in self.ecc.idocs.every():
            statuses[idoc.status] = statuses.get(idoc.status, 0) + 1
        return {
            **self.books.state(),
            "idocs": dict(sorted(statuses.items())),
            "uncommitted": self.ecc.sessions.uncommitted,
        }

    def snapshot(self) -> bytes:
        """Everything committed, and files that wait."""
        return self.ecc.snapshot()

    def restore(self, data: bytes) -> None:
        """Become what a snapshot was; files that waited are processed from the next call on."""
        self.ecc.restore(data)

    def reset(self) -> None:
        """Forget everything."""
        self.ecc.reset()

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take rows of KNA1, KONH, VBAK and PROJ; see `seeding`."""
        return seed(self.ecc, data)

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """What the HTTP server says when no work process is free: 503, whatever others would call 429."""
        if status == 500:
            return Response(
                soap.fault(Fault("Server", "ABAP runtime error")),
                status_code=500,
                headers={"content-type": _XML},
            )
        return overloaded(503 if status == 429 else status, retry_after_s)

    async def _wsdl(self, request: Request) -> Response:
        if not self._logged_on(request):
            return unauthorized(self._system())
        names = [name for name in request.query_params.get("services", "").split(",") if name]
        unknown = [name for name in names if name not in FUNCTIONS]
        if unknown:
            return page(404, "Not Found", f"no function {unknown[0][:60]}")
        service = request.path_params.get("service", "rfc")
        path = (
            request.url.path
            if "service" in request.path_params
            else "/sap/bc/srt/rfc/sap/rfc/" + self.ecc.config.client
        )
        address = f"{request.url.scheme}://{request.url.netloc}{path}?sap-client={self.ecc.config.client}"
        functions = [FUNCTIONS[name] for name in names] or list(FUNCTIONS.values())
        return Response(wsdl(functions, service=service, address=address), headers={"content-type": _XML})

    async def _soap(self, request: Request) -> Response:
        if not self._logged_on(request):
            return unauthorized(self._system())
        self.inbound.kick()
        dotted = "service" not in request.path_params
        try:
            key = _cookie(request)
            session = self.ecc.sessions.find(key) if key else self.ecc.sessions.new()
            call = soap.read(await request.body(), self.ecc.config.renamed)
            answer = soap.answer(call.function, self._run(call, session), dotted=dotted)
        except SessionGone:
            return session_gone()
        except Fault as problem:
            return Response(soap.fault(problem), status_code=500, headers={"content-type": _XML})
        headers = {"content-type": _XML}
        if _wants_close(request):
            self.ecc.sessions.end(session)
        elif (session.steps or session.project_buffer) and not key:
            self.ecc.sessions.keep(session)
            headers["set-cookie"] = f"{COOKIE}={quote(f'SID:ANON:{session.key}', safe='')}; path=/; HttpOnly"
        return Response(answer, headers=headers)

    def _run(self, call: soap.Call, session: Session) -> dict[str, Any]:
        name = call.function.name
        if name in WRITES:
            usual = "ET_RETURN" if name.startswith(("BAPI_BUS2054", "BAPI_PS_")) else "RETURN"
            table = RETURNS.get(name, usual)
            try:
                return WRITES[name](self.ecc, session, call)
            except Refusal as problem:
                return {table: [refused(problem)]}
            except BooksError as problem:
                return {table: [refused(refusal_of(problem))]}
            except NotAValue as problem:
                return {table: [refused(Refusal("B1501", name, str(problem)))]}
        match name:
            case "BAPI_TRANSACTION_COMMIT":
                try:
                    commit(session)
                except Refusal as problem:
                    return {"RETURN": refused(problem)}
                return {}
            case "BAPI_TRANSACTION_ROLLBACK":
                session.steps.clear()
                session.project_buffer = ""
                return {}
            case "RFC_READ_TABLE":
                return read_table(call, self.ecc.tables)
            case "EDI_DATA_INCOMING":
                self.inbound.arrived(call.text("PATHNAME"))
                return {}
            case "BAPI_BILLINGDOC_GETDETAIL":
                return billing.billing_detail(self.ecc, call)
            case "BAPI_BILLINGDOC_GETLIST":
                return billing.billing_list(self.ecc, call)
            case _:
                assert name == "RFC_PING", name
                return {}

    def _logged_on(self, request: Request) -> bool:
        """Basic authentication and the right client. Any user may log on: secrets are references, known to nobody here."""
        client = request.query_params.get("sap-client") or request.headers.get("sap-client")
        client = client or request.path_params.get("client") or self.ecc.config.client
        kind, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        ACTING.set(user.upper()[:12])
        return kind.lower() == "basic" and bool(user and password) and client == self.ecc.config.client

    def _system(self) -> str:
        return f"{self.ecc.config.logical_system[:3]}/{self.ecc.config.client}"


def _cookie(request: Request) -> str:
    """The session key of the cookie; empty when there is none."""
    value = unquote(request.cookies.get(COOKIE, ""))
    return value.rpartition(":")[2]


def _wants_close(request: Request) -> bool:
    asked = request.headers.get("sap-sessioncmd") or request.query_params.get("sap-sessioncmd")
    return asked == "close"
