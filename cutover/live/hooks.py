"""Asks hooks: an executable or a URL that is told what is about to happen and may veto it.

Nobody's word is waited for longer than the hook's time-out, and no answer is a no: what guards a weekend and can't
be reached does not let it pass. As gh-ost does it, facts are in the environment (COEXIST_*); all of them are JSON on
the standard input, or the body of the request.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from cutover.plan.steps import Hook
from cutover.runner.port import Veto

MOST_READ = 65_536
"""Bytes of an answer that are looked at; more of an executable's output is read and thrown away."""
MOST_WHY = 500
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
"""What an executable gets of our environment: never a credential."""
TOLD = {
    "COEXIST_RUN": "run", "COEXIST_STEP": "id", "COEXIST_KIND": "kind", "COEXIST_WAVE": "wave", "COEXIST_MODE": "mode",
    "COEXIST_WHEN": "when", "COEXIST_PLAN": "plan", "COEXIST_PROGRESS": "progress", "COEXIST_OWNER": "owner",
}  # fmt: skip


async def ask(hook: Hook, facts: Mapping[str, Any]) -> Veto | None:
    """Ask a hook, its executable and its URL where it has both; None: all agree."""
    if not hook.run and hook.url is None:
        return Veto("nobody", "the hook names neither an executable nor a URL")
    if hook.run and (veto := await _executable(hook, facts)) is not None:
        return veto
    return None if hook.url is None else await _url(hook, hook.url, facts)


def ask_standing_still(hook: Hook, facts: Mapping[str, Any]) -> Veto | None:
    """The same for a rehearsal: virtual time stands while the hook is asked, on a loop of its own."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(lambda: asyncio.run(ask(hook, facts))).result()


async def _executable(hook: Hook, facts: Mapping[str, Any]) -> Veto | None:
    name = os.path.basename(hook.run[0])  # noqa: PTH119 - a word for people, no path that is opened
    try:
        process = await asyncio.create_subprocess_exec(
            *hook.run,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(facts),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Veto(name, f"it can't be run: {error}"[:MOST_WHY])
    try:
        async with asyncio.timeout(hook.timeout_s):
            said, _ = await asyncio.gather(_read(process), _write(process, orjson.dumps(facts)))
            code = await process.wait()
    except TimeoutError:
        return Veto(name, f"no answer within {hook.timeout_s} s")
    finally:
        # The whole group: a child it left behind would outlive the answer it was asked for.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return None if code == 0 else Veto(name, cleaned(said) or f"it ended with {code}")


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    kept = b""
    while part := await process.stdout.read(8192):
        kept += part[: max(0, MOST_READ - len(kept))]
    return kept


async def _write(process: asyncio.subprocess.Process, text: bytes) -> None:
    assert process.stdin is not None
    # One that does not listen may still agree.
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text)
        await process.stdin.drain()
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
        await process.stdin.wait_closed()


def environment(facts: Mapping[str, Any]) -> dict[str, str]:
    """What an executable finds in its environment."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {name: str(facts.get(key, "")) for name, key in TOLD.items()}


async def _url(hook: Hook, url: str, facts: Mapping[str, Any]) -> Veto | None:
    try:
        name = urlsplit(url).hostname or url[:80]
    except ValueError as error:
        return Veto(url[:80], f"it is no address: {error}")
    try:
        async with asyncio.timeout(hook.timeout_s):
            async with (
                httpx.AsyncClient(follow_redirects=False, timeout=hook.timeout_s, trust_env=False) as http,
                http.stream(
                    "POST", url, content=orjson.dumps(facts), headers={"content-type": "application/json"}
                ) as answer,
            ):
                said = b""
                async for part in answer.aiter_bytes():
                    said += part
                    if len(said) >= MOST_READ:
                        break
    except TimeoutError:
        return Veto(name, f"no answer within {hook.timeout_s} s")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return Veto(name, f"it can't be reached: {type(error).__name__} {error}"[:MOST_WHY])
    if answer.is_success:
        return None
    return Veto(name, _why(said) or f"it answered {answer.status_code}")


def _why(said: bytes) -> str:
    try:
        body = orjson.loads(said)
    except orjson.JSONDecodeError:
        return cleaned(said)
    why = body.get("why", "") if isinstance(body, dict) else ""
    return cleaned(why.encode("utf-8", "replace")) if isinstance(why, str) else ""


def cleaned(said: bytes) -> str:
    """An answer's words on one line, bounded, without control characters."""
    text = said.decode("utf-8", "replace")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:MOST_WHY]
