"""What a repair does to the journal: one delivery again, once a proposal; corrections the firm's questions leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.errors import InProgress, NotFound
from router.journal.journal import Journal
from router.journal.port import Accepted, NewJob
from router.journal.repairing import CLIENT, NOTE
from router.model import Event, LaneKey
from tests.contract.journal_kit import (
    NEW,
    OLD,
    Hands,
    drain,
    invoice,
    payment,
    submission,
    time_entry,
)
from tests.contract.test_journal_cutover import on, to

SAID = {"by": "ann", "approved_by": "bob"}


def test_a_delivery_is_sent_again_to_one_erp_and_once_a_proposal(journal_url: str) -> None:
    """Lost there, refused there or never sent there: each goes again, and the other ERP gets nothing."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 4)
        (answer,) = await journal.accept([submission(time_entry("T1"))])
        assert isinstance(answer, Accepted)
        name = answer.transaction_id
        with pytest.raises(InProgress):
            await journal.send_again(name, target=NEW, proposal="R-1", said=SAID)
        assert (await drain(journal), await drain(journal, NEW, event=Event.SAID_NO)) == (["T1"], ["T1"])
        assert await journal.send_again(name, target=NEW, proposal="R-1", said=SAID) == "sent"
        assert (await drain(journal), await drain(journal, NEW)) == ([], ["T1"])
        assert await journal.send_again(name, target=NEW, proposal="R-1", said=SAID) == "done before"
        assert await journal.send_again(name, target=NEW, proposal="R-2", said=SAID) == "sent"
        assert (await drain(journal), await drain(journal, NEW)) == ([], ["T1"])
        await to(journal, 1)
        (alone,) = await journal.accept([submission(time_entry("T2"))])
        assert isinstance(alone, Accepted)
        await drain(journal)
        assert await journal.send_again(alone.transaction_id, target=NEW, proposal="R-3", said=SAID) == "sent"
        assert (await drain(journal), await drain(journal, NEW)) == ([], ["T2"])
        with pytest.raises(NotFound):
            await journal.send_again("T000000099999", target=NEW, proposal="R-4", said=SAID)
        noted = [line["detail"]["proposal"] async for line in journal.history(what=NOTE)]
        assert noted == ["R-1", "R-2", "R-3"]

    on(journal_url, work)


def test_a_correction_of_one_erp_reaches_it_alone_and_changes_no_answer_of_the_firm(journal_url: str) -> None:
    """A payment corrected in one ERP is not paid twice: what is open, unbilled or derived leaves it out."""

    async def work(journal: Journal, _clock: Hands) -> None:
        await to(journal, 4)
        await journal.accept([submission(invoice("I1")), submission(payment("P1", "I1"))])
        await drain(journal)
        await drain(journal, NEW)
        job = NewJob(
            target=NEW, role="shadow", operation="create", external_id="P1.fix", lane=LaneKey("shadow:P1"), kind="payment"
        )  # fmt: skip
        note = {"proposal": "R-1", "role": "adds", "system": NEW}
        fixed = replace(
            submission(payment("P1.fix", "I1"), client=CLIENT, deliver=False), jobs=(job,), notes=((NOTE, note),)
        )  # fmt: skip
        await journal.accept([fixed])
        assert (await drain(journal, OLD), await drain(journal, NEW)) == ([], ["P1.fix"])
        assert [one.document.document_id for one in await journal.against("I1")] == ["P1"]
        assert [one.document.document_id for one in await journal.kept(["payment"])] == ["P1"]
        assert [row["document_id"] for row in await journal.family("payment", ["P1"])] == ["P1"]
        assert await journal.paid_minor("I1") == 10_000
        facts, _ = await journal.event_facts(0, most=100)
        assert "P1.fix" not in {(one.about.document or {}).get("document_id") for one in facts if one.about}
        assert [row["proposal"] for row in await journal.corrections()] == ["R-1"]

    on(journal_url, work)
