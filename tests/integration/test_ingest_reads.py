"""How often accepting a batch asks the journal for masters: once a group, not once a line."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from router.canonical import Document
from router.canonical.examples import example
from router.canonical.kinds import Kind
from router.canonical.masters import Project, Resource
from router.journal.journal import Journal
from router.journal.port import Submission
from tests.bench import entries, served


def _submission(document: Document) -> Submission:
    return Submission(
        client="test", idempotency_key=document.document_id, received=b"{}", source="/test",
        event_id=document.document_id, verb="created", document=document, kind=document.kind, deliver=False,
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[Kind]:
    """Reads of documents by kind."""
    counted: Counter[Kind] = Counter()
    read = Journal.documents

    async def counting(self: Journal, kind: Kind, ids: list[str]) -> object:
        counted[kind] += 1
        return await read(self, kind, ids)

    monkeypatch.setattr(Journal, "documents", counting)
    return counted


def test_masters_nobody_knows_are_asked_for_once_a_group(tmp_path: Path, asked: Counter[Kind]) -> None:
    """Six hundred lines of unknown people on unknown projects cost one question a kind."""

    async def run() -> None:
        router = await served.gateway(f"sqlite:///{tmp_path}/journal.sqlite")
        template = entries.template()
        body = b"\n".join(entries.body(template, number) for number in range(600))
        transport = httpx.ASGITransport(router.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=None) as client:
            asked.clear()
            answer = await client.post("/v1/transactions:batch", content=body)
        assert answer.json()["accepted"] == 600
        assert asked == {"project": 1, "resource": 1}
        await router.aclose()

    asyncio.run(run())


def test_a_master_that_comes_later_is_found_after_the_group(tmp_path: Path) -> None:
    """What was not there while a group was looked at is asked for again by the next; learnt, it is found at once."""

    async def run() -> None:
        router = await served.gateway(f"sqlite:///{tmp_path}/journal.sqlite")
        directory = router.directory
        project = example("project")
        other = await served.gateway(f"sqlite:///{tmp_path}/journal.sqlite")
        with other.directory.group():
            assert await other.directory.find(Project, project.document_id) is None
            await router.journal.accept([_submission(project)])
            assert await other.directory.find(Project, project.document_id) is None
        assert await other.directory.find(Project, project.document_id) == project
        with directory.group():
            assert await directory.find(Resource, "R-100") is None
            directory.learn([example("resource")])  # as accepted by this process while the group is open
            assert await directory.find(Resource, "R-100") == example("resource")
        await other.aclose()
        await router.aclose()

    asyncio.run(run())
