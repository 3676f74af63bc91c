"""SAP ECC, the legacy ERP: BAPIs over SOAP, IDoc files through a shared folder, look-ups by RFC_READ_TABLE.

On the path: delivery posts and looks up here, the dual run reads back. It must not retry, order or route; it
translates, calls once, and says what became of it. ECC's rules that shape it:

- Nothing a BAPI did counts before BAPI_TRANSACTION_COMMIT confirmed it; anything less is "no answer" (D8).
- A file of IDocs sent twice posts twice, so a file is never sent again: after no answer each document is looked up by our id
  (customer field ZZEXTID), and an IDoc that still waits in ECC counts as no answer, not as absent.
- Masters are looked up before they are written, as ECC would double them.

What the firm's codes and attributes are called in ECC stands in a mapping file (`fixtures/mappings/sap_ecc.yaml`, or
`mapping` of the system): a renamed field is a new version there and no code (`required` lists what is asked of it).

Decision: our ids live in customer fields (append structures), which an ECC installation must be given; the 16 characters of
REF_DOC_NO are too few to hold them. Price: a transport in the customer's ECC. Guarded by `tests/contract/test_sap_ecc_connector.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from router.clock import Clock
from router.connectors.mapping import read_mappings
from router.connectors.port import Connector
from router.connectors.sap_ecc.connector import MAX_BULK, SapEcc
from router.connectors.sap_ecc.drop import Drop
from router.connectors.sap_ecc.names import Names
from router.connectors.sap_ecc.wire import Wire
from router.errors import BadConfig
from router.landscape import Landscape, System
from router.model import SystemId

__all__ = ["SapEcc", "connect"]


def connect(
    system: SystemId,
    config: System,
    *,
    landscape: Landscape,
    client: httpx.AsyncClient,
    clock: Clock,
    rng: random.Random,
    secrets: Callable[[str], str],
) -> Connector:
    """A connector to one ECC client; raises BadConfig for missing credentials or options, or a mapping that can't be read.

    Options: `client`, `logical_system` (receiver), `sender` (partner number of this router), `service` (SOAP service name),
    `idoc_drop` (fsspec URL), `encoding` (utf-8 or latin-1), `company_codes` and `tax_codes` (before the mapping's).
    """
    del landscape  # codes and names are the mapping's
    for name in ("user", "password"):
        if name not in config.credentials:
            raise BadConfig(f"systems.{system}.credentials has no {name}", file="landscape")
    options = config.options
    if "idoc_drop" not in options:
        raise BadConfig(
            f"systems.{system}.options has no idoc_drop",
            file="landscape",
            mend="name the folder shared with SAP ECC, such as file:///mnt/idoc",
        )
    encoding = options.get("encoding", "utf-8")
    if encoding not in ("utf-8", "latin-1"):
        raise BadConfig(f"systems.{system}.options.encoding is neither utf-8 nor latin-1", file="landscape")
    sap_client = options.get("client", "100")
    wire = Wire(
        base_url=config.base_url,
        sap_client=sap_client,
        service=options.get("service", "zcoexist"),
        client=client,
        credentials=lambda: (secrets(config.credentials["user"]), secrets(config.credentials["password"])),
        timeout_s=config.timeout_s,
    )
    return SapEcc(
        system,
        wire=wire,
        drop=Drop(options["idoc_drop"], encoding),
        names=Names(read_mappings("sap_ecc", config.mapping), options),
        clock=clock,
        rng=rng,
        timeout_s=config.timeout_s,
        sap_client=sap_client,
        logical_system=options.get("logical_system", "P01CLNT100"),
        sender=options.get("sender", "COEXIST"),
        bulk=config.budget.bulk or MAX_BULK,
    )
