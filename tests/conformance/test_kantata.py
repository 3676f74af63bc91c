"""Kantata over real sockets, as golden transcripts: there is no maintained client to run.

Each step is a request and the answer it must get. The answers are written from the vendor's
documentation, not recorded from the simulator; values that differ run by run are `...`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulators.psa.kantata import CLIENT_ID, CLIENT_SECRET
from tests.conformance.served import serving

pytestmark = pytest.mark.conformance
OAUTH_ERROR = {"errors": [{"type": "oauth", "message": "Invalid OAuth 2 Request"}]}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One served account."""
    with serving("kantata", tmp_path_factory.mktemp("kantata"), {}) as entry:
        yield entry


class Client:
    """A plain HTTP client of one account."""

    def __init__(self, base: str, ca: str) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = ca

    def login(self) -> None:
        """Client credentials, as the vendor's token endpoint takes them."""
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        answer = self._session.post(f"{self.base}/oauth/token", data=form, timeout=10)
        assert answer.json() == {"access_token": answer.json()["access_token"], "token_type": "bearer"}
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        """Status and JSON of one request."""
        answer = self._session.request(method, f"{self.base}/api/v1{path}", json=body, timeout=10, **options)
        assert answer.headers.get("x-request-id") or answer.status_code == 204
        return answer.status_code, answer.json() if answer.content else None

    def seed(self, **rows: Any) -> None:
        """Start over with these rows."""
        for name, content in (("reset", None), ("seed", rows)):
            self._session.post(f"{self.base}/_sim/{name}", json=content, timeout=10).raise_for_status()
        self.login()


@pytest.fixture(params=["url", "tls_url"], ids=["http", "https"])
def kantata(request: pytest.FixtureRequest, account: dict[str, str]) -> Client:
    """A logged-in client; two users, a client company, two projects."""
    client = Client(account[request.param], account["ca"])
    client.seed(
        users=[
            {"id": "5", "full_name": "Ada", "email_address": "ada@example.com"},
            {"id": "6", "full_name": "Bo"},
        ],
        workspace_groups=[{"id": "3", "name": "Northwind", "company": True}],
        workspaces=[
            {"id": "10", "title": "Go-live", "currency": "USD", "primary_workspace_group_id": "3"},
            {"id": "11", "title": "Support", "currency": "JPY"},
        ],
    )
    return client


def like(found: Any, expected: Any) -> bool:
    """Whether an answer has everything expected; `...` stands for any value, objects may have more."""
    if expected is ...:
        return True
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            like(found.get(name), value) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(like, found, expected))
    return bool(found == expected)


def play(client: Client, *steps: tuple[str, str, Any, int, Any]) -> None:
    """Run a transcript: (method, path, body, status, answer)."""
    for method, path, body, status, answer in steps:
        found = client(method, path, body)
        assert found[0] == status, (method, path, found)
        assert like(found[1], answer), (method, path, found[1])


def test_the_envelope(kantata: Client) -> None:
    """Count, meta, results in order and records by id; with and without .json; side-loaded associations."""
    meta = {"count": 2, "page_count": 2, "page_number": 1, "page_size": 1}
    listed = {
        "count": 2,
        "meta": meta,
        "results": [{"key": "workspaces", "id": "10"}],
        "workspaces": {"10": {"id": "10", "title": "Go-live", "currency_base_unit": 100, "archived": False}},
        "workspace_groups": {"3": {"id": "3", "name": "Northwind"}},
    }
    query = "?order=created_at:asc&per_page=1&include=primary_workspace_group"
    play(
        kantata,
        ("GET", f"/workspaces{query}", None, 200, listed),
        ("GET", f"/workspaces.json{query}", None, 200, listed),
        ("GET", "/workspaces/11.json", None, 200, {"workspaces": {"11": {"currency_base_unit": 1}}}),
        ("GET", "/workspaces?only=11,99", None, 200, {"count": 1, "results": [{"key": "workspaces", "id": "11"}]}),
        ("GET", "/workspaces/99", None, 404, {"errors": [{"type": "system", "message": ...}]}),
        ("GET", "/workspaces?limit=1&offset=1&page=9&order=created_at:asc", None, 200, {"results": [{"id": "11"}]}),
        ("GET", "/workspaces?search=go-L", None, 200, {"results": [{"id": "10"}]}),
        ("GET", "/time_entries", None, 200, {"count": 0, "results": [], "time_entries": {}, "meta": {"page_count": 0}}),
        ("GET", "/workspaces?include=nonsense", None, 400, {"errors": [{"type": "system"}]}),
        ("GET", "/nonsense", None, 404, {"errors": [{"type": "system"}]}),
    )  # fmt: skip


def test_time_is_entered_handed_in_and_approved(kantata: Client) -> None:
    """Bulk entry, submission, approval: approved rows change `updated_at` and can't be edited any more."""
    row = {"workspace_id": 10, "user_id": 5, "date_performed": "2026-10-30", "time_in_minutes": 90}
    sheet = {"title": "W44", "workspace_id": 10, "line_item_ids": [1, 2]}
    entry = {
        "id": "1",
        "workspace_id": "10",
        "user_id": "5",
        "time_in_minutes": 90,
        "billable": True,
        "approved": False,
    }
    locked = {"errors": [{"type": "validation", "message": ..., "field": "base"}]}
    play(
        kantata,
        ("POST", "/time_entries", {"time_entries": [row, {**row, "time_in_minutes": 30}]}, 200,
         {"count": 2, "results": [{"id": "1"}, {"id": "2"}], "time_entries": {"1": entry}}),
        ("PUT", "/time_entries/2", {"time_entry": {"notes": "call"}}, 200, {"time_entries": {"2": {"notes": "call"}}}),
        ("GET", "/time_entries?approved=true", None, 200, {"count": 0}),
        ("POST", "/timesheet_submissions", {"timesheet_submission": sheet}, 200,
         {"timesheet_submissions": {"1": {"status": "pending", "user_id": "5"}}}),
        ("POST", "/timesheet_submissions", {"timesheet_submission": sheet}, 422,
         {"errors": [{"type": "validation", "field": "line_item_ids"}]}),
        ("PUT", "/timesheet_submissions/1/approve", {"resolution": {"description": "ok"}}, 200,
         {"timesheet_submissions": {"1": {"status": "approved"}}}),
        # The value of `approved` is ignored: it always means true.
        ("GET", "/time_entries?approved=false&include=user,active_submission", None, 200,
         {"count": 2, "users": {"5": {"full_name": "Ada"}}, "timesheet_submissions": {"1": ...},
          "time_entries": {"1": {"approved": True, "active_submission_id": "1"}}}),
        ("PUT", "/time_entries/1", {"time_entry": {"notes": "x"}}, 422, locked),
        ("DELETE", "/time_entries/1", None, 422, locked),
        ("PUT", "/timesheet_submissions/1/approve", None, 422, {"errors": [{"type": "validation"}]}),
        ("PUT", "/timesheet_submissions/1/cancel", {"resolution": {}}, 200, {"count": 1}),
        ("GET", "/time_entries?approved=true", None, 200, {"count": 0}),
        # Re-opened: rows can be changed, deleted and handed in again.
        ("PUT", "/time_entries/2", {"time_entry": {"time_in_minutes": 45}}, 200,
         {"time_entries": {"2": {"time_in_minutes": 45, "approved": False}}}),
        ("DELETE", "/time_entries/1", None, 204, None),
        ("GET", "/time_entries/1", None, 404, ...),
        ("GET", "/subscribed_events?event_types=time_entry:deleted,expense:deleted", None, 200,
         {"count": 1, "results": [{"key": "subscribed_events", "id": ...}]}),
        ("POST", "/timesheet_submissions", {"timesheet_submission": {**sheet, "line_item_ids": [2]}}, 200,
         {"timesheet_submissions": {"2": {"status": "pending"}}}),
    )  # fmt: skip


def test_several_timesheets_at_once(kantata: Client) -> None:
    """Timesheet approvals decide a list and answer with resolutions; a wrong one decides none."""
    row = {"workspace_id": 10, "date_performed": "2026-10-30", "time_in_minutes": 5}
    for at in (1, 2):
        kantata("POST", "/time_entries", {"time_entry": row})
        sheet = {"title": "W44", "workspace_id": 10, "line_item_ids": [at]}
        kantata("POST", "/timesheet_submissions", {"timesheet_submission": sheet})
    play(
        kantata,
        ("POST", "/timesheet_approvals", {"resolution": {"submission_ids": [1, 99]}}, 404, ...),
        ("GET", "/time_entries?approved=true", None, 200, {"count": 0}),
        ("POST", "/timesheet_approvals", {"resolution": {"submission_ids": [1, 2]}}, 200,
         {"count": 2, "resolutions": {"1": {"type": "approval", "target_type": "TimesheetSubmission", "target_id": "1"}}}),
        ("GET", "/time_entries?approved=true", None, 200, {"count": 2}),
    )  # fmt: skip


def test_a_repeated_post_doubles(kantata: Client) -> None:
    """There is no idempotency key: the same POST makes another record."""
    body = {"workspace": {"title": "Twice", "creator_role": "maven"}}
    assert [kantata("POST", "/workspaces", body)[1]["results"][0]["id"] for _ in range(2)] == ["12", "13"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/workspaces", {"workspace": {"creator_role": "maven"}}, "title"),
        ("/workspaces", {"workspace": {"title": "x"}}, "creator_role"),
        ("/time_entries", {"time_entry": {"workspace_id": 10, "time_in_minutes": 5}}, "date_performed"),
        ("/time_entries", {"time_entry": {"workspace_id": 99, "date_performed": "2026-10-30", "time_in_minutes": 5}}, "workspace_id"),
        ("/time_entries", {"time_entry": {"workspace_id": 10, "date_performed": "30.10.", "time_in_minutes": 5}}, "date_performed"),
        ("/time_entries", {"time_entry": {"workspace_id": 10, "date_performed": "2026-10-30", "time_in_minutes": 0}}, "time_in_minutes"),
        ("/time_entries", {"time_entry": {"workspace_id": 10, "date_performed": "2026-10-30", "time_in_minutes": 1.5}}, "time_in_minutes"),
    ],
)  # fmt: skip
def test_validation(kantata: Client, path: str, body: Any, field: str) -> None:
    """A refused value is a 422 that names its field; nothing is written."""
    play(
        kantata,
        ("POST", path, body, 422, {"errors": [{"type": "validation", "message": ..., "field": field}]}),
    )
    assert kantata("GET", "/time_entries")[1]["count"] == 0


def test_bulk_is_bounded_and_whole(kantata: Client) -> None:
    """A hundred at once, not one more; one wrong row leaves none."""
    row = {"workspace_id": 10, "date_performed": "2026-10-30", "time_in_minutes": 5}
    play(
        kantata,
        ("POST", "/time_entries", {"time_entries": [row] * 101}, 422, {"errors": [{"type": "system"}]}),
        (
            "POST",
            "/time_entries",
            {"time_entries": [row, {**row, "workspace_id": 99}]},
            422,
            {"errors": [...]},
        ),
        ("GET", "/time_entries", None, 200, {"count": 0}),
        ("POST", "/time_entries", {"time_entries": [row] * 100}, 200, {"count": 100}),
        ("GET", "/time_entries?per_page=500", None, 200, {"meta": {"page_size": 200, "page_count": 1}}),
    )


def test_external_references(kantata: Client) -> None:
    """One reference a service and record: create_or_update changes it; lists find records by it."""
    mine = {"service_name": "coexist", "service_model": "Project", "service_model_ref": "P-1"}
    subject = {"subject_type": "Workspace", "subject_id": 10}
    path = "/external_references/create_or_update"
    inline = {
        "title": "New",
        "creator_role": "buyer",
        "external_reference": {**mine, "service_model_ref": "P-2"},
    }
    play(
        kantata,
        ("POST", path, {"external_reference": {**mine, **subject}}, 200, {"external_references": {"1": {"subject_id": "10"}}}),
        ("POST", path, {"external_reference": {**mine, **subject, "external_status": "paid"}}, 200,
         {"results": [{"key": "external_references", "id": "1"}], "external_references": {"1": {"external_status": "paid"}}}),
        ("POST", path, {"external_reference": {**mine, "subject_type": "Moon", "subject_id": 1}}, 422, {"errors": [{"field": "subject_type"}]}),
        ("POST", "/workspaces?include=external_references", {"workspace": inline}, 200,
         {"workspaces": {"12": {"external_reference_ids": ["2"]}}, "external_references": {"2": {"service_model_ref": "P-2"}}}),
        ("GET", "/workspaces?external_reference_service_model_ref=P-1", None, 200, {"results": [{"id": "10"}]}),
        ("GET", "/workspaces?external_reference_service_model_refs=P-1,P-2", None, 200, {"count": 2}),
        ("GET", "/external_references?subject_type=Workspace&service_name=coexist&service_model_ref=P-2", None, 200,
         {"count": 1, "external_references": {"2": {"subject_type": "Workspace", "subject_id": "12"}}}),
    )  # fmt: skip


def test_archived_projects_hide(kantata: Client) -> None:
    """Archived projects and their time are hidden unless asked for, and take no new time."""
    row = {"workspace_id": 10, "date_performed": "2026-10-30", "time_in_minutes": 5}
    play(
        kantata,
        ("POST", "/time_entries", {"time_entry": row}, 200, ...),
        (
            "PUT",
            "/workspaces/10",
            {"workspace": {"archived": True}},
            200,
            {"workspaces": {"10": {"archived": True}}},
        ),
        ("GET", "/workspaces/10", None, 404, ...),
        ("GET", "/workspaces?include_archived=true", None, 200, {"count": 2}),
        ("GET", "/time_entries", None, 200, {"count": 0}),
        ("GET", "/time_entries?from_archived_workspaces=true", None, 200, {"count": 1}),
        ("POST", "/time_entries", {"time_entry": row}, 422, {"errors": [{"field": "workspace_id"}]}),
    )


def test_events_tell_what_changed(kantata: Client) -> None:
    """Subscribed events carry the payload before and after, and can be narrowed by type."""
    kantata("PUT", "/workspaces/10", {"workspace": {"title": "Live"}})
    event = {
        "event_type": "workspace:updated",
        "subject_type": "Workspace",
        "subject_id": "10",
        "payload_changes": {"title": ["Go-live", "Live"]},
        "previous_payload": {"title": "Go-live"},
        "current_payload": {"title": "Live"},
    }
    play(
        kantata,
        ("GET", "/subscribed_events?include=subject", None, 200,
         {"count": 1, "subscribed_events": {"1": event}, "workspaces": {"10": {"title": "Live"}}}),
        ("GET", "/subscribed_events?event_types=time_entry:created", None, 200, {"count": 0}),
        ("GET", "/subscribed_events?created_before=2020-01-01T00:00:00Z", None, 200, {"count": 0}),
    )  # fmt: skip


def test_forms_are_taken_as_well(kantata: Client) -> None:
    """Rails-structured forms mean the same as JSON."""
    form = {
        "time_entry[workspace_id]": "10",
        "time_entry[date_performed]": "2026-10-30",
        "time_entry[time_in_minutes]": "45",
        "time_entry[billable]": "false",
    }
    status, found = kantata("POST", "/time_entries", data=form)
    assert status == 200
    assert like(
        found, {"time_entries": {"1": {"time_in_minutes": 45, "billable": False, "workspace_id": "10"}}}
    )


def test_no_token_no_entry(account: dict[str, str]) -> None:
    """Without a token, with a wrong one, or after a reset: the vendor's oauth error; a wrong secret gets none."""
    client = Client(account["url"], account["ca"])
    assert client("GET", "/workspaces") == (401, OAUTH_ERROR)
    assert client("GET", "/workspaces", headers={"Authorization": "Bearer nope"}) == (401, OAUTH_ERROR)
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": "wrong"}
    answer = requests.post(f"{account['url']}/oauth/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_throttled_request_is_not_told_when_to_come_back(account: dict[str, str]) -> None:
    """429 without Retry-After."""
    base = account["url"]
    fault = {
        "name": "storm",
        "kind": "throttle",
        "path": "/api/v1",
        "first": 1,
        "params": {"retry_after_s": 9},
    }
    requests.put(f"{base}/_sim/faults", json=[fault], timeout=10).raise_for_status()
    answer = requests.get(f"{base}/api/v1/workspaces", timeout=10)
    assert (answer.status_code, "retry-after" in answer.headers) == (429, False)
    assert answer.json()["errors"][0]["type"] == "system"
    requests.put(f"{base}/_sim/faults", json=[], timeout=10).raise_for_status()
