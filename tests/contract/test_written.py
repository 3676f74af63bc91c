"""Who wrote what since when, as both ERPs tell it: user, time to the second, type and our id where there is one."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from router.connectors.port import WrittenSource
from tests.contract import netsuite_bench, sap_ecc_bench
from tests.contract.erp_contract import Bench, invoice, payment

CLERK = {"user": "CLERK", "password": "hers"}


@pytest.mark.parametrize(
    ("run", "user"),
    [
        (netsuite_bench.run, "Integration"),
        (sap_ecc_bench.run, "ROUTER"),
        (partial(sap_ecc_bench.run, secrets=CLERK), "CLERK"),
    ],
    ids=["netsuite", "sap_ecc", "sap_ecc by hand"],
)
def test_a_document_is_told_with_its_user_and_time(run: Any, user: str) -> None:
    """Inside the span, of the entities asked for, oldest first; what was written before it is not told."""

    async def test(bench: Bench) -> None:
        assert isinstance(bench.connector, WrittenSource)
        await bench.chain()
        start = bench.clock.now()
        first = invoice(1)
        await bench.posted(first)
        between = bench.clock.now() + timedelta(seconds=2)
        await bench.clock.sleep_until(between + timedelta(seconds=2))
        second = payment(1, first, "120")
        await bench.posted(second)
        until = bench.clock.now() + timedelta(seconds=1)
        asked = bench.connector.written
        found = await asked(legal_entities=["UK01"], since=start, until=until)
        assert found is not None
        assert [(one.kind, one.external_id) for one in found] == [
            (one.kind, one.document_id) for one in (first, second)
        ]
        assert {(one.system, one.legal_entity, one.created_by) for one in found} == {
            (bench.connector.system, "UK01", user)
        }
        assert all(one.number and one.what and one.vendor_id for one in found)
        later = await asked(legal_entities=["UK01"], since=between, until=until)
        assert later is not None
        assert [one.external_id for one in later] == [second.document_id]
        assert list(await asked(legal_entities=["DE01"], since=start, until=until) or ()) == []

    run(test)
