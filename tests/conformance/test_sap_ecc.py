"""`zeep`, unchanged, against the WSDL the simulated SAP ECC serves, over http and https."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from requests.auth import HTTPBasicAuth
from zeep import Client, Settings, Transport
from zeep.exceptions import Fault, TransportError

from router.landscape import read_landscape
from simulators.core.serve import serve

pytestmark = pytest.mark.conformance
SERVICE = "/sap/bc/srt/rfc/sap/zbilling/100/zbilling/zbilling"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The SAP ECC simulator on its two sockets, in a process of its own."""
    folder = tmp_path_factory.mktemp("ecc")
    landscape = read_landscape().model_dump(mode="json", by_alias=True)
    landscape["systems"] = {"sap_ecc": landscape["systems"]["sap_ecc"]}
    landscape["systems"]["sap_ecc"]["options"]["idoc_drop"] = f"file://{folder}/idoc"
    place = folder / "ready.json"
    process = multiprocessing.get_context("spawn").Process(
        target=serve,
        args=(landscape,),
        kwargs={"ready_file": place, "seed": 1, "ports": "free", "latency": False},
    )
    process.start()
    deadline = time.monotonic() + 20
    while not place.exists() and process.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    found: dict[str, str] = orjson.loads(place.read_bytes())["sap_ecc"]
    yield {**found, "drop": f"{folder}/idoc"}
    process.terminate()
    process.join(10)


@pytest.fixture(params=["url", "tls_url"])
def client(request: pytest.FixtureRequest, ready: dict[str, str]) -> Iterator[Any]:
    """A zeep client made from the served WSDL, its session holding cookies as a browser would."""
    requests.post(f"{ready['url']}/_sim/reset", timeout=10)
    with requests.Session() as session:
        session.trust_env = False
        session.auth = HTTPBasicAuth("CLERK", "secret")
        session.verify = ready["ca"]
        base = ready[request.param]
        transport = Transport(session=session, timeout=10, operation_timeout=10)
        found = Client(f"{base}{SERVICE}?wsdl", transport=transport, settings=Settings(strict=True))
        assert {port.binding_options["address"] for port in ports(found)} == {
            f"{base}{SERVICE}?sap-client=100"
        }
        yield found


def ports(client: Client) -> list[Any]:
    """The ports of every service of the WSDL."""
    return [port for service in client.wsdl.services.values() for port in service.ports.values()]


def state(ready: dict[str, str]) -> dict[str, Any]:
    """What the back door says."""
    found: dict[str, Any] = requests.get(f"{ready['url']}/_sim/state", timeout=10).json()
    return found


def extension(structure: str, *fields: tuple[str, int]) -> list[dict[str, str]]:
    """EXTENSIONIN with fields padded to their widths."""
    text = "".join(value.ljust(width) for value, width in fields)
    parts = {f"VALUEPART{n + 1}": text[n * 240 : n * 240 + 240] for n in range(4)}
    return [{"STRUCTURE": structure, **parts}]


def create_customer(service: Any, external_id: str, company: str = "UK01") -> Any:
    """BAPI_CUSTOMER_CREATEFROMDATA1."""
    return service.BAPI_CUSTOMER_CREATEFROMDATA1(
        PI_COMPANYDATA={"NAME": "Harbour & Söhne <Ltd>", "COUNTRYISO": "GB", "CURRENCY": "GBP"},
        PI_COPYREFERENCE={"SALESORG": company},
        EXTENSIONIN={
            "item": extension(
                "BAPI_TE_KNA1",
                (external_id, 70),
                (company, 4),
                ("20261030", 8),
                ("GB123", 20),
                ("014", 3),
                ("", 1),
            )
        },
    )


def post_invoice(service: Any, customer: str, *, day: str = "2026-10-30", total: str = "120.00") -> Any:
    """BAPI_ACC_DOCUMENT_POST of one revenue line with tax."""
    amounts = ((1, total), (2, "-100.00"), (3, "-20.00"))
    return service.BAPI_ACC_DOCUMENT_POST(
        DOCUMENTHEADER={
            "BUS_ACT": "RFBU", "USERNAME": "CLERK", "COMP_CODE": "UK01", "DOC_DATE": day, "PSTNG_DATE": day,
            "DOC_TYPE": "DR", "REF_DOC_NO": "HAND-1",
        },
        ACCOUNTRECEIVABLE={"item": [{"ITEMNO_ACC": "1", "CUSTOMER": customer}]},
        ACCOUNTGL={"item": [{"ITEMNO_ACC": "2", "GL_ACCOUNT": "400000", "ITEM_TEXT": "Advice", "TAX_CODE": "A1"}]},
        ACCOUNTTAX={"item": [{"ITEMNO_ACC": "3", "GL_ACCOUNT": "230000", "TAX_CODE": "A1", "ITEMNO_TAX": "2"}]},
        CURRENCYAMOUNT={
            "item": [
                {"ITEMNO_ACC": str(item), "CURRENCY": "GBP", "AMT_DOCCUR": Decimal(amount)} for item, amount in amounts
            ]
        },
        EXTENSION2={"item": extension("BAPI_TE_BKPF", ("IN-1", 70), ("", 24), ("20261113", 8), ("", 50))},
    )  # fmt: skip


def messages(answer: Any) -> list[str]:
    """Type, class and number of every message in RETURN."""
    rows = answer.RETURN.item if answer.RETURN is not None else []
    return [f"{row.TYPE} {row.ID}{row.NUMBER}" for row in rows]


def test_nothing_persists_without_the_commit(client: Any, ready: dict[str, str]) -> None:
    """The session's cookie joins calls to one unit of work; commit persists it, rollback and a new session do not."""
    service = client.service
    first = create_customer(service, "C-1")
    assert messages(first) == ["S V1311"]
    assert first.CUSTOMERNO == "0000100001"
    assert state(ready)["documents"] == []
    second = create_customer(service, "C-2")
    assert second.CUSTOMERNO == "0000100002"
    assert state(ready)["uncommitted"] == 2
    done = service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    assert not done.TYPE
    assert [row["external_id"] for row in state(ready)["documents"]] == ["C-1", "C-2"]
    create_customer(service, "C-3")
    service.BAPI_TRANSACTION_ROLLBACK()
    service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    create_customer(service, "C-4")
    client.transport.session.cookies.clear()
    service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    assert [row["external_id"] for row in state(ready)["documents"]] == ["C-1", "C-2"]


def test_a_closed_session_can_commit_no_more(client: Any, ready: dict[str, str]) -> None:
    """A commit that comes late, after its session was closed, finds nothing and says so."""
    service, session = client.service, client.transport.session
    create_customer(service, "C-1")
    cookies = dict(session.cookies)
    session.headers["sap-sessioncmd"] = "close"
    service.BAPI_TRANSACTION_ROLLBACK()
    del session.headers["sap-sessioncmd"]
    session.cookies.update(cookies)
    with pytest.raises(TransportError) as caught:
        service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    assert caught.value.status_code == 400
    assert state(ready)["documents"] == []


def test_several_bapis_are_one_unit_of_work(client: Any, ready: dict[str, str]) -> None:
    """An invoice of a customer who is not committed yet is refused; afterwards it posts, to the cent."""
    service = client.service
    number = create_customer(service, "C-1").CUSTOMERNO
    assert messages(post_invoice(service, number)) == ["E RW609", "E F2153"]
    service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    posted = post_invoice(service, number)
    assert messages(posted) == ["S RW605"]
    assert ("BKPFF", "1800000002UK012026"[:9] + posted.OBJ_KEY[9:]) == (posted.OBJ_TYPE, posted.OBJ_KEY)
    service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    (invoice,) = [row for row in state(ready)["documents"] if row["type"] == "invoice"]
    assert (invoice["net_minor"], invoice["tax_minor"], invoice["total_minor"]) == (10000, 2000, 12000)
    assert state(ready)["trial_balance"]["UK01"] == {"120000": 12000, "230000": -2000, "400000": -10000}


def test_a_project_bapi_works_on_its_buffer(client: Any, ready: dict[str, str]) -> None:
    """BAPI_PS_INITIALIZATION, a WBS element, BAPI_PS_PRECOMMIT, commit: left out, the first and the third are missed."""
    service = client.service
    requests.post(f"{ready['url']}/_sim/seed", json=SEED, timeout=10).raise_for_status()
    extra = {"item": extension("BAPI_TE_PRPS", ("TK-1", 70), ("UK01", 4), ("20261030", 8))}
    element = {"item": [{"WBS_ELEMENT": "P-1.1", "DESCRIPTION": "Design", "WBS_BILLING_ELEMENT": "X"}]}

    def create() -> str:
        answer = service.BAPI_BUS2054_CREATE_MULTI(
            I_PROJECT_DEFINITION="P-1", IT_WBS_ELEMENT=element, EXTENSIONIN=extra
        )
        (row,) = answer.ET_RETURN.item
        return f"{row.TYPE} {row.ID}{row.NUMBER}"

    assert create() == "E CJ085"
    service.BAPI_PS_INITIALIZATION()
    assert create() == "S CJ040"
    assert service.BAPI_TRANSACTION_COMMIT(WAIT="X").TYPE == "E"
    service.BAPI_PS_INITIALIZATION()
    create()
    service.BAPI_PS_PRECOMMIT()
    assert not service.BAPI_TRANSACTION_COMMIT(WAIT="X").TYPE
    tasks = [row["number"] for row in state(ready)["documents"] if row["type"] == "task"]
    assert tasks == ["P-1.1"]


SEED = {
    "customer": [{"external_id": "C-1", "name": "X", "currency": "GBP", "country": "GB", "entity": "UK01"}],
    "contract": [
        {
            "external_id": "K-1", "customer": "C-1", "entity": "UK01", "currency": "GBP", "starts": "2026-01-01",
            "billing": "time_and_materials",
            "lines": [
                {"line": 1, "bills": "time", "description": "", "tax_code": "GB-STD", "service_line": "CONSULTING"}
            ],
        }
    ],
    "project": [
        {
            "external_id": "P-1", "customer": "C-1", "contract": "K-1", "entity": "UK01", "name": "X", "currency": "GBP",
        }
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"day": "2026-08-31"}, ["E RW609", "E F5201"]),
        ({"total": "120.01"}, ["E RW609", "E RW022"]),
    ],
)
def test_return_names_the_reason(client: Any, changes: dict[str, str], expected: list[str]) -> None:
    """A closed period and an unbalanced document: HTTP 200, RW 609, then the detail."""
    number = create_customer(client.service, "C-1").CUSTOMERNO
    client.service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    answer = post_invoice(client.service, number, **changes)
    assert messages(answer) == expected
    assert not answer.OBJ_KEY


def test_tables_are_read_by_where_and_offset(client: Any) -> None:
    """Fixed offsets, a delimiter, ROWSKIPS and ROWCOUNT; and the function's own exceptions as faults."""
    service = client.service
    for n in range(3):
        create_customer(service, f"C-{n}")
    service.BAPI_TRANSACTION_COMMIT(WAIT="X")
    asked = {
        "QUERY_TABLE": "KNA1",
        "DELIMITER": "|",
        "FIELDS": {"item": [{"FIELDNAME": "KUNNR"}, {"FIELDNAME": "ZZEXTID"}]},
    }
    answer = service.RFC_READ_TABLE(
        **asked, OPTIONS={"item": [{"TEXT": "ZZEXTID IN ('C-0',"}, {"TEXT": "'C-2')"}]}
    )
    assert [(row.FIELDNAME, row.OFFSET, row.LENGTH) for row in answer.FIELDS.item] == [
        ("KUNNR", "000000", "000010"),
        ("ZZEXTID", "000011", "000070"),
    ]
    assert [row.WA for row in answer.DATA.item] == ["0000100001|C-0", "0000100003|C-2"]
    page = service.RFC_READ_TABLE(**asked, ROWSKIPS=1, ROWCOUNT=1)
    assert [row.WA for row in page.DATA.item] == ["0000100002|C-1"]
    for change, exception in (
        ({"QUERY_TABLE": "BSEG"}, "TABLE_NOT_AVAILABLE"),
        ({"FIELDS": {"item": [{"FIELDNAME": "NOPE"}]}}, "FIELD_NOT_VALID"),
        ({"OPTIONS": {"item": [{"TEXT": "KUNNR LIKES 'x'"}]}}, "OPTION_NOT_VALID"),
        (
            {"QUERY_TABLE": "PA0105", "FIELDS": {"item": [{"FIELDNAME": "USRID_LONG"}] * 3}},
            "DATA_BUFFER_EXCEEDED",
        ),
    ):
        with pytest.raises(Fault, match=exception):
            service.RFC_READ_TABLE(**(asked | change))


def test_a_dropped_file_is_taken_and_answered(client: Any, ready: dict[str, str]) -> None:
    """EDI_DATA_INCOMING reads the file from the shared folder, and a status file appears."""
    folder = Path(ready["drop"])
    (folder / "in").mkdir(parents=True, exist_ok=True)
    control = "EDI_DC40  100".ljust(524)  # an IDoc without data records
    (folder / "in" / "hand.idoc").write_text(control + "\n", encoding="utf-8")
    client.service.EDI_DATA_INCOMING(PATHNAME="/usr/sap/in/hand.idoc", PORT="HAND")
    assert not (folder / "in" / "hand.idoc").exists()
    deadline = time.monotonic() + 5
    status = folder / "status" / "hand.sta"
    while not status.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    text = status.read_text(encoding="utf-8")
    assert text.startswith("EDI_DS40  1000000000000000001")
    assert text[43:45] == "60"
    status.unlink()
    with pytest.raises(Fault, match="FILE_OPEN_ERROR"):
        client.service.EDI_DATA_INCOMING(PATHNAME="/usr/sap/in/../../../etc/passwd", PORT="HAND")


def test_logon_and_hostile_requests(ready: dict[str, str]) -> None:
    """401 without logon or for another client; entity tricks, other XML and huge values are faults."""
    base = ready["url"] + SERVICE
    auth = ("CLERK", "secret")
    assert requests.get(base, timeout=5).status_code == 401
    assert requests.get(f"{base}?sap-client=200", auth=auth, timeout=5).status_code == 401
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
        '<e:Body><n:RFC_PING xmlns:n="urn:sap-com:document:sap:rfc:functions">&c;</n:RFC_PING></e:Body></e:Envelope>'
    )
    for body in (bomb, "", "<x/>", "{}", bomb.replace("RFC_PING", "RFC_ABAP_INSTALL_AND_RUN")):
        answer = requests.post(base, data=body, auth=auth, timeout=5)
        assert answer.status_code == 500
        assert b"Fault" in answer.content
    gone = requests.post(base, data="", auth=auth, cookies={"sap-contextid": "SID%3AANON%3Axyz"}, timeout=5)
    assert gone.status_code == 400


def test_the_older_soap_processor_answers_too(ready: dict[str, str]) -> None:
    """`/sap/bc/soap/rfc` names its answers `<function>.Response`."""
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<n:RFC_PING xmlns:n="urn:sap-com:document:sap:rfc:functions"/></e:Body></e:Envelope>'
    )
    answer = requests.post(
        f"{ready['url']}/sap/bc/soap/rfc?sap-client=100", data=body, auth=("CLERK", "secret"), timeout=5
    )
    assert answer.status_code == 200
    assert b"RFC_PING.Response" in answer.content
