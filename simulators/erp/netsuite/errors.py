"""SuiteTalk's way of saying no: an envelope with `o:errorDetails` and the HTTP status that goes with a code."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

_TITLES = {
    400: ("Bad Request", "10.4.1"),
    401: ("Unauthorized", "10.4.2"),
    403: ("Forbidden", "10.4.4"),
    404: ("Not Found", "10.4.5"),
    405: ("Method Not Allowed", "10.4.6"),
    413: ("Request Entity Too Large", "10.4.14"),
    415: ("Unsupported Media Type", "10.4.16"),
    429: ("Too Many Requests", "10.4.1"),
    500: ("Internal Server Error", "10.5.1"),
    503: ("Service Unavailable", "10.5.4"),
}
ERROR_TYPE = "application/vnd.oracle.resource+json; type=error"


class SuiteTalkError(Exception):
    """A refusal on its way to the wire."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        path: str | None = None,
        *,
        title: str | None = None,
        location: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.path = status, code, detail, path
        self.title, self.location = title, location

    def body(self) -> dict[str, Any]:
        """The envelope as a JSON object."""
        title, section = _TITLES.get(self.status, ("Error", "10"))
        detail: dict[str, Any] = {"detail": self.detail, "o:errorCode": self.code}
        if self.path:
            detail["o:errorPath"] = self.path
        return {
            "type": f"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec{section}",
            "title": self.title or title,
            "status": self.status,
            "o:errorDetails": [detail],
        }

    def response(self) -> Response:
        """The envelope as an HTTP response."""
        headers = {"Location": self.location} if self.location else {}
        return Response(
            orjson.dumps(self.body()), status_code=self.status, media_type=ERROR_TYPE, headers=headers
        )


def invalid(detail: str, path: str | None = None) -> SuiteTalkError:
    """400 INVALID_CONTENT: the body is wrong at `path`."""
    return SuiteTalkError(400, "INVALID_CONTENT", f"Error while accessing a resource. {detail}", path)


def invalid_reference(value: object, path: str) -> SuiteTalkError:
    """400 INVALID_CONTENT: a reference to a record that is not there."""
    return invalid(f"Invalid reference key {value} for field {path.rpartition('.')[2]}.", path)


def user_error(detail: str, path: str | None = None) -> SuiteTalkError:
    """400 USER_ERROR: a business rule says no."""
    return SuiteTalkError(400, "USER_ERROR", f"Error while accessing a resource. {detail}", path)


def no_such(kind: str, key: str) -> SuiteTalkError:
    """404 NONEXISTENT_ID: the record asked for does not exist."""
    return SuiteTalkError(
        404,
        "NONEXISTENT_ID",
        f"Error while accessing a resource. The record instance does not exist. Provide a valid record "
        f"instance ID. ({kind} {key})",
    )


def invalid_login(
    detail: str = "Invalid login attempt. For more details, see the Login Audit Trail.",
) -> SuiteTalkError:
    """401 INVALID_LOGIN: the credentials or the signature are not right."""
    return SuiteTalkError(401, "INVALID_LOGIN", detail)


def concurrency_exceeded() -> SuiteTalkError:
    """429 CONCURRENCY_LIMIT_EXCEEDED: too many requests of the account at once; no Retry-After is given."""
    return SuiteTalkError(
        429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked."
    )
