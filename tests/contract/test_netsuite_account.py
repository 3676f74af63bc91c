"""The simulated account by itself: logins, records, lists, asynchronous calls, snapshots."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jwt

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.landscape import read_landscape
from simulators.core.firm_data import firm_data
from simulators.core.host import Hosted, host
from simulators.erp import netsuite
from tests.contract.erp_contract import START

REST = "http://127.0.0.1:8472/services/rest"
TOKEN_URL = REST + "/auth/oauth2/v1/token"
LANDSCAPE = read_landscape().model_dump(mode="json", by_alias=True)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COLLECTION = "application/vnd.oracle.resource+json; type=collection"


class Api:
    """A logged-in caller of a hosted account."""

    def __init__(self, app: Hosted, client: httpx.AsyncClient, clock: VirtualClock) -> None:
        self.app, self.client, self.clock = app, client, clock
        self.bearer = ""

    def assertion(self, key: str = netsuite.PRIVATE_KEY, **changes: Any) -> str:
        """A signed assertion; `changes` replace parts of header or claims."""
        now = int(self.clock.now().timestamp())
        header = {
            "typ": "JWT",
            "alg": changes.pop("alg", "ES256"),
            "kid": changes.pop("kid", netsuite.CERTIFICATE_ID),
        }
        claims = {"iss": netsuite.CLIENT_ID, "scope": "restlets,rest_webservices", "aud": TOKEN_URL,
                  "iat": now, "exp": now + 300} | changes  # fmt: skip
        loaded = jwk.import_key(key, "EC" if header["alg"].startswith("ES") else "RSA")
        return jwt.encode(header, claims, loaded, algorithms=[header["alg"]])

    async def token(self, assertion: str, **changes: str) -> httpx.Response:
        """Ask for an access token."""
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.client.post(TOKEN_URL, content=urlencode(form | changes), headers=headers)

    async def log_in(self) -> None:
        """Get and keep a token."""
        self.bearer = (await self.token(self.assertion())).json()["access_token"]

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: str,
    ) -> httpx.Response:
        """One call under `/services/rest`."""
        content = None if body is None else json.dumps(body)
        given = {"Authorization": f"Bearer {self.bearer}", **(headers or {})}
        return await self.client.request(method, REST + path, content=content, headers=given, params=query)

    async def refused(
        self, method: str, path: str, body: Any = None, **query: str
    ) -> tuple[int, str, str | None]:
        """Status, code and path of a call that must fail."""
        response = await self.call(method, path, body, headers=None, **query)
        envelope = response.json()
        assert envelope["status"] == response.status_code >= 400
        (detail,) = envelope["o:errorDetails"]
        return response.status_code, detail["o:errorCode"], detail.get("o:errorPath")

    async def made(self, method: str, path: str, body: Any) -> str:
        """Write a record; its internal id."""
        response = await self.call(method, f"/record/v1/{path}", body)
        assert response.status_code == 204, response.text
        return response.headers["location"].rpartition("/")[2]

    async def project(self) -> dict[str, str]:
        """Customer, order and project; internal ids by name."""
        ids = {
            "customer": await self.made(
                "PUT", "customer/eid:C", {"companyName": "Firm", "subsidiary": {"id": "2"}}
            )
        }
        ids["order"] = await self.made("PUT", "salesOrder/eid:K", {
            "entity": {"id": ids["customer"]}, "subsidiary": {"externalId": "UK01"}, "tranDate": "2026-09-01",
            "item": {"items": [{"item": {"refName": "Time"}, "taxCode": {"refName": "GB-STD"}}]},
        })  # fmt: skip
        ids["job"] = await self.made("PUT", "job/eid:P", {
            "companyName": "Work", "parent": {"id": ids["customer"]}, "subsidiary": {"id": "2"},
            "custentity_sales_order": {"id": ids["order"]}, "custentity_practice": "CLOUD",
        })  # fmt: skip
        return ids

    async def time(self, job: str, eid: str = "T", **changes: Any) -> str:
        """A time bill."""
        return await self.made("POST", "timeBill", time_bill(job, eid, **changes))


def time_bill(job: str, eid: str = "T", **changes: Any) -> dict[str, Any]:
    """The JSON of a time bill."""
    return {"externalId": eid, "customer": {"id": job}, "employee": {"externalId": "E"}, "tranDate": "2026-10-28",
            "hours": "1:30", "item": {"refName": "SENIOR"}, "rate": 100, **changes}  # fmt: skip


def on_account(test: Callable[[Api], Awaitable[None]], **options: str) -> None:
    """Run a test, logged in, on a fresh account in virtual time."""

    async def main(clock: VirtualClock) -> None:
        config = LANDSCAPE["systems"]["netsuite"]
        config = config | {"options": config["options"] | options}
        sim = netsuite.build("netsuite", config, firm=firm_data(LANDSCAPE), clock=clock, rng=random.Random(1))
        app = host(sim, clock=clock, rng=random.Random(2))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            api = Api(app, client, clock)
            await api.log_in()
            await test(api)
        assert app.crashes == []

    run(main, start=START)


def test_an_assertion_must_be_right_in_every_part() -> None:
    """Issuer, audience, life, scope, certificate, algorithm, signature: each is checked."""

    async def test(api: Api) -> None:
        now = int(api.clock.now().timestamp())
        private = rsa.generate_private_key(65537, 2048)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        api.app.sim.seed({"credentials": {"certificates": {"rsa": public.decode()}, "clients": ["other"]}})
        good = [api.assertion(), api.assertion(iss="other"), api.assertion(scope=["rest_webservices"]),
                api.assertion(pem, kid="rsa", alg="PS256"), api.assertion(pem, kid="rsa", alg="PS384")]  # fmt: skip
        for assertion in good:
            answer = (await api.token(assertion)).json()
            assert (answer["token_type"], answer["expires_in"]) == ("bearer", "3600")
        wrong = [api.assertion(pem, kid="rsa", alg="RS256"), api.assertion(iss="nobody"), api.assertion(aud="http://x"),
                 api.assertion(exp=now - 1), api.assertion(exp=now + 4000), api.assertion(iat=now + 900, exp=now + 999),
                 api.assertion(scope="restlets"), api.assertion(kid="unknown"), api.assertion(kid="rsa"),
                 api.assertion()[:-9] + "AAAAAAAAA", "", "a.b.c", "e30.e30.e30"]  # fmt: skip
        for assertion in wrong:
            refused = await api.token(assertion)
            assert refused.status_code in (400, 401), assertion
            assert set(refused.json()) == {"error"}
        assert (await api.token(api.assertion(), grant_type="password")).status_code == 400
        assert (await api.token(api.assertion(), client_assertion_type="x")).status_code == 400

    on_account(test)


def test_the_audience_may_name_the_real_host() -> None:
    """`aud` holds the vendor's host when the simulator stands in for it."""

    async def test(api: Api) -> None:
        assert (await api.token(api.assertion(aud="https://real.example/token"))).status_code == 200

    on_account(test, token_audience="https://real.example/token")


def test_a_token_ends_after_an_hour() -> None:
    """Then every call is an invalid login."""

    async def test(api: Api) -> None:
        assert (await api.call("GET", "/record/v1/customer")).status_code == 200
        await asyncio.sleep(3601)
        assert await api.refused("GET", "/record/v1/customer") == (401, "INVALID_LOGIN", None)

    on_account(test)


def test_a_master_is_changed_in_part_and_deleted_when_unused() -> None:
    """PATCH keeps what it does not name; DELETE refuses what others hang on."""

    async def test(api: Api) -> None:
        ids = await api.project()
        await api.made("PATCH", f"job/{ids['job']}", {"companyName": "More work", "custentity_note": "x"})
        shown = (await api.call("GET", "/record/v1/job/eid:P")).json()
        assert (shown["companyName"], shown["custentity_practice"], shown["custentity_note"]) == (
            "More work",
            "CLOUD",
            "x",
        )
        assert shown["custentity_sales_order"] == {"id": ids["order"]}
        nameless = await api.made("POST", "customer", {"companyName": "No external id"})
        await api.made("PATCH", f"customer/{nameless}", {"companyName": "Still none", "isInactive": True})
        found = (
            await api.call("GET", f"/record/v1/customer/{nameless}", fields="companyName,isInactive")
        ).json()
        assert {k: found[k] for k in found if k != "links"} == {
            "id": nameless,
            "companyName": "Still none",
            "isInactive": True,
        }
        assert await api.refused("DELETE", "/record/v1/customer/eid:C") == (400, "USER_ERROR", None)
        assert (await api.call("DELETE", f"/record/v1/customer/{nameless}")).status_code == 204
        assert (await api.refused("GET", f"/record/v1/customer/{nameless}"))[0] == 404
        assert await api.refused("PATCH", "/record/v1/job/eid:P", {"externalId": "Q"}) == (
            400,
            "INVALID_CONTENT",
            "externalId",
        )

    on_account(test)


def test_a_posted_record_is_what_it_is() -> None:
    """The same PUT again is welcome, another is refused; a memo may be added; deleting reverses and frees the id."""

    async def test(api: Api) -> None:
        ids = await api.project()
        bill = await api.time(ids["job"])
        assert await api.made("PUT", "timeBill/eid:T", time_bill(ids["job"])) == bill
        changed = time_bill(ids["job"], hours="2:00")
        assert await api.refused("PUT", "/record/v1/timeBill/eid:T", changed) == (
            400,
            "USER_ERROR",
            "minutes",
        )
        assert await api.refused("PATCH", f"/record/v1/timeBill/{bill}", {"rate": 7}) == (
            400,
            "USER_ERROR",
            "rate",
        )
        assert await api.refused("POST", "/record/v1/timeBill", time_bill(ids["job"])) == (
            400,
            "USER_ERROR",
            "externalId",
        )
        await api.made("PATCH", f"timeBill/{bill}", {"memo": "seen"})
        assert (await api.call("GET", f"/record/v1/timeBill/{bill}")).json()["memo"] == "seen"
        path = f"salesOrder/{ids['order']}/!transform/invoice"
        invoice = await api.made("POST", path, {"externalId": "BE", "tranDate": "2026-10-31"})
        assert await api.refused("DELETE", f"/record/v1/timeBill/{bill}") == (400, "USER_ERROR", "status")
        assert (await api.call("DELETE", f"/record/v1/invoice/{invoice}")).status_code == 204
        again = await api.made("POST", path, {"externalId": "BE", "tranDate": "2026-10-31"})
        assert again != invoice
        state = api.app.sim.state()
        assert [row["vendor_id"] for row in state["documents"] if row["type"] == "invoice"] == [again]
        assert sum(state["trial_balance"]["UK01"].values()) == 0

    on_account(test)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"hours": "7.5"}, (400, "INVALID_CONTENT", "hours")),
        ({"hours": "1:75"}, (400, "INVALID_CONTENT", "hours")),
        ({"tranDate": "10/28/2026"}, (400, "INVALID_CONTENT", "tranDate")),
        ({"tranDate": "2026-02-30"}, (400, "INVALID_CONTENT", "tranDate")),
        ({"tranDate": "2026-08-31"}, (400, "USER_ERROR", "tranDate")),
        ({"customer": {"id": "99"}}, (400, "INVALID_CONTENT", "customer")),
        ({"customer": None}, (400, "INVALID_CONTENT", "customer")),
        ({"customer": [1]}, (400, "INVALID_CONTENT", "customer")),
        ({"employee": {"id": "99"}}, (400, "INVALID_CONTENT", "employee")),
        ({"rate": 100.001}, (400, "INVALID_CONTENT", "rate")),
        ({"rate": "a lot"}, (400, "INVALID_CONTENT", "rate")),
        ({"rate": 1e300}, (400, "INVALID_CONTENT", "rate")),
        ({"isBillable": "yes"}, (400, "INVALID_CONTENT", "isBillable")),
        ({"nonsense": 1}, (400, "INVALID_CONTENT", "nonsense")),
        ({"custcol_Bad Name": 1}, (400, "INVALID_CONTENT", "custcol_Bad Name")),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_wrong_values_are_refused_by_name(change: dict[str, Any], wanted: tuple[int, str, str]) -> None:
    """400 with the code and the path of what is wrong, and nothing kept."""

    async def test(api: Api) -> None:
        ids = await api.project()
        assert await api.refused("POST", "/record/v1/timeBill", time_bill(ids["job"], **change)) == wanted
        assert not [row for row in api.app.sim.state()["documents"] if row["type"] == "time"]

    on_account(test)


def test_suiteql_shows_documents_that_balance() -> None:
    """Main line, lines and tax line of an invoice sum to nothing; its time is billed, and open again without it."""

    async def test(api: Api) -> None:
        async def ask(query: str) -> list[dict[str, str]]:
            answer = await api.call(
                "POST", "/query/v1/suiteql", {"q": query}, headers={"Prefer": "transient"}
            )
            return [{k: v for k, v in row.items() if k != "links"} for row in answer.json()["items"]]

        ids = await api.project()
        for n in range(3):
            await api.time(ids["job"], f"T{n}", rate=33.33, item={"refName": f"ROLE{n}"})
        path = f"salesOrder/{ids['order']}/!transform/invoice"
        invoice = await api.made("POST", path, {"externalId": "BE", "tranDate": "2026-10-31"})
        lines = "SELECT COUNT(*) n, SUM(foreignamount) s FROM transactionline WHERE transaction = "
        assert await ask(lines + invoice) == [{"n": "5", "s": "0.00"}]
        assert await ask("SELECT DISTINCT status FROM timebill") == [{"status": "Billed"}]
        await api.call("DELETE", f"/record/v1/invoice/{invoice}")
        assert await ask("SELECT DISTINCT status FROM timebill") == [{"status": "Open"}]
        assert await ask(lines + invoice) == [{"n": "0"}]

    on_account(test)


def test_a_strict_account_makes_no_employees() -> None:
    """An employee named by external id must be there."""

    async def test(api: Api) -> None:
        ids = await api.project()
        wanted = (400, "INVALID_CONTENT", "employee")
        assert await api.refused("POST", "/record/v1/timeBill", time_bill(ids["job"])) == wanted
        await api.made(
            "PUT", "employee/eid:E", {"firstName": "Ada", "lastName": "L", "subsidiary": {"id": "2"}}
        )
        await api.time(ids["job"])

    on_account(test, employees="strict")


@pytest.mark.parametrize(
    ("q", "wanted"),
    [
        ('companyName IS "alpha ltd"', "A"),
        ('companyName CONTAIN "a" AND isInactive IS true', "B"),
        ('externalId ANY_OF ["A", "C"]', "AC"),
        ('externalId IS "A" OR email START_WITH "c@"', "AC"),
        ("email EMPTY", "A"),
        ("email EMPTY_NOT", "BC"),
        ('externalId IS_NOT "B"', "AC"),
        ('currency IS "GBP"', "ABC"),
        ("subsidiary EQUAL 2", "ABC"),
    ],
)
def test_lists_are_filtered(q: str, wanted: str) -> None:
    """The `q` language over a record's properties."""

    async def test(api: Api) -> None:
        for eid, body in (
            ("A", {"companyName": "Alpha Ltd"}),
            ("B", {"companyName": "Beta", "email": "b@x", "isInactive": True}),
            ("C", {"companyName": "Gamma", "email": "c@x"}),
        ):
            await api.made("PUT", f"customer/eid:{eid}", {"subsidiary": {"id": "2"}, **body})
        found = (await api.call("GET", "/record/v1/customer", q=q)).json()
        names = {"1001": "A", "1002": "B", "1003": "C"}
        assert "".join(names[item["id"]] for item in found["items"]) == wanted

    on_account(test)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/record/v1/customer", {"q": "companyName LIKES x"}),
        ("/record/v1/customer", {"q": "companyName"}),
        ("/record/v1/customer", {"q": 'companyName IS "a" XOR b IS c'}),
        ("/record/v1/customer", {"limit": "0"}),
        ("/record/v1/customer", {"limit": "1001"}),
        ("/record/v1/customer", {"limit": "10", "offset": "5"}),
        ("/record/v1/customer", {"limit": "-1"}),
    ],
)
def test_bad_list_parameters_are_refused(path: str, query: dict[str, str]) -> None:
    """Never ignored: a client that pages wrongly must see it."""

    async def test(api: Api) -> None:
        status, code, _ = await api.refused("GET", path, None, **query)
        assert (status, code) == (400, "INVALID_PARAMETER")

    on_account(test)


def test_a_batch_takes_time_and_at_most_a_hundred() -> None:
    """Pending until its time on the clock has come; 101 records, none, or mixed methods are refused."""

    async def test(api: Api) -> None:
        headers = {"Prefer": "respond-async", "Content-Type": COLLECTION}
        for items in ([], [{"companyName": "x"}] * 101):
            refused = await api.call("POST", "/record/v1/customer", {"items": items}, headers=headers)
            assert refused.status_code == 400
        items = [{"companyName": "x", "externalId": str(n)} for n in range(100)]
        accepted = await api.call("POST", "/record/v1/customer", {"items": items}, headers=headers)
        assert accepted.status_code == 202
        job = accepted.headers["location"].removeprefix("/services/rest")
        assert (await api.call("GET", job)).json()["progress"] == "pending"
        assert (await api.call("GET", f"{job}/task/1/result")).status_code == 404
        await asyncio.sleep(2.5)
        assert (await api.call("GET", job)).json()["progress"] == "succeeded"
        upsert = await api.call("PUT", "/record/v1/customer", {"items": [{"externalId": "1", "companyName": "y"}]}, headers=headers)  # fmt: skip
        await asyncio.sleep(1)
        job = upsert.headers["location"].removeprefix("/services/rest")
        (result,) = (await api.call("GET", f"{job}/task/1/result")).json()["items"]
        assert result["location"].endswith("/customer/1002")
        single = await api.call("PATCH", "/record/v1/customer/eid:1", {"companyName": "z"}, headers={"Prefer": "respond-async"})  # fmt: skip
        assert single.status_code == 202
        await asyncio.sleep(1)
        assert (await api.call("GET", "/record/v1/customer/eid:1")).json()["companyName"] == "z"
        assert (await api.call("GET", "/async/v1/job/99")).status_code == 404

    on_account(test)


def test_periods_close_for_everyone_to_see() -> None:
    """The posting period table follows the books; a closed month refuses, an opened one takes."""

    async def test(api: Api) -> None:
        async def closed() -> dict[str, str]:
            query = "SELECT periodname, closed FROM accountingperiod WHERE startdate BETWEEN '2026-08-01' AND '2026-10-01'"
            answer = await api.call(
                "POST", "/query/v1/suiteql", {"q": query}, headers={"Prefer": "transient"}
            )
            return {row["periodname"]: row["closed"] for row in answer.json()["items"]}

        assert await closed() == {"Aug 2026": "T", "Sep 2026": "F", "Oct 2026": "F"}
        ids = await api.project()
        api.app.sim.seed({"periods": {"open": {"UK01": ["2026-08"]}, "close": {"UK01": ["2026-10"]}}})
        assert await closed() == {"Aug 2026": "F", "Sep 2026": "F", "Oct 2026": "F"}, "others are open"
        await api.time(ids["job"], tranDate="2026-08-31")
        refused = await api.refused("POST", "/record/v1/timeBill", time_bill(ids["job"], "U"))
        assert refused == (400, "USER_ERROR", "tranDate")

    on_account(test)


def test_a_snapshot_brings_everything_back() -> None:
    """Records, ledger, SuiteQL mirror, pending jobs, learned credentials."""

    async def test(api: Api) -> None:
        sim = api.app.sim
        ids = await api.project()
        await api.time(ids["job"])
        sim.seed({"credentials": {"tokens": {"t2": "s2"}}})
        headers = {"Prefer": "respond-async", "Content-Type": COLLECTION}
        await api.call("POST", "/record/v1/timeBill", {"items": [time_bill(ids["job"], "LATE", rate=12.34)]}, headers=headers)  # fmt: skip
        kept = sim.snapshot()
        sim.reset()
        assert sim.state()["documents"] == []
        with pytest.raises(ValueError, match="snapshot"):
            sim.restore(b"nothing")
        sim.restore(kept)
        await api.log_in()
        await asyncio.sleep(5)
        query = {"q": "SELECT externalid, hours, rate FROM timebill ORDER BY id"}
        rows = (await api.call("POST", "/query/v1/suiteql", query, headers={"Prefer": "transient"})).json()[
            "items"
        ]
        assert [(row["externalid"], row["hours"], row["rate"]) for row in rows] == [
            ("T", "1.500000", "100.00"), ("LATE", "1.500000", "12.34"),
        ]  # fmt: skip
        assert sim.credentials.tokens["t2"] == "s2"  # type: ignore[attr-defined]  # the host knows simulators only

    on_account(test)


def test_seeded_records_are_ordinary_ones() -> None:
    """Bodies by record type, upserted by external id; a wrong one is a ValueError that says why."""

    async def test(api: Api) -> None:
        rows = {"customer": [{"externalId": "S", "companyName": "Seed"}, {"companyName": "Other"}]}
        assert api.app.sim.seed(rows) == {"customer": ["1001", "1002"]}
        assert api.app.sim.seed({"customer": [{"externalId": "S", "companyName": "Seed 2"}]}) == {
            "customer": ["1001"]
        }
        with pytest.raises(ValueError, match="companyNaem"):
            api.app.sim.seed({"customer": [{"companyNaem": "x"}]})
        assert (await api.call("GET", "/record/v1/customer/eid:S")).json()["companyName"] == "Seed 2"

    on_account(test)


def test_the_account_tells_its_limits_and_time() -> None:
    """Governance limits and server time; unknown services and methods are refused."""

    async def test(api: Api) -> None:
        limits = (await api.call("GET", "/system/v1/governanceLimits")).json()
        assert limits["accountConcurrencyLimit"] == 15
        told = (await api.call("GET", "/system/v1/serverTime")).json()["serverTime"]
        assert told == (START + timedelta()).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert (await api.refused("GET", "/system/v2/x"))[0] == 404
        assert (await api.refused("POST", "/record/v1/customer/1", {}))[0] == 405
        assert (await api.refused("PUT", "/record/v1/customer/1", {}))[0] == 400
        assert (await api.refused("POST", "/record/v1/customer/1/!transform/invoice", {}))[0] == 400

    on_account(test)
