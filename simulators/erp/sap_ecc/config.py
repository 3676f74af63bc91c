"""One ECC system's settings, from `systems.<name>` of the landscape; every option has a default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.core.firm_data import FirmData

_CODES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class EccConfig:
    """Options of the landscape (`options`), read and checked."""

    client: str = "100"
    """The SAP client (mandant)."""
    logical_system: str = "P01CLNT100"
    idoc_drop: str = "memory://sap_ecc/idoc"
    """fsspec URL of the folder shared with the sender: `in/` and `status/` below it."""
    encoding: str = "utf-8"
    """Of flat files: `utf-8` or `latin-1`."""
    idoc_ms: int = 20
    """Milliseconds one IDoc takes; IDocs of a file are processed one after the other."""
    dialog_processes: int = 10
    """Calls at once; more get HTTP 503."""
    background_processes: int = 4
    """Files processed at once; more wait."""
    session_timeout_s: int = 300
    """A session idle for longer is over, and what it did not commit is lost."""
    companies: Mapping[str, str]
    """Legal entity to BUKRS, 4 characters."""
    tax_codes: Mapping[str, str]
    """Tax code to MWSKZ, 2 characters."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Customer fields this system names otherwise (`renamed_fields: ZZROLE=ZZJOBROLE`), in structures, infotypes and
    tables alike; flat structures have places, not names."""

    @property
    def entity_of(self) -> Mapping[str, str]:
        """BUKRS to legal entity."""
        return {code: entity for entity, code in self.companies.items()}

    @property
    def tax_code_of(self) -> Mapping[str, str]:
        """MWSKZ to tax code."""
        return {short: code for code, short in self.tax_codes.items()}


def read_config(config: Mapping[str, Any], firm: FirmData) -> EccConfig:
    """Reads the options; raises ValueError naming the one that is wrong."""
    options = {str(name): str(value) for name, value in (config.get("options") or {}).items()}
    numbers: dict[str, Any] = {
        name: int(options[name])
        for name in (
            "idoc_ms",
            "dialog_processes",
            "background_processes",
            "session_timeout_s",
        )
        if name in options
    }
    encoding = options.get("encoding", "utf-8")
    if encoding not in ("utf-8", "latin-1"):
        msg = f"options.encoding: {encoding!r} is neither utf-8 nor latin-1"
        raise ValueError(msg)
    texts: dict[str, Any] = {
        name: options[name] for name in ("client", "logical_system", "idoc_drop") if name in options
    }
    return EccConfig(
        **texts,
        encoding=encoding,
        companies={code: code for code in firm.entities} | pairs(options.get("company_codes", "")),
        tax_codes=default_tax_codes(tuple(firm.tax_codes)) | pairs(options.get("tax_codes", "")),
        renamed=pairs(options.get("renamed_fields", "")),
        **numbers,
    )


def default_tax_codes(codes: tuple[str, ...]) -> dict[str, str]:
    """MWSKZ by tax code where the landscape gives none: A0, A1, … in the landscape's order."""
    return {code: f"{chr(ord('A') + n // 36)}{_CODES[n % 36]}" for n, code in enumerate(codes)}


def pairs(text: str) -> dict[str, str]:
    """Reads `US01=1010 UK01=2010` (blanks or commas between)."""
    found: dict[str, str] = {}
    for part in filter(None, re.split(r"[\s,]+", text)):
        name, _, value = part.partition("=")
        if not value:
            msg = f"{part!r} is not written CODE=VALUE"
            raise ValueError(msg)
        found[name] = value
    return found
