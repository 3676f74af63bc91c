"""Salesforce rows ⇄ canonical words, cursors, and what an error code means. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from router.canonical.money import Money
from router.connectors.port import Observed, SaidNo, ShownTotal, TryLater
from router.connectors.salesforce.required import Names, value_at
from router.errors import BadInput, VendorUnknown

STRUCTURE = ("Id", "SystemModstamp", "AccountId")
"""What every org calls so; the rest is in the mapping."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)\Z", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z", re.ASCII)
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
LATER = {
    "UNABLE_TO_LOCK_ROW": False,
    "SERVER_UNAVAILABLE": False,
    "REQUEST_LIMIT_EXCEEDED": True,
    "CONCURRENT_REQUEST_LIMIT_EXCEEDED": True,
}
"""Codes that say nothing was done and may be done later → whether it is throttling."""
PREFIX = "OPP-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far the feed was read: everything before (stamp, id) was given. `seen` tells histories apart."""

    stamp: str = ""
    record_id: str = ""
    began: str = ""
    """When the running scan began; empty between scans."""
    seen: str = ""

    def text(self) -> str:
        """As it is stored."""
        return orjson.dumps(
            {"at": self.stamp, "id": self.record_id, "began": self.began, "seen": self.seen}
        ).decode()


def read_cursor(text: str | None) -> Cursor:
    """A stored cursor; None is the beginning. Raises BadInput for anything else."""
    if text is None:
        return Cursor()
    try:
        row = orjson.loads(text)
        cursor = Cursor(stamp=row["at"], record_id=row["id"], began=row["began"], seen=row["seen"])
        good = all(not stamp or _STAMP.match(stamp) for stamp in (cursor.stamp, cursor.began))
        good = good and (not cursor.record_id or bool(_ID.match(cursor.record_id)))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadInput("the stored cursor of the opportunities feed can't be read") from error
    if not good:
        raise BadInput("the stored cursor of the opportunities feed is damaged")
    return cursor


def soql(cursor: Cursor, limit: int, names: Names) -> str:
    """The next page of won opportunities without a project, in order of (SystemModstamp, Id).

    One that has its project code has its project: it was won before we came, or we wrote the code.
    """
    won, code = names["opportunity"]["won"], names["project"]["project_code"]
    fields = ", ".join(dict.fromkeys((*STRUCTURE, *names["opportunity"].values(), code)))
    where = f"{won} = true AND {code} = null"
    if cursor.stamp and cursor.record_id:
        same = f"(SystemModstamp = {cursor.stamp} AND Id > '{cursor.record_id}')"
        where += f" AND (SystemModstamp > {cursor.stamp} OR {same})"
    elif cursor.stamp:
        where += f" AND SystemModstamp >= {cursor.stamp}"
    # No injection: stamp and id were checked against their patterns by `read_cursor`, names by `names_of`.
    return (
        f"SELECT {fields} FROM Opportunity WHERE {where} "  # noqa: S608
        f"ORDER BY SystemModstamp ASC, Id ASC LIMIT {limit}"
    )


def shown_totals(after: str, limit: int, names: Names) -> str:
    """The next page of opportunities with a project, in order of Id; `after` is an id that was read."""
    written, code = names["opportunity"], names["project"]["project_code"]
    fields = ", ".join(
        dict.fromkeys(
            ("Id", code, written["customer_id"], "AccountId", written["currency"], names["invoice"]["total"])
        )
    )
    where = f"{code} != null" + (f" AND Id > '{after}'" if after else "")
    # No injection: the id was checked by `shown_total`, names by `names_of`.
    return f"SELECT {fields} FROM Opportunity WHERE {where} ORDER BY Id ASC LIMIT {limit}"  # noqa: S608


def shown_total(row: Mapping[str, Any], names: Names) -> ShownTotal:
    """What an opportunity shows of its project's invoices; raises VendorUnknown for what is no record of it."""
    record_id, currency = row.get("Id"), value_at(row, names["opportunity"]["currency"])
    project = value_at(row, names["project"]["project_code"])
    if not isinstance(record_id, str) or not _ID.match(record_id):
        raise VendorUnknown("Salesforce: a record has no Id")
    if not isinstance(project, str) or not isinstance(currency, str):
        raise VendorUnknown(f"Salesforce: opportunity {record_id} lacks its project or currency")
    said = _amount(value_at(row, names["invoice"]["total"]))
    try:
        minor = None if said is None else Money.parse(said, currency).minor
    except ValueError as error:
        raise VendorUnknown(
            f"Salesforce: opportunity {record_id} shows no amount of {currency[:10]}"
        ) from error
    customer = value_at(row, names["opportunity"]["customer_id"])
    return ShownTotal(
        record_id=record_id,
        project_id=project,
        customer_id=str(customer or (f"SF-{row['AccountId']}" if row.get("AccountId") else "")),
        currency=currency,
        total_minor=minor,
    )


def to_stamp(text: object) -> str:
    """A datetime of the API as a SOQL literal in UTC whole seconds; raises VendorUnknown."""
    if not isinstance(text, str) or not _STAMP.match(text):
        raise VendorUnknown("Salesforce: SystemModstamp is no datetime")
    return stamp_of(datetime.fromisoformat(text))


def stamp_of(at: datetime) -> str:
    """An instant as a SOQL literal, whole seconds: the grain of SystemModstamp."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at_the_end(cursor: Cursor, overlap_s: int) -> Cursor:
    """Where the next scan starts: never later than `overlap_s` before this scan began.

    Rows may still be committed with a stamp of the last seconds; they are read again.
    """
    horizon = stamp_of(datetime.fromisoformat(cursor.began) - timedelta(seconds=overlap_s))
    if cursor.stamp < horizon:
        return replace(cursor, began="")
    return replace(cursor, stamp=horizon, record_id="", began="")


def observed(row: Mapping[str, Any], names: Names) -> Observed:
    """A won opportunity in canonical words; raises VendorUnknown when it is not even a record."""
    record_id = row.get("Id")
    if not isinstance(record_id, str) or not _ID.match(record_id):
        raise VendorUnknown("Salesforce: a record has no Id")
    full = to_18(record_id)
    seen = {attribute: value_at(row, name) for attribute, name in names["opportunity"].items()}
    data = {
        "document_id": PREFIX + full,
        "customer_id": seen["customer_id"] or (f"SF-{row['AccountId']}" if row.get("AccountId") else None),
        "customer_name": seen["customer_name"],
        "country": seen["country"] or seen["country_text"],
        "name": seen["name"],
        "stage": seen["stage"],
        "won": seen["won"] is True,
        "amount": _amount(seen["amount"]),
        "currency": seen["currency"],
        "close_date": seen["close_date"],
        "billing": _billing(seen["billing"]),
        "template": seen["template"],
        "legal_entity": seen["legal_entity"],
        "business_unit": seen["business_unit"],
    }
    return Observed(
        kind="opportunity",
        verb="won",
        # Later edits, our own write-back among them, are no second win.
        event_id=f"{full}@won",
        vendor_id=full,
        occurred_at=to_stamp(row.get("SystemModstamp")),
        data={name: value for name, value in data.items() if value is not None},
        raw={name: value for name, value in row.items() if name != "attributes"},
    )


def to_18(record_id: str) -> str:
    """The 18-character form: three checksum characters from the upper-case positions of each five."""
    short = record_id[:15]
    return short + "".join(
        _CHECK[sum(1 << at for at, char in enumerate(short[group : group + 5]) if char.isupper())]
        for group in (0, 5, 10)
    )


def _amount(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    text = format(Decimal(value), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _billing(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return None
    return "_".join(re.findall(r"[a-z]+", value.lower().replace("&", " and ")))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """What to write to one opportunity, and how it is found."""

    record_id: str = ""
    """Its id, or empty: by project code."""
    project_code: str = ""
    fields: Mapping[str, Any]
    key: str
    """The external id field that holds the project code."""
    amount: str
    """The field whose value travels as a JSON number."""


def write_back(kind: str, facts: Mapping[str, Any], names: Names) -> WriteBack | SaidNo:
    """The fields that tell the CRM of a project, invoice or payment."""
    record_id = str(facts.get("opportunity_id") or "").removeprefix(PREFIX)
    if record_id and not _ID.match(record_id):
        return SaidNo(
            code="BAD_REFERENCE", message=f"{record_id[:40]!r} is no Salesforce id", field="opportunity_id"
        )
    problem = facts.get("problem")
    fields: dict[str, Any]
    if kind == "project":
        written = names["project"]
        fields = {
            written["status"]: facts.get("status"),
            written["problem"]: str(problem)[:255] if problem else None,
        }
        if not problem:
            # A project that failed has no code: the deal stays to be set up.
            fields[written["project_code"]] = facts.get("project_code")
    else:
        written = names["invoice"]
        fields = (
            {written["number"]: facts.get("number"), written["status"]: facts.get("status")}
            if "status" in facts or "number" in facts
            else {}
        )
        # What the project was invoiced to date; feedback of before says only the invoice's own total.
        total = facts.get("invoiced_total", facts.get("total"))
        if total is not None:
            fields[written["total"]] = total
    code = str(facts.get("project_id") or facts.get("project_code") or "")
    if not record_id and (kind == "project" or not code):
        return SaidNo(
            code="NO_REFERENCE", message="neither an opportunity nor a project to write to is given"
        )
    return WriteBack(
        record_id=record_id,
        project_code=code,
        fields=fields,
        key=names["project"]["project_code"],
        amount=names["invoice"]["total"],
    )


def holds(record: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether a record as read has all of what we would write."""
    return all(_same(record.get(name), value) for name, value in fields.items())


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(found, int | Decimal) and not isinstance(found, bool) and isinstance(wanted, str):
        try:
            return Decimal(found) == Decimal(wanted)
        except ArithmeticError:
            return False
    return bool(found == wanted)


def refusal(status: int, body: Any, retry_after_s: float | None) -> SaidNo | TryLater | None:
    """What an error body says: a refusal, come back later, or None when it can't be told (NoAnswer)."""
    row = body[0] if isinstance(body, list) and body and isinstance(body[0], Mapping) else {}
    code = str(row.get("errorCode") or "")[:100]
    message = str(row.get("message") or "")[:500]
    if code in LATER or status in (429, 503):
        return TryLater(
            reason=f"{code or status}: {message}",
            after_s=retry_after_s,
            throttled=LATER.get(code, status == 429),
        )
    if 400 <= status < 500 and code:
        fields = row.get("fields")
        field = str(fields[0]) if isinstance(fields, list) and fields else None
        return SaidNo(code=code, message=message, field=field)
    return None
