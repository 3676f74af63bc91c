"""The gateway's HTTP API (DESIGN section 5): transactions, batches, explanations, processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.kinds import parse
from router.errors import (
    BadInput,
    CoexistError,
    InProgress,
    KeyReused,
    Overloaded,
    PeriodClosed,
    Refused,
    StaleVersion,
    TooLarge,
    WrongCoding,
)
from router.ingest.decisions import route_of
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response, on_bug, on_error, on_http, on_invalid, problem_of
from router.ingest.straight import Straight
from router.journal.port import Acceptance, Accepted, Conflict, Stale, Submission
from router.settings import Settings

CHUNK = 1_000
"""Lines of a batch that share a commit: long enough to be cheap, short enough not to hold a switch up."""
MAX_KEY = 255


async def read_body(request: Request, most: int) -> bytes:
    """The request's body; raises TooLarge as soon as it is over `most` bytes, without keeping it.

    Raises WrongCoding for a compressed body (a small one can unpack to anything), BadInput when the
    caller went away in the middle of it.
    """
    coding = request.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise WrongCoding(f"a body in the coding {coding[:40]!r} is not read", mend="send it as it is")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"the body has {declared} bytes, the limit is {most}", mend="send it in smaller parts")
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise TooLarge(f"the body has more than {most} bytes", mend="send it in smaller parts")
            parts.append(part)
    except ClientDisconnect as error:
        raise BadInput("the caller went away before the body ended") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def key_of(header: str) -> str:
    """An Idempotency-Key, quoted (a structured field's string) or not; raises BadInput."""
    key = header[1:-1] if len(header) > 1 and header[0] == header[-1] == '"' else header
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise BadInput(f"Idempotency-Key: should be 1 to {MAX_KEY} printable characters")
    return key


def answer_of(answer: Acceptance) -> dict[str, Any]:
    """What the caller is told of an accepted transaction; raises KeyReused for a conflict."""
    if isinstance(answer, Conflict):
        raise KeyReused(
            f"{answer.what} was used before with another body, as {answer.first}", mend="use a new id"
        )
    if isinstance(answer, Stale):
        sort, _, name = answer.register.partition(":")
        if sort == "period":
            raise PeriodClosed(f"the period of {name} was closed just now", mend="send it again")
        if sort == "master":
            raise StaleVersion(f"{name} was changed just now", mend="look at it again, then send it again")
        raise StaleVersion(
            f"version {answer.wanted} of {name} does not follow the one that stands, {answer.stands_at}",
            mend=f"send version {answer.stands_at + 1}",
        )
    return {
        "transaction_id": answer.transaction_id,
        "correlation_id": answer.correlation_id,
        "state": answer.state.value,
        "route": route_of(answer.decision),
        "status_url": f"/v1/transactions/{answer.transaction_id}",
    }


def answered(answer: Acceptance) -> Response:
    """The response to one submission: 202, or 200 for a replay; raises KeyReused for a conflict."""
    told = answer_of(answer)
    if isinstance(answer, Accepted) and answer.replayed:
        return json_response(told, 200, {"Idempotent-Replayed": "true"})
    return json_response(told, 202, {"Location": told["status_url"]})


def result_of(answer: Acceptance | Refused) -> dict[str, Any]:
    """One of several answers: its `status` and what a single request would have been told."""
    try:
        if isinstance(answer, Refused):
            raise answer
        told = answer_of(answer)
    except Refused as error:
        return {"status": error.status, "problem": problem_of(error)}
    return {"status": 200 if isinstance(answer, Accepted) and answer.replayed else 202, **told}


class Gateway:
    """The endpoints that write; reading ones are in `queries_api`."""

    def __init__(self, *, intake: Intake, settings: Settings, authenticate: Authenticate) -> None:
        self._intake = intake
        self._settings = settings
        self._authenticate = authenticate
        self._running: set[tuple[str, str]] = set()

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints and the error handlers to an app."""
        app.add_exception_handler(CoexistError, on_error)
        app.add_exception_handler(HTTPException, on_http)
        app.add_exception_handler(RequestValidationError, on_invalid)
        app.add_exception_handler(Exception, on_bug)
        for path, endpoint, status, body in (
            ("/v1/transactions", self.post_transaction, 202, _EVENT_BODY),
            ("/v1/transactions:batch", self.post_batch, 200, _NDJSON_BODY),
        ):
            app.router.add_api_route(
                path,
                endpoint,
                methods=["POST"],
                status_code=status,
                openapi_extra=body,
                route_class_override=Straight,
            )

    async def post_transaction(self, request: Request) -> Response:
        """Accept one CloudEvent: 202 when it is durable, 200 for a replay."""
        principal = await self._authenticate(request)
        body = await read_body(request, self._settings.body_max)
        submission = self._read(body, principal, request.headers.get("idempotency-key"))
        running = (submission.client, submission.idempotency_key)
        if running in self._running:
            raise InProgress(mend="ask again in a second")
        self._running.add(running)
        try:
            (answer,) = await self._intake.accept([submission])
        finally:
            self._running.discard(running)
        return answered(answer)

    async def post_batch(self, request: Request) -> Response:
        """Accept NDJSON: every line gets its own result; a bad line spoils no other."""
        principal = await self._authenticate(request)
        body = await read_body(request, self._settings.batch_body_max)
        count = body.count(b"\n") + (not body.endswith(b"\n"))
        if count > self._settings.batch_lines_max:
            raise TooLarge(
                f"the batch has {count} lines, the limit is {self._settings.batch_lines_max}",
                mend="send it in smaller parts",
            )
        # Blank lines are left out, but count, so that a result's `line` is the line of the file sent.
        lines = [(at, line) for at, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
        results: list[dict[str, Any]] = []
        for start in range(0, len(lines), CHUNK):
            results += await self._chunk(lines[start : start + CHUNK], principal)
        counts = {
            "accepted": sum(row["status"] == 202 for row in results),
            "replayed": sum(row["status"] == 200 for row in results),
            "refused": sum(row["status"] >= 400 for row in results),
        }
        later = any(row["status"] == Overloaded.status for row in results)
        return json_response(
            {**counts, "results": results}, headers=Overloaded().headers() if later else None
        )

    async def _chunk(self, lines: Sequence[tuple[int, bytes]], principal: Principal) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        good: list[tuple[dict[str, Any], Submission]] = []
        for at, line in lines:
            row: dict[str, Any] = {"line": at}
            results.append(row)
            try:
                good.append((row, self._read(line, principal, None)))
            except Refused as error:
                row |= {"status": error.status, "problem": problem_of(error)}
        answers = await self._intake.accept_each([submission for _, submission in good])
        for (row, _), answer in zip(good, answers, strict=True):
            row.update(result_of(answer))
        return results

    def _read(self, body: bytes, principal: Principal, key: str | None) -> Submission:
        key = None if key is None else key_of(key)
        event = events.read(events.decode(body))
        return self._intake.submission(event, client=principal.client, received=body, key=key)


def read_document(body: bytes) -> Any:
    """A bare canonical document, or the one inside a CloudEvent; raises BadInput."""
    data = events.decode(body)
    if isinstance(data, dict) and "specversion" in data:
        return events.read(data).document
    return parse(data)


_EVENT_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/cloudevents+json": {"schema": {"type": "object"}}},
    }
}
_NDJSON_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}
