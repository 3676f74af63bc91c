"""Customer fields of BAPIs: rows of EXTENSIONIN by structure name, fixed-width in VALUEPART1 to 4.

These structures are the installation's (append structures ZZ…); a sender must fill at least ZZEXTID, its own id
of the document, which look-ups read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulators.erp.sap_ecc.idoc import Layout, layout

DIMS = {"department": "ZZDEPT", "practice": "ZZPRACT", "service_line": "ZZSRVL", "cost_center": "ZZKOSTL"}
"""Our word for a dimension to its customer field."""
_DIMS = "ZZDEPT 32, ZZPRACT 32, ZZSRVL 32, ZZKOSTL 32"
_OWN = "ZZEXTID 70, ZZBUKRS 4, ZZBUDAT 8"
STRUCTURES: Mapping[str, Layout] = {
    "BAPI_TE_KNA1": layout(f"{_OWN}, ZZSTCEG 20, ZZTERM 3, LOEVM 1, HKUNNR 70"),
    "BAPI_TE_KNVK": layout(_OWN),
    "BAPI_TE_VBAK": layout(
        "ZZEXTID 70, ZZBUDAT 8, ZZBILLING 1, ZZKNUMH 10, ZZVERSION 4, ZZGROUP 1, ZZKURST 1, ZZKURSF 22, ZZENGAGE 64"
    ),
    "BAPI_TE_VBAP": layout("POSNR 6, ZZBILLS 1, ZZSRVL 32, ZZMARKUP 6, ZZRECOG 1, ZZBEGDA 8, ZZENDDA 8"),
    "BAPI_TE_ZVBAKV": layout(
        "ZZEXTID 70, ZZBUDAT 8, ZZVERSION 4, ZZEFFDT 8, ZZENDDA 8, POSID 24, ZZREASON 50"
    ),
    "BAPI_TE_PROJ": layout(f"ZZEXTID 70, ZZBUDAT 8, ZZKUNNR 10, ZZVBELN 10, {_DIMS}"),
    "BAPI_TE_PRPS": layout(_OWN),
    "BAPI_TE_MLST": layout("ZZEXTID 70, ZZUSAGE 1, ZZBEGDA 8, ZZENDDA 8"),
    "BAPI_TE_KONH": layout("ZZEXTID 70, ZZBUDAT 8, ZZBUKRS 4, ZZNAME 60"),
    "BAPI_TE_VBRK": layout("ZZEXTID 70, POSID 24, ZZKURSF 22"),
    "BAPI_TE_VBRKP": layout("ZZEXTID 70, POSID 24"),
    "BAPI_TE_BKPF": layout("ZZEXTID 70, POSID 24, ZFBDT 8, SGTXT 50, ZZKURSF 22, ZZREBILL 70, ZZAPPROVER 50"),
    "BAPI_TE_COBL": layout(f"ITEMNO_ACC 10, {_DIMS}"),
}


def rows_of(structure: str, extension: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The rows of one structure, cut into fields."""
    fields = STRUCTURES[structure]
    found = []
    for row in extension:
        if row.get("STRUCTURE") == structure:
            # A part that is not the last one comes with its trailing blanks cut off, as XML carries it.
            whole = "".join(row.get(f"VALUEPART{n}", "").ljust(240) for n in range(1, 5))
            found.append({name: whole[at : at + length].strip() for name, (at, length) in fields.items()})
    return found


def row_of(structure: str, extension: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The first row of a structure; blanks when there is none."""
    found = rows_of(structure, extension)
    return found[0] if found else dict.fromkeys(STRUCTURES[structure], "")


def dims_of(row: Mapping[str, str]) -> dict[str, str]:
    """Dimensions carried by customer fields, without blanks."""
    return {word: row[name] for word, name in DIMS.items() if row.get(name)}
