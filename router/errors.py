"""The one error tree. Split by whose move it is.

    CoexistError
    ├── Refused            the caller's move: mend the input and send it again
    │   ├── BadConfig      a landscape, route table, plan or policy file; names file, place, mend
    │   ├── BadInput       a document or request that is not valid
    │   ├── KeyReused      an idempotency key or document id with another body
    │   ├── PeriodClosed   an accounting date in a closed period
    │   ├── PeriodOpen     an accrual of a period that still takes ordinary entries
    │   ├── StaleVersion   a version that does not follow the one that stands
    │   ├── NotOwner       a change of an attribute another system owns
    │   ├── OpenItems      a close-out while something is still open
    │   ├── RateMissing    no published exchange rate for a pair, type and day
    │   ├── NotCompleted   a milestone that is not completed yet
    │   ├── FeeExceeded    milestones beyond the fee that was agreed
    │   ├── CapBelowBilled a cap lower than what was taken under it
    │   ├── NoReceipt      an expense that policy wants a receipt for
    │   ├── FourEyes       one person where two are needed
    │   ├── NotFound       nothing by that name
    │   ├── WrongMethod    the address is right, the method is not
    │   ├── WrongCoding    a body in a content coding that is not read
    │   ├── TooLarge       a body over its limit
    │   ├── InProgress     the same request is being worked on right now
    │   └── Overloaded     back-pressure; come back after `retry_after_s`
    ├── Superseded         another runner of the same cutover took over; this one must stop
    ├── VendorRefused      the other system said no, and will say no again
    ├── VendorUnknown      the other system gave no usable answer; ask it again
    └── Broken             our own bug, or a broken invariant

Every class has a stable `code`; those that can leave over HTTP have a `status`, and the RFC 9457
problem `type` is `urn:coexist:problem:<code>`. No httpx or SQLAlchemy error crosses a seam.
"""

from __future__ import annotations

from typing import ClassVar


class CoexistError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500

    def __init__(self, message: str = "", *, mend: str = "", **facts: str | int | None) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.mend = mend
        self.facts = {name: value for name, value in facts.items() if value is not None}
        super().__init__(self.message)

    @property
    def problem_type(self) -> str:
        """The RFC 9457 `type` of this problem."""
        return f"urn:coexist:problem:{self.code}"

    def one_line(self) -> str:
        """The message and its mend on one line, as the command line prints it."""
        return f"{self.message} — {self.mend}" if self.mend else self.message


class Refused(CoexistError):
    """The request can't be taken as it is."""

    code = "refused"
    status = 422


class BadInput(Refused):
    """The document is not valid."""

    code = "invalid-document"
    status = 422


class BadConfig(Refused):
    """The configuration file is not valid."""

    code = "invalid-configuration"
    status = 422

    def __init__(
        self, message: str, *, file: str, line: int | None = None, column: int | None = None, mend: str = ""
    ) -> None:
        place = file if line is None else f"{file}:{line}" + (f":{column}" if column is not None else "")
        super().__init__(f"{place}: {message}", mend=mend, file=file, line=line, column=column)


class KeyReused(Refused):
    """This idempotency key or document id was used before, with another body."""

    code = "key-reused"
    status = 422


class PeriodClosed(Refused):
    """The accounting date lies in a closed period."""

    code = "period-closed"
    status = 422


class PeriodOpen(Refused):
    """The period still takes ordinary entries."""

    code = "period-open"
    status = 409


class StaleVersion(Refused):
    """The version does not follow the one that stands."""

    code = "stale-version"
    status = 409


class NotOwner(Refused):
    """Another system owns what would change."""

    code = "not-owner"
    status = 422


class OpenItems(Refused):
    """Something is still open."""

    code = "open-items"
    status = 409


class RateMissing(Refused):
    """No exchange rate is published for this pair, type and day."""

    code = "fx-rate-missing"
    status = 422


class NotCompleted(Refused):
    """The milestone is not completed yet."""

    code = "milestone-incomplete"
    status = 422


class FeeExceeded(Refused):
    """The milestones would be more than the fee that was agreed."""

    code = "fee-exceeded"
    status = 422


class CapBelowBilled(Refused):
    """The cap would be lower than what was billed under it."""

    code = "cap-below-billed"
    status = 422


class NoReceipt(Refused):
    """The expense policy asks for a receipt."""

    code = "receipt-missing"
    status = 422


class FourEyes(Refused):
    """Two people are needed."""

    code = "four-eyes"
    status = 422


class NotFound(Refused):
    """There is nothing by that name."""

    code = "not-found"
    status = 404


class WrongMethod(Refused):
    """This address does not answer to that method."""

    code = "wrong-method"
    status = 405


class WrongCoding(Refused):
    """The body comes in a content coding that is not read here."""

    code = "wrong-coding"
    status = 415


class TooLarge(Refused):
    """The body is larger than its limit."""

    code = "too-large"
    status = 413


class InProgress(Refused):
    """A request with this idempotency key is being worked on right now."""

    code = "in-progress"
    status = 409


class Overloaded(Refused):
    """Too much work is waiting; come back later."""

    code = "overloaded"
    status = 503

    def __init__(self, message: str = "", *, retry_after_s: int = 30, mend: str = "") -> None:
        super().__init__(message, mend=mend, retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s

    def headers(self) -> dict[str, str]:
        """When to come back, in the header fields of RFC 9110 and of the RateLimit draft."""
        return {
            "Retry-After": str(self.retry_after_s),
            "RateLimit": f'"backlog";r=0;t={self.retry_after_s}',
        }


class Superseded(CoexistError):
    """Another runner of this cutover took over."""

    code = "superseded"
    status = 409


class VendorRefused(CoexistError):
    """The other system refused, and would refuse again."""

    code = "vendor-refused"
    status = 502


class VendorUnknown(CoexistError):
    """The other system gave no usable answer."""

    code = "vendor-unknown"
    status = 502

    def __init__(
        self, message: str = "", *, retry_after_s: float | None = None, throttled: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.throttled = throttled


class Broken(CoexistError):
    """An invariant of our own does not hold."""

    code = "broken"
    status = 500
