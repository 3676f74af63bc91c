"""The tables of one system, by name. BSEG and KONV are cluster tables: RFC_READ_TABLE cannot see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.erp.sap_ecc.agreement_tables import agreement_tables
from simulators.erp.sap_ecc.billing_tables import billing_tables
from simulators.erp.sap_ecc.general_ledger import faglflexa
from simulators.erp.sap_ecc.master_tables import master_tables
from simulators.erp.sap_ecc.open_items import bkpf, bsid, bsis
from simulators.erp.sap_ecc.table import Table
from simulators.erp.sap_ecc.work_tables import catsdb, covp, edidc, mlst

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


def tables(ecc: Ecc) -> dict[str, Table]:
    """Every table by name, its columns as this system names them."""
    found = {
        **master_tables(ecc),
        **agreement_tables(ecc),
        "CATSDB": catsdb(ecc),
        "COVP": covp(ecc),
        "MLST": mlst(ecc),
        **billing_tables(ecc),
        "BKPF": bkpf(ecc),
        "BSID": bsid(ecc, cleared=False),
        "BSAD": bsid(ecc, cleared=True),
        "BSIS": bsis(ecc),
        "FAGLFLEXA": faglflexa(ecc),
        "EDIDC": edidc(ecc),
    }
    return {name: table.named(ecc.config.renamed) for name, table in found.items()}
