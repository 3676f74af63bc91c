"""Projects on SAP ECC: the buffer their BAPIs need."""

from __future__ import annotations

from typing import Any

from router.connectors.http import Trace
from router.connectors.sap_ecc import SapEcc
from router.connectors.sap_ecc.answers import Reply
from router.connectors.sap_ecc.wire import Session
from tests.contract.erp_contract import Bench
from tests.contract.sap_ecc_bench import run


def test_project_bapis_need_their_buffer() -> None:
    """Without BAPI_PS_INITIALIZATION a WBS element is refused; without BAPI_PS_PRECOMMIT the commit is."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        assert isinstance(bench.connector, SapEcc)
        wire = bench.connector._wire
        element: dict[str, Any] = {
            "I_PROJECT_DEFINITION": "P-UK01",
            "IT_WBS_ELEMENT": [{"WBS_ELEMENT": "T-X"}],
        }
        extension = {"STRUCTURE": "BAPI_TE_PRPS", "VALUEPART1": f"{'TK-X':<70}UK01"}
        call = {**element, "EXTENSIONIN": [extension]}
        reply = await wire.call("BAPI_BUS2054_CREATE_MULTI", call, Trace())
        assert isinstance(reply, Reply)
        assert reply.table("ET_RETURN")[0]["NUMBER"] == "085"
        session = Session()
        await wire.call("BAPI_PS_INITIALIZATION", {}, Trace(), session=session)
        await wire.call("BAPI_BUS2054_CREATE_MULTI", call, Trace(), session=session)
        commit = await wire.call("BAPI_TRANSACTION_COMMIT", {"WAIT": "X"}, Trace(), session=session)
        assert isinstance(commit, Reply)
        assert commit.row("RETURN")["TYPE"] == "E"
        assert bench.documents("task") == []

    run(test)
