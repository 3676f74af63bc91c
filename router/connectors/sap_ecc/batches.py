"""One IDoc file from drop to answers: write, trigger, wait for the status file, give up without guessing.

ECC answers the trigger before it has processed anything; what became of each IDoc stands in the status file later. A file whose trigger
brought no answer is taken back: when it is still there ECC has not read it and never will; when it is gone ECC has it, and
the status file is waited for as usual. Whatever stays unanswered at the deadline is in doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from router.connectors.http import NotSent, Trace
from router.connectors.port import Answer, NoAnswer, TryLater
from router.connectors.sap_ecc.answers import Fault, NoLogon, Reply
from router.connectors.sap_ecc.decisions import CREDENTIALS, next_wait_s, of_status
from router.connectors.sap_ecc.drop import Drop
from router.connectors.sap_ecc.idoc import read_status
from router.connectors.sap_ecc.wire import Wire
from router.errors import VendorRefused

PORT = "COEXIST"
"""The file port's name in ECC (transaction WE21)."""


async def run(
    wire: Wire, drop: Drop, name: str, idocs: Mapping[str, str], trace: Trace, *, patience_s: float
) -> dict[str, Answer]:
    """Answers by archive key of IDocs given as text by archive key; raises VendorRefused when ECC has none of them."""
    text = "".join(idocs.values())
    trace.sent(f"PUT {drop.path(name)} ({len(idocs)} IDocs)\n" + text[: 64 * 1024])
    try:
        drop.forget(
            name
        )  # a status file left by another run under the same name must not answer for this one
        drop.put(name, text)
    except OSError as error:
        trace.came(f"the drop folder does not take the file: {error.strerror or error}")
        return dict.fromkeys(idocs, TryLater(reason="the drop folder does not take the file"))
    outcome = await wire.call("EDI_DATA_INCOMING", {"PATHNAME": drop.path(name), "PORT": PORT}, trace)
    if not isinstance(outcome, Reply) and _taken_back(drop, name):
        if isinstance(outcome, NoLogon):
            raise VendorRefused(outcome.reason, mend=CREDENTIALS)
        if isinstance(outcome, NotSent):
            later: Answer = TryLater(
                reason=outcome.reason, after_s=outcome.after_s, throttled=outcome.throttled
            )
        elif isinstance(outcome, Fault):
            later = TryLater(reason=f"EDI_DATA_INCOMING: {outcome.text}")
        else:
            # ECC may have read the file an instant before we took it back.
            later = NoAnswer(reason=f"trigger: {outcome.reason}")
        return dict.fromkeys(idocs, later)
    return await _wait(drop, name, list(idocs), trace, patience_s)


def _taken_back(drop: Drop, name: str) -> bool:
    try:
        return drop.take_back(name)
    except OSError:
        return False


async def _wait(
    drop: Drop, name: str, keys: Sequence[str], trace: Trace, patience_s: float
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {}
    text = ""
    waited = 0.0
    looks = 0
    while len(answers) < len(keys) and waited < patience_s:
        pause = min(next_wait_s(looks), patience_s - waited)
        await asyncio.sleep(pause)
        waited, looks = waited + pause, looks + 1
        try:
            text = drop.status(name)
        except OSError as error:
            trace.came(f"status file: {error.strerror or error}")
            continue
        for record in read_status(text):
            answer = of_status(record)
            if answer is not None and record["ARCKEY"]:
                answers.setdefault(record["ARCKEY"], answer)
    trace.came(f"{name}.sta after {looks} looks\n{text[: 64 * 1024]}")
    if len(answers) >= len(keys):
        drop.forget(name)
    unknown = NoAnswer(reason=f"no status of the IDoc within {patience_s:g} s")
    return {key: answers.get(key, unknown) for key in keys}
