"""simple-salesforce, unchanged, against the served org: over http by a rewriting adapter, over https as it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from simulators.crm.salesforce import CLIENT_ID, CLIENT_SECRET
from tests.conformance.served import serving

with warnings.catch_warnings(record=True):  # the client's own dependencies announce their successors
    from simple_salesforce import Salesforce, format_soql
    from simple_salesforce.exceptions import (
        SalesforceAuthenticationFailed,
        SalesforceMalformedRequest,
        SalesforceResourceNotFound,
    )

pytestmark = pytest.mark.conformance
ACCOUNT = {"Name": "Northwind", "Customer_Code__c": "C-1", "BillingCountryCode": "GB"}


class ToSimulator(requests.adapters.HTTPAdapter):  # type: ignore[misc]  # requests is untyped
    """Sends what was meant for the vendor's https address to the simulator's plain one."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc
        super().__init__()

    def send(self, request: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self._netloc, parts.path, parts.query, ""))
        return super().send(request, **options)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One served org with small pages."""
    with serving("salesforce", tmp_path_factory.mktemp("salesforce"), {"page_size": "3"}) as entry:
        yield entry


@pytest.fixture(params=["http", "https"])
def sf(request: pytest.FixtureRequest, org: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Salesforce:
    """A client that logged in; the org is empty."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", org["ca"])
    requests.post(f"{org['url']}/_sim/reset", timeout=10).raise_for_status()
    if request.param == "http":
        return Salesforce(
            consumer_key=CLIENT_ID, consumer_secret=CLIENT_SECRET, domain="acme.my", session=plain(org)
        )
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token = requests.post(f"{org['tls_url']}/services/oauth2/token", data=form, timeout=10).json()
    assert token["instance_url"] == org["tls_url"]
    return Salesforce(instance_url=token["instance_url"], session_id=token["access_token"])


def plain(org: dict[str, str]) -> requests.Session:
    """A session whose https goes to the simulator in plain http."""
    session = requests.Session()
    session.mount("https://", ToSimulator(org["url"]))
    return session


def deals(sf: Salesforce, count: int, **more: Any) -> list[str]:
    """Some opportunities of one account; returns their ids."""
    account = sf.Account.create(ACCOUNT)["id"]
    row = {
        "AccountId": account,
        "StageName": "Prospecting",
        "CloseDate": "2026-10-30",
        "Amount": 10.5,
        **more,
    }
    return [sf.Opportunity.create({**row, "Name": f"Deal {at}"})["id"] for at in range(count)]


def test_records_live_and_die(sf: Salesforce) -> None:
    """Create, read, change, delete: derived fields follow, a deleted record is only in queryAll."""
    made = deals(sf, 1)[0]
    assert sf.Opportunity.get(made)["IsWon"] is False
    assert sf.Opportunity.update(made, {"StageName": "Closed Won"}) == 204
    row = sf.Opportunity.get(made[:15])
    assert (row["Id"], row["IsWon"], row["IsClosed"], row["Amount"]) == (made, True, True, 10.5)
    assert row["attributes"]["url"].endswith(f"/sobjects/Opportunity/{made}")
    assert sf.Opportunity.delete(made) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Opportunity.get(made)
    assert sf.query("SELECT Id FROM Opportunity")["totalSize"] == 0
    assert sf.query_all("SELECT Id, IsDeleted FROM Opportunity", include_deleted=True)["totalSize"] == 1


def test_upsert_by_external_id(sf: Salesforce) -> None:
    """The first upsert creates, the second changes the same record; the value may hold odd characters."""
    assert sf.Account.upsert("Customer_Code__c/C%2F9", {"Name": "A"}) == 201
    assert sf.Account.upsert("Customer_Code__c/C%2F9", {"Name": "B"}) == 200
    found = sf.query("SELECT Name FROM Account WHERE Customer_Code__c = 'C/9'")
    assert [row["Name"] for row in found["records"]] == ["B"]
    assert sf.Account.get_by_custom_id("Customer_Code__c", "C/9")["Name"] == "B"


def test_queries_page_and_bind(sf: Salesforce) -> None:
    """Pages of three are walked by the client; parents nest; values are bound by the client's own formatter."""
    made = deals(sf, 8)
    first = sf.query("SELECT Id FROM Opportunity ORDER BY Id")
    assert (first["totalSize"], first["done"], len(first["records"])) == (8, False, 3)
    assert first["nextRecordsUrl"].startswith("/services/data/v59.0/query/01g")
    everything = sf.query_all("SELECT Id, Account.Name FROM Opportunity ORDER BY Id")
    assert [row["Id"] for row in everything["records"]] == sorted(made)
    assert everything["records"][0]["Account"]["Name"] == "Northwind"
    bound = sf.query(
        format_soql("SELECT Id FROM Opportunity WHERE Name = {} AND Amount = {}", "Deal 3", 10.5)
    )
    assert bound["records"][0]["Id"] == made[3]
    assert len(list(sf.query_all_iter("SELECT Id FROM Opportunity"))) == 8


def test_refusals_are_the_client_s_exceptions(sf: Salesforce) -> None:
    """Missing, unknown and double values and bad SOQL arrive as the client's malformed-request error."""
    cases: list[tuple[str, Any]] = [
        ("REQUIRED_FIELD_MISSING", lambda: sf.Account.create({"Industry": "x"})),
        ("INVALID_FIELD", lambda: sf.Account.create({"Name": "x", "Nope__c": 1})),
        (
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            lambda: sf.Account.create({"Name": "x", "SystemModstamp": "now"}),
        ),
        ("MALFORMED_QUERY", lambda: sf.query("SELECT FROM")),
        ("INVALID_CROSS_REFERENCE_KEY", lambda: deals(sf, 1, AccountId="001000000000001")),
        ("DUPLICATE_VALUE", lambda: deals(sf, 2, Project_Code__c="P-1")),
    ]
    for code, act in cases:
        with pytest.raises(SalesforceMalformedRequest) as caught:
            act()
        assert caught.value.content[0]["errorCode"] == code
        for row in sf.query_all("SELECT Id FROM Account")["records"]:
            sf.Account.delete(row["Id"])


def test_composite_and_collections(sf: Salesforce) -> None:
    """Rows fail one by one or together; sub-requests refer to earlier answers."""
    rows = [{"attributes": {"type": "Account"}, "Name": name} for name in ("One", "", "Three")]
    mixed = sf.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": rows})
    assert [row["success"] for row in mixed] == [True, False, True]
    assert mixed[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    together = sf.restful("composite/sobjects", method="POST", json={"allOrNone": True, "records": rows})
    assert [row["success"] for row in together] == [False, False, False]
    assert sf.query("SELECT COUNT() FROM Account")["totalSize"] == 2
    base = "/services/data/v59.0/sobjects"
    deal = {"Name": "D", "StageName": "Closed Won", "CloseDate": "2026-10-30", "AccountId": "@{acc.id}"}
    steps = [
        {"method": "POST", "url": f"{base}/Account", "referenceId": "acc", "body": ACCOUNT},
        {"method": "POST", "url": f"{base}/Opportunity", "referenceId": "opp", "body": deal},
        {"method": "GET", "url": f"{base}/Opportunity/@{{opp.id}}?fields=IsWon", "referenceId": "got"},
        {"method": "GET", "url": f"{base}/Opportunity/@{{nobody.id}}", "referenceId": "bad"},
    ]
    answers = sf.restful("composite", method="POST", json={"allOrNone": False, "compositeRequest": steps})
    found = {row["referenceId"]: row for row in answers["compositeResponse"]}
    assert [found[name]["httpStatusCode"] for name in ("acc", "opp", "got", "bad")] == [201, 201, 200, 400]
    assert found["got"]["body"]["IsWon"] is True


def test_metadata_and_limits(sf: Salesforce) -> None:
    """Describe names external ids; limits and the usage header count."""
    fields = {row["name"]: row for row in sf.Opportunity.describe()["fields"]}
    assert fields["Project_Code__c"]["externalId"] is True
    assert "Opportunity" in {row["name"] for row in sf.describe()["sobjects"]}
    assert sf.limits()["DailyApiRequests"]["Max"] == 100_000
    assert sf.api_usage["api-usage"].total == 100_000


def test_a_dead_session_is_renewed_by_the_client(
    org: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 401 INVALID_SESSION_ID makes the client log in again and repeat; a wrong secret never gets in."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    login = {"consumer_key": CLIENT_ID, "domain": "acme.my", "session": plain(org)}
    client = Salesforce(consumer_secret=CLIENT_SECRET, **login)
    requests.post(f"{org['url']}/_sim/reset", timeout=10).raise_for_status()  # ends every session
    assert client.query("SELECT Id FROM Account")["totalSize"] == 0
    with pytest.raises(SalesforceAuthenticationFailed):
        Salesforce(consumer_secret="wrong", **login)
