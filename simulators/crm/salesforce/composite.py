"""Composite resources: many records or many requests in one call.

`composite/sobjects` takes up to 200 records, `composite` up to 25 sub-requests that may refer to
earlier answers with `@{reference.path}`. Rows fail one by one inside a 200 unless `allOrNone`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from simulators.crm.salesforce.errors import SalesforceError, not_found
from simulators.crm.salesforce.objects import OBJECTS
from simulators.crm.salesforce.rest import Answer, Call, Rest
from simulators.crm.salesforce.state import Org, external_field, object_named

ROWS_MAX = 200
REQUESTS_MAX = 25
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\[\d+\]|\.[A-Za-z0-9_]+)*)\}", re.ASCII)
_STEP = re.compile(r"\[(\d+)\]|\.([A-Za-z0-9_]+)", re.ASCII)


class _Undone(Exception):
    """Rolls an allOrNone call back, carrying the answer that tells why."""


class Composite:
    """Answers `composite…` calls through the single-record functions."""

    def __init__(self, org: Org, rest: Rest) -> None:
        self._org = org
        self._rest = rest

    def answer(self, call: Call) -> Answer:
        """The answer to a call below `composite`; refusals become error bodies."""
        parts = call.path.strip("/").split("/")
        try:
            if parts == ["composite"] and call.method == "POST":
                return self._requests(call)
            if len(parts) == 2 and parts[1] == "sobjects":
                return self._rows(call)
            if len(parts) == 4 and parts[1] == "sobjects" and call.method == "PATCH":
                return self._upserts(call, parts[2], parts[3])
            if len(parts) == 3 and parts[1] == "sobjects" and call.method == "POST":
                return self._retrieve(call, parts[2])
            raise not_found()
        except SalesforceError as error:
            return Answer(error.status, error.body())

    # --- records ------------------------------------------------------------------------------

    def _rows(self, call: Call) -> Answer:
        if call.method == "DELETE":
            ids = [item for item in call.query.get("ids", "").split(",") if item]
            all_or_none = call.query.get("allOrNone", "").lower() == "true"
            return self._each(ids, self._delete, all_or_none=all_or_none)
        body = call.json()
        act = {"POST": self._create, "PATCH": self._update}.get(call.method)
        if act is None:
            raise SalesforceError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{call.method}' not allowed")
        return self._each(body.get("records"), act, all_or_none=bool(body.get("allOrNone")))

    def _upserts(self, call: Call, name: str, field_name: str) -> Answer:
        sobject = object_named(name)
        field = external_field(sobject, field_name)
        body = call.json()

        def upsert(row: Any) -> dict[str, Any]:
            row = _record(row)
            value = row.get(field.name)
            if not isinstance(value, str) or not value:
                raise SalesforceError(400, "MISSING_ARGUMENT", f"{field.name} not specified", (field.name,))
            found, created = self._org.upsert(sobject, field, value, row, update_only=False)
            return {"id": found, "success": True, "errors": [], "created": created}

        return self._each(body.get("records"), upsert, all_or_none=bool(body.get("allOrNone")))

    def _retrieve(self, call: Call, name: str) -> Answer:
        sobject = object_named(name)
        body = call.json()
        ids, names = body.get("ids"), body.get("fields")
        if not isinstance(ids, list) or not isinstance(names, list):
            raise SalesforceError(400, "JSON_PARSER_ERROR", "ids and fields are lists")
        found: list[Any] = []
        for record_id in ids[: 10 * ROWS_MAX]:
            try:
                record = self._org.record(sobject, str(record_id), [str(item) for item in names])
            except SalesforceError as error:
                if error.status != 404:
                    raise
                found.append(None)
            else:
                found.append({"attributes": {"type": sobject.name}, **record})
        return Answer(200, found)

    def _each(self, rows: Any, act: Any, *, all_or_none: bool) -> Answer:
        if not isinstance(rows, list):
            raise SalesforceError(400, "JSON_PARSER_ERROR", "records is a list")
        if len(rows) > ROWS_MAX:
            message = f"record limit reached. Please limit the number of records to {ROWS_MAX}"
            raise SalesforceError(400, "EXCEEDED_ID_LIMIT", message)
        results: list[dict[str, Any]] = []
        try:
            with self._org.all_or_none():
                results += [self._one(row, act) for row in rows]
                _undo_if(all_or_none and not all(result["success"] for result in results))
        except _Undone:
            undone = SalesforceError(
                400,
                "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using AllOrNone header",
            )
            results = [undone.result() if result["success"] else result for result in results]
        return Answer(200, results)

    def _one(self, row: Any, act: Any) -> dict[str, Any]:
        try:
            with self._org.all_or_none():
                found: dict[str, Any] = act(row)
                return found
        except SalesforceError as error:
            return error.result()

    def _create(self, row: Any) -> dict[str, Any]:
        row = _record(row)
        made = self._org.insert(object_named(_type(row)), row)
        return {"id": made, "success": True, "errors": []}

    def _update(self, row: Any) -> dict[str, Any]:
        row = dict(_record(row))
        record_id = str(row.pop("Id", row.pop("id", "")))
        sobject = object_named(_type(row))
        real = str(self._org.record(sobject, record_id, ["Id"])["Id"])
        self._org.update(sobject, real, row)
        return {"id": real, "success": True, "errors": []}

    def _delete(self, record_id: Any) -> dict[str, Any]:
        from_prefix = {sobject.prefix: sobject for sobject in OBJECTS.values()}
        sobject = from_prefix.get(str(record_id)[:3])
        if sobject is None:
            raise not_found()
        real = str(self._org.record(sobject, str(record_id), ["Id"])["Id"])
        self._org.delete(sobject, real)
        return {"id": real, "success": True, "errors": []}

    # --- requests -----------------------------------------------------------------------------

    def _requests(self, call: Call) -> Answer:
        body = call.json()
        rows = body.get("compositeRequest")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise SalesforceError(400, "JSON_PARSER_ERROR", "compositeRequest is a list")
        if len(rows) > REQUESTS_MAX:
            message = f"Limit exceeded: at most {REQUESTS_MAX} subrequests"
            raise SalesforceError(400, "LIMIT_EXCEEDED", message)
        answers: list[dict[str, Any]] = []
        try:
            with self._org.all_or_none():
                known: dict[str, Any] = {}
                answers += [self._sub(call, row, known) for row in rows]
                failed = any(answer["httpStatusCode"] >= 300 for answer in answers)
                _undo_if(failed and bool(body.get("allOrNone")))
        except _Undone:
            rolled = [
                {
                    "errorCode": "PROCESSING_HALTED",
                    "message": "The transaction was rolled back since another operation in the same transaction failed.",
                }
            ]
            answers = [
                answer
                if answer["httpStatusCode"] >= 300
                else {**answer, "body": rolled, "httpStatusCode": 400}
                for answer in answers
            ]
        return Answer(200, {"compositeResponse": answers})

    def _sub(self, call: Call, row: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
        reference = str(row.get("referenceId", ""))
        try:
            answer = self._run(call, row, known)
        except SalesforceError as error:
            answer = Answer(error.status, error.body())
        if answer.status < 300:
            known[reference] = answer.body
        headers = {}
        if answer.status == 201 and isinstance(answer.body, dict):
            headers = {"Location": f"{str(row.get('url')).split('?')[0].rstrip('/')}/{answer.body.get('id')}"}
        return {
            "body": answer.body,
            "httpHeaders": headers,
            "httpStatusCode": answer.status,
            "referenceId": reference,
        }

    def _run(self, call: Call, row: dict[str, Any], known: dict[str, Any]) -> Answer:
        url = urlsplit(_resolved(str(row.get("url", "")), known))
        prefix = url.path.split("/")[:4]
        base = "/".join(prefix)
        if not base.startswith("/services/data/v"):
            raise not_found()
        path = url.path[len(base) + 1 :]
        payload = _resolved_in(row.get("body"), known)
        inner = Call(
            method=str(row.get("method", "GET")).upper(),
            path=path,
            base=base,
            query=dict(parse_qsl(url.query)),
            headers=call.headers,
            body=b"" if payload is None else orjson.dumps(payload, default=str),
        )
        if path.startswith("composite/sobjects"):
            return self.answer(inner)
        with self._org.all_or_none():
            return self._rest.answer(inner)


def _undo_if(failed: bool) -> None:  # noqa: FBT001  reads as a sentence
    if failed:
        raise _Undone


def _record(row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise SalesforceError(400, "JSON_PARSER_ERROR", "a record is an object")
    return row


def _type(row: dict[str, Any]) -> str:
    attributes = row.get("attributes")
    found = attributes.get("type") if isinstance(attributes, dict) else None
    if not isinstance(found, str):
        raise SalesforceError(400, "INVALID_TYPE", "attributes.type is missing")
    return found


def _resolved(text: str, known: dict[str, Any]) -> str:
    return _REFERENCE.sub(lambda found: str(_look(found, known)), text)


def _resolved_in(value: Any, known: dict[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        return _look(whole, known) if whole else _resolved(value, known)
    if isinstance(value, dict):
        return {name: _resolved_in(item, known) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved_in(item, known) for item in value]
    return value


def _look(found: re.Match[str], known: dict[str, Any]) -> Any:
    value: Any = known.get(found[1])
    for number, name in _STEP.findall(found[2]):
        try:
            value = value[int(number)] if number else value[name]
        except (KeyError, IndexError, TypeError):
            value = None
    if value is None:
        message = f"Invalid reference specified. No value for {found[0]} found in {found[1]}"
        raise SalesforceError(400, "PROCESSING_HALTED", message)
    return value
