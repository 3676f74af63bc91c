"""Public NetSuite clients against the served account, over http and https: only the address is changed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256  # type: ignore[import-untyped]
from requests_oauthlib import OAuth1

from simulators.erp.netsuite import ACCOUNT, credentials

with warnings.catch_warnings(record=True):  # the client's own dependencies announce their successors
    from netsuite import Config, NetSuiteRestApi, TokenAuth
    from netsuite.exceptions import NetsuiteAPIRequestError

pytestmark = [
    pytest.mark.conformance,
    # Habits of the PyPI client, which is used as it is.
    pytest.mark.filterwarnings("ignore:use sign_hmac_sha256_with_client:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]
REPOSITORY = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
import yaml
from simulators.core.serve import serve
landscape = yaml.safe_load(Path("fixtures/landscapes/default.yaml").read_text())
landscape["systems"] = {"netsuite": landscape["systems"]["netsuite"]}
landscape["systems"]["netsuite"]["options"] |= {"job_start_s": "0", "job_per_record_s": "0"}
serve(landscape, ready_file=sys.argv[1], seed=7, ports="free", latency=False)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A process of its own that serves one account; its ready-file entry."""
    ready = tmp_path_factory.mktemp("netsuite") / "ready.json"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(ready)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while not ready.exists():
                assert process.poll() is None, "the account was not served"
                assert time.monotonic() < deadline, "the account was not served in time"
                time.sleep(0.05)
            yield json.loads(ready.read_text())["netsuite"]
        finally:
            process.terminate()


@pytest.fixture(params=["url", "tls_url"], ids=["http", "https"])
def address(request: pytest.FixtureRequest, served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The account's address, emptied; the local CA is trusted through the environment."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", served["ca"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", served["ca"])
    requests.post(f"{served['url']}/_sim/reset", timeout=10).raise_for_status()
    return served[request.param]


def known(**changes: str) -> dict[str, str]:
    """The account's token credentials."""
    names = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    return {name: credentials()[name] for name in names} | changes


def client(address: str, **changes: str) -> NetSuiteRestApi:
    """The PyPI `netsuite` client; `_make_url` is the one thing it can't be configured with."""

    class Local(NetSuiteRestApi):  # type: ignore[misc]  # the client has no types
        def _make_url(self, subpath: str) -> str:
            return f"{address}/services/rest{subpath}"

    return Local(Config(account=ACCOUNT, auth=TokenAuth(**known(**changes))))


async def made(api: NetSuiteRestApi, method: str, path: str, body: dict[str, Any]) -> str:
    """Write a record and return its internal id from the Location."""
    response = await api.request(method, f"/record/v1/{path}", json=body)
    assert (response.status_code, response.text) == (204, "")
    return str(response.headers["location"].rpartition("/")[2])


def test_a_project_is_billed_with_the_pypi_client(address: str) -> None:
    """Upsert, create, read, list, transform and query: unchanged client, token-based authentication."""

    async def main() -> None:
        api = client(address)
        customer = await made(api, "PUT", "customer/eid:C-1%20x", {"companyName": "Öl & Gas", "subsidiary": {"id": "2"}})  # fmt: skip
        again = await made(api, "PUT", "customer/eid:C-1%20x", {"companyName": "Öl & Gas AG", "subsidiary": {"id": "2"}})  # fmt: skip
        assert again == customer
        assert (await api.get("/record/v1/CUSTOMER/eid:C-1%20x"))["companyName"] == "Öl & Gas AG"
        lines = {"items": [{"item": {"refName": "Time"}, "description": "Advice"}]}
        order = await made(
            api, "POST", "salesOrder",
            {"externalId": "K-1", "entity": {"id": customer}, "subsidiary": {"id": "2"}, "tranDate": "2026-09-01", "item": lines},
        )  # fmt: skip
        job = await made(
            api, "POST", "job",
            {"externalId": "P-1", "companyName": "Move", "parent": {"id": customer}, "subsidiary": {"id": "2"},
             "custentity_sales_order": {"id": order}},
        )  # fmt: skip
        time_bill = {"customer": {"id": job}, "employee": {"externalId": "E-1"}, "tranDate": "2026-10-28",
                     "hours": "7:20", "item": {"refName": "SENIOR"}, "rate": 150.0, "isBillable": True}  # fmt: skip
        await made(api, "POST", "timebill", {"externalId": "T-1", **time_bill})
        await made(api, "POST", "timebill", {"externalId": "T-2", **time_bill})
        listed = await api.get("/record/v1/timeBill", params={"limit": "1", "offset": "1"})
        assert (listed["count"], listed["totalResults"], listed["hasMore"]) == (1, 2, False)
        found = await api.get("/record/v1/customer", params={"q": 'companyName CONTAIN "gas"'})
        assert [item["id"] for item in found["items"]] == [customer]
        path = f"salesOrder/{order}/!transform/invoice"
        invoice = await made(api, "POST", path, {"externalId": "BE-1", "tranDate": "2026-10-31"})
        shown = await api.get(f"/record/v1/invoice/{invoice}", params={"expandSubResources": "true"})
        assert (shown["subtotal"], shown["taxTotal"], shown["total"]) == (2200.0, 440.0, 2640.0)
        assert [line["amount"] for line in shown["item"]["items"]] == [2200.0]
        rows = await api.suiteql(
            "SELECT tranid, foreigntotal FROM transaction WHERE externalid = 'BE-1'", limit=5
        )
        assert rows["items"] == [{"links": [], "tranid": shown["tranId"], "foreigntotal": "2640.00"}]
        assert await api.delete(f"/record/v1/invoice/{invoice}") is None
        with pytest.raises(NetsuiteAPIRequestError, match="NONEXISTENT_ID"):
            await api.get(f"/record/v1/invoice/{invoice}")
        assert "companyName" in (await api.jsonschema("customer"))["properties"]
        assert await api.openapi()

    asyncio.run(main())


def test_the_ledger_and_custom_records_with_the_pypi_client(address: str) -> None:
    """A journal entry as the vendor's documentation shows one, a change order as a custom record, a write-off."""

    async def main() -> None:
        api = client(address)
        uk = {"subsidiary": {"id": "2"}}
        entry = {"externalId": "JE-1", "tranDate": "2026-10-31", "memo": "Journal Example", **uk, "line": {"items": [
            {"account": {"id": "250000"}, "debit": 187, "memo": "Journal Example"},
            {"account": {"id": "400000"}, "credit": 187},
        ]}}  # fmt: skip
        journal = await made(api, "POST", "journalEntry", entry)
        shown = await api.get(f"/record/v1/journalEntry/{journal}", params={"expandSubResources": "true"})
        assert [(line.get("debit"), line.get("credit")) for line in shown["line"]["items"]] == [
            (187.0, None),
            (None, 187.0),
        ]
        accounts = await api.suiteql(
            "SELECT a.acctnumber, x.debit, x.credit FROM transactionaccountingline x "
            f"JOIN account a ON a.id = x.account WHERE x.transaction = {journal} ORDER BY a.acctnumber",
            limit=5,
        )
        assert [(row["acctnumber"], row.get("debit")) for row in accounts["items"]] == [
            ("250000", "187.00"),
            ("400000", None),
        ]
        entry["line"] = {"items": [{"account": {"id": "250000"}, "debit": 187}]}
        with pytest.raises(NetsuiteAPIRequestError, match="differ by"):
            await api.post("/record/v1/journalEntry", json=entry | {"externalId": "JE-2"})
        customer = await made(api, "PUT", "customer/eid:C-1", {"companyName": "Öl", **uk})
        lines = {"items": [{"line": 1, "item": {"refName": "Time"}}]}
        order = await made(
            api, "PUT", "salesOrder/eid:K-1",
            {"entity": {"id": customer}, "tranDate": "2026-09-01", "item": lines, **uk},
        )  # fmt: skip
        change = {"externalId": "CO-1", "custrecord_co_sales_order": {"id": order}, "custrecord_co_version": 2,
                  "custrecord_co_effective": "2026-10-01", "recmachcustrecord_col_change_order": {"items": [
                      {"custrecord_col_line": 1, "custrecord_col_item": {"refName": "Time"}, "custrecord_col_cap": 500}]}}  # fmt: skip
        await made(api, "POST", "customrecord_change_order", change)
        found = await api.get("/record/v1/salesOrder/eid:K-1", params={"expandSubResources": "true"})
        assert found["custbody_contract_version"] == 2
        assert found["item"]["items"][0]["custcol_cap"] == 500.0
        assert (
            "recmachcustrecord_col_change_order"
            in (await api.jsonschema("customrecord_change_order"))["properties"]
        )

    asyncio.run(main())


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda api: api.post("/record/v1/customer", json={"companyNaem": "A"}), 400, "INVALID_CONTENT"),
        (lambda api: api.get("/record/v1/customer/4711"), 404, "NONEXISTENT_ID"),
        (lambda api: api.get("/record/v1/nonsense"), 404, "NONEXISTENT_ID"),
        (lambda api: api.suiteql("DELETE FROM customer"), 400, "INVALID_PARAMETER"),
        (
            lambda api: api.post("/query/v1/suiteql", json={"q": "SELECT id FROM customer"}),
            400,
            "INVALID_HEADER",
        ),
    ],
    ids=["property", "id", "type", "sql", "prefer"],
)
def test_the_pypi_client_sees_the_vendor_errors(
    served: dict[str, str], call: Callable[[NetSuiteRestApi], Any], status: int, code: str
) -> None:
    """Status and code of the envelope, as the client raises them."""
    with pytest.raises(NetsuiteAPIRequestError) as raised:
        asyncio.run(call(client(served["url"])))
    assert raised.value.status_code == status
    assert code in raised.value.response_text


def test_a_wrong_token_secret_is_an_invalid_login(address: str) -> None:
    """The signature is really checked."""
    with pytest.raises(NetsuiteAPIRequestError, match="INVALID_LOGIN") as raised:
        asyncio.run(client(address, token_secret="wrong").get("/record/v1/customer"))
    assert raised.value.status_code == 401


def test_a_second_signer_runs_a_batch(address: str) -> None:
    """requests-oauthlib: no body hash, other headers; an asynchronous batch followed by its links."""
    session = requests.Session()
    keys = known()
    session.auth = OAuth1(
        keys["consumer_key"], keys["consumer_secret"], keys["token_id"], keys["token_secret"],
        signature_method=SIGNATURE_HMAC_SHA256, realm=ACCOUNT,
    )  # fmt: skip
    base = f"{address}/services/rest"
    items = [{"companyName": f"Firm {n}", "externalId": f"F {n}"} for n in range(3)] + [
        {"companyNaem": "wrong"}
    ]
    headers = {
        "Prefer": "respond-async",
        "Content-Type": "application/vnd.oracle.resource+json; type=collection",
        "X-NetSuite-idempotency-key": "0f0e7a42-0000-4000-8000-000000000001",
    }
    body = json.dumps({"items": items})
    accepted = session.post(f"{base}/record/v1/customer", data=body, headers=headers, timeout=10)
    assert (accepted.status_code, accepted.headers["Preference-Applied"]) == (202, "respond-async")
    doubled = session.post(f"{base}/record/v1/customer", data=body, headers=headers, timeout=10)
    assert (doubled.status_code, doubled.json()["title"]) == (400, "Conflict")
    assert doubled.headers["Location"] == accepted.headers["Location"]
    job = session.get(address + accepted.headers["Location"], timeout=10).json()
    assert (job["completed"], job["progress"]) == (True, "succeeded")
    (task,) = session.get(job["task"]["links"][0]["href"], timeout=10).json()["items"]
    state = session.get(task["links"][0]["href"], timeout=10).json()
    related = next(link["href"] for link in state["links"] if link["rel"] == "related")
    results = session.get(related, timeout=10).json()["items"]
    assert [result["status"] for result in results] == [204, 204, 204, 400]
    assert results[3]["o:errorDetails"][0]["o:errorPath"] == "companyNaem"
    query = {"q": 'companyName START_WITH "Firm"', "limit": "2"}
    page = session.get(f"{base}/record/v1/customer", params=query, timeout=10).json()
    assert (page["totalResults"], page["hasMore"]) == (3, True)
    assert session.get(f"{base}/record/v1/customer/eid:F%201", timeout=10).json()["companyName"] == "Firm 1"
    session.close()
