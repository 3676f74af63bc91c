"""SAP ECC 6.0, the legacy ERP: BAPIs over SOAP, IDoc files through a shared folder, tables by RFC_READ_TABLE.

The end of a transaction's path on the legacy side. It keeps ECC's habits that hurt: nothing persists without
BAPI_TRANSACTION_COMMIT, an IDoc file that comes twice posts twice, HTTP 200 says nothing about success, amounts and
days look different on every face. It must not reckon money (the shared books do) nor know the router.

Decision: function modules are described once, in `dictionary`; WSDL, request checks and responses come from it, so a
SOAP client generated from the WSDL fits by construction. Price: interfaces are cut down to what the
firm uses. Guarded by `tests/conformance/test_sap_ecc.py` with an unchanged SOAP client.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData
from simulators.erp.sap_ecc.api import SapEcc

__all__ = ["SapEcc", "build"]


def build(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
) -> SapEcc:
    """A simulator from `systems.<name>` of a landscape; raises ValueError for an option that is wrong."""
    return SapEcc(name, config, firm=firm, clock=clock, rng=rng)
