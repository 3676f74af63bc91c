"""Flat IDoc files: control, data and status records of fixed width, one a line.

EDI_DC40 (524) and EDI_DD40 (1063) follow the fact sheet; EDI_DS40 is our reading of the status record. The
segments of time and expenses are this installation's: BAPI-like names first, then customer fields ZZ…
(unverified by nature). Widths count characters; a record that is not as long as its layout is a syntax error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.erp.sap_ecc.formats import fit

Layout = dict[str, tuple[int, int]]
"""Field to (offset, length)."""


def layout(text: str) -> Layout:
    """Reads `NAME 10, NAME 3, …` into offsets."""
    found: Layout = {}
    at = 0
    for part in text.split(","):
        name, length = part.split()
        found[name] = (at, int(length))
        at += int(length)
    return found


def width(fields: Layout) -> int:
    """Characters of a record."""
    return sum(length for _, length in fields.values())


DC40 = layout(
    "TABNAM 10, MANDT 3, DOCNUM 16, DOCREL 4, STATUS 2, DIRECT 1, OUTMOD 1, EXPRSS 1, TEST 1, IDOCTYP 30, CIMTYP 30,"
    "MESTYP 30, MESCOD 3, MESFCT 3, STD 1, STDVRS 6, STDMES 6, SNDPOR 10, SNDPRT 2, SNDPFC 2, SNDPRN 10, SNDSAD 21,"
    "SNDLAD 70, RCVPOR 10, RCVPRT 2, RCVPFC 2, RCVPRN 10, RCVSAD 21, RCVLAD 70, CREDAT 8, CRETIM 6, REFINT 14,"
    "REFGRP 14, REFMES 14, ARCKEY 70, SERIAL 20"
)
DD40 = layout("SEGNAM 30, MANDT 3, DOCNUM 16, SEGNUM 6, PSGNUM 6, HLEVEL 2, SDATA 1000")
DS40 = layout(
    "TABNAM 10, MANDT 3, DOCNUM 16, LOGDAT 8, LOGTIM 6, STATUS 2, STAMQU 3, STAMID 20, STAMNO 3, STATYP 1,"
    "STAPA1 50, STAPA2 50, STAPA3 50, STAPA4 50, STATXT 70, UNAME 12, REPID 30, ROUTID 30, SEGNUM 6, SEGFLD 30,"
    "REFINT 14, REFGRP 14, REFMES 14, ARCKEY 70"
)
SEGMENTS: Mapping[str, Layout] = {
    "E1BPCATS1": layout(
        "EMPLOYEENUMBER 8, WORKDATE 8, ACTTYPE 6, WBS_ELEMENT 24, CATSHOURS 8, UNIT 3, BUDAT 8, BILLABLE 1, PRICE 16,"
        "CURRENCY 5, SHORTTEXT 40, ZZEXTID 70, ZZRESID 64, ZZROLE 32, ZZDEPT 32, ZZPRACT 32, ZZSRVL 32, ZZKOSTL 32,"
        "ZZTASK 64, ZZADJ 70, ZZNOTES 255, ZZCOVER 1, ZZPART 70"
    ),
    "E1BPACHE09": layout("COMP_CODE 4, DOC_DATE 8, PSTNG_DATE 8, DOC_TYPE 2, REF_DOC_NO 16, HEADER_TXT 25"),
    "E1BPACGL09": layout(
        "ITEM_TEXT 50, EMPLOYEE 8, WBS_ELEMENT 24, AMT_DOCCUR 16, CURRENCY 5, BILLABLE 1, ZZEXTID 70, ZZRESID 64,"
        "ZZCATEG 32, ZZDEPT 32, ZZPRACT 32, ZZSRVL 32, ZZKOSTL 32, ZZNOTES 255, ZZBILL 16, ZZADJ 70, ZZPART 70"
    ),
    "E1BPACHE08": layout(
        "COMP_CODE 4, DOC_DATE 8, PSTNG_DATE 8, DOC_TYPE 2, REF_DOC_NO 16, HEADER_TXT 25, CURRENCY 5, ZZKURSF 22,"
        "ZZEXTID 70, ZZPURPOSE 12, ZZSOURCE 70, ZZREV 70, POSID 24, ZZTEXT 255"
    ),
    "E1BPACGL08": layout(
        "ITEMNO_ACC 10, GL_ACCOUNT 10, ITEM_TEXT 50, AMT_DOCCUR 16, TRADE_ID 6, WBS_ELEMENT 24, ZZDEPT 32, ZZPRACT 32,"
        "ZZSRVL 32, ZZKOSTL 32"
    ),
}
TIME, EXPENSE, ENTRY = "CATIMESHEETMGR_INSERT", "ACC_EMPLOYEE_EXP", "ACC_DOCUMENT"
MAX_FILE_BYTES = 32_000_000
DC40_WIDTH, DD40_WIDTH, DS40_WIDTH = width(DC40), width(DD40), width(DS40)
SDATA = DD40["SDATA"][0]
assert (DC40_WIDTH, DD40_WIDTH, SDATA) == (524, 1063, 63)


@dataclass(slots=True, kw_only=True)
class Idoc:
    """An inbound IDoc as tables EDIDC, EDIDD and EDIDS hold it. `status`: 64 ready, 53 posted, 51, 60 errors."""

    docnum: str
    mestyp: str
    arckey: str
    sender: str
    segments: list[tuple[str, str]] = field(default_factory=list)
    """(segment name, SDATA); emptied once posted."""
    status: str = "64"
    message: str = ""
    """Class and number, `F5201`."""
    variables: tuple[str, ...] = ()
    text: str = ""
    problem: str = ""
    """A syntax error found while reading the file."""


def read_file(text: str) -> list[Idoc]:
    """The IDocs of a file, without numbers yet; a control record cut short makes none, as nothing tells whose it is."""
    idocs: list[Idoc] = []
    current: Idoc | None = None
    for line in text.split("\n"):
        record = line.removesuffix("\r")
        if not record.strip():
            continue
        if record.startswith("EDI_DC40"):
            current = _control(record)
            if current is not None:
                idocs.append(current)
        elif current is not None:
            if len(record) != DD40_WIDTH:
                current.problem = (
                    f"record {len(current.segments) + 1} has {len(record)} of {DD40_WIDTH} characters"
                )
            else:
                current.segments.append((record[:30].rstrip(), record[SDATA:]))
    for idoc in idocs:
        if not idoc.segments and not idoc.problem:
            idoc.problem = "no data records"
    return idocs


def _control(record: str) -> Idoc | None:
    if len(record) != DC40_WIDTH:
        return None
    return Idoc(
        docnum="",
        mestyp=_cut(record, DC40["MESTYP"]),
        arckey=_cut(record, DC40["ARCKEY"]),
        sender=_cut(record, DC40["SNDPRN"]),
    )


def _cut(record: str, place: tuple[int, int]) -> str:
    return record[place[0] : place[0] + place[1]].strip()


def cells(segment: str, sdata: str) -> dict[str, str]:
    """The fields of a segment's data; raises KeyError for an unknown segment."""
    return {name: sdata[at : at + length].strip() for name, (at, length) in SEGMENTS[segment].items()}


def record(fields: Layout, values: Mapping[str, str]) -> str:
    """A record with these values, blanks padded."""
    return "".join(fit(values.get(name, ""), length).ljust(length) for name, (_, length) in fields.items())
