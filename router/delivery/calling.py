"""One call to a connector, with whatever happens in it turned into answers.

A connector answers in values; what it raises anyway concerns every document of the call, and after
an exception nobody knows whether the other system acted: the outcome is in doubt (D8). Cancellation
passes through untouched, as a crash would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from router.connectors.port import (
    Answer,
    Connector,
    Delivery,
    Exchange,
    LookUpAnswer,
    LookUpResult,
    NoAnswer,
    Result,
    TryLater,
)
from router.delivery.policy import DeliveryPolicy
from router.errors import VendorRefused, VendorUnknown

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of a call: one answer a document, and what it says about the system."""

    answers: Sequence[Answer | LookUpAnswer]
    exchange: Exchange | None = None
    throttled: bool = False
    after_s: float | None = None
    refused: bool = False
    """Our credentials were rejected: no document is at fault."""


async def call(
    connector: Connector, deliveries: Sequence[Delivery], *, looks_up: bool, policy: DeliveryPolicy
) -> Heard:
    """Post or look up, once; raises nothing but CancelledError."""
    count = len(deliveries)
    log = _log.bind(target=connector.system, looks_up=looks_up, documents=count)
    try:
        async with asyncio.timeout(policy.call_limit_s):
            result: Result | LookUpResult = (
                await connector.look_up(deliveries) if looks_up else await connector.post(deliveries)
            )
    except VendorUnknown as error:
        after_s = error.retry_after_s
        return Heard(
            answers=[NoAnswer(reason=error.message)] * count, throttled=error.throttled, after_s=after_s
        )
    except VendorRefused as error:
        log.exception("delivery.credentials_rejected", why=error.message)
        reason = f"{connector.system} rejects our credentials: {error.message}"
        answer = NoAnswer(reason=reason) if looks_up else TryLater(
            reason=reason, after_s=policy.credentials_delay_s
        )  # fmt: skip
        return Heard(answers=[answer] * count, refused=True)
    except TimeoutError:
        log.exception("delivery.call_cut_off", after_s=policy.call_limit_s)
        return Heard(answers=[NoAnswer(reason=f"no answer within {policy.call_limit_s:g} s")] * count)
    except Exception as error:
        # A bug in a connector must not stop the other lanes, and says nothing of what the system did.
        log.exception("delivery.connector_bug")
        return Heard(answers=[NoAnswer(reason=f"our connector failed: {type(error).__name__}")] * count)
    answers = result.answers
    if len(answers) != count:
        log.error("delivery.connector_bug", answers=len(answers))
        reason = f"our connector failed: {len(answers)} answers to {count} documents"
        return Heard(answers=[NoAnswer(reason=reason)] * count, exchange=result.exchange)
    waits = [a for a in answers if isinstance(a, TryLater) and a.throttled]
    return Heard(
        answers=answers, exchange=result.exchange, throttled=bool(waits),
        after_s=max((a.after_s for a in waits if a.after_s is not None), default=None),
    )  # fmt: skip
