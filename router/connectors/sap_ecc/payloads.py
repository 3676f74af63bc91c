"""What all BAPI parameters share: extension rows, names in parts, references that must be there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.connectors.port import Delivery, Missing, SaidNo
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.idoc import Unfit
from router.connectors.sap_ecc.keys import Codes, external_key

_DIMS = (("ZZDEPT", 32), ("ZZPRACT", 32), ("ZZSRVL", 32), ("ZZKOSTL", 32))
EXTENSIONS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "BAPI_TE_KNA1": (("ZZEXTID", 70), ("ZZBUKRS", 4), ("ZZBUDAT", 8), ("ZZSTCEG", 20), ("ZZTERM", 3), ("LOEVM", 1)),
    "BAPI_TE_VBAK": (("ZZEXTID", 70), ("ZZBUDAT", 8), ("ZZBILLING", 1), ("ZZKNUMH", 10)),
    "BAPI_TE_VBAP": (("POSNR", 6), ("ZZBILLS", 1), ("ZZSRVL", 32)),
    "BAPI_TE_PROJ": (("ZZEXTID", 70), ("ZZBUDAT", 8), ("ZZKUNNR", 10), ("ZZVBELN", 10), *_DIMS),
    "BAPI_TE_MLST": (("ZZEXTID", 70),),
    "BAPI_TE_KONH": (("ZZEXTID", 70), ("ZZBUDAT", 8), ("ZZBUKRS", 4), ("ZZNAME", 60)),
    "BAPI_TE_VBRK": (("ZZEXTID", 70), ("POSID", 24)),
    "BAPI_TE_BKPF": (("ZZEXTID", 70), ("POSID", 24), ("ZFBDT", 8), ("SGTXT", 50)),
    "BAPI_TE_COBL": (("ITEMNO_ACC", 10), *_DIMS),
}  # fmt: skip
"""Customer fields by extension structure, in the order and widths agreed with this ECC installation."""
DIMENSIONS = {
    "department": "ZZDEPT",
    "practice": "ZZPRACT",
    "service_line": "ZZSRVL",
    "cost_center": "ZZKOSTL",
}
"""Canonical dimension to customer field, the same in every table and structure."""
PART = 240
"""Characters in one VALUEPART of BAPIPAREX."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its parameters."""

    function: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Source:
    """A delivery with the maps needed to write it."""

    delivery: Delivery
    codes: Codes

    @property
    def key(self) -> str:
        """What ZZEXTID holds."""
        return external_key(self.delivery.external_id)

    def company(self) -> str:
        """BUKRS of the document's legal entity; raises Unfit."""
        entity = self.delivery.document.legal_entity
        found = self.codes.company_of.get(entity, entity)
        if not 0 < len(found) <= 4:
            message = (
                f"legal entity {entity} has no company code of 4 characters; map it in options.company_codes"
            )
            raise Unfit(SaidNo(code="NO_COMPANY", message=message, field="legal_entity"))
        return found

    def tax(self, tax_code: str) -> str:
        """MWSKZ of a tax code; raises Unfit."""
        found = self.codes.tax_of.get(tax_code, "")
        if len(found) != 2:
            message = f"tax code {tax_code} has no tax code of 2 characters; map it in options.tax_codes"
            raise Unfit(SaidNo(code="NO_TAX_CODE", message=message, field="tax_code"))
        return found

    def ref(self, kind: Kind, document_id: str) -> str:
        """ECC's id of a document this one needs; raises Unfit(Missing)."""
        found = self.delivery.refs.get((kind, document_id))
        if found is None:
            raise Unfit(Missing(kind=kind, document_id=document_id))
        return found


def whole(text: str | None, width: int, field: str) -> str:
    """Text that must not be cut, such as a registration number; raises Unfit when it is too long."""
    text = text or ""
    if len(text) > width:
        raise Unfit(SaidNo(code="TOO_LONG", message=f"{field} has more than {width} characters", field=field))
    return text


def extension(structure: str, values: Mapping[str, str]) -> dict[str, str]:
    """One row of EXTENSIONIN: the fields padded, in parts of 240."""
    fields = EXTENSIONS[structure]
    text = "".join(values.get(name, "")[:width].ljust(width) for name, width in fields)
    parts = {f"VALUEPART{n + 1}": text[n * PART : (n + 1) * PART].rstrip() for n in range(4)}
    return {"STRUCTURE": structure, **parts}


def dimensions(document: object) -> dict[str, str]:
    """Customer fields of a document's (or line's) dimensions, as far as it has them."""
    return {name: getattr(document, word, None) or "" for word, name in DIMENSIONS.items()}


def day8(document: Document) -> str:
    """The accounting date in a customer field."""
    return f"{document.accounting_date:%Y%m%d}"
