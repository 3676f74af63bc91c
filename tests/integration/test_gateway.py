"""The gateway's public contract (DESIGN section 5), over HTTP on a built router and a real journal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.canonical import events
from router.canonical.examples import examples
from router.errors import BadInput
from router.journal.port import Accepted
from router.settings import Settings
from tests.integration.router_stand import PROBLEM, Stand, event, on_stand

BATCH = "/v1/transactions:batch"


def lines(*rows: Any, end: bytes = b"\n") -> bytes:
    """NDJSON of rows; bytes go in as they are."""
    return b"".join((row if isinstance(row, bytes) else orjson.dumps(row)) + end for row in rows)


def test_the_answer_to_one_transaction(tmp_path: Path) -> None:
    """202 with ids, the route and where to look; the state can be read there; the example of every kind is taken."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(event("customer"))
        told = answer.json()
        assert answer.status_code == 202
        assert told["transaction_id"] == told["correlation_id"] == "T000000000001"
        route = {
            name: told["route"][name] for name in ("rule", "table_version", "authority", "shadow", "hold")
        }
        assert route == {
            "rule": "default", "table_version": 1, "authority": "sap_ecc", "shadow": None, "hold": False,
        }  # fmt: skip
        assert answer.headers["location"] == told["status_url"] == "/v1/transactions/T000000000001"
        found = await stand.get(told["status_url"])
        assert (found["state"], found["document"]["document_id"]) == ("queued", "C-100")
        assert orjson.loads(found["received"]) == event("customer")
        for document in examples():
            given = await stand.post(event(document.kind, f"each-{document.kind}"))
            assert given.status_code == 202, given.text

    on_stand(tmp_path, test, work=False)


def test_a_replayed_request_gets_its_first_answer(tmp_path: Path) -> None:
    """The same body again: 200, the first answer and Idempotent-Replayed, also after it has gone on; I6."""

    async def test(stand: Stand) -> None:
        first = await stand.post(event("customer"))
        again = await stand.post(event("customer"))
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert again.json() == first.json()
        await stand.settled()
        assert (await stand.get(first.json()["status_url"]))["state"] == "posted"
        late = await stand.post(event("customer"))
        assert (late.status_code, late.json()) == (200, first.json())
        spaced = b"  " + orjson.dumps(dict(reversed(event("customer").items()))) + b"\n"
        assert (await stand.post(spaced)).status_code == 200, "the document counts, not its spelling"
        other = await stand.post(event("customer", name="Somebody else"))
        assert (other.status_code, other.json()["type"]) == (422, "urn:coexist:problem:key-reused")
        assert await stand.count() == 1

    on_stand(tmp_path, test)


def test_idempotency_keys(tmp_path: Path) -> None:
    """`Idempotency-Key` wins over source and id, quoted or not, and belongs to its client alone."""

    async def test(stand: Stand) -> None:
        one = await stand.post(event("customer", "e1"), Idempotency_Key='"k-1"')
        two = await stand.post(event("customer", "e2"), Idempotency_Key="k-1")
        assert (one.status_code, two.status_code) == (202, 200)
        assert two.json() == one.json()
        stranger = await stand.post(event("customer", "e2"), Idempotency_Key="k-1", X_Coexist_Client="other")
        assert stranger.status_code == 202
        changed = await stand.post(event("customer", "e3", name="X"), Idempotency_Key="k-1")
        assert changed.json()["type"] == "urn:coexist:problem:key-reused"
        for bad in ("", '""', "x" * 256, "tab\there"):
            refused = await stand.post(event("customer", "e4"), Idempotency_Key=bad)
            assert refused.status_code == 422, bad
        assert await stand.count() == 2

    on_stand(tmp_path, test, work=False)


def test_a_transactional_document_is_accepted_once(tmp_path: Path) -> None:
    """A second invoice of one id is refused whoever sends it; a master may be sent again."""

    async def test(stand: Stand) -> None:
        assert (await stand.post(event("invoice", "a"))).status_code == 202
        assert (await stand.post(event("invoice", "b"))).status_code == 200
        assert (await stand.post(event("invoice", "c", due_date="2026-12-01"))).status_code == 422
        assert (await stand.post(event("customer", "d"))).status_code == 202
        assert (await stand.post(event("customer", "e", name="New name"))).status_code == 202
        assert await stand.count() == 3

    on_stand(tmp_path, test, work=False)


def test_the_same_request_at_the_same_time(tmp_path: Path) -> None:
    """While the first is being worked on the others get 409, and it is accepted once."""

    async def test(stand: Stand) -> None:
        answers = await asyncio.gather(*(stand.post(event("customer")) for _ in range(5)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [202, 409, 409, 409, 409]
        busy = next(answer for answer in answers if answer.status_code == 409)
        assert busy.json()["type"] == "urn:coexist:problem:in-progress"
        assert await stand.count() == 1
        assert (await stand.post(event("customer"))).status_code == 200, "the key is free again"

    on_stand(tmp_path, test, work=False)


def test_a_batch_answers_every_line(tmp_path: Path) -> None:
    """Good, bad, repeated and blank lines, with CRLF: each result names its line; a bad one spoils no other."""

    async def test(stand: Stand) -> None:
        body = lines(
            event("customer", "1"), b"", b"{", event("customer", "1"), event("customer", "1", name="Other"),
            event("customer", "nul\x00"), b"[]", event("invoice", "8"),
            end=b"\r\n",
        )  # fmt: skip
        answer = await stand.post(body, BATCH)
        told = answer.json()
        assert answer.status_code == 200
        rows = {row["line"]: row["status"] for row in told["results"]}
        assert rows == {1: 202, 3: 422, 4: 200, 5: 422, 6: 422, 7: 422, 8: 202}
        assert (told["accepted"], told["replayed"], told["refused"]) == (2, 1, 4)
        first, repeated = told["results"][0], told["results"][2]
        assert first["transaction_id"] == repeated["transaction_id"]
        assert told["results"][3]["problem"]["type"] == "urn:coexist:problem:key-reused"
        assert all(row["problem"]["type"] for row in told["results"] if row["status"] >= 400)
        assert await stand.count() == 2
        again = (await stand.post(body, BATCH)).json()
        assert (again["accepted"], again["replayed"], again["refused"]) == (0, 3, 4)

    on_stand(tmp_path, test, work=False)


def test_a_submission_the_journal_refuses_spoils_no_other(tmp_path: Path) -> None:
    """What only the journal finds unfit (an identity that is no text) is that submission's own answer."""

    async def test(stand: Stand) -> None:
        good = [
            stand.router.intake.submission(
                events.read(event("customer", f"{at}", document_id=f"C-{at}")), client="test", received=b"{}"
            )
            for at in range(3)
        ]
        good[1] = replace(good[1], event_id="nul\x00")
        first, refused, last = await stand.router.intake.accept_each(good)
        assert isinstance(first, Accepted)
        assert isinstance(last, Accepted)
        assert isinstance(refused, BadInput)
        assert "event_id" in refused.message
        assert await stand.count() == 2

    on_stand(tmp_path, test, work=False)


def test_a_long_batch(tmp_path: Path) -> None:
    """10,000 lines are taken in order, in bounded commits; one more is refused whole, and nothing is half-accepted."""

    async def test(stand: Stand) -> None:
        row = orjson.dumps(event("customer", "@@@@@", document_id="C-@@@@@"))
        rows = [row.replace(b"@@@@@", b"%05d" % at) for at in range(2_500)]
        told = (await stand.post(lines(*rows), BATCH)).json()
        assert told["accepted"] == 2_500
        assert [row["line"] for row in told["results"]] == list(range(1, 2_501))
        ids = [row["transaction_id"] for row in told["results"]]
        assert ids == sorted(ids)
        for body in (lines(*rows[:4], *[b""] * 9_997), b"\n" * 5_000_000):
            refused = await stand.post(body, BATCH)
            assert (refused.status_code, refused.json()["type"]) == (413, "urn:coexist:problem:too-large")
        filled = await stand.post(lines(*rows[:4], *[b"{}"] * 9_996), BATCH)
        assert filled.json()["replayed"] == 4
        assert await stand.count() == 2_500

    on_stand(tmp_path, test, work=False)


def test_back_pressure(tmp_path: Path) -> None:
    """With too much waiting: 503, when to come back, and RateLimit; a batch says so line by line; nothing is kept."""

    async def test(stand: Stand) -> None:
        for at in range(2):
            assert (await stand.post(event("customer", f"{at}", document_id=f"C-{at}"))).status_code == 202
        refused = await stand.post(event("customer", "3", document_id="C-3"))
        assert (refused.status_code, refused.headers["content-type"]) == (503, PROBLEM)
        assert int(refused.headers["retry-after"]) >= 1
        assert "r=0" in refused.headers["ratelimit"]
        assert refused.json()["type"] == "urn:coexist:problem:overloaded"
        batch = await stand.post(lines(event("customer", "3"), b"{"), BATCH)
        assert [row["status"] for row in batch.json()["results"]] == [503, 422]
        assert int(batch.headers["retry-after"]) >= 1
        assert await stand.count() == 2

    on_stand(tmp_path, test, work=False, settings=Settings(backlog_max=2))


def test_where_a_document_would_go(tmp_path: Path) -> None:
    """`routes:explain` takes a bare document or an event, names the rule, and accepts nothing."""
    routes = """
version: 3
default: {authority: sap_ecc}
rules:
  - {id: uk-invoices, when: 'legal_entity == "UK01" and kind == "invoice"', authority: sap_ecc, shadow: netsuite}
"""

    async def test(stand: Stand) -> None:
        for body in (event("invoice"), event("invoice")["data"]):
            told = (await stand.post(body, "/v1/routes:explain")).json()
            assert (told["rule"], told["authority"], told["shadow"]) == ("uk-invoices", "sap_ecc", "netsuite")
        told = (await stand.post(event("customer"), "/v1/routes:explain")).json()
        assert (told["rule"], told["table_version"], told["shadow"]) == ("default", 3, None)
        refused = await stand.post({"kind": "nothing"}, "/v1/routes:explain")
        assert (refused.status_code, refused.headers["content-type"]) == (422, PROBLEM)
        assert await stand.count() == 0

    on_stand(tmp_path, test, work=False, routes=routes)


def test_reading_endpoints(tmp_path: Path) -> None:
    """Health, metrics, schemas, documents, exceptions, breaks and cutovers answer on a fresh journal and a used one."""

    async def test(stand: Stand) -> None:
        assert (await stand.get("/healthz"))["status"] == "up"
        assert (await stand.get("/readyz"))["status"] == "ready"
        listed = await stand.get("/v1/exceptions")
        assert (listed["exceptions"], listed["total"], listed["truncated"]) == ([], 0, False)
        assert (await stand.get("/v1/breaks"))["total"] == 0
        cutovers = await stand.get("/v1/cutovers")
        assert cutovers["entities"]["UK01"] == {"epoch": 0, "table_version": 1}
        assert list(cutovers["entities"]) == ["US01", "UK01", "DE01", "SG01", "JP01", "BH01"]
        await stand.post(event("customer"))
        metrics = await stand.http.get("/metrics")
        assert 'coexist_jobs{target="sap_ecc",state="queued"} 1' in metrics.text
        assert (await stand.get("/v1/documents/customer/C-100"))["name"] == "Northwind Trading Ltd"
        schema = await stand.get("/v1/schemas/time_entry/v1")
        assert schema["$id"] == "urn:coexist:schema:time_entry:v1"
        assert "/v1/transactions" in (await stand.get("/openapi.json"))["paths"]

    on_stand(tmp_path, test, work=False)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", "/v1/transactions", 405, "wrong-method"),
        ("DELETE", "/v1/transactions/T000000000001", 405, "wrong-method"),
        ("GET", "/v1/transactions/T000000000001", 404, "not-found"),
        ("GET", "/v1/transactions/%00", 404, "not-found"),
        ("GET", "/v1/transactions/T" + "9" * 5000, 404, "not-found"),
        ("GET", "/v1/documents/customer/C-100", 404, "not-found"),
        ("GET", "/v1/documents/nothing/C-100", 404, "not-found"),
        ("GET", "/v1/schemas/invoice/v99", 404, "not-found"),
        ("GET", "/v1/schemas/invoice/vx", 422, "invalid-document"),
        ("GET", "/v1/schemas/nothing/v1", 422, "invalid-document"),
        ("POST", "/v1/processes/create-client-account", 422, "invalid-document"),
        ("POST", "/v1/processes/initiate-project", 422, "invalid-document"),
        ("POST", "/v1/processes/submit-approved-time", 422, "invalid-document"),
        ("POST", "/v1/processes/apply-change-order", 422, "invalid-document"),
        ("POST", "/v1/processes/publish-invoice-status", 422, "invalid-document"),
        ("POST", "/v1/transactions", 422, "invalid-document"),
    ],
)
def test_every_error_is_a_problem(tmp_path: Path, method: str, path: str, status: int, code: str) -> None:
    """RFC 9457 whatever goes wrong: the media type, a stable `type`, a title, the status and a detail."""

    async def test(stand: Stand) -> None:
        answer = await stand.http.request(method, path)
        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
        assert told["type"] == f"urn:coexist:problem:{code}"
        assert told["status"] == status
        assert told["title"]
        assert told["detail"]
        assert len(answer.content) < 2_000, "what was sent is not repeated whole"
        if status == 405:
            assert answer.headers["allow"]

    on_stand(tmp_path, test, work=False)


def test_a_bug_gives_nothing_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own bug is a plain problem without a traceback, and a closed journal makes the gateway unready."""

    async def test(stand: Stand) -> None:
        async def broken(_: str) -> None:
            raise ZeroDivisionError("secret")

        monkeypatch.setattr(stand.router.journal, "transaction", broken)
        answer = await stand.http.get("/v1/transactions/T000000000001")
        assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
        assert answer.json()["type"] == "urn:coexist:problem:broken"
        assert "secret" not in answer.text
        stand.router.journal.close()
        ready = await stand.http.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (503, "not ready")
        lost = await stand.post(event("customer"))
        assert (lost.status_code, lost.headers["content-type"]) == (500, PROBLEM)

    on_stand(tmp_path, test, work=False)


def test_process_apis(tmp_path: Path) -> None:
    """The five business capabilities: taken, repeated with the first answer, refused in words."""

    async def test(stand: Stand) -> None:
        path = "/v1/processes/"
        await stand.posted("rate_card")
        customer = event("customer")["data"]
        first = await stand.post(customer, path + "create-client-account")
        assert first.status_code == 202
        again = await stand.post(customer, path + "create-client-account")
        assert (again.status_code, again.json()) == (200, first.json())
        await stand.posted("contract", "project", "resource")
        change = event("change_order")["data"]
        assert (await stand.post(change, path + "apply-change-order")).status_code == 202
        assert (await stand.post(change, path + "apply-change-order")).status_code == 200
        lost = await stand.post(event("opportunity", won=False)["data"], path + "initiate-project")
        assert (lost.status_code, "won" in lost.json()["detail"]) == (422, True)
        entry = {
            "document_id": "TE-9", "project_id": "P-100", "resource_id": "R-100", "work_date": "2026-10-29", "minutes": 90,
            "billable": True,
        }  # fmt: skip
        entries = [
            entry,
            entry | {"approved": False, "document_id": "TE-8"},
            entry | {"project_id": "P-0"},
            3,
            entry,
        ]
        told = (await stand.post({"entries": entries}, path + "submit-approved-time")).json()["results"]
        assert [row["status"] for row in told] == [202, 422, 422, 422, 200]
        assert [row["entry"] for row in told] == [1, 2, 3, 4, 5]
        assert "only approved time" in told[1]["problem"]["detail"]
        assert "send the project first" in told[2]["problem"]["detail"]
        await stand.settled()
        found = await stand.get(told[0]["status_url"])
        assert (found["state"], found["document"]["bill_rate"], found["document"]["legal_entity"]) == (
            "posted", "150.00", "UK01",
        )  # fmt: skip
        missing = await stand.post({"invoice_id": "INV-1"}, path + "publish-invoice-status")
        assert missing.status_code == 404

    on_stand(tmp_path, test)
