"""Field values between JSON, the table and JSON again; what does not fit its field is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from simulators.crm.salesforce.errors import SalesforceError
from simulators.crm.salesforce.ids import to_18
from simulators.crm.salesforce.objects import NUMBER, SCALE, TEXT, Field

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SCALED = 10**18


def to_ms(at: datetime) -> int:
    """Whole seconds in milliseconds since 1970: SystemModstamp has no finer grain at the vendor."""
    return (at - EPOCH) // timedelta(seconds=1) * 1000


def stamp_text(ms: int) -> str:
    """A datetime as REST gives it: `2025-11-30T23:10:00.000+0000`."""
    at = EPOCH + timedelta(milliseconds=ms)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}+0000"


def column_value(row: Field, value: Any) -> Any:
    """What the table keeps of a JSON value; raises SalesforceError naming the field."""
    if value is None:
        if row.required:
            raise SalesforceError(
                400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{row.name}]", (row.name,)
            )
        return 0 if row.type == "boolean" else None
    if row.type in TEXT:
        return _text(row, value)
    if row.type == "boolean" and isinstance(value, bool):
        return int(value)
    if row.type in NUMBER and isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        return _number(row, value)
    if row.type in ("id", "reference") and isinstance(value, str):
        try:
            return to_18(value) if value else None
        except ValueError:
            message = f"{row.name}: id value of incorrect type: {value[:40]}"
            raise SalesforceError(400, "MALFORMED_ID", message, (row.name,)) from None
    if row.type in ("date", "datetime") and isinstance(value, str):
        return _when(row, value)
    raise _unreadable(row, value)


def _text(row: Field, value: Any) -> str | None:
    if isinstance(value, bool | list | dict):
        raise _unreadable(row, value)
    text = str(value).strip()
    if len(text) > row.length:
        message = f"{row.name}: data value too large: {text[:40]} (max length={row.length})"
        raise SalesforceError(400, "STRING_TOO_LONG", message, (row.name,))
    return text or None


def _number(row: Field, value: int | Decimal | str) -> int:
    try:
        scaled = Decimal(value) * SCALE
        whole = int(scaled.to_integral_value())
    except (ArithmeticError, ValueError):
        raise _unreadable(row, value) from None
    if abs(whole) >= MAX_SCALED:
        raise SalesforceError(
            400, "NUMBER_OUTSIDE_VALID_RANGE", f"{row.name}: value outside of valid range", (row.name,)
        )
    return whole


def _when(row: Field, value: str) -> int | str:
    try:
        if row.type == "date":
            return date.fromisoformat(value[:10]).isoformat()
        at = datetime.fromisoformat(value)
        return (at.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise _unreadable(row, value) from None


def _unreadable(row: Field, value: Any) -> SalesforceError:
    message = f"Cannot deserialize instance of {row.type} from value {str(value)[:40]}"
    return SalesforceError(400, "JSON_PARSER_ERROR", message, (row.name,))


def json_value(row: Field, value: Any) -> Any:
    """A table value as REST gives it; numbers carry their exact decimal text into the JSON."""
    if value is None:
        return None
    if row.type == "boolean":
        return bool(value)
    if row.type in NUMBER:
        return orjson.Fragment(number_text(int(value)).encode())
    if row.type == "datetime":
        return stamp_text(value)
    return value


def number_text(scaled: int) -> str:
    """Ten-thousandths as a JSON number with at least one decimal: `15000.0`, `-0.25`."""
    whole, part = divmod(abs(scaled), SCALE)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{str(part).rjust(4, '0').rstrip('0') or '0'}"
