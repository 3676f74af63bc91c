"""What all BAPI parameters share: extension rows, codes, references that must be there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.connectors.port import Delivery, Missing, SaidNo
from router.connectors.sap_ecc.answers import Value
from router.connectors.sap_ecc.idoc import Unfit
from router.connectors.sap_ecc.keys import external_key
from router.connectors.sap_ecc.names import DIMENSIONS, Section, Version

_DIMS = tuple((word, 32) for word in DIMENSIONS)
_OWN = (("external_id", 70), ("company", 4), ("accounting_date", 8))
EXTENSIONS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "BAPI_TE_KNA1": (*_OWN, ("tax_registration", 20), ("payment_terms_days", 3), ("cancelled", 1), ("parent", 70)),
    "BAPI_TE_KNVK": _OWN,
    "BAPI_TE_VBAK": (
        ("external_id", 70), ("accounting_date", 8), ("billing", 1), ("rate_card", 10), ("contract_version", 4),
        ("group_by", 1), ("rate_type", 1), ("exchange_rate", 22), ("engagement", 64),
    ),
    "BAPI_TE_VBAP": (
        ("line", 6), ("bills", 1), ("service_line", 32), ("markup", 6), ("recognition", 1), ("starts", 8), ("ends", 8),
    ),
    "BAPI_TE_ZVBAKV": (
        ("external_id", 70), ("accounting_date", 8), ("contract_version", 4), ("effective", 8), ("ends", 8),
        ("project", 24), ("reason", 50),
    ),
    "BAPI_TE_PROJ": (
        ("external_id", 70), ("accounting_date", 8), ("customer", 10), ("contract", 10), *_DIMS,
    ),
    "BAPI_TE_PRPS": _OWN,
    "BAPI_TE_MLST": (("external_id", 70), ("usage", 1), ("service_from", 8), ("service_until", 8)),
    "BAPI_TE_KONH": (("external_id", 70), ("accounting_date", 8), ("company", 4), ("name", 60)),
    "BAPI_TE_VBRK": (("external_id", 70), ("project", 24), ("exchange_rate", 22)),
    "BAPI_TE_VBRKP": (("external_id", 70), ("project", 24)),
    "BAPI_TE_BKPF": (
        ("external_id", 70), ("project", 24), ("due_date", 8), ("text", 50), ("exchange_rate", 22), ("rebills", 70),
        ("approved_by", 50),
    ),
    "BAPI_TE_COBL": (("item", 10), *_DIMS),
}  # fmt: skip
"""Extension structures by attribute, in the order and widths agreed with this ECC installation: BAPIPAREX is flat, so
its fields have places, not names. An exchange rate is decimal text, as the five decimals of KURSF lose a yen's."""
PART = 240
"""Characters in one VALUEPART of BAPIPAREX."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its parameters; project BAPIs need `opens` before and `closes` after it, in one session."""

    function: str
    values: Mapping[str, Value]
    opens: str = ""
    closes: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A delivery with the version of the mapping it is written by."""

    delivery: Delivery
    names: Version
    fields: Section = field(init=False)
    """The names of the delivery's kind."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", self.names.section(self.delivery.document.kind))

    @property
    def key(self) -> str:
        """What ZZEXTID holds."""
        return external_key(self.delivery.external_id)

    @property
    def own(self) -> dict[str, str]:
        """Our id, the company and the accounting date: what most customer fields begin with."""
        return {"external_id": self.key, "company": self.company(), "accounting_date": self.day8}

    @property
    def day8(self) -> str:
        """The accounting date in a customer field."""
        return f"{self.delivery.document.accounting_date:%Y%m%d}"

    def company(self, entity: str = "") -> str:
        """BUKRS of the document's (or another) legal entity; raises Unfit, Unmapped."""
        document = self.delivery.document
        entity = entity or document.legal_entity
        found = self.names.code("entities", entity, document.accounting_date)
        if not 0 < len(found) <= 4:
            message = (
                f"legal entity {entity} has no company code of 4 characters; map it in options.company_codes"
            )
            raise Unfit(SaidNo(code="NO_COMPANY", message=message, field="legal_entity"))
        return found

    def tax(self, tax_code: str) -> str:
        """MWSKZ of a tax code; raises Unfit, Unmapped."""
        found = self.names.code("tax_codes", tax_code, self.delivery.document.accounting_date)
        if len(found) != 2:
            message = (
                f"tax code {tax_code} is {found!r} in the mapping; a tax code of SAP ECC has 2 characters"
            )
            raise Unfit(SaidNo(code="NO_TAX_CODE", message=message, field="tax_code"))
        return found

    def account(self, name: str) -> str:
        """G/L account of a name of the chart, with leading zeros; raises Unmapped."""
        return self.names.code("accounts", name, self.delivery.document.accounting_date).rjust(10, "0")

    def dimension(self, word: str, code: str | None) -> str:
        """ECC's code of a dimension; empty where there is none; raises Unmapped."""
        return self.names.dimension(word, code, self.delivery.document.accounting_date)

    def dimensions(self, part: object) -> dict[str, str]:
        """Dimensions of a document or line, as far as it has them."""
        return {word: self.dimension(word, getattr(part, word, None)) for word in DIMENSIONS}

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


def rate_text(rate: Decimal | None) -> str:
    """An exchange rate as decimal text; empty where ECC is to take its own."""
    return "" if rate is None else format(rate, "f")


def refers_to(document: Document) -> str:
    """What ZZEXTID of the document this one follows holds; empty where there is none."""
    found = document.refers_to
    return external_key(found[1]) if found else ""
