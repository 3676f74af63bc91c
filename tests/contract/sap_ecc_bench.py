"""What the tests of the SAP ECC connector share: a bench with a drop folder of its own."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import fsspec

from router.canonical.documents import Document
from router.canonical.work import TimeEntry
from router.connectors.sap_ecc import connect
from router.connectors.sap_ecc.idoc import Sender
from simulators.erp.sap_ecc import SapEcc as SimulatedEcc
from tests.contract.erp_contract import DIMS, WIDER, Bench, bench

KINDS = (
    "customer", "rate_card", "contract", "project", "resource", "time_entry", "expense_item", "milestone",
    "billing_event", "invoice", "credit_memo", "payment", *sorted(WIDER),
)  # fmt: skip
SOAP = "/sap/bc/"
_drops = itertools.count(1)


def run(
    test: Callable[[Bench], Awaitable[Any]],
    *,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    secrets: dict[str, str] | None = None,
    **more: Any,
) -> Any:
    """A bench with a drop folder of its own."""

    def own_drop(config: dict[str, Any]) -> None:
        config["options"]["idoc_drop"] = f"memory://test-sap/{next(_drops)}"
        change(config)

    given = secrets or {"user": "ROUTER", "password": "a secret"}
    return bench(test, system="sap_ecc", connect=connect, secrets=given, change=own_drop, **more)


def sap(bench: Bench) -> SimulatedEcc:
    """The simulator behind the bench."""
    assert isinstance(bench.app.sim, SimulatedEcc)
    return bench.app.sim


def idoc(bench: Bench, document: Document, serial: int = 1) -> str:
    """A time entry as the text of an IDoc, as the connector writes it."""
    assert isinstance(document, TimeEntry)
    sender = Sender(client="100", logical_system="P01CLNT100", sender="COEXIST", at=bench.clock.now())
    return sender.time_entry(
        document, document.document_id, wbs="P-UK01", coding=list(DIMS.values()), serial=serial
    )


def files(bench: Bench, folder: str) -> list[str]:
    """Names in a folder of the drop."""
    system, root = fsspec.core.url_to_fs(sap(bench).ecc.config.idoc_drop)
    found = system.ls(f"{root}/{folder}", detail=False) if system.exists(f"{root}/{folder}") else []
    return sorted(path.rpartition("/")[2] for path in found)
