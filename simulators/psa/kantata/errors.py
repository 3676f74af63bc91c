"""Kantata's refusals: `{"errors": [{"type": "oauth"|"system"|"validation", "message", "field"?}]}`."""

from __future__ import annotations

from typing import Any


class KantataError(Exception):
    """A refusal with its HTTP status and rows."""

    def __init__(self, status: int, errors: list[dict[str, str]]) -> None:
        super().__init__(errors[0]["message"])
        self.status = status
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """The error body."""
        return {"errors": self.errors}


def invalid(field: str, message: str) -> KantataError:
    """A value the model refuses."""
    return KantataError(422, [{"type": "validation", "message": message, "field": field}])


def system(status: int, message: str) -> KantataError:
    """A refusal that is about no field."""
    return KantataError(status, [{"type": "system", "message": message}])


def not_found() -> KantataError:
    """No such record, or one that a default filter hides."""
    return system(404, "The requested resource could not be found")


def bad_token() -> KantataError:
    """No token, or one that was never issued or is revoked."""
    return KantataError(401, [{"type": "oauth", "message": "Invalid OAuth 2 Request"}])
