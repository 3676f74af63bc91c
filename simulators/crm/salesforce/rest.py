"""The REST resources under `/services/data/vNN.0/`: queries and single records.

A request here is a `Call` and an answer is an `Answer`, not HTTP, so that `composite.py` can run
sub-requests through the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from simulators.core.money import loads_exact
from simulators.crm.salesforce.errors import SalesforceError, SeveralMatch, not_found
from simulators.crm.salesforce.ids import make_id
from simulators.crm.salesforce.objects import OBJECTS, SObject, describe
from simulators.crm.salesforce.soql import parse
from simulators.crm.salesforce.state import Org, external_field, object_named

PAGE_MAX = 2_000
PAGE_MIN = 200
"""The vendor's bounds of a query page (`Sforce-Query-Options: batchSize`)."""
LOCATORS_MAX = 10
"""Open query cursors of a user; the oldest is closed when one more is opened."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request below the version: `sobjects/Account/001…`."""

    method: str
    path: str
    base: str
    """`/services/data/v59.0`"""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body as an object; raises JSON_PARSER_ERROR."""
        try:
            found = loads_exact(self.body)
        except (ValueError, RecursionError):
            raise SalesforceError(
                400, "JSON_PARSER_ERROR", "Unexpected character in the request body"
            ) from None
        if not isinstance(found, dict):
            raise SalesforceError(400, "JSON_PARSER_ERROR", "The request body must be a JSON object")
        return found

    @property
    def version(self) -> int:
        """The API version, e.g. 59."""
        return int(self.base.rsplit("/v", 1)[1].split(".")[0])


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and JSON body (None: empty)."""

    status: int
    body: Any = None


class Rest:
    """Answers calls on one org."""

    def __init__(self, org: Org, *, page_size: int = PAGE_MAX, upsert_update_status: int = 200) -> None:
        self._org = org
        self._page_size = page_size
        self._upsert_update_status = upsert_update_status
        self._locators: dict[str, list[dict[str, Any]]] = {}
        self._opened = 0

    def answer(self, call: Call) -> Answer:
        """The answer to a call; refusals become error bodies."""
        try:
            return self._dispatch(call)
        except SalesforceError as error:
            body: Any = error.body()
            if isinstance(error, SeveralMatch):
                parts = call.path.split("/")
                body = [f"{call.base}/sobjects/{parts[1]}/{record_id}" for record_id in error.urls]
            return Answer(error.status, body)

    def _dispatch(self, call: Call) -> Answer:
        parts = [unquote(part) for part in call.path.strip("/").split("/")]
        resource = parts[0].lower()
        if resource in ("query", "queryall") and call.method == "GET":
            return self._query(call, parts)
        if resource == "sobjects":
            return self._sobjects(call, parts[1:])
        raise not_found()

    def _query(self, call: Call, parts: list[str]) -> Answer:
        if len(parts) > 1:
            return self._more(call, parts[1])
        text = call.query.get("q", "")
        if not text:
            raise SalesforceError(400, "MALFORMED_QUERY", "A query string has to be specified")
        deleted = parts[0].lower() == "queryall"
        total, records = self._org.select(parse(text), base=call.base, deleted=deleted)
        size = self._size(call)
        if len(records) <= size:
            return Answer(200, {"totalSize": total, "done": True, "records": records})
        while len(self._locators) >= LOCATORS_MAX:
            del self._locators[next(iter(self._locators))]
        self._opened += 1
        locator = make_id("01g", self._opened)
        self._locators[locator] = records
        return Answer(200, self._page(call, locator, 0, size))

    def _more(self, call: Call, place: str) -> Answer:
        locator, _, start = place.partition("-")
        records = self._locators.get(locator)
        if records is None or not start.isdigit() or not 0 <= int(start) < len(records):
            raise SalesforceError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return Answer(200, self._page(call, locator, int(start), self._size(call)))

    def _page(self, call: Call, locator: str, start: int, size: int) -> dict[str, Any]:
        records = self._locators[locator]
        page: dict[str, Any] = {"totalSize": len(records), "done": start + size >= len(records)}
        if not page["done"]:
            page["nextRecordsUrl"] = f"{call.base}/query/{locator}-{start + size}"
        page["records"] = records[start : start + size]
        return page

    def _size(self, call: Call) -> int:
        wanted = call.headers.get("sforce-query-options", "").lower().replace(" ", "")
        _, _, number = wanted.partition("batchsize=")
        if number.isdigit():
            return max(min(int(number), PAGE_MAX), min(PAGE_MIN, self._page_size))
        return self._page_size

    def _sobjects(self, call: Call, parts: list[str]) -> Answer:
        if not parts or parts == [""]:
            return Answer(
                200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": self._catalogue(call.base)}
            )
        sobject = object_named(parts[0])
        if len(parts) == 1:
            if call.method == "POST":
                made = self._org.insert(sobject, call.json())
                return Answer(201, {"id": made, "success": True, "errors": []})
            urls = {"sobject": f"{call.base}/sobjects/{sobject.name}"}
            return Answer(200, {"objectDescribe": {"name": sobject.name, "urls": urls}, "recentItems": []})
        if len(parts) == 2 and parts[1].lower() == "describe":
            return Answer(200, describe(sobject, call.base))
        if len(parts) == 2:
            return self._record(call, sobject, parts[1])
        if len(parts) == 3:
            return self._by_external(call, sobject, parts[1], parts[2])
        raise not_found()

    def _catalogue(self, base: str) -> list[dict[str, Any]]:
        rows = [describe(sobject, base) for sobject in OBJECTS.values()]
        return [
            {name: row[name] for name in ("name", "label", "keyPrefix", "queryable", "urls")} for row in rows
        ]

    def _record(self, call: Call, sobject: SObject, record_id: str) -> Answer:
        if call.method == "GET":
            names = [name for name in call.query.get("fields", "").split(",") if name] or None
            record = self._org.record(sobject, record_id, names)
            url = f"{call.base}/sobjects/{sobject.name}/{record['Id']}"
            return Answer(200, {"attributes": {"type": sobject.name, "url": url}, **record})
        if call.method == "PATCH":
            self._org.update(sobject, self._real_id(sobject, record_id), call.json())
            return Answer(204)
        if call.method == "DELETE":
            self._org.delete(sobject, self._real_id(sobject, record_id))
            return Answer(204)
        raise SalesforceError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed")

    def _real_id(self, sobject: SObject, record_id: str) -> str:
        return str(self._org.record(sobject, record_id, ["Id"])["Id"])

    def _by_external(self, call: Call, sobject: SObject, name: str, value: str) -> Answer:
        field = external_field(sobject, name)
        if call.method == "PATCH":
            update_only = call.query.get("updateOnly", "").lower() == "true"
            found, created = self._org.upsert(sobject, field, value, call.json(), update_only=update_only)
            body: dict[str, Any] = {"id": found, "success": True, "errors": [], "created": created}
            if created:
                return Answer(201, body)
            return Answer(204) if self._upsert_update_status == 204 else Answer(200, body)
        found_id = self._org.by_external(sobject, field, value)
        if found_id is None:
            raise not_found()
        return self._record(call, sobject, found_id)
