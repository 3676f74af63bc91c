"""Salesforce's refusals: always a JSON array of `{message, errorCode, fields?}`."""

from __future__ import annotations

from typing import Any


class SalesforceError(Exception):
    """One refusal, with its HTTP status, error code and the fields it is about."""

    def __init__(self, status: int, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def body(self) -> list[dict[str, Any]]:
        """The REST error body."""
        row: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields:
            row["fields"] = list(self.fields)
        return [row]

    def result(self) -> dict[str, Any]:
        """The row of a composite/sobjects answer that was refused."""
        return {
            "success": False,
            "errors": [{"statusCode": self.code, "message": self.message, "fields": list(self.fields)}],
        }


class SeveralMatch(SalesforceError):
    """An external id that fits several records: 300 with their addresses (vendor documentation)."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__(300, "MULTIPLE_CHOICES", "several records match")
        self.urls = urls

    def body(self) -> Any:
        """The list of addresses."""
        return self.urls


def not_found() -> SalesforceError:
    """Nothing at that address."""
    return SalesforceError(404, "NOT_FOUND", "The requested resource does not exist")


def malformed(message: str) -> SalesforceError:
    """A SOQL text that can't be parsed."""
    return SalesforceError(400, "MALFORMED_QUERY", message)


def session_expired() -> SalesforceError:
    """A token that is unknown or too old."""
    return SalesforceError(401, "INVALID_SESSION_ID", "Session expired or invalid")
