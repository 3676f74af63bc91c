"""CloudEvents 1.0 (structured JSON): the envelope every transaction arrives in.

`type` is `coexist.<kind>.<verb>.v<N>`; (source, id) is the source's own identity of the event and
the idempotency key where the client gives no other. Unknown extension attributes are kept out:
they can't change a route. Source: cloudevents/spec v1.0.2.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson

from router.canonical.documents import Document
from router.canonical.kinds import Kind, model_of, parse
from router.errors import BadInput
from router.values import value

_TYPE = re.compile(r"coexist\.([a-z_]{1,40})\.([a-z_]{1,40})\.v([1-9][0-9]{0,3})\Z", re.ASCII)
MAX_ATTRIBUTE = 255
"""Characters of `id`, `source` and `type`: source and id together still fit an idempotency key."""
_ATTRIBUTE = re.compile(r"[^\x00-\x1f\x7f]{1,255}\Z")


@value
class CloudEvent:
    """One event: envelope attributes and the document it carries."""

    source: str
    id: str
    type: str
    time: str | None
    verb: str
    """What happened: the third part of the type."""
    document: Document


def decode(body: bytes) -> Any:
    """JSON from bytes; raises BadInput for what is no JSON, no UTF-8, or holds NaN."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f"the body is not JSON: {error}", mend="send UTF-8 JSON, application/cloudevents+json"
        ) from error


def read(data: Any) -> CloudEvent:
    """A CloudEvent from decoded JSON; raises BadInput naming what is wrong."""
    if not isinstance(data, dict):
        raise BadInput("the event is not a JSON object", mend="`coexist example` prints a valid one")
    if data.get("specversion") != "1.0":
        raise BadInput('specversion: should be "1.0"', mend="`coexist example` prints a valid event")
    for name in ("id", "source", "type"):
        value = data.get(name)
        if type(value) is str and value.isprintable() and 0 < len(value) <= MAX_ATTRIBUTE:
            continue  # what most are; the pattern, which also takes rare blanks, costs four times as much
        if not isinstance(value, str) or not _ATTRIBUTE.match(value):
            raise BadInput(
                f"{name}: should be a text of 1 to {MAX_ATTRIBUTE} characters, none of them a control character"
            )
    kind, verb, version = _type_of(data["type"])
    body = data.get("data")
    if isinstance(body, dict) and body.get("kind", kind) != kind:
        raise BadInput(f"data.kind: does not fit the type's kind {kind!r}")
    time = data.get("time")
    if time is not None and not (isinstance(time, str) and len(time) <= 40):
        raise BadInput("time: should be an RFC 3339 text")
    if isinstance(body, dict) and "kind" not in body:
        body = body | {"kind": kind}
    document = parse(body, version)
    return CloudEvent(
        source=data["source"], id=data["id"], type=data["type"], time=time, verb=verb, document=document
    )


@lru_cache(maxsize=512)
def _type_of(text: str) -> tuple[Kind, str, int]:
    """Kind, verb and version of an event's type; what was found good is remembered, there are few."""
    found = _TYPE.match(text)
    if found is None:
        raise BadInput(f"type: {text[:80]!r} is not coexist.<kind>.<verb>.v<N>")
    kind, verb, version = found.groups()
    model = model_of(kind)
    if verb not in model.verbs:
        raise BadInput(f"type: {kind} has no verb {verb!r}", mend="use one of " + ", ".join(model.verbs))
    if int(version) > model.version:
        raise BadInput(f"type: version v{version} of {kind} is not known", mend=f"use v{model.version}")
    return kind, verb, int(version)


def wrap(
    document: Document, *, source: str, event_id: str, verb: str | None = None, time: str | None = None
) -> dict[str, Any]:
    """A CloudEvent's JSON object around a document."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"coexist.{document.kind}.{verb or document.verbs[0]}.v{document.version}",
        **({"time": time} if time else {}),
        "datacontenttype": "application/json",
        "data": document.model_dump(mode="json", exclude_none=True),
    }
